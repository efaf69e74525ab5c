"""S1 to S13, companions: one defence of the gate or the policy is taken away, and the attack that it stops succeeds.

The attacks themselves, with every defence in place, stand in the other files of this directory.
"""

from dataclasses import replace

import pytest

from certlogin.login import policy
from certlogin.login import ticket as tickets
from certlogin.login.policy import Decision, Reason, Step
from certlogin.records.attempt import HeldResponse
from certlogin.records.audit import AuditEvent
from certlogin.records.certificate import State
from certlogin.records.identity import Method
from certlogin.records.unit import UnitId
from certlogin.stores.memory import MemoryStore
from certlogin.stores.sql.audit import SqlAuditLog
from certlogin.web import guard as guards
from certlogin.web import hold as holds
from certlogin.web.cookies import Piece
from certlogin.web.guard import Guard
from certlogin.web.recheck import Rechecker
from certlogin.web.slot import LoginSlot
from tests.companions import companion
from tests.gate.browser import TICKET, Browser, ticket_of
from tests.gate.conftest import MakeWorld
from tests.gate.servers import Sent
from tests.gate.test_marks import host_cookies
from tests.gate.test_sessions import bare_session, home, jar_of
from tests.gate.test_sessions import ticket as ticket_text
from tests.gate.world import World

U1 = UnitId("U1")


def unit_seen(world: World, path: str = "/home") -> str | None:
    unit = (world.host_saw(path) or {})["unit"]
    return None if unit is None else str(unit)


def everything(pieces: list[Piece]) -> str:
    return "; ".join(piece.text() for piece in pieces)


@companion("test_s1_a_ticket_of_a_with_a_session_of_b_from_before_the_roll_out")
def test_s1_without_the_seal_an_old_session_works_with_anybodys_ticket(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stolen = bare_session(world, "U1")["session"]
    mine = Browser(world)
    mine.log_in("FREE")
    monkeypatch.setattr(guards, "unseal", lambda sealed, *_: sealed)
    home(world, {TICKET: ticket_text(mine), "session": stolen})
    assert unit_seen(world) == "U1"


@companion("test_s2_a_ticket_that_is_doubled_tossed_or_changed_is_none")
def test_s2_without_the_mac_a_made_up_ticket_gets_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    made_up = tickets.mint(replace(ticket_of(mine), unit_id=UnitId("OP")), (b"not our key",))
    assert home(world, {TICKET: made_up}).status == 303
    monkeypatch.setattr(tickets, "holds", lambda *_: True)
    answer = home(world, {TICKET: made_up})
    assert (answer.status, '"OP"' in answer.text) == (200, True)


@companion("test_s2_a_ticket_replayed_after_logout_is_refused")
def test_s2_without_the_memory_of_ended_tickets_a_replay_gets_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Browser(world)
    mine.log_in("FREE")
    kept = jar_of(mine)
    monkeypatch.setattr(Rechecker, "end", lambda self, ticket: None)
    mine.post("/logout")
    assert home(world, kept).status == 200


@companion("test_s2_two_cookie_headers_are_one")
def test_s2_without_the_count_a_tossed_cookie_is_as_good_as_the_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sibling site plants the attacker's ticket in the victim's browser: the victim works in the attacker's name."""
    attacker, victim = Browser(world), Browser(world)
    attacker.log_in("OP")
    victim.log_in("FREE")
    both = (("cookie", f"{TICKET}={ticket_text(attacker)}; {TICKET}={ticket_text(victim)}"),)
    assert world.send(Sent("GET", "/home", both)).status == 303

    def first(pieces: list[Piece], name: str) -> str | None:
        return next((piece.value for piece in pieces if piece.name == name), None)

    monkeypatch.setattr(guards, "only", first)
    assert '"OP"' in world.send(Sent("GET", "/home", both)).text


@companion("test_s3_two_different_units_are_a_refusal_even_if_the_host_swallows_the_error")
def test_s3_without_the_memory_of_a_conflict_a_response_marked_twice_goes_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoginSlot, "conflict", property(lambda self: False, lambda self, value: None))
    mine = Browser(world)
    answer = mine.log_in("FREE", "twice")
    assert answer.status == 303
    assert "session" in host_cookies(answer)
    assert mine.is_admitted()


