"""S1, S2, S5, S10: a host session works only together with the ticket it was released with."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certlogin.login.policy import Decision, Reason, Step
from certlogin.login.ticket import Ticket
from certlogin.records.identity import Method
from certlogin.records.unit import UnitId
from certlogin.web.cookies import Piece
from certlogin.web.guard import Guard, Pass
from tests import factory
from tests.companions import allows, companion, without
from tests.gate.browser import ATTEMPT, TICKET, Browser
from tests.gate.conftest import MakeWorld
from tests.gate.servers import Answer, Sent
from tests.gate.world import ORIGIN, World

HOST_COOKIES = ("session", "remember")

#: Without the defence the request is answered by the host.
ANSWERED = "assert 200 == 303"
VICTIM = "assert 'U1' is None"
UNSEALED = {"certlogin.web.guard.unseal": lambda sealed, *_: sealed}
UNMENTIONED = {"certlogin.web.guard.mentions": lambda *_: False}
UNCOMPARED = {"certlogin.web.gate.Gate.check_session": lambda self, request, passed, carrier: passed}
UNSIGNED = {"certlogin.login.ticket.holds": lambda *_: True}
UNWATCHED = {
    "certlogin.web.guard.Guard.check": lambda self, request, kind: Pass(
        kind, request.header("cookie"), drop_authorization=False, ticket=None
    )
}
AT_ONCE = {
    "certlogin.login.policy._owed_by_holder": lambda *_: Decision(Step.ADMIT, (Reason.NOT_REQUIRED,), Method.PASSWORD)
}
UNPROTECTED = {"certlogin.web.guard.own_cookie": lambda name, value: ("Set-Cookie", f"{name}={value}; Path=/")}
_CHECK = Guard.check


def _anybody(*_: object) -> Ticket:
    now = factory.NOW
    end = now + timedelta(hours=8)
    return Ticket(secrets.token_hex(8), UnitId("FREE"), Method.PASSWORD, None, now, now, end, "rules")


#: Whatever stands in the cookie, or nothing, is a ticket.
BELIEVED = {"certlogin.web.guard.Guard._ticket": _anybody}


def _longest(pieces: list[Piece], name: str) -> str | None:
    return max((piece.value for piece in pieces if piece.name == name), key=len, default=None)


#: Of two cookies of one name, the better one.
UNCOUNTED = {"certlogin.web.guard.only": _longest}


def _with_cookies(self: Guard, request: Any, kind: Any, **believing: bool) -> Pass:
    return replace(_CHECK(self, request, kind, **believing), cookie=request.header("cookie"))


def bare_session(world: World, unit: str) -> dict[str, str]:
    """The cookies of a session that the host itself gave: from before the roll-out, or around certlogin."""
    sent = Sent(
        "POST",
        "/login",
        (("content-type", "application/x-www-form-urlencoded"),),
        f"user={unit}&password={unit}&answer=page".encode(),
    )
    # Without certlogin nobody puts a slot into the request: the host of that time did not ask for one.
    cookies: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.gate.hosts.password_verified", lambda carrier, unit: None)
        answer = world.bare.send(sent)
    for header in answer.all("set-cookie"):
        name, _, value = header.partition(";")[0].partition("=")
        cookies[name] = value
    assert set(HOST_COOKIES) <= set(cookies)
    return cookies


def cookie_headers(world: World) -> list[str]:
    """The raw `Cookie` header of each request that reaches the host from now on: what any reader could find there."""
    seen: list[str] = []
    guarded: Any = world.server
    host = guarded.app._app

    def noted(carrier: Any, *rest: Any) -> Any:
        fields = [value.decode("latin-1") for name, value in carrier.get("headers", ()) if name == b"cookie"]
        seen.extend([*fields, carrier.get("HTTP_COOKIE", "")])
        return host(carrier, *rest)

    guarded.app._app = noted
    return seen


def home(world: World, cookies: dict[str, str], path: str = "/home") -> Answer:
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return world.send(Sent("GET", path, (("cookie", header),)))


def ticket(browser: Browser) -> str:
    found = browser.jar.named(TICKET)
    assert found is not None
    return found.value


def jar_of(browser: Browser) -> dict[str, str]:
    return {cookie.name: cookie.value for cookie in browser.jar.all() if cookie.value}


@without(UNSEALED, sees=VICTIM)
@pytest.mark.parametrize("stolen", HOST_COOKIES)
def test_s1_a_ticket_of_a_with_a_session_of_b_from_before_the_roll_out(world: World, stolen: str) -> None:
    old = bare_session(world, "U1")
    mine = Browser(world)
    mine.log_in("FREE")
    home(world, {TICKET: ticket(mine), stolen: old[stolen]})
    assert (world.host_saw("/home") or {})["unit"] is None
    # Without certlogin in front the same cookie is the victim's session.
    world.bare.send(Sent("GET", "/home", (("cookie", f"{stolen}={old[stolen]}"),)))
    assert (world.host_saw("/home") or {})["unit"] == "U1"


@without({"certlogin.login.seal.holds": lambda *_: True}, sees=VICTIM)
@pytest.mark.parametrize("stolen", HOST_COOKIES)
def test_s1_a_sealed_session_works_with_its_own_ticket_only(world: World, stolen: str) -> None:
    victim, mine = Browser(world), Browser(world)
    victim.log_in_with("U1", world.bind("U1"))
    mine.log_in("FREE")
    sealed = jar_of(victim)[stolen]
    home(world, {TICKET: ticket(mine), stolen: sealed})
    assert (world.host_saw("/home") or {})["unit"] is None
    # The companion: with the ticket it was released with it is a session.
    home(world, {TICKET: ticket(victim), stolen: sealed})
    assert (world.host_saw("/home") or {})["unit"] == "U1"


@without(UNSEALED, sees="assert (['")
@pytest.mark.parametrize("name", HOST_COOKIES)
@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.rpartition("~")[0],
        lambda value: value + "~" + "A" * 43,
        lambda value: value[:-1],
        lambda value: value.swapcase(),
        lambda value: "U1" + value[value.rindex("~") :],
    ],
    ids=["seal cut off", "second seal", "truncated", "other case", "other value"],
)
def test_s1_a_changed_seal_is_no_session(world: World, name: str, change: object) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    value = jar_of(mine)[name]
    assert callable(change)
    home(world, {TICKET: ticket(mine), name: change(value)})
    saw = world.host_saw("/home") or {}
    assert (list(saw["cookies"]), saw["unit"]) == ([], None)
    home(world, {TICKET: ticket(mine), name: value})
    assert (world.host_saw("/home") or {})["unit"] == "FREE"


@without(AT_ONCE, sees="assert 'session' not in {")
def test_s1_the_session_of_a_dropped_attempt_has_never_left(world: World) -> None:
    """Nothing to steal: no cookie of the host leaves before the proof."""
    world.bind("U1")
    mine = Browser(world)
    answer = mine.log_in("U1")
    names = {header.partition("=")[0] for header in answer.all("set-cookie")}
    assert "session" not in names
    assert names <= {ATTEMPT, TICKET}


@without(UNWATCHED, sees=ANSWERED)
def test_s1_an_old_session_opens_nothing_by_itself(world: World) -> None:
    old = bare_session(world, "U1")
    answer = home(world, old)
    assert answer.status == 303
    assert world.host_saw("/home") is None


@without(UNCOMPARED, sees=VICTIM)
def test_s1_an_old_session_is_nobody_on_the_login_page(make_world: MakeWorld) -> None:
    world = make_world(compare=True)
    old = bare_session(world, "U1")
    home(world, {"session": old["session"]}, "/login")
    assert (world.host_saw("/login") or {})["unit"] is None


@allows
def test_s1_a_pre_login_cookie_reaches_the_login_page(make_world: MakeWorld) -> None:
    """The companion: what nobody is logged in with stays, so that forms and captchas work."""
    world = make_world(compare=True)
    mine = Browser(world)
    mine.get("/login")
    before = jar_of(mine)["session"]
    mine.get("/login")
    assert (world.host_saw("/login") or {})["cookies"]["session"] == before


@without({"certlogin.web.guard.looks_sealed": lambda _: False}, sees="assert 'session' not in {")
def test_s1_a_sealed_cookie_is_no_pre_login_cookie(world: World) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    home(world, {"session": jar_of(mine)["session"]}, "/login")
    assert "session" not in (world.host_saw("/login") or {})["cookies"]


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("{ticket}; {ticket}", marks=without(UNCOUNTED, sees=ANSWERED)),
        pytest.param("{ticket}; " + TICKET + "=tossed", marks=without(UNCOUNTED, sees=ANSWERED)),
        pytest.param(TICKET + "=tossed; {ticket}", marks=without(UNCOUNTED, sees=ANSWERED)),
        pytest.param("{ticket}x", marks=without(UNSIGNED, sees=ANSWERED)),
        pytest.param("{ticket}.", marks=without(BELIEVED, sees=ANSWERED)),
        pytest.param(TICKET + "=", marks=without(BELIEVED, sees=ANSWERED)),
        pytest.param("", marks=without(BELIEVED, sees=ANSWERED)),
    ],
)
def test_s2_a_ticket_that_is_doubled_tossed_or_changed_is_none(world: World, header: str) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    cookies = jar_of(mine)
    cookie = header.format(ticket=f"{TICKET}={cookies[TICKET]}")
    rest = f"session={cookies['session']}"
    answer = world.send(Sent("GET", "/home", (("cookie", f"{cookie}; {rest}".strip("; ")),)))
    assert answer.status == 303
    assert world.host_saw("/home") is None
    world.send(Sent("GET", "/home", (("cookie", f"{TICKET}={cookies[TICKET]}; {rest}"),)))
    assert (world.host_saw("/home") or {})["unit"] == "FREE"


@without(UNCOUNTED, sees=ANSWERED)
def test_s2_two_cookie_headers_are_one(world: World) -> None:
    """A sibling domain's tossed cookie may come in a header line of its own."""
    mine = Browser(world)
    mine.log_in("FREE")
    twice = (("cookie", f"{TICKET}={ticket(mine)}"), ("cookie", f"{TICKET}=tossed"))
    assert world.send(Sent("GET", "/home", twice)).status == 303


