"""S4: nothing protected is reached without a ticket, however its path is spelled."""

from dataclasses import replace
from typing import Any

import pytest

from certlogin.middleware.asgi import UnknownScope
from certlogin.web import paths
from certlogin.web.http import Request
from tests.companions import allows, companion, without
from tests.gate.browser import Browser
from tests.gate.servers import AsgiServer, Sent
from tests.gate.world import ORIGIN, World

PROTECTED = "/secret"
_KIND = paths.PathLists.kind


async def _pass_on(self: Any, scope: object, receive: object, send: object) -> None:
    await self._app(scope, receive, send)


def _beside(self: paths.PathLists, request: Request) -> paths.Kind:
    """The lists are asked for the path as the browser knows it."""
    return _KIND(self, replace(request, path=request.full_path))


#: Without the defence it arrives, whatever the host makes of it.
REACHED = "assert ['reached'] == []"
NOT_READING = ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get", "PROPFIND")
UNLISTED = {"certlogin.web.paths.PathLists.kind": lambda *_: paths.Kind.PUBLIC}
UNREADABLE = {
    "certlogin.web.paths.is_canonical": lambda *_: True,
    "certlogin.web.paths.PathLists._host_kind": lambda *_: paths.Kind.PUBLIC,
}

#: Spellings by which a path could be taken for a listed one (/login, /static/, /about, /feed/) and be another one.
SPELLINGS = [
    "/static/../secret", "/static/./../secret", "/static/%2e%2e/secret", "/static/%2E%2E/secret", "/static/..%2fsecret",
    "/static/..%5csecret", "/static/..\\secret", "/static/%2e%2e%2fsecret", "/static//secret", "//static/app.js",
    "/static/;/secret", "/static/app.js;x=/../secret", "/static/%3b", "/static/app.js%00", "/static/%00secret",
    "/static%2f..%2fsecret", "/staticadmin", "/static", "/Static/app.js", "/STATIC/app.js", "/about/", "/about.",
    "/about/..", "/about%20", "/about%0a", "/about%09", "/ABOUT", "/about/secret", "/about;x", "/about%2f", "/about\\",
    "/login/", "/login/secret", "/Login", "/login;x", "/login%2f..%2fsecret", "/login..", "/login.", "/login%00",
    "/feed", "/feedback", "/feed/../secret", "/feed/%2e%2e/secret", "/static/.../secret/", "/static/a%ffb",
    "/static/%c0%ae%c0%ae/secret", "/static/%252e%252e/secret", "/certlogin/../secret",
    "/certlogin/static/../../secret", "/secret", "/", "/home",
]  # fmt: skip


def arrivals(world: World) -> list[str]:
    """A word for each request that reaches the host from now on, also for those that it refuses itself."""
    arrived: list[str] = []
    guarded: Any = world.server
    host = guarded.app._app

    def counted(*call: Any) -> Any:
        arrived.append("reached")
        return host(*call)

    guarded.app._app = counted
    return arrived


@without(UNLISTED, sees=f"assert ({len(SPELLINGS)}, [")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
def test_s4_a_spelled_path_does_not_reach_the_host(world: World, method: str) -> None:
    arrived = arrivals(world)
    reached, statuses = [], set()
    for target in SPELLINGS:
        statuses.add(world.send(Sent(method, target, (("origin", ORIGIN),))).status)
        if arrived:
            reached.append(target)
            arrived.clear()
    assert (len(reached), reached) == (0, [])
    assert statuses <= {303, 401, 403, 404, 405}


@allows
@pytest.mark.parametrize("target", ["/static/app.js", "/static/a/b.js", "/about", "/static/%E4%B8%AD.js", "/login"])
def test_s4_the_listed_paths_themselves_do(world: World, target: str) -> None:
    assert world.send(Sent("GET", target)).status in (200, 404)
    assert len(world.seen.requests) == 1


@without({"certlogin.web.paths._PUBLIC_METHODS": frozenset(NOT_READING)}, sees=REACHED)
@pytest.mark.parametrize("method", NOT_READING)
def test_s4_public_paths_are_for_reading(world: World, method: str) -> None:
    arrived = arrivals(world)
    world.send(Sent(method, "/about", (("origin", ORIGIN),)))
    assert arrived == []


@without({"certlogin.web.paths._OVERRIDES": ()}, sees=REACHED)
@pytest.mark.parametrize("name", ["x-http-method-override", "x-http-method", "x-method-override"])
def test_s4_a_method_override_makes_a_public_path_protected(world: World, name: str) -> None:
    arrived = arrivals(world)
    world.send(Sent("GET", "/about", ((name, "DELETE"),)))
    assert arrived == []


@companion("test_s4_a_spelled_path_does_not_reach_the_host")
@pytest.mark.parametrize("target", ["/static/../secret", "/about;x", "/static/%2e%2e/secret"])
def test_s4_without_the_canonical_check_a_spelling_gets_through(
    world: World, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The companion: two of these are public by their beginning, one only for a reader that cuts parameters."""
    monkeypatch.setattr(paths, "is_canonical", lambda path, raw: True)
    monkeypatch.setattr(paths.PathLists, "_host_kind", lambda self, path, method: paths.Kind.PUBLIC)
    world.send(Sent("GET", target))
    assert len(world.seen.requests) == 1


@allows
def test_s4_a_protected_path_is_reached_with_a_ticket(world: World) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    assert mine.get(PROTECTED).status == 200
    assert mine.request("DELETE", PROTECTED, {"origin": ORIGIN}).status == 200
    assert (world.host_saw(PROTECTED) or {})["unit"] == "FREE"


@without(UNREADABLE, sees=REACHED)
@pytest.mark.parametrize("target", ["/app/static/../secret", "/app/secret", "/app/static/%2e%2e/secret", "/app//login"])
def test_s4_under_a_mount_point_paths_are_judged_alike(world: World, target: str) -> None:
    arrived = arrivals(world)
    world.send(Sent("GET", target, root="/app"))
    assert arrived == []
    world.send(Sent("GET", "/app/about", root="/app"))
    assert arrived == ["reached"]


@without({"certlogin.web.paths.PathLists.kind": _beside}, sees=REACHED)
def test_s4_a_path_of_the_mount_point_is_none_of_the_host(world: World) -> None:
    """`/static/` listed by the host is not `/static/…` of whatever lies beside its mount point."""
    arrived = arrivals(world)
    world.send(Sent("GET", "/static/about2", root="/static"))
    assert arrived == []


@without({"certlogin.middleware.asgi.AsgiMiddleware.__call__": _pass_on})
@pytest.mark.parametrize("host", ["starlette"], indirect=True)
def test_s4_an_unknown_scope_is_not_passed_on(world: World) -> None:
    """Of a host that would take it."""
    assert isinstance(world.server, AsgiServer)
    arrived: list[str] = []

    async def app(scope: Any, receive: object, send: object) -> None:
        arrived.append(scope["type"])

    world.server.app = world.certlogin.asgi(app)
    with pytest.raises(UnknownScope):
        world.server.run({"type": "telnet", "path": "/static/app.js"}, [])
    assert arrived == []


def test_our_own_pages_answer_unknown_addresses_and_methods(world: World) -> None:
    assert world.send(Sent("GET", "/certlogin/nowhere")).status == 404
    assert world.send(Sent("POST", "/certlogin/helper", (("origin", ORIGIN),))).status == 405
    assert world.send(Sent("GET", "/certlogin/api/proof")).status == 405
    assert world.send(Sent("GET", "/certlogin/static/../../app.py")).status in (303, 404)
    assert world.seen.requests == []
