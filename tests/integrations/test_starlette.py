"""The session is read as Starlette's own middleware reads it, before the application is called (S10)."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from certlogin.integrations.starlette import current_unit
from tests.companions import allows, without
from tests.gate.servers import AsgiServer, Sent

_OPTIONS: dict[str, Any] = {"secret_key": "k" * 32, "session_cookie": "host_session", "max_age": 3600}

#: Whatever a signature says.
UNSIGNED = {"itsdangerous.TimestampSigner.unsign": lambda signer, value, max_age: value.rsplit(".", 2)[0]}


def cookie_with(**session: object) -> str:
    """The cookie that Starlette sets for this session."""

    def view(request: Request) -> Response:
        request.session.update(session)
        return Response()

    app = Starlette(routes=[Route("/", view)], middleware=[Middleware(SessionMiddleware, **_OPTIONS)])
    server = AsgiServer(app)
    try:
        return server.send(Sent("GET", "/")).one("set-cookie").partition(";")[0].removeprefix("host_session=")
    finally:
        server.close()


def scope(cookie: str, kind: str = "http") -> dict[str, Any]:
    return {"type": kind, "headers": [(b"cookie", f"other=1; host_session={cookie}".encode())]}


@allows
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_s10_the_unit_of_a_session_is_found(kind: str) -> None:
    unit_of = current_unit("unit", **_OPTIONS)
    assert unit_of(scope(cookie_with(unit="U1"), kind)) == "U1"
    assert unit_of(scope(cookie_with(unit=7), kind)) == "7"


def test_a_session_of_nobody_is_nobodys() -> None:
    unit_of = current_unit("unit", **_OPTIONS)
    assert unit_of(scope(cookie_with(basket=[1]))) is None
    assert unit_of({"type": "http", "headers": []}) is None


@without(UNSIGNED, sees="assert 'U1' is None")
def test_s10_a_session_that_starlette_would_not_open_is_nobodys() -> None:
    cookie = cookie_with(unit="U1")
    for changed in (cookie[:-1], f"x{cookie}", "", "a.b.c"):
        assert current_unit("unit", **_OPTIONS)(scope(changed)) is None


@without(UNSIGNED, sees="assert 'U1' is None")
def test_s10_another_key_and_an_old_session_open_nothing() -> None:
    cookie = cookie_with(unit="U1")
    assert current_unit("unit", **{**_OPTIONS, "secret_key": "x" * 32})(scope(cookie)) is None
    assert current_unit("unit", **{**_OPTIONS, "max_age": -1})(scope(cookie)) is None
    assert current_unit("unit", **{**_OPTIONS, "max_age": None})(scope(cookie)) == "U1"
