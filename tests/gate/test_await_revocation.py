"""A certificate that nobody was asked about: after the signature held, one question goes out, and the login waits."""

import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certlogin import UnitId
from certlogin.flows.attempts import find_attempt
from certlogin.flows.judge import judge
from certlogin.login.awaiting import KeptProof
from certlogin.records.attempt import Attempt
from certlogin.records.certificate import State
from tests.companions import companion, without
from tests.factory import Issued
from tests.gate.browser import ATTEMPT, Browser
from tests.gate.conftest import MakeWorld
from tests.gate.responder import Responder, asking
from tests.pki.answers import UNKNOWN

PAGE = "/certlogin/revocation?lang=zh-CN"
_connect = socket.socket.connect


@pytest.fixture
def issued(responder: Responder) -> Issued:
    responder.issue("U1")
    return responder.world.bind("U1")


@pytest.fixture
def mine(responder: Responder, issued: Issued) -> Browser:
    """That unit's browser, waiting for the answer."""
    mine = Browser(responder.world)
    mine.log_in("U1")
    mine.report()
    assert mine.prove(issued) == {"next": PAGE}
    return mine


def looked(mine: Browser) -> dict[str, Any]:
    return mine.asked("revocation")


def test_the_answer_is_awaited_and_the_login_goes_on(responder: Responder, mine: Browser, issued: Issued) -> None:
    assert not mine.is_admitted()
    assert looked(mine) == {"rest": 60}
    responder.world.clock.advance(59.5)
    assert looked(mine) == {"rest": 1}
    assert responder.asked_about() == []
    assert [outcome.problem for outcome in responder.work()] == [""]
    assert responder.asked_about() == [issued.serial]
    assert not mine.is_admitted()
    answer = looked(mine)
    assert answer["method"] == "GET"
    assert mine.get(answer["next"]).status == 303
    assert mine.home() == {"page": "home", "unit": "U1", "identity": {"unit": "U1", "method": "certificate"}}
    kinds = [event.kind for event in responder.world.events()]
    assert kinds[:-1] == ["login_released", "proof_accepted", "revocation_asked", "login_held"]
    # The next login finds the answer in memory.
    second = Browser(responder.world)
    second.log_in_with("U1", issued)
    assert second.is_admitted()
    assert responder.asked_about() == [issued.serial]


def test_a_login_by_script_goes_on_by_a_post(responder: Responder, issued: Issued) -> None:
    mine = Browser(responder.world)
    mine.log_in_by_script("U1")
    mine.report()
    assert mine.prove(issued) == {"next": PAGE}
    responder.work()
    answer = looked(mine)
    assert answer["method"] == "POST"
    assert mine.post_json(answer["next"], {}).status == 200
    assert mine.is_admitted()


def test_s16_an_answer_that_revokes_is_remembered(responder: Responder, mine: Browser, issued: Issued) -> None:
    responder.revoke()
    responder.work()
    assert mine.refused("revocation") == "certificate_revoked"
    (row,) = responder.world.store.of_unit(UnitId("U1"))
    assert row.state is State.REVOKED
    # The proof is gone: nothing more comes of it, whatever is said later.
    assert looked(mine)["next"].startswith("/certlogin/")
    assert not mine.is_admitted()


@companion("test_s16_an_answer_that_revokes_is_remembered")
def test_s16_without_the_revocation_the_same_login_gets_in(responder: Responder, mine: Browser) -> None:
    responder.work()
    mine.get(looked(mine)["next"])
    assert mine.is_admitted()


def test_a_responder_that_does_not_know_the_certificate_refuses_it(responder: Responder, mine: Browser) -> None:
    responder.status = UNKNOWN
    responder.work()
    assert mine.refused("revocation") == "revocation_unknown"


def never_late(context: Any, awaiting: Any, now: Any) -> Any:
    return type(now - now)(seconds=60)


@without({"certlogin.flows.await_revocation.rest": never_late}, sees="assert 200 >= 400")
def test_s24_without_an_answer_in_time_nobody_gets_in(responder: Responder, mine: Browser) -> None:
    responder.world.clock.advance(60)
    answer = mine.call("revocation")
    assert answer.status >= 400
    assert '"code": "revocation_unknown"' in answer.text
    assert not mine.is_admitted()
    # And can begin again, in the same login.
    assert mine.get("/certlogin/login").status == 200


def test_who_fails_to_answer_is_asked_again_while_there_is_time(responder: Responder, mine: Browser) -> None:
    responder.place.pages["/ocsp"] = (503, {}, b"")
    assert [outcome.problem for outcome in responder.work()] == ["the server answers 503"]
    assert looked(mine) == {"rest": 60}
    responder.place.pages["/ocsp"] = responder.reply
    responder.world.clock.advance(31)
    responder.work()
    assert looked(mine)["method"] == "GET"


