"""The durable store on SQLAlchemy: SQLite in one file, or PostgreSQL."""

from certlogin.stores.sql.store import SqlStore

__all__ = ["SqlStore"]
