from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from certlogin import CertLogin
from certlogin.app import Host, StorePair, Surroundings
from certlogin.integrations.flask import current_unit as flask_unit
from certlogin.settings.loader import settings_from_mapping
from certlogin.stores.sql import SqlStore
from certlogin.web.gate import CurrentUnit
from tests import factory
from tests.factory import PKI, Issued
from tests.gate.browser import Browser
from tests.gate.hosts import PlainHost, Seen, flask_host, plain_unit, starlette_host
from tests.gate.responder import Responder, asking
from tests.gate.servers import AsgiServer, Server, WsgiServer
from tests.gate.sockets import Ticker
from tests.gate.world import Authority, Clock, Directory, World, settings_of
from tests.gate.world import MakeWorld as MakeWorld

HOSTS = ("flask", "plain", "starlette")


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make_world(host: str, tmp_path: Path) -> Iterator[MakeWorld]:
    made: list[World] = []

    def make(
        pair: StorePair | None = None,
        requirement: Any = None,
        compare: bool = False,
        pki: PKI | None = None,
        **changes: dict[str, Any],
    ) -> World:
        world = _world(tmp_path, host, pki or factory.make_pki(), pair, requirement, compare, changes)
        made.append(world)
        return world

    yield make
    for world in made:
        world.server.close()
        world.bare.close()
        world.certlogin.close()
        world.store.close()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


@pytest.fixture
def browser(world: World) -> Browser:
    return Browser(world)


@pytest.fixture
def issued(world: World) -> Issued:
    """The certificate of a unit that downloaded it some time ago."""
    return world.bind("U1")


@pytest.fixture
def mine(world: World, issued: Issued) -> Browser:
    """That unit's browser at the chooser."""
    browser = Browser(world)
    browser.log_in("U1")
    browser.report()
    return browser


def _world(
    folder: Path,
    kind: str,
    pki: PKI,
    pair: StorePair | None,
    requirement: Any,
    compare: bool,
    changes: dict[str, Any],
) -> World:
    seen, clock, directory = Seen(), Clock(factory.NOW), Directory()
    authority = Authority(folder / "ca", pki)
    settings = settings_from_mapping(settings_of(folder, authority, **changes), {})
    app, unit_of = _host(kind, seen)
    host = Host(directory, unit_of if compare else None, requirement)
    ticker = Ticker()
    # No threads of its own: what they would do in the background, a scenario does when it wants to.
    around = Surroundings(clock=clock, wait=ticker.wait, spawn=lambda run, name: None)
    certlogin = CertLogin(settings, host, around, pair)
    server: Server
    bare: Server
    if kind == "starlette":
        server, bare = AsgiServer(certlogin.asgi(app)), AsgiServer(app)
    else:
        # The host's own callable, not `app.wsgi_app`: Flask hands both to the same code.
        server, bare = WsgiServer(certlogin.wsgi(app)), WsgiServer(app)
    return World(
        clock=clock,
        directory=directory,
        authority=authority,
        certlogin=certlogin,
        store=SqlStore(settings.stores.durable),
        server=server,
        bare=bare,
        seen=seen,
        kind="asgi" if kind == "starlette" else "wsgi",
        pki=pki,
        ticker=ticker,
    )


def _host(kind: str, seen: Seen) -> tuple[Any, CurrentUnit]:
    if kind == "flask":
        flask = flask_host(seen)
        return flask, flask_unit(flask, "unit")
    if kind == "plain":
        plain = PlainHost(seen)
        return plain, lambda environ: plain_unit(plain.sessions, environ)
    return starlette_host(seen), starlette_unit


def starlette_unit(scope: Any) -> str | None:
    """Reads the session middleware's signed cookie, as a host would that compares sessions."""
    import base64
    import json

    import itsdangerous
    from werkzeug.http import parse_cookie

    header = next((value for name, value in scope["headers"] if name == b"cookie"), b"").decode("latin-1")
    try:
        signed = itsdangerous.TimestampSigner("k" * 32).unsign(parse_cookie(header).get("session", ""))
    except itsdangerous.BadSignature:
        return None
    found = json.loads(base64.b64decode(signed)).get("unit")
    return None if found is None else str(found)


@pytest.fixture
def responder(make_world: MakeWorld, tmp_path: Path) -> Iterator[Responder]:
    with asking(make_world, tmp_path) as running:
        yield running


@pytest.fixture
def stranger(make_world: MakeWorld, tmp_path: Path) -> Iterator[tuple[Responder, Browser, Issued]]:
    """A unit whose certificate is not registered: no question goes out on the registry's account."""
    with asking(make_world, tmp_path, adoption={"unregistered": "match"}) as responder:
        issued = responder.issue("U1")
        browser = Browser(responder.world)
        browser.log_in("U1")
        yield responder, browser, issued