def test_who_keeps_failing_is_not_waited_for_to_the_end(responder: Responder, mine: Browser) -> None:
    responder.place.pages["/ocsp"] = (503, {}, b"")
    for _ in range(3):
        responder.work()
        responder.world.clock.advance(16)
    assert looked(mine) == {"rest": 12}
    # The next pause is longer than what is left.
    responder.work()
    assert mine.refused("revocation") == "revocation_unknown"


def test_s17_a_kept_proof_is_not_accepted_twice(responder: Responder, mine: Browser) -> None:
    """Two looks at once: both find the answer, one gets the proof."""
    responder.work()
    assert _stored(mine).awaiting is not None
    first = looked(mine)
    assert _stored(mine).awaiting is None
    assert looked(mine) == {"next": "/certlogin/login?lang=zh-CN"}
    mine.get(first["next"])
    assert mine.is_admitted()
    assert [event.kind for event in responder.world.events("proof_accepted")] == ["proof_accepted"]


@without({"certlogin.flows.await_revocation.check_held": lambda *_: None}, sees="certlogin_release")
def test_s7_a_kept_proof_lives_no_longer_than_the_held_response(responder: Responder, mine: Browser) -> None:
    responder.work()
    responder.world.clock.advance(responder.world.certlogin._context.settings.attempts.hold_max)
    assert mine.refused("revocation") == "hold_expired"
    assert [event.kind for event in responder.world.events("proof_accepted")] == []


def keeping(attempt: Attempt, **changes: Any) -> Attempt:
    changes.pop("awaiting", None)
    return replace(attempt, **changes)


@without({"certlogin.flows.release.replace": keeping}, sees="method")
def test_s7_one_login_is_not_released_by_a_second_proof_that_was_kept(
    responder: Responder, mine: Browser, issued: Issued
) -> None:
    """While one is kept, another one is accepted."""
    responder.work()
    assert mine.prove(issued)["method"] == "GET"
    assert looked(mine) == {"next": "/certlogin/login?lang=zh-CN"}


