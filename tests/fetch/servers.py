"""A small HTTP server on 127.0.0.1 that answers as a test says, and notes what it was asked."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: status, headers, body
Reply = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Place:
    """What is served by path; a callable answers each request anew."""

    port: int = 0
    pages: dict[str, bytes | Reply | Callable[[Asked], Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    #: Called with the handler for paths that no reply is given for here.
    raw: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def paths(self) -> list[str]:
        return [one.path for one in self.asked]


@contextmanager
def serving() -> Iterator[Place]:
    place = Place()
    handler = type("Handler", (_Handler,), {"place": place})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    place.port = server.server_port
    try:
        yield place
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    place: Place
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.place.asked.append(asked)
        if self.path in self.place.raw:
            self.place.raw[self.path](self)
            self.close_connection = True
            return
        page = self.place.pages.get(self.path, (404, {}, b""))
        if isinstance(page, bytes):
            page = (200, {}, page)
        status, headers, content = page if isinstance(page, tuple) else page(asked)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers and status != 304:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status != 304:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""
