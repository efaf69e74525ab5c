"""S8 and S9: other sites, other tabs, and floods of attempts."""

import json
from typing import Any

import pytest

from certlogin.web.guard import Guard
from tests.companions import allows, companion, without
from tests.factory import Issued
from tests.gate.browser import ATTEMPT, Browser
from tests.gate.conftest import MakeWorld
from tests.gate.undefended_proof import BELIEVED, OPEN_TO_OTHER_SITES, RELEASED
from tests.gate.world import ROSTER, World

FOREIGN = ["https://evil.example", "null", "", "http://survey.example.cn", "https://survey.example.cn.evil.example",
           "https://survey.example.cn:8443", "HTTPS://SURVEY.EXAMPLE.CN", "https://survey.example.cn/"]  # fmt: skip

#: Advice that U1 and U2 may skip twice.
ADVISED = {"require": [{"name": "soon", "tag": ROSTER, "stage": "advise", "skips": 2}]}
ANY_TAB = {"certlogin.web.own.check_public_id": lambda *_: None}
UNCAPPED = {"certlogin.stores.memory.MemoryStore._check_caps": lambda *_: None}
FRAMED = {"certlogin.web.pages.csp": lambda ports: "default-src 'none'"}


@without(OPEN_TO_OTHER_SITES, sees="assert 303 == 403")
@pytest.mark.parametrize("origin", FOREIGN)
def test_s8_a_login_form_of_another_site_begins_no_attempt(world: World, origin: str) -> None:
    victim = Browser(world)
    answer = victim.log_in("U1", origin=origin)
    assert answer.status == 403
    assert "foreign_origin" in answer.text
    assert world.host_saw("/login") is None
    assert victim.jar.named(ATTEMPT) is None
    assert [event.code for event in world.events("request_refused")] == ["foreign_origin"]


@companion("test_s8_a_login_form_of_another_site_begins_no_attempt")
def test_s8_without_the_origin_check_the_attackers_login_begins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guard, "check_origin", lambda self, request: None)
    victim = Browser(world)
    victim.log_in("U1", origin="https://evil.example")
    assert victim.jar.named(ATTEMPT) is not None


@without(OPEN_TO_OTHER_SITES, sees="assert 200 == 403")
@pytest.mark.parametrize("origin", FOREIGN)
def test_s8_a_post_of_another_site_changes_nothing_for_who_is_logged_in(world: World, origin: str) -> None:
    victim = Browser(world)
    victim.log_in("FREE")
    assert victim.post("/home", {"delete": "all"}, origin=origin).status == 403
    assert world.host_saw("/home") is None
    assert victim.post("/logout", origin=origin).status == 403
    assert victim.is_admitted()


def messages(browser: Browser, issued: Issued) -> dict[str, dict[str, object]]:
    """What the calls of a login carry, each as it would be accepted."""
    return {
        "report": {"state": "ready", "version": "1.0.0.0", "os": "", "arch": ""},
        "challenge": {"purpose": "login"},
        "proof": browser.sign(issued, browser.challenge()),
        "leave": {},
    }


