"""Which texts may be shown and signed: nothing in them hides, moves, covers, or has a second spelling (agreements)."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.wire.bad_request import BadRequest
from certlogin.wire.json import JsonObject
from certlogin.wire.plain_text import TEXT_LIMIT, check_plain_text, plain_text
from tests.companions import without

GOOD = [
    "升级协议 第 1 版\n\n一、旧证书在新证书启用前继续有效。\n收件人：王曙光\u3000电话：13800000000\n",
    "I agree.\n",
    "x",
    "100 % \"quoted\" back\\slash",
    "𠮷野家 𰻝𰻝面",  # planes 2 and 3
    "\U0002ebf0\U000323b0",  # ideographs of Unicode 15, which this Python may not know yet
    "é ǖ Å ё ﹏ ￥ ①",
    "x" * TEXT_LIMIT,
    "单" * (TEXT_LIMIT // 3),
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD, ids=range(len(GOOD)))
def test_a_text_that_is_seen_as_it_is_passes(text: str) -> None:
    check_plain_text(text)
    assert plain_text({"text": text}, "text") == text


def hides(*codes: int) -> list[str]:
    return [chr(code) for code in codes]


#: Taking away one check lets its row through.
ANY_CHARACTER: dict[str, object] = {"certlogin.wire.plain_text._check_character": lambda *_: None}
ANY_SPELLING: dict[str, object] = {"certlogin.wire.plain_text.unicodedata.is_normalized": lambda *_: True}


@without(ANY_CHARACTER)
@pytest.mark.parametrize(
    ("reason", "characters"),
    [
        ("control_character", hides(0, 7, 8, 9, 0xB, 0xC, 0xD, 0x1B, 0x7F, 0x85, 0x2028, 0x2029)),
        ("hidden_character", hides(0xAD, 0x61C, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF)),
        ("hidden_character", hides(*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFFF9, 0xE0001, 0xE0041)),
        ("hidden_character", hides(0x115F, 0x1160, 0x3164, 0xFFA0)),
        # Marks over their neighbour, variation selectors, the grapheme joiner.
        ("hidden_character", hides(0x301, 0x336, 0x20DD, 0xFE0F, 0xE0100, 0x34F)),
        # Private, not assigned, no characters at all.
        ("hidden_character", hides(0xE000, 0xF0000, 0x378, 0xE0FFF, 0xFFFE, 0x2FFFE, 0x3FFFF)),
        ("right_to_left", hides(0x5D0, 0x627, 0x660, 0x10800)),
    ],
)
def test_a_character_that_hides_moves_or_covers_is_refused(reason: str, characters: list[str]) -> None:
    """What is agreed to is what was seen: each of these would let a text show less, or other, than is signed."""
    for character in characters:
        with pytest.raises(BadRequest) as caught:
            check_plain_text(f"付款 100 元{character}不付款", "text")
        assert (caught.value.reason, caught.value.member) == (reason, "text"), f"U+{ord(character):04X}"


@without(ANY_SPELLING | ANY_CHARACTER)
@pytest.mark.parametrize("text", ["e\u0301", "\u212b", "\uf900", "\u2126", "\u1100\u1161", "\U0002f800"])
def test_a_second_spelling_of_a_text_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_plain_text(text)
    assert caught.value.reason in ("not_normal", "hidden_character")
    check_plain_text(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u3000"])
def test_a_text_of_nothing_is_none(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_plain_text(text)
    assert caught.value.reason == "empty"


@pytest.mark.parametrize(
    "text", ["x" * (TEXT_LIMIT + 1), "单" * (TEXT_LIMIT // 3 + 1), "\n" * (TEXT_LIMIT // 2) + "x", '"' * TEXT_LIMIT]
)
def test_a_text_that_no_message_can_carry_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_plain_text(text)
    assert caught.value.reason == "too_long"


@pytest.mark.parametrize("found", [None, 7, ["x"], {}])
def test_what_is_no_text_is_none(found: list[str]) -> None:
    value: JsonObject = {"text": found}  # type: ignore[dict-item]
    for message in (value, {}):
        with pytest.raises(BadRequest) as caught:
            plain_text(message, "text")
        assert (caught.value.reason, caught.value.member) == ("not_text", "text")


@given(st.text())
def test_what_passes_is_seen_character_by_character(text: str) -> None:
    try:
        check_plain_text(text)
    except BadRequest:
        return
    assert unicodedata.normalize("NFC", text) == text
    assert len(json.dumps(text, ensure_ascii=False).encode()) - 2 <= TEXT_LIMIT
    for character in text:
        assert character == "\n" or character.isprintable() or unicodedata.category(character) in ("Zs", "Cn")
        assert unicodedata.category(character) not in ("Mn", "Me")