def test_s17_of_two_looks_at_the_same_moment_one_gets_the_proof(
    responder: Responder, mine: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    responder.work()
    assert _both_look(mine, monkeypatch) == [200, 403]


@companion("test_s17_a_kept_proof_is_not_accepted_twice", "test_s17_of_two_looks_at_the_same_moment_one_gets_the_proof")
def test_s17_without_the_one_taker_both_looks_get_the_proof(
    responder: Responder, mine: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    responder.work()
    monkeypatch.setattr("certlogin.flows.await_revocation._take", lambda context, found, awaiting, now: found)
    assert _both_look(mine, monkeypatch) == [200, 200]


def _both_look(mine: Browser, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A second look begins and ends while the first judges."""
    attempt, statuses = mine.attempt_id(), []

    def judging(*given: Any) -> Any:
        monkeypatch.setattr("certlogin.flows.await_revocation.judge", judge)
        statuses.append(mine.call("revocation", attempt=attempt).status)
        return judge(*given)

    monkeypatch.setattr("certlogin.flows.await_revocation.judge", judging)
    statuses.append(mine.call("revocation", attempt=attempt).status)
    return statuses


def _stored(mine: Browser) -> Attempt:
    """The attempt of this browser, as the store has it."""
    context = mine.world.certlogin._context
    cookie = mine.jar.named(ATTEMPT)
    assert cookie is not None
    return find_attempt(context, cookie.value, context.clock()).attempt


def test_s7_another_browser_does_not_look(responder: Responder, mine: Browser) -> None:
    responder.work()
    attempt = mine.attempt_id()
    thief = Browser(responder.world)
    thief.log_in("U1")
    assert thief.refused("revocation", attempt=attempt) == "other_login_in_progress"
    assert looked(mine)["method"] == "GET"


@companion("test_s7_another_browser_does_not_look")
def test_s7_with_the_cookie_it_would(responder: Responder, mine: Browser) -> None:
    responder.work()
    thief = Browser(responder.world)
    thief.jar = mine.jar
    assert looked(thief)["method"] == "GET"


@pytest.mark.parametrize("method", ["certificate", "unit"])
def test_what_changes_meanwhile_counts(responder: Responder, mine: Browser, issued: Issued, method: str) -> None:
    responder.work()
    if method == "certificate":
        responder.world.set_state("U1", State.SUPERSEDED)
    else:
        del responder.world.directory.units[UnitId("U1")]
    expected = {"certificate": "certificate_superseded", "unit": "unit_unknown"}
    assert mine.refused("revocation") == expected[method]
    assert not mine.is_admitted()


def test_whose_certificate_would_be_refused_anyway_is_not_asked_about(responder: Responder, issued: Issued) -> None:
    other = responder.issue("U2")
    mine = Browser(responder.world)
    mine.log_in("U1")
    mine.report()
    assert mine.refused("proof", **mine.sign(other, mine.challenge())) == "certificate_not_registered"
    responder.work()
    assert other.serial not in responder.asked_about()


def test_a11_a_certificate_issued_elsewhere_is_asked_about_before_it_is_matched(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    with asking(make_world, tmp_path, adoption={"unregistered": "match"}) as responder:
        issued = responder.issue("U1")
        mine = Browser(responder.world)
        mine.log_in("U1")
        assert mine.prove(issued) == {"next": PAGE}
        assert responder.world.store.listing() == ()
        responder.work()
        mine.get(looked(mine)["next"])
        assert mine.home()["identity"] == {"unit": "U1", "method": "certificate"}


def test_the_outdated_helper_is_still_outdated(make_world: MakeWorld, tmp_path: Path) -> None:
    rules = {"helper": {"minimum": "2.0.0.0"}, "require": []}
    with asking(make_world, tmp_path, rules=rules) as responder:
        responder.issue("U1")
        issued = responder.world.bind("U1")
        mine = Browser(responder.world)
        mine.log_in("U1")
        mine.report("2.0.0.0")
        assert mine.prove(issued) == {"next": PAGE}
        responder.work()
        assert looked(mine) == {"next": "/certlogin/helper/download?lang=zh-CN"}


# --- the page


def test_the_page_is_shown_while_the_answer_is_awaited(responder: Responder, mine: Browser) -> None:
    responder.world.clock.advance(20)
    page = mine.get(PAGE)
    assert page.status == 200
    assert 'data-rest="40"' in page.text
    assert 'max="60"' in page.text
    # Every other page leads there.
    for path in ("/certlogin/", "/certlogin/login"):
        assert mine.get(path).status == 303
        assert mine.where().startswith("/certlogin/revocation")


def test_without_anything_to_wait_for_the_page_leads_on(responder: Responder, issued: Issued) -> None:
    mine = Browser(responder.world)
    mine.log_in("U1")
    mine.report()
    assert mine.get(PAGE).status == 303
    assert mine.where().startswith("/certlogin/login")


def test_without_a_script_the_button_looks(responder: Responder, mine: Browser) -> None:
    form = {"attempt": mine.attempt_id()}
    assert mine.post("/certlogin/revocation/look?lang=en", form).status == 303
    assert mine.where() == "/certlogin/revocation?lang=en"
    responder.work()
    assert mine.post("/certlogin/revocation/look", form).status == 303
    assert mine.follow().status == 303
    assert mine.is_admitted()
    assert mine.post("/certlogin/revocation/look", form | {"x": "y"}).status == 400


def test_without_a_script_a_login_by_script_waits_for_one(responder: Responder, issued: Issued) -> None:
    mine = Browser(responder.world)
    mine.log_in_by_script("U1")
    mine.report()
    mine.prove(issued)
    responder.work()
    assert mine.post("/certlogin/revocation/look", {"attempt": mine.attempt_id()}).status == 303
    assert mine.where().startswith("/certlogin/revocation")
    assert looked(mine)["method"] == "POST"


def test_without_a_script_a_revoked_certificate_is_shown_as_such(responder: Responder, mine: Browser) -> None:
    responder.revoke()
    responder.work()
    answer = mine.post("/certlogin/revocation/look", {"attempt": mine.attempt_id()})
    assert answer.status == 403
    assert "certificate_revoked" in answer.text


def test_s8_another_sites_form_looks_at_nothing(responder: Responder, mine: Browser) -> None:
    responder.work()
    form = {"attempt": mine.attempt_id()}
    assert mine.post("/certlogin/revocation/look", form, origin="https://evil.example").status == 403
    assert looked(mine)["method"] == "GET"


@companion("test_s8_another_sites_form_looks_at_nothing")
def test_s8_without_the_origin_check_it_would(
    responder: Responder, mine: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certlogin.web.guard.Guard.check_origin", lambda guard, request: None)
    responder.work()
    form = {"attempt": mine.attempt_id()}
    assert mine.post("/certlogin/revocation/look", form, origin="https://evil.example").status == 303


def test_what_is_kept_is_not_readable_in_the_store(responder: Responder, mine: Browser, issued: Issued) -> None:
    attempt = _stored(mine)
    assert attempt.awaiting is not None
    assert issued.der[:40] not in attempt.awaiting.sealed
    assert not re.search(rb"native", attempt.awaiting.sealed)
    assert "certificate" not in repr(KeptProof("native", issued.der))
