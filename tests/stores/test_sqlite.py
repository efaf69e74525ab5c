"""What is special about the durable store on an SQLite file: the disk, other processes, forks, failures."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from certlogin.errors import ConfigurationError, Unavailable
from certlogin.records.certificate import State
from certlogin.stores.sql import SqlStore, database
from certlogin.stores.sql.rows import certificate_values
from certlogin.stores.sql.tables import BOUND_CERTIFICATE
from tests.companions import companion, without
from tests.evidence.made import checkpoint, signed
from tests.factory import NOW
from tests.stores.forks import in_a_fork
from tests.stores.race import THREADS, race
from tests.stores.values import MINE, THEIRS, event, grant, order, row

#: Binds a certificate, says so, and waits to be killed.
WRITER: Final = """
import sys
from certlogin.stores.sql import SqlStore
from tests.stores.values import event, grant, row
store = SqlStore.open(sys.argv[1])
store.bind(row("a"), event("bound"))
print("committed", flush=True)
with store.writing() as connection:
    from certlogin.stores.sql.tables import AUDIT_EVENT
    from certlogin.stores.sql.rows import event_values
    connection.execute(AUDIT_EVENT.insert().values(event_values(event("never committed"))))
    print("writing", flush=True)
    sys.stdin.readline()
"""
READER: Final = """
import sys
from certlogin.stores.sql import SqlStore
store = SqlStore.open(sys.argv[1])
print(*(row.facts.sha256 + " " + row.state for row in store.listing()))
"""

#: Every way to ask the store.
CALLS: Final[dict[str, Callable[[SqlStore], object]]] = {
    "ping": lambda store: store.ping(),
    "of_unit": lambda store: store.of_unit(MINE),
    "find": lambda store: store.find("sha256-a"),
    "find_by_key": lambda store: store.find_by_key("spki-a"),
    "bind": lambda store: store.bind(row("new", THEIRS), event()),
    "change_state": lambda store: store.change_state("sha256-a", State.ACTIVE, State.REVOKED, event()),
    "listing": lambda store: store.listing(),
    "find_order": lambda store: store.find_order(MINE, "spki-a"),
    "open_orders": lambda store: store.open_orders(MINE),
    "place": lambda store: store.place(order("new")),
    "advance": lambda store: store.advance(order("a"), "issued", event()),
    "grant": lambda store: store.grant(grant(), event()),
    "open_grant": lambda store: store.open_grant(MINE, NOW),
    "skipped": lambda store: store.skipped(MINE, "roster"),
    "skip": lambda store: store.skip(MINE, "roster", 3, event()),
    "record": lambda store: store.record(event()),
    "events": lambda store: store.events(),
    "append_evidence": lambda store: store.append_evidence(signed().record, b"body", event()),
    "evidence_head": lambda store: store.evidence_head(),
    "evidence": lambda store: store.evidence(),
    "redact_evidence": lambda store: store.redact_evidence(1, event()),
    "reseal_evidence": lambda store: store.reseal_evidence(1, b"old", b"new"),
    "add_checkpoint": lambda store: store.add_checkpoint(checkpoint([]), event()),
    "checkpoints": lambda store: store.checkpoints(),
}
WRITES: Final = (
    "bind", "change_state", "place", "advance", "grant", "skip", "record", "append_evidence", "redact_evidence",
    "reseal_evidence", "add_checkpoint",
)  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "certlogin.db"


def address(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
def store(file: Path) -> Iterator[SqlStore]:
    opened = SqlStore.open(address(file))
    yield opened
    opened.close()


def pragma(store: SqlStore, name: str) -> object:
    with store.reading() as connection:
        return connection.execute(text(f"PRAGMA {name}")).scalar_one()


# The disk


@without({"certlogin.stores.sql.database._PRAGMAS": ("synchronous = OFF",)}, sees="assert 0 == 2", from_setup=True)
def test_s31_what_is_committed_is_on_the_disk(store: SqlStore) -> None:
    assert pragma(store, "journal_mode") == "wal"
    assert pragma(store, "synchronous") == 2  # FULL
    assert pragma(store, "foreign_keys") == 1
    with store.writing() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2


def test_every_connection_of_the_pool_is_set_up(store: SqlStore) -> None:
    assert race(lambda _: pragma(store, "synchronous")) == [2] * THREADS
    assert race(lambda _: pragma(store, "busy_timeout")) == [database.BUSY_TIMEOUT] * THREADS


@pytest.fixture
def writer(file: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has committed a row and holds a second transaction open."""
    command = [sys.executable, "-c", WRITER, address(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "committed\n"
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def test_what_was_committed_survives_a_killed_process_and_nothing_else_does(
    writer: "subprocess.Popen[str]", file: Path
) -> None:
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    with closing(SqlStore.open(address(file))) as store:
        assert store.of_unit(MINE) == (row("a"),)
        assert [one.kind for one in store.events()] == ["bound"]
        store.record(event("after"))


def test_what_was_committed_is_read_by_another_process(store: SqlStore, file: Path) -> None:
    store.bind(row("a"), event())
    store.bind(row("b", THEIRS), event())
    store.change_state("sha256-a", State.ACTIVE, State.REVOKED, event())
    command = [sys.executable, "-c", READER, address(file)]
    read = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert read.stdout == "sha256-b active sha256-a revoked\n"


def test_readers_do_not_wait_for_a_writer(
    writer: "subprocess.Popen[str]", file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0)
    with closing(SqlStore(address(file))) as store:
        assert [one.facts.sha256 for one in store.listing()] == ["sha256-a"]


@pytest.mark.parametrize("call", WRITES)
def test_a_database_that_stays_locked_is_unavailable(
    call: str, writer: "subprocess.Popen[str]", file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 20)
    with closing(SqlStore(address(file))) as store, pytest.raises(Unavailable):
        CALLS[call](store)


def test_eight_may_begin_together(tmp_path: Path) -> None:
    for turn in range(10):
        file = address(tmp_path / f"{turn}.db")
        assert race(lambda _, file=file: SqlStore.open(file).close()) == [None] * THREADS  # type: ignore[misc]


# Failures


@pytest.mark.parametrize("call", CALLS)
def test_a_file_that_is_gone_is_unavailable_and_is_not_made_again(call: str, store: SqlStore, file: Path) -> None:
    """A write into a deleted file would succeed and be lost: a revocation, an audit line."""
    store.bind(row("a"), event())
    for left in file.parent.iterdir():
        left.unlink()
    with pytest.raises(Unavailable):
        CALLS[call](store)
    assert list(file.parent.iterdir()) == []


def test_without_the_look_at_the_file_a_write_would_be_lost(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_stay_with_the_file", lambda engine: None)
    with closing(SqlStore.open(address(file))) as store:
        file.unlink()
        store.record(event("lost"))
        assert not file.exists()


def test_a_file_that_was_put_back_from_a_copy_is_used(store: SqlStore, file: Path, tmp_path: Path) -> None:
    store.bind(row("a"), event())
    store.close()  # moves the write-ahead log into the file
    copy = tmp_path / "copy.db"
    shutil.copyfile(file, copy)
    store.change_state("sha256-a", State.ACTIVE, State.REVOKED, event())
    copy.replace(file)
    for name in ("certlogin.db-wal", "certlogin.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    found = store.find("sha256-a")
    assert found is not None
    assert found.state is State.ACTIVE


@pytest.mark.parametrize("call", WRITES)
def test_a_file_that_cannot_be_written_is_unavailable(call: str, store: SqlStore, file: Path) -> None:
    store.bind(row("a"), event())
    store.place(order("a"))
    with closing(SqlStore(f"sqlite:///file:{file}?mode=ro&uri=true")) as read_only:
        read_only.ping()
        assert read_only.find("sha256-a") == row("a")
        with pytest.raises(Unavailable):
            CALLS[call](read_only)


@pytest.mark.parametrize("call", CALLS)
def test_a_file_that_is_no_database_is_unavailable(call: str, file: Path) -> None:
    file.write_bytes(b"This is no database. " * 100)
    with closing(SqlStore(address(file))) as store, pytest.raises(Unavailable):
        CALLS[call](store)


@pytest.mark.parametrize("call", sorted(set(CALLS) - {"ping"}))
def test_a_file_without_our_tables_is_unavailable(call: str, file: Path) -> None:
    with closing(SqlStore(address(file))) as store, pytest.raises(Unavailable):
        CALLS[call](store)


def test_a_directory_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        SqlStore.open(address(tmp_path / "missing" / "certlogin.db"))


@pytest.mark.parametrize("wrong", ["nonsense", "sqlite", "nothing://x", "postgresql+nodriver://localhost/x", ""])
def test_an_unusable_address_stops_the_start_with_one_line_that_does_not_repeat_it(wrong: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        SqlStore.open(wrong)
    assert refused.value.problems == ("[stores] durable: no usable SQLAlchemy address, or its driver is not installed",)


@pytest.mark.parametrize("call", ["find", "of_unit", "skip"])
def test_text_that_fits_in_no_database_is_unavailable_not_a_crash(call: str, store: SqlStore) -> None:
    broken = "\ud800"
    calls: dict[str, Callable[[], object]] = {
        "find": lambda: store.find(broken),
        "of_unit": lambda: store.of_unit(broken),  # type: ignore[arg-type]
        "skip": lambda: store.skip(broken, "roster", 3, event()),  # type: ignore[arg-type]
    }
    with pytest.raises(Unavailable):
        calls[call]()


# The tables keep the rules, whoever writes into them.


def _insert(store: SqlStore, one: object) -> None:
    with store.writing() as connection:
        connection.execute(BOUND_CERTIFICATE.insert().values(certificate_values(one)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("second", "obstacles"),
    [
        (row("b", spki_sha256="spki-a", sha256="sha256-a", unit_code=None), ["sha256", "slot"]),
        (row("b", spki_sha256="spki-a", serial=row("a").facts.serial), ["serial", "slot"]),
        (row("b", spki_sha256="spki-a"), ["slot"]),
        (row("b", THEIRS, spki_sha256="spki-a"), ["owner"]),
        (row("b", THEIRS), ["owner"]),
    ],
    ids=["sha256", "serial", "slot", "key of another unit", "key of nobody"],
)
def test_the_tables_refuse_what_the_rules_forbid(
    second: object, obstacles: list[str], store: SqlStore, file: Path
) -> None:
    store.bind(row("a"), event())
    with pytest.raises(IntegrityError):
        _insert(store, second)
    _remove(file, obstacles)
    # Without the obstacle the row gets in.
    with closing(SqlStore(address(file))) as unguarded:
        if "owner" in obstacles:
            with unguarded.writing() as connection:
                connection.execute(text("INSERT OR REPLACE INTO spki_owner VALUES ('spki-b', 'U2')"))
                connection.execute(text("UPDATE spki_owner SET unit_id = 'U2'"))
        _insert(unguarded, second)


def _remove(file: Path, obstacles: list[str]) -> None:
    """Rewrite the table without these rules."""
    lines = {
        "sha256": "CONSTRAINT uq_bound_certificate_sha256 UNIQUE (sha256), ",
        "serial": "CONSTRAINT uq_bound_certificate_issuer_sha256_serial UNIQUE (issuer_sha256, serial), ",
    }
    with closing(sqlite3.connect(file)) as connection:
        (made,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'bound_certificate'").fetchone()
        made = " ".join(made.split())
        connection.execute("DROP INDEX uq_bound_certificate_active_slot")
        connection.execute("ALTER TABLE bound_certificate RENAME TO kept")
        for name in obstacles:
            assert name in ("slot", "owner") or lines[name] in made
            made = made.replace(lines.get(name, "\0"), "")
        made = made[: made.index(", CONSTRAINT fk_")] + ")" if "owner" in obstacles else made
        connection.execute(made)
        connection.execute("INSERT INTO bound_certificate SELECT * FROM kept")
        connection.execute("DROP TABLE kept")
        connection.commit()


ON_THE_LOG = pytest.mark.parametrize(
    "attack",
    [
        "UPDATE audit_event SET code = 'ok'",
        "UPDATE audit_event SET id = id + 1",
        "DELETE FROM audit_event",
        "DELETE FROM audit_event WHERE kind = 'login_refused'",
        "INSERT OR REPLACE INTO audit_event (id, at, kind, code, facts) VALUES (1, '2026-01-01', 'x', 'ok', '{}')",
        "REPLACE INTO audit_event (id, at, kind, code, facts) VALUES (1, '2026-01-01', 'x', 'ok', '{}')",
    ],
)


@ON_THE_LOG
def test_s31_an_audit_line_is_never_changed_or_removed(attack: str, store: SqlStore, file: Path) -> None:
    store.record(event("login_refused", code="wrong_key"))
    with closing(sqlite3.connect(file)) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(attack)
        connection.rollback()
        assert [(one.kind, one.code) for one in store.events()] == [("login_refused", "wrong_key")]


@companion("test_s31_an_audit_line_is_never_changed_or_removed")
@ON_THE_LOG
def test_s31_without_the_triggers_it_is(attack: str, store: SqlStore, file: Path) -> None:
    store.record(event("login_refused", code="wrong_key"))
    with closing(sqlite3.connect(file)) as connection:
        for change in ("update", "delete", "replace"):
            connection.execute(f"DROP TRIGGER audit_event_no_{change}")
        assert connection.execute(attack).rowcount == 1


# Forks


def _connection_of(store: SqlStore) -> int:
    with store.reading() as connection:
        return id(connection.connection.dbapi_connection)


def test_a_forked_worker_makes_a_connection_of_its_own(store: SqlStore) -> None:
    before = _connection_of(store)
    assert _connection_of(store) == before
    assert in_a_fork(lambda: _connection_of(store) == before) == "False"
    assert _connection_of(store) == before


def test_a_forked_worker_reads_and_writes(store: SqlStore) -> None:
    store.bind(row("a"), event("parent"))
    assert in_a_fork(lambda: store.record(event("child"))) == "None"
    assert in_a_fork(lambda: [one.facts.sha256 for one in store.of_unit(MINE)]) == "['sha256-a']"
    store.record(event("parent again"))
    assert [one.kind for one in store.events()] == ["parent again", "child", "parent"]
