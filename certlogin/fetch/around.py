"""What the refresher is given, and what it says of its work."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from certlogin.fetch.client import Transport
from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.path import Trust


class TrustHolder(Protocol):
    """Where the current trust is; `flows/trust.py` has it."""

    def current(self) -> Trust: ...

    def add(
        self, lists: Iterable[bytes], answers: Iterable[bytes], authorities: Iterable[UnverifiedCertificate] = ()
    ) -> list[str]:
        """Swap the trust for one with more evidence; returns why some of it was left out."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source."""

    name: str
    #: Empty: it worked.
    problem: str
    #: False: a file of somebody else was as good.
    fetched: bool
    good_until: datetime | None
    next_at: datetime
    #: Three quarters of its life are over, or all of it; or nothing was ever had.
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything the refresher does not decide itself."""

    trust: TrustHolder
    transport: Transport
    #: Aware, UTC.
    clock: Callable[[], datetime]
    #: `random(n)`: n random octets.
    random: Callable[[int], bytes]
    #: Registered certificates with their chains, DER.
    registered: Callable[[], Iterable[tuple[bytes, Sequence[bytes]]]] = tuple
    #: `alarm(name, facts)`: a source grows stale; told once each time.
    alarm: Callable[[str, Mapping[str, object]], None] = lambda name, facts: None
