"""S4: nothing protected is reached without a ticket, however its path is spelled."""

import pytest

from certlogin.middleware.asgi import UnknownScope
from certlogin.web import paths
from tests.gate.browser import Browser
from tests.gate.servers import AsgiServer, Sent
from tests.gate.world import ORIGIN, World

PROTECTED = "/secret"

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


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
def test_s4_a_spelled_path_does_not_reach_the_host(world: World, method: str) -> None:
    for target in SPELLINGS:
        answer = world.send(Sent(method, target, (("origin", ORIGIN),)))
        assert world.seen.requests == [], target
        assert answer.status in (303, 401, 403, 404, 405), target


@pytest.mark.parametrize("target", ["/static/app.js", "/static/a/b.js", "/about", "/static/%E4%B8%AD.js", "/login"])
def test_s4_the_listed_paths_themselves_do(world: World, target: str) -> None:
    assert world.send(Sent("GET", target)).status in (200, 404)
    assert len(world.seen.requests) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get", "PROPFIND"])
def test_s4_public_paths_are_for_reading(world: World, method: str) -> None:
    world.send(Sent(method, "/about", (("origin", ORIGIN),)))
    assert world.seen.requests == []


@pytest.mark.parametrize("name", ["x-http-method-override", "x-http-method", "x-method-override"])
def test_s4_a_method_override_makes_a_public_path_protected(world: World, name: str) -> None:
    world.send(Sent("GET", "/about", ((name, "DELETE"),)))
    assert world.seen.requests == []


@pytest.mark.parametrize("target", ["/static/../secret", "/about;x", "/static/%2e%2e/secret"])
def test_s4_without_the_canonical_check_a_spelling_gets_through(
    world: World, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The companion: two of these are public by their beginning, one only for a reader that cuts parameters."""
    monkeypatch.setattr(paths, "is_canonical", lambda path, raw: True)
    monkeypatch.setattr(paths.PathLists, "_host_kind", lambda self, path, method: paths.Kind.PUBLIC)
    world.send(Sent("GET", target))
    assert len(world.seen.requests) == 1


def test_s4_a_protected_path_is_reached_with_a_ticket(world: World) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    assert mine.get(PROTECTED).status == 200
    assert mine.request("DELETE", PROTECTED, {"origin": ORIGIN}).status == 200
    assert (world.host_saw(PROTECTED) or {})["unit"] == "FREE"


@pytest.mark.parametrize("target", ["/app/static/../secret", "/app/secret", "/app/static/%2e%2e/secret", "/app//login"])
def test_s4_under_a_mount_point_paths_are_judged_alike(world: World, target: str) -> None:
    world.send(Sent("GET", target, root="/app"))
    assert world.seen.requests == []
    world.send(Sent("GET", "/app/about", root="/app"))
    assert len(world.seen.requests) == 1


def test_s4_a_path_of_the_mount_point_is_none_of_the_host(world: World) -> None:
    """`/static/` listed by the host is not `/static/…` of whatever lies beside its mount point."""
    world.send(Sent("GET", "/static/about2", root="/static"))
    assert world.seen.requests == []


def test_s4_an_unknown_scope_is_not_passed_on(world: World) -> None:
    if not isinstance(world.server, AsgiServer):
        assert world.kind == "wsgi"
        return
    with pytest.raises(UnknownScope):
        world.server.run({"type": "telnet", "path": "/static/app.js"}, [])
    assert world.seen.requests == []


def test_our_own_pages_answer_unknown_addresses_and_methods(world: World) -> None:
    assert world.send(Sent("GET", "/certlogin/nowhere")).status == 404
    assert world.send(Sent("POST", "/certlogin/helper", (("origin", ORIGIN),))).status == 405
    assert world.send(Sent("GET", "/certlogin/api/proof")).status == 405
    assert world.send(Sent("GET", "/certlogin/static/../../app.py")).status in (303, 404)
    assert world.seen.requests == []
