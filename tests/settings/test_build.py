"""How plain data becomes values: each type, unknown names, and where a problem is said to be."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, Final

import pytest

from certlogin.settings.build import SHANGHAI
from certlogin.settings.rules import Stage, Unregistered
from certlogin.settings.site import Language
from certlogin.settings.trust import Revocation
from tests.settings.good import ISSUING, SECRET, SMALLEST, changed, problems, read

RULE: Final = {"name": "roster", "tag": "一套表"}
WRONG_TYPES: Final[list[object]] = [1, 1.5, True, "text", [], {}, date(2026, 1, 1), time(8), ["a", 1]]
NUMBER: Final = "must be a whole number"
TEXT: Final = "must be text"
LIST: Final = "must be a list"
DATE: Final = "must be a date such as 2026-01-01, from 1970 on"


def _wrong(*fitting: type) -> list[object]:
    return [value for value in WRONG_TYPES if type(value) not in fitting]


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        *(("site.name", value, f"[site] name: {TEXT}") for value in _wrong(str)),
        *(("helper.countdown", value, f"[helper] countdown: {NUMBER}") for value in _wrong(int)),
        *(("host.rotates", value, "[host] rotates: must be true or false") for value in _wrong(bool)),
        *(("rules.enrolment.opens", value, f"[rules.enrolment] opens: {DATE}") for value in _wrong(date)),
        *(
            ("site.mode", value, "[site] mode: must be one of: production, development")
            for value in [*_wrong(), "PRODUCTION", ""]
        ),
        *(
            ("rules.helper.minimum", value, "[rules.helper] minimum: must be text of four numbers, such as '1.5.1.0'")
            for value in [*_wrong(), "1.5.1", "1.5.1.0.0", "01.5.1.0", "1.5.1.100000", "1.5.1.０", "1.5.1.0 ", ""]
        ),
        *(("helper.ports", value, f"[helper] ports: {LIST}") for value in _wrong(list)),
        *(("rules.require", value, f"[rules] require: {LIST}") for value in _wrong(list)),
        ("host.paths.public", ["/a", 1], f"[host.paths] public: {TEXT}"),
        ("helper.ports", [17561, "17562"], f"[helper] ports: {NUMBER}"),
        ("helper.ports", [True], f"[helper] ports: {NUMBER}"),
        *(("tickets", value, "[tickets] must be a table") for value in _wrong(dict)),
        *(("host.paths", value, "[host.paths] must be a table") for value in _wrong(dict)),
        ("rules.require", [RULE, "text"], "[[rules.require]] no. 2: must be a table"),
    ],
)
def test_a_value_of_another_type_is_refused_and_not_repeated(path: str, value: object, line: str) -> None:
    assert problems(changed(path, value)) == (line,)


@pytest.mark.parametrize("character", ["\x00", "\n", "\x1b", "\x7f", "\x85", "\x9b"])
def test_text_holds_no_control_characters(character: str) -> None:
    assert problems(changed("site.name", f"a{character}b")) == ("[site] name: must not hold control characters",)


def test_text_is_unicode() -> None:
    assert problems(changed("site.name", "a\ud800b")) == ("[site] name: must be valid Unicode",)
    assert read(changed("site.name", "普查 🏢\u00a0")).site.name == "普查 🏢\u00a0"


def test_modes_and_the_like_become_members() -> None:
    data = changed("rules.require", [{**RULE, "stage": "advise"}])
    data = changed("site.language", "en", changed("trust.anchors.0.revocation", "off", data))
    settings = read(changed("adoption.unregistered", "match", data))
    assert settings.rules.require[0].stage is Stage.ADVISE
    assert settings.site.language is Language.EN
    assert settings.trust.anchors[0].revocation is Revocation.OFF
    assert settings.rules.adoption.unregistered is Unregistered.MATCH


def test_a_version_becomes_its_numbers() -> None:
    assert read(changed("rules.helper.minimum", "1.5.1.0")).rules.helper.minimum == (1, 5, 1, 0)
    assert read(changed("rules.helper.minimum", "0.0.0.99999")).rules.helper.minimum == (0, 0, 0, 99999)


# Dates


def _from(value: object) -> datetime | None:
    return read(changed("rules.require", [{**RULE, "from": value}], ISSUING)).rules.require[0].from_


def test_e1_a_date_is_its_midnight_in_shanghai() -> None:
    assert _from(date(2017, 12, 1)) == datetime(2017, 11, 30, 16, 0, tzinfo=UTC)
    assert SHANGHAI.utcoffset(None) == timedelta(hours=8)


def test_a_time_with_its_offset_is_kept() -> None:
    there = timezone(timedelta(hours=-5))
    assert _from(datetime(2026, 1, 1, 8, tzinfo=there)) == datetime(2026, 1, 1, 13, tzinfo=UTC)


def test_a_time_without_offset_is_refused() -> None:
    (problem,) = problems(changed("rules.require", [{**RULE, "from": datetime(2026, 1, 1, 8)}]))  # noqa: DTZ001
    assert problem == "[[rules.require]] no. 1: from: must say its offset, such as 2026-01-01T08:00:00+08:00"


@pytest.mark.parametrize("year", [1, 1969, 9000, 9999])
def test_a_year_that_only_a_mistake_can_name_is_refused(year: int) -> None:
    assert problems(changed("rules.enrolment.opens", date(year, 6, 1))) == (f"[rules.enrolment] opens: {DATE}",)


@pytest.mark.parametrize("year", [1970, 8999])
def test_the_first_and_the_last_year_pass(year: int) -> None:
    assert problems(changed("rules.enrolment.opens", date(year, 6, 1))) == ()


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        (date(2026, 1, 2), date(2026, 1, 1)),
        (date(2026, 1, 1), date(2026, 1, 1)),
        (date(2026, 1, 1), datetime(2025, 12, 31, 16, tzinfo=UTC)),
    ],
)
def test_a_window_closes_after_it_opens(opens: date, closes: date) -> None:
    data = changed("rules.enrolment", {"opens": opens, "closes": closes})
    assert problems(data) == ("[rules.enrolment] closes: must be later than opens",)


def test_a_window_of_a_moment_passes() -> None:
    window = {"opens": date(2026, 1, 1), "closes": datetime(2025, 12, 31, 16, 0, 1, tzinfo=UTC)}
    assert problems(changed("rules.enrolment", window)) == ()


# Unknown names


@pytest.mark.parametrize(
    ("path", "place", "nearest"),
    [
        ("sites", "top level:", "site"),
        ("site.orign", "[site]", "origin"),
        ("site.secret_key", "[site]", "secret_keys"),
        ("host.auth_cookie", "[host]", "auth_cookies"),
        ("host.path", "[host]", "paths"),
        ("host.paths.publik", "[host.paths]", "public"),
        ("trust.anchor", "[trust]", "anchors"),
        ("trust.anchors.0.crl", "[[trust.anchors]] no. 1:", "crls"),
        ("rules.requires", "[rules]", "require"),
        ("rules.helper.minimal", "[rules.helper]", "minimum"),
        ("rules.enrolment.open", "[rules.enrolment]", "opens"),
        ("adoption.unregisterd", "[adoption]", "unregistered"),
        ("ca.passphrases", "[ca]", "passphrase"),
        ("tickets.absolut", "[tickets]", "absolute"),
        ("attempts.held_maximum", "[attempts]", "held_max"),
        ("helper.port", "[helper]", "ports"),
        ("stores.lockfile", "[stores]", "lock_file"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(path: str, place: str, nearest: str) -> None:
    (problem,) = problems(changed(path, "x"))
    name = path.rsplit(".", 1)[-1]
    assert problem.startswith(f"{place} unknown key {name!r}, nearest: {nearest!r}; known keys: ")
    assert nearest in problem.partition("known keys: ")[2].split(", ")


def test_a_name_that_is_near_nothing_lists_the_known_ones() -> None:
    (problem,) = problems(changed("tickets.zzz", 1))
    assert problem == "[tickets] unknown key 'zzz'; known keys: absolute, idle, recheck, recheck_grace"


def test_the_word_python_keeps_is_known_as_it_is_written() -> None:
    (problem,) = problems(changed("rules.require", [{**RULE, "from_": date(2026, 1, 1)}]))
    assert "unknown key 'from_', nearest: 'from'" in problem


@pytest.mark.parametrize("name", ["x" * 100_000, "a\nb", "\x1b[31m", "\ud800"])
def test_a_strange_name_is_told_in_one_short_printable_line(name: str) -> None:
    (problem,) = problems(changed("site", {**SMALLEST["site"], name: 1}))
    assert len(problem) < 300
    assert problem.isprintable()


def test_an_entry_of_a_list_is_named_by_its_number() -> None:
    rules: list[Any] = [RULE, {**RULE, "name": "other", "stage": "enforced"}]
    assert problems(changed("rules.require", rules)) == (
        "[[rules.require]] no. 2: stage: must be one of: report, advise, enforce",
    )


def test_the_keys_of_one_table_are_all_judged() -> None:
    data = changed("site", {"origin": 1, "secret_keys": [SECRET], "label": 2, "prefix": 3, "unknown": 4})
    assert [problem.split(":")[0] for problem in problems(data)] == [
        "[site] unknown key 'unknown'; known keys", "[site] origin", "[site] label", "[site] prefix",
    ]  # fmt: skip
