"""The durable store in one piece."""

from certlogin.stores.sql.audit import SqlAuditLog
from certlogin.stores.sql.evidence import SqlEvidence
from certlogin.stores.sql.orders import SqlOrders
from certlogin.stores.sql.registry import SqlRegistry
from certlogin.stores.sql.skips import SqlSkips


class SqlStore(SqlRegistry, SqlOrders, SqlSkips, SqlAuditLog, SqlEvidence):
    """`DurableStore`. Making one touches nothing yet; `open` is the usual way."""

    @classmethod
    def open(cls, address: str) -> "SqlStore":
        """Connect and bring the tables up to date. Raises ConfigurationError, Unavailable."""
        store = cls(address)
        try:
            store.upgrade()
        except BaseException:
            store.close()
            raise
        return store
