"""Whatever a TOML file may hold is read or refused in printable lines; nothing else is ever raised."""

from collections.abc import Callable
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from certlogin.errors import ConfigurationError
from certlogin.settings import Settings, load_settings
from certlogin.settings.checks import check_settings
from certlogin.settings.loader import settings_from_mapping
from tests.settings.good import SMALLEST, changed
from tests.settings.test_reference import names

ZONES = st.none() | st.just(UTC) | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TEXTS = st.text(max_size=20) | st.sampled_from(
    ["P-256", "development", "/login", "https://a.example", "http://127.0.0.1:8000", "1.2.3", "1.5.1.0", "exempt",
     "sqlite:///x.db", "enforce", "advise", "match", "off", "memory", "2026-01-01", "", "//", "\ud800", "\x1b[2J"]
)  # fmt: skip
SCALARS = (
    TEXTS | st.integers() | st.integers(-10, 100_000) | st.floats() | st.booleans()
    | st.datetimes(timezones=ZONES) | st.dates() | st.times()
)  # fmt: skip
KEYS = st.text(max_size=8) | st.sampled_from(sorted({part for name in names() for part in name.split(".")}))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=6)
ENVIRONMENTS = st.dictionaries(
    st.sampled_from(["CERTLOGIN_SITE_SECRET_KEYS", "CERTLOGIN_CA_PASSPHRASE", "CERTLOGIN_STORES_DURABLE"]),
    st.text(max_size=80),
)


def outcome(read: Callable[[], Settings]) -> Settings | tuple[str, ...]:
    """The settings, or the lines that refuse them."""
    try:
        return read()
    except ConfigurationError as error:
        return error.problems


def check(read: Callable[[], Settings]) -> None:
    found = outcome(read)
    if isinstance(found, Settings):
        # What was read from a file passes as what a program put together, too.
        check_settings(found)
    else:
        assert found
        assert all(line.isprintable() for line in found)


@settings(max_examples=300, deadline=None)
@given(TABLES, ENVIRONMENTS)
def test_any_tables_are_read_or_refused(data: dict[str, Any], environ: dict[str, str]) -> None:
    check(lambda: settings_from_mapping(data, environ, "/srv/site"))


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(names()), VALUES, ENVIRONMENTS)
def test_good_settings_with_any_one_value_are_read_or_refused(
    name: str, value: object, environ: dict[str, str]
) -> None:
    path = name.replace("trust.anchors", "trust.anchors.0").replace("rules.require", "rules.require.0")
    base = changed("rules.require", [{"name": "roster", "tag": "一套表"}], SMALLEST)
    check(lambda: settings_from_mapping(changed(path, value, base), environ, "/srv/site"))


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_file_is_read_or_refused(content: bytes, tmp_path_factory: Any) -> None:
    file: Path = tmp_path_factory.getbasetemp() / "arbitrary.toml"
    file.write_bytes(content)
    check(lambda: load_settings(file, {}))
