"""S8 and S9: other sites, other tabs, and floods of attempts."""

import json
from typing import Any

import pytest

from certlogin.web.guard import Guard
from tests.gate.browser import ATTEMPT, Browser
from tests.gate.conftest import MakeWorld
from tests.gate.world import World

FOREIGN = ["https://evil.example", "null", "", "http://survey.example.cn", "https://survey.example.cn.evil.example",
           "https://survey.example.cn:8443", "HTTPS://SURVEY.EXAMPLE.CN", "https://survey.example.cn/"]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
def test_s8_a_login_form_of_another_site_begins_no_attempt(world: World, origin: str) -> None:
    victim = Browser(world)
    answer = victim.log_in("U1", origin=origin)
    assert answer.status == 403
    assert "foreign_origin" in answer.text
    assert world.host_saw("/login") is None
    assert victim.jar.named(ATTEMPT) is None
    assert [event.code for event in world.events("request_refused")] == ["foreign_origin"]


def test_s8_without_the_origin_check_the_attackers_login_begins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guard, "check_origin", lambda self, request: None)
    victim = Browser(world)
    victim.log_in("U1", origin="https://evil.example")
    assert victim.jar.named(ATTEMPT) is not None


@pytest.mark.parametrize("origin", FOREIGN)
def test_s8_a_post_of_another_site_changes_nothing_for_who_is_logged_in(world: World, origin: str) -> None:
    victim = Browser(world)
    victim.log_in("FREE")
    assert victim.post("/home", {"delete": "all"}, origin=origin).status == 403
    assert world.host_saw("/home") is None
    assert victim.post("/logout", origin=origin).status == 403
    assert victim.is_admitted()


@pytest.mark.parametrize("name", ["report", "challenge", "proof", "enrol", "enrol/installed", "leave", "skip"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_s8_our_own_calls_want_our_own_origin(world: World, name: str, origin: str) -> None:
    world.bind("U1")
    victim = Browser(world)
    victim.log_in("U1")
    attempt = victim.attempt_id()
    answer = victim.post_json(f"/certlogin/api/{name}", {"attempt": attempt}, origin=origin)
    assert (answer.status, json.loads(answer.body)["code"]) == (403, "foreign_origin")


def test_s8_a_form_of_another_site_cannot_end_an_attempt(world: World) -> None:
    world.bind("U1")
    victim = Browser(world)
    victim.log_in("U1")
    attempt = victim.attempt_id()
    assert victim.post("/certlogin/leave", {"attempt": attempt}, origin="https://evil.example").status == 403
    assert victim.attempt_id() == attempt
    assert victim.post("/certlogin/leave", {"attempt": attempt}).status == 303
    assert victim.where() == "/login"


@pytest.mark.parametrize("name", ["challenge", "proof", "report", "leave", "skip"])
def test_s8_a_page_of_one_tab_cannot_act_in_the_login_of_another(world: World, name: str) -> None:
    world.bind("U1")
    world.bind("U2")
    mine = Browser(world)
    mine.log_in("U1")
    first = mine.attempt_id()
    mine.log_in("U2")
    messages: dict[str, dict[str, object]] = {
        "challenge": {"purpose": "login"},
        "report": {"state": "ready", "version": "1.0.0.0", "os": "", "arch": ""},
        "proof": {"format": "native", "payload": "e30", "signature": "AAAA", "certificate": "MAA", "chain": []},
    }
    assert mine.refused(name, attempt=first, **messages.get(name, {})) == "other_login_in_progress"


def test_s8_the_second_login_is_the_one_that_goes_on(world: World) -> None:
    world.bind("U1")
    second = world.bind("U2")
    mine = Browser(world)
    mine.log_in("U1")
    mine.log_in_with("U2", second)
    assert mine.home()["unit"] == "U2"


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


def test_s9_an_address_has_a_few_open_attempts(make_world: MakeWorld) -> None:
    world = make_world(attempts={"per_address": 3, "per_unit": 100})
    world.bind("U1")
    world.bind("U2")
    for _ in range(3):
        assert Browser(world).log_in("U1").status == 303
    assert Browser(world).log_in("U2").status == 503
    assert Browser(world, "203.0.113.5").log_in("U2").status == 303


def test_s9_all_held_responses_together_are_bounded(make_world: MakeWorld) -> None:
    world = make_world(attempts={"held_total": 1200, "held_max": 1024, "per_unit": 1000})
    world.bind("U1")
    statuses = [Browser(world, f"198.51.100.{number}").log_in("U1").status for number in range(20)]
    assert statuses[0] == 303
    assert statuses[-1] == 503


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


def test_s9_a_browser_that_logs_in_again_and_again_holds_one_attempt(world: World) -> None:
    world.bind("U1")
    mine = Browser(world)
    for _ in range(20):
        assert mine.log_in("U1").status == 303


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
    mine.get("/certlogin/login", cookie=f"{ATTEMPT}=" + "A" * 22 + "." + "B" * 43 + "." + "C" * 43)
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
