"""What is special about the store in memory: its bounds, its lock file, its one process."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime
from itertools import count
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from certlogin.errors import ConfigurationError, Unavailable
from certlogin.records.attempt import Attempt
from certlogin.records.unit import UnitId
from certlogin.stores.base import AttemptCaps
from certlogin.stores.expiring import ExpiringMap
from certlogin.stores.memory import MemoryLimits, MemoryStore
from tests.companions import companion, without
from tests.factory import DAY, NOW
from tests.stores.forks import in_a_fork
from tests.stores.race import race
from tests.stores.values import CAPS, LATER, MINE, MINUTE, SECOND, THEIRS, attempt

HOLDER = """
import sys
from certlogin.stores.memory import MemoryStore
store = MemoryStore(lambda octets: bytes(octets), sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


def make(limits: MemoryLimits | None = None) -> MemoryStore:
    numbers = count()
    return MemoryStore(lambda octets: next(numbers).to_bytes(octets, "big"), limits=limits)


def keeps_what_it_refuses(store: MemoryStore, refused: Attempt, caps: AttemptCaps, now: datetime) -> None:
    store._attempts.put(refused.key, refused, LATER)
    _check_caps(store, refused, caps, now)


_check_caps = MemoryStore._check_caps
NO_BOUNDS = {"certlogin.stores.memory.MemoryStore._check_room": lambda *_: None}


@without({"certlogin.stores.memory.MemoryStore.epoch": property(lambda store: "epoch")}, sees="'epoch' != 'epoch'")
def test_s17_each_store_has_an_epoch_of_its_own() -> None:
    numbers = count(7)
    one, other = (MemoryStore(lambda octets: next(numbers).to_bytes(octets, "big")) for _ in range(2))
    assert one.epoch != other.epoch


@without(NO_BOUNDS)
def test_s9_the_memory_of_a_flood_is_bounded_and_given_back() -> None:
    store = make(MemoryLimits(attempts=100))
    for number in range(100):
        store.open(attempt(f"{number}", unit_id=UnitId(f"{number}"), address=f"{number}"), CAPS, LATER, NOW)
    with pytest.raises(Unavailable, match="attempts"):
        store.open(attempt("one more", unit_id=THEIRS, address="elsewhere"), CAPS, LATER, NOW)
    assert +store.sizes() == {"attempts": 100, "groups": 200, "held_bytes": 600}
    store.open(attempt("much later"), CAPS, LATER + DAY, LATER + SECOND)
    assert +store.sizes() == {"attempts": 1, "groups": 2, "held_bytes": 6}


@without({"certlogin.stores.memory.MemoryStore._check_caps": keeps_what_it_refuses}, sees="'attempts': 1008")
def test_s9_refused_attempts_leave_nothing_behind() -> None:
    store = make()
    for number in range(CAPS.per_unit):
        store.open(attempt(f"{number}"), CAPS, LATER, NOW)
    before = store.sizes()
    for number in range(1000):
        with pytest.raises(Unavailable):
            store.open(attempt(f"more {number}", address=f"address {number}"), CAPS, LATER, NOW)
    assert store.sizes() == before


@without({"certlogin.stores.memory.MemoryStore._check_caps": lambda *_: None}, sees="assert 262144000 ==")
def test_s9_one_unit_cannot_hold_more_than_its_cap_of_large_responses() -> None:
    store = make()
    largest = 256 * 1024
    for number in range(1000):
        try:
            big = attempt(f"{number}", sealed_response=bytes(largest), address=f"{number}")
            store.open(big, CAPS, LATER, NOW)
        except Unavailable:
            continue
    assert store.sizes()["held_bytes"] == CAPS.per_unit * largest


@without({"certlogin.stores.memory.MemoryStore._uncount": lambda *_: None}, sees="assert not True")
def test_s9_taking_gives_everything_back() -> None:
    store = make()
    store.open(attempt("a"), CAPS, LATER, NOW)
    store.replace(attempt("a"), attempt("a", sealed_response=b"", unit_id=THEIRS), LATER)
    store.take("a")
    assert not any(store.sizes().values())


@without(NO_BOUNDS)
@pytest.mark.parametrize(
    ("what", "add"),
    [
        ("nonces", lambda store, number, until, now: store.add_once(f"{number}", until, now)),
        ("ended", lambda store, number, until, now: store.end(f"{number}", until, now)),
        ("rates", lambda store, number, until, now: store.count(f"{number}", 60, now)),
    ],
)
def test_s9_every_kind_of_entry_is_bounded_and_forgotten(what: str, add: Callable[..., object]) -> None:
    store = make(MemoryLimits(nonces=50, ended=50, rates=50))
    for number in range(50):
        add(store, number, NOW + MINUTE, NOW)
    with pytest.raises(Unavailable):
        add(store, "one more", NOW + MINUTE, NOW)
    assert store.sizes()[what] == 50
    add(store, "later", NOW + 3 * MINUTE, NOW + 2 * MINUTE)
    assert store.sizes()[what] == 1


def test_a_full_store_still_answers_for_what_it_holds() -> None:
    store = make(MemoryLimits(nonces=1, ended=1, rates=1, attempts=1))
    store.open(attempt("a"), CAPS, LATER, NOW)
    store.end("t", LATER, NOW)
    store.end("t", LATER + MINUTE, NOW)
    assert store.count("a", 60, NOW) == 1
    assert store.count("a", 60, NOW) == 2
    assert store.add_once("v", LATER, NOW)
    assert not store.add_once("v", LATER, NOW)
    assert store.replace(attempt("a"), attempt("a", unit_id=THEIRS), LATER)
    assert store.take("a")


class MetBefore(ExpiringMap[None]):
    """Everybody has looked before anybody writes, unless a lock lets them through one by one."""

    meeting: Barrier

    def kept_until(self, key: str) -> None:
        found = ExpiringMap.kept_until(self, key)
        try:
            self.meeting.wait(0.2)
        except BrokenBarrierError:
            return found  # type: ignore[return-value]
        return found  # type: ignore[return-value]


def _racing_store() -> MemoryStore:
    store = make()
    nonces = MetBefore()
    nonces.meeting = Barrier(2)
    store._nonces = nonces
    return store


def test_s17_two_workers_that_look_at_the_same_moment_have_one_winner() -> None:
    store = _racing_store()
    assert sorted(race(lambda _: store.add_once("v", LATER, NOW), threads=2)) == [False, True]  # type: ignore[type-var]


@companion("test_s17_two_workers_that_look_at_the_same_moment_have_one_winner")
def test_s17_without_the_lock_both_would_win() -> None:
    store = _racing_store()
    store._lock = nullcontext()  # type: ignore[assignment]
    assert race(lambda _: store.add_once("v", LATER, NOW), threads=2) == [True, True]


# The lock file


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock file."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_s17_a_second_process_is_refused_while_one_lives(holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        MemoryStore(bytes, tmp_path / "lock")
    (problem,) = refused.value.problems
    assert "held by another process" in problem
    assert "[stores] lock_file" in problem
    holder.kill()
    holder.wait()
    MemoryStore(bytes, tmp_path / "lock").close()


@companion("test_s17_a_second_process_is_refused_while_one_lives")
def test_s17_without_the_lock_file_each_process_accepts_the_nonce(
    holder: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    assert make().add_once("v", LATER, NOW)
    assert MemoryStore(bytes).add_once("v", LATER, NOW)


def test_a_second_store_in_the_same_process_is_refused_too(tmp_path: Path) -> None:
    first = MemoryStore(bytes, tmp_path / "lock")
    with pytest.raises(ConfigurationError):
        MemoryStore(bytes, tmp_path / "lock")
    first.close()
    first.close()
    MemoryStore(bytes, tmp_path / "lock").close()


@pytest.mark.parametrize("name", ["missing/lock", "."])
def test_an_unusable_lock_file_stops_the_start_with_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        MemoryStore(bytes, tmp_path / name)
    (problem,) = refused.value.problems
    assert "cannot be opened" in problem
    assert "\n" not in problem


def test_an_empty_name_means_no_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    MemoryStore(bytes, "")
    assert list(tmp_path.iterdir()) == []


# One process only


@pytest.mark.parametrize(
    "action",
    [
        lambda store: store.open(attempt("b"), CAPS, LATER, NOW),
        lambda store: store.load("a"),
        lambda store: store.replace(attempt("a"), attempt("a", unit_id=MINE), LATER),
        lambda store: store.take("a"),
        lambda store: store.add_once("v", LATER, NOW),
        lambda store: store.end("t", LATER, NOW),
        lambda store: store.is_ended("t"),
        lambda store: store.count("a", 60, NOW),
    ],
    ids=["open", "load", "replace", "take", "add_once", "end", "is_ended", "count"],
)
def test_s17_a_forked_worker_decides_nothing(action: Callable[[MemoryStore], object]) -> None:
    store = make()
    store.open(attempt("a"), CAPS, LATER, NOW)
    assert in_a_fork(lambda: action(store)) == "Unavailable"
    action(store)


@companion("test_s17_a_forked_worker_decides_nothing")
def test_s17_if_forks_were_not_noticed_the_worker_would_accept_the_nonce_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(MemoryStore, "_check_process", lambda store: None)
    store = make()
    assert in_a_fork(lambda: store.add_once("v", LATER, NOW)) == "True"
    assert store.add_once("v", LATER, NOW)


def test_a_long_life_stays_quick() -> None:
    """Forgetting must not scan: entries come and go."""
    store = make()
    began = time.monotonic()
    for number in range(100_000):
        now = NOW + number * SECOND
        store.add_once(f"{number}", now + 100 * SECOND, now)
    assert store.sizes()["nonces"] <= 102
    assert time.monotonic() - began < 20
