"""The certificates and lists of the embedded CA, as values: keys, facts and time in, signed objects out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certlogin.ca.encoding import (
    CertificateBody,
    Extension,
    ListBody,
    key_identifier,
    sign_certificate,
    sign_list,
)
from certlogin.ca.profile import CAProfile
from certlogin.ca.signing import CAKey

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


def new_serial(random: Random) -> int:
    """20 random octets; the first bit 0 and the second 1, so that it is positive, below 2^159 and never short."""
    return int.from_bytes(random(20), "big") % 2**158 + 2**158


def make_root(key: CAKey, name: str, now: datetime, random: Random) -> x509.Certificate:
    subject = _ca_name(f"{name} Root")
    extensions = _ca_extensions(key.spki, key.spki, None)
    validity = _validity(now, ROOT_DAYS)
    return sign_certificate(CertificateBody(new_serial(random), subject, subject, *validity, key.spki, extensions), key)


def make_issuing(
    key: CAKey, name: str, root: x509.Certificate, root_key: CAKey, now: datetime, random: Random
) -> x509.Certificate:
    subject = _ca_name(f"{name} Issuing")
    extensions = _ca_extensions(key.spki, root_key.spki, 0)
    validity = _validity(now, ISSUING_DAYS)
    body = CertificateBody(new_serial(random), root.subject, subject, *validity, key.spki, extensions)
    return sign_certificate(body, root_key)


def make_leaf(
    spki: bytes,
    holder: Holder,
    issuer: x509.Certificate,
    issuer_key: CAKey,
    profile: CAProfile,
    now: datetime,
    random: Random,
) -> x509.Certificate:
    """A login certificate. Everything but the key comes from our own list and profile (S28)."""
    start = _whole_second(now) - BACKDATED
    end = min(_whole_second(now) + timedelta(days=profile.validity_days), issuer.not_valid_after_utc)
    extensions: list[Extension] = [
        (x509.BasicConstraints(False, None), True),
        (_usage(digital_signature=True, content_commitment=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        *_key_ids(spki, issuer_key.spki),
    ]
    for oid, text in ((profile.unit_code, holder.code), (profile.unique_id, holder.unique_id)):
        extensions.append((x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), _utf8_string(text)), False))
    subject = _unit_name(holder.name)
    body = CertificateBody(new_serial(random), issuer.subject, subject, start, end, spki, extensions)
    return sign_certificate(body, issuer_key)


def make_list(
    issuer: x509.Certificate,
    key: CAKey,
    number: int,
    revoked: Iterable[tuple[int, datetime, x509.ReasonFlags]],
    now: datetime,
    days: int,
) -> x509.CertificateRevocationList:
    """A complete, direct CRL."""
    start, end = _validity(now, days)
    # RFC 5280 5.3.1: "unspecified" is said by saying nothing.
    unsaid = x509.ReasonFlags.unspecified
    entries = (
        (serial, revoked_at, [] if reason is unsaid else [(x509.CRLReason(reason), False)])
        for serial, revoked_at, reason in revoked
    )
    return sign_list(
        ListBody(issuer.subject, start, end, entries, [(x509.CRLNumber(number), False), _aki(key.spki)]), key
    )


def _validity(now: datetime, days: int) -> tuple[datetime, datetime]:
    start = _whole_second(now) - BACKDATED
    return start, start + timedelta(days=days)


def _ca_extensions(spki: bytes, issuer_spki: bytes, path_length: int | None) -> list[Extension]:
    return [
        (x509.BasicConstraints(True, path_length), True),
        (_usage(key_cert_sign=True, crl_sign=True), True),
        *_key_ids(spki, issuer_spki),
    ]


def _key_ids(spki: bytes, issuer_spki: bytes) -> list[Extension]:
    return [(x509.SubjectKeyIdentifier(key_identifier(spki)), False), _aki(issuer_spki)]


def _aki(issuer_spki: bytes) -> Extension:
    return x509.AuthorityKeyIdentifier(key_identifier(issuer_spki), None, None), False


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


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
