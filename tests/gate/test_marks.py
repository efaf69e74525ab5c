"""S3 and S7: what happens to a response that the host marked, until it is released or refused."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certlogin.flows import release as releases
from certlogin.login.attempt import AttemptCookie, AttemptMissing, open_response
from certlogin.records.attempt import Proven, Release
from certlogin.records.certificate import State
from certlogin.records.identity import Method
from certlogin.records.unit import UnitId
from certlogin.stores.memory import MemoryStore
from certlogin.web.hold import Holder
from certlogin.web.paths import Kind
from certlogin.web.slot import LoginSlot
from tests.companions import allows, companion, without
from tests.gate.browser import ATTEMPT, TICKET, Browser
from tests.gate.conftest import MakeWorld
from tests.gate.hosts import LARGE
from tests.gate.servers import Answer
from tests.gate.undefended_proof import NO_LAST_DECISION
from tests.gate.world import World

#: What an assertion that the host's cookies stay here says when they went out.
COOKIES_OUT = "Extra items in the left set"
#: A response that was marked twice does not remember it.
NO_CONFLICT = {"certlogin.web.slot.LoginSlot.conflict": property(lambda self: False, lambda self, value: None)}
#: The held response is stored as it is.
UNSEALED = {"certlogin.flows.attempts.seal_response": lambda held, *_: repr(held).encode()}
_judge = Holder.judge
#: A mark counts wherever it is made.
LOGIN_ANYWHERE = {
    "certlogin.web.hold.Holder.judge": lambda self, request, passed, *rest: _judge(
        self, request, replace(passed, kind=Kind.LOGIN), *rest
    )
}
#: Larger than any answer of these hosts.
UNLIMITED = {"certlogin.settings.login.Attempts.held_max": property(lambda self: 1 << 20, lambda self, value: None)}


def host_cookies(answer: Answer) -> set[str]:
    """Which of the host's own cookies an answer sets."""
    return {header.partition("=")[0] for header in answer.all("set-cookie")} & {"session", "remember", "pathless"}


# --- S3: marks


@without(NO_CONFLICT, sees="assert 303 == 500")
def test_s3_two_different_units_are_a_refusal_even_if_the_host_swallows_the_error(world: World) -> None:
    mine = Browser(world)
    answer = mine.log_in("FREE", "twice")
    assert answer.status == 500
    assert host_cookies(answer) == set()
    assert "another_unit_named" in answer.text
    assert not mine.is_admitted()
    assert [event.code for event in world.events("login_refused")] == ["another_unit_named"]


@without({"certlogin.web.guard.Guard.drop_cookies": lambda self, headers: headers}, sees=COOKIES_OUT)
def test_s3_an_error_answer_passes_on_unheld_without_attempt_or_ticket(world: World) -> None:
    mine = Browser(world)
    answer = mine.log_in("U1", "error")
    assert (answer.status, answer.body) == (500, b"the host failed")
    assert {TICKET, ATTEMPT} & {cookie.name for cookie in mine.jar.all()} == set()
    assert host_cookies(answer) == set()
    assert world.events() == []


@without(UNLIMITED, sees="assert 303 == 500", from_setup=True)
def test_s3_a_login_answer_over_the_limit_is_refused_and_nothing_of_it_released(world: World) -> None:
    world.bind("U1")
    mine = Browser(world)
    answer = mine.log_in("U1", "large")
    assert answer.status == 500
    assert "held_too_large" in answer.text
    assert host_cookies(answer) == set()
    assert LARGE[:1000] not in answer.body
    assert not mine.is_admitted()


@allows
def test_s3_a_large_answer_of_a_unit_that_owes_nothing_is_not_limited(world: World) -> None:
    """The companion: only what must be kept is measured."""
    answer = Browser(world).log_in("FREE", "large")
    assert answer.body == LARGE


@without(LOGIN_ANYWHERE, sees="assert 303 == 500")
def test_s3_a_mark_outside_the_login_paths_is_refused(make_world: MakeWorld) -> None:
    """A host whose views log in elsewhere than its settings say must be told, not passed."""
    world = make_world()
    mine = Browser(world)
    mine.log_in("FREE")
    answer = mine.post("/other/login", {"user": "U1", "password": "U1"})
    assert answer.status == 500
    assert "marked_outside_login" in answer.text
    assert host_cookies(answer) == set()


@without({"certlogin.web.slot._open_slot": lambda carrier: LoginSlot()}, sees=COOKIES_OUT)
def test_s3_a_copied_scope_marks_the_same_response(world: World) -> None:
    world.bind("U1")
    answer = Browser(world).log_in("U1", "copied")
    assert answer.status == 303
    assert host_cookies(answer) == set()


