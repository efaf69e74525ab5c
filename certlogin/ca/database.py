"""The CA's durable memory: who is entitled, what was issued and revoked, the latest revocation lists.

One SQLite file. Every change is one transaction that is on the disk when it returns; two processes on one directory
(`ca serve` and `ca publish`) take turns.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from certlogin.ca.entitlements import Entitlement
from certlogin.errors import Unavailable
from certlogin.records.unit import UnitId

_BUSY_SECONDS: Final = 15.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entitlements (
    unit_id TEXT PRIMARY KEY, name TEXT NOT NULL, code TEXT NOT NULL, opens TEXT, closes TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS issued (
    serial TEXT PRIMARY KEY, unit_id TEXT NOT NULL, code TEXT NOT NULL, spki_sha256 TEXT NOT NULL UNIQUE,
    certificate BLOB NOT NULL, request BLOB NOT NULL, applied_on TEXT NOT NULL, not_after TEXT NOT NULL,
    revoked_at TEXT, reason TEXT, reissue INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS issued_of_unit ON issued (unit_id);
CREATE INDEX IF NOT EXISTS issued_of_code ON issued (code);
CREATE TABLE IF NOT EXISTS lists (
    issuer TEXT PRIMARY KEY, number INTEGER NOT NULL, list BLOB NOT NULL, this_update TEXT NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class IssuedRow:
    #: Lower-case hex.
    serial: str
    unit_id: UnitId
    code: str
    spki_sha256: str
    certificate: bytes
    applied_on: datetime
    not_after: datetime
    revoked_at: datetime | None
    reason: str | None
    #: True: its revocation opened one more certificate for the unit.
    reissue: bool


@dataclass(frozen=True, slots=True)
class ListRow:
    number: int
    der: bytes
    this_update: datetime


class Rows:
    """The statements, inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def entitlement(self, unit_id: UnitId) -> Entitlement | None:
        return next(self._entitlements("WHERE unit_id = ?", unit_id), None)

    def entitlements(self) -> dict[UnitId, Entitlement]:
        return {one.unit_id: one for one in self._entitlements("")}

    def entitle(self, wanted: Iterable[Entitlement]) -> None:
        self._connection.executemany(
            "INSERT INTO entitlements (unit_id, name, code, opens, closes) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (unit_id) DO UPDATE SET"
            " name = excluded.name, code = excluded.code, opens = excluded.opens, closes = excluded.closes",
            [(one.unit_id, one.name, one.code, _text(one.opens), _text(one.closes)) for one in wanted],
        )

    def withdraw(self, units: Iterable[UnitId]) -> None:
        self._connection.executemany("DELETE FROM entitlements WHERE unit_id = ?", [(unit,) for unit in units])

    def issued_for_key(self, spki_sha256: str) -> IssuedRow | None:
        return next(self._issued("WHERE spki_sha256 = ?", spki_sha256), None)

    def issued_by_serial(self, serial: str) -> IssuedRow | None:
        return next(self._issued("WHERE serial = ?", serial), None)

    def issued_to(self, unit_id: UnitId) -> list[IssuedRow]:
        return list(self._issued("WHERE unit_id = ?", unit_id))

    def revoked_until(self, not_after: datetime) -> list[IssuedRow]:
        """Revoked certificates that do not end before `not_after`."""
        return list(self._issued("WHERE revoked_at IS NOT NULL AND not_after >= ?", _text(not_after)))

    def count_of_code(self, code: str) -> int:
        found = self._one("SELECT count(*) FROM issued WHERE code = ?", code)
        return int(found[0]) if found else 0

    def add_issued(self, row: IssuedRow, request: bytes) -> None:
        self._connection.execute(
            "INSERT INTO issued (serial, unit_id, code, spki_sha256, certificate, request, applied_on, not_after)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.serial, row.unit_id, row.code, row.spki_sha256, row.certificate, request,
                _text(row.applied_on), _text(row.not_after),
            ),
        )  # fmt: skip

    def mark_revoked(self, serial: str, at: datetime, reason: str) -> None:
        """The first revocation stands: its time and reason are never written over."""
        self._connection.execute(
            "UPDATE issued SET revoked_at = ?, reason = ? WHERE serial = ? AND revoked_at IS NULL",
            (_text(at), reason, serial),
        )

    def allow_reissue(self, serial: str) -> None:
        self._connection.execute("UPDATE issued SET reissue = 1 WHERE serial = ?", (serial,))

    def list_of(self, issuer: str) -> ListRow | None:
        found = self._one("SELECT number, list, this_update FROM lists WHERE issuer = ?", issuer)
        return None if found is None else ListRow(found[0], found[1], datetime.fromisoformat(found[2]))

    def put_list(self, issuer: str, row: ListRow) -> None:
        self._connection.execute(
            "INSERT INTO lists (issuer, number, list, this_update) VALUES (?, ?, ?, ?) ON CONFLICT (issuer) DO UPDATE"
            " SET number = excluded.number, list = excluded.list, this_update = excluded.this_update",
            (issuer, row.number, row.der, _text(row.this_update)),
        )

    def _entitlements(self, where: str, *values: object) -> Iterator[Entitlement]:
        # `where` is one of the literals above.
        statement = f"SELECT unit_id, name, code, opens, closes FROM entitlements {where}"  # noqa: S608
        for unit_id, name, code, opens, closes in self._connection.execute(statement, values):
            yield Entitlement(UnitId(unit_id), name, code, _moment(opens), _moment(closes))

    def _issued(self, where: str, *values: object) -> Iterator[IssuedRow]:
        columns = "serial, unit_id, code, spki_sha256, certificate, applied_on, not_after, revoked_at, reason, reissue"
        # `where` is one of the literals above.
        for row in self._connection.execute(f"SELECT {columns} FROM issued {where} ORDER BY rowid", values):  # noqa: S608
            serial, unit_id, code, spki_sha256, certificate, *moments, revoked_at, reason, reissue = row
            applied_on, not_after = map(datetime.fromisoformat, moments)
            yield IssuedRow(
                serial, UnitId(unit_id), code, spki_sha256, certificate,
                applied_on, not_after, _moment(revoked_at), reason, bool(reissue),
            )  # fmt: skip

    def _one(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
        return found


class Database:
    """Opens a connection per transaction: threads and forks share nothing."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def create(self) -> None:
        """Make the file, for its owner only; SQLite gives its side files the same permissions."""
        os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)

    @contextmanager
    def change(self) -> Iterator[Rows]:
        """A transaction that nobody else writes beside; on the disk when the block ends. Raises Unavailable."""
        try:
            with closing(self._connect()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                # Rolled back by closing when the block raises.
                yield Rows(connection)
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise Unavailable(f"the CA's database: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        # mode=rw: a missing file is an error, never an empty CA.
        address = f"{self._file.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def _text(moment: datetime | None) -> str | None:
    # With microseconds always, so that texts sort like times.
    return None if moment is None else moment.isoformat(timespec="microseconds")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
