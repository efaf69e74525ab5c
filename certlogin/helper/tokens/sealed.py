"""The file of a file token: what it contains, and how its keys are sealed.

PIN -> scrypt -> key encryption key -> AES-256-GCM -> token key -> AES-256-GCM -> each private key. The associated data
name token and key, so that sealed keys cannot be swapped between tokens or slots.
"""

import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from certlogin.helper.tokens.base import KeyInfo, KeyKind
from certlogin.wire.b64 import decode, encode
from certlogin.wire.json import (
    BadRequest,
    JsonObject,
    b64url,
    b64url_list,
    exact_members,
    integer,
    matching,
    object_list,
    read_object,
    text,
    write_object,
)

SERIAL = r"[A-Z0-9]{4,32}"
KEY_ID = r"[0-9a-f]{16}"

#: How many keys one token holds. Each comes with a certificate and its chain, up to the body of a request (16 KiB): a
#: file that could be written and not be read again would be a lost token.
KEYS = 64
_FILE_LIMIT = 2 * 1024 * 1024
_NONCE = 12
#: RFC 7914, 2: memory is 128 * r * cost bytes, and cost a power of two. The file states the cost; the bounds keep a
#: foreign file from eating the machine.
_SCRYPT_R = 8
_COSTS = tuple(2**exponent for exponent in range(10, 19))


@dataclass(frozen=True, slots=True)
class SealedKey:
    info: KeyInfo
    #: Nonce and AES-256-GCM of the PKCS#8 key.
    sealed: bytes


@dataclass(frozen=True, slots=True)
class TokenFile:
    serial: str
    model: str
    label: str
    tries_max: int
    #: scrypt's N.
    cost: int
    salt: bytes
    #: Nonce and AES-256-GCM of the token key, under the key derived from the PIN.
    sealed_key: bytes
    keys: tuple[SealedKey, ...] = ()

    def to_bytes(self) -> bytes:
        return write_object(
            {
                "v": 1,
                "serial": self.serial,
                "model": self.model,
                "label": self.label,
                "tries_max": self.tries_max,
                "cost": self.cost,
                "salt": encode(self.salt),
                "sealed_key": encode(self.sealed_key),
                "keys": [_key_object(key) for key in self.keys],
            }
        )

    @classmethod
    def read(cls, path: Path) -> "TokenFile":
        """Raises BadRequest when the file is damaged, OSError when it is gone."""
        value = read_object(path.read_bytes(), _FILE_LIMIT)
        exact_members(value, ("v", "serial", "model", "label", "tries_max", "cost", "salt", "sealed_key", "keys"))
        integer(value, "v", 1, 1)
        return cls(
            serial=matching(value, "serial", SERIAL),
            model=text(value, "model", 64),
            label=text(value, "label", 64),
            tries_max=integer(value, "tries_max", 1, 99),
            cost=_cost(value),
            salt=b64url(value, "salt", 32, 16),
            sealed_key=b64url(value, "sealed_key", 128),
            keys=tuple(_key(item) for item in object_list(value, "keys", KEYS)),
        )

    def with_key(self, key: SealedKey) -> "TokenFile":
        """Add the key, or put it where the one of its id was."""
        others = tuple(known for known in self.keys if known.info.key_id != key.info.key_id)
        return replace(self, keys=(*others, key))

    def find(self, key_id: str) -> SealedKey | None:
        return next((key for key in self.keys if key.info.key_id == key_id), None)


def derive(pin: bytearray, salt: bytes, cost: int) -> bytes:
    """The key encryption key. NFC: the same characters typed on two keyboards are the same PIN."""
    typed = unicodedata.normalize("NFC", pin.decode("utf-8")).encode("utf-8")
    return Scrypt(salt=salt, length=32, n=cost, r=_SCRYPT_R, p=1).derive(typed)


def seal(key: bytes, nonce: bytes, plain: bytes, bound_to: str) -> bytes:
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode("ascii"))


def unseal(key: bytes, sealed: bytes, bound_to: str) -> bytes:
    """Raises cryptography's InvalidTag for a wrong key or changed bytes."""
    if len(sealed) <= _NONCE:
        raise InvalidTag
    return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to.encode("ascii"))


def _key_object(key: SealedKey) -> JsonObject:
    info = key.info
    return {
        "key_id": info.key_id,
        "kind": info.kind.value,
        "public_key": encode(info.public_key),
        "origin": info.origin,
        "unit": info.unit,
        "certificate": "" if info.certificate is None else encode(info.certificate),
        "chain": [encode(der) for der in info.chain],
        "sealed": encode(key.sealed),
    }


def _cost(value: JsonObject) -> int:
    cost = integer(value, "cost")
    if cost not in _COSTS:
        raise BadRequest("not_allowed", "cost")
    return cost


def _key(value: JsonObject) -> SealedKey:
    exact_members(value, ("key_id", "kind", "public_key", "origin", "unit", "certificate", "chain", "sealed"))
    info = KeyInfo(
        key_id=matching(value, "key_id", KEY_ID),
        kind=KeyKind(matching(value, "kind", "|".join(KeyKind))),
        public_key=b64url(value, "public_key", 1024),
        origin=text(value, "origin"),
        unit=text(value, "unit", 256),
        certificate=decode(text(value, "certificate", 24 * 1024, empty=True), "certificate") or None,
        chain=b64url_list(value, "chain"),
    )
    return SealedKey(info, b64url(value, "sealed", 8192))
