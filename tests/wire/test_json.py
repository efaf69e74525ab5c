"""The strict JSON reader (S19): two readers of one text never see two messages."""

import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.wire.bad_request import BadRequest
from certlogin.wire.json import (
    JsonObject,
    JsonValue,
    b64url,
    b64url_list,
    boolean,
    exact_members,
    integer,
    integer_or_none,
    matching,
    object_list,
    read_object,
    text,
    text_list,
    write_object,
)
from tests.companions import companion, without

#: As the standard library reads, by itself.
PLAIN: dict[str, object] = {"certlogin.wire.json._DECODER": json.JSONDecoder()}
LIKE_ANYBODY: dict[str, object] = {
    **PLAIN,
    "certlogin.wire.json._characters": lambda data: data.decode(json.detect_encoding(data), "surrogatepass"),
    "certlogin.wire.json._check": lambda *_: None,
}
#: The first of two members of a name counts, and the second as everywhere.
FIRST_COUNTS: dict[str, object] = {
    "certlogin.wire.json._DECODER": json.JSONDecoder(object_pairs_hook=lambda pairs: dict(reversed(pairs)))
}
ANY_REST: dict[str, object] = {
    "certlogin.wire.json._DECODER": SimpleNamespace(decode=lambda text: json.JSONDecoder().raw_decode(text)[0])
}
ANY_DEPTH: dict[str, object] = {"certlogin.wire.json._check": lambda *_: None}

_LARGEST = 2**53 - 1
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-_LARGEST, _LARGEST) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


@given(st.dictionaries(_TEXTS, _VALUES, max_size=4))
def test_what_was_written_is_read(value: JsonObject) -> None:
    assert read_object(write_object(value), 10**6, depth=_depth(value)) == value


@without(ANY_DEPTH)
@given(st.dictionaries(_TEXTS, _VALUES, max_size=4))
def test_s19_nesting_beyond_the_allowed_depth_is_refused(value: JsonObject) -> None:
    with pytest.raises(BadRequest) as caught:
        read_object(write_object(value), 10**6, depth=_depth(value) - 1)
    assert caught.value.reason == "too_deep"


_PAIRS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), max_size=4)
_DOUBLED = _PAIRS.map(lambda pairs: "{" + ",".join(f'"{name}":{number}' for name, number in pairs) + "}")
_LIKE_JSON = st.text('{}[]":,0123456789.eE+-tru falsn\\\\ud8', max_size=60)


@without(FIRST_COUNTS, sees="two messages in one")
@given(st.binary(max_size=80) | (_DOUBLED | _LIKE_JSON).map(str.encode))
def test_s19_any_bytes_are_an_object_or_a_bad_request(data: bytes) -> None:
    try:
        value = read_object(data, 64)
    except BadRequest:
        return
    assert value == json.loads(data), "two messages in one"


@without(ANY_REST)
@given(st.dictionaries(_TEXTS, _VALUES, min_size=1, max_size=3), st.data())
def test_s19_no_part_of_a_message_is_a_message(value: JsonObject, data: st.DataObject) -> None:
    whole = write_object(value)
    cut = data.draw(st.integers(0, len(whole) - 1))
    for broken in (whole[:cut], whole + b"x", whole + b"{}"):
        with pytest.raises(BadRequest):
            read_object(broken, 10**6)


#: Each is read by the standard library without complaint.
_AMBIGUOUS = [
    (b'{"a":1,"a":2}', "duplicate_member", "a"),
    (b'{"a":{"b":1,"b":1}}', "duplicate_member", "b"),
    (b'{"a\\n":1,"a\\n":2}', "duplicate_member", "?"),
    (b'{"a":NaN}', "not_a_number", ""),
    (b'{"a":Infinity}', "not_a_number", ""),
    (b'{"a":-Infinity}', "not_a_number", ""),
    (b'{"a":1.0}', "not_integer", ""),
    (b'{"a":1e3}', "not_integer", ""),
    (b'{"a":9007199254740992}', "out_of_range", ""),
    (b'{"a":-9007199254740992}', "out_of_range", ""),
    (b'{"a":' + b"9" * 60 + b"}", "out_of_range", ""),
    (b'{"a":"\\ud800"}', "lone_surrogate", "a"),
    (b'{"a":["\\udfff"]}', "lone_surrogate", "a"),
    (b'{"\\ud800":1}', "lone_surrogate", ""),
    (b'{"a":[[[[1]]]]}', "too_deep", "a"),
    (b"\xef\xbb\xbf{}", "byte_order_mark", ""),
    (b'{"a":"\xed\xa0\x80"}', "not_utf8", ""),
    ('{"a":1}'.encode("utf-16"), "not_utf8", ""),
]


