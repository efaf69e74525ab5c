"""The decisions that users know by name, one row each. The product of all inputs is in `test_policy_product.py`."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import pytest

from certlogin.login.policy import Case, Decision, Presented, Reason, Step, decide
from certlogin.login.upgrades import Owed, find_upgrade
from certlogin.records.certificate import BoundCertificate, Slot, State
from certlogin.records.identity import Method
from certlogin.records.unit import Unit
from certlogin.settings.rules import Rules, Stage, Unregistered
from certlogin.settings.upgrades import UpgradeAction, UpgradeRule
from tests.companions import allows, without
from tests.factory import DAY, NOW
from tests.login.cases import (
    APPLIED_AFTER,
    APPLIED_BEFORE,
    BELOW,
    BLOCKED,
    CUT_OFF,
    DUE,
    LAST_MOMENT,
    LATER,
    NOT_BEFORE,
    PAST,
    SKIPS,
    UNIT,
    UNITS,
    Choice,
    facts,
    rules_of,
    situation,
)

ROW = Choice()
PROOF = Choice(holding="active", presented="own")
OLD = replace(PROOF, legacy=Stage.ENFORCE, applied_on=APPLIED_BEFORE)
MATCH, BIND = Unregistered.MATCH, Unregistered.BIND
REQUIRED, ADVISED = Reason.REQUIRED, Reason.ADVISED

TABLE: list[tuple[str, Choice, Step, tuple[Reason, ...]]] = [
    # who is asked at all
    ("a2 outside the roster", replace(ROW, unit="no tag"), Step.ADMIT, (Reason.NOT_REQUIRED,)),
    ("a2 an operator", replace(ROW, unit="exempt"), Step.ADMIT, (Reason.NOT_REQUIRED,)),
    ("a2 a rule of tomorrow", replace(ROW, asking="rule enforce later"), Step.ADMIT, (Reason.NOT_REQUIRED,)),
    ("a2 a report", replace(ROW, asking="rule report now"), Step.ADMIT, (Reason.REPORT_ONLY,)),
    ("unknown unit", replace(ROW, unit="unknown"), Step.REFUSE, (Reason.UNIT_UNKNOWN,)),
    ("the callable asks", replace(ROW, unit="exempt", asking="callable enforce"), Step.GET_CERTIFICATE,
     (REQUIRED, Reason.FIRST_CERTIFICATE)),
    ("the callable does not ask", replace(ROW, asking="callable none"), Step.ADMIT, (Reason.NOT_REQUIRED,)),
    # the first certificate
    ("a3 no helper seen", replace(ROW, helper="none"), Step.GET_HELPER,
     (Reason.HELPER_UNKNOWN, REQUIRED, Reason.FIRST_CERTIFICATE)),
    ("a3 an old helper", replace(ROW, helper="below"), Step.UPDATE_HELPER,
     (Reason.HELPER_OUTDATED, REQUIRED, Reason.FIRST_CERTIFICATE)),
    ("a3 a helper that names no version", replace(ROW, helper="silent"), Step.GET_HELPER,
     (Reason.HELPER_UNKNOWN, REQUIRED, Reason.FIRST_CERTIFICATE)),
    ("a3 a version without a helper", replace(ROW, helper="absent with a version"), Step.GET_HELPER,
     (Reason.HELPER_UNKNOWN, REQUIRED, Reason.FIRST_CERTIFICATE)),
    ("a3 a refusal needs no helper", replace(ROW, window="closed", helper="none"), Step.REFUSE,
     (Reason.ENROLMENT_CLOSED, REQUIRED)),
    ("a3 the download", ROW, Step.GET_CERTIFICATE, (REQUIRED, Reason.FIRST_CERTIFICATE)),
    ("a3 before its window", replace(ROW, window="not yet"), Step.REFUSE, (Reason.ENROLMENT_CLOSED, REQUIRED)),
    ("a3 after its window", replace(ROW, window="closed"), Step.REFUSE, (Reason.ENROLMENT_CLOSED, REQUIRED)),
    ("a3 let in after the window", replace(ROW, window="closed", granted=True), Step.GET_CERTIFICATE,
     (REQUIRED, Reason.OPERATOR_ALLOWED)),
    # a second one
    ("s12 after a revocation", replace(ROW, holding="revoked"), Step.REFUSE, (Reason.REISSUE_REQUIRED, REQUIRED)),
    ("s12 after an expiry", replace(ROW, holding="expired"), Step.REFUSE, (Reason.REISSUE_REQUIRED, REQUIRED)),
    ("s12 allowed by an operator", replace(ROW, holding="revoked", granted=True), Step.GET_CERTIFICATE,
     (REQUIRED, Reason.OPERATOR_ALLOWED)),
    # holders
    ("a4 the chooser", replace(ROW, holding="active"), Step.PROVE_KEY, (Reason.PROVE_WHEN_BOUND,)),
    ("a4 no helper seen", replace(ROW, holding="active", helper="none"), Step.GET_HELPER,
     (Reason.HELPER_UNKNOWN, Reason.PROVE_WHEN_BOUND)),
    ("s13 the tag is lost", replace(ROW, holding="active", unit="no tag"), Step.PROVE_KEY,
     (Reason.PROVE_WHEN_BOUND,)),
    ("s13 exempt", replace(ROW, holding="active", unit="exempt"), Step.PROVE_KEY, (Reason.PROVE_WHEN_BOUND,)),
    ("s13 a report", replace(ROW, holding="active", asking="rule report now"), Step.PROVE_KEY,
     (Reason.PROVE_WHEN_BOUND,)),
    ("s13 the callable says no", replace(ROW, holding="active", asking="callable none"), Step.PROVE_KEY,
     (Reason.PROVE_WHEN_BOUND,)),
    ("s13 advised with skips left", replace(ROW, holding="active", asking="rule advise now"), Step.PROVE_KEY,
     (Reason.PROVE_WHEN_BOUND,)),
    ("s13 granted another", replace(ROW, holding="active", granted=True), Step.PROVE_KEY, (Reason.PROVE_WHEN_BOUND,)),
    ("s13 no tag, nothing held", replace(ROW, unit="no tag", holding="revoked"), Step.ADMIT, (Reason.NOT_REQUIRED,)),
    ("f2 the only one ends now", replace(ROW, holding="active", ends=LAST_MOMENT), Step.PROVE_KEY,
     (Reason.PROVE_WHEN_BOUND,)),
    ("f2 the only one has ended", replace(ROW, holding="active", ends=PAST), Step.RENEW_CERTIFICATE,
     (Reason.CERTIFICATE_EXPIRED,)),
    # proofs
    ("a4 proven", PROOF, Step.ADMIT, (Reason.PROVEN,)),
    ("a4 the new one of a pair", replace(PROOF, holding="pair"), Step.ADMIT, (Reason.PROVEN,)),
    ("f1 due for renewal", replace(PROOF, ends=DUE), Step.ADMIT, (Reason.PROVEN, Reason.RENEWAL_DUE)),
    ("f1 the day before", replace(PROOF, ends=DUE + DAY / 86400), Step.ADMIT, (Reason.PROVEN,)),
    ("f1 the last moment", replace(PROOF, ends=LAST_MOMENT), Step.ADMIT, (Reason.PROVEN, Reason.RENEWAL_DUE)),
    ("f2 ended", replace(PROOF, ends=PAST), Step.RENEW_CERTIFICATE, (Reason.CERTIFICATE_EXPIRED,)),
    ("f2 known as ended", replace(PROOF, holding="expired"), Step.RENEW_CERTIFICATE, (Reason.CERTIFICATE_EXPIRED,)),
    ("revoked", replace(PROOF, holding="revoked"), Step.REFUSE, (Reason.CERTIFICATE_REVOKED,)),
    ("s16 revoked and ended", replace(PROOF, holding="revoked", ends=PAST), Step.REFUSE,
     (Reason.CERTIFICATE_REVOKED,)),
    ("superseded", replace(PROOF, holding="superseded"), Step.REFUSE, (Reason.CERTIFICATE_SUPERSEDED,)),
    ("revoked beside an active one", replace(PROOF, holding="lost and active"), Step.REFUSE,
     (Reason.CERTIFICATE_REVOKED,)),
    ("another unit's", replace(PROOF, presented="theirs"), Step.REFUSE, (Reason.CERTIFICATE_OF_ANOTHER_UNIT,)),
    ("revocation not settled", replace(PROOF, settled=False), Step.AWAIT_REVOCATION, (Reason.REVOCATION_PENDING,)),
    ("signed with an old helper", replace(PROOF, signed_with=BELOW), Step.UPDATE_HELPER, (Reason.HELPER_OUTDATED,)),
    ("signed with a blocked helper", replace(PROOF, signed_with=BLOCKED), Step.UPDATE_HELPER,
     (Reason.HELPER_BLOCKED,)),
    ("a3 a blocked helper", replace(ROW, helper="blocked"), Step.UPDATE_HELPER,
     (Reason.HELPER_BLOCKED, REQUIRED, Reason.FIRST_CERTIFICATE)),
    ("signed with a vendor's", replace(PROOF, signed_with=None), Step.ADMIT, (Reason.PROVEN,)),
    # certificates from elsewhere
    ("a11 asked for its key", replace(ROW, adoption=MATCH), Step.PROVE_KEY, (REQUIRED, Reason.ADOPT_BY_MATCH)),
    ("a11 the code is the unit's", replace(ROW, adoption=MATCH, presented="equal code"), Step.BIND_CERTIFICATE,
     (Reason.ADOPT_BY_MATCH,)),
    ("a11 another code", replace(ROW, adoption=MATCH, presented="other code"), Step.REFUSE,
     (Reason.CERTIFICATE_OF_ANOTHER_UNIT,)),
    ("d7 no code in it", replace(ROW, adoption=MATCH, presented="no code"), Step.REFUSE,
     (Reason.CERTIFICATE_WITHOUT_CODE,)),
    ("d7 the unit has no code", replace(ROW, adoption=MATCH, unit="no code", presented="equal code"), Step.REFUSE,
     (Reason.UNIT_WITHOUT_CODE,)),
    ("a11 signed with an old helper", replace(ROW, adoption=MATCH, presented="equal code", signed_with=BELOW),
     Step.UPDATE_HELPER, (Reason.HELPER_OUTDATED,)),
    ("d1 signed with a blocked helper", replace(ROW, adoption=BIND, presented="no code", signed_with=BLOCKED),
     Step.UPDATE_HELPER, (Reason.HELPER_BLOCKED,)),
    ("a11 ends now", replace(ROW, adoption=MATCH, presented="equal code", ends=LAST_MOMENT), Step.BIND_CERTIFICATE,
     (Reason.ADOPT_BY_MATCH,)),
    ("a11 ended", replace(ROW, adoption=MATCH, presented="equal code", ends=PAST), Step.REFUSE,
     (Reason.CERTIFICATE_EXPIRED,)),
    ("a11 revocation not settled", replace(ROW, adoption=MATCH, presented="equal code", settled=False),
     Step.AWAIT_REVOCATION, (Reason.REVOCATION_PENDING,)),
    ("a11 nobody asks", replace(ROW, adoption=MATCH, unit="no tag", presented="equal code"), Step.REFUSE,
     (Reason.CERTIFICATE_NOT_REGISTERED,)),
    ("a11 a report changes nothing", replace(ROW, adoption=MATCH, asking="rule report now", presented="equal code"),
     Step.REFUSE, (Reason.CERTIFICATE_NOT_REGISTERED,)),
    ("a11 not offered", replace(ROW, presented="equal code"), Step.REFUSE, (Reason.CERTIFICATE_NOT_REGISTERED,)),
    ("s15 beside an active one", replace(ROW, adoption=MATCH, holding="active", presented="equal code"), Step.REFUSE,
     (Reason.CERTIFICATE_NOT_REGISTERED,)),
    ("s15 a key the registry knows", replace(ROW, adoption=MATCH, holding="revoked", presented="own key"), Step.REFUSE,
     (Reason.CERTIFICATE_NOT_REGISTERED,)),
    ("s15 after a revocation", replace(ROW, adoption=MATCH, holding="revoked", presented="equal code"),
     Step.BIND_CERTIFICATE, (Reason.ADOPT_BY_MATCH,)),
    ("d1 asked to bind", replace(ROW, adoption=BIND), Step.PROVE_KEY, (REQUIRED, Reason.ADOPT_BY_BINDING)),
    ("d1 binds", replace(ROW, adoption=BIND, presented="no code"), Step.BIND_CERTIFICATE, (Reason.ADOPT_BY_BINDING,)),
    # legacy keys
    ("e1 a replacement goes by post", replace(OLD, action=UpgradeAction.REPLACE, model="3000GM"), Step.REPLACE_KEY,
     (Reason.LEGACY_KEY,)),
    ("e1 model 01 goes by post", replace(OLD, model="01"), Step.REPLACE_KEY, (Reason.LEGACY_KEY,)),
    ("e1 model 03 goes by post", replace(OLD, model="03"), Step.REPLACE_KEY, (Reason.LEGACY_KEY,)),
    ("e1 3000GM in place", replace(OLD, model="3000GM"), Step.UPGRADE_KEY, (Reason.LEGACY_KEY,)),
    ("e1 model unknown", OLD, Step.REPLACE_KEY, (Reason.LEGACY_KEY,)),
    ("a key to be renewed", replace(OLD, action=UpgradeAction.RENEW), Step.RENEW_CERTIFICATE,
     (Reason.RENEWAL_REQUIRED,)),
    ("a key that is not taken any more", replace(OLD, action=UpgradeAction.REFUSE), Step.REFUSE,
     (Reason.KEY_REFUSED,)),
    ("no replacement helps a key that is not taken", replace(OLD, action=UpgradeAction.REFUSE, under_way=True),
     Step.REFUSE, (Reason.KEY_REFUSED,)),
    ("e1 reported", replace(OLD, legacy=Stage.REPORT), Step.ADMIT, (Reason.PROVEN, Reason.LEGACY_REPORTED)),
    ("e1 applied at the cut-off", replace(OLD, applied_on=APPLIED_AFTER), Step.ADMIT, (Reason.PROVEN,)),
    ("e1 application unknown, issued after", replace(OLD, applied_on=None), Step.ADMIT, (Reason.PROVEN,)),
    ("e1 application unknown, issued before", replace(OLD, applied_on=None, cut_off=NOT_BEFORE + DAY),
     Step.REPLACE_KEY, (Reason.LEGACY_KEY,)),
    ("e4 while the new one is made", replace(OLD, under_way=True), Step.ADMIT,
     (Reason.PROVEN, Reason.REPLACEMENT_UNDER_WAY)),
    ("e1 advised", replace(OLD, legacy=Stage.ADVISE, ends=DUE), Step.ADMIT,
     (Reason.PROVEN, Reason.LEGACY_ADVISED, Reason.RENEWAL_DUE)),
    ("a10 no rule", replace(OLD, cut_off=None, model="01"), Step.ADMIT, (Reason.PROVEN,)),
    ("a10 a new key that claims an old model", replace(OLD, applied_on=APPLIED_AFTER, model="01"), Step.ADMIT,
     (Reason.PROVEN,)),
    # advice
    ("advice", replace(ROW, asking="rule advise now"), Step.GET_CERTIFICATE, (ADVISED, Reason.FIRST_CERTIFICATE)),
    ("advice before its window", replace(ROW, asking="rule advise now", window="not yet"), Step.ADMIT,
     (Reason.ENROLMENT_CLOSED, ADVISED)),
    ("advice after a revocation", replace(ROW, asking="rule advise now", holding="revoked"), Step.ADMIT,
     (Reason.REISSUE_REQUIRED, ADVISED)),
    ("advice skipped too often", replace(ROW, asking="rule advise now", window="not yet", skipped=SKIPS), Step.REFUSE,
     (Reason.ENROLMENT_CLOSED, ADVISED)),
]  # fmt: skip


def decided(choice: Choice) -> Decision:
    s = situation(choice)
    return decide(s.case, s.rules, NOW)


@pytest.mark.parametrize(("choice", "step", "reasons"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a2_a3_a4_a10_a11_e1_f1_s12_s13_s15_s16(choice: Choice, step: Step, reasons: tuple[Reason, ...]) -> None:
    decision = decided(choice)
    assert (decision.step, decision.reasons) == (step, reasons)


def test_the_rows_have_names_of_their_own() -> None:
    assert len({name for name, *_ in TABLE}) == len(TABLE)


def test_an_admission_says_how_it_was_earned() -> None:
    assert decided(PROOF).method is Method.CERTIFICATE
    assert decided(replace(ROW, unit="no tag")).method is Method.PASSWORD
    assert decided(ROW).method is None


@pytest.mark.parametrize(("skipped", "left"), [(0, SKIPS), (SKIPS - 1, 1), (SKIPS, 0), (SKIPS + 5, 0)])
def test_advice_may_be_skipped_so_often(skipped: int, left: int) -> None:
    decision = decided(replace(ROW, asking="rule advise now", skipped=skipped))
    assert (decision.skips_left, decision.advised, decision.rule) == (left, True, "roster")
    assert decided(replace(ROW, skipped=skipped)).skips_left == 0


def test_a_decision_names_the_rule_that_asked() -> None:
    assert decided(ROW).rule == "roster"
    assert decided(replace(ROW, asking="rule report now")).rule == "roster"
    assert decided(replace(ROW, asking="callable enforce")).rule == "callable"
    assert decided(replace(ROW, unit="no tag")).rule == ""


def test_a_decision_says_until_when() -> None:
    assert decided(replace(ROW, window="open")).deadline == NOW + DAY
    assert decided(ROW).deadline is None
    assert decided(replace(PROOF, ends=DUE)).deadline == DUE
    assert decided(PROOF).deadline is None
    assert decided(replace(PROOF, ends=PAST)).deadline == PAST
    assert decided(replace(ROW, holding="active", ends=PAST)).deadline == PAST


# --- S14: a key first seen under a legacy certificate stays legacy


def _row(name: str, key: str, state: State, *, old: bool) -> BoundCertificate:
    applied_on = APPLIED_BEFORE if old else APPLIED_AFTER
    return BoundCertificate(UNIT, facts(name, key), Slot.CURRENT, state, NOT_BEFORE, "import", applied_on)


def _with_history(key_before: str) -> Decision:
    """A new certificate, and a legacy one that was superseded by it."""
    new, before = _row("new", "key", State.ACTIVE, old=False), _row("before", key_before, State.SUPERSEDED, old=True)
    case = Case(UNITS["tag"], (new, before), Presented(new.facts, bound_to=UNIT))
    return decide(case, rules_of("rule enforce now", Unregistered.ISSUE, "always", Stage.ENFORCE, CUT_OFF), NOW)


def sees_one_row(
    row: BoundCertificate, _: object, unit: Unit, rules: Iterable[UpgradeRule], now: datetime
) -> Owed | None:
    return find_upgrade(row, (row,), unit, rules, now)


@without({"certlogin.login.policy.find_upgrade": sees_one_row}, sees="Step.ADMIT")
def test_s14_a_legacy_key_stays_legacy_under_a_new_certificate() -> None:
    assert _with_history(key_before="key").step is Step.REPLACE_KEY


@allows
def test_s14_a_new_key_is_not_legacy_for_the_old_one() -> None:
    assert _with_history(key_before="another key").step is Step.ADMIT


def test_a_unit_with_one_ended_certificate_of_two_still_proves() -> None:
    ended = replace(_row("old", "old", State.ACTIVE, old=False), facts=facts("old", "old", not_after=PAST))
    good = replace(_row("new", "new", State.ACTIVE, old=False), facts=facts("new", "new", not_after=LATER))
    case = Case(UNITS["tag"], (ended, good), helper=situation(ROW).case.helper)
    assert decide(case, Rules(), NOW).step is Step.PROVE_KEY


def test_the_rule_for_a_key_is_named_for_the_log() -> None:
    assert decided(OLD).rule == "old keys"
    assert decided(replace(OLD, legacy=Stage.REPORT)).rule == "old keys"
    assert decided(replace(OLD, applied_on=APPLIED_AFTER)).rule == ""


def test_no_rule_for_keys_is_shipped() -> None:
    assert Rules().upgrade == ()
