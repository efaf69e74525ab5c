"""The contract of `Registry`, for every durable store: what is kept, and the rules of uniqueness."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Connection, true

from certlogin.errors import Unavailable
from certlogin.records.certificate import BoundCertificate, Slot, State
from certlogin.stores.base import AlreadyBound, DurableStore
from certlogin.stores.sql import SqlStore, database
from tests.companions import allows, without
from tests.factory import DAY, NOW
from tests.stores.race import THREADS, race
from tests.stores.values import MINE, SECOND, THEIRS, event, grant, order, row

UNCONDITIONAL = {"certlogin.stores.sql.registry._is_in": lambda state: true()}
GRANTS_STAY = {"certlogin.stores.sql.registry._use_grants": lambda *_: None}

#: Every change of state that the contract allows.
CHANGES = [(old, new) for old in State for new in State if old is not State.REVOKED and new not in (old, State.ACTIVE)]


def kinds(store: DurableStore) -> list[str]:
    return [one.kind for one in store.events()]


def put(store: DurableStore, one: BoundCertificate) -> BoundCertificate:
    store.bind(one, event("bound"))
    return one


def ended(store: DurableStore, one: BoundCertificate, new: State = State.REVOKED) -> None:
    assert store.change_state(one.facts.sha256, State.ACTIVE, new, event("ended"))


def test_a_row_comes_back_as_it_was(durable: DurableStore) -> None:
    mine = put(durable, row("a"))
    assert durable.find("sha256-a") == mine
    assert durable.find_by_key("spki-a") == mine
    assert durable.of_unit(MINE) == (mine,)
    assert tuple(durable.listing()) == (mine,)
    assert durable.find("spki-a") is None
    assert durable.find_by_key("sha256-a") is None
    assert durable.of_unit(THEIRS) == ()


def test_what_is_unknown_comes_back_as_unknown(durable: DurableStore) -> None:
    bare = replace(row("a", unit_code=None, unique_id=None), applied_on=None, claimed_model=None, chain=())
    put(durable, bare)
    assert durable.find("sha256-a") == bare


def test_times_come_back_aware_whatever_their_offset_was(durable: DurableStore) -> None:
    from datetime import timedelta, timezone

    shanghai = timezone(timedelta(hours=8))
    put(durable, replace(row("a"), bound_at=NOW.astimezone(shanghai)))
    found = durable.find("sha256-a")
    assert found is not None
    assert found.bound_at == NOW
    assert found.bound_at.utcoffset() == timedelta(0)


def test_of_unit_has_every_state_newest_first(durable: DurableStore) -> None:
    for name, state in (("a", State.REVOKED), ("b", State.SUPERSEDED), ("c", State.EXPIRED)):
        ended(durable, put(durable, row(name)), state)
    put(durable, row("d"))
    put(durable, row("e", THEIRS))
    found = durable.of_unit(MINE)
    assert [(one.facts.sha256[-1], one.state) for one in found] == [
        ("d", State.ACTIVE), ("c", State.EXPIRED), ("b", State.SUPERSEDED), ("a", State.REVOKED),
    ]  # fmt: skip


def test_the_newest_row_of_a_key_is_found(durable: DurableStore) -> None:
    ended(durable, put(durable, row("a", spki_sha256="the key")))
    newer = put(durable, row("b", spki_sha256="the key"))
    assert durable.find_by_key("the key") == newer


def _names(rows: Sequence[BoundCertificate]) -> str:
    return "".join(one.facts.sha256[-1] for one in rows)


def test_the_operators_listing_is_filtered_and_paged(durable: DurableStore) -> None:
    ended(durable, put(durable, row("a")))
    put(durable, row("b"))
    put(durable, row("c", THEIRS))
    assert _names(durable.listing()) == "cba"
    assert _names(durable.listing(unit_id=MINE)) == "ba"
    assert _names(durable.listing(state=State.ACTIVE)) == "cb"
    assert _names(durable.listing(unit_id=MINE, state=State.REVOKED)) == "a"
    assert _names(durable.listing(limit=1)) == "c"
    assert _names(durable.listing(limit=2, offset=1)) == "ba"
    assert _names(durable.listing(offset=3)) == ""


# Uniqueness: each rule, what is almost the same and allowed, and that a refusal writes nothing.


@pytest.mark.parametrize("unit_id", [MINE, THEIRS])
@pytest.mark.parametrize("state", [State.ACTIVE, State.REVOKED, State.SUPERSEDED, State.EXPIRED])
def test_a_certificate_is_registered_once_whatever_became_of_it(
    durable: DurableStore, unit_id: str, state: State
) -> None:
    first = put(durable, row("a"))
    if state is not State.ACTIVE:
        ended(durable, first, state)
    again = row("b", unit_id, slot=Slot.REPLACEMENT, sha256="sha256-a")  # type: ignore[arg-type]
    with pytest.raises(AlreadyBound) as refused:
        durable.bind(again, event())
    assert refused.value.conflict == "certificate"


@pytest.mark.parametrize("unit_id", [MINE, THEIRS])
def test_issuer_and_serial_are_registered_once(durable: DurableStore, unit_id: str) -> None:
    ended(durable, put(durable, row("a", serial="1f")))
    with pytest.raises(AlreadyBound) as refused:
        durable.bind(row("b", unit_id, serial="1f"), event())  # type: ignore[arg-type]
    assert refused.value.conflict == "certificate"


def test_the_same_serial_of_another_issuer_is_another_certificate(durable: DurableStore) -> None:
    ended(durable, put(durable, row("a", serial="1f")))
    put(durable, row("b", serial="1f", issuer_sha256="another"))


# Behind our look stands the tables' foreign key.
@without(
    {
        "certlogin.stores.sql.registry._refuse_conflict": lambda *_: None,
        "certlogin.stores.sql.database._PRAGMAS": ("synchronous = FULL",),
    },
    from_setup=True,
)
def test_s14_a_key_belongs_to_one_unit_for_ever(durable: DurableStore) -> None:
    ended(durable, put(durable, row("a", spki_sha256="the key")))
    with pytest.raises(AlreadyBound) as refused:
        durable.bind(row("b", THEIRS, spki_sha256="the key"), event())
    assert refused.value.conflict == "key"
    put(durable, row("c", spki_sha256="the key"))


def test_d3_a_unit_has_one_active_certificate_in_a_slot(durable: DurableStore) -> None:
    put(durable, row("a"))
    with pytest.raises(AlreadyBound) as refused:
        durable.bind(row("b"), event())
    assert refused.value.conflict == "slot"


def test_e4_the_pair_of_a_replacement_is_allowed(durable: DurableStore) -> None:
    put(durable, row("a"))
    put(durable, row("b", slot=Slot.REPLACEMENT))
    with pytest.raises(AlreadyBound, match="slot"):
        durable.bind(row("c", slot=Slot.REPLACEMENT), event())


@pytest.mark.parametrize("state", [State.REVOKED, State.SUPERSEDED, State.EXPIRED])
def test_a_row_that_is_no_longer_active_leaves_its_slot(durable: DurableStore, state: State) -> None:
    ended(durable, put(durable, row("a")), state)
    put(durable, row("b"))


def test_another_unit_has_slots_of_its_own(durable: DurableStore) -> None:
    put(durable, row("a"))
    put(durable, row("b", THEIRS))


@pytest.mark.parametrize(
    "refused",
    [
        row("b", sha256="sha256-a"),
        row("b", serial=row("a").facts.serial),
        row("b", THEIRS, spki_sha256="spki-a"),
        row("b"),
    ],
    ids=["sha256", "serial", "key", "slot"],
)
def test_a_refused_binding_writes_nothing(durable: DurableStore, refused: BoundCertificate) -> None:
    put(durable, row("a"))
    durable.grant(grant(unit_id=refused.unit_id), event("granted"))
    durable.place(order("b"))
    with pytest.raises(AlreadyBound):
        durable.bind(refused, event("must not be there"), order("b", "issued", certificate_sha256="x"))
    assert kinds(durable) == ["granted", "bound"]
    assert _names(durable.listing()) == "a"
    assert durable.find_order(MINE, "spki-b") == order("b")
    assert durable.open_grant(refused.unit_id, NOW) == grant(unit_id=refused.unit_id)
    # The key of the refused row has found no owner either.
    if refused.facts.spki_sha256 == "spki-b":
        put(durable, row("c", THEIRS, spki_sha256="spki-b"))


@contextmanager
def keeps_what_was_written(store: SqlStore) -> Iterator[Connection]:
    """No transaction: what came before the failure stays."""
    with database._failures(), store._writer.connect() as connection:
        try:
            yield connection
        finally:
            connection.commit()


@without({"certlogin.stores.sql.SqlStore.writing": keeps_what_was_written}, sees="assert (BoundCert")
def test_s31_a_binding_whose_event_cannot_be_written_is_none(durable: DurableStore) -> None:
    with pytest.raises(Unavailable):
        durable.bind(row("a"), event(at=NOW.replace(tzinfo=None)))
    assert durable.of_unit(MINE) == ()


def test_a_binding_and_its_event_are_written_together(durable: DurableStore) -> None:
    durable.bind(row("a"), event("certificate_bound", facts={"sha256": "sha256-a"}))
    (written,) = durable.events()
    assert written == event("certificate_bound", facts={"sha256": "sha256-a"})


def test_of_eight_units_one_gets_the_certificate(durable: DurableStore) -> None:
    results = race(lambda number: durable.bind(row("a", f"unit {number}"), event()))  # type: ignore[arg-type]
    assert results.count(None) == 1
    assert [one.conflict for one in results if isinstance(one, AlreadyBound)] == ["certificate"] * (THREADS - 1)
    (winner,) = durable.listing()
    assert winner.unit_id == f"unit {results.index(None)}"
    assert len(kinds(durable)) == 1


def test_of_eight_certificates_the_unit_gets_one(durable: DurableStore) -> None:
    results = race(lambda number: durable.bind(row(f"{number}"), event()))
    assert results.count(None) == 1
    assert [one.conflict for one in results if isinstance(one, AlreadyBound)] == ["slot"] * (THREADS - 1)
    assert [one.facts.sha256 for one in durable.of_unit(MINE)] == [f"sha256-{results.index(None)}"]


def test_of_eight_units_one_gets_the_key(durable: DurableStore) -> None:
    def bind(number: int) -> None:
        durable.bind(row(f"{number}", f"unit {number}", spki_sha256="the key"), event())  # type: ignore[arg-type]

    results = race(bind)
    assert results.count(None) == 1
    assert [one.conflict for one in results if isinstance(one, AlreadyBound)] == ["key"] * (THREADS - 1)


def test_eight_units_with_certificates_of_their_own_all_win(durable: DurableStore) -> None:
    results = race(lambda number: durable.bind(row(f"{number}", f"unit {number}"), event()))  # type: ignore[arg-type]
    assert results == [None] * THREADS


# States


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_a_state_moves_on_with_its_event(durable: DurableStore, old: State, new: State) -> None:
    put(durable, row("a"))
    if old is not State.ACTIVE:
        durable.change_state("sha256-a", State.ACTIVE, old, event("before"))
    assert durable.change_state("sha256-a", old, new, event("after")) is True
    found = durable.find("sha256-a")
    assert found is not None
    assert found.state is new
    assert kinds(durable)[0] == "after"


@pytest.mark.parametrize("wrong", [State.SUPERSEDED, State.EXPIRED])
def test_a_change_from_another_state_writes_nothing(durable: DurableStore, wrong: State) -> None:
    put(durable, row("a"))
    assert durable.change_state("sha256-a", wrong, State.REVOKED, event("must not be there")) is False
    assert durable.change_state("unknown", State.ACTIVE, State.REVOKED, event("must not be there")) is False
    found = durable.find("sha256-a")
    assert found is not None
    assert found.state is State.ACTIVE
    assert kinds(durable) == ["bound"]


@without(UNCONDITIONAL, sees="assert True is False")
@pytest.mark.parametrize("new", list(State))
@pytest.mark.parametrize("old", [state for state in State if state is not State.REVOKED])
def test_s16_what_is_revoked_leaves_no_other_state(durable: DurableStore, old: State, new: State) -> None:
    ended(durable, put(durable, row("a")))
    assert durable.change_state("sha256-a", old, new, event()) is False
    found = durable.find("sha256-a")
    assert found is not None
    assert found.state is State.REVOKED


@without({"certlogin.stores.sql.registry._refuse_final": lambda old: None})
@pytest.mark.parametrize("new", list(State))
def test_s16_revoked_is_final(durable: DurableStore, new: State) -> None:
    ended(durable, put(durable, row("a")))
    with pytest.raises(ValueError, match="revoked is final"):
        durable.change_state("sha256-a", State.REVOKED, new, event())
    found = durable.find("sha256-a")
    assert found is not None
    assert found.state is State.REVOKED


def test_a_state_that_would_make_a_second_active_row_is_refused(durable: DurableStore) -> None:
    ended(durable, put(durable, row("a")), State.EXPIRED)
    put(durable, row("b"))
    with pytest.raises(AlreadyBound, match="slot"):
        durable.change_state("sha256-a", State.EXPIRED, State.ACTIVE, event("must not be there"))
    assert kinds(durable) == ["bound", "ended", "bound"]


@without(UNCONDITIONAL, sees="assert 8 == 1")
def test_s16_of_eight_changes_one_is_made(durable: DurableStore) -> None:
    put(durable, row("a"))
    made = race(lambda number: durable.change_state("sha256-a", State.ACTIVE, State.REVOKED, event(f"{number}")))
    assert made.count(True) == 1
    assert made.count(False) == THREADS - 1
    assert kinds(durable) == [f"{made.index(True)}", "bound"]


# Grants are used up by a binding


@without(GRANTS_STAY, sees="assert DownloadGrant(")
def test_s12_a_binding_uses_up_every_open_grant_of_its_unit(durable: DurableStore) -> None:
    for unit_id in (MINE, MINE, THEIRS):
        durable.grant(grant(unit_id=unit_id), event())
    durable.bind(replace(row("a"), bound_at=NOW + DAY), event())
    assert durable.open_grant(MINE, NOW + DAY) is None
    assert durable.open_grant(MINE, NOW) is None
    assert durable.open_grant(THEIRS, NOW + DAY) is not None


@without(GRANTS_STAY, sees="assert DownloadGrant(")
def test_s12_a_grant_is_used_up_at_its_last_moment_too(durable: DurableStore) -> None:
    durable.grant(grant(), event())
    assert durable.open_grant(MINE, NOW + 7 * DAY) is not None
    durable.bind(replace(row("a"), bound_at=NOW + 7 * DAY), event())
    assert durable.open_grant(MINE, NOW + 7 * DAY) is None


@allows
def test_s12_a_grant_given_after_the_binding_is_not_used_by_it(durable: DurableStore) -> None:
    ended(durable, put(durable, row("a")))
    durable.grant(grant(granted_at=NOW + SECOND), event())
    assert durable.open_grant(MINE, NOW + DAY) == grant(granted_at=NOW + SECOND)


@without(GRANTS_STAY, sees="assert DownloadGrant(")
def test_s12_of_eight_downloads_on_one_grant_one_is_registered(durable: DurableStore) -> None:
    durable.grant(grant(), event())
    results = race(lambda number: durable.bind(row(f"{number}"), event(), order(f"{number}", "issued")))
    assert results.count(None) == 1
    assert durable.open_grant(MINE, NOW) is None
    assert len(durable.of_unit(MINE)) == 1
    assert len(durable.open_orders(MINE)) == 1
