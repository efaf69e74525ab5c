"""WSGI (PEP 3333): environ to request, response to start_response."""

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from certlogin.login.ticket import Ticket
from certlogin.records.attempt import HeldResponse
from certlogin.records.identity import IDENTITY_KEY
from certlogin.web.gate import OWN_BODY_LIMIT, Gate, Work
from certlogin.web.guard import Pass
from certlogin.web.hold import Admitted
from certlogin.web.http import Headers, OwnBody, Request, Response
from certlogin.web.slot import SLOT_KEY, LoginSlot

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: CGI names without the HTTP_ prefix.
_BARE = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class WsgiMiddleware:
    """Wraps a WSGI application."""

    def __init__(self, app: "WSGIApplication", gate: Gate) -> None:
        self._app = app
        self._gate = gate

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = request_of(environ)
        outcome: Pass | Work | Response = self._gate.enter(request)
        if isinstance(outcome, Work):
            outcome = outcome.run(_own_body(environ) if outcome.wants_body else OwnBody())
        if isinstance(outcome, Response):
            return _send(outcome, request, start_response)
        inner, slot = _forward(environ, outcome)
        if self._gate.compares_session(outcome):
            checked = self._gate.check_session(request, outcome, dict(inner))
            if isinstance(checked, Response):
                return _send(checked, request, start_response)
            if checked is not outcome:
                outcome = checked
                inner, slot = _forward(environ, checked)
        return _Exchange(self._gate, request, outcome, slot, start_response).run(self._app, inner)


