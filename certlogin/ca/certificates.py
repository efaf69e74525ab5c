"""The certificates and lists of the embedded CA, as values: keys, facts and time in, signed objects out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certlogin.ca.profile import CAProfile

CAKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
#: Returns so many random octets.
Random = Callable[[int], bytes]

ROOT_DAYS: Final = 20 * 365
ISSUING_DAYS: Final = 10 * 365
#: So that a verifier whose clock is a little behind accepts a certificate or list that was made this second.
BACKDATED: Final = timedelta(minutes=5)
#: X.520: the upper bound of a common name and of an organisation name, in characters.
NAME_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a certificate names: taken from the CA's own list of units."""

    name: str
    code: str
    #: Counts the certificates of one unit, from 1.
    index: int

    @property
    def unique_id(self) -> str:
        return f"{self.code}@{self.index:02d}"


def new_key(key_type: str) -> CAKey:
    """A key for a CA: `RSA-2048` or `P-256`."""
    return rsa.generate_private_key(65537, 2048) if key_type == "RSA-2048" else ec.generate_private_key(ec.SECP256R1())


def new_serial(random: Random) -> int:
    """20 random octets; the first bit 0 and the second 1, so that it is positive, below 2^159 and never short."""
    return int.from_bytes(random(20), "big") % 2**158 + 2**158


def make_root(key: CAKey, name: str, now: datetime, random: Random) -> x509.Certificate:
    subject = _ca_name(f"{name} Root")
    start = _whole_second(now) - BACKDATED
    builder = _builder(subject, subject, key.public_key(), random, start, start + timedelta(days=ROOT_DAYS))
    return _sign(_with_ca_extensions(builder, key.public_key(), key.public_key(), None), key)


def make_issuing(
    key: CAKey, name: str, root: x509.Certificate, root_key: CAKey, now: datetime, random: Random
) -> x509.Certificate:
    start = _whole_second(now) - BACKDATED
    end = start + timedelta(days=ISSUING_DAYS)
    builder = _builder(root.subject, _ca_name(f"{name} Issuing"), key.public_key(), random, start, end)
    return _sign(_with_ca_extensions(builder, key.public_key(), root_key.public_key(), 0), root_key)


def make_leaf(
    public_key: PublicKey,
    holder: Holder,
    issuer: x509.Certificate,
    issuer_key: CAKey,
    profile: CAProfile,
    now: datetime,
    random: Random,
) -> x509.Certificate:
    """A login certificate. Everything but the key comes from our own list and profile (S28)."""
    end = min(_whole_second(now) + timedelta(days=profile.validity_days), issuer.not_valid_after_utc)
    start = _whole_second(now) - BACKDATED
    builder = _builder(issuer.subject, _unit_name(holder.name), public_key, random, start, end)
    builder = builder.add_extension(x509.BasicConstraints(False, None), True)
    builder = builder.add_extension(_usage(digital_signature=True, content_commitment=True), True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
    builder = _with_key_ids(builder, public_key, issuer_key.public_key())
    for oid, text in ((profile.unit_code, holder.code), (profile.unique_id, holder.unique_id)):
        content = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), _utf8_string(text))
        builder = builder.add_extension(content, False)
    return _sign(builder, issuer_key)


def make_list(
    issuer: x509.Certificate,
    key: CAKey,
    number: int,
    revoked: Iterable[tuple[int, datetime, x509.ReasonFlags]],
    now: datetime,
    days: int,
) -> x509.CertificateRevocationList:
    """A complete, direct CRL."""
    start = _whole_second(now) - BACKDATED
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.subject)
    builder = builder.last_update(start).next_update(start + timedelta(days=days))
    builder = builder.add_extension(x509.CRLNumber(number), False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False)
    for serial, revoked_at, reason in revoked:
        builder = builder.add_revoked_certificate(_entry(serial, revoked_at, reason))
    return builder.sign(key, hashes.SHA256())


def _entry(serial: int, revoked_at: datetime, reason: x509.ReasonFlags) -> x509.RevokedCertificate:
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(revoked_at)
    # RFC 5280 5.3.1: "unspecified" is said by saying nothing.
    if reason is not x509.ReasonFlags.unspecified:
        entry = entry.add_extension(x509.CRLReason(reason), False)
    return entry.build()


def _builder(
    issuer: x509.Name, subject: x509.Name, public_key: PublicKey, random: Random, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().issuer_name(issuer).subject_name(subject).public_key(public_key)
    return builder.serial_number(new_serial(random)).not_valid_before(start).not_valid_after(end)


def _with_ca_extensions(
    builder: x509.CertificateBuilder, public_key: PublicKey, issuer_key: PublicKey, path_length: int | None
) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(True, path_length), True)
    builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), True)
    return _with_key_ids(builder, public_key, issuer_key)


def _with_key_ids(
    builder: x509.CertificateBuilder, public_key: PublicKey, issuer_key: PublicKey
) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
    return builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), False)


def _usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _ca_name(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )


def _unit_name(name: str) -> x509.Name:
    # `cryptography` counts the octets of a common name, and a Chinese character has three.
    common_name = name.encode()[:NAME_MAX].decode(errors="ignore")
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name[:NAME_MAX]),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _utf8_string(text: str) -> bytes:
    """DER of a UTF8String; codes are far below the 128 octets from which on the length takes more than one."""
    content = text.encode()
    return bytes((0x0C, len(content))) + content


def _sign(builder: x509.CertificateBuilder, key: CAKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
