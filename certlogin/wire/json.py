"""The strict JSON reader of all messages, from the browser and from the helper, and readers of single members.

PURE. It decides what is well-formed: one object, UTF-8, no duplicate or unknown member, integers only, shallow. It does
not know what a message means. Two readers of one text must never see two messages; what is ambiguous is refused (S19).
"""

import json
import re
from collections.abc import Iterable
from typing import Never, TypeAlias

from certlogin.wire.b64 import decode
from certlogin.wire.bad_request import BadRequest

__all__ = [
    "BadRequest",
    "JsonObject",
    "JsonValue",
    "b64url",
    "b64url_list",
    "boolean",
    "exact_members",
    "integer",
    "integer_or_none",
    "matching",
    "object_list",
    "read_object",
    "text",
    "text_list",
    "write_object",
]

JsonValue: TypeAlias = "bool | int | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

#: RFC 8259, 6: integers beyond it are read differently by different readers.
_LARGEST_INTEGER = 2**53 - 1
_LARGEST_INTEGER_DIGITS = 16
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def read_object(data: bytes, limit: int, depth: int = 4) -> JsonObject:
    """The object that `data` is; `depth` counts the object itself. Raises BadRequest."""
    if len(data) > limit:
        raise BadRequest("too_long")
    characters = _characters(data)
    try:
        value = _DECODER.decode(characters)
    except RecursionError:
        raise BadRequest("too_deep") from None
    except ValueError:
        raise BadRequest("not_json") from None
    if not isinstance(value, dict):
        raise BadRequest("not_an_object")
    _check(value, depth, "")
    return value


def _characters(data: bytes) -> str:
    # RFC 8259, 8.1 lets a reader skip it; a reader that does sees another message than one that does not.
    if data.startswith(b"\xef\xbb\xbf"):
        raise BadRequest("byte_order_mark")
    try:
        # Strict decoding refuses surrogates written as UTF-8 bytes; those written as \ud800 are found in `_check`.
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("not_utf8") from None


def write_object(value: JsonObject) -> bytes:
    """Compact UTF-8, members in the order given."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def exact_members(value: JsonObject, required: Iterable[str], optional: Iterable[str] = ()) -> None:
    """Raises BadRequest `missing_member` or `unknown_member`."""
    needed = set(required)
    for name in sorted(needed - value.keys()):
        raise BadRequest("missing_member", name)
    for name in sorted(value.keys() - needed - set(optional)):
        raise BadRequest("unknown_member", _shown(name))


def text(value: JsonObject, member: str, limit: int = 1024, *, empty: bool = False) -> str:
    """A string without control characters, at most `limit` characters."""
    return _text(_get(value, member), member, limit, empty=empty)


def matching(value: JsonObject, member: str, pattern: str) -> str:
    """A string that the whole of `pattern` matches."""
    found = _get(value, member)
    if not isinstance(found, str):
        raise BadRequest("not_text", member)
    if re.fullmatch(pattern, found, re.ASCII) is None:
        raise BadRequest("not_allowed", member)
    return found


def integer(value: JsonObject, member: str, minimum: int = 0, maximum: int = _LARGEST_INTEGER) -> int:
    """`True` is not 1."""
    found = _get(value, member)
    if not isinstance(found, int) or isinstance(found, bool):
        raise BadRequest("not_integer", member)
    if not minimum <= found <= maximum:
        raise BadRequest("out_of_range", member)
    return found


def integer_or_none(value: JsonObject, member: str, minimum: int = 0, maximum: int = _LARGEST_INTEGER) -> int | None:
    return None if _get(value, member) is None else integer(value, member, minimum, maximum)


def boolean(value: JsonObject, member: str) -> bool:
    found = _get(value, member)
    if not isinstance(found, bool):
        raise BadRequest("not_boolean", member)
    return found


def b64url(value: JsonObject, member: str, limit: int = 8192, minimum: int = 1) -> bytes:
    """Canonical base64url of `minimum` to `limit` bytes."""
    return _bytes(_get(value, member), member, limit, minimum)


def text_list(value: JsonObject, member: str, count: int = 16, limit: int = 64) -> tuple[str, ...]:
    """At most `count` non-empty strings of at most `limit` characters."""
    return tuple(_text(item, member, limit, empty=False) for item in _list(value, member, count))


def b64url_list(value: JsonObject, member: str, count: int = 6, limit: int = 16384) -> tuple[bytes, ...]:
    """At most `count` byte strings of at most `limit` bytes each."""
    return tuple(_bytes(item, member, limit, 1) for item in _list(value, member, count))


def object_list(value: JsonObject, member: str, count: int = 16) -> tuple[JsonObject, ...]:
    items = []
    for item in _list(value, member, count):
        if not isinstance(item, dict):
            raise BadRequest("not_an_object", member)
        items.append(item)
    return tuple(items)


def _get(value: JsonObject, member: str) -> JsonValue:
    try:
        return value[member]
    except KeyError:
        raise BadRequest("missing_member", member) from None


def _list(value: JsonObject, member: str, count: int) -> list[JsonValue]:
    found = _get(value, member)
    if not isinstance(found, list):
        raise BadRequest("not_a_list", member)
    if len(found) > count:
        raise BadRequest("too_many", member)
    return found


def _text(found: JsonValue, member: str, limit: int, *, empty: bool) -> str:
    if not isinstance(found, str):
        raise BadRequest("not_text", member)
    if not found and not empty:
        raise BadRequest("empty", member)
    if len(found) > limit:
        raise BadRequest("too_long", member)
    # What is shown to people or written to a log must not move the cursor or end the line.
    if _CONTROL.search(found):
        raise BadRequest("control_character", member)
    return found


def _bytes(found: JsonValue, member: str, limit: int, minimum: int) -> bytes:
    if not isinstance(found, str):
        raise BadRequest("not_text", member)
    # Four characters carry three bytes; longer texts are refused before they are decoded.
    if len(found) > (limit + 2) // 3 * 4:
        raise BadRequest("too_long", member)
    data = decode(found, member)
    if not minimum <= len(data) <= limit:
        raise BadRequest("wrong_length", member)
    return data


def _check(value: JsonValue, depth: int, member: str) -> None:
    """Nesting and lone surrogates, which the standard library lets pass."""
    if isinstance(value, str):
        _whole_characters(value, member)
    elif isinstance(value, (dict, list)):
        if depth == 0:
            raise BadRequest("too_deep", member)
        for name, item in value.items() if isinstance(value, dict) else ((member, item) for item in value):
            _whole_characters(name, member)
            _check(item, depth - 1, _shown(name))


def _whole_characters(value: str, member: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise BadRequest("lone_surrogate", member) from None


def _shown(name: str) -> str:
    """A foreign name in the log: printable and short."""
    return name[:64] if name.isprintable() else "?"


def _unique(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found: JsonObject = {}
    for name, value in pairs:
        if name in found:
            raise BadRequest("duplicate_member", _shown(name))
        found[name] = value
    return found


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > _LARGEST_INTEGER_DIGITS or abs(int(digits)) > _LARGEST_INTEGER:
        raise BadRequest("out_of_range")
    return int(digits)


def _no_float(_: str) -> Never:
    raise BadRequest("not_integer")


def _no_constant(_: str) -> Never:
    raise BadRequest("not_a_number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_no_float, parse_int=_integer, parse_constant=_no_constant, strict=True
)