@companion("test_s3_a_login_answer_over_the_limit_is_refused_and_nothing_of_it_released")
def test_s3_without_the_limit_a_large_answer_is_held(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.bind("U1")
    monkeypatch.setattr(world.certlogin._gate, "held_max", 1_000_000)
    hold = holds.Holder.hold

    def unmeasured(self: holds.Holder, request: object, owed: object, held: HeldResponse) -> object:
        return hold(self, request, owed, replace(held, body=b"measured elsewhere"))  # type: ignore[arg-type]

    monkeypatch.setattr(holds.Holder, "hold", unmeasured)
    assert Browser(world).log_in("U1", "large").status == 303


@companion("test_s5_a_public_path_sees_no_session_and_no_authorization")
def test_s5_without_the_removal_a_public_path_sees_the_session(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stolen = bare_session(world, "U1")["session"]
    monkeypatch.setattr(Guard, "_without_session", lambda self, pieces: everything(pieces))
    home(world, {"session": stolen}, "/about")
    assert unit_seen(world, "/about") == "U1"


@companion("test_s7_nothing_is_released_without_a_proof")
def test_s7_without_the_wait_for_the_proof_the_response_is_released_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bind("U1")
    monkeypatch.setattr(
        policy, "_owed_by_holder", lambda *_: Decision(Step.ADMIT, (Reason.NOT_REQUIRED,), Method.PASSWORD)
    )
    answer = Browser(world).log_in("U1")
    assert "session" in host_cookies(answer)


@companion("test_s9_a_unit_has_a_few_open_attempts_and_others_log_in_all_the_same")
def test_s9_without_the_cap_a_flood_of_one_unit_is_held_whole(make_world: MakeWorld) -> None:
    world = make_world(attempts={"per_unit": 1000})
    world.bind("U1")
    floods = [Browser(world, f"198.51.100.{number}").log_in("U1").status for number in range(20)]
    assert floods == [303] * 20


@companion("test_s12_a_password_alone_gets_no_certificate_for_a_unit_that_had_one")
def test_s12_without_the_look_at_the_past_a_password_is_led_to_another_download(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bind("U1")
    world.set_state("U1", State.REVOKED)
    assert Browser(world).log_in("U1").status == 403
    download = policy._download

    def forgetful(case: policy.Case, *rest: object) -> Decision:
        return download(replace(case, registered=()), *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(policy, "_download", forgetful)
    mine = Browser(world)
    assert mine.log_in("U1").status == 303
    assert mine.report()["next"].startswith("/certlogin/enrol")


@companion("test_s13_a_unit_with_an_active_certificate_always_proves_it")
def test_s13_without_prove_when_bound_a_password_is_enough_once_the_tag_is_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bind("U1")
    world.directory.units[U1] = replace(world.directory.units[U1], tags=frozenset())
    mine = Browser(world)
    mine.log_in("U1")
    assert not mine.is_admitted()
    monkeypatch.setattr(policy, "_active", lambda case: ())
    mine.log_in("U1")
    assert mine.home()["identity"] == {"unit": "U1", "method": "password"}


@companion("test_s31_what_cannot_be_written_down_does_not_take_effect")
def test_s31_if_unwritten_events_were_forgiven_a_login_would_leave_no_trace(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[AuditEvent] = []
    monkeypatch.setattr(SqlAuditLog, "record", lambda self, event: written.append(event))
    mine = Browser(world)
    mine.log_in("FREE")
    assert mine.is_admitted()
    assert world.events("login_admitted") == []
    assert [event.kind for event in written] == ["login_admitted"]


@companion("test_s31_failed_logins_cannot_fill_the_disk")
def test_s31_without_the_count_every_failure_is_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryStore, "count", lambda *_: 1)
    for _ in range(80):
        Browser(world).post("/home", origin="https://evil.example")
        Browser(world).post("/login", {"user": "FREE", "password": "FREE"}, origin="https://evil.example")
    assert len(world.events("request_refused")) >= 80
