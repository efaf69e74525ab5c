"""A site on 127.0.0.1 that serves our static files and rendered pages with their real headers, and notes the calls."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from certlogin.web.pages import page_headers
from certlogin.web.static import StaticFiles
from tests.web.shown import PORTS

Body = dict[str, Any]
#: Answers a call: status and JSON.
Call = Callable[[Body], tuple[int, Body]]
_STATIC = "/certlogin/static/"
_ICON = '<link rel="icon" href="/certlogin/static/icon.svg">'
_EMPTY = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>empty</title>{_ICON}</html>'


@dataclass
class Site:
    """What is served, and what was asked."""

    origin: str = ""
    #: HTML by path.
    pages: dict[str, str] = field(default_factory=dict)
    #: By the path below `/certlogin/`.
    calls: dict[str, Call] = field(default_factory=dict)
    #: Path and body of every POST.
    posted: list[tuple[str, Body]] = field(default_factory=list)
    #: The Date header; empty: the real time.
    date: str = ""

    def reset(self) -> None:
        self.pages.clear()
        self.calls.clear()
        self.posted.clear()
        self.date = ""
        self.pages["/"] = _EMPTY

    def answer(self, path: str, value: Body, status: int = 200) -> None:
        """Every call of that path gets this."""
        self.calls[path] = lambda _: (status, value)

    def asked(self, path: str) -> list[Body]:
        return [body for called, body in self.posted if called == f"/certlogin/{path}"]


@contextmanager
def serve() -> Iterator[Site]:
    site = Site()
    handler = type("Handler", (_Handler,), {"site": site, "files": StaticFiles()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    site.origin = f"http://127.0.0.1:{server.server_port}"
    site.reset()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    site: Site
    files: StaticFiles
    #: Seconds. Chromium opens connections that it may never use; closing the site waits for each.
    timeout = 5

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        # What a browser shows that is no page of ours, it decorates with the site's icon.
        path = f"{_STATIC}icon.svg" if path == "/favicon.ico" else path
        file = self.files.find(path.removeprefix(_STATIC)) if path.startswith(_STATIC) else None
        if file:
            self._send(200, file.headers(), file.body)
        elif path in self.site.pages:
            headers = (("Content-Type", "text/html; charset=utf-8"), *page_headers(PORTS))
            self._send(200, headers, self.site.pages[path].encode())
        else:
            self._send(404, (("Content-Type", "text/plain"),), b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        octets = self.rfile.read(int(self.headers["Content-Length"]))
        is_json = self.headers["Content-Type"] == "application/json"
        body = json.loads(octets) if is_json else {"form": octets.decode()}
        self.site.posted.append((path, body))
        call = self.site.calls.get(path.removeprefix("/certlogin/"))
        status, answer = call(body) if call else (404, {"code": "not_found"})
        self._send(status, (("Content-Type", "application/json"),), json.dumps(answer).encode())

    def _send(self, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Date", self.site.date or self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""
