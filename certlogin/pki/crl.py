"""Reads one revocation list (CRL, RFC 5280 5), complete or delta, of all certificates or of a part.

It decides whether bytes are a list that can be used, what part of its issuer's certificates it speaks of, and which
authority signed it. It must not know which list is the newest, or the time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509 import ReasonFlags
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from certlogin.pki.ber import element
from certlogin.pki.certificate import PARSER_ERRORS, UnverifiedCertificate
from certlogin.pki.der import INTEGER, SEQUENCE, DERError, Element, children, only_element
from certlogin.pki.profile import SIGNATURE_ALGORITHMS
from certlogin.pki.scope import EVERYTHING, Scope, UnusableScope, read_scope
from certlogin.pki.serials import Pause, SerialIndex, SerialsBuilder, no_pause
from certlogin.pki.signed import check_signed
from certlogin.pki.sm2 import SM2

#: What may be critical, for it is heeded.
_KNOWN_CRITICAL: Final = frozenset({ExtensionOID.ISSUING_DISTRIBUTION_POINT, ExtensionOID.DELTA_CRL_INDICATOR})


class UnusableList(ValueError):
    """This list is not indexed, and why; `build_trust` keeps the text for the operator."""


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list as read; unverified until it was placed under an issuer."""

    #: Empty once it was placed: a list is twice as large as its index.
    der: bytes = field(repr=False)
    issuer_der: bytes
    #: RFC 4514 text, for people.
    issuer: str
    number: int
    #: For a delta: the number of the complete list that it changes, or any later one's.
    base: int | None
    scope: Scope
    this_update: datetime
    next_update: datetime
    #: Serial number to the time of revocation.
    revoked: SerialIndex = field(repr=False)
    #: For a delta: what the complete list may name and is no longer revoked.
    removed: frozenset[int] = field(repr=False)
    #: Of its DER, for evidence of what was known.
    sha256: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Outline:
    """The parts of a list; `stub` is the list without its usual entries, for a parser that would keep them all."""

    issuer: bytes
    stub: bytes
    serials: SerialsBuilder


def read_list(der: bytes, pause: Pause = no_pause) -> RevocationList:
    """Read one CRL in DER. Raises UnusableList: indirect, without a number, without an end, …

    A long list takes a second; `pause` is called a few thousand times meanwhile.
    """
    try:
        outline = _outline(der, pause)
        return _read(x509.load_der_x509_crl(outline.stub), outline, der)
    except (UnusableList, UnusableScope) as reason:
        raise UnusableList(str(reason)) from None
    except PARSER_ERRORS as error:
        raise UnusableList(f"unreadable: {error}") from None


def check_signer(der: bytes, authorities: Iterable[UnverifiedCertificate], sm2: SM2 | None) -> None:
    """Return only if one of the authorities signed it: before a stranger's list is read, which costs far more.

    Raises UnusableList.
    """
    try:
        issuer = _issuer(_signed(der)[0])
    except DERError as error:
        raise UnusableList(f"unreadable: {error}") from None
    if not any(_has_signed(authority, issuer, der, sm2) for authority in authorities):
        raise UnusableList("signed by no known CA")


def is_signed_by(one: RevocationList, authority: UnverifiedCertificate, sm2: SM2 | None) -> bool:
    """Whether the list is this authority's."""
    return _has_signed(authority, one.issuer_der, one.der, sm2)


def _has_signed(authority: UnverifiedCertificate, issuer: bytes, der: bytes, sm2: SM2 | None) -> bool:
    """Names first, so that foreign lists cost no key operation."""
    if issuer != authority.subject_der or not _may_sign_lists(authority):
        return False
    try:
        check_signed(*_signed(der), authority, sm2)
    except (InvalidSignature, ValueError):
        return False
    return True


def _issuer(signed: Element) -> bytes:
    """Raises DERError. The entries behind it may be many, and are not looked at."""
    head = list(islice(children(signed), 3))
    # RFC 5280 5.1.2: version, algorithm, issuer; the version may be absent.
    place = 2 if head and head[0].tag == INTEGER else 1
    if len(head) <= place:
        raise DERError("too few elements")
    return head[place].encoded


