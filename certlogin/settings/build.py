"""Plain data to frozen dataclasses, by their type hints; every problem is collected, none stops the reading.

A problem never repeats a value unless it is one of a closed list: the value may be a secret in the wrong place.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta, timezone
from difflib import get_close_matches
from enum import Enum
from reprlib import repr as short
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

#: Asia/Shanghai. The offset is fixed since 1991, and a machine without tzdata reads the same date.
SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")

_VERSION: Final = re.compile(r"(?:0|[1-9][0-9]{0,4})(?:\.(?:0|[1-9][0-9]{0,4})){3}", re.ASCII)
YEARS: Final = range(1970, 9000)

#: What a table's values mean together: takes what could be read, yields `key: problem`.
Checks = Callable[[type, Mapping[str, Any]], Iterator[str]]


class _Unusable(Exception):  # control flow inside this module only
    pass


@dataclass(frozen=True, slots=True)
class Place:
    """A table of the file, as a reader finds it there."""

    path: tuple[str, ...] = ()
    #: 1-based, in an array of tables.
    number: int | None = None

    def __str__(self) -> str:
        name = ".".join(self.path)
        if not name:
            return "top level:"
        return f"[{name}]" if self.number is None else f"[[{name}]] no. {self.number}:"

    def below(self, key: str, number: int | None = None) -> "Place":
        return Place((*self.path, key), number)


@dataclass(frozen=True, slots=True)
class Builder:
    """One reading: `problems` fills up while `table` returns what could be built."""

    check: Checks
    #: Words for a value that has no default, by (class, field).
    missing: Mapping[tuple[type, str], str]
    problems: list[str]
    #: Keys that are known where the class has no such field, or are not known though it has one.
    moved: Mapping[type, frozenset[str]]

    def table(self, kind: type[T], data: object, place: Place) -> T | None:
        """The dataclass, or None when a problem was found in it."""
        if not isinstance(data, Mapping):
            self.problems.append(f"{place} must be a table")
            return None
        before = len(self.problems)
        hints = get_type_hints(kind)
        known = {toml_name(field.name): field for field in fields(kind)}  # type: ignore[arg-type]
        self._refuse_unknown(data, known.keys() ^ self.moved.get(kind, frozenset()), place)
        values: dict[str, Any] = {}
        for name, field in known.items():
            if name in data or is_dataclass(hints[field.name]):
                self._read(values, hints[field.name], data.get(name, {}), field, place)
            if _is_absent(field, values, name in data, hints[field.name]):
                self.problems.append(f"{place} {name}: {self.missing.get((kind, field.name), 'is missing')}")
        self.problems.extend(f"{place} {problem}" for problem in self.check(kind, values))
        return kind(**values) if len(self.problems) == before else None

    def _refuse_unknown(self, data: Mapping[Any, object], known: Set[str], place: Place) -> None:
        for key in data:
            if key not in known:
                near = get_close_matches(key[:64], known, n=1, cutoff=0.5) if isinstance(key, str) else []
                nearest = f", nearest: {near[0]!r}" if near else ""
                self.problems.append(
                    f"{place} unknown key {short(key)}{nearest}; known keys: {', '.join(sorted(known))}"
                )

    def _read(self, values: dict[str, Any], hint: Any, data: object, field: "Field[Any]", place: Place) -> None:
        try:
            values[field.name] = self._value(hint, data, place, toml_name(field.name))
        except _Unusable:
            return

    def _value(self, hint: Any, data: object, place: Place, key: str) -> object:
        if get_origin(hint) in (Union, UnionType):  # `datetime | None`: TOML has no null
            hint = next(part for part in get_args(hint) if part is not type(None))
        if get_origin(hint) is tuple:
            parts = get_args(hint)
            return (
                self._sequence(parts[0], data, place, key)
                if parts[-1] is ...
                else self._scalar(tuple, data, place, key)
            )
        if is_dataclass(hint) and isinstance(hint, type):
            return _present(self.table(hint, data, place.below(key)))
        return self._scalar(hint, data, place, key)

    def _sequence(self, hint: Any, data: object, place: Place, key: str) -> tuple[object, ...]:
        if not isinstance(data, Sequence) or isinstance(data, str | bytes | bytearray):
            raise self._refusal(place, key, "must be a list")
        if is_dataclass(hint) and isinstance(hint, type):
            tables = [self.table(hint, entry, place.below(key, number)) for number, entry in enumerate(data, 1)]
            return tuple(_present(table) for table in tables)
        return tuple(self._scalar(hint, entry, place, key) for entry in data)

    def _scalar(self, hint: type, data: object, place: Place, key: str) -> object:
        try:
            return _enum(hint, data) if issubclass(hint, Enum) else _SCALARS[hint](data)
        except ValueError as problem:
            raise self._refusal(place, key, str(problem)) from None

    def _refusal(self, place: Place, key: str, problem: str) -> _Unusable:
        self.problems.append(f"{place} {key}: {problem}")
        return _Unusable()


def toml_name(field_name: str) -> str:
    """`from_` is written `from`: Python keeps that word for itself."""
    return field_name.rstrip("_")


def _present(table: T | None) -> T:
    if table is None:
        raise _Unusable
    return table


def is_required(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _is_absent(field: "Field[Any]", values: Mapping[str, Any], given: bool, hint: Any) -> bool:
    if not is_required(field) or is_dataclass(hint):
        return False
    return values[field.name] in ("", ()) if field.name in values else not given


def _enum(kind: type[Enum], data: object) -> Enum:
    for member in kind:
        if isinstance(data, str) and member.value == data:
            return member
    raise ValueError(f"must be one of: {', '.join(str(member.value) for member in kind)}")


def _text(data: object) -> str:
    if not isinstance(data, str):
        raise ValueError("must be text")
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in data):
        raise ValueError("must not hold control characters")
    if any(0xD800 <= ord(character) < 0xE000 for character in data):
        raise ValueError("must be valid Unicode")
    return data


def _number(data: object) -> int:
    if isinstance(data, bool) or not isinstance(data, int):
        raise ValueError("must be a whole number")
    return data


def _switch(data: object) -> bool:
    if not isinstance(data, bool):
        raise ValueError("must be true or false")
    return data


def _moment(data: object) -> datetime:
    """A date is its midnight in Asia/Shanghai; a time must say its offset."""
    if not isinstance(data, date) or data.year not in YEARS:
        raise ValueError(f"must be a date such as 2026-01-01, from {YEARS.start} on")
    if not isinstance(data, datetime):
        return datetime(data.year, data.month, data.day, tzinfo=SHANGHAI)
    if data.utcoffset() is None:
        raise ValueError("must say its offset, such as 2026-01-01T08:00:00+08:00")
    return data


def _version(data: object) -> tuple[int, ...]:
    if not isinstance(data, str) or not _VERSION.fullmatch(data):
        raise ValueError("must be text of four numbers, such as '1.5.1.0'")
    return tuple(int(part) for part in data.split("."))


_SCALARS: Final[Mapping[type, Callable[[object], object]]] = {
    str: _text,
    int: _number,
    bool: _switch,
    datetime: _moment,
    tuple: _version,
}
