"""Deciders that forget one thing each: they show that every promise can be broken, and by what."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from certlogin.login.policy import Case, Decision, Reason, Step, decide
from certlogin.records.certificate import State
from certlogin.records.identity import Method
from certlogin.settings.helpers import BlockedBuild, HelperRule
from certlogin.settings.rules import Adoption, EnrolmentWindow, RequireRule, Rules, Stage, Unregistered
from certlogin.settings.upgrades import UpgradeAction
from tests.factory import DAY, NOW
from tests.login.cases import BELOW, HELPERS, MINIMUM, ROSTER, SKIPS, UNITS, WINDOWS, upgrade_of

Decide = Callable[[Case, Rules], Decision]


def shipped(case: Case, rules: Rules) -> Decision:
    return decide(case, rules, NOW)


def forgets_the_registry(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, registered=()), rules)


def takes_every_row_for_active(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, registered=tuple(replace(row, state=State.ACTIVE) for row in case.registered)), rules)


def takes_every_row_for_ended(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, registered=tuple(replace(row, state=State.EXPIRED) for row in case.registered)), rules)


def lives_in_the_past(case: Case, rules: Rules) -> Decision:
    return decide(case, rules, NOW - 40 * DAY)


def lives_in_the_future(case: Case, rules: Rules) -> Decision:
    return decide(case, rules, NOW + 300 * DAY)


def awaits_no_revocation(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, presented=case.presented and replace(case.presented, revocation_settled=True)), rules)


def awaits_every_revocation(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, presented=case.presented and replace(case.presented, revocation_settled=False)), rules)


def knows_no_other_units(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, presented=case.presented and replace(case.presented, bound_to=None)), rules)


def believes_the_page(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, helper=HELPERS["above"]), rules)


def sees_no_helper(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, helper=None), rules)


def asks_no_version(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, presented=case.presented and replace(case.presented, helper_version=None)), rules)


def doubts_every_version(case: Case, rules: Rules) -> Decision:
    presented = case.presented and replace(case.presented, helper_version=BELOW)
    return shipped(replace(case, presented=presented, helper=HELPERS["below"]), rules)


def grants_to_everybody(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, granted=True), rules)


def never_closes(case: Case, rules: Rules) -> Decision:
    return shipped(case, replace(rules, enrolment=EnrolmentWindow()))


def never_opens(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, granted=False), replace(rules, enrolment=WINDOWS["closed"]))


def asks_everybody(case: Case, rules: Rules) -> Decision:
    unit = case.unit and replace(case.unit, tags=frozenset({ROSTER}))
    return shipped(replace(case, unit=unit, judged=None), replace(rules, require=(RequireRule("all", ROSTER),)))


def advises_everybody(case: Case, rules: Rules) -> Decision:
    unit = case.unit and replace(case.unit, tags=frozenset({ROSTER}))
    advice = (RequireRule("all", ROSTER, Stage.ADVISE, skips=2 * SKIPS),)
    return shipped(replace(case, unit=unit, judged=None), replace(rules, require=advice))


def asks_nobody(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, judged=(None,)), rules)


def matches_everybody(case: Case, rules: Rules) -> Decision:
    unit = case.unit and replace(case.unit, code=(case.presented and case.presented.facts.unit_code) or "")
    return shipped(replace(case, unit=unit), replace(rules, adoption=Adoption(Unregistered.MATCH)))


def binds_without_a_match(case: Case, rules: Rules) -> Decision:
    return shipped(case, replace(rules, adoption=Adoption(Unregistered.BIND)))


def knows_no_legacy(case: Case, rules: Rules) -> Decision:
    return shipped(case, replace(rules, upgrade=()))


def takes_every_key_for_legacy(case: Case, rules: Rules) -> Decision:
    return shipped(case, replace(rules, upgrade=(upgrade_of(Stage.ENFORCE, NOW), *rules.upgrade)))


def has_one_page_for_legacy(case: Case, rules: Rules) -> Decision:
    return shipped(case, replace(rules, upgrade=tuple(replace(rule, models=("x",)) for rule in rules.upgrade)))


def renews_every_key(case: Case, rules: Rules) -> Decision:
    return shipped(case, replace(rules, upgrade=(upgrade_of(Stage.ENFORCE, NOW, UpgradeAction.RENEW),)))


def refuses_every_key(case: Case, rules: Rules) -> Decision:
    return shipped(case, replace(rules, upgrade=(upgrade_of(Stage.ENFORCE, NOW, UpgradeAction.REFUSE),)))


def blocks_nothing(case: Case, rules: Rules) -> Decision:
    return shipped(case, replace(rules, helper=HelperRule(MINIMUM)))


def blocks_what_is_old(case: Case, rules: Rules) -> Decision:
    return shipped(case, replace(rules, helper=replace(rules.helper, blocked=(BlockedBuild(BELOW, "old"),))))


def reads_no_code(case: Case, rules: Rules) -> Decision:
    shown = case.presented
    return shipped(
        replace(case, presented=shown and replace(shown, facts=replace(shown.facts, unit_code=None))),
        rules,
    )


def knows_every_unit(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, unit=UNITS["tag"]), rules)


def admits(case: Case, rules: Rules) -> Decision:
    return Decision(Step.ADMIT, (Reason.NOT_REQUIRED,), Method.PASSWORD)


def refuses_without_a_word(case: Case, rules: Rules) -> Decision:
    return Decision(Step.REFUSE, (), Method.PASSWORD)


def forgets_the_proof(case: Case, rules: Rules) -> Decision:
    return shipped(replace(case, presented=None), rules)


#: Each with promises that it breaks.
FORGETFUL: Final[Mapping[Decide, str]] = {
    forgets_the_registry: "s13_a_holder_proves s12_a_password_downloads_only_the_first a4_who_has_one_chooses_it",
    takes_every_row_for_active: "only_a_usable_certificate_admits s16_what_was_revoked_renews_nothing somebody_asks",
    takes_every_row_for_ended: "s13_a_holder_proves s15_what_is_bound_stays_bound only_advice_is_called_advice",
    lives_in_the_past: "only_a_usable_certificate_admits f1_renewal_is_due_in_the_last_days",
    lives_in_the_future: "only_what_ended_is_renewed a4_who_has_one_chooses_it",
    awaits_no_revocation: "only_a_usable_certificate_admits only_a_good_certificate_is_bound",
    awaits_every_revocation: "only_open_revocation_is_awaited a10_a_good_key_is_not_asked_for_more",
    knows_no_other_units: "s15_what_is_bound_stays_bound",
    forgets_the_proof: "nothing_was_proven_yet a_proof_admits_as_a_proof",
    believes_the_page: "a_helper_comes_first",
    sees_no_helper: "a_helper_that_answers_is_not_downloaded",
    asks_no_version: "an_old_helper_is_updated_first",
    doubts_every_version: "only_an_old_helper_is_updated",
    grants_to_everybody: "s12_a_password_downloads_only_the_first",
    never_closes: "a_download_waits_for_its_window",
    never_opens: "a3_who_needs_one_gets_the_download",
    asks_everybody: "a2_who_needs_none_is_not_disturbed",
    advises_everybody: "skips_are_for_advice only_advice_is_called_advice",
    asks_nobody: "a_password_is_enough_only_where_nothing_is_owed a3_who_needs_one_gets_the_download",
    matches_everybody: "a11_the_code_decides_a_match",
    binds_without_a_match: "a11_the_code_decides_a_match a_key_is_proven_by_holders_or_adoption",
    knows_no_legacy: "e1_a_legacy_key_is_changed_first",
    takes_every_key_for_legacy: "only_a_legacy_key_is_changed",
    has_one_page_for_legacy: "e1_the_model_chooses_the_page",
    renews_every_key: "only_what_ended_is_renewed",
    refuses_every_key: "a_refusal_is_earned a10_a_good_key_is_not_asked_for_more",
    blocks_nothing: "an_old_helper_is_updated_first a_helper_comes_first",
    blocks_what_is_old: "the_right_helper_is_named",
    reads_no_code: "d7_the_reason_says_what_is_amiss",
    knows_every_unit: "unknown_unit_is_refused",
    admits: "s13_a_holder_proves a_password_is_enough_only_where_nothing_is_owed unknown_unit_is_refused",
    refuses_without_a_word: "says_why only_an_admission_has_a_method a_refusal_is_earned",
}
