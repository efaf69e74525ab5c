"""One byte string has one text, and no other text is read."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.wire.b64 import decode, encode
from certlogin.wire.bad_request import BadRequest

#: Texts that Python's own decoder reads as the one octet 0x66 or as nothing at all.
_LENIENT = ["Zg==", "Zh", "Z g", "Zg\n", "Z*g", "Zg=", "ZA=A", "Zg==Zg"]


@given(st.binary(max_size=200))
def test_what_was_written_is_read(data: bytes) -> None:
    text = encode(data)
    assert "=" not in text
    assert decode(text) == data


@given(st.text(max_size=60) | st.text("ABCZghw019-_=+/ \n", max_size=12))
def test_s19_a_text_is_canonical_or_refused(text: str) -> None:
    try:
        data = decode(text)
    except BadRequest:
        return
    assert encode(data) == text


@pytest.mark.parametrize("text", [*_LENIENT, "+A", "/w", "é", "\ud800", "Z"])
def test_s19_two_texts_never_carry_one_signature(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decode(text, "signature")
    assert (caught.value.reason, caught.value.member) == ("not_base64url", "signature")


def test_s19_companion_the_standard_decoder_reads_texts_that_are_not_canonical() -> None:
    read = [base64.urlsafe_b64decode(text + "==") for text in ("Zg", "Zh", "Zi", "Z*g")]
    assert read == [b"f"] * 4
