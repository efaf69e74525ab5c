"""S11 to S14: what takes effect, how soon, and what a password alone never does."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certlogin import Requirement, Stage, Unit
from certlogin.flows.login import _presented
from certlogin.records.audit import AuditEvent
from certlogin.records.certificate import State
from certlogin.records.unit import UnitId
from certlogin.stores.base import DownloadGrant
from certlogin.web.recheck import Rechecker
from tests.companions import allows, companion, without
from tests.gate.browser import ATTEMPT, TICKET, Browser
from tests.gate.conftest import MakeWorld
from tests.gate.undefended_proof import HOLDER_BY_PASSWORD, PASTLESS, UNCHECKED, password_enough
from tests.gate.world import ORIGIN, World

U1 = UnitId("U1")


@pytest.fixture
def admitted(world: World) -> Browser:
    mine = Browser(world)
    mine.log_in_with("U1", world.bind("U1"))
    assert mine.is_admitted()
    return mine


#: What the helper says to the page is the version that counts.
BY_THE_PAGE = {
    "certlogin.flows.login._presented": lambda *accepted: replace(_presented(*accepted), helper_version=(9, 9, 9, 9))
}
#: What is to be refused is admitted.
UNREFUSED = {"certlogin.login.policy._refuse": password_enough}
#: What an assertion says that somebody is out, when he is not.
STILL_IN = "assert not True"


# --- S11: within `recheck` (60 s)


def after_recheck(world: World, browser: Browser) -> tuple[bool, str]:
    """Whether the browser is still in after 60 seconds, and the code of the refusal."""
    world.clock.advance(60)
    inside = browser.is_admitted()
    refused = world.events("ticket_refused")
    return inside, refused[0].code if refused else ""


@allows
def test_s11_without_a_change_the_ticket_holds(world: World, admitted: Browser) -> None:
    assert after_recheck(world, admitted) == (True, "")


@without(UNCHECKED, sees="assert (True, '')")
def test_s11_a_revoked_certificate(world: World, admitted: Browser) -> None:
    world.authority.publish(world.certificate_of("U1"))
    assert after_recheck(world, admitted) == (False, "certificate_revoked")
    # Dropped off the list later, it stays revoked for us (S16).
    world.authority.publish()
    assert after_recheck(world, admitted) == (False, "certificate_revoked")


@without(UNCHECKED, sees="assert (True, '')")
def test_s11_a_certificate_ended_in_the_registry(world: World, admitted: Browser) -> None:
    world.set_state("U1", State.REVOKED)
    assert after_recheck(world, admitted) == (False, "certificate_revoked")


@without(UNCHECKED, sees="assert (True, '')")
def test_s11_a_locked_unit(world: World, admitted: Browser) -> None:
    del world.directory.units[U1]
    assert after_recheck(world, admitted) == (False, "unit_unknown")


@without(UNCHECKED, sees="assert (True, '')")
def test_s11_a_certificate_that_expires(world: World) -> None:
    issued = world.bind("U1")
    end = issued.certificate.not_valid_after_utc
    world.authority.publish(at=end)
    world.clock.now = end - timedelta(seconds=59)
    mine = Browser(world)
    mine.log_in_with("U1", issued)
    assert mine.is_admitted()
    assert after_recheck(world, mine) == (False, "certificate_expired")


@without(UNCHECKED, sees="assert (True, '')")
def test_s11_a_rule_that_becomes_enforce(make_world: MakeWorld) -> None:
    world = make_world()
    mine = Browser(world)
    mine.log_in("FREE")
    unit = world.directory.units[UnitId("FREE")]
    world.directory.units[UnitId("FREE")] = replace(unit, tags=frozenset({"一套表"}))
    assert after_recheck(world, mine) == (False, "certificate_required")


@without({"certlogin.web.recheck.Rechecker.end": lambda *_: None}, sees=STILL_IN)
def test_s11_a_ticket_ended_in_this_worker_is_over_at_once(world: World, admitted: Browser) -> None:
    kept = {cookie.name: cookie.value for cookie in admitted.jar.all()}
    admitted.post("/logout")
    for name, value in kept.items():
        admitted.jar.receive(f"{name}={value}; Path=/; Secure", "/")
    assert not admitted.is_admitted()


@companion("test_s11_a_locked_unit")
def test_s11_without_the_recheck_a_locked_unit_stays(
    world: World, admitted: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    del world.directory.units[U1]
    monkeypatch.setattr(Rechecker, "due", lambda self, ticket, now: False)
    assert after_recheck(world, admitted) == (True, "")


@without({"certlogin.login.ticket.holds": lambda *_: True}, sees="assert True is False")
def test_s11_a_rotated_key_still_verifies_and_a_removed_one_does_not(make_world: MakeWorld, tmp_path: Any) -> None:
    first = make_world(site={"origin": ORIGIN, "secret_keys": ["a" * 32], "label": "survey"})
    mine = Browser(first)
    mine.log_in("FREE")
    (tmp_path / "second").mkdir()
    for keys, inside in ((["b" * 32, "a" * 32], True), (["b" * 32], False)):
        table = {"origin": ORIGIN, "secret_keys": keys, "label": "survey"}
        server = _again(first, table)
        mine.world = replace(first, server=server)
        assert mine.is_admitted() is inside


def _again(world: World, site: dict[str, Any]) -> Any:
    """The same host behind a second start of certlogin with other keys."""
    from certlogin import CertLogin
    from certlogin.app import Host, StorePair, Surroundings
    from tests.gate.servers import AsgiServer, WsgiServer

    context = world.certlogin._context
    settings = replace(context.settings, site=replace(context.settings.site, secret_keys=tuple(site["secret_keys"])))
    host = Host(world.directory)
    stores = StorePair(context.volatile, context.durable)
    made = CertLogin(settings, host, Surroundings(clock=world.clock), stores)
    app: Any = world.bare.app  # type: ignore[attr-defined]
    return AsgiServer(made.asgi(app)) if world.kind == "asgi" else WsgiServer(made.wsgi(app))


def test_a_ticket_is_idle_for_half_an_hour_at_most(world: World, admitted: Browser) -> None:
    world.clock.advance(30 * 60 - 1)
    assert admitted.is_admitted()
    world.clock.advance(30 * 60)
    assert not admitted.is_admitted()


def test_a_ticket_ends_after_eight_hours_however_busy(world: World, admitted: Browser) -> None:
    for _ in range(8 * 3 - 1):
        world.clock.advance(20 * 60)
        assert admitted.is_admitted()
    world.clock.advance(20 * 60)
    assert not admitted.is_admitted()


# --- S12


def unit_of_the_past(world: World, state: State) -> None:
    world.bind("U1")
    world.set_state("U1", state)


@without(PASTLESS, sees="assert 303 == 403")
@pytest.mark.parametrize("state", [State.REVOKED, State.SUPERSEDED, State.EXPIRED])
def test_s12_a_password_alone_gets_no_certificate_for_a_unit_that_had_one(world: World, state: State) -> None:
    unit_of_the_past(world, state)
    mine = Browser(world)
    answer = mine.log_in("U1")
    assert answer.status == 403
    assert "reissue_required" in answer.text
    assert "400-000-0000" in answer.text
    assert mine.jar.named(ATTEMPT) is None


@allows
def test_s12_a_unit_that_never_had_one_is_led_to_the_download(world: World) -> None:
    mine = Browser(world)
    assert mine.log_in("U1").status == 303
    assert mine.report()["next"].startswith("/certlogin/enrol")


@without(PASTLESS, sees="assert 303 == 403")
def test_s12_after_an_operators_word_the_unit_may_download_again(world: World) -> None:
    unit_of_the_past(world, State.REVOKED)
    grant = DownloadGrant(U1, world.clock.now, world.clock.now + timedelta(days=7), "operator")
    world.store.grant(grant, AuditEvent(world.clock.now, "download_granted", "ok", U1))
    mine = Browser(world)
    assert mine.log_in("U1").status == 303
    assert mine.report()["next"].startswith("/certlogin/enrol")
    world.clock.advance(7 * 24 * 3600 + 1)
    assert Browser(world).log_in("U1").status == 403


# --- S13


def stages() -> list[Any]:
    return [
        pytest.param({"rules": {"require": []}}, id="no rule"),
        pytest.param({"rules": {"require": [{"name": "r", "tag": "一套表", "stage": "report"}]}}, id="report"),
        pytest.param(
            {"rules": {"require": [{"name": "r", "tag": "一套表", "stage": "advise", "skips": 0}]}}, id="skips used up"
        ),
    ]


@without(HOLDER_BY_PASSWORD, sees=STILL_IN)
@pytest.mark.parametrize("changes", stages())
@pytest.mark.parametrize("tags", [frozenset({"一套表"}), frozenset(), frozenset({"exempt"})])
def test_s13_a_unit_with_an_active_certificate_always_proves_it(
    make_world: MakeWorld, changes: dict[str, Any], tags: frozenset[str]
) -> None:
    world = make_world(**changes)
    world.bind("U1")
    world.directory.units[U1] = replace(world.directory.units[U1], tags=tags)
    mine = Browser(world)
    answer = mine.log_in("U1")
    following = mine.where()
    assert not mine.is_admitted()
    assert following.startswith("/certlogin/")
    assert not [header for header in answer.all("set-cookie") if header.startswith(("session=", "remember="))]
    assert mine.refused("skip") == "certificate_required"
    assert not mine.is_admitted()


@without(UNREFUSED, sees=STILL_IN)
def test_s13_an_empty_answer_of_the_directory_refuses(world: World) -> None:
    world.bind("U1")
    del world.directory.units[U1]
    mine = Browser(world)
    answer = mine.log_in("U1")
    assert not mine.is_admitted()
    assert answer.status == 403
    assert "unit_unknown" in answer.text


@without(HOLDER_BY_PASSWORD, sees=STILL_IN)
def test_s13_a_host_callable_cannot_let_a_bound_unit_in(make_world: MakeWorld) -> None:
    world = make_world(requirement=lambda unit, now: None)
    mine = Browser(world)
    assert mine.log_in("U1").status == 303
    assert mine.home()["unit"] == "U1"
    world.bind("U1")
    other = Browser(world)
    other.log_in("U1")
    assert not other.is_admitted()


def test_the_hosts_own_callable_replaces_the_rules_and_its_reason_is_written(make_world: MakeWorld) -> None:
    def require(unit: Unit, now: object) -> Requirement | None:
        return Requirement("ordered by the province", Stage.ENFORCE) if unit.id == "FREE" else None

    world = make_world(requirement=require)
    assert Browser(world).log_in("FREE").status == 303
    assert [event.facts["rule"] for event in world.events("login_held")] == ["ordered by the province"]


def test_an_advised_certificate_can_be_skipped_a_few_times(make_world: MakeWorld) -> None:
    world = make_world(rules={"require": [{"name": "soon", "tag": "一套表", "stage": "advise", "skips": 2}]})
    for _ in range(2):
        mine = Browser(world)
        mine.log_in("U1")
        answer = mine.asked("skip")
        mine.get(answer["next"])
        assert mine.home()["identity"] == {"unit": "U1", "method": "password"}
        # A recheck does not throw out who was told that he may go on.
        world.clock.advance(61)
        assert mine.is_admitted()
    third = Browser(world)
    third.log_in("U1")
    assert third.refused("skip") == "certificate_required"


def test_who_owes_nothing_any_more_is_sent_to_log_in_again(world: World) -> None:
    """The rule was lifted, or the unit left the roster, while the attempt was open."""
    mine = Browser(world)
    mine.log_in("U1")
    world.directory.units[U1] = replace(world.directory.units[U1], tags=frozenset())
    assert mine.report()["next"] == "/login"
    mine.get("/certlogin/enrol")
    assert mine.where() == "/login"
    mine.log_in("U1")
    assert mine.home()["identity"] == {"unit": "U1", "method": "password"}


# --- S14


@without(BY_THE_PAGE, sees="'release' is contained here")
@pytest.mark.parametrize("version", ["9.9.9.9", "0.0.0.1"])
def test_s14_a_lying_report_changes_the_page_and_never_the_admission(make_world: MakeWorld, version: str) -> None:
    world = make_world(rules={"helper": {"minimum": "1.2.0.0"}, "require": [{"name": "r", "tag": "一套表"}]})
    issued = world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    shown = mine.report(version=version)["next"]
    assert ("/helper/download" in shown) is (version == "0.0.0.1")
    # The signed payload names an outdated helper: not admitted, whatever the page says.
    answer = mine.prove(issued, helper="1.0.0.0")
    assert "release" not in answer["next"]
    assert not mine.is_admitted()
    assert mine.jar.named(TICKET) is None


@allows
def test_s14_a_helper_that_is_new_enough_gets_in(make_world: MakeWorld) -> None:
    world = make_world(rules={"helper": {"minimum": "1.2.0.0"}, "require": [{"name": "r", "tag": "一套表"}]})
    issued = world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    mine.report(version="1.2.0.0")
    mine.get(mine.prove(issued, helper="1.2.0.0")["next"])
    assert mine.home()["unit"] == "U1"
