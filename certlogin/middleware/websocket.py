"""WebSockets: a handshake is guarded like a request, and the socket lasts no longer than its ticket (S6)."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import anyio
import anyio.to_thread

from certlogin.login.ticket import Ticket
from certlogin.middleware.scope import (
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
    forward,
    octets,
    request_of,
    texts,
    with_length,
)
from certlogin.web.gate import Gate, Work
from certlogin.web.guard import Pass
from certlogin.web.http import OwnBody, Request, Response
from certlogin.web.watch import CutOff

#: `wait(seconds)`.
Wait = Callable[[float], Awaitable[None]]

#: RFC 6455 7.4.1: policy violation.
_POLICY_VIOLATION = 1008
#: Seconds for a browser that takes nothing any more.
_GOODBYE = 10
#: The extension by which a server sends a handshake's refusal as we wrote it; others answer 403 to a close.
_RESPONSE = "websocket.http.response"


@dataclass(frozen=True, slots=True)
class Call:
    scope: Scope
    receive: Receive
    send: Send


async def guard_socket(app: ASGIApp, gate: Gate, wait: Wait, call: Call) -> None:
    """One WebSocket, from its handshake to its end."""
    request = request_of(call.scope)
    outcome = await _enter(gate, request, call.scope)
    if isinstance(outcome, Response):
        await _refuse(outcome, call)
    elif outcome.ticket is not None:
        # No slot: a login answers a form, never a socket.
        inner = forward(call.scope, outcome, None)
        await _Socket(gate, request, outcome.ticket, call).run(app, inner, wait)


async def _enter(gate: Gate, request: Request, scope: Scope) -> Response | Pass:
    """May the handshake reach the host?"""
    outcome: Pass | Work | Response = gate.enter_socket(request)
    if isinstance(outcome, Work):
        outcome = await anyio.to_thread.run_sync(outcome.run, OwnBody())
    if isinstance(outcome, Pass) and gate.compares_session(outcome):
        inner = forward(scope, outcome, None)
        return await anyio.to_thread.run_sync(gate.check_session, request, outcome, inner)
    return outcome


async def _refuse(response: Response, call: Call) -> None:
    """Before it is accepted: the server answers the handshake with 403, or with our own words."""
    message = await call.receive()
    if message["type"] != "websocket.connect":
        return
    if _RESPONSE not in (call.scope.get("extensions") or {}):
        return await call.send({"type": "websocket.close", "code": _POLICY_VIOLATION})
    headers = with_length(response)
    await call.send({"type": f"{_RESPONSE}.start", "status": response.status, "headers": headers})
    await call.send({"type": f"{_RESPONSE}.body", "body": response.body, "more_body": False})


class _Socket:
    """An admitted socket: the host's messages pass while the ticket holds."""

    def __init__(self, gate: Gate, request: Request, ticket: Ticket, call: Call) -> None:
        self._gate = gate
        self._request = request
        self._ticket = ticket
        self._call = call
        #: Why the ticket holds no longer; nothing passes any more.
        self._cut: CutOff | None = None
        #: Closed by the host or by the browser.
        self._closed = False
        self._receiving: set[anyio.CancelScope] = set()

    async def run(self, app: ASGIApp, scope: Scope, wait: Wait) -> None:
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, wait)
            try:
                await app(scope, self._receive, self._send)
            except Exception as error:
                # Raised outside the group: the server shall see the host's own error, not a group around it.
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _watch(self, wait: Wait) -> None:
        while self._cut is None:
            await wait(self._gate.watch.pause(self._ticket))
            try:
                await anyio.to_thread.run_sync(self._gate.watch.look, self._request, self._ticket, "socket_cut")
            except CutOff as cut:
                await self._end(cut)

    async def _end(self, cut: CutOff) -> None:
        self._cut = cut
        if not self._closed:
            # A host that returns meanwhile does not cancel the goodbye; a browser that has gone needs none.
            with anyio.move_on_after(_GOODBYE, shield=True), suppress(OSError):
                await self._call.send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        for scope in tuple(self._receiving):
            scope.cancel()

    async def _receive(self) -> Message:
        """Stands in for the server's `receive`; a host that waits is told when the ticket has ended."""
        message: Message | None = None
        if self._cut is None:
            with anyio.CancelScope() as scope:
                self._receiving.add(scope)
                try:
                    message = await self._call.receive()
                finally:
                    self._receiving.discard(scope)
        if message is None or self._cut is not None:
            return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION, "reason": ""}
        self._closed = self._closed or message["type"] == "websocket.disconnect"
        return message

    async def _send(self, message: Message) -> None:
        """Stands in for the server's `send`."""
        if self._cut is not None:
            raise CutOff(*self._cut.args)
        if message["type"] in ("websocket.close", f"{_RESPONSE}.start"):
            self._closed = True
        await self._call.send(self._sealed(message))

    def _sealed(self, message: Message) -> Message:
        """What sets cookies, an accepted handshake or one the host refuses itself, with sealed ones."""
        if message["type"] not in ("websocket.accept", f"{_RESPONSE}.start"):
            return message
        headers = self._gate.leave_socket(self._ticket, texts(message.get("headers") or ()))
        return {**message, "headers": octets(headers)}
