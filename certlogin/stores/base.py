"""The promises of the stores. Implementations: `memory.py` (volatile), `sql/` (durable).

Expiry is judged above the stores, once; a store may forget a value after the time it was told, never before. Every
method raises `certlogin.errors.Unavailable` when the store does not answer, and only the refusals named here otherwise.
Methods are safe to call from several threads.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol

from certlogin.errors import Refusal, Unavailable
from certlogin.evidence.chain import Entry, Head
from certlogin.evidence.checkpoint import Checkpoint
from certlogin.evidence.record import EvidenceRecord
from certlogin.records.attempt import Attempt
from certlogin.records.audit import AuditEvent
from certlogin.records.certificate import BoundCertificate, State
from certlogin.records.unit import UnitId


@dataclass(eq=False)
class TooManyAttempts(Unavailable):
    """A cap on open attempts is reached: of this unit, of this address, or of all held bytes."""

    code: ClassVar[str] = "too_many_attempts"
    retry_after: int


@dataclass(eq=False)
class AlreadyBound(Refusal):
    """A uniqueness rule of the registry forbids the row."""

    code: ClassVar[str] = "already_bound"
    status: ClassVar[int] = 409
    #: `certificate`, `key` (another unit has it), `slot` (the unit already has an active one), `order` (it is closed).
    conflict: str


@dataclass(eq=False)
class EvidenceUnreadable(Unavailable):
    """A row is no entry: it was written by somebody else. `what`: which one."""

    code: ClassVar[str] = "evidence_unreadable"


@dataclass(eq=False)
class CheckpointRefused(Refusal):
    """The chain has no such entry: the checkpoint is of another chain, or the chain was changed under it."""

    code: ClassVar[str] = "evidence_checkpoint_refused"
    status: ClassVar[int] = 409
    seq: int


@dataclass(frozen=True, slots=True)
class AttemptCaps:
    """How many attempts may be open at once; what is beyond is refused with Retry-After."""

    per_unit: int
    per_address: int
    #: Bytes of sealed responses in all.
    held_total: int


class AttemptStore(Protocol):
    """Open attempts, by `Attempt.key`."""

    def open(self, attempt: Attempt, caps: AttemptCaps, keep_until: datetime, now: datetime) -> None:
        """Keep a new attempt. Counting and adding are one step. Raises TooManyAttempts."""
        ...

    def load(self, key: str) -> Attempt | None:
        """The attempt, or None when there is none (never opened, taken, or forgotten)."""
        ...

    def replace(self, old: Attempt, new: Attempt, keep_until: datetime) -> bool:
        """Put `new` where `old` is, to be kept until then. False when the stored attempt is no longer equal to `old`.

        An attempt past its `keep_until` counts against no cap.
        """
        ...

    def take(self, key: str) -> Attempt | None:
        """Remove and return it; of two concurrent callers exactly one gets it."""
        ...


class OnceStore(Protocol):
    """Values that may be used once (nonces)."""

    @property
    def epoch(self) -> str:
        """Changes when the store was flushed or restarted: values of an older epoch must be refused by the caller."""
        ...

    def add_once(self, value: str, keep_until: datetime, now: datetime) -> bool:
        """True for exactly one caller per value."""
        ...


class EndedTickets(Protocol):
    """Tickets that were ended before their time."""

    def end(self, ticket_id: str, keep_until: datetime, now: datetime) -> None: ...

    def is_ended(self, ticket_id: str) -> bool: ...


class RateCounter(Protocol):
    def count(self, name: str, window_seconds: int, now: datetime) -> int:
        """Count one event under `name`; returns how many there were in the current window, this one included."""
        ...


class VolatileStore(AttemptStore, OnceStore, EndedTickets, RateCounter, Protocol):
    """Everything that may be lost at a restart."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class EnrolmentOrder:
    """One certificate asked for: durable, so that an issued certificate finds its key after any crash."""

    unit_id: UnitId
    #: SHA-256 (hex) of the requested SubjectPublicKeyInfo; (unit_id, spki_sha256) is unique.
    spki_sha256: str
    #: A state of `journeys/enrol.py`.
    state: str
    requested_at: datetime
    #: SHA-256 (hex) of the issued certificate.
    certificate_sha256: str | None = None
    #: DER of the issuing CA's certificates, leaf excluded, nearest first.
    chain: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class DownloadGrant:
    """An operator's permission for a unit to download once more after its certificate was revoked (S12)."""

    unit_id: UnitId
    granted_at: datetime
    until: datetime
    granted_by: str
    used_at: datetime | None = None


