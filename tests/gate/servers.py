"""Small WSGI and ASGI servers that send what a hostile client sends: raw targets, doubled headers, any method."""

import io
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

import anyio
import anyio.from_thread
from starlette.requests import ClientDisconnect

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sent:
    method: str
    #: As in the request line: path, then perhaps `?` and a query.
    target: str
    headers: Headers = ()
    body: bytes = b""
    #: The mount point (SCRIPT_NAME, root_path).
    root: str = ""
    address: str = "192.0.2.1"

    @property
    def path(self) -> bytes:
        return unquote_to_bytes(self.target.partition("?")[0])

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Headers
    body: bytes
    #: The application raised while the body went out, and the server cut the connection.
    cut: bool = False

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known.lower() == name]

    def one(self, name: str) -> str:
        (value,) = self.all(name)
        return value

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")


class Server(Protocol):
    def send(self, sent: Sent) -> Answer: ...

    def close(self) -> None: ...


class WsgiServer:
    def __init__(self, app: Callable[..., Iterable[bytes]], *, multiprocess: bool = False) -> None:
        self.app = app
        self._multiprocess = multiprocess

    def send(self, sent: Sent) -> Answer:
        started: list[tuple[str, list[tuple[str, str]]]] = []
        written: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started.append((status, headers))
            return written.append

        cut = False
        body = self.app(self._environ(sent), start_response)
        try:
            for chunk in body:
                written.append(chunk)
        except ConnectionError:
            cut = True
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        status, headers = started[-1]
        return Answer(int(status.split(" ")[0]), tuple(headers), b"".join(written), cut)

    def close(self) -> None: ...

    def _environ(self, sent: Sent) -> dict[str, Any]:
        path = sent.path.decode("latin-1")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": sent.method,
            "SCRIPT_NAME": sent.root,
            "PATH_INFO": path.removeprefix(sent.root),
            "RAW_URI": sent.target,
            "QUERY_STRING": sent.query,
            "SERVER_NAME": "survey.example.cn",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": sent.address,
            "CONTENT_LENGTH": str(len(sent.body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(sent.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": self._multiprocess,
            "wsgi.run_once": False,
        }
        for name, value in sent.headers:
            key = "CONTENT_TYPE" if name == "content-type" else "HTTP_" + name.upper().replace("-", "_")
            joint = "; " if name == "cookie" else ","
            environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
        return environ


@dataclass
class _Collected:
    messages: list[dict[str, Any]] = field(default_factory=list)
    cut: bool = False

    async def send(self, message: Any) -> None:
        self.messages.append(message)

    def answer(self) -> Answer:
        start, *rest = self.messages
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"])
        assert self.cut or not rest[-1].get("more_body", False)
        return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in rest), self.cut)


class AsgiServer:
    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app
        self._manager = anyio.from_thread.start_blocking_portal()
        self.portal = self._manager.__enter__()

    def send(self, sent: Sent) -> Answer:
        return self.portal.call(self._send, sent)

    def close(self) -> None:
        self._manager.__exit__(None, None, None)

    def run(self, scope: dict[str, Any], messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Any scope, for what is no request."""
        return self.portal.call(self._run, scope, list(messages))

    async def _run(self, scope: dict[str, Any], messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        collected, waiting = _Collected(), iter(messages)

        async def receive() -> dict[str, Any]:
            return next(waiting)

        await self.app(scope, receive, collected.send)
        return collected.messages

    async def _send(self, sent: Sent) -> Answer:
        half = len(sent.body) // 2
        # In two pieces, as a server would pass a body on.
        pieces = iter(((sent.body[:half], True), (sent.body[half:], False)))
        collected = _Collected()

        async def receive() -> dict[str, Any]:
            piece = next(pieces, None)
            if piece is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": piece[0], "more_body": piece[1]}

        try:
            await self.app(self.scope(sent), receive, collected.send)
        except (ConnectionError, ClientDisconnect):
            # Starlette's word for a connection that is gone.
            collected.cut = True
        return collected.answer()

    def scope(self, sent: Sent) -> dict[str, Any]:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.headers]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": sent.method,
            "scheme": "https",
            "path": sent.path.decode("utf-8", "replace"),
            "raw_path": sent.target.partition("?")[0].encode("latin-1"),
            "query_string": sent.query.encode("latin-1"),
            "root_path": sent.root,
            "headers": [*headers, (b"content-length", str(len(sent.body)).encode())],
            "client": (sent.address, 50000),
            "server": ("survey.example.cn", 443),
        }
