"""The audit log: rows are added, never changed."""

from sqlalchemy import insert, select

from certlogin.records.audit import AuditEvent
from certlogin.records.unit import UnitId
from certlogin.stores.sql.database import Database
from certlogin.stores.sql.rows import event_of, event_values
from certlogin.stores.sql.tables import AUDIT_EVENT


class SqlAuditLog(Database):
    """`AuditLog`."""

    def record(self, event: AuditEvent) -> None:
        with self.writing() as connection:
            connection.execute(insert(AUDIT_EVENT).values(event_values(event)))

    def events(self, limit: int = 100, unit_id: UnitId | None = None) -> tuple[AuditEvent, ...]:
        query = select(AUDIT_EVENT).order_by(AUDIT_EVENT.c.id.desc()).limit(limit)
        if unit_id is not None:
            query = query.where(AUDIT_EVENT.c.unit_id == unit_id)
        with self.reading() as connection:
            return tuple(event_of(row) for row in connection.execute(query).mappings())
