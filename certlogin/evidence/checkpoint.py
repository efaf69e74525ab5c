"""A checkpoint: the end of the chain at a time, signed by a key that the web workers lack.

PURE. Who may write the database can rewrite the whole chain, hashes and all; what a checkpoint kept elsewhere covers,
they cannot. Its key is Ed25519, or P-256 where nothing else is allowed.
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import ClassVar, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from certlogin.errors import ConfigurationError, Refusal
from certlogin.evidence.chain import Head, check_canonical, read_line
from certlogin.evidence.record import canonical, moment, written
from certlogin.wire.b64 import encode
from certlogin.wire.json import JsonObject, b64url, exact_members, integer, matching
from certlogin.wire.payload import SHA256_HEX

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey

_STATEMENT: Final = b"CERTLOGIN-EVIDENCE-CHECKPOINT-V1\x00"
_SIGNATURE_MAX: Final = 80
_KIND: Final = "must be an Ed25519 or P-256 key"


@dataclass(eq=False)
class CheckpointInvalid(Refusal):
    """The key that it names has not signed it."""

    code: ClassVar[str] = "evidence_checkpoint_invalid"
    seq: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    head: Head
    at: datetime
    #: SHA-256 (hex) of the public key's SubjectPublicKeyInfo.
    key_id: str
    signature: bytes = field(repr=False)

    def to_json(self) -> JsonObject:
        return {**_statement(self.head, self.at, self.key_id), "signature": encode(self.signature)}

    def to_bytes(self) -> bytes:
        """Its line in an export."""
        return canonical(self.to_json())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Checkpoint":
        """Of a line without its line feed. Raises BadRequest."""
        return cls.from_json(read_line(data), data)

    @classmethod
    def from_json(cls, value: JsonObject, data: bytes) -> "Checkpoint":
        """Of the object that `data` is. Raises BadRequest."""
        exact_members(value, ("at", "head", "key_id", "kind", "seq", "signature", "v"))
        integer(value, "v", 1, 1)
        found = cls(
            head=Head(integer(value, "seq"), matching(value, "head", SHA256_HEX)),
            at=moment(value, "at"),
            key_id=matching(value, "key_id", SHA256_HEX),
            signature=b64url(value, "signature", _SIGNATURE_MAX),
        )
        check_canonical(found.to_bytes(), data)
        return found


def sign_checkpoint(head: Head, at: datetime, key: PrivateKey) -> Checkpoint:
    key_id = key_id_of(key.public_key())
    message = _message(_statement(head, at, key_id))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Checkpoint(head, at, key_id, key.sign(message))
    return Checkpoint(head, at, key_id, key.sign(message, ec.ECDSA(hashes.SHA256())))


def verify_checkpoint(checkpoint: Checkpoint, key: PublicKey) -> None:
    """Return only if `key` has signed it. Raises CheckpointInvalid."""
    message = _message(_statement(checkpoint.head, checkpoint.at, checkpoint.key_id))
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(checkpoint.signature, message)
        else:
            key.verify(checkpoint.signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise CheckpointInvalid(checkpoint.head.seq) from None


def key_id_of(key: PublicKey) -> str:
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def read_public_key(pem: bytes) -> PublicKey:
    """Raises ConfigurationError."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError(("no public key in PEM",)) from None
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ConfigurationError((_KIND,))


def read_private_key(pem: bytes, passphrase: str) -> PrivateKey:
    """Raises ConfigurationError: no key, the wrong passphrase, none on the key, another kind."""
    try:
        key = load_pem_private_key(pem, passphrase.encode())
    except TypeError:
        raise ConfigurationError(("the key is not encrypted, so it is not used",)) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError(("no encrypted private key in PEM, or the passphrase is wrong",)) from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ConfigurationError((_KIND,))


def _statement(head: Head, at: datetime, key_id: str) -> JsonObject:
    return {"at": written(at), "head": head.hash, "key_id": key_id, "kind": "checkpoint", "seq": head.seq, "v": 1}


def _message(statement: JsonObject) -> bytes:
    return _STATEMENT + canonical(statement)
