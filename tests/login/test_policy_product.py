"""Every combination of inputs against the promises.

All inputs at once have some 10^12 combinations. What a password may lead to and what a proof may lead to are each
walked in full over every input that can matter there; that the others do not matter is shown by a walk with a fixed
stride through all of them at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from math import gcd, prod

import pytest

from certlogin.login.policy import (
    Case,
    Decision,
    Presented,
    Reason,
    Step,
    _after_proof,
    _through_helper,
)
from certlogin.records.identity import Method
from certlogin.records.unit import Unit
from certlogin.settings.rules import RequireRule, Rules, Stage, Unregistered
from certlogin.settings.upgrades import UpgradeAction
from tests.companions import companion, without
from tests.login import promises
from tests.login.cases import (
    ABOVE,
    APPLIED_AFTER,
    APPLIED_BEFORE,
    ASKING,
    BELOW,
    BLOCKED,
    CUT_OFF,
    DUE,
    HELPERS,
    HOLDINGS,
    LAST_MOMENT,
    LATER,
    MINIMUM,
    PAST,
    ROSTER,
    SKIPS,
    STRANGERS,
    UNITS,
    WINDOWS,
    Choice,
    choices,
    situation,
)
from tests.login.forgetful import FORGETFUL, Decide, shipped

ENDS = (LATER, DUE, LAST_MOMENT, PAST)
AGES = (None, APPLIED_BEFORE, APPLIED_AFTER)
MODELS = (None, "01", "3000GM")
SIGNED_WITH = (None, BELOW, MINIMUM, ABOVE, BLOCKED)
BOTH = (False, True)
EVERYTHING: dict[str, Sequence[object]] = {
    "unit": tuple(UNITS),
    "holding": tuple(HOLDINGS),
    "presented": ("", "own", *STRANGERS),
    "settled": BOTH,
    "signed_with": SIGNED_WITH,
    "helper": tuple(HELPERS),
    "granted": BOTH,
    "under_way": BOTH,
    "skipped": tuple(range(SKIPS + 2)),
    "asking": ASKING,
    "adoption": tuple(Unregistered),
    "window": tuple(WINDOWS),
    "legacy": tuple(Stage),
    "cut_off": (None, CUT_OFF),
    "action": tuple(UpgradeAction),
    "applied_on": AGES,
    "model": MODELS,
    "ends": ENDS,
}
KNOWN = tuple(unit for unit in UNITS if unit != "unknown")


def on_a_password(step: int = 1) -> Iterator[Choice]:
    """Nothing is proven yet; no page has found the helper, or it is old, or good."""
    return choices(
        Choice(),
        step,
        unit=KNOWN,
        holding=tuple(HOLDINGS),
        helper=("none", "below", "at", "blocked"),
        granted=BOTH,
        skipped=(SKIPS - 1, SKIPS),
        asking=ASKING,
        adoption=tuple(Unregistered),
        window=("open", "not yet", "closed"),
        ends=(LATER, PAST),
    )


def on_a_registered_proof(step: int = 1) -> Iterator[Choice]:
    return choices(
        Choice(presented="own"),
        step,
        unit=("no tag", "exempt"),
        holding=tuple(holding for holding, states in HOLDINGS.items() if states),
        settled=BOTH,
        signed_with=SIGNED_WITH,
        under_way=BOTH,
        legacy=tuple(Stage),
        cut_off=(None, CUT_OFF),
        action=tuple(UpgradeAction),
        applied_on=AGES,
        model=MODELS,
        ends=ENDS,
    )


def on_a_strange_proof(step: int = 1) -> Iterator[Choice]:
    return choices(
        Choice(),
        step,
        unit=KNOWN,
        holding=tuple(HOLDINGS),
        presented=tuple(STRANGERS),
        settled=BOTH,
        granted=BOTH,
        asking=ASKING,
        adoption=tuple(Unregistered),
        ends=(LATER, PAST),
    )


def across_everything(count: int = 40_000) -> Iterator[Choice]:
    """`count` of all combinations, evenly spread: a stride without common divisor visits every value of every input."""
    total = prod(len(values) for values in EVERYTHING.values())
    stride = total // count | 1
    while gcd(stride, total) != 1:
        stride += 2
    for number in range(count):
        index, chosen = number * stride % total, {}
        for name, values in EVERYTHING.items():
            index, place = divmod(index, len(values))
            chosen[name] = values[place]
        yield Choice(**chosen)  # type: ignore[arg-type]


def broken_promises(found: Iterable[Choice], decider: Decide = shipped) -> dict[str, tuple[Choice, Decision]]:
    """The promises that were not kept, each with the first example."""
    examples: dict[str, tuple[Choice, Decision]] = {}
    for choice in found:
        s = situation(choice)
        decision = decider(s.case, s.rules)
        for name in promises.broken(s, decision):
            examples.setdefault(name, (choice, decision))
    return examples


@pytest.mark.parametrize(
    "walk",
    [on_a_password, on_a_registered_proof, on_a_strange_proof, across_everything],
    ids=lambda walk: walk.__name__,
)
def test_s12_s13_s16_every_combination_keeps_every_promise(walk: Callable[[], Iterator[Choice]]) -> None:
    assert broken_promises(walk()) == {}


def test_the_walk_across_everything_visits_every_value_of_every_input() -> None:
    walked = list(across_everything())
    for name, values in EVERYTHING.items():
        assert {getattr(choice, name) for choice in walked} == set(values)


@pytest.fixture(scope="module")
def some_of_each() -> list[Choice]:
    walks = (on_a_password(67), on_a_registered_proof(67), on_a_strange_proof(67))
    return [*across_everything(2_000), *chain.from_iterable(walks)]


@companion("test_s12_s13_s16_every_combination_keeps_every_promise")
@pytest.mark.parametrize("forgetful", FORGETFUL, ids=lambda decider: decider.__name__)
def test_s12_s13_s16_who_forgets_something_breaks_a_promise(forgetful: Decide, some_of_each: list[Choice]) -> None:
    assert set(FORGETFUL[forgetful].split()) <= set(broken_promises(some_of_each, forgetful))


def test_every_promise_can_be_broken() -> None:
    of_steps = chain.from_iterable(promises.OF_STEP.values())
    assert {promise.__name__ for promise in (*promises.ALWAYS, *of_steps)} == set(" ".join(FORGETFUL.values()).split())


def _admitted() -> Decision:
    return Decision(Step.ADMIT, (Reason.PROVEN,), Method.CERTIFICATE)


def believes_the_report(owed: Decision, case: Case, rules: Rules, now: datetime) -> Decision:
    return _admitted() if case.helper == HELPERS["above"] else _through_helper(owed, case, rules, now)


def believes_the_model(case: Case, unit: Unit, presented: Presented, rules: Rules, now: datetime) -> Decision:
    decided = _after_proof(case, unit, presented, rules, now)
    return _admitted() if decided.step is Step.UPGRADE_KEY else decided


def believes_the_version(case: Case, unit: Unit, presented: Presented, rules: Rules, now: datetime) -> Decision:
    return _admitted() if presented.helper_version == ABOVE else _after_proof(case, unit, presented, rules, now)


def _sees(choice: Choice) -> Decision:
    s = situation(choice)
    return shipped(s.case, s.rules)


@without({"certlogin.login.policy._through_helper": believes_the_report}, sees="Step.ADMIT")
def test_s14_no_report_of_a_page_admits_or_refuses(some_of_each: list[Choice]) -> None:
    """Whatever the page says of the helper: the same is owed, before or behind the helper's pages."""
    pages = {Step.GET_HELPER, Step.UPDATE_HELPER}
    for choice in some_of_each:
        honest = _sees(replace(choice, helper="above"))
        for report in HELPERS:
            decision = _sees(replace(choice, helper=report))
            if decision != honest:
                assert honest.step in {Step.GET_CERTIFICATE, Step.PROVE_KEY}
                assert decision.step in pages
                assert decision.reasons[1:] == honest.reasons


