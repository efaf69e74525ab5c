"""Private keys in memory: those of a file token while it is open."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from certlogin.helper.refusals import NoCertificate
from certlogin.helper.signing import Built
from certlogin.helper.tokens.base import KeyKind
from certlogin.pki.sm2 import SM2, SM2Key, pkcs8, read_pkcs8, spki


class RSAKey:
    request_algorithm = "RS256"

    def __init__(self, private: rsa.RSAPrivateKey) -> None:
        self._private = private

    @property
    def public_key(self) -> bytes:
        return self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, built: Built, algorithm: str) -> bytes:
        _check_own(KeyKind.RSA2048, algorithm)
        # RFC 7518 3.5: the salt is as long as the digest.
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
        return self._private.sign(built.octets, pss if algorithm == "PS256" else padding.PKCS1v15(), hashes.SHA256())

    def pkcs8(self) -> bytes:
        return self._private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


class P256Key:
    request_algorithm = "ES256"

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private

    @property
    def public_key(self) -> bytes:
        return self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, built: Built, algorithm: str) -> bytes:
        _check_own(KeyKind.P256, algorithm)
        r, s = decode_dss_signature(self._private.sign(built.octets, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def pkcs8(self) -> bytes:
        return self._private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


class SM2SoftKey:
    request_algorithm = "SM2-SM3"

    def __init__(self, sm2: SM2, private: SM2Key) -> None:
        self._sm2 = sm2
        self._private = private

    @property
    def public_key(self) -> bytes:
        return spki(self._private.point)

    def sign(self, built: Built, algorithm: str) -> bytes:
        _check_own(KeyKind.SM2, algorithm)
        return self._sm2.sign(self._private, built.octets)

    def pkcs8(self) -> bytes:
        return pkcs8(self._private)


SoftKey = RSAKey | P256Key | SM2SoftKey


def _check_own(kind: KeyKind, algorithm: str) -> None:
    """A key signs under no name but its own."""
    if algorithm not in kind.algorithms:
        raise NoCertificate


def new_key(kind: KeyKind, sm2: SM2 | None) -> SoftKey:
    """One of RSA-2048, P-256 and, given an `sm2`, SM2. Raises NoCertificate for any other kind."""
    if kind is KeyKind.RSA2048:
        return RSAKey(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    if kind is KeyKind.P256:
        return P256Key(ec.generate_private_key(ec.SECP256R1()))
    if kind is KeyKind.SM2 and sm2 is not None:
        return SM2SoftKey(sm2, sm2.generate())
    raise NoCertificate


def load_key(der: bytes, kind: KeyKind, sm2: SM2 | None) -> SoftKey:
    """A key of that kind from its PKCS#8. Raises ValueError when it is none."""
    if kind is KeyKind.SM2 and sm2 is not None:
        return SM2SoftKey(sm2, read_pkcs8(der))
    try:
        key = load_der_private_key(der, password=None)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if kind is KeyKind.RSA2048 and isinstance(key, rsa.RSAPrivateKey):
        return RSAKey(key)
    if kind is KeyKind.P256 and isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return P256Key(key)
    raise ValueError("a key of another kind")
