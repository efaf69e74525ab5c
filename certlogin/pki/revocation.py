"""Revocation from memory: an index of serial numbers out of complete, direct revocation lists (CRLs).

It decides whether a certificate on a proven path is revoked, or that nobody knows: then it is refused. A list counts
for one issuer name and key. It must not know where lists come from, and it never waits for anybody.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice, pairwise
from types import MappingProxyType
from typing import ClassVar, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID

from certlogin.errors import Refusal
from certlogin.pki.certificate import PARSER_ERRORS, UnverifiedCertificate
from certlogin.pki.der import SEQUENCE, children, only_element
from certlogin.pki.profile import SIGNATURE_ALGORITHMS
from certlogin.pki.sm2 import SM2, verify_signed
from certlogin.records.certificate import KeyType

#: Lists that speak of a part of the certificates, of other issuers, or of a change only. They need another procedure.
_PARTIAL: Final = frozenset({ExtensionOID.ISSUING_DISTRIBUTION_POINT, ExtensionOID.DELTA_CRL_INDICATOR})


class Mode(StrEnum):
    """Per anchor; the words of the settings."""

    REQUIRE = "require"
    OFF = "off"


class Settled(StrEnum):
    """How revocation was settled for a trusted certificate."""

    CRL = "crl"
    #: The settings of the anchor say that nobody asks.
    NOT_ASKED = "not_asked"


@dataclass(eq=False)
class CertificateRevoked(Refusal):
    """The certificate, or a CA above it, is on its issuer's list."""

    code: ClassVar[str] = "certificate_revoked"
    subject: str
    serial: str
    issuer: str
    revoked_at: datetime


@dataclass(eq=False)
class RevocationUnknown(Refusal):
    """No usable list of the issuer: `missing`, `stale` or `from_the_future`. Nobody is let in on a guess."""

    code: ClassVar[str] = "revocation_unknown"
    subject: str
    serial: str
    issuer: str
    problem: str


class UnusableList(ValueError):
    """This list is not indexed, and why; `build_trust` keeps the text for the operator."""


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list as read; unverified until it was placed under an issuer."""

    der: bytes = field(repr=False)
    issuer_der: bytes
    #: RFC 4514 text, for people.
    issuer: str
    number: int
    this_update: datetime
    next_update: datetime
    #: Serial number to the time of revocation.
    revoked: Mapping[int, datetime] = field(repr=False)
    parsed: x509.CertificateRevocationList = field(repr=False)


#: Issuer name (DER) and SHA-256 of its key: lists of a CA's old and new key live beside each other.
IssuerKey = tuple[bytes, str]


@dataclass(frozen=True, slots=True)
class RevocationIndex:
    """Verified lists by issuer name and key."""

    lists: Mapping[IssuerKey, RevocationList] = field(default_factory=dict)

    def find(self, issuer: UnverifiedCertificate) -> RevocationList | None:
        return self.lists.get(_key_of(issuer))


def read_list(der: bytes) -> RevocationList:
    """Read one CRL in DER. Raises UnusableList: not a complete, direct list with a number and an end."""
    try:
        parsed = x509.load_der_x509_crl(der)
        return _read(parsed, der)
    except UnusableList:
        raise
    except PARSER_ERRORS as error:
        raise UnusableList(f"unreadable: {error}") from None


def build_index(
    lists: Iterable[RevocationList],
    authorities: Sequence[UnverifiedCertificate],
    previous: RevocationIndex,
    sm2: SM2 | None = None,
) -> tuple[RevocationIndex, list[str]]:
    """Place each list under the CAs whose key signed it, never a lower number over a higher one.

    Also returns why lists were left out. `previous` is the index in use: an old list put in the place of a newer one
    (a replay) does not make us forget.
    """
    placed = {key: found for key, found in previous.lists.items() if key in {_key_of(one) for one in authorities}}
    problems = []
    for one in lists:
        signers = [authority for authority in authorities if _is_signed_by(one, authority, sm2)]
        if not signers:
            problems.append(f"number {one.number} of {one.issuer}: signed by no configured CA")
        for key in dict.fromkeys(_key_of(signer) for signer in signers):
            newest = placed.setdefault(key, one)
            if _order(one) >= _order(newest):
                placed[key] = one
            else:
                problems.append(f"number {one.number} of {one.issuer}: older than number {newest.number} in use")
    return RevocationIndex(MappingProxyType(placed)), problems


def settle_revocation(path: Sequence[UnverifiedCertificate], index: RevocationIndex, now: datetime) -> None:
    """Return only if no certificate below the anchor, which ends `path`, is revoked.

    Raises CertificateRevoked, RevocationUnknown.
    """
    for certificate, issuer in pairwise(path):
        _settle_one(certificate, index.find(issuer), now)


def _settle_one(certificate: UnverifiedCertificate, found: RevocationList | None, now: datetime) -> None:
    subject = certificate.x509.subject.rfc4514_string()
    issuer = certificate.x509.issuer.rfc4514_string()
    serial = f"{certificate.serial:x}"
    if found is None:
        raise RevocationUnknown(subject, serial, issuer, "missing")
    # A revocation holds however old the list is; only its silence grows stale.
    if certificate.serial in found.revoked:
        raise CertificateRevoked(subject, serial, issuer, found.revoked[certificate.serial])
    if now < found.this_update:
        raise RevocationUnknown(subject, serial, issuer, "from_the_future")
    if now >= found.next_update:
        raise RevocationUnknown(subject, serial, issuer, "stale")


def _read(parsed: x509.CertificateRevocationList, der: bytes) -> RevocationList:
    if parsed.signature_algorithm_oid.dotted_string not in SIGNATURE_ALGORITHMS:
        raise UnusableList("signature algorithm")
    number = _number(parsed.extensions)
    if parsed.next_update_utc is None:
        raise UnusableList("no next update")
    return RevocationList(
        der=der,
        issuer_der=_issuer_of(der),
        issuer=parsed.issuer.rfc4514_string(),
        number=number,
        this_update=parsed.last_update_utc,
        next_update=parsed.next_update_utc,
        revoked=MappingProxyType(dict(_entries(parsed))),
        parsed=parsed,
    )


def _number(extensions: x509.Extensions) -> int:
    """The list's number. Raises UnusableList, also on extensions that change what the list means."""
    for extension in extensions:
        if extension.oid in _PARTIAL or extension.critical:
            raise UnusableList(f"not complete and direct: extension {extension.oid.dotted_string}")
    try:
        return extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        raise UnusableList("no number, so an older one could not be told from it") from None