@without({"certlogin.login.policy._after_proof": believes_the_model}, sees="Step.ADMIT")
def test_s14_no_claimed_model_admits_or_refuses(some_of_each: list[Choice]) -> None:
    changing = {Step.REPLACE_KEY, Step.UPGRADE_KEY}
    for choice in some_of_each:
        steps = {_sees(replace(choice, model=model)).step for model in MODELS}
        assert len(steps) == 1 or steps == changing


@without({"certlogin.login.policy._after_proof": believes_the_version}, sees="Step.ADMIT")
def test_s14_no_signed_version_admits_without_the_proof(some_of_each: list[Choice]) -> None:
    """It is a claim of the program that signed: it leads to its update, or changes nothing."""
    for choice in some_of_each:
        decisions = [_sees(replace(choice, signed_with=version)) for version in SIGNED_WITH]
        others = [decision for decision in decisions if decision.step is not Step.UPDATE_HELPER]
        assert len({decision.step for decision in others}) <= 1
        assert all(decision == others[0] for decision in others)


#: design.md names these; a step that is missing here is missing there.
STEPS = {
    "admit", "get_helper", "update_helper", "get_certificate", "prove_key", "await_revocation", "bind_certificate",
    "replace_key", "upgrade_key", "renew_certificate", "refuse",
}  # fmt: skip


def test_every_step_exists_and_is_reached_by_some_settings(some_of_each: list[Choice]) -> None:
    assert {step.value for step in Step} == STEPS
    assert {_sees(choice).step for choice in some_of_each} == set(Step)


def test_every_reason_is_given_in_some_case(some_of_each: list[Choice]) -> None:
    assert {reason for choice in some_of_each for reason in _sees(choice).reasons} == set(Reason)


def test_the_shipped_rules_reach_only_the_steps_that_have_pages(some_of_each: list[Choice]) -> None:
    """Without rules of helpers, adoption or keys, and with revocation settled by the proof itself."""
    cases = (situation(replace(choice, settled=True)).case for choice in some_of_each)
    rules = Rules(require=(RequireRule("roster", ROSTER),))
    assert {shipped(case, rules).step for case in cases} == {
        Step.ADMIT,
        Step.GET_HELPER,
        Step.GET_CERTIFICATE,
        Step.PROVE_KEY,
        Step.RENEW_CERTIFICATE,
        Step.REFUSE,
    }
