"""The attempt cookie, how long an attempt lives, and the seal of the held response.

PURE. The cookie carries the secret that names the attempt and the key that opens its held response; the store knows
neither, so a dump of the store opens no host session (S7).
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from certlogin.errors import Refusal
from certlogin.login.keys import holds, mac
from certlogin.records.attempt import Attempt, HeldResponse
from certlogin.settings.login import Attempts
from certlogin.wire.b64 import decode, encode
from certlogin.wire.bad_request import BadRequest

_PARTS = 3
_SECRET_OCTETS = 16
_KEY_OCTETS = 32
_NONCE_OCTETS = 12


@dataclass(eq=False)
class AttemptMissing(Refusal):
    """No attempt cookie, not one of ours, or an attempt that is over."""

    code: ClassVar[str] = "attempt_missing"


@dataclass(eq=False)
class AttemptExpired(Refusal):
    """Idle for too long, or too old."""

    code: ClassVar[str] = "attempt_expired"
    status: ClassVar[int] = 410


@dataclass(eq=False)
class HoldExpired(Refusal):
    """The host's login response was kept as long as it may be; the user logs in again."""

    code: ClassVar[str] = "hold_expired"
    status: ClassVar[int] = 410


@dataclass(eq=False)
class OtherLogin(Refusal):
    """The page belongs to another attempt than the browser's cookie (S8)."""

    code: ClassVar[str] = "other_login_in_progress"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class AttemptCookie:
    secret: bytes = field(repr=False)
    #: Opens the held response.
    key: bytes = field(repr=False)

    @property
    def store_key(self) -> str:
        return hashlib.sha256(b"certlogin attempt\x00" + self.secret).hexdigest()

    def to_text(self, keys: tuple[bytes, ...]) -> str:
        return f"{encode(self.secret)}.{encode(self.key)}.{mac(keys[0], self.secret, self.key)}"

    @classmethod
    def from_random(cls, octets: bytes) -> "AttemptCookie":
        """`octets`: 48 random ones."""
        return cls(octets[:_SECRET_OCTETS], octets[_SECRET_OCTETS:])

    @classmethod
    def from_text(cls, text: str, keys: tuple[bytes, ...]) -> "AttemptCookie":
        """Raises AttemptMissing: a cookie that is not ours costs no store access."""
        parts = text.split(".")
        if len(parts) != _PARTS:
            raise AttemptMissing
        try:
            secret, key = decode(parts[0]), decode(parts[1])
        except BadRequest as error:
            raise AttemptMissing from error
        if len(secret) != _SECRET_OCTETS or len(key) != _KEY_OCTETS or not holds(keys, parts[2], secret, key):
            raise AttemptMissing
        return cls(secret, key)


def check_alive(attempt: Attempt, limits: Attempts, now: datetime) -> None:
    """Raises AttemptExpired."""
    if now >= ends_at(attempt, limits):
        raise AttemptExpired


def check_held(attempt: Attempt, limits: Attempts, now: datetime) -> None:
    """Raises HoldExpired."""
    if now - attempt.opened_at >= timedelta(seconds=limits.hold_max):
        raise HoldExpired


def ends_at(attempt: Attempt, limits: Attempts) -> datetime:
    """When it is over: idle, in all, or after its release was fetched and could be repeated."""
    if attempt.release is not None and attempt.release.fetched_at is not None:
        return attempt.release.fetched_at + timedelta(seconds=limits.repeat)
    return min(attempt.touched_at + timedelta(seconds=limits.idle), attempt.opened_at + timedelta(seconds=limits.total))


def seal_response(held: HeldResponse, cookie: AttemptCookie, nonce: bytes) -> bytes:
    """AES-256-GCM under the key in the cookie, bound to the attempt; `nonce` is 12 random octets."""
    plain = json.dumps([held.status, held.headers, encode(held.body)]).encode()
    return nonce + AESGCM(cookie.key).encrypt(nonce, plain, cookie.store_key.encode())


def open_response(sealed: bytes, cookie: AttemptCookie) -> HeldResponse:
    """Raises AttemptMissing when the cookie's key does not open it, or the store has not kept it whole."""
    nonce, octets = sealed[:_NONCE_OCTETS], sealed[_NONCE_OCTETS:]
    try:
        plain = AESGCM(cookie.key).decrypt(nonce, octets, cookie.store_key.encode())
    except (InvalidTag, ValueError) as error:
        raise AttemptMissing from error
    status, headers, body = json.loads(plain)
    return HeldResponse(status, tuple((name, value) for name, value in headers), decode(body))
