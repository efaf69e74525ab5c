"""Whatever the bytes are: `read_certificate` reads them or refuses them, raises nothing else, and costs little."""

import warnings

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID
from hypothesis import given
from hypothesis import strategies as st

from certlogin.pki import der
from certlogin.pki.certificate import (
    CertificateTooLarge,
    CertificateUnreadable,
    UnverifiedCertificate,
    read_certificate,
)
from certlogin.pki.keys import WeakKey
from tests.companions import without
from tests.factory import Issued, make_pki
from tests.pki import raw
from tests.pki.raw import (
    BIT_STRING,
    FAST,
    INTEGER,
    NULL,
    OID,
    SEQUENCE,
    SET,
    UTF8,
    extension,
    nested,
    oid,
    tlv,
    with_extensions,
    with_part,
)
from tests.pki.undefended import ANY_CERTIFICATE

READER = "certlogin.pki.certificate"
#: What the library below raises goes on as it is.
UNCAUGHT = {f"{READER}.PARSER_ERRORS": ()}
UNCAUGHT_DER = {f"{READER}.DERError": AssertionError}
LARGE = {f"{READER}.SIZE_MAX": 2**30}

TAGS = b"\x30\x31\x01\x02\x03\x04\x05\x06\x0a\x0c\x00\x80\x81\x82\xa0\xa3\xa4\xff"


def leaf() -> Issued:
    return make_pki().issuing.issue()


def refused_or_read(der: bytes) -> UnverifiedCertificate | None:
    """The certificate, or None for one of this module's refusals; anything else that is raised fails the test."""
    try:
        return read_certificate(der)
    except (CertificateUnreadable, CertificateTooLarge, WeakKey):
        return None
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} escapes") from error


@without(ANY_CERTIFICATE, sees="== []")
@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256"])
def test_s25_truncation_at_every_octet_is_refused(key_type: str) -> None:
    der = make_pki(key_type).issuing.issue(key_type=key_type, unique_id="SF1").der
    assert [end for end in range(len(der)) if refused_or_read(der[:end]) is not None] == []


@pytest.fixture(scope="module")
def ders() -> list[bytes]:
    return [make_pki(kind).issuing.issue(key_type=kind, unique_id="SF1").der for kind in ("P-256", "RSA-2048")]


@without(UNCAUGHT, sees=" escapes")
@FAST
@given(data=st.data())
def test_s25_changed_octets_are_read_as_they_are_or_refused(ders: list[bytes], data: st.DataObject) -> None:
    octets = bytearray(data.draw(st.sampled_from(ders)))
    for _ in range(data.draw(st.integers(1, 5))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = refused_or_read(bytes(octets))
    assert read is None or read.der == octets


@without(UNCAUGHT_DER, sees="DERError escapes")
@FAST
@given(st.binary(max_size=400))
def test_s25_any_bytes_are_refused(data: bytes) -> None:
    assert refused_or_read(data) is None


#: Every extension that the library below decodes.
KNOWN = sorted(
    identifier.dotted_string
    for identifier in vars(ExtensionOID).values()
    if isinstance(identifier, x509.ObjectIdentifier)
)


@without(UNCAUGHT, sees=" escapes")
@FAST
@given(identifier=st.sampled_from(KNOWN), value=st.binary(max_size=40) | st.lists(st.sampled_from(TAGS)).map(bytes))
def test_s25_any_bytes_in_a_known_extension_are_read_or_refused(identifier: str, value: bytes) -> None:
    der = with_extensions(leaf().der, make_pki().issuing.key, [extension(oid(identifier), value)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refused_or_read(der)


def bombs() -> list[bytes]:
    """The most expensive bytes that 16 KiB can hold."""
    good = leaf().der, make_pki().issuing.key
    empty = tlv(NULL) * 7000
    attribute = tlv(SET, tlv(SEQUENCE, tlv(OID, bytes.fromhex("550403")), tlv(UTF8, b"x")))
    return [
        tlv(SEQUENCE, empty),
        tlv(SEQUENCE, tlv(SEQUENCE, empty), tlv(SEQUENCE), tlv(BIT_STRING, b"\x00")),
        with_extensions(*good, [extension(bytes([0x69, number]), nested(31) * 3) for number in range(60)]),
        with_extensions(*good, [extension(b"\x69", empty)]),
        with_part(*good, raw.SUBJECT, tlv(SEQUENCE, *[attribute] * 900)),
        with_part(*good, raw.SPKI, raw.rsa_spki((1 << (15 * 1024 * 8)) | 1)),
        with_part(*good, raw.SERIAL, tlv(INTEGER, b"\x01" * 15_000)),
        nested(4000),
    ]


@without(LARGE, sees=" <= 20000")
def test_s25_bombs_cost_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """In headers of elements read, which is what reading costs: the same on every machine."""
    headers = 0
    read_header = der._header

    def counting(data: bytes, position: int, end: int) -> tuple[int, int, int, int]:
        nonlocal headers
        headers += 1
        return read_header(data, position, end)

    monkeypatch.setattr(der, "_header", counting)
    assert max(len(bomb) for bomb in bombs()) <= 16 * 1024
    for bomb in (*bombs(), tlv(SEQUENCE, tlv(NULL) * 2**18)):
        headers = 0
        refused_or_read(bomb)
        assert headers <= 20_000
