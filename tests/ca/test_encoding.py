"""What the CA writes, octet by octet: as `cryptography` writes it, where that can."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from certlogin.ca.encoding import (
    CertificateBody,
    Extension,
    ListBody,
    key_identifier,
    sign_certificate,
    sign_list,
    spki_of,
)
from tests.ca.house import ca_key
from tests.factory import DAY, NOW, key, key_usage, name

#: With PKCS#1 v1.5 the same octets have one signature.
RSA = key("ca", "RSA-2048")
EXTENSIONS: list[Extension] = [
    (x509.BasicConstraints(False, None), True),
    (key_usage("digital_signature", "content_commitment"), True),
    (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
    (x509.SubjectKeyIdentifier.from_public_key(RSA.public_key()), False),
    (
        x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.200949886466055004407306565036"), b"\x0c\0"),
        False,
    ),
]
#: RFC 5280 4.1.2.5: the last UTCTime and the first GeneralizedTime.
LAST_SHORT = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)


def body(not_after: datetime = NOW + DAY) -> CertificateBody:
    spki = ca_key("ca", "RSA-2048").spki
    return CertificateBody(2**158 + 7, name("发证"), name("单位", "某某"), NOW, not_after, spki, EXTENSIONS)


def by_cryptography(wanted: CertificateBody) -> x509.Certificate:
    builder = x509.CertificateBuilder().issuer_name(wanted.issuer).subject_name(wanted.subject)
    builder = builder.serial_number(wanted.serial).public_key(RSA.public_key())
    builder = builder.not_valid_before(wanted.not_before).not_valid_after(wanted.not_after)
    for value, critical in wanted.extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(RSA, hashes.SHA256())


@pytest.mark.parametrize("end", [NOW + DAY, LAST_SHORT, LAST_SHORT + timedelta(seconds=1)])
def test_a_certificate_has_the_same_octets(end: datetime) -> None:
    made = sign_certificate(body(end), ca_key("ca", "RSA-2048"))
    assert made.public_bytes(Encoding.DER) == by_cryptography(body(end)).public_bytes(Encoding.DER)


@pytest.mark.parametrize("entries", [0, 1, 300])
def test_a_list_has_the_same_octets(entries: int) -> None:
    reason: Extension = (x509.CRLReason(x509.ReasonFlags.superseded), False)
    revoked = [(2**100 + one, NOW - one * DAY, [reason] if one % 2 else []) for one in range(entries)]
    wanted = ListBody(name("发证"), NOW, NOW + DAY, revoked, [(x509.CRLNumber(300), False)])
    builder = x509.CertificateRevocationListBuilder().issuer_name(wanted.issuer)
    builder = builder.last_update(NOW).next_update(NOW + DAY).add_extension(x509.CRLNumber(300), False)
    for serial, moment, extensions in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment)
        for value, critical in extensions:
            entry = entry.add_extension(value, critical)
        builder = builder.add_revoked_certificate(entry.build())
    other = builder.sign(RSA, hashes.SHA256())
    made = sign_list(wanted, ca_key("ca", "RSA-2048"))
    assert made.public_bytes(Encoding.DER) == other.public_bytes(Encoding.DER)


def test_times_are_whole_seconds() -> None:
    fraction = timedelta(microseconds=999_999)
    made = sign_certificate(body(LAST_SHORT + timedelta(seconds=1) + fraction), ca_key("ca", "RSA-2048"))
    assert made.not_valid_after_utc == LAST_SHORT + timedelta(seconds=1)
    assert b"20500101000000Z" in made.public_bytes(Encoding.DER)


@pytest.mark.parametrize("key_type", ["P-256", "RSA-2048"])
def test_a_key_is_named_by_its_bits(key_type: str) -> None:
    own = ca_key("ca", key_type)
    known = x509.SubjectKeyIdentifier.from_public_key(key("ca", key_type).public_key())
    assert key_identifier(own.spki) == known.digest


def test_the_key_of_a_certificate_is_read_as_it_is_written() -> None:
    assert spki_of(by_cryptography(body())) == ca_key("ca", "RSA-2048").spki