# --- S7: the held response


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every attempt that went into the volatile store: the dump that an attacker reads."""
    found: list[Any] = []
    opened = MemoryStore.open

    def noting(self: MemoryStore, attempt: Any, *rest: Any) -> None:
        found.append(attempt)
        opened(self, attempt, *rest)

    monkeypatch.setattr(MemoryStore, "open", noting)
    return found


@without(UNSEALED, sees="'remember' is contained here")
def test_s7_a_dump_of_the_store_opens_no_session(world: World, stored: list[Any]) -> None:
    world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    (attempt,) = stored
    dump = repr(attempt)
    assert "remember" not in dump
    assert b"remember" not in attempt.sealed_response
    cookie = mine.jar.named(ATTEMPT)
    assert cookie is not None
    secret, key, _ = cookie.value.split(".")
    assert secret not in dump
    assert key not in dump
    with pytest.raises(AttemptMissing):
        open_response(attempt.sealed_response, AttemptCookie(b"s" * 16, b"k" * 32))
    # The companion: the cookie's key is all that was missing.
    owner = AttemptCookie.from_text(cookie.value, world.certlogin._context.keys.keys(_attempt_use()))
    assert b"remember" in repr(open_response(attempt.sealed_response, owner)).encode()


def _attempt_use() -> Any:
    from certlogin.login.keys import Use

    return Use.ATTEMPT


def _fetched(context: Any, found: Any, now: Any) -> Any:
    return replace(found.attempt, release=Release("", ticket_id="A" * 22, fetched_at=now))


#: An attempt counts as proven, and its release as allowed, without either.
TAKEN_FOR_PROVEN = {
    "certlogin.flows.release._check_token": lambda attempt, token: Proven(Method.PASSWORD, None, attempt.opened_at),
    "certlogin.flows.release._mark_fetched": _fetched,
}
#: A release that was fetched is kept as long as any attempt.
UNENDING = {
    "certlogin.flows.attempts.ends_at": lambda attempt, limits: attempt.opened_at + timedelta(hours=2),
    "certlogin.flows.attempts.check_alive": lambda *_: None,
}


def proven(world: World, unit: str = "U1", answer: str = "") -> tuple[Browser, str]:
    """A browser whose proof was accepted, and the address of its release."""
    issued = world.bind(unit)
    mine = Browser(world)
    mine.log_in(unit, answer)
    mine.report()
    return mine, mine.prove(issued)["next"]


def test_s7_the_release_is_for_the_browser_of_the_attempt(world: World) -> None:
    mine, address = proven(world)
    thief = Browser(world)
    stolen = thief.get(address)
    assert stolen.status == 403
    assert host_cookies(stolen) == set()
    # An attempt of its own does not help either.
    other = world.bind("U2")
    thief.log_in("U2")
    thief.report()
    assert thief.prove(other)["next"] != address
    assert thief.get(address).status == 403
    assert mine.get(address).status == 303
    assert mine.home()["unit"] == "U1"


@companion("test_s7_the_release_is_for_the_browser_of_the_attempt")
def test_s7_companion_with_the_attempts_cookie_another_browser_is_as_good(world: World) -> None:
    """The cookie names the attempt and opens its response: nothing else ties the release to the browser."""
    mine, address = proven(world)
    stolen = mine.jar.named(ATTEMPT)
    assert stolen is not None
    thief = Browser(world)
    thief.jar.receive(f"{ATTEMPT}={stolen.value}; Path=/; Secure", "/")
    thief.get(address)
    assert thief.home()["unit"] == "U1"


@without({"certlogin.flows.release._hash": lambda token: "the same"}, sees="assert 303 == 403")
def test_s7_the_release_wants_its_own_one_time_value(world: World) -> None:
    mine, address = proven(world)
    value = address.rpartition("=")[2]
    for wrong in ("", "x", value[:-1], value + "x", value.swapcase()):
        assert mine.get(f"/login?certlogin_release={wrong}").status == 403
    assert mine.get(f"{address}&certlogin_release={value}").status == 403
    assert mine.get(address).status == 303


@without({**TAKEN_FOR_PROVEN, **NO_LAST_DECISION}, sees="assert 303 == 403")
def test_s7_nothing_is_released_without_a_proof(world: World) -> None:
    world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    mine.report()
    assert mine.get("/login?certlogin_release=guess").status == 403
    assert not mine.is_admitted()


@without(UNENDING, sees="assert 303 in (403, 410)")
def test_s7_it_is_released_once_and_repeated_to_the_same_browser_for_a_minute(world: World) -> None:
    mine, address = proven(world)
    first = mine.get(address)
    world.clock.advance(59)
    again = mine.get(address)
    assert (again.status, again.body) == (first.status, first.body)
    # One login, one ticket id: the repeat opens no second session.
    assert len(world.events("login_released")) == 1
    world.clock.advance(2)
    assert mine.get(address).status in (403, 410)


@without({"certlogin.flows.release.check_held": lambda *_: None}, sees="assert 303 == 410")
def test_s7_a_response_kept_for_too_long_is_not_released(world: World) -> None:
    mine, address = proven(world)
    world.clock.advance(20 * 60)
    late = mine.get(address)
    assert late.status == 410
    assert "hold_expired" in late.text
    assert host_cookies(late) == set()


@without(NO_LAST_DECISION, sees="assert 303 == 403")
def test_s7_a_unit_locked_between_proof_and_release_is_refused(world: World) -> None:
    mine, address = proven(world)
    del world.directory.units[UnitId("U1")]
    answer = mine.get(address)
    assert answer.status == 403
    assert "unit_unknown" in answer.text
    assert host_cookies(answer) == set()


@without(NO_LAST_DECISION, sees="assert 303 == 403")
def test_s7_a_certificate_revoked_between_proof_and_release_is_refused(world: World) -> None:
    mine, address = proven(world)
    world.authority.publish(world.certificate_of("U1"))
    world.clock.advance(2)
    answer = mine.get(address)
    assert answer.status == 403
    assert "certificate_revoked" in answer.text
    assert host_cookies(answer) == set()
    (row,) = world.store.of_unit(UnitId("U1"))
    assert row.state is State.REVOKED


@companion("test_s7_a_certificate_revoked_between_proof_and_release_is_refused")
def test_s7_without_the_last_decision_a_revoked_certificate_would_get_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, address = proven(world)
    world.authority.publish(world.certificate_of("U1"))
    world.clock.advance(2)
    monkeypatch.setattr(releases, "decide_again", lambda *_: None)
    assert host_cookies(mine.get(address)) >= {"session"}


@allows
def test_s7_the_answer_arrives_as_the_host_meant_it(world: World) -> None:
    mine, address = proven(world)
    answer = mine.get(address)
    assert answer.one("location") == "home"
    assert mine.where() == "/home"
    assert answer.one("cache-control") == "no-store"
    # Without a path it belongs to the login address, and it is no cookie of a session, so it is not sealed.
    assert "pathless=1" in answer.all("set-cookie")
    assert host_cookies(answer) == {"session", "remember", "pathless"}


@allows
@pytest.mark.parametrize("answer", ["page", "307"])
def test_s7_pages_and_repeating_redirects_arrive_right(world: World, answer: str) -> None:
    mine, address = proven(world, answer=answer)
    released = mine.get(address)
    if answer == "307":
        # The browser would repeat a GET without a body: the host's next page is simply fetched.
        assert (released.status, released.one("location")) == (303, "home")
    else:
        assert (released.status, released.text) == (200, "欢迎")
    assert mine.home()["unit"] == "U1"


@without({"certlogin.web.resume.Resumer._check_request": lambda *_: None}, sees="assert 200 == 403")
def test_s7_a_login_by_script_is_told_so_and_released_by_a_post(world: World) -> None:
    issued = world.bind("U1")
    mine = Browser(world)
    held = mine.log_in_by_script("U1")
    assert held.status == 403
    said = json.loads(held.body)
    assert (said["code"], said["next"]) == ("certificate_required", "/certlogin/helper")
    assert host_cookies(held) == set()
    mine.report()
    answer = mine.prove(issued)
    assert answer["method"] == "POST"
    assert mine.get(answer["next"]).status == 403
    assert mine.post_json(answer["next"], {}, origin="https://evil.example").status == 403
    released = mine.post_json(answer["next"], {})
    assert (released.status, json.loads(released.body)["ok"], released.one("x-host")) == (200, True, "kept")
    assert mine.home()["unit"] == "U1"


@allows
def test_s7_under_a_mount_point_addresses_are_those_of_the_browser(world: World) -> None:
    issued = world.bind("U1")
    mine = Browser(world, root="/app")
    mine.log_in("U1")
    assert mine.where() == "/app/certlogin/helper"
    assert mine.report()["next"].startswith("/app/certlogin/login")
    address = mine.prove(issued)["next"]
    assert address.startswith("/app/login?")
    mine.get(address)
    assert mine.where() == "/app/home"
    assert mine.home()["unit"] == "U1"


@without({"certlogin.portal.helper.masked_code": lambda code: code}, sees=" is contained here")
def test_s7_a_page_names_the_unit_and_masks_its_code_before_the_proof(world: World) -> None:
    world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    page = mine.follow().text
    unit = world.directory.units[UnitId("U1")]
    assert unit.name in page
    assert unit.code not in page
    assert re.search(r"\*{4,}", page)


def test_the_released_response_is_replaced_by_nothing_a_second_tab_does(world: World) -> None:
    """A repeated proof after the release belongs to an attempt that is over."""
    mine, address = proven(world)
    attempt = mine.attempt_id()
    mine.get(address)
    world.clock.advance(61)
    assert mine.refused("challenge", attempt=attempt, purpose="login") == "attempt_expired"