@without(OPEN_TO_OTHER_SITES, sees="assert (200, None) == (403, 'foreign_origin')")
@pytest.mark.parametrize("name", ["report", "challenge", "proof", "leave"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_s8_our_own_calls_want_our_own_origin(mine: Browser, issued: Issued, name: str, origin: str) -> None:
    message = {"attempt": mine.attempt_id(), **messages(mine, issued)[name]}
    answer = mine.post_json(f"/certlogin/api/{name}", message, origin=origin)
    assert (answer.status, json.loads(answer.body).get("code")) == (403, "foreign_origin")


@without(OPEN_TO_OTHER_SITES, sees="assert (200, None) == (403, 'foreign_origin')")
def test_s8_another_site_cannot_skip_what_is_advised(make_world: MakeWorld) -> None:
    victim = Browser(make_world(rules=ADVISED))
    victim.log_in("U1")
    message = {"attempt": victim.attempt_id()}
    answer = victim.post_json("/certlogin/api/skip", message, origin="https://evil.example")
    assert (answer.status, json.loads(answer.body).get("code")) == (403, "foreign_origin")


@pytest.mark.parametrize("name", ["enrol", "enrol/installed"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_the_calls_of_a_download_want_our_own_origin(mine: Browser, name: str, origin: str) -> None:
    answer = mine.post_json(f"/certlogin/api/{name}", {"attempt": mine.attempt_id()}, origin=origin)
    assert (answer.status, json.loads(answer.body)["code"]) == (403, "foreign_origin")


@without(OPEN_TO_OTHER_SITES, sees="assert 303 == 403")
def test_s8_a_form_of_another_site_cannot_end_an_attempt(world: World) -> None:
    world.bind("U1")
    victim = Browser(world)
    victim.log_in("U1")
    attempt = victim.attempt_id()
    assert victim.post("/certlogin/leave", {"attempt": attempt}, origin="https://evil.example").status == 403
    assert victim.attempt_id() == attempt
    assert victim.post("/certlogin/leave", {"attempt": attempt}).status == 303
    assert victim.where() == "/login"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        pytest.param("challenge", "challenge", marks=without(ANY_TAB, sees='"challenge":')),
        pytest.param("report", "next", marks=without(ANY_TAB, sees='"next":')),
        pytest.param("proof", "next", marks=without(ANY_TAB, sees=RELEASED)),
        pytest.param("leave", "next", marks=without(ANY_TAB, sees='{"next": "/login"}')),
    ],
)
def test_s8_a_page_of_one_tab_cannot_act_in_the_login_of_another(world: World, name: str, answer: str) -> None:
    world.bind("U1")
    second = world.bind("U2")
    mine = Browser(world)
    mine.log_in("U1")
    first = mine.attempt_id()
    mine.log_in("U2")
    message = messages(mine, second)[name]
    assert mine.refused(name, attempt=first, **message) == "other_login_in_progress"
    assert mine.asked(name, **message)[answer]


@without(ANY_TAB, sees=RELEASED)
def test_s8_a_page_of_one_tab_cannot_skip_in_the_login_of_another(make_world: MakeWorld) -> None:
    mine = Browser(make_world(rules=ADVISED))
    mine.log_in("U1")
    first = mine.attempt_id()
    mine.log_in("U2")
    assert mine.refused("skip", attempt=first) == "other_login_in_progress"


@allows
def test_s8_the_second_login_is_the_one_that_goes_on(world: World) -> None:
    world.bind("U1")
    second = world.bind("U2")
    mine = Browser(world)
    mine.log_in("U1")
    mine.log_in_with("U2", second)
    assert mine.home()["unit"] == "U2"


@without(BELIEVED, sees=RELEASED)
def test_s8_an_attempt_planted_in_the_victims_browser_is_shown_with_its_unit(world: World) -> None:
    """A cookie tossed by a sibling site: what goes on names the attacker's unit, and the victim's key does not fit."""
    world.bind("U2")
    victims = world.bind("U1")
    attacker, victim = Browser(world), Browser(world)
    attacker.log_in("U2")
    planted = attacker.jar.named(ATTEMPT)
    assert planted is not None
    victim.jar.receive(f"{ATTEMPT}={planted.value}; Path=/; Secure", "/")
    page = victim.get("/certlogin/login").text + victim.get("/certlogin/helper").text
    assert world.directory.units[world.store.listing()[1].unit_id].name in page
    victim.report()
    proof = victim.sign(victims, victim.challenge())
    assert victim.refused("proof", **proof) == "certificate_of_another_unit"


@without(FRAMED, sees="assert \"frame-ancestors 'none'\" in ")
@pytest.mark.parametrize("page", ["/certlogin/helper", "/certlogin/helper/download", "/certlogin/help/lost"])
def test_s8_pages_cannot_be_framed(world: World, page: str) -> None:
    answer = Browser(world).get(page)
    assert answer.status == 200
    policy = answer.one("content-security-policy")
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.one("cross-origin-opener-policy") == "same-origin"
    assert answer.one("cache-control") == "no-store"


# --- S9


@without(UNCAPPED, sees="assert 303 == 503")
def test_s9_a_unit_has_a_few_open_attempts_and_others_log_in_all_the_same(world: World) -> None:
    world.bind("U1")
    other = world.bind("U2")
    for number in range(8):
        assert Browser(world, f"198.51.100.{number}").log_in("U1").status == 303
    ninth = Browser(world, "198.51.100.9").log_in("U1")
    assert ninth.status == 503
    assert int(ninth.one("retry-after")) > 0
    assert "too_many_attempts" in ninth.text
    mine = Browser(world, "203.0.113.5")
    mine.log_in_with("U2", other)
    assert mine.home()["unit"] == "U2"


@without(UNCAPPED, sees="assert 303 == 503")
def test_s9_an_address_has_a_few_open_attempts(make_world: MakeWorld) -> None:
    world = make_world(attempts={"per_address": 3, "per_unit": 100})
    world.bind("U1")
    world.bind("U2")
    for _ in range(3):
        assert Browser(world).log_in("U1").status == 303
    assert Browser(world).log_in("U2").status == 503
    assert Browser(world, "203.0.113.5").log_in("U2").status == 303


@without(UNCAPPED, sees="assert 303 == 503")
def test_s9_all_held_responses_together_are_bounded(make_world: MakeWorld) -> None:
    world = make_world(attempts={"held_total": 1200, "held_max": 1024, "per_unit": 1000})
    world.bind("U1")
    statuses = [Browser(world, f"198.51.100.{number}").log_in("U1").status for number in range(20)]
    assert statuses[0] == 303
    assert statuses[-1] == 503


@without(UNCAPPED, sees="assert 303 == 503")
def test_s9_caps_are_freed_by_time_and_by_leaving(world: World) -> None:
    world.bind("U1")
    people = [Browser(world, f"198.51.100.{number}") for number in range(8)]
    for person in people:
        person.log_in("U1")
    assert Browser(world).log_in("U1").status == 503
    people[0].asked("leave")
    assert Browser(world).log_in("U1").status == 303
    assert Browser(world).log_in("U1").status == 503
    world.clock.advance(30 * 60 + 1)
    assert Browser(world).log_in("U1").status == 303


@without({"certlogin.web.hold.drop_attempt": lambda *_: None}, sees="assert 503 == 303")
def test_s9_a_browser_that_logs_in_again_and_again_holds_one_attempt(world: World) -> None:
    world.bind("U1")
    mine = Browser(world)
    for _ in range(20):
        assert mine.log_in("U1").status == 303


@without({"certlogin.login.attempt.holds": lambda *_: True}, sees="] == []")
def test_s9_a_cookie_that_is_not_ours_costs_no_look_into_the_store(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    volatile = world.certlogin._context.volatile
    load = volatile.load

    def noting(key: str) -> Any:
        asked.append(key)
        return load(key)

    monkeypatch.setattr(volatile, "load", noting)
    mine = Browser(world)
    mine.get("/certlogin/login", cookie=f"{ATTEMPT}=" + "A" * 22 + "." + "A" * 43 + "." + "A" * 43)
    assert asked == []
    world.bind("U1")
    mine.log_in("U1")
    mine.get("/certlogin/login")
    assert len(asked) >= 1


# --- an attempt's time


@pytest.mark.parametrize(("seconds", "code"), [(30 * 60, "attempt_expired"), (2 * 3600 + 1, "attempt_missing")])
def test_an_attempt_ends_when_it_is_idle(world: World, seconds: int, code: str) -> None:
    world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    attempt = mine.attempt_id()
    world.clock.advance(seconds)
    # A new attempt lets the store forget what is over.
    Browser(world).log_in("U1")
    assert mine.refused("challenge", attempt=attempt, purpose="login") == code


def test_no_pin_is_asked_for_a_login_that_could_not_be_released(world: World) -> None:
    world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    for _ in range(4):
        mine.report()
        world.clock.advance(5 * 60)
    assert mine.refused("challenge", purpose="login") == "hold_expired"


def test_a_page_without_an_attempt_says_to_log_in(world: World) -> None:
    for path in ("/certlogin/login", "/certlogin/enrol", "/certlogin/enrol/done", "/certlogin/"):
        answer = Browser(world).get(path)
        assert answer.status == 403
        assert "attempt_missing" in answer.text
        assert 'href="/login"' in answer.text


def test_two_requests_of_one_attempt_do_not_lose_each_others_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report that loses a race is applied to what the winner left."""
    world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    attempt = mine.attempt_id()
    volatile = world.certlogin._context.volatile
    replace = volatile.replace
    losses = iter([False, False])

    def losing(old: object, new: object, keep_until: object) -> bool:
        return next(losses, True) and replace(old, new, keep_until)  # type: ignore[arg-type]

    monkeypatch.setattr(volatile, "replace", losing)
    assert mine.asked("report", attempt=attempt, state="ready", version="1.0.0.0", os="", arch="")["next"]
