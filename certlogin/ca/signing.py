"""The keys that the CA signs with. One interface, so that profile and encoding are one piece of code for every kind."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

#: What CA keys can be made.
KEY_TYPES: Final = ("P-256", "RSA-2048")
_SHA256_RSA: Final = "1.2.840.113549.1.1.11"
_SHA256_ECDSA: Final = "1.2.840.10045.4.3.2"


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


def new_key(key_type: str) -> CAKey:
    """A key of one of `KEY_TYPES`."""
    if key_type == "RSA-2048":
        return LibraryKey(rsa.generate_private_key(65537, 2048))
    return LibraryKey(ec.generate_private_key(ec.SECP256R1()))


def read_key(pkcs8: bytes) -> CAKey | None:
    """The key in a PrivateKeyInfo (DER); None: of another kind. Raises ValueError: unreadable."""
    try:
        private = load_der_private_key(pkcs8, None)
    except UnsupportedAlgorithm:
        return None
    return LibraryKey(private) if isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) else None
