"""What every decision promises, written from the requirements and not from the policy.

A promise looks at one situation and one decision and says whether it was kept; `broken` names those that were not.
"""

from collections.abc import Callable, Mapping
from typing import Final

from certlogin.login.policy import Decision, Reason, Step, Version
from certlogin.records.certificate import BoundCertificate, State
from certlogin.records.helper import HelperState
from certlogin.records.identity import Method
from certlogin.settings.rules import Stage, Unregistered
from certlogin.settings.upgrades import UpgradeAction
from tests.factory import DAY, NOW
from tests.login.cases import BLOCKED, GOOD_MODEL, MINIMUM, SKIPS, STRANGERS, Situation

Promise = Callable[[Situation, Decision], bool]


def broken(s: Situation, decision: Decision) -> list[str]:
    """The names of the promises that this decision does not keep."""
    promises = (*ALWAYS, *OF_STEP[decision.step])
    return [promise.__name__ for promise in promises if not promise(s, decision)]


# --- words


def holds_active(s: Situation) -> bool:
    return any(row.state is State.ACTIVE for row in s.case.registered)


def in_date(s: Situation) -> bool:
    return any(row.state is State.ACTIVE and row.facts.not_after >= NOW for row in s.case.registered)


def required(s: Situation) -> bool:
    return s.asked in (Stage.ADVISE, Stage.ENFORCE)


def may_download(s: Situation) -> bool:
    issues = s.rules.adoption.unregistered is Unregistered.ISSUE
    return issues and (s.case.granted or (not s.case.registered and s.window_open))


def shown_row(s: Situation) -> BoundCertificate | None:
    """The registry's row of the certificate whose key was proven."""
    shown = s.case.presented
    return next((row for row in s.case.registered if shown is not None and row.facts == shown.facts), None)


def usable(s: Situation) -> bool:
    """The key of an active certificate of this unit was proven, in date and not revoked."""
    row, shown = shown_row(s), s.case.presented
    return (
        s.case.unit is not None
        and row is not None
        and shown is not None
        and (row.state, shown.revocation_settled) == (State.ACTIVE, True)
        and row.facts.not_after >= NOW
    )


def old_helper_signed(s: Situation) -> bool:
    shown = s.case.presented
    return shown is not None and shown.helper_version is not None and refused(shown.helper_version)


def refused(version: Version) -> bool:
    return version < MINIMUM or version == BLOCKED


def falls_under_a_rule(s: Situation) -> bool:
    return s.old_key and s.rules.upgrade[0].stage is Stage.ENFORCE


def key_action(s: Situation) -> UpgradeAction | None:
    """What is owed for the key of the proof; None: nothing."""
    if not falls_under_a_rule(s):
        return None
    action = s.rules.upgrade[0].action
    waits = action in (UpgradeAction.REPLACE, UpgradeAction.UPGRADE) and s.case.replacement_under_way
    return None if waits else action


def must_change_key(s: Situation) -> bool:
    return key_action(s) in (UpgradeAction.REPLACE, UpgradeAction.UPGRADE)


def stranger(s: Situation) -> str:
    """Which of the certificates beside the registry was presented."""
    shown = s.case.presented
    for name, (certificate, _, code, holder) in STRANGERS.items():
        if shown is not None and (shown.facts.der, shown.facts.unit_code) == (certificate.encode(), code):
            assert shown.bound_to == holder
            return name
    return ""


# --- of every decision


def says_why(s: Situation, d: Decision) -> bool:
    return len(d.reasons) > 0 and len(set(d.reasons)) == len(d.reasons)


def only_an_admission_has_a_method(s: Situation, d: Decision) -> bool:
    return (d.method is not None) == (d.step is Step.ADMIT)


def unknown_unit_is_refused(s: Situation, d: Decision) -> bool:
    unknown = (d.step, d.reasons) == (Step.REFUSE, (Reason.UNIT_UNKNOWN,))
    return unknown == (s.case.unit is None)


def skips_are_for_advice(s: Situation, d: Decision) -> bool:
    left = SKIPS - s.case.skipped
    return d.skips_left in (0, left) if s.asked is Stage.ADVISE else d.skips_left == 0


def only_advice_is_called_advice(s: Situation, d: Decision) -> bool:
    return not d.advised or (s.asked is Stage.ADVISE and not holds_active(s))


def a2_who_needs_none_is_not_disturbed(s: Situation, d: Decision) -> bool:
    plain = s.case.unit is not None and s.case.presented is None and not holds_active(s) and not required(s)
    return not plain or (d.step, d.method) == (Step.ADMIT, Method.PASSWORD)


