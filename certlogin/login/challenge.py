"""The challenge: text the server can recognise as its own without having kept it.

PURE: random octets and time are arguments. `random | issued | MAC over everything it is bound to`; issuing writes
nothing, and whether it was used before is asked of a store, after the MAC and the age were found good.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from certlogin.errors import Refusal
from certlogin.login.keys import holds, mac
from certlogin.wire.b64 import encode

_PARTS = 3
_MAX_LENGTH = 160
#: How far the clocks of two servers of one site may be apart.
_AHEAD = timedelta(seconds=5)


class Purpose(StrEnum):
    LOGIN = "login"
    ENROL = "enrol"
    AGREE = "agree"


@dataclass(eq=False)
class ChallengeForeign(Refusal):
    """Not issued by this site for this attempt, unit, purpose, set of formats, origin and store epoch."""

    code: ClassVar[str] = "challenge_foreign"


@dataclass(eq=False)
class ChallengeExpired(Refusal):
    code: ClassVar[str] = "challenge_expired"
    status: ClassVar[int] = 410
    issued_at: datetime
    moment: datetime


@dataclass(frozen=True, slots=True)
class Binding:
    """Everything a challenge is valid for, and for nothing else."""

    #: The attempt's store key.
    attempt: str
    unit: str
    purpose: Purpose
    #: The proof formats the server allows for it, sorted.
    formats: tuple[str, ...]
    #: The algorithms offered with it, sorted.
    algorithms: tuple[str, ...]
    origin: str
    #: The once-store's epoch: what an earlier store has seen, this one cannot know.
    epoch: str

    def octets(self) -> tuple[bytes, ...]:
        # The empty text ends the formats: no name is empty, so no two bindings give the same octets.
        names = (*self.formats, "", *self.algorithms)
        return tuple(text.encode() for text in (self.attempt, self.unit, self.purpose, self.origin, self.epoch, *names))


def issue_challenge(binding: Binding, random: bytes, now: datetime, keys: tuple[bytes, ...]) -> str:
    """ASCII text of about 100 characters. `random` is 32 octets."""
    nonce, issued = encode(random), str(int(now.timestamp()))
    return f"{nonce}.{issued}.{mac(keys[0], nonce.encode(), issued.encode(), *binding.octets())}"


def check_challenge(text: str, binding: Binding, max_age: timedelta, now: datetime, keys: tuple[bytes, ...]) -> str:
    """The nonce, to be redeemed once. Raises ChallengeForeign, ChallengeExpired."""
    parts = text.split(".") if len(text) <= _MAX_LENGTH and text.isascii() else []
    if len(parts) != _PARTS:
        raise ChallengeForeign
    nonce, issued_text, candidate = parts
    if not holds(keys, candidate, nonce.encode(), issued_text.encode(), *binding.octets()):
        raise ChallengeForeign
    issued = datetime.fromtimestamp(int(issued_text), UTC)
    if now - issued >= max_age or issued - now > _AHEAD:
        raise ChallengeExpired(issued_at=issued, moment=now)
    return nonce