@without({"certlogin.web.recheck.Rechecker.end": lambda *_: None}, sees="assert 200 >= 300")
def test_s2_a_ticket_replayed_after_logout_is_refused(world: World) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    kept = jar_of(mine)
    assert home(world, kept).status == 200
    mine.post("/logout")
    assert home(world, kept).status >= 300
    assert [event.code for event in world.events("ticket_refused")] == ["ticket_ended"]


@without(UNPROTECTED, sees="<= {'path=/'}")
def test_s2_the_ticket_cookie_is_one_a_browser_protects(world: World) -> None:
    mine = Browser(world)
    answer = mine.log_in("FREE")
    (header,) = [value for value in answer.all("set-cookie") if value.startswith(TICKET)]
    attributes = {part.strip().lower() for part in header.split(";")[1:]}
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= attributes
    assert not any(attribute.startswith("domain") for attribute in attributes)


@without(UNMENTIONED, sees="assert ('U1', ")
@pytest.mark.parametrize("path", ["/about", "/static/app.js"])
def test_s5_a_public_path_sees_no_session_and_no_authorization(world: World, path: str) -> None:
    old = bare_session(world, "U1")
    header = "; ".join([*(f"{name}={value}" for name, value in old.items()), "theme=dark"])
    world.send(Sent("GET", path, (("cookie", header), ("authorization", "Basic dTp1"))))
    saw = world.host_saw(path) or {}
    assert (saw["unit"], saw["cookies"], saw["authorization"]) == (None, {"theme": "dark"}, None)
    world.bare.send(Sent("GET", path, (("cookie", header),)))
    assert (world.host_saw(path) or {})["unit"] == "U1"


