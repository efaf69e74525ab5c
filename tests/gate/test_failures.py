"""Fail closed: when certlogin cannot decide, the user sees a page with a support id, and the host sees nothing."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from certlogin.errors import Unavailable
from certlogin.flows import release as releases
from certlogin.stores.memory import MemoryStore
from certlogin.stores.sql.audit import SqlAuditLog
from certlogin.stores.sql.registry import SqlRegistry
from certlogin.web.resume import Resumer
from tests.companions import without
from tests.gate.browser import ATTEMPT, TICKET, Browser
from tests.gate.conftest import MakeWorld
from tests.gate.servers import Answer, Sent, WsgiServer
from tests.gate.undefended_proof import RELEASED
from tests.gate.world import World

#: What cannot be written down is done all the same.
UNWRITTEN = {"certlogin.flows.login.record": lambda *_: None, "certlogin.flows.release.record": lambda *_: None}


def down(*_: Any, **__: Any) -> Any:
    raise Unavailable("durable store")


def says_unavailable(answer: Answer) -> bool:
    return answer.status == 503 and "unavailable" in answer.text and not sets_host_cookies(answer)


def sets_host_cookies(answer: Answer) -> bool:
    return any(header.startswith(("session=", "remember=")) for header in answer.all("set-cookie"))


def test_a_directory_that_raises_admits_nobody(world: World) -> None:
    world.directory.failing = True
    for unit in ("FREE", "U1", "OP"):
        mine = Browser(world)
        answer = mine.log_in(unit)
        assert says_unavailable(answer)
        assert "Traceback" not in answer.text
        assert "database is down" not in answer.text
        assert mine.jar.named(TICKET) is None
    assert {event.code for event in world.events("login_refused")} == {"unavailable"}


def test_a_callable_of_the_host_that_raises_admits_nobody(make_world: MakeWorld) -> None:
    def raising(unit: object, now: object) -> None:
        raise RuntimeError("secret detail")

    answer = Browser(make_world(requirement=raising)).log_in("FREE")
    assert says_unavailable(answer)
    assert "secret detail" not in answer.text


def test_a_comparison_that_raises_admits_nobody(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(compare=True)
    mine = Browser(world)
    mine.log_in("FREE")
    parts = world.certlogin._gate._parts
    monkeypatch.setattr(type(parts), "current_unit", property(lambda self: down), raising=False)
    answer = mine.get("/home")
    assert says_unavailable(answer)
    assert world.host_saw("/home") is None


@pytest.mark.parametrize("unit", ["FREE", "U1"])
def test_a_registry_that_is_down_admits_nobody(world: World, unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world.bind("U1")
    monkeypatch.setattr(SqlRegistry, "of_unit", down)
    assert says_unavailable(Browser(world).log_in(unit))


@without(UNWRITTEN, sees="assert 303 == 503")
def test_s31_what_cannot_be_written_down_does_not_take_effect(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqlAuditLog, "record", down)
    mine = Browser(world)
    answer = mine.log_in("FREE")
    assert answer.status == 503
    assert says_unavailable(answer)
    assert mine.jar.named(TICKET) is None


@without(UNWRITTEN, sees=RELEASED)
def test_s31_a_proof_that_cannot_be_written_down_is_not_accepted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    mine.report()
    proof = mine.sign(issued, mine.challenge())
    monkeypatch.setattr(SqlAuditLog, "record", down)
    assert mine.refused("proof", **proof) == "unavailable"
    monkeypatch.undo()
    # Nothing is lost: a new challenge, and the login goes on.
    mine.get(mine.prove(issued)["next"])
    assert mine.home()["unit"] == "U1"


@without(UNWRITTEN, sees="assert 303 == 503")
def test_s31_a_release_that_cannot_be_written_down_is_kept_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    mine.report()
    address = mine.prove(issued)["next"]
    monkeypatch.setattr(SqlAuditLog, "record", down)
    answer = mine.get(address)
    assert answer.status == 503
    assert says_unavailable(answer)
    monkeypatch.undo()
    mine.get(address)
    assert mine.home()["unit"] == "U1"


@without({"certlogin.stores.memory.MemoryStore.count": lambda *_: 1}, sees="assert 20 == 5")
def test_s31_failed_logins_cannot_fill_the_disk(make_world: MakeWorld) -> None:
    world = make_world(stores={"failures_per_minute": 5})
    world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    attempt = mine.attempt_id()
    codes = [mine.refused("proof", attempt=attempt, format="native") for _ in range(20)]
    assert set(codes) == {"bad_request"}
    assert len(world.events("call_refused")) == 5
    world.clock.advance(60)
    mine.refused("proof", attempt=attempt, format="native")
    assert len(world.events("call_refused")) == 6


@pytest.mark.parametrize("method", ["open", "load", "take", "is_ended"])
def test_a_volatile_store_that_is_down_admits_nobody(
    world: World, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = world.bind("U1")
    mine, other = Browser(world), Browser(world)
    mine.log_in("U1")
    mine.report()
    address = mine.prove(issued)["next"]
    other.log_in("FREE")
    world.clock.advance(61)
    monkeypatch.setattr(MemoryStore, method, down)
    if method == "open":
        assert says_unavailable(Browser(world).log_in("U1"))
    elif method == "load":
        assert says_unavailable(mine.get(address))
    elif method == "take":
        assert says_unavailable(mine.log_in("U1"))
    else:
        assert says_unavailable(other.get("/home"))


def test_a_store_that_is_away_for_a_moment_throws_nobody_out_whom_this_worker_knows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    world.clock.advance(61)
    assert mine.is_admitted()
    monkeypatch.setattr(MemoryStore, "is_ended", down)
    world.clock.advance(299)
    assert mine.is_admitted()
    world.clock.advance(1)
    assert says_unavailable(mine.get("/home"))


def test_an_unknown_ticket_is_not_believed_while_the_store_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker minted it: this one has never looked it up."""
    mine = Browser(world)
    mine.log_in("FREE")
    monkeypatch.setattr(MemoryStore, "is_ended", down)
    world.clock.advance(61)
    assert says_unavailable(mine.get("/home"))


