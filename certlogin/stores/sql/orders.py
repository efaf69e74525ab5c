"""Enrolment orders and download grants."""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from certlogin.journeys.enrol import CLOSED
from certlogin.records.audit import AuditEvent
from certlogin.records.unit import UnitId
from certlogin.stores.base import DownloadGrant, EnrolmentOrder
from certlogin.stores.sql.database import Database
from certlogin.stores.sql.rows import event_values, grant_of, order_of, order_values
from certlogin.stores.sql.tables import AUDIT_EVENT, DOWNLOAD_GRANT, ENROLMENT_ORDER

_O = ENROLMENT_ORDER.c
_G = DOWNLOAD_GRANT.c


class SqlOrders(Database):
    """`Orders`."""

    def find_order(self, unit_id: UnitId, spki_sha256: str) -> EnrolmentOrder | None:
        query = select(ENROLMENT_ORDER).where(_O.unit_id == unit_id, _O.spki_sha256 == spki_sha256)
        return next(iter(self._orders(query)), None)

    def open_orders(self, unit_id: UnitId) -> tuple[EnrolmentOrder, ...]:
        waiting = _O.state.not_in([state.value for state in CLOSED])
        query = select(ENROLMENT_ORDER).where(_O.unit_id == unit_id, waiting)
        return self._orders(query.order_by(_O.requested_at.desc(), _O.spki_sha256))

    def place(self, order: EnrolmentOrder) -> EnrolmentOrder:
        try:
            with self.writing() as connection:
                connection.execute(insert(ENROLMENT_ORDER).values(order_values(order)))
                return order
        except IntegrityError:
            found = self.find_order(order.unit_id, order.spki_sha256)
            return order if found is None else found

    def advance(self, order: EnrolmentOrder, new_state: str, event: AuditEvent) -> bool:
        this = (_O.unit_id == order.unit_id, _O.spki_sha256 == order.spki_sha256, _O.state == str(order.state))
        values = order_values(order) | {"state": str(new_state)}
        with self.writing() as connection:
            if connection.execute(update(ENROLMENT_ORDER).where(*this).values(values)).rowcount != 1:
                return False
            connection.execute(insert(AUDIT_EVENT).values(event_values(event)))
            return True

    def grant(self, grant: DownloadGrant, event: AuditEvent) -> None:
        values = {name: getattr(grant, name) for name in ("unit_id", "granted_at", "until", "granted_by", "used_at")}
        with self.writing() as connection:
            connection.execute(insert(DOWNLOAD_GRANT).values(values))
            connection.execute(insert(AUDIT_EVENT).values(event_values(event)))

    def open_grant(self, unit_id: UnitId, now: datetime) -> DownloadGrant | None:
        query = select(DOWNLOAD_GRANT).where(_G.unit_id == unit_id, _unused(), _in_time(now))
        with self.reading() as connection:
            found = connection.execute(query.order_by(_G.until.desc(), _G.id.desc()).limit(1)).mappings().first()
            return None if found is None else grant_of(found)

    def _orders(self, query: Select[tuple[object, ...]]) -> tuple[EnrolmentOrder, ...]:
        with self.reading() as connection:
            return tuple(order_of(row) for row in connection.execute(query).mappings())


def _unused() -> ColumnElement[bool]:
    return _G.used_at.is_(None)


def _in_time(now: datetime) -> ColumnElement[bool]:
    return _G.until >= now
