"""What the policy may look at, value by value, and cases put together from it.

A `Situation` also says in plain words what was chosen (`asked`, `window_open`, `old_key`), so that the promises need
not work it out as the policy does.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import islice, product

from certlogin.login.policy import Case, Presented, Version
from certlogin.login.rules import Requirement
from certlogin.records.certificate import BoundCertificate, CertificateFacts, KeyType, Slot, State
from certlogin.records.helper import HelperReport, HelperState
from certlogin.records.unit import EXEMPT, Unit, UnitId
from certlogin.settings.helpers import BlockedBuild, HelperRule
from certlogin.settings.rules import (
    Adoption,
    EnrolmentWindow,
    RequireRule,
    Rules,
    Stage,
    Unregistered,
)
from certlogin.settings.upgrades import KeyCondition, UpgradeAction, UpgradeRule
from tests.factory import DAY, NOW, OTHER_CODE, UNIT_CODE

ROSTER = "一套表"
UNIT, OTHER_UNIT = UnitId("unit-1"), UnitId("unit-2")
SKIPS = 3
BELOW, MINIMUM, ABOVE, BLOCKED = (1, 5, 0, 9), (1, 5, 1, 0), (1, 10, 0, 0), (1, 9, 0, 0)
#: A token that can hold the new key.
GOOD_MODEL = "3000GM"
CUT_OFF = NOW - 365 * DAY
#: notBefore of every certificate here; both dates of application lie on either side of the cut-off.
NOT_BEFORE, APPLIED_BEFORE, APPLIED_AFTER = CUT_OFF + 5 * DAY, CUT_OFF - DAY, CUT_OFF
LATER, DUE, LAST_MOMENT, PAST = NOW + 200 * DAY, NOW + 90 * DAY, NOW, NOW - DAY / 86400

UNITS = {
    "unknown": None,
    "no tag": Unit(UNIT, "甲", UNIT_CODE),
    "tag": Unit(UNIT, "甲", UNIT_CODE, frozenset({ROSTER})),
    "exempt": Unit(UNIT, "甲", UNIT_CODE, frozenset({EXEMPT, ROSTER})),
    "no code": Unit(UNIT, "甲", "", frozenset({ROSTER})),
}
#: The states of the unit's rows, first the one that `own` presents.
HOLDINGS: dict[str, tuple[State, ...]] = {
    "none": (),
    **{state.value: (state,) for state in State},
    "pair": (State.ACTIVE, State.ACTIVE),
    "renewed": (State.ACTIVE, State.SUPERSEDED),
    "active and lost": (State.ACTIVE, State.REVOKED),
    "lost and active": (State.REVOKED, State.ACTIVE),
    "both gone": (State.REVOKED, State.EXPIRED),
}
#: Certificates beside those of the registry: name, key, unit code, and who the registry holds the key for.
STRANGERS: dict[str, tuple[str, str, str | None, UnitId | None]] = {
    "theirs": ("theirs", "theirs", UNIT_CODE, OTHER_UNIT),
    "own key": ("again", "own 0", UNIT_CODE, UNIT),
    "equal code": ("new", "new", UNIT_CODE, None),
    "other code": ("new", "new", OTHER_CODE, None),
    "no code": ("new", "new", None, None),
}
HELPERS: dict[str, HelperReport | None] = {
    "none": None,
    **{state.value: HelperReport(state) for state in HelperState if state is not HelperState.READY},
    "silent": HelperReport(HelperState.READY),
    "absent with a version": HelperReport(HelperState.NOT_RUNNING, (1, 5, 1, 0)),
    "below": HelperReport(HelperState.READY, BELOW),
    "at": HelperReport(HelperState.READY, MINIMUM),
    "above": HelperReport(HelperState.READY, ABOVE),
    "blocked": HelperReport(HelperState.READY, BLOCKED),
}
WINDOWS = {
    "always": EnrolmentWindow(),
    "open": EnrolmentWindow(NOW, NOW + DAY),
    "not yet": EnrolmentWindow(NOW + DAY / 86400, None),
    "closed": EnrolmentWindow(None, NOW),
}
#: How a unit of the roster is asked: by a rule in force or not yet, or by the host's own callable.
RULES_OF_TAG = {f"rule {stage} {when}": (stage, when) for stage in Stage for when in ("now", "later")}
CALLABLES: dict[str, Stage | None] = {"callable none": None, **{f"callable {stage}": stage for stage in Stage}}
ASKING = (*RULES_OF_TAG, *CALLABLES)


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of every input; the defaults are a unit of the roster that downloads its first certificate."""

    unit: str = "tag"
    holding: str = "none"
    #: "" presents nothing, "own" the first row's certificate, else a name of `STRANGERS`.
    presented: str = ""
    settled: bool = True
    signed_with: Version | None = MINIMUM
    helper: str = "at"
    granted: bool = False
    under_way: bool = False
    skipped: int = 0
    asking: str = "rule enforce now"
    adoption: Unregistered = Unregistered.ISSUE
    window: str = "always"
    legacy: Stage = Stage.REPORT
    cut_off: datetime | None = CUT_OFF
    applied_on: datetime | None = None
    action: UpgradeAction = UpgradeAction.UPGRADE
    model: str | None = None
    ends: datetime = LATER


