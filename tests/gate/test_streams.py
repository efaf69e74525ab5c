"""S6: a streaming answer ends with the ticket it was admitted by."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import pytest

from certlogin.errors import Unavailable
from certlogin.flows import tickets
from certlogin.login.ticket import Ticket
from certlogin.records.unit import UnitId
from certlogin.web.recheck import Rechecker
from certlogin.web.watch import Watch
from tests.companions import allows, companion, without
from tests.gate.browser import Browser, ticket_of
from tests.gate.conftest import MakeWorld
from tests.gate.servers import Answer
from tests.gate.world import World

WHOLE = b"0;1;2;3;"

#: Without the defence the whole answer leaves, uncut.
READS_ON = f"assert (False, {WHOLE!r}) == (True, "
UNLOOKED = {"certlogin.web.watch.Watch.look": lambda *_: None}
UNAGED = {"certlogin.web.watch.judge_age": lambda *_: None}
_CHECK = Rechecker.check


def _forgiving(self: Rechecker, ticket: Ticket, now: datetime) -> None:
    with suppress(Unavailable):
        _CHECK(self, ticket, now)


#: A store that is away is forgiven for ever.
UNBOUNDED = {"certlogin.web.recheck.Rechecker.check": _forgiving}
#: A logout is told to the store only.
UNREMEMBERED = {
    "certlogin.web.recheck.Rechecker.end": lambda self, ticket: tickets.end_ticket(
        self._context, ticket, self._context.clock()
    )
}


@pytest.fixture
def admitted(world: World) -> Browser:
    mine = Browser(world)
    mine.log_in("FREE")
    return mine


def before_piece(world: World, number: int, *what: Callable[[], object]) -> None:
    """Have these things happen while the host works on that piece of its answer."""

    def meanwhile(current: int) -> None:
        if current == number:
            for each in what:
                each()

    world.seen.meanwhile = meanwhile


def minute(world: World) -> Callable[[], None]:
    return lambda: world.clock.advance(60)


def lock(world: World) -> Callable[[], object]:
    return lambda: world.directory.units.pop(UnitId("FREE"))


def was_cut(world: World, answer: Answer, body: bytes) -> str:
    """The code with which the answer was cut after these pieces, once and written down."""
    assert (answer.cut, answer.body) == (True, body)
    # Starlette leaves that to the garbage collector, with or without us.
    assert world.seen.closed == 1 or world.kind == "asgi"
    (event,) = world.events("answer_cut")
    assert event.unit_id == "FREE"
    return event.code


@allows
def test_s6_a_stream_goes_on_while_its_ticket_holds(world: World, admitted: Browser) -> None:
    world.seen.meanwhile = lambda number: world.clock.advance(100)
    answer = admitted.get("/stream")
    assert (answer.cut, answer.body, world.seen.closed) == (False, WHOLE, 1)
    assert world.events("answer_cut") == []


def test_s6_a_unit_locked_while_it_streams_gets_nothing_more(world: World, admitted: Browser) -> None:
    before_piece(world, 2, lock(world), minute(world))
    assert was_cut(world, admitted.get("/stream"), b"0;1;") == "unit_unknown"


@allows
def test_s6_within_recheck_it_is_not_noticed_yet(world: World, admitted: Browser) -> None:
    before_piece(world, 2, lock(world), lambda: world.clock.advance(59))
    assert admitted.get("/stream").body == WHOLE


@without(UNLOOKED, sees=READS_ON)
def test_s6_the_minute_counts_from_the_last_look_and_not_from_the_stream(world: World, admitted: Browser) -> None:
    world.clock.advance(30)
    before_piece(world, 3, lock(world), lambda: world.clock.advance(30))
    assert was_cut(world, admitted.get("/stream"), b"0;1;2;") == "unit_unknown"


@without({"certlogin.stores.memory.MemoryStore.is_ended": lambda *_: False}, sees=READS_ON)
def test_s6_a_ticket_ended_elsewhere_ends_the_stream(world: World, admitted: Browser) -> None:
    volatile = world.certlogin._context.volatile
    ended: list[str] = []
    before_piece(world, 1, lambda: ended.append(end_the_only_ticket(world, admitted)), minute(world))
    assert was_cut(world, admitted.get("/stream"), b"0;") == "ticket_ended"
    assert volatile.is_ended(ended[0])


def end_the_only_ticket(world: World, browser: Browser) -> str:
    """As another worker would: the store knows, this worker does not."""
    ticket = ticket_of(browser)
    world.certlogin._context.volatile.end(ticket.id, ticket.expires, world.clock.now)
    return ticket.id


@without(UNREMEMBERED, sees=READS_ON)
def test_s6_logging_out_in_this_worker_ends_it_at_once(world: World, admitted: Browser) -> None:
    rechecker = world.certlogin._gate._parts.rechecker
    before_piece(world, 1, lambda: rechecker.end(ticket_of(admitted)))
    assert was_cut(world, admitted.get("/stream"), b"0;") == "ticket_ended"


@without(UNAGED, sees=READS_ON)
def test_s6_the_absolute_end_ends_it_at_once(make_world: MakeWorld) -> None:
    world = make_world(tickets={"absolute": 90, "idle": 80})
    mine = Browser(world)
    mine.log_in("FREE")
    world.clock.advance(61)
    assert mine.is_admitted()
    before_piece(world, 1, lambda: world.clock.advance(29))
    assert was_cut(world, mine.get("/stream"), b"0;") == "ticket_expired"


@without(UNAGED, sees=READS_ON)
def test_s6_the_idle_end_ends_it(world: World, admitted: Browser) -> None:
    before_piece(world, 1, lambda: world.clock.advance(30 * 60))
    assert was_cut(world, admitted.get("/stream"), b"0;") == "ticket_expired"


@allows
def test_s6_who_works_meanwhile_is_not_idle(world: World, admitted: Browser) -> None:
    """Other requests got a younger ticket, so a long download beside them goes on."""

    rechecker, ticket = world.certlogin._gate._parts.rechecker, ticket_of(admitted)

    def work(number: int) -> None:
        for _ in range(3):
            world.clock.advance(10 * 60)
            rechecker.check(ticket, world.clock.now)
            rechecker.minted(ticket)

    world.seen.meanwhile = work
    assert admitted.get("/stream").body == WHOLE


@companion("test_s6_a_unit_locked_while_it_streams_gets_nothing_more")
def test_s6_without_the_look_the_locked_unit_reads_on(
    world: World, admitted: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watch, "look", lambda self, request, ticket, kind: None)
    before_piece(world, 1, lock(world), minute(world))
    assert admitted.get("/stream").body == WHOLE


@allows
def test_s6_a_store_that_is_away_for_a_moment_is_forgiven_and_not_asked_for_each_piece(
    world: World, admitted: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def away(*_: object) -> None:
        asked.append(1)
        raise Unavailable("durable store")

    world.clock.advance(60)
    assert admitted.is_admitted()
    monkeypatch.setattr(tickets, "recheck", away)
    before_piece(world, 1, minute(world))
    assert admitted.get("/stream").body == WHOLE
    assert len(asked) == 1


@without(UNBOUNDED, sees=READS_ON)
def test_s6_beyond_the_grace_it_is_cut(world: World, admitted: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    world.clock.advance(60)
    assert admitted.is_admitted()

    def away(*_: object) -> None:
        raise Unavailable("durable store")

    monkeypatch.setattr(tickets, "recheck", away)
    world.seen.meanwhile = lambda number: world.clock.advance(150)
    assert was_cut(world, admitted.get("/stream"), b"0;1;") == "unavailable"


def test_a_short_answer_costs_no_look(world: World, admitted: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    readings: list[Ticket] = []
    due = Watch.due

    def counted(self: Watch, ticket: Ticket) -> bool:
        readings.append(ticket)
        return due(self, ticket)

    monkeypatch.setattr(Watch, "due", counted)
    assert admitted.is_admitted()
    assert readings == []
    assert admitted.get("/stream").body == WHOLE
    # Starlette ends a stream with an empty piece.
    assert len(readings) == (4 if world.kind == "asgi" else 3)


def test_one_look_is_one_reading_of_the_clock_and_no_look_up(
    world: World, admitted: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    monkeypatch.setattr(Rechecker, "check", lambda self, ticket, now: looked.append(1))
    assert admitted.get("/stream").body == WHOLE
    assert looked == []


def test_what_answers_a_logout_is_not_cut(world: World, admitted: Browser) -> None:
    """The ticket ends before the answer leaves; the answer itself still says goodbye."""
    answer = admitted.post("/logout")
    assert (answer.cut, answer.body) == (False, b"bye")


def test_a_stream_without_a_ticket_is_nobodys_and_goes_on(make_world: MakeWorld) -> None:
    world = make_world(host={"paths": {"login": ["/login"], "public": ["/stream"]}})
    world.seen.meanwhile = lambda number: world.clock.advance(9 * 3600)
    answer = Browser(world).get("/stream")
    assert (answer.cut, answer.body) == (False, WHOLE)