@without(LIKE_ANYBODY)
@pytest.mark.parametrize(("data", "reason", "member"), _AMBIGUOUS)
def test_s19_what_two_readers_could_read_differently_is_refused(data: bytes, reason: str, member: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_object(data, 200)
    assert (caught.value.reason, caught.value.member) == (reason, member)


@companion("test_s19_what_two_readers_could_read_differently_is_refused")
@pytest.mark.parametrize("data", [data for data, _, _ in _AMBIGUOUS])
def test_s19_companion_the_standard_library_reads_them(data: bytes) -> None:
    json.loads(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"{'a':1}", "not_json"),
        (b'{"a":1,}', "not_json"),
        (b'{"a":01}', "not_json"),
        (b'{"a":"\n"}', "not_json"),
        (b'{"a":"\xff"}', "not_utf8"),
        (b"[]", "not_an_object"),
        (b'"a"', "not_an_object"),
        (b"1", "not_an_object"),
        (b" " * 201, "too_long"),
    ],
)
def test_what_is_no_json_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_object(data, 200)
    assert caught.value.reason == reason


@pytest.mark.parametrize("opening", [b'{"a":', b"["])
def test_a_bomb_of_brackets_is_refused(opening: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        read_object(opening * 100_000, 10**6)
    assert caught.value.reason == "too_deep"


def test_the_largest_integers_and_a_length_at_the_limit_are_read() -> None:
    data = b'{"a":[9007199254740991,-9007199254740991]}'
    assert read_object(data, len(data)) == {"a": [_LARGEST, -_LARGEST]}


_MEMBERS: JsonObject = {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("required", "optional", "reason", "member"),
    [
        ("abc", "", "missing_member", "c"),
        ("a", "", "unknown_member", "b"),
        ("ab", "c", None, None),
        ("a", "b", None, None),
    ],
)
def test_exactly_the_named_members(required: str, optional: str, reason: str | None, member: str | None) -> None:
    if reason is None:
        exact_members(_MEMBERS, required, optional)
        return
    with pytest.raises(BadRequest) as caught:
        exact_members(_MEMBERS, required, optional)
    assert (caught.value.reason, caught.value.member) == (reason, member)


def test_a_foreign_name_in_the_log_is_short_and_printable() -> None:
    for name, shown in (("x" * 100, "x" * 64), ("a\x1b[2J", "?")):
        with pytest.raises(BadRequest) as caught:
            exact_members({name: 1}, ())
        assert caught.value.member == shown


_Reader = Callable[[JsonObject], object]


@pytest.mark.parametrize(
    ("reader", "good", "read", "bad"),
    [
        (
            lambda v: text(v, "m", 3),
            "abc",
            "abc",
            {1: "not_text", "": "empty", "abcd": "too_long", "a\n": "control_character", "\x9f": "control_character"},
        ),
        (lambda v: text(v, "m", empty=True), "", "", {None: "not_text"}),
        (lambda v: matching(v, "m", "[0-9]+"), "12", "12", {12: "not_text", "1a": "not_allowed", "１": "not_allowed"}),
        (
            lambda v: integer(v, "m", 1, 3),
            3,
            3,
            {True: "not_integer", "1": "not_integer", None: "not_integer", 0: "out_of_range", 4: "out_of_range"},
        ),
        (lambda v: integer_or_none(v, "m", 1, 3), None, None, {False: "not_integer", 4: "out_of_range"}),
        (lambda v: integer_or_none(v, "m", 1, 3), 1, 1, {"x": "not_integer"}),
        (lambda v: boolean(v, "m"), False, False, {0: "not_boolean", 1: "not_boolean", "true": "not_boolean"}),
        (
            lambda v: b64url(v, "m", 2),
            "Zm8",
            b"fo",
            {1: "not_text", "": "wrong_length", "Zm9v": "wrong_length", "Zm9vZm9v": "too_long", "*": "not_base64url"},
        ),
    ],
)
def test_each_kind_of_member(reader: _Reader, good: JsonValue, read: object, bad: dict[JsonValue, str]) -> None:
    found = reader({"m": good})
    assert found == read
    assert type(found) is type(read)
    for value, reason in bad.items():
        with pytest.raises(BadRequest) as caught:
            reader({"m": value})
        assert (caught.value.reason, caught.value.member) == (reason, "m")
    with pytest.raises(BadRequest) as caught:
        reader({})
    assert (caught.value.reason, caught.value.member) == ("missing_member", "m")


@pytest.mark.parametrize(
    ("reader", "good", "read", "bad"),
    [
        (
            lambda v: text_list(v, "m", 2, 3),
            ["a", "b"],
            ("a", "b"),
            [("a", "not_a_list"), (["a", "b", "c"], "too_many")],
        ),
        (lambda v: text_list(v, "m", 2, 3), [], (), [([""], "empty"), ([1], "not_text"), (["abcd"], "too_long")]),
        (lambda v: b64url_list(v, "m", 1, 2), ["Zg"], (b"f",), [(["Zm9v"], "wrong_length"), ([None], "not_text")]),
        (lambda v: object_list(v, "m", 1), [{"x": 1}], ({"x": 1},), [([1], "not_an_object"), ({}, "not_a_list")]),
    ],
)
def test_lists_are_short_and_of_one_kind(
    reader: _Reader, good: JsonValue, read: object, bad: list[tuple[JsonValue, str]]
) -> None:
    assert reader({"m": good}) == read
    for value, reason in bad:
        with pytest.raises(BadRequest) as caught:
            reader({"m": value})
        assert (caught.value.reason, caught.value.member) == (reason, "m")
