"""Which lists are read, and whatever the bytes are: a list of ours or UnusableList, nothing else (S24)."""

import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from certlogin.pki.revocation import RevocationList, UnusableList, read_list
from certlogin.pki.scope import EVERYTHING
from tests.companions import without
from tests.factory import DAY, NOW, key, make_pki
from tests.pki import raw
from tests.pki.lists import SERIAL, pki, placed
from tests.pki.raw import (
    BIT_STRING,
    FAST,
    INTEGER,
    NULL,
    OCTET_STRING,
    OID,
    SEQUENCE,
    SET,
    UTF8,
    extension,
    integer,
    oid,
    parts,
    rebuilt,
    tlv,
)
from tests.pki.undefended import ANY_LIST, LISTS_BY_NAME

#: Extensions of a list are not heeded; nor are those of its entries.
ANY_EXTENSION = {"certlogin.pki.crl._check_critical": lambda _: None}
ANY_SCOPE = {"certlogin.pki.crl.read_scope": lambda *_: EVERYTHING}
ANY_ENTRY = {
    "certlogin.pki.crl._entries": lambda parsed: ((one.serial_number, one.revocation_date_utc, None) for one in parsed)
}
HOLD_IS_NONE = {"certlogin.pki.serials._usual": lambda: re.compile(b"(?!)"), "certlogin.pki.crl._entries": lambda _: ()}
NUMBER_1 = {"certlogin.pki.crl._number": lambda _: 1}
WITH_SHA1 = {"certlogin.pki.crl.SIGNATURE_ALGORITHMS": {"1.2.840.10045.4.1"}}


def test_a_list_is_read_as_it_is_written() -> None:
    read = read_list(pki().issuing.crl([7, 5], number=42))
    assert isinstance(read, RevocationList)
    assert read.issuer_der == pki().issuing.certificate.subject.public_bytes()
    assert read.issuer == pki().issuing.certificate.subject.rfc4514_string()
    assert (read.number, read.this_update, read.next_update) == (42, NOW - DAY, NOW + 6 * DAY)
    assert dict(read.revoked) == {7: NOW - DAY, 5: NOW - DAY}


def unusable(der: bytes) -> str:
    with pytest.raises(UnusableList) as refusal:
        read_list(der)
    return str(refusal.value)


def scope(*, indirect: bool = False, attribute: bool = False) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier("http://ca.test/1.crl")],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=indirect,
        only_contains_attribute_certs=attribute,
    )


@without(ANY_SCOPE)
@pytest.mark.parametrize("critical", [True, False])
@pytest.mark.parametrize("kind", ["indirect", "attribute"])
def test_s24_indirect_and_attribute_lists_are_not_used(kind: str, critical: bool) -> None:
    assert read_list(pki().issuing.crl(extra=[(scope(), critical)]))
    assert kind in unusable(pki().issuing.crl(extra=[(scope(**{kind: True}), critical)]))


@without({"certlogin.pki.crl._check_base": lambda *_: None})
@pytest.mark.parametrize("base", [7, 8])
def test_s24_a_delta_to_itself_or_to_a_later_list_is_not_used(base: int) -> None:
    assert read_list(pki().issuing.crl(number=7, extra=[(x509.DeltaCRLIndicator(6), True)])).base == 6
    assert "base" in unusable(pki().issuing.crl(number=7, extra=[(x509.DeltaCRLIndicator(base), True)]))


@without(ANY_EXTENSION)
def test_s24_a_list_with_a_critical_extension_is_not_used() -> None:
    private = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.77"), tlv(NULL))
    assert read_list(pki().issuing.crl(extra=[(private, False)]))
    assert "2.25.77" in unusable(pki().issuing.crl(extra=[(private, True)]))


