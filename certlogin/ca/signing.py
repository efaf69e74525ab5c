"""The keys that the CA signs with. One interface, so that profile and encoding are one piece of code for every kind."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from certlogin.pki import sm2
from certlogin.pki.sm2 import SM2, SM2Key

#: What CA keys can be made.
KEY_TYPES: Final = ("SM2", "P-256", "RSA-2048")
_SHA256_RSA: Final = "1.2.840.113549.1.1.11"
_SHA256_ECDSA: Final = "1.2.840.10045.4.3.2"
_SM3_SM2: Final = "1.2.156.10197.1.501"


class CAKey(Protocol):
    """A private key."""

    @property
    def spki(self) -> bytes:
        """DER of the SubjectPublicKeyInfo of its public half."""
        ...

    @property
    def algorithm(self) -> str:
        """The identifier of the signatures it makes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """As it stands in a certificate or list."""
        ...

    def pkcs8(self) -> bytes:
        """DER of the PrivateKeyInfo, in the clear."""
        ...


@dataclass(frozen=True, slots=True)
class LibraryKey:
    """RSA (PKCS#1 v1.5) or ECDSA, both with SHA-256, by `cryptography`."""

    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def spki(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def algorithm(self) -> str:
        return _SHA256_RSA if isinstance(self.private, rsa.RSAPrivateKey) else _SHA256_ECDSA

    def sign(self, message: bytes) -> bytes:
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self.private.sign(message, ec.ECDSA(hashes.SHA256()))

    def pkcs8(self) -> bytes:
        return self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True, slots=True)
class SM2CAKey:
    """SM2 with SM3, by the libcrypto of `pki.sm2`."""

    library: SM2
    private: SM2Key

    @property
    def spki(self) -> bytes:
        return sm2.spki(self.private.point)

    @property
    def algorithm(self) -> str:
        return _SM3_SM2

    def sign(self, message: bytes) -> bytes:
        return sm2.to_der(self.library.sign(self.private, message))

    def pkcs8(self) -> bytes:
        return sm2.pkcs8(self.private)


def new_key(key_type: str, sm2_library: str = "") -> CAKey:
    """A key of one of `KEY_TYPES`. Raises SM2Unavailable."""
    if key_type == "SM2":
        library = SM2.load(sm2_library)
        return SM2CAKey(library, library.generate())
    if key_type == "RSA-2048":
        return LibraryKey(rsa.generate_private_key(65537, 2048))
    return LibraryKey(ec.generate_private_key(ec.SECP256R1()))


def read_key(pkcs8: bytes, sm2_library: str = "") -> CAKey | None:
    """The key in a PrivateKeyInfo (DER); None: of another kind. Raises ValueError: unreadable; SM2Unavailable."""
    try:
        found = sm2.read_pkcs8(pkcs8)
    except ValueError:
        return _read_library_key(pkcs8)
    return _checked(SM2CAKey(SM2.load(sm2_library), found))


def _checked(key: SM2CAKey) -> SM2CAKey:
    """The two halves fit, as `cryptography` checks of its own: a damaged file must not sign what nobody accepts."""
    try:
        key.library.verify(key.private.point, b"", key.library.sign(key.private, b""))
    except InvalidSignature:
        raise ValueError("the private and the public half differ") from None
    return key


def _read_library_key(pkcs8: bytes) -> CAKey | None:
    try:
        private = load_der_private_key(pkcs8, None)
    except UnsupportedAlgorithm:
        return None
    return LibraryKey(private) if isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) else None
