"""Looking a ticket up again: what a request meets when it no longer holds, or when nobody can say."""

from typing import Any

import pytest

from certlogin.errors import Unavailable
from certlogin.flows import tickets
from certlogin.records.unit import UnitId
from certlogin.stores.memory import MemoryStore
from certlogin.web import recheck
from tests.companions import companion, without
from tests.gate.browser import TICKET, Browser, ticket_of
from tests.gate.conftest import MakeWorld
from tests.gate.servers import AsgiServer, Sent
from tests.gate.test_failures import says_unavailable
from tests.gate.test_sessions import bare_session, home
from tests.gate.test_sessions import ticket as ticket_text
from tests.gate.undefended_proof import UNCHECKED
from tests.gate.world import World


def away(*_: object) -> Any:
    raise Unavailable("durable store")


def broken(*_: object) -> Any:
    raise KeyError("secret detail")


@pytest.fixture
def admitted(world: World) -> Browser:
    mine = Browser(world)
    mine.log_in("FREE")
    return mine


@without(UNCHECKED, sees="assert 'FREE' is None")
@pytest.mark.parametrize("path", ["/about", "/login"])
def test_s5_a_ticket_that_ended_gives_no_session_on_open_paths(world: World, admitted: Browser, path: str) -> None:
    """Not refused there, as nobody is without a ticket; but its session is nobody's any more."""
    admitted.get(path)
    assert (world.host_saw(path) or {})["unit"] == "FREE"
    del world.directory.units[UnitId("FREE")]
    world.clock.advance(60)
    assert admitted.get(path).status == 200
    assert (world.host_saw(path) or {})["unit"] is None


@companion("test_s5_a_ticket_that_ended_gives_no_session_on_open_paths")
def test_s5_without_the_look_the_session_of_a_locked_unit_lives_on_open_paths(
    world: World, admitted: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    del world.directory.units[UnitId("FREE")]
    world.clock.advance(60)
    monkeypatch.setattr(recheck.Rechecker, "due", lambda self, ticket, now: False)
    admitted.get("/about")
    assert (world.host_saw("/about") or {})["unit"] == "FREE"


def test_a_store_that_is_away_is_forgiven_for_five_minutes_and_asked_once_a_minute(
    world: World, admitted: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def counted(*_: object) -> None:
        asked.append(1)
        away()

    world.clock.advance(60)
    assert admitted.is_admitted()
    monkeypatch.setattr(tickets, "recheck", counted)
    for second in range(60, 300, 10):
        world.clock.advance(10)
        assert admitted.is_admitted(), second
    assert len(asked) == 4
    # The grace is over to the second, even between two looks.
    world.clock.advance(60)
    assert says_unavailable(admitted.get("/home"))


def test_a_ticket_this_worker_never_looked_up_is_not_forgiven(
    world: World, admitted: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.clock.advance(60)
    monkeypatch.setattr(tickets, "recheck", away)
    before = len(world.seen.requests)
    assert says_unavailable(admitted.get("/home"))
    assert len(world.seen.requests) == before


def test_a_mistake_while_looking_admits_nobody(
    world: World, admitted: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.clock.advance(60)
    monkeypatch.setattr(tickets, "recheck", broken)
    answer = admitted.get("/home")
    assert says_unavailable(answer)
    assert "secret detail" not in answer.text


@without({"certlogin.web.gate.Gate.compares_session": lambda *_: False}, sees="assert 200 == 503")
def test_s10_a_foreign_session_that_cannot_be_ended_is_not_passed_either(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(compare=True)
    mine = Browser(world)
    mine.log_in("FREE")
    raw = bare_session(world, "U1")["session"]
    guard = world.certlogin._gate._parts.guard
    ((_, sealed),) = guard.seal_cookies((("Set-Cookie", f"session={raw}"),), ticket_of(mine))
    monkeypatch.setattr(MemoryStore, "end", away)
    world.seen.requests.clear()
    answer = home(world, {TICKET: ticket_text(mine), "session": sealed.removeprefix("session=")})
    assert answer.status == 503
    assert says_unavailable(answer)
    assert world.seen.requests == []


def test_a_logout_that_cannot_be_written_down_says_so(
    world: World, admitted: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryStore, "end", away)
    assert says_unavailable(admitted.post("/logout"))


def test_the_memory_of_a_worker_is_bounded_and_what_it_forgot_is_looked_up(
    world: World, admitted: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recheck, "_MOST", 1)
    other = Browser(world)
    other.log_in("OP")
    world.clock.advance(60)
    assert admitted.is_admitted()
    assert other.is_admitted()
    looked: list[str] = []
    monkeypatch.setattr(tickets, "recheck", lambda context, ticket, now: looked.append(ticket.unit_id))
    assert admitted.is_admitted()
    assert looked == ["FREE"]


def test_the_start_and_stop_of_a_server_reach_the_host(make_world: MakeWorld) -> None:
    world = make_world()
    if not isinstance(world.server, AsgiServer):
        assert world.kind == "wsgi"
        return
    sent = world.server.run(
        {"type": "lifespan", "asgi": {}}, [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    )
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_body_whose_browser_went_away_is_refused(world: World) -> None:
    """ASGI: half a form is none."""
    if not isinstance(world.server, AsgiServer):
        assert world.kind == "wsgi"
        return
    scope = world.server.scope(Sent("POST", "/certlogin/api/leave", (("content-type", "application/json"),)))
    start, _ = world.server.run(scope, [{"type": "http.disconnect"}])
    assert start["status"] in (403, 413)
