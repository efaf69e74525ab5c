"""ASGI 3: scope and messages to request and response. Whatever may block runs in a worker thread."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio.to_thread

from certlogin.records.attempt import HeldResponse
from certlogin.records.identity import IDENTITY_KEY
from certlogin.web.gate import OWN_BODY_LIMIT, Gate, Outgoing, Work
from certlogin.web.guard import Pass
from certlogin.web.hold import Admitted, MustHold
from certlogin.web.http import Headers, OwnBody, Request, Response
from certlogin.web.slot import SLOT_KEY, LoginSlot

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

#: RFC 6455 7.4.1: policy violation.
_POLICY_VIOLATION = 1008


class UnknownScope(RuntimeError):
    """A scope type this middleware does not know: nothing is passed on unguarded."""


class AsgiMiddleware:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            # Not guarded yet, so not passed: a socket that outlives its ticket would be a hole (S6).
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
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
        inner, slot = _forward(scope, outcome)
        if self._gate.compares_session(outcome):
            checked = await anyio.to_thread.run_sync(self._gate.check_session, request, outcome, dict(inner))
            if isinstance(checked, Response):
                return await _send(checked, request, send)
            if checked is not outcome:
                outcome = checked
                inner, slot = _forward(scope, checked)
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

    async def send(self, message: Message) -> None:
        """Stands in for the server's `send`."""
        if self._answered:
            return
        if message["type"] == "http.response.start":
            await self._start(message)
        elif self._owed is not None:
            await self._collect(message)
        else:
            await self._send(message)

    async def finish(self) -> None:
        """The host returned without ending a response that is held: nothing of it is released."""
        if self._owed is not None and not self._answered:
            await self._hold(self._owed)

    async def _start(self, message: Message) -> None:
        self._status = message["status"]
        self._headers = _texts(message.get("headers", ()))
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
        await self._send({**message, "headers": _octets(outgoing.headers)})

    async def _judge(self, message: Message) -> None:
        verdict = await anyio.to_thread.run_sync(
            self._gate.judge, self._request, self._passed, self._slot, self._headers
        )
        if isinstance(verdict, Admitted):
            await self._send({**message, "headers": _octets(verdict.headers)})
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


def request_of(scope: Scope) -> Request:
    """The request as a value; nothing is read."""
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    def header(name: str) -> str | None:
        values = headers.get(name)
        # RFC 9113 8.2.3: several Cookie fields are one; other fields join with a comma (RFC 9110 5.3).
        return None if values is None else ("; " if name == "cookie" else ", ").join(values)

    root = scope.get("root_path", "").rstrip("/")
    raw_path = scope.get("raw_path")
    client = scope.get("client")
    return Request(
        method=scope["method"],
        root=root,
        path=_own_path(scope["path"], root),
        raw_path=None if raw_path is None else raw_path.decode("latin-1"),
        query=scope.get("query_string", b"").decode("latin-1"),
        address=client[0] if client else "",
        header=header,
    )


def _own_path(path: str, root: str) -> str:
    """ASGI: `path` holds `root_path` in front; older servers leave it out."""
    if root and (path == root or path.startswith(root + "/")):
        return path[len(root) :] or "/"
    return path


def _forward(scope: Scope, passed: Pass) -> tuple[Scope, LoginSlot]:
    """The scope as the host may see it."""
    slot = LoginSlot()
    headers = [(name, value) for name, value in scope["headers"] if not _removed(name.lower(), passed)]
    if passed.cookie is not None:
        headers.append((b"cookie", passed.cookie.encode("latin-1")))
    inner: Scope = {**scope, "headers": headers, SLOT_KEY: slot}
    inner.pop(IDENTITY_KEY, None)
    if passed.ticket is not None:
        inner[IDENTITY_KEY] = passed.ticket.identity()
    return inner, slot


def _removed(name: bytes, passed: Pass) -> bool:
    return name == b"cookie" or (name == b"authorization" and passed.drop_authorization)


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
    headers = (*response.headers, ("Content-Length", str(len(response.body))))
    await send({"type": "http.response.start", "status": response.status, "headers": _octets(headers)})
    body = b"" if request.method == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _texts(headers: Any) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def _octets(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
