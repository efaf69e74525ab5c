"""ASGI's scope and headers, to our values and back. Nothing is read and nothing blocks."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from certlogin.records.identity import IDENTITY_KEY
from certlogin.web.guard import Pass
from certlogin.web.http import Headers, Request, Response
from certlogin.web.slot import SLOT_KEY, LoginSlot

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


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
        # A WebSocket's scope has none, whether its handshake came as GET or as CONNECT (RFC 6455 4.1, RFC 8441 5).
        method=scope.get("method", "GET"),
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


def forward(scope: Scope, passed: Pass, slot: LoginSlot | None) -> Scope:
    """The scope as the host may see it; without a slot nobody can log in or out on it."""
    headers = [(name, value) for name, value in scope["headers"] if not _removed(name.lower(), passed)]
    if passed.cookie is not None:
        headers.append((b"cookie", passed.cookie.encode("latin-1")))
    inner: Scope = {**scope, "headers": headers}
    inner.pop(IDENTITY_KEY, None)
    inner.pop(SLOT_KEY, None)
    if slot is not None:
        inner[SLOT_KEY] = slot
    if passed.ticket is not None:
        inner[IDENTITY_KEY] = passed.ticket.identity()
    return inner


def _removed(name: bytes, passed: Pass) -> bool:
    return name == b"cookie" or (name == b"authorization" and passed.drop_authorization)


def texts(headers: Any) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def octets(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def with_length(response: Response) -> list[tuple[bytes, bytes]]:
    """The headers of an answer of ours."""
    return octets((*response.headers, ("Content-Length", str(len(response.body)))))