def a3_who_needs_one_gets_the_download(s: Situation, d: Decision) -> bool:
    first = s.case.unit is not None and s.case.presented is None and required(s) and not holds_active(s)
    return not (first and may_download(s)) or d.step in (Step.GET_HELPER, Step.UPDATE_HELPER, Step.GET_CERTIFICATE)


def a4_who_has_one_chooses_it(s: Situation, d: Decision) -> bool:
    holder = s.case.unit is not None and s.case.presented is None and in_date(s)
    return not holder or d.step in (Step.GET_HELPER, Step.UPDATE_HELPER, Step.PROVE_KEY)


def a10_a_good_key_is_not_asked_for_more(s: Situation, d: Decision) -> bool:
    good = usable(s) and not old_helper_signed(s) and key_action(s) is None
    return not good or d.step is Step.ADMIT


def s16_what_was_revoked_renews_nothing(s: Situation, d: Decision) -> bool:
    row = shown_row(s)
    gone = s.case.unit is not None and row is not None and row.state is State.REVOKED
    return not gone or (d.step, d.reasons) == (Step.REFUSE, (Reason.CERTIFICATE_REVOKED,))


# --- of one step


def s13_a_holder_proves(s: Situation, d: Decision) -> bool:
    return d.method is Method.CERTIFICATE or not holds_active(s)


def a_proof_admits_as_a_proof(s: Situation, d: Decision) -> bool:
    return (d.method is Method.CERTIFICATE) == (s.case.presented is not None)


def only_a_usable_certificate_admits(s: Situation, d: Decision) -> bool:
    return d.method is Method.PASSWORD or usable(s)


def an_old_helper_is_updated_first(s: Situation, d: Decision) -> bool:
    return not old_helper_signed(s)


def e1_a_legacy_key_is_changed_first(s: Situation, d: Decision) -> bool:
    return d.method is Method.PASSWORD or key_action(s) is None


def a_password_is_enough_only_where_nothing_is_owed(s: Situation, d: Decision) -> bool:
    issues = s.rules.adoption.unregistered is Unregistered.ISSUE
    blocked = s.asked is Stage.ADVISE and s.case.skipped < SKIPS and issues and not may_download(s)
    return d.method is Method.CERTIFICATE or not required(s) or blocked


def f1_renewal_is_due_in_the_last_days(s: Situation, d: Decision) -> bool:
    row = shown_row(s)
    due = row is not None and row.facts.not_after - NOW <= 90 * DAY
    return (Reason.RENEWAL_DUE in d.reasons, d.deadline is not None) == (due, due)


def nothing_was_proven_yet(s: Situation, d: Decision) -> bool:
    return s.case.presented is None


def somebody_asks(s: Situation, d: Decision) -> bool:
    return holds_active(s) or required(s)


def s12_a_password_downloads_only_the_first(s: Situation, d: Decision) -> bool:
    return not holds_active(s) and (s.case.granted or not s.case.registered)


def a_download_waits_for_its_window(s: Situation, d: Decision) -> bool:
    return may_download(s)


def a_helper_comes_first(s: Situation, d: Decision) -> bool:
    report = s.case.helper
    ready = report is not None and report.state is HelperState.READY
    return ready and report is not None and report.version is not None and not refused(report.version)


def a_key_is_proven_by_holders_or_adoption(s: Situation, d: Decision) -> bool:
    return in_date(s) or (not holds_active(s) and s.rules.adoption.unregistered is not Unregistered.ISSUE)


def a_helper_that_answers_is_not_downloaded(s: Situation, d: Decision) -> bool:
    report = s.case.helper
    return report is None or report.state is not HelperState.READY or report.version is None


def only_an_old_helper_is_updated(s: Situation, d: Decision) -> bool:
    report = s.case.helper
    reported = report is not None and report.version is not None and refused(report.version)
    return old_helper_signed(s) if s.case.presented is not None else reported


def only_open_revocation_is_awaited(s: Situation, d: Decision) -> bool:
    return s.case.presented is not None and not s.case.presented.revocation_settled


def s15_what_is_bound_stays_bound(s: Situation, d: Decision) -> bool:
    shown = s.case.presented
    return shown is not None and shown.bound_to is None and not holds_active(s) and shown_row(s) is None


def only_a_good_certificate_is_bound(s: Situation, d: Decision) -> bool:
    shown = s.case.presented
    return shown is not None and shown.revocation_settled and shown.facts.not_after >= NOW


def a11_the_code_decides_a_match(s: Situation, d: Decision) -> bool:
    matches = s.rules.adoption.unregistered is Unregistered.MATCH
    same = stranger(s) == "equal code" and s.case.unit is not None and s.case.unit.code != ""
    return matches == (d.reasons[0] is Reason.ADOPT_BY_MATCH) and (same or not matches)


