"""How often a unit went on without the certificate it was advised to get."""

from sqlalchemy import ColumnElement, Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from certlogin.records.audit import AuditEvent
from certlogin.records.unit import UnitId
from certlogin.stores.sql.database import Database
from certlogin.stores.sql.rows import event_values
from certlogin.stores.sql.tables import AUDIT_EVENT, SKIP_COUNT

_S = SKIP_COUNT.c


class SqlSkips(Database):
    """`Skips`."""

    def skipped(self, unit_id: UnitId, rule: str) -> int:
        with self.reading() as connection:
            return _used(connection, unit_id, rule) or 0

    def skip(self, unit_id: UnitId, rule: str, most: int, event: AuditEvent) -> bool:
        this = (_S.unit_id == unit_id) & (_S.rule == rule)
        count = update(SKIP_COUNT).where(this, _are_left(most)).values(used=_S.used + 1)
        self._begin_counting(unit_id, rule)
        with self.writing() as connection:
            if connection.execute(count).rowcount != 1:
                return False
            connection.execute(insert(AUDIT_EVENT).values(event_values(event)))
            return True

    def _begin_counting(self, unit_id: UnitId, rule: str) -> None:
        """A row at zero, so that counting is one conditional update: two at once cannot both be the last."""
        try:
            with self.writing() as connection:
                if _used(connection, unit_id, rule) is None:
                    connection.execute(insert(SKIP_COUNT).values(unit_id=unit_id, rule=rule, used=0))
        except IntegrityError:
            return


def _used(connection: Connection, unit_id: UnitId, rule: str) -> int | None:
    return connection.execute(select(_S.used).where(_S.unit_id == unit_id, _S.rule == rule)).scalar_one_or_none()


def _are_left(most: int) -> ColumnElement[bool]:
    return _S.used < most
