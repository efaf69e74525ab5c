"""Three hosts that existed before certlogin, alike from the outside: Flask with its signed-cookie session, a plain WSGI
application with rotating server-side sessions, Starlette with its session middleware.

Each has a login page, a remember-me cookie, and pages that say what they saw. What a login answers is chosen by the
form's `answer`, so that one scenario can be told to every host.
"""

import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, Response, request, session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route, WebSocketRoute
from werkzeug.http import parse_cookie

from certlogin import IDENTITY_KEY, Identity, logout, password_verified
from certlogin.errors import HostMistake

#: Who each password belongs to; the passwords are the units' ids.
AUTH_COOKIES = ("session", "remember")
LARGE = b"x" * 300_000
PIECES = 4


@dataclass
class Seen:
    """What the host saw of the last request, by path: proof of what reached it."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    #: Called before each further piece of `/stream`, with its number: what happens meanwhile.
    meanwhile: Callable[[int], None] = lambda number: None
    #: How often the body of `/stream` was closed, by servers that close it.
    closed: int = 0
    #: What the socket received, and what became of its last word.
    heard: list[dict[str, Any]] = field(default_factory=list)

    def note(self, path: str, unit: str | None, cookies: Mapping[str, str], authorization: str | None) -> None:
        self.requests.append({"path": path, "unit": unit, "cookies": dict(cookies), "authorization": authorization})

    def pieces(self) -> Iterator[bytes]:
        """The body of `/stream`."""
        try:
            for number in range(PIECES):
                if number:
                    self.meanwhile(number)
                yield b"%d;" % number
        finally:
            self.closed += 1


#: status, headers, body
Reply = tuple[int, list[tuple[str, str]], bytes]


def reply_to_login(kind: str) -> Reply:
    """The answers that hosts give to a login that was good."""
    match kind:
        case "json":
            return 200, [("Content-Type", "application/json"), ("X-Host", "kept")], b'{"ok": true, "location": "/home"}'
        case "307":
            return 307, [("Location", "home")], b""
        case "large":
            return 200, [("Content-Type", "text/plain")], LARGE
        case "page":
            return 200, [("Content-Type", "text/html; charset=utf-8")], "欢迎".encode()
        case "error":
            return 500, [("Content-Type", "text/plain")], b"the host failed"
        case _:
            # Relative, and a cookie without a path: both mean what they say only at the login address.
            return 303, [("Location", "home"), ("Set-Cookie", "pathless=1")], b""


def mark(carrier: Any, unit: str, kind: str) -> None:
    """What the host says to certlogin, rightly or wrongly."""
    password_verified(carrier, unit)
    if kind == "twice":
        try:
            password_verified(carrier, "U2")
        except Exception:
            return


def _identity(carrier: Mapping[str, Any]) -> dict[str, Any] | None:
    found = carrier.get(IDENTITY_KEY)
    if not isinstance(found, Identity):
        return None
    return {"unit": found.unit_id, "method": found.method.value}


def flask_host(seen: Seen) -> Flask:
    app = Flask("flask_host")
    app.config.update(SECRET_KEY="k" * 32, SESSION_COOKIE_NAME="session", SESSION_COOKIE_SECURE=True)

    @app.before_request
    def note() -> None:
        seen.note(request.path, _who(), request.cookies, request.headers.get("Authorization"))

    def _who() -> str | None:
        return session.get("unit") or request.cookies.get("remember")

    @app.route("/login", methods=["GET", "POST"])
    @app.route("/other/login", methods=["POST"])
    def login() -> Any:
        if request.method == "GET":
            session.setdefault("form", "pre-login")
            return "login page"
        form = request.form if request.mimetype != "application/json" else request.get_json()
        if form["user"] != form["password"]:
            return Response("wrong", 401)
        kind = form.get("answer", "")
        mark(request.environ, form["user"], kind)
        session.clear()
        session["unit"] = form["user"]
        status, headers, body = reply_to_login(kind)
        response = Response(body, status, headers)
        response.set_cookie("remember", form["user"], path="/", secure=True)
        return response

    @app.post("/logout")
    def leave() -> Any:
        session.clear()
        logout(request.environ)
        return "bye"

    @app.get("/stream")
    def stream() -> Any:
        return Response(seen.pieces(), mimetype="text/plain")

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST", "OPTIONS", "DELETE"])
    @app.route("/<path:path>", methods=["GET", "POST", "OPTIONS", "DELETE"])
    def page(path: str) -> Any:
        return {"page": path, "unit": _who(), "identity": _identity(request.environ)}

    return app


def plain_unit(sessions: Mapping[str, dict[str, str]], environ: Mapping[str, Any]) -> str | None:
    cookies = parse_cookie(environ.get("HTTP_COOKIE", ""))
    found = sessions.get(cookies.get("session", ""), {}).get("unit")
    return found or cookies.get("remember")


class PlainHost:
    """No framework: sessions in a dict, a new id at login."""

    def __init__(self, seen: Seen) -> None:
        self.sessions: dict[str, dict[str, str]] = {}
        self._seen = seen

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, cookies = environ["PATH_INFO"], parse_cookie(environ.get("HTTP_COOKIE", ""))
        unit = plain_unit(self.sessions, environ)
        self._seen.note(path, unit, cookies, environ.get("HTTP_AUTHORIZATION"))
        if path in ("/login", "/other/login") and environ["REQUEST_METHOD"] == "POST":
            status, headers, body = self._login(environ)
        elif path == "/login":
            status, headers, body = 200, [("Set-Cookie", f"session={self._new({})}; Path=/; Secure")], b"login page"
        elif path == "/logout":
            self.sessions.pop(cookies.get("session", ""), None)
            logout(environ)
            status, headers, body = 200, [("Set-Cookie", "session=; Path=/; Max-Age=0")], b"bye"
        elif path == "/stream":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return self._seen.pieces()
        else:
            status, headers, body = 200, [("Content-Type", "application/json")], self._page(path, unit, environ)
        write = start_response(f"{status} Any", headers)
        # Half through the old callable, half as an iterable: both ways must be held.
        half = len(body) // 2
        write(body[:half])
        return [body[half:]]

    def _login(self, environ: dict[str, Any]) -> Reply:
        form = _form(environ["wsgi.input"].read(), environ.get("CONTENT_TYPE", ""))
        if form["user"] != form["password"]:
            return 401, [], b"wrong"
        kind = form.get("answer", "")
        mark(environ, form["user"], kind)
        status, headers, body = reply_to_login(kind)
        number = self._new({"unit": form["user"]})
        cookies = [f"session={number}; Path=/; Secure", f"remember={form['user']}; Path=/; Secure"]
        return status, [*headers, *(("Set-Cookie", cookie) for cookie in cookies)], body

    def _new(self, values: dict[str, str]) -> str:
        number = secrets.token_hex(16)
        self.sessions[number] = values
        return number

    @staticmethod
    def _page(path: str, unit: str | None, environ: dict[str, Any]) -> bytes:
        return json.dumps({"page": path.removeprefix("/"), "unit": unit, "identity": _identity(environ)}).encode()


def starlette_host(seen: Seen) -> Starlette:
    def who(request: Request) -> str | None:
        return request.session.get("unit") or request.cookies.get("remember")

    def note(request: Request) -> None:
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        seen.note(path, who(request), request.cookies, request.headers.get("authorization"))

    async def login(request: Request) -> StarletteResponse:
        note(request)
        if request.method == "GET":
            request.session.setdefault("form", "pre-login")
            return StarletteResponse("login page")
        form = _form(await request.body(), request.headers.get("content-type", ""))
        if form["user"] != form["password"]:
            return StarletteResponse("wrong", 401)
        kind = form.get("answer", "")
        # A copied scope, as some routers make: it must mark the same response (S3).
        mark(dict(request.scope) if kind == "copied" else request.scope, form["user"], kind)
        request.session.clear()
        request.session["unit"] = form["user"]
        status, headers, body = reply_to_login(kind)
        response = StarletteResponse(body, status)
        response.raw_headers.extend((name.lower().encode(), value.encode()) for name, value in headers)
        response.set_cookie("remember", form["user"], path="/", secure=True)
        return response

    async def leave(request: Request) -> StarletteResponse:
        note(request)
        request.session.clear()
        logout(request.scope)
        return StarletteResponse("bye")

    async def page(request: Request) -> StarletteResponse:
        note(request)
        path = request.path_params["path"]
        return JSONResponse({"page": path, "unit": who(request), "identity": _identity(request.scope)})

    methods = ["GET", "POST", "OPTIONS", "DELETE"]
    routes = [
        Route("/login", login, methods=["GET", "POST"]),
        Route("/other/login", login, methods=["POST"]),
        Route("/logout", leave, methods=["POST"]),
        Route("/stream", StreamPage(seen)),
        Route("/{path:path}", page, methods=methods),
        WebSocketRoute("/{path:path}", EchoSocket(seen)),
    ]
    sessions = Middleware(SessionMiddleware, secret_key="k" * 32, https_only=True)
    return Starlette(routes=routes, middleware=[sessions])


class StreamPage:
    """Plain ASGI for the sake of its shortness."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            # In the event loop, so that nothing else runs meanwhile.
            for piece in self._seen.pieces():
                yield piece

        await StreamingResponse(pieces(), media_type="text/plain")(scope, receive, send)


