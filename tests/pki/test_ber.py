"""BER is rewritten as DER: the same elements, within bounds, and asn1crypto reads the same out of both."""

from time import perf_counter
from typing import Any

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from certlogin.pki import ber
from certlogin.pki.der import DERError, TooDeep, check_outline
from tests.companions import without
from tests.pki.cms_writer import indefinite, pieces
from tests.pki.raw import FAST, OCTET_STRING, SEQUENCE, nested, tlv

DEPTH = 32


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0400", "0400"),
        ("3080 0000", "3000"),
        ("3080 0201 05 0000", "3003 0201 05"),
        ("3080 3080 0000 0500 0000", "3004 3000 0500"),
        # Lengths that are longer than they must be.
        ("308103 020105", "3003 020105"),
        ("30840000 0003 020105", "3003 020105"),
        # Pieces, also in pieces themselves, and none at all.
        ("2480 0401 61 0402 6263 0000", "0403 616263"),
        ("2407 0401 61 0402 6263", "0403 616263"),
        ("2480 2480 0401 61 0000 0401 62 0000", "0402 6162"),
        ("2400", "0400"),
        # A tag of its own is left as it is.
        ("a080 0401 61 0000", "a003 0401 61"),
        ("8001 61", "8001 61"),
    ],
)
def test_the_same_element_in_der(given: str, expected: str) -> None:
    assert ber.der_of(bytes.fromhex(given), DEPTH) == bytes.fromhex(expected)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "30",
        "3001",
        "0402 61",
        "3003 0402 61",
        "0400 00",
        "3080",
        "3080 0500",
        "3080 0500 00",
        # Only what is constructed may be indefinite.
        "0480 0000",
        # The end of nothing.
        "0000",
        "3002 0000",
        "2000",
        # A length that is cut, and one that is too long.
        "3082 01",
        "30ff 00",
        "3084 ffffffff",
        # Tags of several octets.
        "1f81 00 00",
        "3f81 00 00",
        # Pieces of something else; other strings in pieces.
        "2403 0201 05",
        "2c03 0c01 61",
        "2304 0302 0061",
    ],
)
def test_what_is_no_ber_is_refused(given: str) -> None:
    with pytest.raises(DERError):
        ber.der_of(bytes.fromhex(given), DEPTH)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 70000])
def test_an_element_has_the_shortest_length(length: int) -> None:
    assert ber.element(OCTET_STRING, bytes(length)) == tlv(OCTET_STRING, bytes(length))


def test_nesting_is_bounded_exactly() -> None:
    assert ber.der_of(nested(DEPTH - 1, b"\x05\x00"), DEPTH) == nested(DEPTH - 1, b"\x05\x00")
    with pytest.raises(TooDeep):
        ber.der_of(nested(DEPTH, b"\x05\x00"), DEPTH)


def _unbounded(data: bytes, position: int, end: int, depth: int) -> Any:
    return _rewrite(data, position, end, max(depth, 1))


_rewrite = ber._rewrite


@without({"certlogin.pki.ber._rewrite": _unbounded}, sees="RecursionError")
def test_s25_hostile_nesting_ends_early() -> None:
    hostile = b"\x30\x80" * 16000
    try:
        with pytest.raises(TooDeep):
            ber.der_of(hostile, DEPTH)
    except RecursionError as error:
        pytest.fail(f"RecursionError: {error}")


@pytest.mark.parametrize(
    "hostile",
    [
        b"\x30\x80" + b"\x05\x00" * 16000,
        b"\x24\x80" + b"\x04\x00" * 16000 + b"\x00\x00",
        (b"\x30\x80" * 30) + b"\x05\x00" * 15000 + b"\x00\x00" * 30,
    ],
    ids=["unending", "pieces", "deep and wide"],
)
def test_work_grows_with_the_size_only(hostile: bytes) -> None:
    began = perf_counter()
    try:
        ber.der_of(hostile, DEPTH)
    except DERError:
        pass
    assert perf_counter() - began < 5


@given(st.binary(max_size=64))
@FAST
def test_any_octets_are_der_afterwards_or_refused(data: bytes) -> None:
    try:
        found = ber.der_of(data, DEPTH)
    except DERError:
        return
    assert check_outline(found, DEPTH).encoded == found
    # What is DER already stays as it is.
    assert ber.der_of(found, DEPTH) == found


elements = st.recursive(
    st.binary(max_size=8).map(lambda value: tlv(OCTET_STRING, value)) | st.just(b"\x05\x00"),
    lambda inner: st.lists(inner, max_size=4).map(lambda parts: tlv(SEQUENCE, *parts)),
    max_leaves=12,
)


@given(elements)
@FAST
def test_indefinite_lengths_and_pieces_lead_back_to_the_same(element: bytes) -> None:
    assert ber.der_of(indefinite(element), DEPTH) == element


@given(st.binary(max_size=40))
@FAST
def test_asn1crypto_puts_the_same_pieces_together(content: bytes) -> None:
    """Whole messages of indefinite lengths are compared with OpenSSL: asn1crypto cannot read those."""
    assert core.OctetString.load(pieces(content), strict=True).native == content
    assert ber.der_of(pieces(content), DEPTH) == tlv(OCTET_STRING, content)