@dataclass(frozen=True, slots=True)
class Situation:
    case: Case
    rules: Rules
    #: How strictly the unit is asked for a certificate now; None: not at all.
    asked: Stage | None
    window_open: bool
    #: The own key was applied for before the cut-off.
    old_key: bool


def situation(choice: Choice) -> Situation:
    unit = UNITS[choice.unit]
    rows = rows_of(choice.holding, choice.ends, choice.applied_on)
    case = Case(
        unit=unit,
        registered=rows,
        presented=_presented(choice, rows),
        helper=HELPERS[choice.helper],
        granted=choice.granted,
        replacement_under_way=choice.under_way,
        skipped=choice.skipped,
        judged=_judged(choice, unit),
    )
    rules = rules_of(choice.asking, choice.adoption, choice.window, choice.legacy, choice.cut_off, choice.action)
    old = choice.cut_off is not None and choice.applied_on == APPLIED_BEFORE
    return Situation(case, rules, _asked(choice), choice.window in ("always", "open"), old)


def facts(
    name: str,
    key: str,
    unit_code: str | None = UNIT_CODE,
    not_after: datetime = LATER,
    not_before: datetime = NOT_BEFORE,
) -> CertificateFacts:
    return CertificateFacts(
        der=name.encode(),
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        spki_sha256=hashlib.sha256(key.encode()).hexdigest(),
        issuer="CN=CA",
        subject="CN=甲",
        issuer_sha256="00" * 32,
        serial="1",
        key_type=KeyType.P256,
        key_bits=256,
        not_before=not_before,
        not_after=not_after,
        unit_code=unit_code,
        unique_id=None,
    )


@cache
def rows_of(holding: str, ends: datetime, applied_on: datetime | None) -> tuple[BoundCertificate, ...]:
    return tuple(
        BoundCertificate(
            unit_id=UNIT,
            facts=facts(f"own {number}", f"own {number}", not_after=ends),
            slot=Slot.REPLACEMENT if number else Slot.CURRENT,
            state=state,
            bound_at=NOT_BEFORE,
            bound_by="enrol",
            applied_on=applied_on,
        )
        for number, state in enumerate(HOLDINGS[holding])
    )


@cache
def rules_of(
    asking: str,
    adoption: Unregistered,
    window: str,
    legacy: Stage,
    cut_off: datetime | None,
    action: UpgradeAction = UpgradeAction.UPGRADE,
) -> Rules:
    stage, when = RULES_OF_TAG.get(asking, (Stage.ENFORCE, "now"))
    begins = NOW if when == "now" else NOW + DAY / 86400
    return Rules(
        require=(RequireRule("roster", ROSTER, stage, begins, SKIPS),),
        helper=HelperRule(MINIMUM, blocked=(BlockedBuild(BLOCKED, "loses its keys"),)),
        upgrade=() if cut_off is None else (upgrade_of(legacy, cut_off, action),),
        adoption=Adoption(adoption),
        enrolment=WINDOWS[window],
    )


def upgrade_of(stage: Stage, cut_off: datetime, action: UpgradeAction = UpgradeAction.UPGRADE) -> UpgradeRule:
    models = (GOOD_MODEL,) if action is UpgradeAction.UPGRADE else ()
    return UpgradeRule("old keys", action, (KeyCondition(applied_before=cut_off),), stage, models=models)


def choices(base: Choice, step: int = 1, **values: Sequence[object]) -> Iterator[Choice]:
    """Every combination of `values`, or one of `step`; the rest as in `base`."""
    for chosen in islice(product(*values.values()), 0, None, step):
        yield replace(base, **dict(zip(values, chosen, strict=True)))  # type: ignore[arg-type]


def _presented(choice: Choice, rows: tuple[BoundCertificate, ...]) -> Presented | None:
    if choice.presented == "" or (choice.presented == "own" and not rows):
        return None
    found, bound_to = _stranger(choice.presented, choice.ends) if choice.presented != "own" else (rows[0].facts, UNIT)
    return Presented(found, choice.settled, bound_to, choice.signed_with, choice.model)


@cache
def _stranger(name: str, ends: datetime) -> tuple[CertificateFacts, UnitId | None]:
    certificate, key, code, holder = STRANGERS[name]
    return facts(certificate, key, code, ends), holder


def _judged(choice: Choice, unit: Unit | None) -> tuple[Requirement | None] | None:
    if choice.asking not in CALLABLES or unit is None:
        return None
    stage = CALLABLES[choice.asking]
    return (None if stage is None else Requirement("callable", stage, SKIPS),)


def _asked(choice: Choice) -> Stage | None:
    if choice.asking in CALLABLES:
        return CALLABLES[choice.asking]
    stage, when = RULES_OF_TAG[choice.asking]
    return stage if choice.unit in ("tag", "no code") and when == "now" else None
