"""Personal data at rest: sealed with AES-256-GCM, tied to the place it stands in, under keys that can be rotated.

PURE: the nonce is passed in. What was sealed for one table, row and field opens nowhere else, so that who can write the
database cannot show one person's data as another's.
"""

import hmac
from dataclasses import dataclass, field
from typing import ClassVar, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from certlogin.errors import Unavailable

NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"
_KEY_ID_BYTES: Final = 8
_HEADER: Final = len(_VERSION) + _KEY_ID_BYTES
_KEY: Final = b"certlogin personal key v1\x01"
_KEY_ID: Final = b"certlogin personal key id v1\x01"
_PLACE: Final = b"certlogin personal v1\x00"


@dataclass(eq=False)
class PersonalKeyMissing(Unavailable):
    """No key is configured, or not the one that sealed this. `what`: its id, or that there is none."""

    code: ClassVar[str] = "personal_key_missing"


@dataclass(eq=False)
class PersonalDataUnreadable(Unavailable):
    """What stands there was not sealed for this place by this key. `what`: the place."""

    code: ClassVar[str] = "personal_data_unreadable"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands."""

    table: str
    row: str
    field: str

    def __str__(self) -> str:
        return f"{self.table}.{self.field} of {self.row}"


@dataclass(frozen=True, slots=True)
class PersonalKeys:
    """The first seals, all open."""

    secrets: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def from_settings(cls, keys: tuple[str, ...]) -> "PersonalKeys":
        return cls(tuple(key.encode() for key in keys))

    def seal(self, plain: bytes, place: Place, nonce: bytes) -> bytes:
        """Version, key id, nonce, ciphertext. Raises PersonalKeyMissing; ValueError: a nonce of another length."""
        if not self.secrets:
            raise PersonalKeyMissing("[personal] keys")
        if len(nonce) != NONCE_BYTES:
            raise ValueError("nonce")
        header = self._header()
        return header + nonce + _cipher(self.secrets[0]).encrypt(nonce, plain, _bound(header, place))

    def open(self, sealed: bytes, place: Place) -> bytes:
        """Raises PersonalKeyMissing, PersonalDataUnreadable."""
        header, nonce, ciphertext = _parts(sealed)
        if header[:1] != _VERSION or len(nonce) != NONCE_BYTES:
            raise PersonalDataUnreadable(str(place))
        secret = next((one for one in self.secrets if _id(one) == header[1:]), None)
        if secret is None:
            raise PersonalKeyMissing(f"key {header[1:].hex()}")
        try:
            return _cipher(secret).decrypt(nonce, ciphertext, _bound(header, place))
        except InvalidTag:
            raise PersonalDataUnreadable(str(place)) from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the key that seals now has sealed it; else it waits to be sealed again."""
        return bool(self.secrets) and sealed.startswith(self._header())

    def _header(self) -> bytes:
        return _VERSION + _id(self.secrets[0])


def _parts(sealed: bytes) -> tuple[bytes, bytes, bytes]:
    end = _HEADER + NONCE_BYTES
    return sealed[:_HEADER], sealed[_HEADER:end], sealed[end:]


def _id(secret: bytes) -> bytes:
    return hmac.digest(secret, _KEY_ID, "sha256")[:_KEY_ID_BYTES]


def _cipher(secret: bytes) -> AESGCM:
    """Under a key derived as HMAC(secret, label), the one-block case of HKDF-Expand (RFC 5869 2.3)."""
    return AESGCM(hmac.digest(secret, _KEY, "sha256"))


def _bound(header: bytes, place: Place) -> bytes:
    """The associated data, each part behind its length: no two places give the same octets."""
    parts = (header, place.table.encode(), place.row.encode(), place.field.encode())
    return _PLACE + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
