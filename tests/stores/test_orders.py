"""The contracts of `Orders` and `Skips`, for every durable store."""

from dataclasses import replace

import pytest
from sqlalchemy import true

from certlogin.journeys.enrol import CLOSED, EnrolState
from certlogin.stores.base import AlreadyBound, DurableStore
from tests.companions import allows, without
from tests.factory import DAY, NOW
from tests.stores.race import THREADS, race
from tests.stores.values import MINE, SECOND, THEIRS, event, grant, order, row

NO_LIMIT = {"certlogin.stores.sql.skips._are_left": lambda most: true()}

OPEN = sorted(set(EnrolState) - CLOSED - {EnrolState.NEW})


def kinds(store: DurableStore) -> list[str]:
    return [one.kind for one in store.events()]


# Orders


def test_an_order_comes_back_as_it_was(durable: DurableStore) -> None:
    full = order("a", "issued", certificate_sha256="sha256-a", chain=(b"issuing", b"\x00\xff"))
    assert durable.place(full) == full
    assert durable.find_order(MINE, "spki-a") == full
    assert durable.find_order(THEIRS, "spki-a") is None
    assert durable.find_order(MINE, "spki-b") is None


def test_an_order_is_placed_once_for_a_unit_and_key(durable: DurableStore) -> None:
    first = durable.place(order("a"))
    assert durable.place(order("a", "requested", requested_at=NOW + DAY)) == first
    theirs = order("a", unit_id=THEIRS)
    assert durable.place(theirs) == theirs


def test_of_eight_orders_one_is_placed_and_everybody_gets_it(durable: DurableStore) -> None:
    placed = race(lambda number: durable.place(order("a", requested_at=NOW + number * SECOND)))
    kept = durable.find_order(MINE, "spki-a")
    assert placed == [kept] * THREADS


@pytest.mark.parametrize("state", OPEN)
def test_open_orders_wait_for_something(durable: DurableStore, state: str) -> None:
    for closed in CLOSED:
        durable.place(order(f"{closed}", closed))
    durable.place(order("theirs", state, unit_id=THEIRS))
    older = durable.place(order("a", state))
    newer = durable.place(order("b", state, requested_at=NOW + SECOND))
    assert durable.open_orders(MINE) == (newer, older)


def test_an_order_advances_with_its_event(durable: DurableStore) -> None:
    placed = durable.place(order("a"))
    done = replace(placed, certificate_sha256="sha256-a", chain=(b"issuing",))
    assert durable.advance(done, "issued", event("issued")) is True
    assert durable.find_order(MINE, "spki-a") == replace(done, state="issued")
    assert kinds(durable) == ["issued"]


def test_an_order_in_another_state_does_not_advance(durable: DurableStore) -> None:
    durable.place(order("a", "installed"))
    assert durable.advance(order("a", "issued"), "withdrawn", event()) is False
    assert durable.advance(order("b", "issued"), "withdrawn", event()) is False
    assert durable.find_order(MINE, "spki-a") == order("a", "installed")
    assert kinds(durable) == []


def test_of_eight_steps_from_one_state_one_is_made(durable: DurableStore) -> None:
    placed = durable.place(order("a"))
    made = race(lambda number: durable.advance(placed, f"state {number}", event(f"{number}")))
    assert made.count(True) == 1
    assert made.count(False) == THREADS - 1
    found = durable.find_order(MINE, "spki-a")
    assert found is not None
    assert found.state == f"state {made.index(True)}"
    assert kinds(durable) == [f"{made.index(True)}"]


@pytest.mark.parametrize("state", OPEN)
def test_a_binding_moves_its_order(durable: DurableStore, state: str) -> None:
    durable.place(order("a", state))
    done = order("a", "issued", certificate_sha256="sha256-a", chain=(b"issuing",))
    durable.bind(row("a"), event(), done)
    assert durable.find_order(MINE, "spki-a") == done


def test_a_binding_brings_an_order_that_was_never_placed(durable: DurableStore) -> None:
    durable.bind(row("a"), event(), order("a", "issued"))
    assert durable.find_order(MINE, "spki-a") == order("a", "issued")


