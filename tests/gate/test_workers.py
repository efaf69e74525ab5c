"""S11: what one worker is told holds in the others within `recheck`, though each remembers what it has looked up."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from certlogin import CertLogin
from certlogin.app import Host, StorePair, Surroundings
from certlogin.records.certificate import State
from certlogin.records.unit import UnitId
from certlogin.stores.memory import MemoryStore
from tests.companions import companion, without
from tests.gate.browser import TICKET, Browser
from tests.gate.servers import AsgiServer, Server, WsgiServer
from tests.gate.test_sessions import jar_of
from tests.gate.undefended_proof import UNCHECKED
from tests.gate.world import World

#: What an assertion says that somebody is out, when he is not.
STILL_IN = "assert not True"
#: A text minted again is as of now, not of its last look-up.
AS_OF_NOW = {
    "certlogin.web.recheck.Rechecker.minted": lambda self, ticket: replace(ticket, issued=self._context.clock())
}


@contextmanager
def another_worker(world: World) -> Iterator[World]:
    """The same host behind another worker: its own memory, the same stores, clock and directory."""
    context = world.certlogin._context
    stores = StorePair(context.volatile, context.durable)
    made = CertLogin(context.settings, Host(world.directory), Surroundings(clock=world.clock), stores)
    server: Server
    if isinstance(world.bare, AsgiServer):
        server = AsgiServer(made.asgi(world.bare.app))
    else:
        assert isinstance(world.bare, WsgiServer)
        server = WsgiServer(made.wsgi(world.bare.app))
    yield replace(world, certlogin=made, server=server)
    server.close()


@pytest.fixture
def other(world: World) -> Iterator[World]:
    with another_worker(world) as found:
        yield found


def visitor(world: World, cookies: dict[str, str]) -> Browser:
    """Somebody who shows these cookies to that worker."""
    browser = Browser(world)
    for name, value in cookies.items():
        browser.jar.receive(f"{name}={value}; Path=/; Secure", "/")
    return browser


@pytest.fixture
def cookies(world: World) -> dict[str, str]:
    mine = Browser(world)
    mine.log_in_with("U1", world.bind("U1"))
    return jar_of(mine)


def logged_out(world: World, cookies: dict[str, str]) -> None:
    assert visitor(world, cookies).post("/logout").status == 200


def logged_in_anew(world: World, cookies: dict[str, str]) -> None:
    assert visitor(world, cookies).log_in("FREE").status == 303


def locked(world: World, cookies: dict[str, str]) -> None:
    del world.directory.units[UnitId("U1")]


def revoked_by_its_ca(world: World, cookies: dict[str, str]) -> None:
    world.authority.publish(world.certificate_of("U1"))


def revoked_here(world: World, cookies: dict[str, str]) -> None:
    world.set_state("U1", State.REVOKED)


@without(UNCHECKED, sees=STILL_IN)
@pytest.mark.parametrize("event", [logged_out, logged_in_anew, locked, revoked_by_its_ca, revoked_here])
def test_s11_the_other_worker_learns_it_within_recheck(
    world: World, other: World, cookies: dict[str, str], event: Callable[[World, dict[str, str]], None]
) -> None:
    assert visitor(other, cookies).is_admitted()
    event(world, cookies)
    world.clock.advance(60)
    assert not visitor(other, cookies).is_admitted()


@without(UNCHECKED, sees=STILL_IN)
def test_s11_a_busy_worker_learns_it_as_soon(world: World, other: World, cookies: dict[str, str]) -> None:
    """Requests do not put the next look off."""
    logged_out(world, cookies)
    for _ in range(59):
        world.clock.advance(1)
        visitor(other, cookies).get("/home")
    world.clock.advance(1)
    assert not visitor(other, cookies).is_admitted()


@without(AS_OF_NOW, sees=STILL_IN)
def test_s11_a_ticket_minted_anew_by_one_worker_is_no_newer_to_another(
    world: World, other: World, cookies: dict[str, str]
) -> None:
    """Ended just after its last look: a text minted a moment later must not be believed for another minute."""
    world.clock.advance(4 * 60 + 30)
    mine = visitor(other, cookies)
    assert mine.is_admitted()
    logged_out(world, cookies)
    world.clock.advance(59)
    mine.is_admitted()
    fresh = jar_of(mine)
    assert fresh[TICKET] != cookies[TICKET]
    world.clock.advance(1)
    # One that has never seen this ticket goes by what the text says.
    with another_worker(world) as third:
        assert not visitor(third, fresh).is_admitted()
    assert not visitor(other, fresh).is_admitted()
    assert not visitor(world, fresh).is_admitted()


@companion("test_s11_the_other_worker_learns_it_within_recheck")
def test_s11_without_the_shared_memory_the_other_worker_never_learns_of_a_logout(
    world: World, other: World, cookies: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryStore, "is_ended", lambda self, ticket_id: False)
    logged_out(world, cookies)
    world.clock.advance(60)
    assert visitor(other, cookies).is_admitted()
    assert not visitor(world, cookies).is_admitted()
