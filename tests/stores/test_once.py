"""The contracts of `OnceStore`, `EndedTickets` and `RateCounter`, for every volatile store."""

from datetime import timedelta

import pytest

from certlogin.stores.base import VolatileStore
from tests.companions import without
from tests.factory import DAY, NOW
from tests.stores.conftest import OpenVolatile
from tests.stores.race import THREADS, race
from tests.stores.values import LATER, MINUTE, SECOND

FORGETFUL = {"certlogin.stores.memory.ExpiringMap.kept_until": lambda *_: None}
#: A store that believes every caller's clock.
TRUSTING = {"certlogin.stores.memory.MemoryStore._may_be_forgotten": lambda *_: False}


@without(FORGETFUL, sees="assert True is False")
def test_s17_a_value_is_good_once(volatile: VolatileStore) -> None:
    assert volatile.add_once("v", LATER, NOW) is True
    assert volatile.add_once("v", LATER, NOW) is False
    assert volatile.add_once("w", LATER, NOW) is True


@without(FORGETFUL, sees="assert 8 == 1")
def test_s17_of_eight_callers_one_adds_the_value(volatile: VolatileStore) -> None:
    for number in range(20):
        added = race(lambda _, value=f"v{number}": volatile.add_once(value, LATER, NOW))  # type: ignore[misc]
        assert added.count(True) == 1
        assert added.count(False) == THREADS - 1


@without(FORGETFUL, sees="assert True is False")
def test_s17_a_value_is_remembered_until_its_time(volatile: VolatileStore) -> None:
    volatile.add_once("v", LATER, NOW)
    # Others come and go in between, which is when a store cleans up.
    for seconds in range(0, 1800, 60):
        volatile.add_once(f"{seconds}", NOW + (seconds + 30) * SECOND, NOW + seconds * SECOND)
    assert volatile.add_once("v", LATER + MINUTE, LATER) is False


@without(FORGETFUL, sees="assert True is False")
def test_s17_a_later_time_does_not_make_a_used_value_good(volatile: VolatileStore) -> None:
    volatile.add_once("v", LATER, NOW)
    assert volatile.add_once("v", LATER + DAY, NOW + MINUTE) is False


@without(TRUSTING, sees="assert True is False")
def test_s17_who_was_held_up_while_the_value_was_forgotten_does_not_use_it_again(volatile: VolatileStore) -> None:
    volatile.add_once("v", NOW + 10 * SECOND, NOW)
    volatile.add_once("w", LATER, NOW + 20 * SECOND)
    # This caller read its clock when the value was still known, and asks only now.
    assert volatile.add_once("v", NOW + 15 * SECOND, NOW + 5 * SECOND) is False


@without(TRUSTING, sees="assert True is False")
def test_s17_a_clock_set_back_does_not_bring_used_values_back(volatile: VolatileStore) -> None:
    volatile.add_once("v", NOW + 4 * MINUTE, NOW)
    volatile.add_once("w", NOW + DAY, NOW + DAY - MINUTE)
    assert volatile.add_once("v", NOW + 5 * MINUTE, NOW + MINUTE) is False


@without({"certlogin.stores.memory.MemoryStore.epoch": property(lambda store: "epoch")}, sees="True is False")
def test_s17_no_restart_makes_a_used_value_good_in_the_same_epoch(open_volatile: OpenVolatile) -> None:
    store = open_volatile()
    epoch = store.epoch
    assert store.add_once("v", LATER, NOW)
    assert store.epoch == epoch
    store.close()
    again = open_volatile()
    try:
        assert again.epoch != epoch or again.add_once("v", LATER, NOW) is False
    finally:
        again.close()


def test_an_epoch_is_a_text_that_fits_into_a_challenge(volatile: VolatileStore) -> None:
    assert volatile.epoch.isascii()
    assert volatile.epoch.isprintable()
    assert 16 <= len(volatile.epoch) <= 64
    assert "|" not in volatile.epoch


def test_an_ended_ticket_stays_ended_until_its_time(volatile: VolatileStore) -> None:
    assert volatile.is_ended("t") is False
    volatile.end("t", LATER, NOW)
    volatile.end("u", NOW + SECOND, NOW)
    volatile.end("v", LATER, LATER)
    assert volatile.is_ended("t")
    assert not volatile.is_ended("T")


def test_ending_again_never_makes_the_time_shorter(volatile: VolatileStore) -> None:
    volatile.end("t", LATER, NOW)
    volatile.end("t", NOW + SECOND, NOW)
    volatile.end("u", LATER, NOW + MINUTE)
    assert volatile.is_ended("t")


def test_a_ticket_ended_by_eight_at_once_is_ended(volatile: VolatileStore) -> None:
    assert race(lambda number: volatile.end("t", LATER + number * SECOND, NOW)) == [None] * THREADS
    assert volatile.is_ended("t")


def test_events_are_counted_by_name_and_window(volatile: VolatileStore) -> None:
    assert [volatile.count("a", 60, NOW + seconds * SECOND) for seconds in (0, 1, 59)] == [1, 2, 3]
    assert volatile.count("b", 60, NOW) == 1
    assert volatile.count("a", 3600, NOW) == 1
    assert volatile.count("a", 60, NOW + 60 * SECOND) == 1


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(days=20000), timedelta(seconds=37)])
def test_a_flood_is_counted_wherever_it_begins(volatile: VolatileStore, offset: timedelta) -> None:
    counts = [volatile.count("a", 60, NOW + offset + number * SECOND) for number in range(180)]
    # Any minute of the flood reaches at least half of the events in it: they lie in at most two windows.
    assert max(counts) == 60
    assert counts.count(1) in (3, 4)


def test_no_count_of_a_race_is_lost(volatile: VolatileStore) -> None:
    assert sorted(race(lambda _: volatile.count("a", 60, NOW))) == list(range(1, THREADS + 1))  # type: ignore[type-var]
