"""Settings that a program put together are judged like those of a file."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from certlogin.errors import ConfigurationError
from certlogin.settings import Settings
from certlogin.settings.checks import check_settings
from certlogin.settings.rules import EnrolmentWindow, RequireRule, Stage
from certlogin.settings.site import Host, Mode, Paths, Site
from certlogin.settings.trust import Anchor, Trust
from tests.companions import without
from tests.settings.good import SECRET
from tests.settings.test_checks import ACCEPTED, REFUSED

GOOD: Final = Settings(
    site=Site("https://survey.example", (SECRET,)),
    host=Host(("session",), Paths(("/login",))),
    trust=Trust((Anchor("root", "root.pem"),)),
)
NAIVE: Final = datetime(2026, 1, 1)  # noqa: DTZ001
AWARE: Final = datetime(2026, 1, 1, tzinfo=UTC)


def told(settings: Settings) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as refused:
        check_settings(settings)
    return refused.value.problems


def put(settings: Settings, path: str, value: Any) -> Settings:
    """The settings with one value changed, by its place in the file."""
    table, _, rest = path.partition(".")
    old = getattr(settings, table)
    if path.startswith("trust.anchors.0."):
        anchor = replace(old.anchors[0], **{path.rsplit(".", 1)[1]: value})
        return replace(settings, trust=replace(old, anchors=(anchor,)))
    if path.startswith("host.paths."):
        paths = replace(old.paths, **{path.rsplit(".", 1)[1]: value})
        return replace(settings, host=replace(old, paths=paths))
    if isinstance(value, dict):
        return replace(settings, **{table: replace(old, **value)})
    return replace(settings, **{table: replace(old, **{rest: value})})


def _plain(rows: list[Any]) -> list[Any]:
    """The rows of the file's table that a program can write too, with tuples for lists."""
    return [
        (path, tuple(value) if isinstance(value, list) else value, *line)
        for path, value, *line in rows
        if not path.startswith("rules.require") and path != "trust.anchors"
    ]


def test_good_ones_pass() -> None:
    check_settings(GOOD)


@pytest.mark.parametrize(("path", "value", "line"), _plain(REFUSED))
def test_the_same_rules_hold(path: str, value: object, line: str) -> None:
    assert line in told(put(GOOD, path, value))


@pytest.mark.parametrize(("path", "value"), _plain(ACCEPTED))
def test_the_same_values_pass(path: str, value: object) -> None:
    check_settings(put(GOOD, path, value))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"site": Site("", (SECRET,))}, "[site] origin: is missing; give scheme://host[:port]"),
        ({"site": Site("https://survey.example", ())}, "[site] secret_keys: is missing; give at least one key"),
        ({"host": Host((), Paths(("/login",)))}, "[host] auth_cookies: is missing; name every cookie"),
        ({"host": Host(("session",), Paths(()))}, "[host.paths] login: is missing; give the path"),
        ({"trust": Trust(())}, "[trust] anchors: is missing; give at least one"),
        ({"trust": Trust((Anchor("root", ""),))}, "[[trust.anchors]] no. 1: file: is missing"),
    ],
)
def test_what_has_no_default_is_not_empty_either(changes: dict[str, Any], line: str) -> None:
    (problem,) = told(replace(GOOD, **changes))
    assert problem.startswith(line)


@without({"certlogin.settings.checks._DEVELOPMENT": re.compile(".*")})
def test_s36_development_is_on_the_loopback_address_here_too() -> None:
    assert told(replace(GOOD, site=replace(GOOD.site, mode=Mode.DEVELOPMENT))) == (
        "[site] origin: mode 'development' works only with http://127.0.0.1:<port>, written so",
    )
    check_settings(replace(GOOD, site=replace(GOOD.site, mode=Mode.DEVELOPMENT, origin="http://127.0.0.1:8000")))


def test_a_rule_in_the_list_is_judged() -> None:
    rules = replace(GOOD.rules, require=(RequireRule("a", "一套表"), RequireRule("b", "exempt", skips=-1)))
    assert told(replace(GOOD, rules=rules)) == (
        "[[rules.require]] no. 2: tag: 'exempt' marks accounts that need no certificate",
        "[[rules.require]] no. 2: skips: must be 0 to 1000000",
    )


@pytest.mark.parametrize(("opens", "closes"), [(NAIVE, AWARE), (AWARE, NAIVE), (NAIVE, NAIVE), (NAIVE, None)])
def test_a_time_without_offset_is_told_and_not_compared(opens: datetime, closes: datetime | None) -> None:
    rules = replace(GOOD.rules, enrolment=EnrolmentWindow(opens, closes))
    problems = told(replace(GOOD, rules=rules))
    assert set(problems) <= {f"[rules.enrolment] {key}: must say its offset" for key in ("opens", "closes")}
    assert len(problems) == [opens, closes].count(NAIVE)


def test_a_rule_from_a_time_without_offset_is_told() -> None:
    rules = replace(GOOD.rules, require=(RequireRule("a", "一套表", Stage.ENFORCE, NAIVE),))
    assert told(replace(GOOD, rules=rules)) == ("[[rules.require]] no. 1: from: must say its offset",)