class Registry(Protocol):
    """The durable record of which certificate belongs to which unit."""

    def of_unit(self, unit_id: UnitId) -> tuple[BoundCertificate, ...]:
        """Every row of the unit, in every state, newest first."""
        ...

    def find(self, sha256: str) -> BoundCertificate | None: ...

    def find_by_key(self, spki_sha256: str) -> BoundCertificate | None:
        """The newest row that holds this public key."""
        ...

    def bind(self, row: BoundCertificate, event: AuditEvent, order: EnrolmentOrder | None = None) -> None:
        """Add the row, the event, the order's new state, and the use of an open grant, in one transaction.

        Raises AlreadyBound: UNIQUE (issuer_sha256, serial); UNIQUE (sha256); one unit per SPKI; UNIQUE (unit, slot)
        over active rows; an order that waits for nothing any more. Then nothing was written.
        """
        ...

    def change_state(self, sha256: str, old: State, new: State, event: AuditEvent) -> bool:
        """A conditional update with its event in one transaction; False when the row is not in `old`.

        `revoked` is final: a call with `old` = REVOKED raises ValueError. Raises AlreadyBound when the row would become
        the second active one in its slot.
        """
        ...

    def listing(
        self, unit_id: UnitId | None = None, state: State | None = None, limit: int = 100, offset: int = 0
    ) -> Sequence[BoundCertificate]:
        """Rows newest first, for the operator."""
        ...


class Orders(Protocol):
    """Enrolment orders and download grants."""

    def find_order(self, unit_id: UnitId, spki_sha256: str) -> EnrolmentOrder | None: ...

    def open_orders(self, unit_id: UnitId) -> tuple[EnrolmentOrder, ...]:
        """The orders of the unit that are not in a final state, newest first."""
        ...

    def place(self, order: EnrolmentOrder) -> EnrolmentOrder:
        """Keep the order, or return the one already there for the same unit and key."""
        ...

    def advance(self, order: EnrolmentOrder, new_state: str, event: AuditEvent) -> bool:
        """Conditional update from `order.state` with its event; False when the stored state differs."""
        ...

    def grant(self, grant: DownloadGrant, event: AuditEvent) -> None: ...

    def open_grant(self, unit_id: UnitId, now: datetime) -> DownloadGrant | None:
        """The grant that is unused and not past `until`."""
        ...


class Skips(Protocol):
    """How often a unit went on without the certificate it was advised to get."""

    def skipped(self, unit_id: UnitId, rule: str) -> int: ...

    def skip(self, unit_id: UnitId, rule: str, most: int, event: AuditEvent) -> bool:
        """Count one more with its event in one transaction; False, and nothing written, when `most` are used."""
        ...


class AuditLog(Protocol):
    def record(self, event: AuditEvent) -> None:
        """Committed to disk when it returns."""
        ...

    def events(self, limit: int = 100, unit_id: UnitId | None = None) -> Iterable[AuditEvent]:
        """Newest first."""
        ...


@dataclass(frozen=True, slots=True)
class StoredEvidence:
    entry: Entry
    #: As it was written then; another one than the entry's shows that the row was changed.
    hash: str
    #: As it was given, sealed; None: it was erased.
    body: bytes | None = field(repr=False)


class EvidenceLog(Protocol):
    """Signed agreements in one chain: entries are added at its end, and nothing of them changes but the body."""

    def append_evidence(self, record: EvidenceRecord, body: bytes, event: AuditEvent) -> Entry:
        """Add it with its event in one transaction; of two writers one comes after the other, the chain never forks."""
        ...

    def evidence_head(self) -> Head: ...

    def evidence(
        self, after: int = 0, limit: int = 100, *, unit_id: UnitId | None = None, before: datetime | None = None
    ) -> Sequence[StoredEvidence]:
        """Entries behind number `after`, in order; `before`: accepted earlier than that.

        Raises EvidenceUnreadable: somebody has written into the table.
        """
        ...

    def redact_evidence(self, seq: int, event: AuditEvent) -> bool:
        """Erase the body, with its event; False, and nothing written, when there is none (any more)."""
        ...

    def reseal_evidence(self, seq: int, old: bytes, new: bytes) -> bool:
        """Put `new` in the place of `old`; False when that is not the body any more. Erased bodies stay erased."""
        ...

    def add_checkpoint(self, checkpoint: Checkpoint, event: AuditEvent) -> None:
        """Keep it. Raises CheckpointRefused unless the chain has its head at its number."""
        ...

    def checkpoints(self) -> Sequence[Checkpoint]:
        """In the order of their keeping."""
        ...


class DurableStore(Registry, Orders, Skips, AuditLog, EvidenceLog, Protocol):
    """Everything that survives a restart."""

    def ping(self) -> None:
        """Raises Unavailable when the store does not answer."""
        ...

    def close(self) -> None: ...
