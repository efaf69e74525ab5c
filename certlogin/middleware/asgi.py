"""ASGI 3: scope and messages to request and response. Whatever may block runs in a worker thread."""

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
from certlogin.middleware.websocket import Call, Wait, guard_socket
from certlogin.records.attempt import HeldResponse
from certlogin.web.gate import OWN_BODY_LIMIT, Gate, Outgoing, Work
from certlogin.web.guard import Pass
from certlogin.web.hold import Admitted, MustHold
from certlogin.web.http import Headers, OwnBody, Request, Response
from certlogin.web.slot import LoginSlot
from certlogin.web.watch import CutOff


class UnknownScope(RuntimeError):
    """A scope type this middleware does not know: nothing is passed on unguarded."""


class AsgiMiddleware:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp, gate: Gate, wait: Wait = anyio.sleep) -> None:
        self._app = app
        self._gate = gate
        self._wait = wait

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await guard_socket(self._app, self._gate, self._wait, Call(scope, receive, send))
        else:
            raise UnknownScope(scope["type"])

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = request_of(scope)
        outcome: Pass | Work | Response = self._gate.enter(request)
        if isinstance(outcome, Work):
            body = await _own_body(receive) if outcome.wants_body else OwnBody()
            outcome = await anyio.to_thread.run_sync(outcome.run, body)
        if isinstance(outcome, Response):
            return await _send(outcome, request, send)
        slot = LoginSlot()
        inner = forward(scope, outcome, slot)
        if self._gate.compares_session(outcome):
            checked = await anyio.to_thread.run_sync(self._gate.check_session, request, outcome, dict(inner))
            if isinstance(checked, Response):
                return await _send(checked, request, send)
            if checked is not outcome:
                outcome = checked
                inner = forward(scope, checked, slot)
        exchange = _Exchange(self._gate, request, outcome, slot, send)
        await self._app(inner, receive, exchange.send)
        await exchange.finish()


class _Exchange:
    """One call of the host: its messages pass, or are collected and answered by the gate."""

    def __init__(self, gate: Gate, request: Request, passed: Pass, slot: LoginSlot, send: Send) -> None:
        self._gate = gate
        self._request = request
        self._passed = passed
        self._slot = slot
        self._send = send
        self._owed: MustHold | None = None
        self._status = 0
        self._headers: Headers = ()
        self._body = bytearray()
        #: The gate has answered in place of the host; the rest of the host's messages is dropped.
        self._answered = False
        #: What leaves after the first piece leaves only while this ticket holds.
        self._ticket: Ticket | None = None
        self._begun = False
        self._cut: CutOff | None = None

    async def send(self, message: Message) -> None:
        """Stands in for the server's `send`."""
        if self._cut is not None:
            raise CutOff(*self._cut.args)
        if self._answered:
            return
        if message["type"] == "http.response.start":
            await self._start(message)
        elif self._owed is not None:
            await self._collect(message)
        else:
            await self._continue(message)

    async def finish(self) -> None:
        """The host returned: what is held is held as far as it came, and what was cut must not look complete (S6)."""
        if self._cut is not None:
            raise CutOff(*self._cut.args)
        if self._owed is not None and not self._answered:
            await self._hold(self._owed)

    async def _start(self, message: Message) -> None:
        self._status = message["status"]
        self._headers = texts(message.get("headers", ()))
        outgoing = self._gate.leave(self._passed, self._slot, self._status, self._headers)
        if outgoing is None:
            await self._judge(message)
        else:
            await self._leave(message, outgoing)

    async def _leave(self, message: Message, outgoing: Outgoing) -> None:
        if outgoing.first is not None:
            try:
                await anyio.to_thread.run_sync(outgoing.first)
            except Exception as error:
                return await self._answer(await anyio.to_thread.run_sync(self._gate.failed, self._request, error))
        self._ticket = outgoing.ticket
        await self._send({**message, "headers": octets(outgoing.headers)})

    async def _continue(self, message: Message) -> None:
        """A piece of a response that passes: looked at before each but the first."""
        if self._begun and self._ticket is not None and self._gate.watch.due(self._ticket):
            await self._look(self._ticket)
        self._begun = True
        await self._send(message)

    async def _look(self, ticket: Ticket) -> None:
        try:
            await anyio.to_thread.run_sync(self._gate.watch.look, self._request, ticket, "answer_cut")
        except CutOff as cut:
            self._cut = cut
            raise

    async def _judge(self, message: Message) -> None:
        verdict = await anyio.to_thread.run_sync(
            self._gate.judge, self._request, self._passed, self._slot, self._headers
        )
        if isinstance(verdict, Admitted):
            self._ticket = verdict.ticket
            await self._send({**message, "headers": octets(verdict.headers)})
        elif isinstance(verdict, MustHold):
            self._owed = verdict
        else:
            await self._answer(verdict)

    async def _collect(self, message: Message) -> None:
        if self._owed is None or message["type"] != "http.response.body":
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False) or len(self._body) > self._gate.held_max:
            await self._hold(self._owed)

    async def _hold(self, owed: MustHold) -> None:
        held = HeldResponse(self._status, self._headers, bytes(self._body))
        await self._answer(await anyio.to_thread.run_sync(self._gate.hold, self._request, owed, held))

    async def _answer(self, response: Response) -> None:
        self._answered = True
        await _send(response, self._request, self._send)


async def _own_body(receive: Receive) -> OwnBody:
    """The body of a request to one of our pages; never more than the limit is kept."""
    collected = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return OwnBody(too_large=True)
        collected += message.get("body", b"")
        if len(collected) > OWN_BODY_LIMIT:
            return OwnBody(too_large=True)
        more = message.get("more_body", False)
    return OwnBody(bytes(collected))


async def _send(response: Response, request: Request, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": with_length(response)})
    body = b"" if request.method == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body, "more_body": False})
