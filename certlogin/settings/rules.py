"""Who needs a certificate, from when on; what a unit without a registered certificate owes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Stage(StrEnum):
    #: Decide and log, change nothing.
    REPORT = "report"
    #: The user may skip it a number of times.
    ADVISE = "advise"
    ENFORCE = "enforce"


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
class HelperRule:
    """Which helpers may take part."""

    minimum: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class LegacyRule:
    """Which keys must be renewed in place or by post. Off unless a stage is given."""

    stage: Stage = Stage.REPORT
    #: Keys applied for before it are legacy: 2017-12-01 00:00 Asia/Shanghai, and December 2017 counts as after.
    cut_off: datetime | None = None
    #: Models a helper may claim that choose the postal page.
    by_post: tuple[str, ...] = ("01", "03")


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
    helper: HelperRule = HelperRule()
    legacy: LegacyRule = LegacyRule()
    adoption: Adoption = Adoption()
    enrolment: EnrolmentWindow = EnrolmentWindow()
    #: Days before the end of a certificate from which on renewal is offered.
    renew_days: int = 90
