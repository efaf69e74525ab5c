"""OBJECT IDENTIFIERs have one encoding for each dotted form, and the other way round."""

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from certlogin.pki.der import DERError, dotted, exactly, only_element
from tests.pki.raw import FAST, INTEGER, OID, SEQUENCE, integer, oid, tlv


@pytest.mark.parametrize(
    "text", ["0.0", "0.39", "1.0", "1.2.156.10197.1.501", "2.5.29.15", "2.16.840.1.101", "2.999.3"]
)
def test_the_dotted_form(text: str) -> None:
    assert dotted(only_element(tlv(OID, oid(text)), OID)) == text


@pytest.mark.parametrize("value", ["", "80", "8001", "2a80", "2a8001", "2a86", "2a" * 33])
def test_another_encoding_is_refused(value: str) -> None:
    with pytest.raises(DERError):
        dotted(only_element(tlv(OID, bytes.fromhex(value)), OID))


def test_another_element_is_refused() -> None:
    with pytest.raises(DERError):
        dotted(only_element(tlv(INTEGER, b"\x2a"), INTEGER))


@given(st.binary(min_size=1, max_size=32))
@FAST
def test_each_has_one_encoding_which_asn1crypto_reads_the_same(value: bytes) -> None:
    element = only_element(tlv(OID, value), OID)
    try:
        text = dotted(element)
    except DERError:
        return
    assert oid(text) == value
    assert core.ObjectIdentifier(contents=value).dotted == text


def test_so_many_elements_and_no_other_number() -> None:
    parent = only_element(tlv(SEQUENCE, integer(1), integer(2)), SEQUENCE)
    assert [one.encoded for one in exactly(parent, 2)] == [integer(1), integer(2)]
    for count in (1, 3):
        with pytest.raises(DERError):
            exactly(parent, count)