def _signed(der: bytes) -> tuple[Element, Element, Element]:
    """Raises DERError. No more than one too many is looked at: there may be millions."""
    parts = list(islice(children(only_element(der, SEQUENCE)), 4))
    if len(parts) != 3:
        raise DERError("not exactly 3 elements")
    signed, algorithm, signature = parts
    return signed, algorithm, signature


def _outline(der: bytes, pause: Pause = no_pause) -> _Outline:
    """Raises DERError."""
    signed, algorithm, signature = _signed(der)
    issuer, parts = _issuer(signed), list(children(signed))
    # RFC 5280 5.1.2: version, algorithm, issuer, dates, entries. Version 1 is not written, and has no number: refused.
    first = 1 if parts[0].tag == INTEGER else 0
    builder = SerialsBuilder(pause)
    kept = [
        part.encoded if place < first + 2 or part.tag != SEQUENCE else element(SEQUENCE, *builder.take(part))
        for place, part in enumerate(parts)
    ]
    stub = element(SEQUENCE, element(SEQUENCE, *kept), algorithm.encoded, signature.encoded)
    return _Outline(issuer, stub, builder)


def _read(parsed: x509.CertificateRevocationList, outline: _Outline, der: bytes) -> RevocationList:
    if parsed.signature_algorithm_oid.dotted_string not in SIGNATURE_ALGORITHMS:
        raise UnusableList("signature algorithm")
    _check_critical(parsed.extensions)
    number, base = _number(parsed.extensions), _base(parsed.extensions)
    _check_base(number, base)
    removed = _add_odd(parsed, outline.serials, is_delta=base is not None)
    return RevocationList(
        der=der,
        issuer_der=outline.issuer,
        issuer=parsed.issuer.rfc4514_string(),
        number=number,
        base=base,
        scope=_scope(parsed),
        this_update=parsed.last_update_utc,
        next_update=_end(parsed),
        revoked=outline.serials.build(),
        removed=removed,
        sha256=sha256(der).hexdigest(),
    )


def _check_critical(extensions: x509.Extensions) -> None:
    """Raises UnusableList on extensions that change what the list means in a way that we do not know."""
    for extension in extensions:
        if extension.critical and extension.oid not in _KNOWN_CRITICAL:
            raise UnusableList(f"critical extension {extension.oid.dotted_string}")


def _number(extensions: x509.Extensions) -> int:
    try:
        return extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        raise UnusableList("no number, so an older one could not be told from it") from None


def _base(extensions: x509.Extensions) -> int | None:
    """RFC 5280 5.2.4; None: the list is complete."""
    try:
        return extensions.get_extension_for_class(x509.DeltaCRLIndicator).value.crl_number
    except x509.ExtensionNotFound:
        return None


def _check_base(number: int, base: int | None) -> None:
    if base is not None and base >= number:
        raise UnusableList("a delta whose base is not older than itself")


def _scope(parsed: x509.CertificateRevocationList) -> Scope:
    try:
        point = parsed.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return EVERYTHING
    return read_scope(point, parsed.issuer)


def _end(parsed: x509.CertificateRevocationList) -> datetime:
    if parsed.next_update_utc is None:
        raise UnusableList("no next update")
    return parsed.next_update_utc


def _add_odd(parsed: x509.CertificateRevocationList, serials: SerialsBuilder, *, is_delta: bool) -> frozenset[int]:
    """Add the entries that are not of the usual shapes; returns those that a delta takes back."""
    removed = set()
    for serial, date, reason in _entries(parsed):
        if is_delta and reason is ReasonFlags.remove_from_crl:
            removed.add(serial)
        else:
            serials.add(serial, date)
    return frozenset(removed)


def _entries(parsed: x509.CertificateRevocationList) -> Iterable[tuple[int, datetime, ReasonFlags | None]]:
    for entry in parsed:
        # RFC 5280 5.3: with a critical extension that we do not know, the list must not be used.
        if any(one.critical or one.oid == CRLEntryExtensionOID.CERTIFICATE_ISSUER for one in entry.extensions):
            raise UnusableList("an entry with a critical extension")
        yield entry.serial_number, entry.revocation_date_utc, _reason(entry)


def _reason(entry: x509.RevokedCertificate) -> ReasonFlags | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return None


def _may_sign_lists(authority: UnverifiedCertificate) -> bool:
    """RFC 5280 6.3.3 (f): where there is a key usage, it must name cRLSign."""
    try:
        return authority.x509.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True
