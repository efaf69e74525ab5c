"""Reads one revocation list (CRL), and says whose it is.

It decides whether bytes are a list that can be used, and which authority signed it. It must not know which list is the
newest, what a certificate's own distribution points say, or the time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID

from certlogin.pki.certificate import PARSER_ERRORS, UnverifiedCertificate
from certlogin.pki.der import SEQUENCE, children, only_element
from certlogin.pki.profile import SIGNATURE_ALGORITHMS
from certlogin.pki.sm2 import SM2, verify_signed
from certlogin.records.certificate import KeyType

#: Lists that speak of a part of the certificates, of other issuers, or of a change only. They need another procedure.
_PARTIAL: Final = frozenset({ExtensionOID.ISSUING_DISTRIBUTION_POINT, ExtensionOID.DELTA_CRL_INDICATOR})


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


def read_list(der: bytes) -> RevocationList:
    """Read one CRL in DER. Raises UnusableList: not a complete, direct list with a number and an end."""
    try:
        parsed = x509.load_der_x509_crl(der)
        return _read(parsed, der)
    except UnusableList:
        raise
    except PARSER_ERRORS as error:
        raise UnusableList(f"unreadable: {error}") from None


def is_signed_by(one: RevocationList, authority: UnverifiedCertificate, sm2: SM2 | None) -> bool:
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


def _read(parsed: x509.CertificateRevocationList, der: bytes) -> RevocationList:
    if parsed.signature_algorithm_oid.dotted_string not in SIGNATURE_ALGORITHMS:
        raise UnusableList("signature algorithm")
    _check_complete(parsed.extensions)
    return RevocationList(
        der=der,
        issuer_der=_issuer_of(der),
        issuer=parsed.issuer.rfc4514_string(),
        number=_number(parsed.extensions),
        this_update=parsed.last_update_utc,
        next_update=_end(parsed),
        revoked=MappingProxyType(dict(_entries(parsed))),
        parsed=parsed,
    )


def _check_complete(extensions: x509.Extensions) -> None:
    """Raises UnusableList on extensions that change what the list means."""
    for extension in extensions:
        if extension.oid in _PARTIAL or extension.critical:
            raise UnusableList(f"not complete and direct: extension {extension.oid.dotted_string}")


def _number(extensions: x509.Extensions) -> int:
    try:
        return extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        raise UnusableList("no number, so an older one could not be told from it") from None


def _end(parsed: x509.CertificateRevocationList) -> datetime:
    if parsed.next_update_utc is None:
        raise UnusableList("no next update")
    return parsed.next_update_utc


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
