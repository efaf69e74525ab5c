"""How long things last and how large they may be. Times in seconds, sizes in bytes."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tickets:
    absolute: int = 8 * 3600
    idle: int = 30 * 60
    #: How often a worker looks again whether a ticket still holds.
    recheck: int = 60
    #: How long an unreachable store is forgiven for a ticket that this worker has checked before.
    recheck_grace: int = 300


@dataclass(frozen=True, slots=True)
class Attempts:
    idle: int = 30 * 60
    total: int = 2 * 3600
    #: How long the host's login response is kept back.
    hold_max: int = 20 * 60
    #: The largest body of a held response.
    held_max: int = 256 * 1024
    #: All held responses together.
    held_total: int = 64 * 1024 * 1024
    per_unit: int = 8
    per_address: int = 64
    #: How old a challenge may be.
    challenge: int = 120
    #: How long the released response may be fetched again by the same browser.
    repeat: int = 60


@dataclass(frozen=True, slots=True)
class HelperSettings:
    #: The fixed loopback ports, tried in order; the pages' connect-src lists them.
    ports: tuple[int, ...] = (17561, 17562, 17563)
    #: The data file of installers; empty: the one shipped.
    builds: str = ""
    #: Seconds for which the download button stays greyed out after a click (B3).
    countdown: int = 30


@dataclass(frozen=True, slots=True)
class Stores:
    #: `memory` (one process).
    volatile: str = "memory"
    #: The memory store's lock file: a second process with the same one is refused. Empty: none.
    lock_file: str = ""
    #: SQLAlchemy address of the durable store; may hold a password. Environment: CERTLOGIN_STORES_DURABLE.
    durable: str = field(default="sqlite:///certlogin.db", repr=False)
    #: Refused proofs and logins written to the audit log per minute; beyond they are counted.
    failures_per_minute: int = 60
