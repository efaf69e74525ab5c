"""S6: a WebSocket's handshake is guarded like a request, and the socket lasts no longer than its ticket."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certlogin.login import ticket as ticket_module
from certlogin.login.ticket import Ticket
from certlogin.middleware.scope import forward
from certlogin.records.identity import Method
from certlogin.records.unit import UnitId
from certlogin.web.guard import Guard
from certlogin.web.paths import Kind
from certlogin.web.slot import LoginSlot
from tests import factory
from tests.companions import allows, companion, without
from tests.gate.browser import TICKET, Browser, ticket_of
from tests.gate.conftest import MakeWorld
from tests.gate.servers import AsgiServer, Sent
from tests.gate.sockets import Socket
from tests.gate.world import ORIGIN, World

CLOSED = [{"type": "websocket.close", "code": 1008}]
#: `connect(browser, target, **headers)`
Connect = Callable[..., Socket]
SPEAKS = ("websocket.http.response",)

#: Without the defence the host accepts the handshake.
OPENED = "assert 'websocket.accept' == "
ANYBODY = Ticket(
    "id", UnitId("FREE"), Method.PASSWORD, None, factory.NOW, factory.NOW, factory.NOW + timedelta(hours=8), "rules"
)
UNASKED = {"certlogin.web.guard.Guard.check_socket": lambda self, request: self.check(request, self.kind(request))}
UNLISTED = {"certlogin.web.guard.Guard.kind": lambda *_: Kind.PROTECTED}
UNSPELLED = {"certlogin.web.guard.is_canonical": lambda *_: True}
BELIEVED = {"certlogin.web.guard.Guard._ticket": lambda *_: ANYBODY}
BARE = {"certlogin.web.gate.Gate.leave_socket": lambda self, ticket, headers: headers}
#: With a slot, as if it were a request.
SLOTTED = {"certlogin.middleware.websocket.forward": lambda scope, passed, slot: forward(scope, passed, LoginSlot())}
UNCOMPARED = {"certlogin.web.gate.Gate.check_session": lambda self, request, passed, carrier: passed}
#: Every visitor's handshake is written down.
WRITTEN = {
    "certlogin.web.gate.Gate._refused_socket": lambda self, request, error: self._parts.refuser.answer(
        request, error, "request_refused", as_json=True
    )
}


@pytest.fixture
def host() -> str:
    """WSGI has no WebSockets."""
    return "starlette"


@pytest.fixture
def connect() -> Iterator[Connect]:
    open_: list[Socket] = []

    def connect(browser: Browser, target: str = "/room", extensions: tuple[str, ...] = (), **headers: str) -> Socket:
        socket = _connect(browser, target, extensions, headers)
        open_.append(socket)
        return socket

    yield connect
    for socket in open_:
        socket.close()


def _connect(browser: Browser, target: str, extensions: tuple[str, ...], headers: dict[str, str]) -> Socket:
    server = browser.world.server
    assert isinstance(server, AsgiServer)
    sent = {"origin": ORIGIN, "cookie": browser.jar.header(target)} | headers
    scope = server.scope(Sent("GET", target, tuple((name, value) for name, value in sent.items() if value)))
    del scope["method"]
    scope |= {"type": "websocket", "scheme": "wss", "subprotocols": [], "extensions": {name: {} for name in extensions}}
    return Socket(server.portal, server.app, scope)


@pytest.fixture
def admitted(world: World) -> Browser:
    mine = Browser(world)
    mine.log_in("FREE")
    return mine


def value(browser: Browser, name: str) -> str:
    cookie = browser.jar.named(name)
    assert cookie is not None
    return cookie.value


def assert_refused(socket: Socket) -> None:
    """Closed before it was opened, and nothing else."""
    first = socket.hear()
    assert first["type"] == "websocket.close"
    assert [first, *socket.rest()] == CLOSED


# --- the handshake


@allows
def test_s6_a_handshake_with_a_ticket_reaches_the_host(admitted: Browser, connect: Connect) -> None:
    socket = connect(admitted)
    assert socket.hear()["type"] == "websocket.accept"
    assert json.loads(socket.ask("who")) == {"unit": "FREE", "method": "password"}
    seen = admitted.world.host_saw("/room")
    assert seen is not None
    assert seen["unit"] == "FREE"
    assert TICKET not in seen["cookies"]
    socket.hang_up()
    assert socket.rest() == [{"type": "websocket.send", "text": "late"}]


@without({**UNLISTED, **UNSPELLED, **BELIEVED}, sees=OPENED)
@pytest.mark.parametrize("target", ["/room", "/static/room", "/about", "/feed/room", "/login", "/certlogin/room"])
def test_s6_without_a_ticket_no_socket_is_opened(world: World, connect: Connect, target: str) -> None:
    assert_refused(connect(Browser(world), target))
    assert world.seen.requests == []


LISTED = ("/static/room", "/about", "/feed/room", "/login", "/certlogin/room")
ODD = ("/room/../secret", "/room/%2e%2e/secret", "//room", "/room;x", "/room%00", "/room%2fsecret")


@pytest.mark.parametrize(
    "target",
    [
        *(pytest.param(target, marks=without(UNLISTED, sees=OPENED)) for target in LISTED),
        *(pytest.param(target, marks=without(UNSPELLED, sees=OPENED)) for target in ODD),
    ],
)
def test_s6_not_even_a_ticket_opens_one_on_listed_or_odd_paths(
    admitted: Browser, connect: Connect, target: str
) -> None:
    admitted.world.seen.requests.clear()
    assert_refused(connect(admitted, target))
    assert admitted.world.seen.requests == []
    assert [event.code for event in admitted.world.events("request_refused")] == ["socket_path_closed"]


@without(UNASKED, sees=OPENED)
@pytest.mark.parametrize("origin", [
    "", "null", "https://evil.example", "http://survey.example.cn", "https://survey.example.cn:443",
    "https://survey.example.cn/", "HTTPS://SURVEY.EXAMPLE.CN", "https://survey.example.cn, https://evil.example",
    "https://survey.example.cn.evil.example", " https://survey.example.cn",
])  # fmt: skip
def test_s6_a_handshake_of_another_site_is_refused(admitted: Browser, connect: Connect, origin: str) -> None:
    admitted.world.seen.requests.clear()
    assert_refused(connect(admitted, origin=origin))
    assert admitted.world.seen.requests == []
    assert [event.code for event in admitted.world.events("request_refused")] == ["foreign_origin"]


@without(UNASKED, sees=OPENED)
def test_s6_two_origins_are_none(admitted: Browser, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = AsgiServer.scope

    def doubled(self: AsgiServer, sent: Sent) -> dict[str, Any]:
        scope = plain(self, sent)
        return scope | {"headers": [*scope["headers"], (b"origin", ORIGIN.encode())]}

    monkeypatch.setattr(AsgiServer, "scope", doubled)
    assert_refused(connect(admitted))


@without({"certlogin.login.seal.holds": lambda *_: True}, sees="assert ('OP', ")
def test_s6_a_session_of_another_browser_is_not_seen_on_a_socket(
    world: World, admitted: Browser, connect: Connect
) -> None:
    victim = Browser(world)
    victim.log_in("OP")
    stolen = f"{TICKET}={value(admitted, TICKET)}; session={value(victim, 'session')}"
    socket = connect(admitted, cookie=stolen)
    socket.hear()
    seen = world.host_saw("/room")
    assert seen is not None
    assert (seen["unit"], seen["cookies"]) == (None, {})


@without({"certlogin.web.gate.Gate._unless_due": lambda self, request, passed: passed}, sees=OPENED)
@pytest.mark.parametrize("how", ["locked", "ended"])
def test_s6_a_ticket_that_is_due_is_looked_up_before_the_handshake(
    world: World, admitted: Browser, connect: Connect, how: str
) -> None:
    ticket = ticket_of(admitted)
    if how == "locked":
        del world.directory.units[UnitId("FREE")]
    else:
        world.certlogin._context.volatile.end(ticket.id, ticket.expires, world.clock.now)
    world.clock.advance(60)
    world.seen.requests.clear()
    assert_refused(connect(admitted))
    assert world.seen.requests == []
    assert world.events("ticket_refused")[0].code == {"locked": "unit_unknown", "ended": "ticket_ended"}[how]


@without(UNCOMPARED, sees=OPENED)
def test_s6_s10_a_socket_with_another_units_session_is_refused(make_world: MakeWorld, connect: Connect) -> None:
    world = make_world(compare=True)
    mine = Browser(world)
    mine.log_in("FREE")
    connect(mine).hear()
    unit = mine.world.certlogin._gate._parts.guard
    ticket = ticket_of(mine)
    other = Browser(world)
    other.log_in("OP")
    # The host's session of OP, sealed to the ticket of FREE: what a host would do that switches users.
    raw = ticket_less_session(world, other)
    ((_, header),) = unit.seal_cookies((("Set-Cookie", f"session={raw}"),), ticket)
    world.seen.requests.clear()
    assert_refused(connect(mine, cookie=f"{TICKET}={value(mine, TICKET)}; {header}"))
    assert world.seen.requests == []
    assert world.events("session_check")[0].code == "session_of_another_unit"
    assert not mine.is_admitted()


def ticket_less_session(world: World, browser: Browser) -> str:
    browser.get("/home")
    seen = world.host_saw("/home")
    assert seen is not None
    return str(seen["cookies"]["session"])


@without(UNASKED, sees=OPENED)
def test_s6_a_server_that_can_sends_the_refusal_in_our_own_words(admitted: Browser, connect: Connect) -> None:
    socket = connect(admitted, extensions=SPEAKS, origin="https://evil.example")
    start = socket.hear()
    assert start["type"] == "websocket.http.response.start"
    assert start["status"] == 403
    assert (b"cache-control", b"no-store") in start["headers"]
    (body,) = socket.rest()
    assert json.loads(body["body"])["code"] == "foreign_origin"
    assert body["more_body"] is False


@without(WRITTEN, sees="assert [AuditEvent(")
def test_s6_who_is_not_logged_in_is_told_so_and_not_written_down(world: World, connect: Connect) -> None:
    start, body = connect(Browser(world), extensions=SPEAKS).rest()
    assert world.events() == []
    assert (start["status"], json.loads(body["body"])) == (401, {"code": "ticket_missing"})


def test_who_hangs_up_before_the_refusal_is_told_nothing(world: World, connect: Connect) -> None:
    server = world.server
    assert isinstance(server, AsgiServer)
    scope = server.scope(Sent("GET", "/room")) | {"type": "websocket"}
    assert server.run(scope, [{"type": "websocket.disconnect", "code": 1006}]) == []


# --- what the host answers


@without(BARE, sees="assert 'session=fresh; Path=/' == ")
def test_s6_cookies_of_an_accepted_handshake_leave_sealed(world: World, admitted: Browser, connect: Connect) -> None:
    socket = connect(admitted)
    headers = socket.hear()["headers"]
    assert (b"x-host", b"kept") in headers
    (cookie,) = [value.decode() for name, value in headers if name == b"set-cookie"]
    assert cookie.partition("~")[0] == "session=fresh"
    admitted.jar.receive(cookie, "/")
    admitted.get("/home")
    assert (world.host_saw("/home") or {})["cookies"]["session"] == "fresh"


@without(BARE, sees="assert b'session=fresh; Path=/' == ")
def test_s6_a_handshake_the_host_refuses_itself_leaves_sealed_too(admitted: Browser, connect: Connect) -> None:
    start, body = connect(admitted, "/room?deny", extensions=SPEAKS).rest()
    assert (start["status"], body["body"]) == (404, b"no such room")
    (cookie,) = [value for name, value in start["headers"] if name == b"set-cookie"]
    assert cookie.partition(b"~")[0] == b"session=fresh"


@allows
def test_s6_a_handshake_makes_a_ticket_younger(world: World, admitted: Browser, connect: Connect) -> None:
    world.clock.advance(6 * 60)
    headers = connect(admitted).hear()["headers"]
    assert any(value.startswith(TICKET.encode()) for name, value in headers if name == b"set-cookie")


@without(SLOTTED, sees="assert 'log in' == 'no_login_slot'")
def test_s6_nobody_logs_in_over_a_socket(admitted: Browser, connect: Connect) -> None:
    socket = connect(admitted)
    socket.hear()
    assert socket.ask("log in") == "no_login_slot"


def test_an_error_of_the_host_is_the_hosts_own(admitted: Browser, connect: Connect) -> None:
    socket = connect(admitted)
    socket.hear()
    socket.say("fail")
    with pytest.raises(ZeroDivisionError):
        socket.rest()


# --- companions: without the defence the attack succeeds


@companion("test_s6_a_handshake_of_another_site_is_refused")
def test_s6_without_the_origin_check_another_sites_page_opens_a_socket(
    admitted: Browser, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guard, "check_socket", lambda self, request: self.check(request, self.kind(request)))
    assert connect(admitted, origin="https://evil.example").hear()["type"] == "websocket.accept"


@companion("test_s6_not_even_a_ticket_opens_one_on_listed_or_odd_paths")
def test_s6_without_the_path_check_a_listed_path_opens_one(
    admitted: Browser, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guard, "kind", lambda self, request: Kind.PROTECTED)
    assert connect(admitted, "/static/room").hear()["type"] == "websocket.accept"


@companion("test_s6_without_a_ticket_no_socket_is_opened")
def test_s6_without_the_tickets_mac_a_made_up_one_opens_a_socket(
    world: World, admitted: Browser, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = ticket_module.mint(replace(ticket_of(admitted), unit_id=UnitId("OP")), (b"wrong" * 8,))
    assert connect(admitted, cookie=f"{TICKET}={made_up}").rest() == CLOSED
    monkeypatch.setattr(ticket_module, "holds", lambda *_: True)
    socket = connect(admitted, cookie=f"{TICKET}={made_up}")
    socket.hear()
    assert json.loads(socket.ask("who"))["unit"] == "OP"


@companion("test_s6_a_session_of_another_browser_is_not_seen_on_a_socket")
def test_s6_without_the_seals_a_stolen_session_is_seen_on_a_socket(
    world: World, admitted: Browser, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = Browser(world)
    victim.log_in("OP")
    raw = ticket_less_session(world, victim)
    monkeypatch.setattr(Guard, "_admitted", lambda self, pieces, ticket: "; ".join(piece.text() for piece in pieces))
    connect(admitted, cookie=f"{TICKET}={value(admitted, TICKET)}; session={raw}").hear()
    assert (world.host_saw("/room") or {})["unit"] == "OP"
