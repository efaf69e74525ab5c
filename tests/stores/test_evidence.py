"""The contract of `EvidenceLog`, and what the tables keep whoever writes into them."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final
from unittest.mock import ANY

import pytest

from certlogin.errors import Unavailable
from certlogin.evidence.chain import GENESIS, Entry, Head, line_of
from certlogin.records.unit import UnitId
from certlogin.stores.base import CheckpointRefused, DurableStore, EvidenceUnreadable, StoredEvidence
from certlogin.stores.sql import SqlStore
from certlogin.stores.sql import evidence as sql_evidence
from tests.companions import companion, without
from tests.evidence.made import Signed, checkpoint, signed
from tests.factory import DAY, NOW
from tests.stores.conftest import OpenDurable
from tests.stores.race import THREADS, race
from tests.stores.values import event

BODY: Final = b"sealed body of somebody"
#: Another process that appends as fast as it can.
WRITER: Final = """
import sys
from certlogin.stores.sql import SqlStore
from tests.evidence.made import signed
from tests.stores.values import event
store = SqlStore.open(sys.argv[1])
one = signed()
for number in range(int(sys.argv[2])):
    store.append_evidence(one.record, b"body", event())
"""


def kept(number: int = 1) -> Signed:
    return signed(salt=bytes([number]) * 32)


def append(store: DurableStore, number: int = 1, **changes: object) -> Entry:
    record = replace(kept(number).record, **changes)  # type: ignore[arg-type]
    return store.append_evidence(record, BODY + bytes([number]), event(f"{number}"))


def is_one_chain(store: DurableStore) -> bool:
    head = Head()
    for one in store.evidence(limit=1000):
        if (one.entry.seq, one.entry.previous, one.hash) != (head.seq + 1, head.hash, one.entry.hash):
            return False
        head = one.entry.head
    return head == store.evidence_head()


def test_an_empty_chain_has_a_head_too(durable: DurableStore) -> None:
    assert durable.evidence_head() == Head(0, GENESIS)
    assert tuple(durable.evidence()) == ()
    assert tuple(durable.checkpoints()) == ()


def test_what_is_appended_comes_back_as_it_was_in_order(durable: DurableStore) -> None:
    first, second = append(durable, 1), append(durable, 2)
    assert (first.seq, first.previous) == (1, GENESIS)
    assert (second.seq, second.previous) == (2, first.hash)
    assert tuple(durable.evidence()) == (
        StoredEvidence(first, first.hash, BODY + b"\x01"),
        StoredEvidence(second, second.hash, BODY + b"\x02"),
    )
    assert durable.evidence_head() == second.head
    assert [one.kind for one in durable.events()] == ["2", "1"]


def test_it_is_read_in_pieces_of_one_unit_and_before_a_time(durable: DurableStore) -> None:
    for number in range(1, 5):
        append(durable, number, unit_id=UnitId(f"U{number % 2}"), at=NOW + number * DAY)

    def numbers(**asked: object) -> list[int]:
        return [one.entry.seq for one in durable.evidence(**asked)]  # type: ignore[arg-type]

    assert numbers(limit=2) == [1, 2]
    assert numbers(after=2, limit=1) == [3]
    assert numbers(after=4) == []
    assert numbers(unit_id=UnitId("U1")) == [1, 3]
    assert numbers(before=NOW + 3 * DAY) == [1, 2]


def test_a_body_is_erased_once_with_its_event_and_the_chain_stays_whole(durable: DurableStore) -> None:
    append(durable, 1), append(durable, 2)
    assert durable.redact_evidence(1, event("redacted"))
    assert not durable.redact_evidence(1, event("again"))
    assert not durable.redact_evidence(3, event("nobody"))
    assert [one.body for one in durable.evidence()] == [None, BODY + b"\x02"]
    assert is_one_chain(durable)
    assert [one.kind for one in durable.events()] == ["redacted", "2", "1"]


def test_a_body_is_sealed_again_unless_it_has_changed_or_gone(durable: DurableStore) -> None:
    append(durable, 1)
    assert durable.reseal_evidence(1, BODY + b"\x01", b"new")
    assert not durable.reseal_evidence(1, BODY + b"\x01", b"newer")
    assert [one.body for one in durable.evidence()] == [b"new"]
    durable.redact_evidence(1, event())
    assert not durable.reseal_evidence(1, b"new", b"back again")
    assert [one.body for one in durable.evidence()] == [None]


def test_checkpoints_are_kept_with_their_event(durable: DurableStore) -> None:
    empty = checkpoint([])
    durable.add_checkpoint(empty, event("empty"))
    entry = append(durable, 1)
    full = checkpoint([line_of(entry, None)])
    durable.add_checkpoint(full, event("full"))
    assert tuple(durable.checkpoints()) == (empty, full)
    assert [one.kind for one in durable.events()] == ["full", "1", "empty"]


@without({"certlogin.stores.sql.evidence._hash_at": lambda connection, seq: ANY})
@pytest.mark.parametrize("head", [Head(1, GENESIS), Head(2, "ab" * 32), Head(0, "ab" * 32)])
def test_s30_a_checkpoint_of_another_chain_is_refused(durable: DurableStore, head: Head) -> None:
    append(durable, 1)
    with pytest.raises(CheckpointRefused):
        durable.add_checkpoint(replace(checkpoint([]), head=head), event("foreign"))
    assert tuple(durable.checkpoints()) == ()
    assert [one.kind for one in durable.events()] == ["1"]


def test_everything_survives_a_restart(open_durable: OpenDurable) -> None:
    store = open_durable()
    append(store, 1), append(store, 2)
    store.redact_evidence(1, event())
    store.add_checkpoint(checkpoint([]), event())
    before = (tuple(store.evidence()), tuple(store.checkpoints()), store.evidence_head())
    store.close()
    with closing(open_durable()) as again:
        assert (tuple(again.evidence()), tuple(again.checkpoints()), again.evidence_head()) == before
        assert append(again, 3).seq == 3


# Races


def test_writers_of_a_race_never_fork_the_chain(durable: DurableStore) -> None:
    found = race(lambda number: append(durable, number).seq)
    assert sorted(found, key=str) == list(range(1, THREADS + 1))
    assert is_one_chain(durable)


def test_an_erased_body_is_erased_by_one_of_a_race(durable: DurableStore) -> None:
    append(durable, 1)
    found = race(lambda number: durable.redact_evidence(1, event(f"erased {number}")))
    assert sorted(found, key=str) == [False] * (THREADS - 1) + [True]
    assert len([one for one in durable.events() if one.kind.startswith("erased")]) == 1


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "certlogin.db"


@pytest.fixture
def store(file: Path) -> "closing[SqlStore]":
    return closing(SqlStore.open(f"sqlite:///{file}"))


def test_two_processes_never_fork_the_chain(store: "closing[SqlStore]", file: Path) -> None:
    command = [sys.executable, "-c", WRITER, f"sqlite:///{file}", "25"]
    with store as opened:
        writers = [subprocess.Popen(command) for _ in range(2)]
        assert [writer.wait(60) for writer in writers] == [0, 0]
        assert opened.evidence_head().seq == 50
        assert is_one_chain(opened)


def test_the_table_itself_refuses_a_second_end(durable: DurableStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a database let two writers read the same end."""
    monkeypatch.setattr(sql_evidence, "_head", lambda connection: Head())
    found = race(lambda number: append(durable, number).seq)
    assert [one for one in found if one == 1] == [1]
    assert {type(one) for one in found if one != 1} == {Unavailable}
    assert [one.entry.seq for one in durable.evidence()] == [1]
    assert len(list(durable.events())) == 1


