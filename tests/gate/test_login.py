"""The main path through every kind of host: A1, A3, A4, A11."""

from certlogin import UnitId
from tests.gate.browser import ATTEMPT, TICKET, Browser
from tests.gate.conftest import MakeWorld
from tests.gate.world import World


def test_a3_a_unit_outside_the_roster_is_admitted_at_once(browser: Browser) -> None:
    answer = browser.log_in("FREE")
    assert answer.status == 303
    assert browser.where() == "/home"
    assert browser.home() == {"page": "home", "unit": "FREE", "identity": {"unit": "FREE", "method": "password"}}


def test_a3_an_operator_without_a_unit_is_admitted_at_once(browser: Browser) -> None:
    browser.log_in("OP")
    assert browser.home()["unit"] == "OP"


def test_a1_nothing_begins_before_the_password_is_right(world: World, browser: Browser) -> None:
    answer = browser.post("/login", {"user": "U1", "password": "wrong"})
    assert answer.status == 401
    assert browser.jar.named(ATTEMPT) is None
    assert browser.jar.named(TICKET) is None
    assert world.events() == []


def test_a4_a_unit_with_a_certificate_logs_in_with_it(world: World, browser: Browser) -> None:
    issued = world.bind("U1")
    answer = browser.log_in_with("U1", issued)
    assert answer.status == 303
    assert browser.where() == "/home"
    assert browser.home() == {"page": "home", "unit": "U1", "identity": {"unit": "U1", "method": "certificate"}}


def test_a4_a_unit_with_a_certificate_is_not_sent_to_the_download(world: World, browser: Browser) -> None:
    world.bind("U1")
    browser.log_in("U1")
    assert browser.report()["next"].startswith("/certlogin/login")


def test_a11_a_certificate_issued_elsewhere_is_matched_and_registered(make_world: MakeWorld) -> None:
    world = make_world(adoption={"unregistered": "match"})
    browser = Browser(world)
    browser.log_in_with("U1", world.certificate_of("U1"))
    assert browser.home()["identity"] == {"unit": "U1", "method": "certificate"}
    (row,) = world.store.of_unit(UnitId("U1"))
    assert row.bound_by == "match"


def test_a11_the_certificate_of_another_unit_is_not_matched(make_world: MakeWorld) -> None:
    world = make_world(adoption={"unregistered": "match"})
    browser = Browser(world)
    browser.log_in("U1")
    browser.report()
    proof = browser.sign(world.certificate_of("U2"), browser.challenge())
    assert browser.refused("proof", **proof) == "certificate_of_another_unit"
    assert world.store.listing() == ()
    assert not browser.is_admitted()
