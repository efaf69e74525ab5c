import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.errors import ConfigurationError
from certlogin.pki.pem import CERTIFICATE, REVOCATION_LIST, read_pem
from tests.factory import make_pki

BLOCK = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
EMPTY_SEQUENCE = b"\x30\x00"


def test_der_passes_as_it_is() -> None:
    der = make_pki().root.der
    assert read_pem(der, CERTIFICATE) == (der,)


def test_every_block_is_read_in_order() -> None:
    pki = make_pki()
    assert read_pem(pki.root.pem + pki.issuing.pem, CERTIFICATE) == (pki.root.der, pki.issuing.der)


@pytest.mark.parametrize(
    "data",
    [
        b"subject=CN = Root\n\n" + BLOCK + b"\nthe end",
        BLOCK.replace(b"\n", b"\r\n"),
        BLOCK.replace(b"MAA=", b"  M A\n\tA="),
        b"0 of 1: a line that begins like DER\n" + BLOCK,
        b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n" + BLOCK,
    ],
    ids=["text around", "CRLF", "blanks inside", "a text that begins with 0", "another label"],
)
def test_text_around_and_white_space_inside_are_passed_over(data: bytes) -> None:
    assert read_pem(data, CERTIFICATE) == (EMPTY_SEQUENCE,)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n",
        BLOCK[:40],
        BLOCK + BLOCK[:-10],
        BLOCK + b"-----BEGIN CERTIFICATE-----\nMAA=",
        b"-----BEGIN CERTIFICATE-----\nMAA=\n" + BLOCK,
        BLOCK.replace(b"MAA=", b"MAA"),
        BLOCK.replace(b"MAA=", b"M!AA="),
        BLOCK.replace(b"MAA=", b"Proc-Type: 4,ENCRYPTED"),
        BLOCK.lower(),
    ],
    ids=[
        "empty", "text", "another label", "cut", "second cut", "second without end", "first without end", "no padding",
        "no base64", "headers", "lower case",
    ],
)  # fmt: skip
def test_a_file_that_is_not_whole_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigurationError):
        read_pem(data, CERTIFICATE)


def test_lists_have_their_own_label() -> None:
    with pytest.raises(ConfigurationError):
        read_pem(BLOCK, REVOCATION_LIST)
    assert read_pem(BLOCK.replace(b"CERTIFICATE", b"X509 CRL"), REVOCATION_LIST) == (EMPTY_SEQUENCE,)


@given(st.lists(st.sampled_from([b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----", b"MAA=", b"\n", b"!"])))
def test_any_order_of_marks_is_read_or_refused(pieces: list[bytes]) -> None:
    try:
        found = read_pem(b"".join(pieces), CERTIFICATE)
    except ConfigurationError:
        return
    assert len(found) == pieces.count(b"-----BEGIN CERTIFICATE-----")
