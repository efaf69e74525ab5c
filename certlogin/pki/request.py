"""Reads a PKCS#10 certification request (RFC 2986) and proves that its sender holds the key.

It decides form, size, key and self-signature. It must not know who asks; subject and extensions of a request are never
handed on, because a CA that copies them issues what the sender likes (S28).
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import AttributeOID

from certlogin.errors import Refusal
from certlogin.pki.certificate import DEPTH_MAX, PARSER_ERRORS, SIZE_MAX
from certlogin.pki.der import check_outline, children, whole_bits
from certlogin.pki.keys import KeyKind, read_key
from certlogin.pki.profile import SIGNATURE_ALGORITHMS
from certlogin.pki.sm2 import SM2, SM2Unavailable, verify_signed
from certlogin.records.certificate import KeyType

#: UTF8String, PrintableString.
_STRINGS: Final = {0x0C: "utf-8", 0x13: "ascii"}


@dataclass(eq=False)
class RequestUnreadable(Refusal):
    """The bytes are not one PKCS#10 request in DER within the limits."""

    code: ClassVar[str] = "request_unreadable"
    status: ClassVar[int] = 400
    problem: str


@dataclass(eq=False)
class RequestSignature(Refusal):
    """The request is not signed by the key it asks a certificate for: no proof of possession."""

    code: ClassVar[str] = "request_signature"
    status: ClassVar[int] = 400
    problem: str


@dataclass(frozen=True, slots=True)
class CertificationRequest:
    """A request whose sender holds the private key."""

    der: bytes = field(repr=False)
    #: DER of the SubjectPublicKeyInfo.
    spki: bytes = field(repr=False)
    spki_sha256: str
    key: KeyKind
    #: Text of the challengePassword attribute.
    challenge_password: str | None

    @property
    def key_type(self) -> KeyType:
        return self.key.key_type

    @property
    def key_bits(self) -> int:
        return self.key.bits


def read_request(der: bytes, sm2: SM2 | None = None) -> CertificationRequest:
    """Read one request and verify its self-signature.

    Raises RequestUnreadable, RequestSignature, WeakKey; SM2Unavailable for an SM2 key without `sm2`.
    """
    spki, kind = _find_key(der)
    try:
        request = x509.load_der_x509_csr(der)
        challenge = _challenge(request)
    except PARSER_ERRORS as error:
        raise RequestUnreadable(str(error)) from None
    if kind.key_type is KeyType.SM2:
        _check_sm2(der, spki, sm2)
    else:
        _check_signature(request)
    return CertificationRequest(der, spki, sha256(spki).hexdigest(), kind, challenge)


def _find_key(der: bytes) -> tuple[bytes, KeyKind]:
    """The SubjectPublicKeyInfo, by position, and its kind, before anything is computed with it."""
    if len(der) > SIZE_MAX:
        raise RequestUnreadable("too large")
    try:
        information, _, signature = children(check_outline(der, DEPTH_MAX))
        # The library takes no notice of the count of unused bits: a second encoding of the same request would pass.
        whole_bits(signature)
        _, _, spki, *_ = children(information)
        return spki.encoded, read_key(spki.encoded)
    except ValueError as error:
        # DERError, or another number of elements to unpack.
        raise RequestUnreadable(str(error)) from None


def _challenge(request: x509.CertificateSigningRequest) -> str | None:
    found = [one for one in request.attributes if one.oid == AttributeOID.CHALLENGE_PASSWORD]
    if not found:
        return None
    if len(found) > 1 or found[0]._type not in _STRINGS:
        raise ValueError("not one challenge password of a known kind of string")
    # UnicodeDecodeError is a ValueError.
    return str(found[0].value, _STRINGS[found[0]._type])


def _check_signature(request: x509.CertificateSigningRequest) -> None:
    if request.signature_algorithm_oid.dotted_string not in SIGNATURE_ALGORITHMS:
        raise RequestSignature("algorithm")
    try:
        fits = request.is_signature_valid
    except ValueError as error:
        # The point is not on its curve.
        raise RequestUnreadable(str(error)) from None
    if not fits:
        raise RequestSignature("mismatch")


def _check_sm2(der: bytes, spki: bytes, sm2: SM2 | None) -> None:
    """`cryptography` knows neither the key nor the signature."""
    if sm2 is None:
        raise SM2Unavailable("not loaded")
    try:
        verify_signed(spki, der, sm2)
    except InvalidSignature:
        raise RequestSignature("mismatch") from None
    except ValueError as error:
        raise RequestSignature(str(error)) from None