class _Exchange:
    """One call of the host: its response passes, or is collected and answered by the gate."""

    def __init__(
        self, gate: Gate, request: Request, passed: Pass, slot: LoginSlot, start_response: "StartResponse"
    ) -> None:
        self._gate = gate
        self._request = request
        self._passed = passed
        self._slot = slot
        self._start_response = start_response
        self._status = ""
        self._headers: Headers = ()
        #: What the host wrote through the callable that start_response returns.
        self._written: list[bytes] = []
        self._write: Callable[[bytes], object] | None = None
        self._ticket: Ticket | None = None

    def run(self, app: "WSGIApplication", environ: "WSGIEnvironment") -> Iterable[bytes]:
        body = app(environ, self._capture)
        chunks = iter(body)
        first: list[bytes] = []
        # PEP 3333: start_response must have been called before the first chunk, not before the call returned.
        while not self._status:
            chunk = next(chunks, None)
            if chunk is None:
                break
            first.append(chunk)
        return self._answer(body, chunks, first)

    def _capture(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        if exc_info is not None and self._write is not None:
            # The response has left: only the server can end it now.
            return self._start_response(status, headers, exc_info)
        self._status, self._headers = status, tuple(headers)
        self._slot.closed = True
        return self._write_later

    def _write_later(self, data: bytes) -> None:
        if self._write is None:
            self._written.append(data)
            return
        self._look()
        self._write(data)

    def _look(self) -> None:
        """Before each chunk but the first: a ticket that ended ends the answer. Raises CutOff (S6)."""
        if self._ticket is not None and self._gate.watch.due(self._ticket):
            self._gate.watch.look(self._request, self._ticket, "answer_cut")

    def _answer(self, body: Iterable[bytes], chunks: Iterator[bytes], first: list[bytes]) -> Iterable[bytes]:
        code = int(self._status.split(" ", 1)[0]) if self._status else 500
        outgoing = self._gate.leave(self._passed, self._slot, code, self._headers)
        if outgoing is None:
            return self._marked(code, body, chunks, first)
        if outgoing.first is not None:
            try:
                outgoing.first()
            except Exception as error:
                _close(body)
                return _send(self._gate.failed(self._request, error), self._request, self._start_response)
        self._ticket = outgoing.ticket
        return self._pass(outgoing.headers, body, chunks, first)

    def _marked(self, code: int, body: Iterable[bytes], chunks: Iterator[bytes], first: list[bytes]) -> Iterable[bytes]:
        verdict = self._gate.judge(self._request, self._passed, self._slot, self._headers)
        if isinstance(verdict, Admitted):
            self._ticket = verdict.ticket
            return self._pass(verdict.headers, body, chunks, first)
        try:
            if isinstance(verdict, Response):
                return _send(verdict, self._request, self._start_response)
            held = HeldResponse(code, self._headers, self._collect(chunks, first))
        finally:
            _close(body)
        return _send(self._gate.hold(self._request, verdict, held), self._request, self._start_response)

    def _collect(self, chunks: Iterator[bytes], first: list[bytes]) -> bytes:
        """The body, or a little more than `held_max` of it."""
        collected = bytearray(b"".join(first))
        for chunk in chunks:
            collected += chunk
            if len(collected) + sum(map(len, self._written)) > self._gate.held_max:
                break
        return b"".join(self._written) + bytes(collected)

    def _pass(
        self, headers: Headers, body: Iterable[bytes], chunks: Iterator[bytes], first: list[bytes]
    ) -> Iterable[bytes]:
        self._write = self._start_response(self._status or "500 Internal Server Error", list(headers))
        for data in self._written:
            self._write(data)
        return _Body(body, chunks, first, self._look)


class _Body:
    """The host's iterable, with what was read ahead put back in front; closed as the host's own (PEP 3333)."""

    def __init__(
        self, body: Iterable[bytes], chunks: Iterator[bytes], first: list[bytes], look: Callable[[], None]
    ) -> None:
        self._body = body
        self._chunks = chunks
        self._first = first
        self._look = look

    def __iter__(self) -> Iterator[bytes]:
        chunks = chain(self._first, self._chunks)
        for chunk in chunks:
            yield chunk
            break
        for chunk in chunks:
            self._look()
            yield chunk

    def close(self) -> None:
        _close(self._body)


def request_of(environ: "WSGIEnvironment") -> Request:
    """The request as a value; nothing is read."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")

    def header(name: str) -> str | None:
        found = environ.get(_BARE.get(name) or "HTTP_" + name.upper().replace("-", "_"))
        return found if found is None else str(found)

    return Request(
        method=environ["REQUEST_METHOD"],
        root=_path(environ.get("SCRIPT_NAME", "")).rstrip("/"),
        path=_path(environ.get("PATH_INFO", "")) or "/",
        raw_path=raw,
        query=environ.get("QUERY_STRING", ""),
        address=environ.get("REMOTE_ADDR", ""),
        header=header,
        multiprocess=bool(environ.get("wsgi.multiprocess")),
    )


def _path(text: str) -> str:
    """PEP 3333: octets smuggled as Latin-1. Bad UTF-8 becomes U+FFFD, which no list matches."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")


def _forward(environ: "WSGIEnvironment", passed: Pass) -> "tuple[WSGIEnvironment, LoginSlot]":
    """The request as the host may see it. A copy: the cookies that came are asked for again on the way out."""
    slot = LoginSlot()
    inner = {**environ, SLOT_KEY: slot}
    inner.pop(IDENTITY_KEY, None)
    if passed.ticket is not None:
        inner[IDENTITY_KEY] = passed.ticket.identity()
    if passed.cookie is None:
        inner.pop("HTTP_COOKIE", None)
    else:
        inner["HTTP_COOKIE"] = passed.cookie
    if passed.drop_authorization:
        inner.pop("HTTP_AUTHORIZATION", None)
    return inner, slot


def _own_body(environ: "WSGIEnvironment") -> OwnBody:
    """The body of a request to one of our pages; never more than the limit is read."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > OWN_BODY_LIMIT:
        return OwnBody(too_large=True)
    stream: IO[bytes] = environ["wsgi.input"]
    return OwnBody(stream.read(int(length)))


def _send(response: Response, request: Request, start_response: "StartResponse") -> Iterable[bytes]:
    body = b"" if request.method == "HEAD" else response.body
    status = f"{response.status} {_phrase(response.status)}"
    start_response(status, [*response.headers, ("Content-Length", str(len(response.body)))])
    return [body]


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()
