"""Which certificate belongs to which unit. The tables enforce the rules; this module names the one that was broken."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from certlogin.errors import Unavailable
from certlogin.journeys.enrol import CLOSED
from certlogin.records.audit import AuditEvent
from certlogin.records.certificate import BoundCertificate, State
from certlogin.records.unit import UnitId
from certlogin.stores.base import AlreadyBound, EnrolmentOrder
from certlogin.stores.sql.database import Database
from certlogin.stores.sql.rows import certificate_of, certificate_values, event_values, order_values
from certlogin.stores.sql.tables import AUDIT_EVENT, BOUND_CERTIFICATE, DOWNLOAD_GRANT, ENROLMENT_ORDER, SPKI_OWNER

#: A rule may be broken by a writer that committed between our look and our write; then we look again.
_TRIES: Final = 3

_C = BOUND_CERTIFICATE.c
_NEWEST_FIRST: Final = select(BOUND_CERTIFICATE).order_by(_C.id.desc())


class SqlRegistry(Database):
    """`Registry`."""

    def of_unit(self, unit_id: UnitId) -> tuple[BoundCertificate, ...]:
        return self._rows(_NEWEST_FIRST.where(_C.unit_id == unit_id))

    def find(self, sha256: str) -> BoundCertificate | None:
        return next(iter(self._rows(_NEWEST_FIRST.where(_C.sha256 == sha256))), None)

    def find_by_key(self, spki_sha256: str) -> BoundCertificate | None:
        return next(iter(self._rows(_NEWEST_FIRST.where(_C.spki_sha256 == spki_sha256).limit(1))), None)

    def listing(
        self, unit_id: UnitId | None = None, state: State | None = None, limit: int = 100, offset: int = 0
    ) -> Sequence[BoundCertificate]:
        query = _NEWEST_FIRST.limit(limit).offset(offset)
        if unit_id is not None:
            query = query.where(_C.unit_id == unit_id)
        if state is not None:
            query = query.where(_C.state == state.value)
        return self._rows(query)

    def bind(self, row: BoundCertificate, event: AuditEvent, order: EnrolmentOrder | None = None) -> None:
        for _ in range(_TRIES):
            try:
                with self.writing() as connection:
                    _refuse_conflict(connection, row)
                    _own_key(connection, row)
                    connection.execute(insert(BOUND_CERTIFICATE).values(certificate_values(row)))
                    _use_grants(connection, row)
                    if order is not None:
                        _move_order(connection, order)
                    connection.execute(insert(AUDIT_EVENT).values(event_values(event)))
                    return
            except IntegrityError:
                continue
        raise Unavailable(what="durable store: other writers were always first")

    def change_state(self, sha256: str, old: State, new: State, event: AuditEvent) -> bool:
        _refuse_final(old)
        change = update(BOUND_CERTIFICATE).where(_C.sha256 == sha256, _is_in(old)).values(state=new.value)
        try:
            with self.writing() as connection:
                if connection.execute(change).rowcount != 1:
                    return False
                connection.execute(insert(AUDIT_EVENT).values(event_values(event)))
                return True
        except IntegrityError as error:
            # The only rule a new state can break: another row of the unit is active in this slot.
            raise AlreadyBound(conflict="slot") from error

    def _rows(self, query: Select[tuple[object, ...]]) -> tuple[BoundCertificate, ...]:
        with self.reading() as connection:
            return tuple(certificate_of(row) for row in connection.execute(query).mappings())


def _refuse_final(old: State) -> None:
    if old is State.REVOKED:
        raise ValueError("revoked is final")


def _is_in(state: State) -> ColumnElement[bool]:
    return _C.state == state.value


def _refuse_conflict(connection: Connection, row: BoundCertificate) -> None:
    facts = row.facts
    same_issue = (_C.issuer_sha256 == facts.issuer_sha256) & (_C.serial == facts.serial)
    if _first(connection, select(_C.id).where(or_(_C.sha256 == facts.sha256, same_issue))):
        raise AlreadyBound(conflict="certificate")
    owner = _owner(connection, row)
    if owner is not None and owner != row.unit_id:
        raise AlreadyBound(conflict="key")
    active = select(_C.id).where(_C.unit_id == row.unit_id, _C.slot == row.slot.value, _C.state == State.ACTIVE.value)
    if row.state is State.ACTIVE and _first(connection, active):
        raise AlreadyBound(conflict="slot")


def _own_key(connection: Connection, row: BoundCertificate) -> None:
    if _owner(connection, row) is None:
        values = {"spki_sha256": row.facts.spki_sha256, "unit_id": row.unit_id}
        connection.execute(insert(SPKI_OWNER).values(values))


def _owner(connection: Connection, row: BoundCertificate) -> str | None:
    query = select(SPKI_OWNER.c.unit_id).where(SPKI_OWNER.c.spki_sha256 == row.facts.spki_sha256)
    return connection.execute(query).scalar_one_or_none()


def _use_grants(connection: Connection, row: BoundCertificate) -> None:
    """Every grant that is open is used up: one certificate, however many operators allowed it."""
    c = DOWNLOAD_GRANT.c
    open_grants = (c.unit_id == row.unit_id) & c.used_at.is_(None) & (c.until >= row.bound_at)
    connection.execute(update(DOWNLOAD_GRANT).where(open_grants).values(used_at=row.bound_at))


def _move_order(connection: Connection, order: EnrolmentOrder) -> None:
    """Write the order as it is after the binding; one that waits for nothing any more is left alone."""
    c = ENROLMENT_ORDER.c
    this = (c.unit_id == order.unit_id) & (c.spki_sha256 == order.spki_sha256)
    stored = connection.execute(select(c.state).where(this)).scalar_one_or_none()
    if stored is None:
        connection.execute(insert(ENROLMENT_ORDER).values(order_values(order)))
        return
    waiting = c.state.not_in([state.value for state in CLOSED])
    if connection.execute(update(ENROLMENT_ORDER).where(this, waiting).values(order_values(order))).rowcount != 1:
        raise AlreadyBound(conflict="order")


def _first(connection: Connection, query: Select[tuple[object]]) -> RowMapping | None:
    return connection.execute(query.limit(1)).mappings().first()
