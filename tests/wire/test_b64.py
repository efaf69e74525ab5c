"""One byte string has one text, and no other text is read."""

import base64
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.wire.b64 import decode, decode_standard, encode, encode_standard
from certlogin.wire.bad_request import BadRequest
from tests.companions import companion, without

_b64decode = base64.b64decode
#: What is written again is not compared; foreign characters are passed over, as Python does by default.
UNCOMPARED: dict[str, object] = {"certlogin.wire.b64.encode": lambda _: ANY}
PASSED_OVER: dict[str, object] = {
    "certlogin.wire.b64.base64.b64decode": lambda text, altchars, validate: _b64decode(text + "==", altchars),
    **UNCOMPARED,
}
#: Other texts of octets that have one already.
_STRAY = ["Zg==", "Zh", "Zg=", "+A", "/w"]
_FOREIGN = ["Z g", "Zg\n", "Z*g", "ZA=A", "Zg==Zg"]


@given(st.binary(max_size=200))
def test_what_was_written_is_read(data: bytes) -> None:
    text = encode(data)
    assert "=" not in text
    assert decode(text) == data


@without(UNCOMPARED, sees="a second text")
@given(st.text(max_size=60) | st.text("ABCZghw019-_=+/ \n", max_size=12))
def test_s19_a_text_is_canonical_or_refused(text: str) -> None:
    try:
        data = decode(text)
    except BadRequest:
        return
    assert encode(data) == text, "a second text"


@pytest.mark.parametrize(
    "text",
    [
        *(pytest.param(text, marks=without(UNCOMPARED)) for text in _STRAY),
        *(pytest.param(text, marks=without(PASSED_OVER)) for text in _FOREIGN),
    ],
)
def test_s19_two_texts_never_carry_one_signature(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decode(text, "signature")
    assert (caught.value.reason, caught.value.member) == ("not_base64url", "signature")


@pytest.mark.parametrize("text", ["é", "\ud800", "Z"])
def test_what_carries_no_octets_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decode(text)
    assert caught.value.reason == "not_base64url"


@companion("test_s19_two_texts_never_carry_one_signature")
def test_s19_companion_the_standard_decoder_reads_texts_that_are_not_canonical() -> None:
    read = [base64.urlsafe_b64decode(text + "==") for text in ("Zg", "Zh", "Zi", "Z*g")]
    assert read == [b"f"] * 4


# --- the standard alphabet, in the messages of others

UNCOMPARED_STANDARD: dict[str, object] = {"certlogin.wire.b64.encode_standard": lambda _: ANY}
PASSED_OVER_STANDARD: dict[str, object] = {
    "certlogin.wire.b64.base64.b64decode": lambda text, validate: _b64decode(text.translate({45: 43, 95: 47}) + "=="),
    **UNCOMPARED_STANDARD,
}


@given(st.binary(max_size=200))
def test_what_was_written_in_the_standard_alphabet_is_read(data: bytes) -> None:
    assert decode_standard(encode_standard(data)) == data
    assert encode_standard(data) == base64.b64encode(data).decode()


@pytest.mark.parametrize(
    "text",
    [
        *(pytest.param(text, marks=without(UNCOMPARED_STANDARD)) for text in ["Zh==", "Zm9="]),
        *(
            pytest.param(text, marks=without(PASSED_OVER_STANDARD))
            for text in ["Zg", "Zg=", "Z g=", "Zg==\n", "Zg==Zg==", "-A==", "_w=="]
        ),
    ],
)
def test_s19_nor_do_two_texts_of_the_standard_alphabet(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decode_standard(text, "signature")
    assert (caught.value.reason, caught.value.member) == ("not_base64", "signature")
