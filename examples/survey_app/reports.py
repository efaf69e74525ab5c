"""The reports that units hand in: the host's own business, kept in a small SQLite file."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_TABLE = (
    "CREATE TABLE IF NOT EXISTS reports (unit TEXT PRIMARY KEY, employees INTEGER NOT NULL, turnover INTEGER NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class Report:
    #: People employed at the end of the year.
    employees: int
    #: Turnover of the year, in 千元.
    turnover: int


class Reports:
    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._connect()) as connection, connection:
            connection.execute(_TABLE)

    def save(self, unit_id: str, report: Report) -> None:
        with closing(self._connect()) as connection, connection:
            row = (unit_id, report.employees, report.turnover)
            connection.execute("INSERT OR REPLACE INTO reports VALUES (?, ?, ?)", row)

    def of(self, unit_id: str) -> Report | None:
        with closing(self._connect()) as connection:
            row = connection.execute("SELECT employees, turnover FROM reports WHERE unit = ?", (unit_id,)).fetchone()
        return Report(*row) if row else None

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=5)