def only_a_legacy_key_is_changed(s: Situation, d: Decision) -> bool:
    return usable(s) and must_change_key(s)


def e1_the_model_chooses_the_page(s: Situation, d: Decision) -> bool:
    shown, rules = s.case.presented, s.rules.upgrade
    may = bool(rules) and rules[0].action is UpgradeAction.UPGRADE
    in_place = may and shown is not None and shown.claimed_model == GOOD_MODEL
    return in_place == (d.step is Step.UPGRADE_KEY)


def the_right_helper_is_named(s: Situation, d: Decision) -> bool:
    shown, report = s.case.presented, s.case.helper
    version = shown.helper_version if shown is not None else report and report.version
    return (d.reasons[0] is Reason.HELPER_BLOCKED) == (version == BLOCKED)


def d7_the_reason_says_what_is_amiss(s: Situation, d: Decision) -> bool:
    shown, unit = s.case.presented, s.case.unit
    lacks = shown is not None and shown.facts.unit_code is None
    nameless = shown is not None and unit is not None and unit.code == "" and not lacks
    return (lacks or Reason.CERTIFICATE_WITHOUT_CODE not in d.reasons) and (
        nameless or Reason.UNIT_WITHOUT_CODE not in d.reasons
    )


def only_what_ended_is_renewed(s: Situation, d: Decision) -> bool:
    row = shown_row(s)
    if s.case.presented is None:
        return holds_active(s) and not in_date(s)
    if d.reasons[0] is Reason.RENEWAL_REQUIRED:
        return usable(s) and key_action(s) is UpgradeAction.RENEW
    return row is not None and (row.state is State.EXPIRED or row.facts.not_after < NOW)


def a_refusal_is_earned(s: Situation, d: Decision) -> bool:
    """Nobody is refused who could do what is owed."""
    if s.case.presented is not None or s.case.unit is None:
        return not usable(s) or key_action(s) is UpgradeAction.REFUSE
    issues = s.rules.adoption.unregistered is Unregistered.ISSUE
    return required(s) and issues and not holds_active(s) and not may_download(s)


ALWAYS: Final[tuple[Promise, ...]] = (
    says_why,
    only_an_admission_has_a_method,
    unknown_unit_is_refused,
    skips_are_for_advice,
    only_advice_is_called_advice,
    a2_who_needs_none_is_not_disturbed,
    a3_who_needs_one_gets_the_download,
    a4_who_has_one_chooses_it,
    a10_a_good_key_is_not_asked_for_more,
    s16_what_was_revoked_renews_nothing,
)
_CHANGE: Final[tuple[Promise, ...]] = (only_a_legacy_key_is_changed, e1_the_model_chooses_the_page)
OF_STEP: Final[Mapping[Step, tuple[Promise, ...]]] = {
    Step.ADMIT: (
        s13_a_holder_proves,
        a_proof_admits_as_a_proof,
        only_a_usable_certificate_admits,
        an_old_helper_is_updated_first,
        e1_a_legacy_key_is_changed_first,
        a_password_is_enough_only_where_nothing_is_owed,
        f1_renewal_is_due_in_the_last_days,
    ),
    Step.GET_HELPER: (nothing_was_proven_yet, somebody_asks, a_helper_that_answers_is_not_downloaded),
    Step.UPDATE_HELPER: (somebody_asks, only_an_old_helper_is_updated, the_right_helper_is_named),
    Step.GET_CERTIFICATE: (
        nothing_was_proven_yet,
        somebody_asks,
        s12_a_password_downloads_only_the_first,
        a_download_waits_for_its_window,
        a_helper_comes_first,
    ),
    Step.PROVE_KEY: (
        nothing_was_proven_yet,
        somebody_asks,
        a_key_is_proven_by_holders_or_adoption,
        a_helper_comes_first,
    ),
    Step.AWAIT_REVOCATION: (only_open_revocation_is_awaited,),
    Step.BIND_CERTIFICATE: (
        somebody_asks,
        s15_what_is_bound_stays_bound,
        an_old_helper_is_updated_first,
        only_a_good_certificate_is_bound,
        a11_the_code_decides_a_match,
    ),
    Step.REPLACE_KEY: _CHANGE,
    Step.UPGRADE_KEY: _CHANGE,
    Step.RENEW_CERTIFICATE: (only_what_ended_is_renewed,),
    Step.REFUSE: (a_refusal_is_earned, d7_the_reason_says_what_is_amiss),
}
