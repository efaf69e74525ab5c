"""Which requirement a unit falls under.

PURE: matches a unit against the rules at a moment. It knows nothing of certificates, attempts or pages.
"""

from dataclasses import dataclass
from datetime import datetime

from certlogin.records.unit import EXEMPT, Unit
from certlogin.settings.rules import RequireRule, Rules, Stage

_STRICTNESS = {Stage.REPORT: 0, Stage.ADVISE: 1, Stage.ENFORCE: 2}


@dataclass(frozen=True, slots=True)
class Requirement:
    """Why this unit needs a certificate, and how strictly."""

    #: The name of the rule; a host's own callable names its reason here.
    rule: str
    stage: Stage
    #: For `Stage.ADVISE`: how often the user may go on without.
    skips: int = 0


def match(unit: Unit, rules: Rules, now: datetime) -> Requirement | None:
    """The strictest requirement whose tag the unit carries and whose date has come; None: needs no certificate."""
    if EXEMPT in unit.tags:
        return None
    found = [_requirement(rule) for rule in rules.require if rule.tag in unit.tags and _in_force(rule, now)]
    return max(found, key=lambda requirement: _STRICTNESS[requirement.stage], default=None)


def _in_force(rule: RequireRule, now: datetime) -> bool:
    return rule.from_ is None or now >= rule.from_


def _requirement(rule: RequireRule) -> Requirement:
    return Requirement(rule.name, rule.stage, rule.skips if rule.stage is Stage.ADVISE else 0)