@without(UNMENTIONED, sees="assert 'session' not in ")
@pytest.mark.parametrize(
    "smuggled",
    ['a="; session={value}"', "a=b,session={value}", "a=b session={value}", "SESSION={value}", "session ={value}"],
)
def test_s5_a_session_hidden_in_another_cookie_is_removed(world: World, smuggled: str) -> None:
    value = bare_session(world, "U1")["session"]
    forwarded = cookie_headers(world)
    world.send(Sent("GET", "/about", (("cookie", smuggled.format(value=value)),)))
    assert "session" not in "".join(forwarded).lower()
    assert (world.host_saw("/about") or {})["unit"] is None


@without({"certlogin.web.guard.Guard.check": _with_cookies}, sees="assert ('U1', ")
def test_s5_a_machine_path_sees_no_cookies_and_keeps_its_authorization(world: World) -> None:
    old = bare_session(world, "U1")
    header = "; ".join(f"{name}={value}" for name, value in old.items())
    world.send(Sent("GET", "/feed/units", (("cookie", header), ("authorization", "Bearer machine"))))
    saw = world.host_saw("/feed/units") or {}
    assert (saw["unit"], saw["cookies"], saw["authorization"]) == (None, {}, "Bearer machine")


@allows
def test_s5_a_public_path_with_a_ticket_sees_the_session(world: World) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    mine.get("/about")
    assert (world.host_saw("/about") or {})["unit"] == "FREE"


