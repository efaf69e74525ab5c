import base64

import pytest

from tests.pages.conftest import Module

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("value", [b"", b"f", b"fo", b"foo", bytes(range(256)), b"\xff\xfe\xfb", b"\x00" * 5])
def test_bytes_survive_the_way_there_and_back_and_read_as_pythons(module: Module, value: bytes) -> None:
    text = base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    assert module("base64url.js", "(m, bytes) => m.encode(Uint8Array.from(bytes))", list(value)) == text
    assert module("base64url.js", "(m, text) => Array.from(m.decode(text))", text) == list(value)


@pytest.mark.parametrize(
    "text", ["A", "AAAAA", "AA==", "AB", "AAB", "A+B/", "AA A", "AA\n", "ÄA", "A\u0000A", None, 7, ["AA"], {}]
)
def test_only_the_one_canonical_spelling_is_read(module: Module, text: object) -> None:
    refused = "(m, text) => { try { m.decode(text); return 'read'; } catch (failure) { return failure.name; } }"
    assert module("base64url.js", refused, text) == "TypeError"


def test_hexadecimal_digits_are_lower_case_and_two_a_byte(module: Module) -> None:
    assert module("base64url.js", "(m) => m.hex(Uint8Array.from([0, 10, 255]))") == "000aff"
