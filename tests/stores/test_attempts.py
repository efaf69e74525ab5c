"""The contract of `AttemptStore`, for every volatile store."""

from dataclasses import replace

import pytest

from certlogin.records.attempt import Attempt
from certlogin.records.helper import HelperReport, HelperState
from certlogin.records.unit import UnitId
from certlogin.stores.base import AttemptCaps, TooManyAttempts, VolatileStore
from tests.companions import allows, companion, without
from tests.factory import NOW
from tests.stores.race import THREADS, race
from tests.stores.values import CAPS, LATER, MINE, MINUTE, SECOND, THEIRS, attempt

NO_CAPS = {"certlogin.stores.memory.MemoryStore._check_caps": lambda *_: None}


def test_an_opened_attempt_is_found_by_its_key_and_by_no_other(volatile: VolatileStore) -> None:
    kept = attempt("a", helper=HelperReport(HelperState.READY, (1, 5, 1, 0)), sealed_response=b"\x00\xff")
    volatile.open(kept, CAPS, LATER, NOW)
    assert volatile.load("a") == kept
    assert volatile.load("b") is None


def test_a_key_is_opened_once(volatile: VolatileStore) -> None:
    volatile.open(attempt("a"), CAPS, LATER, NOW)
    with pytest.raises(ValueError, match="open already"):
        volatile.open(attempt("a", unit_id=THEIRS), CAPS, LATER, NOW)
    found = volatile.load("a")
    assert found is not None
    assert found.unit_id == MINE


def test_an_attempt_is_taken_once(volatile: VolatileStore) -> None:
    volatile.open(attempt("a"), CAPS, LATER, NOW)
    assert volatile.take("a") == attempt("a")
    assert volatile.take("a") is None
    assert volatile.load("a") is None


def test_of_eight_callers_one_takes_the_attempt(volatile: VolatileStore) -> None:
    for number in range(20):
        key = f"key-{number}"
        volatile.open(attempt(key), CAPS, LATER, NOW)
        taken = race(lambda _, key=key: volatile.take(key))  # type: ignore[misc]
        assert taken.count(None) == THREADS - 1
        assert attempt(key) in taken


def test_replace_puts_the_new_attempt_in_place(volatile: VolatileStore) -> None:
    old, new = attempt("a"), attempt("a", touched_at=NOW + SECOND)
    volatile.open(old, CAPS, LATER, NOW)
    assert volatile.replace(old, new, LATER) is True
    assert volatile.load("a") == new


def test_replace_changes_nothing_when_another_request_was_faster(volatile: VolatileStore) -> None:
    old, faster, slower = (attempt("a", touched_at=NOW + seconds * SECOND) for seconds in (0, 1, 2))
    volatile.open(old, CAPS, LATER, NOW)
    assert volatile.replace(old, faster, LATER)
    assert volatile.replace(old, slower, LATER) is False
    assert volatile.load("a") == faster


def test_replace_brings_nothing_back_that_was_taken(volatile: VolatileStore) -> None:
    old = attempt("a")
    volatile.open(old, CAPS, LATER, NOW)
    volatile.take("a")
    assert volatile.replace(old, attempt("a", touched_at=LATER), LATER) is False
    assert volatile.load("a") is None


def test_replace_keeps_the_key(volatile: VolatileStore) -> None:
    volatile.open(attempt("a"), CAPS, LATER, NOW)
    with pytest.raises(ValueError, match="keeps its key"):
        volatile.replace(attempt("a"), attempt("b"), LATER)


def test_of_eight_changes_from_one_state_one_wins(volatile: VolatileStore) -> None:
    old = attempt("a")
    volatile.open(old, CAPS, LATER, NOW)
    won = race(lambda number: volatile.replace(old, attempt("a", login_path=f"/{number}"), LATER))
    assert won.count(True) == 1
    assert won.count(False) == THREADS - 1
    assert volatile.load("a") == attempt("a", login_path=f"/{won.index(True)}")


def test_no_change_is_lost_when_everybody_tries_again(volatile: VolatileStore) -> None:
    volatile.open(attempt("a", login_path=""), CAPS, LATER, NOW)

    def append(number: int) -> None:
        while True:
            old = volatile.load("a")
            assert old is not None
            if volatile.replace(old, replace(old, login_path=old.login_path + str(number)), LATER):
                return

    assert race(append) == [None] * THREADS
    found = volatile.load("a")
    assert found is not None
    assert sorted(found.login_path) == [str(number) for number in range(THREADS)]


def test_an_attempt_is_kept_until_its_time_and_no_longer_counted_after_it(volatile: VolatileStore) -> None:
    caps = replace(CAPS, per_unit=1)
    volatile.open(attempt("a"), caps, LATER, NOW)
    with pytest.raises(TooManyAttempts):
        volatile.open(attempt("b"), caps, LATER, LATER)
    assert volatile.load("a") == attempt("a")
    volatile.open(attempt("b"), caps, LATER + MINUTE, LATER + SECOND)


def test_replace_moves_the_time_until_which_the_attempt_is_kept(volatile: VolatileStore) -> None:
    caps = replace(CAPS, per_unit=1)
    old, new = attempt("a"), attempt("a", touched_at=NOW + MINUTE)
    volatile.open(old, caps, LATER, NOW)
    volatile.replace(old, new, LATER + MINUTE)
    with pytest.raises(TooManyAttempts):
        volatile.open(attempt("b"), caps, LATER, LATER + SECOND)
    assert volatile.load("a") == new


