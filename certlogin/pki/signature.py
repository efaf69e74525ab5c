"""Verifies the signature over a challenge with the key of an unverified certificate.

It decides whether exactly this algorithm, key and signature fit the signed bytes (S20). It must not know what the bytes
mean, and it never chooses an algorithm: the server named it before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import ClassVar, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from certlogin.errors import Refusal
from certlogin.pki.certificate import CertificateUnreadable, UnverifiedCertificate
from certlogin.pki.sm2 import SM2, SM2Unavailable, point_of
from certlogin.records.certificate import KeyType

#: Orders of the groups of P-256 and P-384 (SEC 2, 2.4.2 and 2.5.1).
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P384_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973


class Algorithm(StrEnum):
    """What a helper may sign with. The server allows a subset by name, never by what a message claims."""

    RS256 = "RS256"
    PS256 = "PS256"
    ES256 = "ES256"
    ES384 = "ES384"
    SM2 = "SM2-SM3"


@dataclass(eq=False)
class KeyMismatch(Refusal):
    """The certificate's key is not of the kind and size that the algorithm asks for."""

    code: ClassVar[str] = "algorithm_key_mismatch"
    status: ClassVar[int] = 400
    algorithm: str
    key_type: str
    key_bits: int


@dataclass(eq=False)
class SignatureMalformed(Refusal):
    """The signature has another length or other numbers than the algorithm can produce."""

    code: ClassVar[str] = "signature_malformed"
    status: ClassVar[int] = 400
    algorithm: str
    length: int


@dataclass(eq=False)
class SignatureMismatch(Refusal):
    """The signature was not made by this key over these bytes."""

    code: ClassVar[str] = "signature_mismatch"
    algorithm: str
    certificate_sha256: str


#: Takes signed bytes and signature. Raises InvalidSignature, or ValueError when the signature's form is wrong.
_Verify = Callable[[bytes, bytes], None]


def offered(sm2: SM2 | None) -> tuple[str, ...]:
    """The names of what can be verified here, sorted; what a challenge may allow."""
    return tuple(sorted(one.value for one in Algorithm if one is not Algorithm.SM2 or sm2 is not None))


def verify_signature(
    certificate: UnverifiedCertificate, algorithm: Algorithm, signed: bytes, signature: bytes, sm2: SM2 | None = None
) -> None:
    """Return only if `signature` fits.

    Raises KeyMismatch, CertificateUnreadable, SignatureMalformed, SignatureMismatch; SM2Unavailable without `sm2`.
    """
    _check_key(certificate, algorithm)
    verify = _verifier(certificate, algorithm, sm2)
    try:
        verify(signed, signature)
    except InvalidSignature:
        raise SignatureMismatch(algorithm, certificate.sha256) from None
    except ValueError:
        raise SignatureMalformed(algorithm, len(signature)) from None


def public_key(certificate: UnverifiedCertificate) -> CertificatePublicKeyTypes:
    """The key itself, loaded after its size was judged. Raises CertificateUnreadable: a point beside the curve, …"""
    try:
        return certificate.x509.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateUnreadable(f"public key: {error}") from None


def _check_key(certificate: UnverifiedCertificate, algorithm: Algorithm) -> None:
    if certificate.key.key_type is not _KEY_TYPES[algorithm]:
        raise KeyMismatch(algorithm, certificate.key.key_type, certificate.key.bits)


def _verifier(certificate: UnverifiedCertificate, algorithm: Algorithm, sm2: SM2 | None) -> _Verify:
    """The key, loaded, with what it verifies by. Raises CertificateUnreadable, SM2Unavailable."""
    if algorithm is Algorithm.SM2:
        return partial(_sm2(sm2).verify, _point(certificate))
    key = public_key(certificate)
    if algorithm in _PADDINGS:
        return partial(_verify_rsa, key, _PADDINGS[algorithm])
    return partial(_verify_ecdsa, key, *_CURVES[algorithm])


def _sm2(sm2: SM2 | None) -> SM2:
    if sm2 is None:
        raise SM2Unavailable("not loaded")
    return sm2


def _point(certificate: UnverifiedCertificate) -> bytes:
    try:
        return point_of(certificate.spki)
    except ValueError as error:
        raise CertificateUnreadable(f"public key: {error}") from None


def _verify_rsa(
    key: CertificatePublicKeyTypes, how: padding.AsymmetricPadding, signed: bytes, signature: bytes
) -> None:
    if not isinstance(key, rsa.RSAPublicKey) or len(signature) != (key.key_size + 7) // 8:
        raise ValueError("length")
    key.verify(signature, signed, how, _RSA_DIGEST)


def _verify_ecdsa(
    key: CertificatePublicKeyTypes, order: int, digest: hashes.HashAlgorithm, signed: bytes, signature: bytes
) -> None:
    """JWA (RFC 7518 3.4): r and s in the group's size each; the library's DER is made here, never taken in."""
    size = (order.bit_length() + 7) // 8
    if not isinstance(key, ec.EllipticCurvePublicKey) or len(signature) != 2 * size:
        raise ValueError("length")
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    if not (1 <= r < order and 1 <= s < order):
        raise ValueError("range")
    key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(digest))


#: The kind of key that each algorithm needs.
_KEY_TYPES: Final[Mapping[Algorithm, KeyType]] = MappingProxyType(
    {
        Algorithm.RS256: KeyType.RSA,
        Algorithm.PS256: KeyType.RSA,
        Algorithm.ES256: KeyType.P256,
        Algorithm.ES384: KeyType.P384,
        Algorithm.SM2: KeyType.SM2,
    }
)
_RSA_DIGEST: Final = hashes.SHA256()
#: RFC 7518 3.3 and 3.5: MGF1 with the same hash, and a salt of exactly its size.
_PADDINGS: Final[Mapping[Algorithm, padding.AsymmetricPadding]] = MappingProxyType(
    {
        Algorithm.RS256: padding.PKCS1v15(),
        Algorithm.PS256: padding.PSS(padding.MGF1(hashes.SHA256()), 32),
    }
)
_CURVES: Final[Mapping[Algorithm, tuple[int, hashes.HashAlgorithm]]] = MappingProxyType(
    {
        Algorithm.ES256: (P256_ORDER, hashes.SHA256()),
        Algorithm.ES384: (P384_ORDER, hashes.SHA384()),
    }
)
