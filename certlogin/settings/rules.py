"""Who needs a certificate, from when on; what a unit without a registered certificate owes; which keys are too old."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from certlogin.settings.helpers import HelperRule
from certlogin.settings.stages import Stage as Stage
from certlogin.settings.upgrades import UpgradeRule


class Unregistered(StrEnum):
    """What a unit owes that needs a certificate and has no row in the registry."""

    #: Download one.
    ISSUE = "issue"
    #: Prove one issued elsewhere whose unit code equals the unit's (A11).
    MATCH = "match"
    #: Prove one issued elsewhere and bind it.
    BIND = "bind"


@dataclass(frozen=True, slots=True)
class RequireRule:
    """A unit that carries `tag` needs a certificate."""

    name: str
    tag: str
    stage: Stage = Stage.ENFORCE
    #: Aware; a date in the file means 00:00 in Asia/Shanghai. None: from ever.
    from_: datetime | None = None
    #: For `advise`: how often the user may go on without.
    skips: int = 3


@dataclass(frozen=True, slots=True)
class Adoption:
    unregistered: Unregistered = Unregistered.ISSUE


@dataclass(frozen=True, slots=True)
class EnrolmentWindow:
    """When a unit may download its first certificate on its password alone. None: always."""

    opens: datetime | None = None
    closes: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    require: tuple[RequireRule, ...] = ()
    helper: HelperRule = field(default_factory=HelperRule)
    #: Of several that hold, the strictest counts; of equally strict ones the first.
    upgrade: tuple[UpgradeRule, ...] = ()
    adoption: Adoption = Adoption()
    enrolment: EnrolmentWindow = EnrolmentWindow()
    #: Days before the end of a certificate from which on renewal is offered.
    renew_days: int = 90