def test_a_logout_that_cannot_be_kept_is_not_said_to_be_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    monkeypatch.setattr(MemoryStore, "end", down)
    assert says_unavailable(mine.post("/logout"))


@pytest.mark.parametrize(
    "attack",
    [
        lambda mine: mine.get("/login?certlogin_release=x"),
        lambda mine: mine.get("/certlogin/helper"),
        lambda mine: mine.log_in("U1"),
    ],
    ids=["release", "page", "login"],
)
def test_a_mistake_of_ours_is_a_page_with_a_support_id_and_no_traceback(
    world: World, monkeypatch: pytest.MonkeyPatch, attack: Callable[[Browser], Answer]
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("our own mistake")

    world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    monkeypatch.setattr(Resumer, "resume", broken)
    monkeypatch.setattr("certlogin.web.hold.login.decide_login", broken)
    monkeypatch.setattr("certlogin.portal.helper.find_unit", broken)
    answer = attack(mine)
    assert says_unavailable(answer)
    assert "our own mistake" not in answer.text
    assert "Traceback" not in answer.text
    (event,) = [event for event in world.events() if event.code == "unavailable"]
    assert event.support_id is not None
    assert event.support_id in answer.text


def test_a_script_reads_that_it_may_try_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    attempt = mine.attempt_id()
    monkeypatch.setattr(SqlRegistry, "of_unit", down)
    answer = mine.call("challenge", attempt=attempt, purpose="login")
    said = json.loads(answer.body)
    assert (answer.status, said["code"], said["retryable"]) == (503, "unavailable", True)


def test_a_release_is_not_lost_by_a_failure_in_the_middle(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    mine.report()
    address = mine.prove(issued)["next"]
    monkeypatch.setattr(releases, "decide_again", down)
    assert says_unavailable(mine.get(address))
    monkeypatch.undo()
    assert mine.get(address).status == 303


def test_the_memory_store_refuses_a_server_with_several_processes(world: World) -> None:
    if not isinstance(world.server, WsgiServer):
        assert world.kind == "asgi"
        return
    several = WsgiServer(world.server.app, multiprocess=True)
    for target in ("/login", "/home", "/about", "/certlogin/helper"):
        assert several.send(Sent("GET", target)).status == 503
    assert world.seen.requests == []


def test_a_unit_nobody_knows_is_refused_with_the_way_back(world: World) -> None:
    mine = Browser(world)
    answer = mine.log_in("NOBODY")
    assert answer.status == 403
    assert "unit_unknown" in answer.text
    assert 'href="/login"' in answer.text
    assert mine.jar.named(ATTEMPT) is None
    (event,) = world.events("login_refused")
    assert (event.code, event.unit_id, event.address) == ("unit_unknown", "NOBODY", "192.0.2.1")


def test_no_secret_is_in_the_audit_log_or_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    issued = world.bind("U1")
    mine = Browser(world)
    with caplog.at_level("DEBUG"):
        mine.log_in("U1")
        challenge = mine.challenge()
        proof = mine.sign(issued, challenge)
        mine.asked("proof", **proof)
        mine.refused("proof", **proof)
    attempt = mine.jar.named(ATTEMPT)
    assert attempt is not None
    written = repr(world.events()) + caplog.text
    for secret in (proof["signature"], challenge["challenge"], attempt.value, attempt.value.split(".")[0]):
        assert secret not in written
