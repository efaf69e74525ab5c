"""Reads one X.509 certificate within limits; nothing about it is believed afterwards.

It decides whether bytes are one certificate of a bearable size and form (S25), before any public-key operation. It must
not know anchors, time or units: what it returns is called unverified until `judge.py` has judged it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import Certificate

from certlogin.errors import Refusal
from certlogin.pki.der import (
    OCTET_STRING,
    SEQUENCE,
    DERError,
    Element,
    TooDeep,
    check_outline,
    children,
    only_element,
    unsigned,
)
from certlogin.pki.keys import KeyKind, Legacy, read_key
from certlogin.pki.tolerant import rewritten

if TYPE_CHECKING:
    from OpenSSL.crypto import X509

SIZE_MAX: Final = 16 * 1024
DEPTH_MAX: Final = 32
EXTENSIONS_MAX: Final = 64
#: The leaf and what comes with it.
CLIENT_CERTIFICATES_MAX: Final = 6
#: RFC 5280 4.1.2.2: positive, at most 20 octets.
SERIAL_END: Final = 2**159

#: All that the parser below may raise on bytes from outside: a KeyError on an unknown TLS feature, for one. A warning
#: becomes an error where the host says so.
PARSER_ERRORS: Final = (
    ValueError,
    TypeError,
    LookupError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UserWarning,
)

_VERSION_TAG: Final = 0xA0
_SM2_SM3: Final = bytes.fromhex("06082a811ccf55018375")
_NULL: Final = bytes.fromhex("0500")
_EXTENSIONS_TAG: Final = 0xA3


@dataclass(eq=False)
class CertificateUnreadable(Refusal):
    """The bytes are not one X.509 version 3 certificate in DER."""

    code: ClassVar[str] = "certificate_unreadable"
    status: ClassVar[int] = 400
    problem: str


@dataclass(eq=False)
class CertificateTooLarge(Refusal):
    """A limit was passed: `size`, `depth`, `extensions` or `certificates`."""

    code: ClassVar[str] = "certificate_too_large"
    status: ClassVar[int] = 400
    what: str
    limit: int


@dataclass(frozen=True, slots=True)
class UnverifiedCertificate:
    """A certificate that was read and not yet judged: whoever sent it may have made it."""

    der: bytes
    #: SHA-256 of the DER and of the SubjectPublicKeyInfo, lower-case hex.
    sha256: str
    spki_sha256: str
    spki: bytes = field(repr=False)
    #: Issuer and subject as Name DER, compared octet by octet.
    issuer_der: bytes = field(repr=False)
    subject_der: bytes = field(repr=False)
    serial: int
    key: KeyKind
    #: Dotted; the same inside and outside the signed part.
    signature_algorithm: str
    #: Its extensions, names, times and key as decoded. Of an odd one this is a copy (`tolerant.py`): signatures and
    #: hashes are those of `der`.
    x509: Certificate = field(repr=False, compare=False)
    #: The same, loaded by OpenSSL: kept of what is configured, so that no login loads it again. Threads may share it.
    loaded: "X509 | None" = field(default=None, repr=False, compare=False)

    @property
    def issuer_sha256(self) -> str:
        return sha256(self.issuer_der).hexdigest()


@dataclass(frozen=True, slots=True)
class _Outline:
    serial: int
    issuer: bytes
    subject: bytes
    key: KeyKind
    spki: bytes


def read_certificate(der: bytes, legacy: Legacy = Legacy.REFUSED) -> UnverifiedCertificate:
    """Read one certificate. Raises CertificateTooLarge, CertificateUnreadable, WeakKey."""
    if len(der) > SIZE_MAX:
        raise CertificateTooLarge("size", SIZE_MAX)
    try:
        outline = _read_outline(der, legacy)
    except TooDeep:
        raise CertificateTooLarge("depth", DEPTH_MAX) from None
    except DERError as error:
        raise CertificateUnreadable(str(error)) from None
    certificate = _parse(der)
    return UnverifiedCertificate(
        der=der,
        sha256=sha256(der).hexdigest(),
        spki_sha256=sha256(outline.spki).hexdigest(),
        spki=outline.spki,
        issuer_der=outline.issuer,
        subject_der=outline.subject,
        serial=outline.serial,
        key=outline.key,
        signature_algorithm=certificate.signature_algorithm_oid.dotted_string,
        x509=certificate,
    )


def read_chain(ders: Sequence[bytes]) -> tuple[UnverifiedCertificate, ...]:
    """Read what a client sent beside its leaf, each certificate once. Raises as `read_certificate`."""
    check_count(ders)
    return tuple(read_certificate(der) for der in dict.fromkeys(ders))


def check_count(chain: Sequence[object]) -> None:
    """Refuse more certificates than a client may send, its leaf included. Raises CertificateTooLarge."""
    if len(chain) + 1 > CLIENT_CERTIFICATES_MAX:
        raise CertificateTooLarge("certificates", CLIENT_CERTIFICATES_MAX)


def _read_outline(der: bytes, legacy: Legacy) -> _Outline:
    """The parts that limits apply to, found without decoding the rest. Raises DERError and what `read_key` raises."""
    certificate = check_outline(der, DEPTH_MAX)
    signed, algorithm, _ = _exactly(certificate, 3)
    version, serial, inner_algorithm, issuer, _, subject, spki, *optional = _at_least(signed, 7)
    if version.tag != _VERSION_TAG:
        raise DERError("not version 3")
    _check_algorithm(inner_algorithm, algorithm)
    number = unsigned(serial)
    _check_serial(number)
    _check_extensions(optional)
    return _Outline(number, issuer.encoded, subject.encoded, read_key(spki.encoded, legacy), spki.encoded)


def _check_algorithm(inside: Element, outside: Element) -> None:
    # RFC 5280 4.1.1.2: the same algorithm inside and outside; else the unsigned one could be exchanged.
    if inside.encoded != outside.encoded:
        raise DERError("two signature algorithms")
    identifier, *parameters = _at_least(outside, 1)
    # Certificates in use have both forms. Anything else could speak of another ID than the one that is verified with.
    if identifier.encoded == _SM2_SM3 and [one.encoded for one in parameters] not in ([], [_NULL]):
        raise DERError("parameters of the signature algorithm")


def _check_serial(number: int) -> None:
    if not 1 <= number < SERIAL_END:
        raise DERError("the serial number is not positive or too long")


def _check_extensions(optional: Sequence[Element]) -> None:
    """At most so many, each kind once, none nested too deeply inside its value."""
    holders = [element for element in optional if element.tag == _EXTENSIONS_TAG]
    found = [extension for holder in holders for extension in children(only_element(holder.value, SEQUENCE))]
    if len(found) > EXTENSIONS_MAX:
        raise CertificateTooLarge("extensions", EXTENSIONS_MAX)
    parts = [_at_least(extension, 2) for extension in found]
    if len({identifier.encoded for identifier, *_ in parts}) != len(found):
        raise DERError("an extension occurs twice")
    for *_, value in parts:
        _check_depth_inside(value)


def _check_depth_inside(value: Element) -> None:
    if value.tag != OCTET_STRING:
        raise DERError("an extension without a value")
    try:
        check_outline(value.value, DEPTH_MAX)
    except TooDeep:
        raise
    except DERError:
        # Some CAs write a bare string where DER belongs; who reads that extension judges it.
        return


def _parse(der: bytes) -> x509.Certificate:
    """By the strict parser, then by it with what old cards have written otherwise. Raises CertificateUnreadable."""
    try:
        return _decoded(der)
    except PARSER_ERRORS as error:
        problem = str(error)
    try:
        return _decoded(rewritten(der))
    except PARSER_ERRORS:
        raise CertificateUnreadable(problem) from None


def _decoded(der: bytes) -> x509.Certificate:
    certificate = x509.load_der_x509_certificate(der)
    _touch(certificate)
    return certificate


def _touch(certificate: x509.Certificate) -> tuple[object, ...]:
    """The parser is lazy: make it decode now what is used later, so that its errors come from here only."""
    return (
        certificate.extensions,
        certificate.issuer.rfc4514_string(),
        certificate.subject.rfc4514_string(),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def _exactly(parent: Element, count: int) -> list[Element]:
    found = _at_least(parent, count)
    if len(found) != count:
        raise DERError("too many elements")
    return found


def _at_least(parent: Element, count: int) -> list[Element]:
    if parent.tag != SEQUENCE:
        raise DERError("not a SEQUENCE")
    found = list(children(parent))
    if len(found) < count:
        raise DERError("too few elements")
    return found
