"""Signed agreements: appended one after the other, erased in their bodies only."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from certlogin.errors import Unavailable
from certlogin.evidence.chain import Entry, Head, append
from certlogin.evidence.checkpoint import Checkpoint
from certlogin.evidence.record import EvidenceRecord
from certlogin.records.audit import AuditEvent
from certlogin.records.unit import UnitId
from certlogin.stores.base import CheckpointRefused, EvidenceUnreadable, StoredEvidence
from certlogin.stores.sql.database import Database
from certlogin.stores.sql.rows import event_values
from certlogin.stores.sql.tables import AUDIT_EVENT, EVIDENCE, EVIDENCE_CHECKPOINT
from certlogin.wire.json import BadRequest

_E = EVIDENCE.c
_C = EVIDENCE_CHECKPOINT.c
#: PostgreSQL's lock of the chain's end: any number, as long as nobody else uses it. SQLite has one writer anyway.
_APPEND_LOCK: Final = text("SELECT pg_advisory_xact_lock(7241506804)")


class SqlEvidence(Database):
    """`EvidenceLog`."""

    def append_evidence(self, record: EvidenceRecord, body: bytes, event: AuditEvent) -> Entry:
        with _never_forking(), self.writing() as connection:
            _wait_for_the_end(connection)
            entry = append(_head(connection), record)
            connection.execute(insert(EVIDENCE).values(_values(entry) | {"body": body}))
            connection.execute(insert(AUDIT_EVENT).values(event_values(event)))
            return entry

    def evidence_head(self) -> Head:
        with self.reading() as connection:
            return _head(connection)

    def evidence(
        self, after: int = 0, limit: int = 100, *, unit_id: UnitId | None = None, before: datetime | None = None
    ) -> tuple[StoredEvidence, ...]:
        query = select(EVIDENCE).where(_E.seq > after).order_by(_E.seq).limit(limit)
        if unit_id is not None:
            query = query.where(_E.unit_id == unit_id)
        if before is not None:
            query = query.where(_E.at < before)
        with self.reading() as connection:
            return tuple(_stored(row) for row in connection.execute(query).mappings())

    def redact_evidence(self, seq: int, event: AuditEvent) -> bool:
        erase = update(EVIDENCE).where(_E.seq == seq, _E.body.is_not(None)).values(body=None)
        with self.writing() as connection:
            if connection.execute(erase).rowcount != 1:
                return False
            connection.execute(insert(AUDIT_EVENT).values(event_values(event)))
            return True

    def reseal_evidence(self, seq: int, old: bytes, new: bytes) -> bool:
        with self.writing() as connection:
            return (
                connection.execute(update(EVIDENCE).where(_E.seq == seq, _E.body == old).values(body=new)).rowcount == 1
            )

    def add_checkpoint(self, checkpoint: Checkpoint, event: AuditEvent) -> None:
        with self.writing() as connection:
            if _hash_at(connection, checkpoint.head.seq) != checkpoint.head.hash:
                raise CheckpointRefused(checkpoint.head.seq)
            connection.execute(insert(EVIDENCE_CHECKPOINT).values(_checkpoint_values(checkpoint)))
            connection.execute(insert(AUDIT_EVENT).values(event_values(event)))

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        with self.reading() as connection:
            found = connection.execute(select(EVIDENCE_CHECKPOINT).order_by(_C.id)).mappings()
            return tuple(
                Checkpoint(Head(row["seq"], row["head"]), row["at"], row["key_id"], row["signature"]) for row in found
            )


@contextmanager
def _never_forking() -> Iterator[None]:
    """The rules of the table stand behind the locks."""
    try:
        yield
    except IntegrityError as error:
        raise Unavailable("evidence: the chain has another end") from error


def _wait_for_the_end(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(_APPEND_LOCK)


def _head(connection: Connection) -> Head:
    last = connection.execute(select(_E.seq, _E.hash).order_by(_E.seq.desc()).limit(1)).first()
    return Head() if last is None else Head(*last)


def _hash_at(connection: Connection, seq: int) -> str | None:
    if seq == 0:
        return Head().hash
    return connection.execute(select(_E.hash).where(_E.seq == seq)).scalar_one_or_none()


def _values(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "previous": entry.previous,
        "hash": entry.hash,
        "at": entry.record.at,
        "unit_id": entry.record.unit_id,
        "entry": entry.to_bytes(),
    }


def _checkpoint_values(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "seq": checkpoint.head.seq,
        "head": checkpoint.head.hash,
        "at": checkpoint.at,
        "key_id": checkpoint.key_id,
        "signature": checkpoint.signature,
    }


def _stored(row: RowMapping) -> StoredEvidence:
    try:
        entry = Entry.from_bytes(row["entry"])
    except BadRequest as problem:
        raise EvidenceUnreadable(f"evidence no. {row['seq']}") from problem
    return StoredEvidence(entry, row["hash"], row["body"])