class EchoSocket:
    """Plain ASGI: says back what it hears; what its handshake does is chosen by the query."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        unit = scope["session"].get("unit")
        connection = HTTPConnection(scope)
        self._seen.note(scope["path"], unit, connection.cookies, connection.headers.get("authorization"))
        self._seen.heard.append(await receive())
        cookies = [(b"set-cookie", b"session=fresh; Path=/"), (b"x-host", b"kept")]
        if scope["query_string"] == b"deny":
            await send({"type": "websocket.http.response.start", "status": 404, "headers": cookies})
            await send({"type": "websocket.http.response.body", "body": b"no such room"})
            return
        await send({"type": "websocket.accept", "headers": cookies})
        await self._echo(scope, receive, send)

    async def _echo(self, scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            self._seen.heard.append(message)
            if message["type"] == "websocket.disconnect":
                await self._late(send)
                return
            await send({"type": "websocket.send", "text": self._answer(scope, message["text"])})

    async def _late(self, send: Any) -> None:
        try:
            await send({"type": "websocket.send", "text": "late"})
        except OSError as error:
            self._seen.heard.append({"type": "refused", "why": str(error)})

    def _answer(self, scope: Any, text: str) -> str:
        if text == "who":
            return json.dumps(_identity(scope))
        if text == "log in":
            try:
                password_verified(scope, "U2")
            except HostMistake as error:
                return error.code
        if text == "fail":
            raise ZeroDivisionError
        return text


def _form(body: bytes, content_type: str) -> dict[str, str]:
    if content_type == "application/json":
        return dict(json.loads(body))
    return dict(parse_qsl(body.decode()))