def _entries(parsed: x509.CertificateRevocationList) -> Iterable[tuple[int, datetime]]:
    for entry in parsed:
        # RFC 5280 5.3: with a critical extension that we do not know, the list must not be used.
        if any(extension.critical for extension in entry.extensions):
            raise UnusableList("an entry with a critical extension")
        yield entry.serial_number, entry.revocation_date_utc


def _issuer_of(der: bytes) -> bytes:
    """The issuer's name as it is written: names are compared octet by octet. `der` was parsed before."""
    signed, *_ = children(only_element(der, SEQUENCE))
    # Only the head: a list may have a million entries. RFC 5280 5.1.2: version, algorithm, issuer. Version 1 has no
    # version there, and no number either: it is refused for that.
    _, _, issuer = islice(children(signed), 3)
    return issuer.encoded


def _is_signed_by(one: RevocationList, authority: UnverifiedCertificate, sm2: SM2 | None) -> bool:
    """Whether the list is this authority's; names first, so that foreign lists cost no key operation."""
    if one.issuer_der != authority.subject_der or not _may_sign_lists(authority):
        return False
    if authority.key.key_type is KeyType.SM2:
        return sm2 is not None and _is_signed_with_sm2(one, authority, sm2)
    try:
        key = authority.x509.public_key()
        return isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) and one.parsed.is_signature_valid(key)
    except (ValueError, UnsupportedAlgorithm):
        return False


def _is_signed_with_sm2(one: RevocationList, authority: UnverifiedCertificate, sm2: SM2) -> bool:
    try:
        verify_signed(authority.spki, one.der, sm2)
    except (InvalidSignature, ValueError):
        return False
    return True


def _may_sign_lists(authority: UnverifiedCertificate) -> bool:
    """RFC 5280 6.3.3 (f): where there is a key usage, it must name cRLSign."""
    try:
        return authority.x509.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _order(one: RevocationList) -> tuple[int, datetime]:
    return one.number, one.this_update


def _key_of(issuer: UnverifiedCertificate) -> IssuerKey:
    return issuer.subject_der, issuer.spki_sha256
