"""Verifies the signature over a challenge with the key of an unverified certificate.

It decides whether exactly this algorithm, key and signature fit the signed bytes (S20). It must not know what the bytes
mean, and it never chooses an algorithm: the server named it before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from certlogin.errors import Refusal
from certlogin.pki.certificate import CertificateUnreadable, UnverifiedCertificate
from certlogin.records.certificate import KeyType

#: Order of the group of P-256 (SEC 2, 2.4.2).
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Algorithm(StrEnum):
    """What a helper may sign with. The server allows a subset by name, never by what a message claims."""

    RS256 = "RS256"
    ES256 = "ES256"


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


#: Raises InvalidSignature, or ValueError when the signature's form is wrong.
_Verify = Callable[[CertificatePublicKeyTypes, bytes, bytes], None]


def verify_signature(certificate: UnverifiedCertificate, algorithm: Algorithm, signed: bytes, signature: bytes) -> None:
    """Return only if `signature` fits. Raises KeyMismatch, SignatureMalformed, SignatureMismatch."""
    key_type, verify = _TABLE[algorithm]
    if certificate.key.key_type is not key_type:
        raise KeyMismatch(algorithm, certificate.key.key_type, certificate.key.bits)
    key = public_key(certificate)
    try:
        verify(key, signed, signature)
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


def _verify_rs256(key: CertificatePublicKeyTypes, signed: bytes, signature: bytes) -> None:
    if not isinstance(key, rsa.RSAPublicKey) or len(signature) != (key.key_size + 7) // 8:
        raise ValueError("length")
    key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())


def _verify_es256(key: CertificatePublicKeyTypes, signed: bytes, signature: bytes) -> None:
    """JWA (RFC 7518 3.4): r and s as 32 octets each; the DER form of the library is made here, never taken in."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or len(signature) != 64:
        raise ValueError("length")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (1 <= r < P256_ORDER and 1 <= s < P256_ORDER):
        raise ValueError("range")
    key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))


#: One row per algorithm: the kind of key it needs, and how it is verified.
_TABLE: Final[Mapping[Algorithm, tuple[KeyType, _Verify]]] = MappingProxyType(
    {
        Algorithm.RS256: (KeyType.RSA, _verify_rs256),
        Algorithm.ES256: (KeyType.P256, _verify_es256),
    }
)
