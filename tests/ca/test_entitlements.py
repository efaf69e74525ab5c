"""The list of units as an operator writes it."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.ca.entitlements import Entitlement, read_entitlements, removals
from certlogin.errors import ConfigurationError
from certlogin.records.unit import UnitId
from tests.factory import DAY, NOW, OTHER_CODE, UNIT_CODE

CSV = f"""id,name,code,opens,closes
u-1,测试单位,{UNIT_CODE},2026-03-01,2026-04-01T12:00:00+00:00
u-2,"Other, Ltd.",{OTHER_CODE.lower()},,
"""
LINES = "\n".join(
    [
        json.dumps(
            {"id": "u-1", "name": "测试单位", "code": UNIT_CODE, "opens": "2026-03-01", "closes": "2026-04-01T12:00Z"}
        ),
        "",
        json.dumps({"code": OTHER_CODE, "name": "Other, Ltd.", "id": "u-2", "opens": None}, ensure_ascii=False),
    ]
)
READ = [
    Entitlement(
        UnitId("u-1"),
        "测试单位",
        UNIT_CODE,
        # A date is its midnight in Asia/Shanghai, as in the settings.
        datetime(2026, 2, 28, 16, tzinfo=UTC),
        datetime(2026, 4, 1, 12, tzinfo=UTC),
    ),
    Entitlement(UnitId("u-2"), "Other, Ltd.", OTHER_CODE),
]


def csv(*lines: str) -> str:
    return "\n".join(("id,name,code,opens,closes", *lines)) + "\n"


def problems(text: str, *, lines_of_json: bool = False) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as refused:
        read_entitlements(text, lines_of_json=lines_of_json)
    return refused.value.problems


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_csv_and_lines_of_json_say_the_same(start: str) -> None:
    assert read_entitlements(start + CSV, lines_of_json=False) == READ
    assert read_entitlements(start + CSV.replace("\n", "\r\n"), lines_of_json=False) == READ
    assert read_entitlements(start + LINES, lines_of_json=True) == READ


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (f",name,{UNIT_CODE},,", "id must be a text"),
        (f"u-1, ,{UNIT_CODE},,", "name must be a text"),
        (f"u-1,na\x1bme,{UNIT_CODE},,", "name must be a text"),
        (f"u-1,{'x' * 201},{UNIT_CODE},,", "name must be a text"),
        ("u-1,name,,,", "code must be a text"),
        ("u-1,name,123,,", "unit_code_invalid"),
        (f"u-1,name,{UNIT_CODE},soon,", "soon"),
        (f"u-1,name,{UNIT_CODE},2026-03-01,2026-03-01", "closes must be later"),
        (f"u-1,name,{UNIT_CODE},2026-03-02,2026-03-01", "closes must be later"),
        (f"u-1,name,{UNIT_CODE},,,more", "more cells"),
        (f'u-1,"na"me,{UNIT_CODE},,', "expected after"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_read(line: str, problem: str) -> None:
    (found,) = problems(csv(f"u-0,good,{UNIT_CODE},,", line))
    assert found.startswith("line 3: ")
    assert problem in found


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 1"),
        ("[]", "not an object"),
        ("[" * 100_000, "line 1"),
        (json.dumps({"id": 1, "name": "n", "code": UNIT_CODE}), "id must be a text"),
        (json.dumps({"id": "u", "name": "\ud800", "code": UNIT_CODE}), "name must be a text"),
        (json.dumps({"id": "u", "name": "n", "code": UNIT_CODE, "opens": 5}), "opens must be a text"),
        (json.dumps({"id": "u", "name": "n", "code": UNIT_CODE, "tags": []}), "unknown column tags"),
    ],
)
def test_a_bad_object_is_named(line: str, problem: str) -> None:
    (found,) = problems(line, lines_of_json=True)
    assert problem in found


def test_every_bad_line_is_told_at_once_but_not_without_end() -> None:
    assert len(problems(csv("u-1,,,,", "u-2,,,,"))) == 2
    assert len(problems(csv(*["u-1,,,,"] * 100))) == 20


def test_a_unit_occurs_once() -> None:
    assert "occurs twice" in problems(csv(*[f"u-1,name,{UNIT_CODE},,"] * 2))[0]


def test_an_unknown_column_is_refused() -> None:
    assert "unknown column tag" in problems(f"id,name,code,tag\nu-1,name,{UNIT_CODE},x\n")[0]


def test_removals() -> None:
    assert removals([UnitId("u-1"), UnitId("u-3"), UnitId("u-0")], READ) == ["u-0", "u-3"]


def test_the_window_opens_at_and_closes_before() -> None:
    listed = Entitlement(UnitId("u"), "n", UNIT_CODE, NOW, NOW + DAY)
    assert [listed.is_open(NOW + offset) for offset in (-DAY, 0 * DAY, DAY)] == [False, True, False]


@given(st.text(), st.booleans())
def test_any_text_is_read_or_refused(text: str, lines_of_json: bool) -> None:
    for whole in (text, f"id,name,code,opens,closes\n{text}"):
        try:
            found = read_entitlements(whole, lines_of_json=lines_of_json)
        except ConfigurationError:
            continue
        assert len({one.unit_id for one in found}) == len(found)


values = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just(UNIT_CODE) | st.just("2026-03-01")
members = st.sampled_from(["id", "name", "code", "opens", "closes", "x"])


@given(st.lists(st.dictionaries(members, values), max_size=4))
def test_any_objects_are_read_or_refused(objects: list[dict[str, object]]) -> None:
    try:
        found = read_entitlements("\n".join(map(json.dumps, objects)), lines_of_json=True)
    except ConfigurationError:
        return
    assert len(found) == len(objects)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=50))
def test_what_is_written_well_is_read(name: str) -> None:
    text = json.dumps({"id": name, "name": name, "code": UNIT_CODE})
    assert read_entitlements(text, lines_of_json=True) == [Entitlement(UnitId(name), name, UNIT_CODE)]
