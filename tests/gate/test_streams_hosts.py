"""What hosts and servers may do with a streaming answer: PEP 3333 and ASGI stay as they are, and nothing slips out."""

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any
from wsgiref.util import FileWrapper

import pytest

from certlogin import password_verified
from certlogin.errors import HostMistake
from certlogin.records.unit import UnitId
from certlogin.web.slot import SLOT_KEY
from tests.companions import without
from tests.gate.browser import Browser
from tests.gate.conftest import MakeWorld
from tests.gate.servers import Answer, AsgiServer, Sent, WsgiServer
from tests.gate.test_streams import UNLOOKED
from tests.gate.world import World

PLAIN = [("Content-Type", "text/plain")]


def lock(world: World) -> None:
    """The unit is locked, and a minute later it must have been noticed."""
    world.directory.units.pop(UnitId("FREE"), None)
    world.clock.advance(60)


def cookie_of(browser: Browser) -> tuple[tuple[str, str], ...]:
    return (("cookie", browser.jar.header("/home")),)


class Host:
    """A WSGI application whose body is given; counts how often it was closed."""

    def __init__(self, body: Callable[[Callable[[bytes], object]], Iterable[bytes]], status: str = "200 OK") -> None:
        self._body = body
        self._status = status
        self.closed = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> "Host":
        self._write = start_response(self._status, PLAIN)
        return self

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body(self._write))

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def host() -> str:
    """Who logs in before; the hosts of these tests are their own."""
    return "plain"


@pytest.fixture
def admitted(world: World) -> Browser:
    mine = Browser(world)
    mine.log_in("FREE")
    return mine


def through(browser: Browser, app: Any, method: str = "GET") -> Answer:
    server = WsgiServer(browser.world.certlogin.wsgi(app))
    return server.send(Sent(method, "/home", cookie_of(browser)))


def test_a_body_is_closed_once_whether_it_was_read_to_its_end_or_not(admitted: Browser) -> None:
    whole = Host(lambda write: [b"a", b"b"])
    assert through(admitted, whole).body == b"ab"
    assert whole.closed == 1
    left = Host(lambda write: [b"a", b"b"])
    wrapped = admitted.world.certlogin.wsgi(left)
    environ = WsgiServer(wrapped)._environ(Sent("GET", "/home", cookie_of(admitted)))
    body = wrapped(environ, lambda *_: lambda data: None)
    assert next(iter(body)) == b"a"
    assert left.closed == 0
    body.close()  # type: ignore[attr-defined]
    assert left.closed == 1


@without(UNLOOKED, sees="assert (False, b'ab', 1) == ")
def test_s6_a_body_that_is_cut_is_closed_too(world: World, admitted: Browser) -> None:
    def pieces(write: object) -> Iterator[bytes]:
        yield b"a"
        lock(world)
        yield b"b"

    app = Host(pieces)
    answer = through(admitted, app)
    assert (answer.cut, answer.body, app.closed) == (True, b"a", 1)


@without(UNLOOKED, sees="assert (False, b'abcd') == ")
def test_s6_what_goes_out_through_write_is_looked_at_too(world: World, admitted: Browser) -> None:
    def pieces(write: Callable[[bytes], object]) -> Iterator[bytes]:
        yield b"a"
        write(b"b")
        lock(world)
        write(b"c")
        yield b"d"

    answer = through(admitted, Host(pieces))
    assert (answer.cut, answer.body) == (True, b"ab")


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("GET", "304 Not Modified")])
def test_an_answer_without_a_body_stays_one(admitted: Browser, method: str, status: str) -> None:
    answer = through(admitted, Host(lambda write: [], status), method)
    assert (answer.cut, answer.body, f"{answer.status}") == (False, b"", status.partition(" ")[0])


@without(UNLOOKED, sees="assert (False, b'xxxxxxxxxx', True) == ")
def test_s6_a_file_is_cut_between_its_blocks(world: World, admitted: Browser) -> None:
    class Slow(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                lock(world)
            return super().read(size)

    file = Slow(b"x" * 10)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)
        return FileWrapper(file, 4)

    answer = through(admitted, app)
    assert (answer.cut, answer.body, file.closed) == (True, b"xxxx", True)


@without({"certlogin.web.slot._open_slot": lambda carrier: carrier[SLOT_KEY]}, sees="assert (b'ab', []) == ")
def test_s3_a_unit_named_after_the_response_has_begun_is_named_too_late(world: World) -> None:
    """Over the wire: the answer goes on as what it was, without a ticket."""
    said: list[str] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [*PLAIN, ("Set-Cookie", "session=theirs")])
        yield b"a"
        try:
            password_verified(environ, "FREE")
        except HostMistake as error:
            said.append(error.code)
        yield b"b"

    answer = WsgiServer(world.certlogin.wsgi(app)).send(Sent("GET", "/login"))
    assert (answer.body, said) == (b"ab", ["response_started"])
    assert [header for header in answer.all("set-cookie") if "certlogin" in header] == []


def test_an_error_of_the_host_while_it_streams_is_the_hosts_own(admitted: Browser) -> None:
    def pieces(write: object) -> Iterator[bytes]:
        yield b"a"
        raise ZeroDivisionError

    app = Host(pieces)
    with pytest.raises(ZeroDivisionError):
        through(admitted, app)
    assert app.closed == 1


# --- ASGI


@pytest.fixture
def reached(make_world: MakeWorld) -> Iterator[Callable[[Any], tuple[World, Answer]]]:
    """Send a request of an admitted browser to an application of the test's own."""
    servers: list[AsgiServer] = []

    def send(application: Callable[[World], Any]) -> tuple[World, Answer]:
        world = make_world()
        mine = Browser(world)
        mine.log_in("FREE")
        server = AsgiServer(world.certlogin.asgi(application(world)))
        servers.append(server)
        return world, server.send(Sent("GET", "/home", cookie_of(mine)))

    yield send
    for server in servers:
        server.close()


START = {"type": "http.response.start", "status": 200, "headers": []}


def piece(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


@without(UNLOOKED, sees="assert (False, b'abbb') == ")
def test_s6_a_host_that_goes_on_after_it_was_cut_sends_nothing_and_ends_nothing(reached: Any) -> None:
    """Were its return taken for an end, the browser would hold half an answer for a whole one."""
    refused: list[str] = []

    def application(world: World) -> Any:
        async def app(scope: object, receive: object, send: Any) -> None:
            await send(START)
            await send(piece(b"a"))
            lock(world)
            for last in (False, False, True):
                try:
                    await send(piece(b"b", more=not last))
                except OSError as error:
                    refused.append(str(error))

        return app

    _, answer = reached(application)
    assert (answer.cut, answer.body) == (True, b"a")
    assert refused == ["unit_unknown"] * 3


@without(UNLOOKED, sees="assert (False, b'asecret') == ")
@pytest.mark.parametrize("kind", ["http.response.pathsend", "http.response.zerocopysend", "http.response.trailers"])
def test_s6_every_kind_of_message_is_looked_at(reached: Any, kind: str) -> None:
    def application(world: World) -> Any:
        async def app(scope: object, receive: object, send: Any) -> None:
            await send(START)
            await send(piece(b"a"))
            lock(world)
            await send({"type": kind, "path": "/secret", "file": 3, "headers": [], "body": b"secret"})

        return app

    _, answer = reached(application)
    assert (answer.cut, answer.body) == (True, b"a")