@without({"certlogin.web.guard.Guard.drop_cookies": lambda self, headers: headers}, sees="assert ['session=")
def test_s5_a_session_set_on_a_public_path_does_not_leave(make_world: MakeWorld) -> None:
    """The host begins one on its `/login`, which here is a public page."""
    world = make_world(host={"paths": {"login": ["/other/login"], "public": ["/login"]}})
    answer = Browser(world).get("/login")
    assert answer.all("set-cookie") == []
    assert answer.text == "login page"
    assert world.bare.send(Sent("GET", "/login")).all("set-cookie") != []


def test_s10_a_host_that_switches_users_behind_our_back_is_caught(make_world: MakeWorld) -> None:
    world = make_world(compare=True)
    mine = Browser(world)
    mine.log_in("FREE")
    assert mine.home()["unit"] == "FREE"
    _switch(world, mine)
    answer = mine.get("/home")
    assert answer.status == 403
    assert "session_of_another_unit" in answer.text
    assert [event.code for event in world.events("session_check")] == ["session_of_another_unit"]
    # The ticket is over, not only this request.
    assert mine.get("/home").status != 200


@companion("test_s10_a_host_that_switches_users_behind_our_back_is_caught")
def test_s10_without_a_comparison_the_switch_goes_unnoticed(make_world: MakeWorld) -> None:
    """The companion: `current_unit` is what catches it."""
    world = make_world(compare=False)
    mine = Browser(world)
    mine.log_in("FREE")
    _switch(world, mine)
    assert mine.home()["unit"] == "U1"


def _switch(world: World, browser: Browser) -> None:
    """The host itself gives this browser a session of another unit: its seal is genuine, its content is not."""
    raw = bare_session(world, "U1")["session"]
    with pytest.MonkeyPatch.context() as patch:
        seen = Guard.seal_cookies

        def with_other_session(self: Guard, headers: object, found: object) -> object:
            return seen(self, (("Set-Cookie", f"session={raw}; Path=/"),), found)  # type: ignore[arg-type]

        patch.setattr(Guard, "seal_cookies", with_other_session)
        browser.get("/home")


def test_a_new_login_ends_the_old_ticket(world: World) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    kept = jar_of(mine)
    mine.log_in("OP")
    assert mine.home()["unit"] == "OP"
    assert home(world, kept).status != 200


def test_the_login_page_is_an_admitted_page_for_who_is_logged_in(world: World) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    mine.get("/login")
    assert (world.host_saw("/login") or {})["unit"] == "FREE"


def test_a_script_without_a_ticket_is_told_where_to_log_in(world: World) -> None:
    answer = world.send(Sent("GET", "/home", (("accept", "application/json"),)))
    assert (answer.status, answer.text) == (401, '{"code": "ticket_missing", "next": "/login"}')
    posted = world.send(Sent("POST", "/home", (("origin", ORIGIN),)))
    assert posted.status == 401