@without({"certlogin.stores.sql.registry.CLOSED": ()})
@pytest.mark.parametrize("state", sorted(CLOSED))
def test_s12_an_order_that_is_closed_lets_nothing_be_bound(durable: DurableStore, state: str) -> None:
    durable.place(order("a", state))
    durable.grant(grant(), event("granted"))
    with pytest.raises(AlreadyBound) as refused:
        durable.bind(row("a"), event("must not be there"), order("a", "issued"))
    assert refused.value.conflict == "order"
    assert durable.of_unit(MINE) == ()
    assert durable.find_order(MINE, "spki-a") == order("a", state)
    assert durable.open_grant(MINE, NOW) == grant()
    assert kinds(durable) == ["granted"]


def test_a_binding_leaves_the_orders_of_other_keys_alone(durable: DurableStore) -> None:
    other, theirs = durable.place(order("b")), durable.place(order("a", unit_id=THEIRS))
    durable.place(order("a"))
    durable.bind(row("a"), event(), order("a", "issued"))
    assert durable.find_order(MINE, "spki-b") == other
    assert durable.find_order(THEIRS, "spki-a") == theirs


# Grants


@without({"certlogin.stores.sql.orders._in_time": lambda now: true()}, sees="assert DownloadGrant(")
def test_s12_a_grant_is_open_until_its_time(durable: DurableStore) -> None:
    assert durable.open_grant(MINE, NOW) is None
    durable.grant(grant(), event("download_granted"))
    assert durable.open_grant(MINE, NOW + 7 * DAY) == grant()
    assert durable.open_grant(MINE, NOW + 7 * DAY + SECOND) is None
    assert durable.open_grant(THEIRS, NOW) is None
    assert kinds(durable) == ["download_granted"]


@without({"certlogin.stores.sql.orders._unused": true}, sees="assert DownloadGrant(")
def test_s12_a_used_grant_is_not_open(durable: DurableStore) -> None:
    durable.grant(grant(used_at=NOW), event())
    assert durable.open_grant(MINE, NOW) is None


@allows
def test_s12_of_several_grants_the_longest_counts(durable: DurableStore) -> None:
    for days in (1, 9, 3):
        durable.grant(grant(until=NOW + days * DAY), event())
    assert durable.open_grant(MINE, NOW) == grant(until=NOW + 9 * DAY)


# Skips


def test_skips_are_counted_up_to_the_most(durable: DurableStore) -> None:
    assert durable.skipped(MINE, "roster") == 0
    for used in range(3):
        assert durable.skip(MINE, "roster", 3, event(f"skip {used}")) is True
        assert durable.skipped(MINE, "roster") == used + 1
    assert durable.skip(MINE, "roster", 3, event("must not be there")) is False
    assert durable.skipped(MINE, "roster") == 3
    assert kinds(durable) == ["skip 2", "skip 1", "skip 0"]


@without(NO_LIMIT, sees="assert True is False")
def test_s13_where_none_is_allowed_none_is_counted(durable: DurableStore) -> None:
    assert durable.skip(MINE, "roster", 0, event()) is False
    assert durable.skipped(MINE, "roster") == 0
    assert kinds(durable) == []


@without(NO_LIMIT, sees="assert True is False")
def test_s13_fewer_skips_than_were_used_leave_none(durable: DurableStore) -> None:
    for _ in range(3):
        durable.skip(MINE, "roster", 3, event())
    assert durable.skip(MINE, "roster", 2, event()) is False


def test_skips_are_counted_for_each_unit_and_rule(durable: DurableStore) -> None:
    assert durable.skip(MINE, "roster", 1, event())
    assert durable.skip(THEIRS, "roster", 1, event())
    assert durable.skip(MINE, "other", 1, event())
    assert not durable.skip(MINE, "roster", 1, event())


@without(NO_LIMIT, sees="assert 8 == 1")
def test_s13_of_eight_callers_one_has_the_last_skip(durable: DurableStore) -> None:
    durable.skip(MINE, "roster", 3, event())
    durable.skip(MINE, "roster", 3, event())
    skipped = race(lambda number: durable.skip(MINE, "roster", 3, event(f"race {number}")))
    assert skipped.count(True) == 1
    assert skipped.count(False) == THREADS - 1
    assert durable.skipped(MINE, "roster") == 3
    assert kinds(durable)[0] == f"race {skipped.index(True)}"
    assert len(kinds(durable)) == 3


def test_eight_first_skips_of_one_unit_are_all_counted(durable: DurableStore) -> None:
    assert race(lambda _: durable.skip(MINE, "roster", THREADS, event())) == [True] * THREADS
    assert durable.skipped(MINE, "roster") == THREADS
