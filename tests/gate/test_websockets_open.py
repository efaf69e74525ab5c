"""S6: a WebSocket is looked at while it is open, and closed with 1008 when its ticket no longer holds."""

from contextlib import suppress
from typing import Any

import anyio
import pytest

from certlogin.errors import Unavailable
from certlogin.flows import tickets
from certlogin.login.ticket import Ticket
from certlogin.records.unit import UnitId
from certlogin.web.watch import Watch
from tests.companions import allows, companion, without
from tests.gate.browser import Browser
from tests.gate.conftest import MakeWorld
from tests.gate.servers import AsgiServer
from tests.gate.sockets import Message, Socket
from tests.gate.test_streams import UNAGED, UNBOUNDED
from tests.gate.test_websockets import CLOSED, Connect, admitted, connect, host
from tests.gate.world import World

__all__ = ["admitted", "connect", "host"]

#: Without the defence the watch waits again, and the socket lives on.
LIVES_ON = "assert None == {"
UNENDED = {"certlogin.web.recheck.Rechecker.end": lambda *_: None}
UNJUDGED = {"certlogin.flows.tickets.judge": lambda *_: None}


#: The first look comes a whole minute after the handshake.
LATE = {"certlogin.web.recheck.Rechecker.pause": lambda self, *_: self._every.total_seconds()}


def _unless_broken(self: Watch, request: object, ticket: Ticket, kind: str) -> None:
    with suppress(KeyError):
        self._judge(ticket)


def portal_of(world: World) -> Any:
    assert isinstance(world.server, AsgiServer)
    return world.server.portal


def wait(world: World) -> float:
    """Until the socket's watch waits again; for how many seconds."""
    return float(portal_of(world).call(world.ticker.asked))


def go_on(world: World, seconds: float = 60) -> None:
    world.clock.advance(seconds)
    portal_of(world).call(world.ticker.go_on)


def next_word(world: World, socket: Socket) -> Message | None:
    """What the browser hears next; None: the watch waits again before anything is said."""
    found: list[Any] = []

    async def either() -> None:
        async with anyio.create_task_group() as tasks:

            async def first(what: Any) -> None:
                found.append(await what())
                tasks.cancel_scope.cancel()

            tasks.start_soon(first, socket._next)
            tasks.start_soon(first, world.ticker.asked)

    portal_of(world).call(either)
    return found[0] if isinstance(found[0], dict) else None


@pytest.fixture
def open_socket(admitted: Browser, connect: Connect) -> Socket:
    socket = connect(admitted)
    assert socket.hear()["type"] == "websocket.accept"
    return socket


def is_cut(world: World, socket: Socket) -> str:
    """Closed with 1008 and nothing else; the host was told, and its last word did not leave. The code."""
    assert next_word(world, socket) == CLOSED[0]
    assert socket.rest() == []
    (event,) = world.events("socket_cut")
    assert event.unit_id == "FREE"
    disconnect = {"type": "websocket.disconnect", "code": 1008, "reason": ""}
    assert world.seen.heard[-2:] == [disconnect, {"type": "refused", "why": event.code}]
    return event.code


@without({"certlogin.web.watch.Watch.pause": lambda *_: 3600.0}, sees="assert 3600.0 == 60")
def test_s6_an_open_socket_is_looked_at_every_recheck_seconds(world: World, open_socket: Socket) -> None:
    for _ in range(3):
        assert wait(world) == 60
        go_on(world)
    assert wait(world) == 60
    assert open_socket.ask("still there") == "still there"
    assert world.events("socket_cut") == []


@without(LATE, sees="assert 60.0 == 15")
def test_s6_the_first_look_counts_from_the_tickets_last_one(world: World, admitted: Browser, connect: Connect) -> None:
    world.clock.advance(45)
    connect(admitted).hear()
    assert wait(world) == 15


def test_s6_a_unit_locked_meanwhile_loses_its_socket(world: World, open_socket: Socket) -> None:
    assert wait(world) == 60
    del world.directory.units[UnitId("FREE")]
    go_on(world)
    assert is_cut(world, open_socket) == "unit_unknown"


@without(UNJUDGED, sees=LIVES_ON)
def test_s6_a_certificate_revoked_meanwhile_ends_the_socket(world: World, connect: Connect) -> None:
    mine = Browser(world)
    mine.log_in_with("U1", world.bind("U1"))
    socket = connect(mine)
    socket.hear()
    wait(world)
    world.authority.publish(world.certificate_of("U1"))
    go_on(world)
    assert next_word(world, socket) == CLOSED[0]
    assert socket.rest() == []
    assert [event.code for event in world.events("socket_cut")] == ["certificate_revoked"]


@without(UNENDED, sees=LIVES_ON)
def test_s6_a_logout_ends_the_socket(world: World, admitted: Browser, open_socket: Socket) -> None:
    wait(world)
    admitted.post("/logout")
    go_on(world)
    assert is_cut(world, open_socket) == "ticket_ended"


@without(UNAGED, sees=LIVES_ON)
def test_s6_the_idle_end_ends_the_socket(world: World, open_socket: Socket) -> None:
    wait(world)
    go_on(world, 30 * 60)
    assert is_cut(world, open_socket) == "ticket_expired"


@allows
def test_s6_who_works_beside_an_open_socket_is_not_idle(world: World, admitted: Browser, open_socket: Socket) -> None:
    for _ in range(4):
        wait(world)
        go_on(world, 15 * 60)
        assert admitted.is_admitted()
    wait(world)
    assert open_socket.ask("still there") == "still there"


@without(UNAGED, sees=LIVES_ON)
def test_s6_the_absolute_end_ends_the_socket_in_time(make_world: MakeWorld, connect: Connect) -> None:
    world = make_world(tickets={"absolute": 90, "idle": 80})
    mine = Browser(world)
    mine.log_in("FREE")
    socket = connect(mine)
    socket.hear()
    assert wait(world) == 60
    go_on(world)
    assert wait(world) == 30
    go_on(world, 30)
    assert is_cut(world, socket) == "ticket_expired"


@without(UNBOUNDED, sees=LIVES_ON)
def test_s6_a_store_that_is_away_is_forgiven_for_its_grace(
    world: World, admitted: Browser, open_socket: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("durable store")

    assert wait(world) == 60
    go_on(world)
    assert wait(world) == 60
    monkeypatch.setattr(tickets, "recheck", away)
    for _ in range(4):
        go_on(world)
        assert wait(world) == 60
    go_on(world)
    assert is_cut(world, open_socket) == "unavailable"


@without({"certlogin.web.watch.Watch.look": _unless_broken}, sees=LIVES_ON)
def test_s6_a_mistake_of_ours_ends_the_socket(
    world: World, open_socket: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("secret detail")

    wait(world)
    monkeypatch.setattr(tickets, "recheck", broken)
    go_on(world)
    assert is_cut(world, open_socket) == "unavailable"


def test_a_browser_that_hung_up_is_not_closed_again(world: World, open_socket: Socket) -> None:
    open_socket.hang_up()
    assert open_socket.rest() == [{"type": "websocket.send", "text": "late"}]


# --- companion


@companion("test_s6_a_unit_locked_meanwhile_loses_its_socket")
def test_s6_without_the_look_a_locked_unit_keeps_its_socket(
    world: World, open_socket: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait(world)
    del world.directory.units[UnitId("FREE")]
    monkeypatch.setattr(Watch, "look", lambda self, request, ticket, kind: None)
    go_on(world)
    wait(world)
    assert open_socket.ask("still there") == "still there"
