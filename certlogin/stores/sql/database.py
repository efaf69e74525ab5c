"""The engine: how a connection is set up, what a transaction is, and that every failure of it is `Unavailable`."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from certlogin.errors import ConfigurationError, Unavailable

#: Milliseconds for which SQLite waits for another writer.
BUSY_TIMEOUT: Final = 5000

#: An admission follows its audit line: with WAL only FULL survives a power cut (S31). What is erased is overwritten.
_PRAGMAS: Final = ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_WRITES: Final = "certlogin_writes"
#: Alembic keeps the migration that is under way in its own modules: threads that open other databases wait too.
_ONE_MIGRATION: Final = Lock()
#: PostgreSQL's lock for the time of the migration: any number, as long as nobody else uses it.
_MIGRATION_LOCK: Final = text("SELECT pg_advisory_xact_lock(7241506803)")
#: How often a first connection waits for another one that makes the same file at the same time.
_FILE_TRIES: Final = 20


class Database:
    """One database. Raises ConfigurationError when the address is unusable."""

    def __init__(self, address: str) -> None:
        try:
            # Parameters stay out of error texts: they name units.
            self._engine = create_engine(address, hide_parameters=True, pool_timeout=BUSY_TIMEOUT / 1000)
        except (SQLAlchemyError, ImportError, ValueError) as error:
            raise ConfigurationError(
                ("[stores] durable: no usable SQLAlchemy address, or its driver is not installed",)
            ) from error
        _stay_in_one_process(self._engine)
        if self._engine.dialect.name == "sqlite":
            _set_up_sqlite(self._engine)
            _stay_with_the_file(self._engine)
        self._writer = self._engine.execution_options(**{_WRITES: True})

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with _failures(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, or nothing of it was written."""
        with _failures(), self._writer.begin() as connection:
            yield connection

    def upgrade(self) -> None:
        """Bring the tables to the newest migration; of several processes one does it, the others wait."""
        from alembic.command import upgrade
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        # Alembic reads `%` as the start of a variable.
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with _ONE_MIGRATION, self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_MIGRATION_LOCK)
            config.attributes["connection"] = connection
            try:
                upgrade(config, "head")
            except CommandError as error:
                raise ConfigurationError(
                    ("[stores] durable: the database was made by a newer certlogin; install that one",)
                ) from error

    def ping(self) -> None:
        with self.reading() as connection:
            connection.execute(text("SELECT 1")).scalar_one()

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        # A rule of the tables: the caller names which one.
        raise
    except (SQLAlchemyError, UnicodeEncodeError) as error:
        raise Unavailable(what="durable store") from error


def _set_up_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: ConnectionPoolEntry) -> None:
        # The driver's own transaction control would begin too late and never for reading.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
        # Readers (the command line) and the writer (the web process) do not wait for each other.
        _write_ahead(cursor)
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        # A writer locks at its beginning: what it read stays true until it commits.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(cursor: Any) -> None:
    """The mode is kept in the file. SQLite does not wait when two connections change it at once, so we do."""
    cursor.execute("PRAGMA journal_mode")
    for _ in range(_FILE_TRIES):
        if cursor.fetchone()[0] == "wal":
            return
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            cursor.execute("BEGIN EXCLUSIVE")
            cursor.execute("ROLLBACK")
            cursor.execute("PRAGMA journal_mode")
    raise Unavailable(what="durable store: no write-ahead log on this file system")


@dataclass(slots=True)
class _File:
    """The file of an SQLite database, as its directory has it now."""

    name: str
    #: It has been opened once, so that a missing one is a loss and not a beginning.
    was_there: bool = False

    def identity(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self.name)
        except OSError:
            return None
        return status.st_dev, status.st_ino


def _stay_with_the_file(engine: Engine) -> None:
    """A connection to a file that was removed or replaced would write, and say so, where nobody ever reads."""
    if not engine.url.database or engine.url.database.startswith("file:"):
        return
    file = _File(os.path.abspath(engine.url.database))

    @event.listens_for(engine, "do_connect")
    def connecting(dialect: Any, record: ConnectionPoolEntry, arguments: Any, parameters: Any) -> None:
        if file.was_there and file.identity() is None:
            raise Unavailable(what="durable store: its file is gone")

    @event.listens_for(engine, "connect")
    def connected(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        file.was_there = True
        record.info["file"] = file.identity()

    @event.listens_for(engine, "checkout")
    def checked_out(connection: DBAPIConnection, record: Any, proxy: Any) -> None:
        if record.info["file"] != file.identity():
            raise DisconnectionError("the file is another one")


def _stay_in_one_process(engine: Engine) -> None:
    """A connection that came through a fork is shared with the parent: it is replaced, never used."""

    @event.listens_for(engine, "connect")
    def connected(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        record.info["process"] = os.getpid()

    @event.listens_for(engine, "checkout")
    def checked_out(connection: DBAPIConnection, record: Any, proxy: Any) -> None:
        if record.info["process"] != os.getpid():
            record.dbapi_connection = proxy.dbapi_connection = None
            raise DisconnectionError("made in another process")
