"""The contract of `AuditLog`, and what every durable store promises as a whole."""

from datetime import UTC, datetime, timedelta, timezone
from enum import Enum

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certlogin.errors import Unavailable
from certlogin.records.audit import AuditEvent
from certlogin.records.certificate import State
from certlogin.stores.base import DurableStore
from tests.companions import without
from tests.factory import DAY, NOW
from tests.stores.conftest import OpenDurable
from tests.stores.race import THREADS, race
from tests.stores.values import MINE, THEIRS, event, grant, order, row

_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes()
    | st.sampled_from(State) | st.characters(categories=["Cs"]) | st.just(object())
)  # fmt: skip
ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
    | st.tuples(inner, inner) | st.sets(st.integers()),
    max_leaves=20,
)  # fmt: skip


def test_an_event_comes_back_as_it_was(durable: DurableStore) -> None:
    full = AuditEvent(NOW, "proof_refused", "wrong_key", MINE, "attempt", "2001:db8::1", "A1B2C3D4", {"tries": 3})
    bare = AuditEvent(NOW + DAY, "started", "ok")
    durable.record(full)
    durable.record(bare)
    assert tuple(durable.events()) == (bare, full)


def test_events_are_listed_newest_first_for_one_unit_or_all(durable: DurableStore) -> None:
    for number, unit_id in enumerate((MINE, THEIRS, MINE, MINE)):
        durable.record(event(f"{number}", unit_id=unit_id))
    assert [one.kind for one in durable.events()] == ["3", "2", "1", "0"]
    assert [one.kind for one in durable.events(unit_id=MINE)] == ["3", "2", "0"]
    assert [one.kind for one in durable.events(limit=2, unit_id=MINE)] == ["3", "2"]


def test_the_order_is_that_of_writing_not_of_the_clock(durable: DurableStore) -> None:
    durable.record(event("first", at=NOW + DAY))
    durable.record(event("second", at=NOW))
    assert [one.kind for one in durable.events()] == ["second", "first"]


def test_no_event_of_a_race_is_lost(durable: DurableStore) -> None:
    assert race(lambda number: durable.record(event(f"{number}"))) == [None] * THREADS
    assert sorted(one.kind for one in durable.events()) == [f"{number}" for number in range(THREADS)]


AS_IT_CAME = {
    "certlogin.stores.sql.rows._clean": lambda text: text,
    "certlogin.stores.sql.rows._plain": lambda value, depth: value,
}


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("fact", "kept"),
    [
        (Colour.RED, "red"),
        (NOW, "2026-03-02T08:00:00+00:00"),
        (datetime(2026, 3, 2, tzinfo=timezone(timedelta(hours=8))), "2026-03-02T00:00:00+08:00"),
        (2**53, "0x20000000000000"),
        (-(2**53), "-0x20000000000000"),
        (2**53 - 1, 2**53 - 1),
        (float("nan"), "<float>"),
        (float("inf"), "<float>"),
        ((1, "二"), [1, "二"]),
        (b"\x30\x82", "<bytes>"),
        ("\ud800 a\x00b", "\\ud800 a\\x00b"),
        ({7: None}, {"7": None}),
        ([[[[["too deep"]]]]], [[["<list>"]]]),
        (object(), "<object>"),
    ],
)
def test_a_fact_is_kept_as_what_json_can_say(durable: DurableStore, fact: object, kept: object) -> None:
    durable.record(event(facts={"fact": fact}))
    (written,) = durable.events()
    assert written.facts == {"fact": kept}


@without({"certlogin.stores.sql.rows._LONGEST": 9999}, sees="k" * 9)
def test_s31_a_long_fact_is_cut(durable: DurableStore) -> None:
    durable.record(event("k" * 5000, facts={"n" * 5000: "v" * 5000}))
    (written,) = durable.events()
    assert written.kind == "k" * 2000 + "…"
    assert written.facts == {"n" * 2000 + "…": "v" * 2000 + "…"}


@without(AS_IT_CAME, sees="nothing was written")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(), ANYTHING, max_size=4), st.text())
def test_s31_whatever_a_stranger_sends_can_be_written(
    durable: DurableStore, facts: dict[str, object], text: str
) -> None:
    try:
        durable.record(event(text, unit_id=text, address=text, support_id=text, facts=facts))
    except Unavailable:
        pytest.fail("nothing was written")
    (written,) = durable.events(limit=1)
    assert len(written.facts) <= len(facts)
    assert written.at == NOW
    written.kind.encode()


def test_everything_survives_a_restart(open_durable: OpenDurable) -> None:
    store = open_durable()
    store.bind(row("a"), event("bound"), order("a", "issued"))
    store.change_state("sha256-a", State.ACTIVE, State.REVOKED, event("revoked"))
    store.grant(grant(), event("granted"))
    store.skip(MINE, "roster", 3, event("skipped"))
    before = (store.of_unit(MINE), tuple(store.events()))
    store.close()
    again = open_durable()
    try:
        again.ping()
        assert (again.of_unit(MINE), tuple(again.events())) == before
        assert again.of_unit(MINE)[0].state is State.REVOKED
        assert again.open_orders(MINE) == (order("a", "issued"),)
        assert again.open_grant(MINE, NOW) == grant()
        assert again.skipped(MINE, "roster") == 1
        again.record(event("after", at=datetime(2027, 1, 1, tzinfo=UTC)))
        assert next(iter(again.events())).kind == "after"
    finally:
        again.close()


def test_two_open_stores_see_each_other(open_durable: OpenDurable) -> None:
    web, operator = open_durable(), open_durable()
    try:
        web.bind(row("a"), event())
        assert operator.change_state("sha256-a", State.ACTIVE, State.REVOKED, event())
        found = web.find("sha256-a")
        assert found is not None
        assert found.state is State.REVOKED
    finally:
        web.close()
        operator.close()