# Whoever writes into the tables

ON_THE_CHAIN = pytest.mark.parametrize(
    "attack",
    [
        "UPDATE evidence SET entry = x'00'",
        "UPDATE evidence SET hash = 'x' WHERE seq = 2",
        "UPDATE evidence SET seq = seq + 5",
        "UPDATE evidence SET unit_id = 'U9'",
        "DELETE FROM evidence WHERE seq = 2",
        "INSERT OR REPLACE INTO evidence SELECT seq, 'x', 'y', at, unit_id, entry, body FROM evidence WHERE seq = 2",
        "UPDATE evidence_checkpoint SET head = 'x'",
        "DELETE FROM evidence_checkpoint",
        "INSERT OR REPLACE INTO evidence_checkpoint SELECT id, 5, head, at, key_id, signature FROM evidence_checkpoint",
    ],
)


def _two_and_a_checkpoint(opened: SqlStore) -> None:
    append(opened, 1), append(opened, 2)
    opened.add_checkpoint(checkpoint([]), event())


@ON_THE_CHAIN
def test_s30_what_is_kept_is_never_changed_or_removed(attack: str, store: "closing[SqlStore]", file: Path) -> None:
    with store as opened:
        _two_and_a_checkpoint(opened)
        before = (opened.evidence(), opened.checkpoints())
        with closing(sqlite3.connect(file)) as connection:
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(attack)
            connection.rollback()
        assert (opened.evidence(), opened.checkpoints()) == before


@companion("test_s30_what_is_kept_is_never_changed_or_removed")
@ON_THE_CHAIN
def test_s30_without_the_triggers_it_is(attack: str, store: "closing[SqlStore]", file: Path) -> None:
    with store as opened:
        _two_and_a_checkpoint(opened)
        with closing(sqlite3.connect(file)) as connection:
            for table in ("evidence", "evidence_checkpoint"):
                for change in ("update", "delete", "replace"):
                    connection.execute(f"DROP TRIGGER {table}_no_{change}")
            assert connection.execute(attack).rowcount > 0


def test_a_row_that_is_no_entry_is_named(store: "closing[SqlStore]", file: Path) -> None:
    with store as opened:
        _two_and_a_checkpoint(opened)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("DROP TRIGGER evidence_no_update")
            connection.execute("UPDATE evidence SET entry = x'00' WHERE seq = 2")
            connection.commit()
        with pytest.raises(EvidenceUnreadable) as unreadable:
            opened.evidence()
        assert unreadable.value.what == "evidence no. 2"


@without({"certlogin.stores.sql.database._PRAGMAS": ("secure_delete = OFF",)}, sees="still there", from_setup=True)
def test_s30_an_erased_body_is_overwritten_in_the_file(store: "closing[SqlStore]", file: Path) -> None:
    with store as opened:
        # Long enough for pages of their own, which nothing else would overwrite.
        for mark in (b"1", b"2"):
            opened.append_evidence(kept(ord(mark)).record, mark * 20_000, event())
        opened.redact_evidence(1, event())
    data = file.read_bytes()
    assert b"2" * 1000 in data
    assert b"1" * 1000 not in data, "still there"