def with_entry(extension: x509.ExtensionType, critical: bool) -> bytes:
    ca = pki().issuing
    entry = (
        x509.RevokedCertificateBuilder().serial_number(SERIAL).revocation_date(NOW).add_extension(extension, critical)
    )
    builder = x509.CertificateRevocationListBuilder().issuer_name(ca.certificate.subject)
    builder = builder.last_update(NOW).next_update(NOW + DAY).add_extension(x509.CRLNumber(1), False)
    return (
        builder.add_revoked_certificate(entry.build())
        .sign(key("Issuing P-256"), hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


@without(ANY_ENTRY)
def test_s24_a_list_with_a_critical_entry_extension_is_not_used() -> None:
    """Such as the issuer in an indirect list: the serial would belong to somebody else."""
    reason = x509.CRLReason(x509.ReasonFlags.key_compromise)
    assert SERIAL in read_list(with_entry(reason, False)).revoked
    other = x509.CertificateIssuer([x509.DirectoryName(pki().root.certificate.subject)])
    assert unusable(with_entry(other, True)) == "an entry with a critical extension"


@without(HOLD_IS_NONE, sees="in SerialIndex()")
def test_s24_a_certificate_on_hold_is_revoked() -> None:
    assert SERIAL in read_list(with_entry(x509.CRLReason(x509.ReasonFlags.certificate_hold), False)).revoked


@without(NUMBER_1)
def test_s24_a_list_without_number_is_not_used() -> None:
    assert unusable(pki().issuing.crl(number=None)).startswith("no number")


@without({"certlogin.pki.crl._end": lambda parsed: NOW + DAY})
def test_s24_a_list_without_an_end_is_not_used() -> None:
    def endless(elements: list[bytes]) -> None:
        del elements[4]

    assert unusable(rebuilt(pki().issuing.crl(), pki().issuing.key, endless)) == "no next update"


@without(WITH_SHA1)
def test_s24_a_list_signed_with_sha1_is_not_used() -> None:
    signed, _, signature = parts(pki().issuing.crl())
    ecdsa_sha1 = tlv(SEQUENCE, bytes.fromhex("06072a8648ce3d0401"))
    elements = parts(signed)
    elements[1] = ecdsa_sha1
    assert unusable(tlv(SEQUENCE, tlv(SEQUENCE, *elements), ecdsa_sha1, signature)) == "signature algorithm"


def version_1(elements: list[bytes]) -> None:
    """Without version and extensions."""
    del elements[-1], elements[0]


def name(value: bytes, tag: int = UTF8) -> bytes:
    return tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, tlv(OID, oid("2.5.4.3")), tlv(tag, value))))


def with_element(place: int, element: bytes) -> bytes:
    return raw.with_part(pki().issuing.crl([SERIAL]), pki().issuing.key, place, element)


@without(NUMBER_1)
def test_s24_a_version_1_list_has_no_number_and_is_not_used() -> None:
    assert unusable(rebuilt(pki().issuing.crl(), pki().issuing.key, version_1)).startswith("no number")


@without(ANY_LIST)
@pytest.mark.parametrize(
    ("place", "element"),
    [
        (0, integer(6)),
        (2, name(b"\xff\xfe")),
        (2, name(b"\x00a", BIT_STRING)),
        (2, tlv(NULL)),
        (3, tlv(INTEGER, b"\x01")),
        (5, tlv(SEQUENCE, tlv(SEQUENCE, tlv(OCTET_STRING, b"\x01"), tlv(0x17, b"260301000000Z")))),
        (5, tlv(SEQUENCE, tlv(SEQUENCE, integer(1), tlv(0x17, b"261301000000Z")))),
        (6, tlv(0xA0, tlv(SEQUENCE, *[extension(oid("2.5.29.20"), integer(1))] * 2))),
        (6, tlv(0xA0, tlv(SEQUENCE, extension(oid("2.5.29.20"), tlv(NULL))))),
        (6, tlv(0xA0, tlv(SEQUENCE, extension(oid("2.5.29.35"), tlv(SEQUENCE, tlv(0xA1, tlv(0xA3, tlv(SEQUENCE)))))))),
    ],
    ids=[
        "version 7", "name no text", "name of bits", "no name", "no date", "no serial", "month 13", "number twice",
        "number no number", "unknown kind of name",
    ],
)  # fmt: skip
def test_s24_a_malformed_list_is_not_used(place: int, element: bytes) -> None:
    assert unusable(with_element(place, element)).startswith("unreadable")


@without(ANY_LIST)
@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"hello", bytes(100), tlv(SEQUENCE, *[tlv(SEQUENCE)] * 3)])
def test_s24_what_is_no_list_is_not_used(der: bytes) -> None:
    assert unusable(der).startswith("unreadable")


@pytest.fixture(scope="module")
def der() -> bytes:
    return make_pki().issuing.crl([5, SERIAL])


@without(LISTS_BY_NAME, sees="not True")
@FAST
@given(data=st.data())
def test_s24_changed_octets_are_never_a_list_of_ours(der: bytes, data: st.DataObject) -> None:
    octets = bytearray(der)
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert bytes(octets) == der or not placed(bytes(octets))
    except UnusableList:
        pass


@without(ANY_LIST)
def test_s24_truncation_at_every_octet_makes_no_list(der: bytes) -> None:
    for end in range(len(der)):
        unusable(der[:end])
