"""What is dangerous has no default: without it the start stops, with one line each."""

from typing import Any, Final

import pytest

from tests.settings.good import LEFT_OUT, changed, problems, read

LINES: Final = {
    "site.origin": "[site] origin: is missing; give scheme://host[:port] as the browser sends it in Origin",
    "site.secret_keys": "[site] secret_keys: is missing; give at least one key of 32 bytes or more, here or in "
    "CERTLOGIN_SITE_SECRET_KEYS",
    "host.auth_cookies": "[host] auth_cookies: is missing; name every cookie by which the host recognises a user, "
    "remember-me included",
    "host.paths.login": "[host.paths] login: is missing; give the path of the host's login page",
    "trust.anchors": "[trust] anchors: is missing; give at least one [[trust.anchors]] with name and file",
}
EMPTY: Final[dict[str, object]] = {path: "" if path == "site.origin" else [] for path in LINES}


@pytest.mark.parametrize("path", LINES)
@pytest.mark.parametrize("how", ["left out", "empty"])
def test_without_it_the_start_stops_with_one_line(path: str, how: str) -> None:
    value = LEFT_OUT if how == "left out" else EMPTY[path]
    assert problems(changed(path, value)) == (LINES[path],)


def test_an_empty_file_is_told_everything_that_is_missing() -> None:
    assert problems({}) == tuple(LINES.values())


@pytest.mark.parametrize(("table", "count"), [("site", 2), ("host", 2), ("trust", 1)])
def test_a_table_that_is_missing_is_told_key_by_key(table: str, count: int) -> None:
    lines = problems(changed(table, LEFT_OUT))
    assert lines == tuple(line for path, line in LINES.items() if path.startswith(table))
    assert len(lines) == count


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("trust.anchors.0.name", "[[trust.anchors]] no. 1: name: is missing"),
        ("trust.anchors.0.file", "[[trust.anchors]] no. 1: file: is missing"),
        ("rules.require.0.name", "[[rules.require]] no. 1: name: is missing"),
        ("rules.require.0.tag", "[[rules.require]] no. 1: tag: is missing"),
    ],
)
@pytest.mark.parametrize("value", [LEFT_OUT, ""], ids=["left out", "empty"])
def test_an_entry_needs_its_names(path: str, line: str, value: object) -> None:
    base = changed("rules.require", [{"name": "roster", "tag": "一套表"}])
    assert problems(changed(path, value, base)) == (line,)


def test_everything_else_has_a_default() -> None:
    settings = read(changed("rules", {}))
    assert settings.rules.require == ()
    assert settings.site.prefix == "/certlogin"
    assert settings.trust.anchors[0].strict is True


def test_trust_is_never_assumed() -> None:
    """No anchor of the operating system, no relaxed revocation unless somebody wrote so."""
    anchor: Any = read(changed("rules", {})).trust.anchors[0]
    assert anchor.revocation.value == "require"
    assert anchor.crls == ()