@without(NO_CAPS)
@pytest.mark.parametrize(
    ("caps", "what"),
    [
        (replace(CAPS, per_unit=3), "unit"),
        (replace(CAPS, per_address=3), "address"),
        (replace(CAPS, held_total=3 * len(b"sealed")), "held_total"),
    ],
    ids=["unit", "address", "held_total"],
)
def test_s9_each_cap_holds_and_says_when_to_come_again(volatile: VolatileStore, caps: AttemptCaps, what: str) -> None:
    for number in range(3):
        volatile.open(attempt(f"{number}"), caps, LATER, NOW)
    with pytest.raises(TooManyAttempts) as refused:
        volatile.open(attempt("one more"), caps, LATER, NOW)
    assert refused.value.what == what
    assert 1 <= refused.value.retry_after <= 300
    assert volatile.load("one more") is None
    volatile.take("1")
    volatile.open(attempt("one more"), caps, LATER, NOW)


@allows
@pytest.mark.parametrize("seconds", [1, 59, 60, 299])
def test_s9_who_waits_as_long_as_told_gets_in(volatile: VolatileStore, seconds: int) -> None:
    caps = replace(CAPS, per_unit=2)
    volatile.open(attempt("a"), caps, LATER, NOW)
    volatile.open(attempt("b"), caps, NOW + seconds * SECOND, NOW)
    with pytest.raises(TooManyAttempts) as refused:
        volatile.open(attempt("c"), caps, LATER, NOW)
    volatile.open(attempt("c"), caps, LATER, NOW + refused.value.retry_after * SECOND)


@without(NO_CAPS, sees="assert 8 == 3")
def test_s9_of_racing_attempts_no_more_than_the_cap_get_in(volatile: VolatileStore) -> None:
    caps = replace(CAPS, per_unit=3)
    results = race(lambda number: volatile.open(attempt(f"{number}"), caps, LATER, NOW))
    assert results.count(None) == 3
    assert sum(isinstance(result, TooManyAttempts) for result in results) == THREADS - 3


@companion("test_s9_of_racing_attempts_no_more_than_the_cap_get_in")
def test_s9_without_the_cap_the_flood_gets_in(volatile: VolatileStore) -> None:
    caps = replace(CAPS, per_unit=THREADS)
    results = race(lambda number: volatile.open(attempt(f"{number}"), caps, LATER, NOW))
    assert results == [None] * THREADS


def _flood(store: VolatileStore, attempts: list[Attempt]) -> int:
    """How many of them were let in."""
    let_in = 0
    for one in attempts:
        try:
            store.open(one, CAPS, LATER, NOW)
            let_in += 1
        except TooManyAttempts:
            continue
    return let_in


def _victim() -> Attempt:
    return attempt("victim", unit_id=THEIRS, address="198.51.100.7")


@without(NO_CAPS, sees="assert 500 == 8")
def test_s9_a_flood_from_one_unit_leaves_the_others_their_login(volatile: VolatileStore) -> None:
    flood = [attempt(f"{number}", address=f"192.0.2.{number % 200}") for number in range(500)]
    assert _flood(volatile, flood) == CAPS.per_unit
    volatile.open(_victim(), CAPS, LATER, NOW)


@without(NO_CAPS, sees="assert 500 == 64")
def test_s9_a_flood_from_one_address_leaves_the_others_their_login(volatile: VolatileStore) -> None:
    flood = [attempt(f"{number}", unit_id=UnitId(f"V{number}")) for number in range(500)]
    assert _flood(volatile, flood) == CAPS.per_address
    volatile.open(_victim(), CAPS, LATER, NOW)
    with pytest.raises(TooManyAttempts, match="address"):
        volatile.open(attempt("v2", unit_id=THEIRS), CAPS, LATER, NOW)


@without(NO_CAPS, sees="assert 500 == 8")
def test_s9_a_flood_from_many_addresses_is_held_by_the_cap_of_its_unit(volatile: VolatileStore) -> None:
    flood = [attempt(f"{number}", address=f"2001:db8::{number:x}") for number in range(500)]
    assert _flood(volatile, flood) == CAPS.per_unit
    volatile.open(_victim(), CAPS, LATER, NOW)


@without(NO_CAPS)
def test_s9_large_responses_are_held_up_to_the_total_and_leave_it_when_they_go(volatile: VolatileStore) -> None:
    caps = replace(CAPS, held_total=1000)
    volatile.open(attempt("a", sealed_response=bytes(600)), caps, LATER, NOW)
    with pytest.raises(TooManyAttempts, match="held_total"):
        volatile.open(attempt("b", sealed_response=bytes(401)), caps, LATER, NOW)
    volatile.open(attempt("b", sealed_response=bytes(400)), caps, LATER, NOW)
    # What was released gives its room back at once.
    volatile.replace(attempt("a", sealed_response=bytes(600)), attempt("a", sealed_response=b""), LATER)
    volatile.open(attempt("c", sealed_response=bytes(600)), caps, LATER, NOW)


def test_attempts_that_ended_count_against_no_cap(volatile: VolatileStore) -> None:
    caps = AttemptCaps(per_unit=1, per_address=1, held_total=len(b"sealed"))
    for number in range(50):
        volatile.open(attempt(f"{number}"), caps, LATER, NOW)
        volatile.take(f"{number}")
    volatile.open(attempt("last"), caps, LATER, NOW)
