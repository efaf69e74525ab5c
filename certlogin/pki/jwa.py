"""The nine algorithms of JWA (RFC 7518 3.1) that sign with a public key, as Web eID names them.

It decides whether exactly this algorithm, key and signature fit the signed bytes (S20): each ES algorithm has its one
curve, and a signature of it is r || s. It never chooses an algorithm, and must not know what the bytes mean.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.signature import (
    P256_ORDER,
    P384_ORDER,
    KeyMismatch,
    SignatureMalformed,
    SignatureMismatch,
    public_key,
)
from certlogin.records.certificate import KeyType

#: Order of the group of P-521 (SEC 2, 2.6.1).
P521_ORDER: Final = int(
    "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
    "FA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409",
    16,
)


class JWA(StrEnum):
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"

    @property
    def hash(self) -> hashes.HashAlgorithm:
        return _HASHES[self[2:]]


def verify_jwa(certificate: UnverifiedCertificate, algorithm: JWA, signed: bytes, signature: bytes) -> None:
    """Return only if `signature` fits.

    Raises KeyMismatch, CertificateUnreadable, SignatureMalformed, SignatureMismatch.
    """
    if certificate.key.key_type is not _KEY_TYPES.get(algorithm, KeyType.RSA):
        raise KeyMismatch(algorithm, certificate.key.key_type, certificate.key.bits)
    # Of the kind that was just asked for.
    key: Any = public_key(certificate)
    try:
        if algorithm in _ORDERS:
            key.verify(_sequence(signature, _ORDERS[algorithm]), signed, ec.ECDSA(algorithm.hash))
        else:
            key.verify(_whole(signature, certificate.key.bits), signed, _padding(algorithm), algorithm.hash)
    except InvalidSignature:
        raise SignatureMismatch(algorithm, certificate.sha256) from None
    except ValueError:
        raise SignatureMalformed(algorithm, len(signature)) from None


def _sequence(signature: bytes, order: int) -> bytes:
    """RFC 7518 3.4: r and s in the group's size each; the library's DER is made here, never taken in."""
    size = (order.bit_length() + 7) // 8
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    if len(signature) != 2 * size or not (1 <= r < order and 1 <= s < order):
        raise ValueError("length or range")
    return encode_dss_signature(r, s)


def _whole(signature: bytes, bits: int) -> bytes:
    """RFC 8017 8.1.2 and 8.2.2, step 1: as long as the modulus."""
    if len(signature) != (bits + 7) // 8:
        raise ValueError("length")
    return signature


def _padding(algorithm: JWA) -> padding.AsymmetricPadding:
    """RFC 7518 3.3 and 3.5: MGF1 with the same hash, and a salt of exactly its size."""
    if algorithm.startswith("RS"):
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(algorithm.hash), algorithm.hash.digest_size)


_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = MappingProxyType(
    {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
)
#: The others need RSA.
_KEY_TYPES: Final[Mapping[JWA, KeyType]] = MappingProxyType(
    {JWA.ES256: KeyType.P256, JWA.ES384: KeyType.P384, JWA.ES512: KeyType.P521}
)
_ORDERS: Final[Mapping[JWA, int]] = MappingProxyType(
    {JWA.ES256: P256_ORDER, JWA.ES384: P384_ORDER, JWA.ES512: P521_ORDER}
)
