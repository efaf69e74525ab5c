"""`docs/reference/settings.md` names every setting, with its type and its default, and nothing that does not exist."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

import pytest

from certlogin.settings import Settings, loader
from certlogin.settings.build import toml_name
from tests.settings.good import SECRET, read

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
TYPES: Final[dict[Any, str]] = {
    str: "text",
    int: "whole number",
    bool: "true or false",
    datetime: "date or time",
    tuple[str, ...]: "list of text",
    tuple[int, ...]: "list of whole numbers",
    tuple[int, int, int, int]: "version",
}
REQUIRED: Final = "**required**"
#: Tables that may stand several times.
SEVERAL: Final = (
    "trust.anchors",
    "rules.require",
    "rules.upgrade",
    "rules.upgrade.any",
    "rules.helper.blocked",
    "rules.helper.systems",
)


def rows(kind: type = Settings, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str, str, str]]:
    """Table, name, type and default of every setting, as the code has them."""
    hints = get_type_hints(kind)
    for field in fields(kind):
        name = toml_name(field.name)
        hint = _without_none(hints[field.name])
        entry = get_args(hint)[0] if get_origin(hint) is tuple else hint
        if not is_dataclass(entry):
            yield ".".join(path), name, _type(hint), _default(field)
            continue
        assert isinstance(entry, type)
        if entry is not hint:
            yield ".".join(path), name, "list of tables", _default(field)
        # [adoption] is the one table that stands elsewhere in the file.
        yield from rows(entry, ("adoption",) if (*path, name) == ("rules", "adoption") else (*path, name))


def names() -> list[str]:
    """Every dotted name that may stand in the file."""
    return [f"{table}.{name}" for table, name, _, _ in rows()]


def _without_none(hint: Any) -> Any:
    parts = [part for part in get_args(hint) if part is not type(None)]
    return parts[0] if type(None) in get_args(hint) else hint


def _type(hint: Any) -> str:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(f"`{member.value}`" for member in hint)
    if get_origin(hint) is tuple and issubclass(get_args(hint)[0], Enum):
        return f"list of {_type(get_args(hint)[0])}"
    return TYPES[hint]


def _default(field: "Field[Any]") -> str:
    if field.default is MISSING:
        return REQUIRED
    return "not set" if field.default is None else f"`{_toml(field.default, field.name)}`"


def _toml(value: object, name: str) -> str:
    if isinstance(value, tuple) and name in ("minimum", "recommended"):
        return json.dumps(".".join(map(str, value)))
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def page_rows(text: str) -> Iterator[tuple[str, str, str, str, str]]:
    """Table, name, type, default and meaning of every row of the page."""
    table = ""
    for line in text.splitlines():
        heading = re.fullmatch(r"## `\[{1,2}([a-z0-9._]+)\]{1,2}`", line)
        if line.startswith("## "):
            table = heading[1] if heading else ""
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if table and line.startswith("| `") and len(cells) == 4:
            name, kind, default, meaning = cells
            yield table, name.strip("`"), kind, default, meaning


def test_the_page_has_every_setting_with_type_and_default() -> None:
    assert {row[:4] for row in page_rows(PAGE.read_text(encoding="utf-8"))} == set(rows())


def test_no_setting_is_told_twice_and_each_has_a_meaning() -> None:
    found = list(page_rows(PAGE.read_text(encoding="utf-8")))
    assert len({row[:2] for row in found}) == len(found) == len(names())
    assert all(len(meaning) > 10 and meaning.endswith(".") for *_, meaning in found)


@pytest.mark.parametrize("old", ["| `idle` |", "`28800`", "| version |", "## `[tickets]`"])
def test_a_page_that_lacks_or_changes_something_is_found_out(old: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert old in text
    assert {row[:4] for row in page_rows(text.replace(old, "| `x` |"))} != set(rows())


def test_every_table_of_the_file_has_its_heading() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for table in {name.rpartition(".")[0] for name in names()}:
        several = table in SEVERAL
        assert (f"## `[[{table}]]`" if several else f"## `[{table}]`") in text


def test_the_page_names_every_variable_of_the_environment() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for variable, table, key, _ in loader._ENVIRONMENT:
        assert f"| `{variable}` | `[{table}] {key}`" in text


def test_the_examples_of_the_page_are_settings_that_pass() -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        data = tomllib.loads(example)
        assert read(data, CERTLOGIN_SITE_SECRET_KEYS=SECRET).rules.require[0].tag == "一套表"
        assert len(data["site"]["secret_keys"][0].encode()) >= 32
