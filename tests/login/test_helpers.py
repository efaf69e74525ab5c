"""How a helper's version stands with the rules: B13, and the system of which nobody signs."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.login.helpers import Standing, Verdict, judge_helper
from certlogin.settings.helpers import BlockedBuild, HelperRule, HelperSystem, SystemRule, Version
from tests.factory import NOW

SECOND = timedelta(seconds=1)
RULE = HelperRule((1, 5, 1, 0), (1, 10, 0, 0))
WINDOWS = SystemRule(HelperSystem.WINDOWS, (1, 6, 0, 0))
BAD = BlockedBuild((1, 8, 0, 0), "loses its keys")
VERSIONS = st.tuples(*[st.integers(0, 12)] * 4)


@pytest.mark.parametrize(
    ("version", "standing"),
    [
        ((1, 5, 0, 9), Standing.OUTDATED),
        ((1, 5, 0, 65535), Standing.OUTDATED),
        ((0, 99, 99, 99), Standing.OUTDATED),
        ((1, 5, 1, 0), Standing.RECOMMENDED),
        # As text it would come after 1.10.
        ((1, 9, 9, 9), Standing.RECOMMENDED),
        ((1, 10, 0, 0), Standing.GOOD),
        ((2, 0, 0, 0), Standing.GOOD),
    ],
    ids=str,
)
def test_b13_versions_are_compared_as_numbers(version: Version, standing: Standing) -> None:
    assert judge_helper(version, "linux", RULE, NOW).standing is standing


def test_every_version_is_good_where_nothing_is_asked() -> None:
    assert judge_helper((0, 0, 0, 0), "", HelperRule(), NOW) == Verdict(Standing.GOOD)


@pytest.mark.parametrize(
    ("from_", "standing"),
    [
        (None, Standing.OUTDATED),
        (NOW - SECOND, Standing.OUTDATED),
        (NOW, Standing.OUTDATED),
        (NOW + SECOND, Standing.RECOMMENDED),
    ],
    ids=str,
)
def test_b13_a_minimum_holds_from_its_second_on(from_: datetime | None, standing: Standing) -> None:
    rule = HelperRule((1, 5, 1, 0), from_=from_)
    verdict = judge_helper((1, 5, 0, 9), "linux", rule, NOW)
    assert verdict == Verdict(standing, (1, 5, 1, 0), since=from_)
    assert verdict.is_refused == (standing is Standing.OUTDATED)


@pytest.mark.parametrize(
    ("from_", "refused"), [(None, True), (NOW - SECOND, True), (NOW, True), (NOW + SECOND, False)], ids=str
)
def test_a_build_is_blocked_from_its_second_on_with_the_reason(from_: datetime | None, refused: bool) -> None:
    rule = HelperRule(blocked=(BlockedBuild((1, 8, 0, 0), "loses its keys", from_),))
    verdict = judge_helper((1, 8, 0, 0), "linux", rule, NOW)
    assert verdict.is_refused == refused
    assert verdict.reason == ("loses its keys" if refused else "")
    assert not judge_helper((1, 8, 0, 1), "linux", rule, NOW).is_refused


@pytest.mark.parametrize("os", ["windows", "linux", "darwin", ""])
def test_a_build_is_blocked_on_every_system(os: str) -> None:
    rule = HelperRule(blocked=(BAD,), systems=(WINDOWS,))
    assert judge_helper(BAD.version, os, rule, NOW).standing is Standing.BLOCKED


@pytest.mark.parametrize(
    ("os", "standing"),
    [
        ("windows", Standing.OUTDATED),
        ("linux", Standing.RECOMMENDED),
        ("darwin", Standing.RECOMMENDED),
        # Nobody said: the strictest.
        ("", Standing.OUTDATED),
    ],
)
def test_a_system_may_have_limits_of_its_own(os: str, standing: Standing) -> None:
    rule = HelperRule((1, 5, 1, 0), (1, 10, 0, 0), systems=(WINDOWS,))
    assert judge_helper((1, 5, 9, 0), os, rule, NOW).standing is standing


def test_what_a_system_does_not_say_is_as_for_all() -> None:
    later = SystemRule(HelperSystem.WINDOWS, from_=NOW + SECOND)
    newer = SystemRule(HelperSystem.LINUX, recommended=(3, 0, 0, 0))
    rule = HelperRule((1, 5, 1, 0), (1, 10, 0, 0), NOW, systems=(later, newer))
    assert judge_helper((1, 0, 0, 0), "windows", rule, NOW) == Verdict(
        Standing.RECOMMENDED, (1, 10, 0, 0), since=NOW + SECOND
    )
    assert judge_helper((1, 0, 0, 0), "linux", rule, NOW) == Verdict(Standing.OUTDATED, (3, 0, 0, 0), since=NOW)
    assert judge_helper((2, 0, 0, 0), "linux", rule, NOW) == Verdict(Standing.RECOMMENDED, (3, 0, 0, 0))


@given(version=VERSIONS, least=VERSIONS, windows=VERSIONS, os=st.sampled_from(["windows", "linux", "darwin", ""]))
def test_who_lies_about_the_system_is_held_to_the_lowest_minimum_at_least(
    version: Version, least: Version, windows: Version, os: str
) -> None:
    rule = HelperRule(least, systems=(SystemRule(HelperSystem.WINDOWS, windows),))
    refused = judge_helper(version, os, rule, NOW).is_refused
    assert refused or version >= min(least, windows)
    assert not refused or version < max(least, windows)
