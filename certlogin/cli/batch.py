"""Files of questions, one JSON object a line, and how their members are read. Each line has an answer of its own."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from math import isinf
from pathlib import Path
from typing import Any, BinaryIO, Final, Never, TypeVar

from certlogin.cli.printable import json_line
from certlogin.cli.verdicts import Verdict, unusable

#: A question may carry lists with very many entries.
LINE_MAX: Final = 256 * 1024 * 1024
_PART: Final = 1 << 20
_COUNT_MAX: Final = 1000
#: RFC 5280 4.1.2.5.1. Ages are taken off a moment: before the first day of the calendar there is none.
_FIRST_YEAR: Final = 1950
_IDENTIFIER: Final = re.compile(r"[0-2](?:\.[0-9]{1,40}){1,64}", re.ASCII)

_Value = TypeVar("_Value")


class Unreadable(ValueError):
    """Why a line is no question."""


def answers(file: Path, answer: Callable[[Mapping[str, Any]], Verdict]) -> Iterator[str]:
    """One line of JSON for each line that is not empty. Raises OSError: the file cannot be read."""
    with file.open("rb") as lines:
        for line in iter(lambda: lines.readline(LINE_MAX), b""):
            is_whole = len(line) < LINE_MAX or line.endswith(b"\n") or _skip_rest(lines) == 0
            if line.strip() or not is_whole:
                yield _answered(line if is_whole else None, answer)


def _skip_rest(lines: BinaryIO) -> int:
    """How many octets there were before the next line: what stands there must not be taken for a line of its own."""
    skipped = 0
    for part in iter(lambda: lines.readline(_PART), b""):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


def _answered(line: bytes | None, answer: Callable[[Mapping[str, Any]], Verdict]) -> str:
    """`line`: None where it was too long."""
    members: Mapping[str, Any] = {}
    try:
        if line is None:
            raise Unreadable(f"the line is longer than {LINE_MAX} octets")
        members = members_of(line)
        verdict = answer(members)
    except Unreadable as problem:
        verdict = unusable("bad_question", str(problem))
    facts = {
        "id": members.get("id"),
        "verdict": verdict.answer.value,
        "code": verdict.code,
        "detail": "; ".join((verdict.detail, *verdict.notes)) if verdict.notes else verdict.detail,
    }
    return json_line(facts)


def members_of(line: bytes) -> Mapping[str, Any]:
    """One line as JSON in which no member occurs twice. Raises Unreadable."""
    try:
        found = json.loads(line, object_pairs_hook=_once, parse_constant=_none_of_json, parse_float=_finite)
    except (ValueError, RecursionError):
        raise Unreadable("the line is not JSON, or names a member twice") from None
    if not isinstance(found, dict):
        raise Unreadable("the line is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member occurs twice")
    return found


def _none_of_json(name: str) -> Never:
    """What comes back in an answer must be JSON (RFC 8259 6: no NaN, no Infinity)."""
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError("too large a number")
    return number


def octets(members: Mapping[str, Any], name: str) -> bytes:
    """A member in base64. Raises Unreadable, as all below."""
    return _octets(members.get(name), name)


def list_of_octets(members: Mapping[str, Any], name: str) -> tuple[bytes, ...]:
    """A list of them; absent or null is empty."""
    found = members.get(name)
    if found is None:
        return ()
    if not isinstance(found, list):
        raise Unreadable(f"{name}: must be a list")
    return tuple(_octets(one, name) for one in found)


def text(members: Mapping[str, Any], name: str) -> str:
    """A member that is text, and not empty."""
    found = members.get(name)
    if not isinstance(found, str) or not found:
        raise Unreadable(f"{name}: must be text")
    if any(0xD800 <= ord(character) < 0xE000 for character in found):
        raise Unreadable(f"{name}: is no Unicode text")
    return found


def list_of_identifiers(members: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Object identifiers, dotted; absent or null is empty."""
    found = members.get(name)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(one, str) and _IDENTIFIER.fullmatch(one) for one in found):
        raise Unreadable(f"{name}: must be a list of object identifiers such as 1.2.156.10197")
    return tuple(found)


def moment(members: Mapping[str, Any], name: str, otherwise: datetime) -> datetime:
    found = members.get(name)
    if found is None:
        return otherwise
    if not isinstance(found, str):
        raise Unreadable(f"{name}: must be a time such as 2026-03-02T08:00:00Z")
    return read_moment(found)


def read_moment(text: str) -> datetime:
    """ISO 8601; without a zone it is UTC; of the years that certificates speak of. Raises Unreadable."""
    try:
        found = datetime.fromisoformat(text)
        moment = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.year < _FIRST_YEAR:
        raise Unreadable(f"{text[:40]!r} is no time such as 2026-03-02T08:00:00Z")
    return moment


def one_of(members: Mapping[str, Any], name: str, kind: Callable[[str], _Value], otherwise: _Value) -> _Value:
    """A member that is a value of an enum."""
    found = members.get(name)
    if found is None:
        return otherwise
    try:
        return kind(found)
    except ValueError:
        raise Unreadable(f"{name}: {str(found)[:40]!r} is none of the values it may have") from None


def count(members: Mapping[str, Any], name: str, otherwise: int) -> int:
    found = members.get(name)
    if found is None:
        return otherwise
    if type(found) is not int or not 0 <= found <= _COUNT_MAX:
        raise Unreadable(f"{name}: must be a whole number from 0 to {_COUNT_MAX}")
    return found


def _octets(value: object, name: str) -> bytes:
    if not isinstance(value, str):
        raise Unreadable(f"{name}: must be text in base64")
    try:
        return b64decode(value, validate=True)
    except ValueError:
        raise Unreadable(f"{name}: is not base64") from None
