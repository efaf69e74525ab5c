"""S6: hosts that do not listen, send by themselves, or say nothing; servers that are stopped while a socket is open."""

from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest

from certlogin.middleware.asgi import AsgiMiddleware
from certlogin.records.unit import UnitId
from tests.companions import without
from tests.gate.browser import Browser
from tests.gate.servers import AsgiServer, Sent
from tests.gate.sockets import Socket
from tests.gate.test_streams import UNLOOKED
from tests.gate.test_websockets import CLOSED
from tests.gate.test_websockets_open import LIVES_ON, go_on, next_word, portal_of, wait
from tests.gate.world import ORIGIN, World

ACCEPT = {"type": "websocket.accept"}
#: `open_with(app)`: an admitted browser's socket to an application of the test's own.
OpenWith = Callable[[Any], Socket]


@pytest.fixture
def host() -> str:
    return "starlette"


@pytest.fixture
def open_with(world: World) -> Iterator[OpenWith]:
    mine = Browser(world)
    mine.log_in("FREE")
    made: list[Socket] = []

    def open_it(app: Any) -> Socket:
        server = world.server
        assert isinstance(server, AsgiServer)
        scope = server.scope(Sent("GET", "/room", (("origin", ORIGIN), ("cookie", mine.jar.header("/room")))))
        wrapped = AsgiMiddleware(app, world.certlogin._gate, world.ticker.wait)
        made.append(Socket(server.portal, wrapped, scope | {"type": "websocket", "extensions": None}))
        return made[-1]

    yield open_it
    for socket in made:
        socket.close()


def lock(world: World) -> None:
    wait(world)
    del world.directory.units[UnitId("FREE")]
    go_on(world)


@without(UNLOOKED, sees=LIVES_ON)
def test_s6_a_host_that_never_listens_cannot_send_on(world: World, open_with: OpenWith) -> None:
    """A board that only shows: it learns of the end by its next word."""
    turn = portal_of(world).call(anyio.Event)
    refused: list[str] = []

    async def app(scope: object, receive: object, send: Any) -> None:
        await send(ACCEPT)
        await send({"type": "websocket.send", "text": "before"})
        await turn.wait()
        for _ in range(3):
            try:
                await send({"type": "websocket.send", "text": "after"})
            except OSError as error:
                refused.append(str(error))

    socket = open_with(app)
    assert [socket.hear()["type"], socket.hear()["text"]] == ["websocket.accept", "before"]
    lock(world)
    assert next_word(world, socket) == CLOSED[0]
    portal_of(world).call(turn.set)
    assert socket.rest() == []
    assert refused == ["unit_unknown"] * 3


@without(UNLOOKED, sees=LIVES_ON)
def test_s6_a_host_that_asks_again_is_told_again(world: World, open_with: OpenWith) -> None:
    heard: list[Any] = []

    async def app(scope: object, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        await receive()
        heard.extend([await receive(), await receive()])

    socket = open_with(app)
    socket.hear()
    lock(world)
    assert next_word(world, socket) == CLOSED[0]
    assert socket.rest() == []
    assert heard == [{"type": "websocket.disconnect", "code": 1008, "reason": ""}] * 2


@without(UNLOOKED, sees=LIVES_ON)
def test_s6_a_host_that_takes_its_time_to_accept_is_cut_before(world: World, open_with: OpenWith) -> None:
    async def app(scope: object, receive: Any, send: Any) -> None:
        await receive()
        await receive()
        await send(ACCEPT)

    socket = open_with(app)
    lock(world)
    assert next_word(world, socket) == CLOSED[0]
    with pytest.raises(OSError, match="unit_unknown"):
        socket.rest()


def test_a_socket_the_host_has_closed_is_not_closed_again(world: World, open_with: OpenWith) -> None:
    turn = portal_of(world).call(anyio.Event)

    async def app(scope: object, receive: Any, send: Any) -> None:
        await send({"type": "websocket.close", "code": 4000})
        await turn.wait()

    socket = open_with(app)
    assert socket.hear() == {"type": "websocket.close", "code": 4000}
    lock(world)
    portal_of(world).call(turn.set)
    assert socket.rest() == []


def test_a_server_that_stops_ends_the_host_and_its_watch(world: World, open_with: OpenWith) -> None:
    ended: list[str] = []

    async def app(scope: object, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        try:
            await receive()
            await receive()
        finally:
            ended.append("host")

    socket = open_with(app)
    socket.hear()
    wait(world)
    socket.close()
    socket.wait_for_end()
    assert ended == ["host"]
    assert world.ticker.waiting == 0


def test_nobody_logs_in_or_out_over_a_socket_and_a_slot_of_the_server_is_no_slot(open_with: OpenWith) -> None:
    keys: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        keys.extend(scope)
        await send({"type": "websocket.close", "code": 1000})

    open_with(app).rest()
    assert "certlogin.slot" not in keys
    assert "certlogin.identity" in keys
