from datetime import datetime, timedelta
from itertools import permutations

import pytest

from certlogin.login.policy import Case, requirement_of
from certlogin.login.rules import Requirement, match
from certlogin.records.unit import EXEMPT, Unit, UnitId
from certlogin.settings.rules import RequireRule, Rules, Stage
from tests.factory import NOW

SECOND = timedelta(seconds=1)


def unit(*tags: str) -> Unit:
    return Unit(UnitId("u"), "甲", tags=frozenset(tags))


def rules(*require: RequireRule) -> Rules:
    return Rules(require=require)


def test_a_unit_without_the_tag_needs_none() -> None:
    assert match(unit("b"), rules(RequireRule("r", "a")), NOW) is None
    assert match(unit("a"), rules(RequireRule("r", "a")), NOW) == Requirement("r", Stage.ENFORCE)


def test_no_rules_ask_nobody() -> None:
    assert match(unit("a"), rules(), NOW) is None


def test_tags_are_compared_exactly() -> None:
    assert match(unit("A", "a ", "一套表单位"), rules(RequireRule("r", "a"), RequireRule("s", "一套表")), NOW) is None


def test_an_exempt_account_needs_none_whatever_else_it_carries() -> None:
    assert match(unit("a", EXEMPT), rules(RequireRule("r", "a")), NOW) is None


@pytest.mark.parametrize(
    ("from_", "asked"), [(None, True), (NOW - SECOND, True), (NOW, True), (NOW + SECOND, False)], ids=str
)
def test_a_rule_holds_from_its_moment_on(from_: datetime | None, asked: bool) -> None:
    assert (match(unit("a"), rules(RequireRule("r", "a", from_=from_)), NOW) is not None) == asked


@pytest.mark.parametrize("stages", list(permutations(Stage)) + list(permutations(Stage, 2)))
def test_the_strictest_rule_in_force_wins_whatever_the_order(stages: tuple[Stage, ...]) -> None:
    asked = match(unit("a"), rules(*(RequireRule(stage, "a", stage) for stage in stages)), NOW)
    strictest = next(stage for stage in (Stage.ENFORCE, Stage.ADVISE, Stage.REPORT) if stage in stages)
    assert asked is not None
    assert asked.stage is strictest
    assert asked.rule == strictest


def test_of_two_equally_strict_rules_the_first_is_named() -> None:
    one, other = RequireRule("one", "a", Stage.ADVISE, skips=1), RequireRule("other", "a", Stage.ADVISE, skips=2)
    assert match(unit("a"), rules(one, other), NOW) == Requirement("one", Stage.ADVISE, 1)


def test_a_stricter_rule_of_tomorrow_does_not_hide_the_one_of_today() -> None:
    later = RequireRule("later", "a", Stage.ENFORCE, NOW + SECOND)
    now = RequireRule("now", "a", Stage.ADVISE, skips=5)
    assert match(unit("a"), rules(later, now), NOW) == Requirement("now", Stage.ADVISE, 5)


def test_only_advice_can_be_skipped() -> None:
    for stage, skips in {Stage.REPORT: 0, Stage.ADVISE: 3, Stage.ENFORCE: 0}.items():
        assert match(unit("a"), rules(RequireRule("r", "a", stage)), NOW) == Requirement("r", stage, skips)


def test_the_word_of_the_callable_replaces_the_rules() -> None:
    asked = Requirement("because", Stage.ADVISE, 1)
    both = rules(RequireRule("r", "a"))
    assert requirement_of(Case(unit("a", EXEMPT), judged=(asked,)), both, NOW) is asked
    assert requirement_of(Case(unit("a"), judged=(None,)), both, NOW) is None
    assert requirement_of(Case(unit("a")), both, NOW) == Requirement("r", Stage.ENFORCE)


def test_an_unknown_unit_is_asked_for_nothing_because_it_is_refused() -> None:
    assert requirement_of(Case(None), rules(RequireRule("r", "a")), NOW) is None
