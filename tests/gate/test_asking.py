"""How many questions go out, when, and by whom: never in a login (S26); and what they mean for who is logged in."""

import socket
from pathlib import Path
from typing import Any

import pytest

from certlogin.flows.await_revocation import IN_ALL, PER_ATTEMPT, PER_UNIT
from certlogin.flows.revocation import ask
from tests.companions import companion, without
from tests.factory import Issued
from tests.gate.browser import Browser
from tests.gate.conftest import MakeWorld
from tests.gate.responder import Responder, asking

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


@without({"certlogin.login.proof.verify_signature": lambda *_: None}, sees="assert 'revocation_unknown' != ")
def test_s26_nothing_is_asked_before_the_signature_held(stranger: tuple[Responder, Browser, Issued]) -> None:
    responder, browser, issued = stranger
    challenge = browser.challenge()
    later = browser.sign(issued, challenge, iat=0)
    proof = browser.sign(issued, challenge) | {"signature": later["signature"]}
    answer = browser.call("proof", **proof)
    responder.work()
    asked = "revocation_unknown" if responder.asked_about() == [issued.serial] else ""
    assert asked != "revocation_unknown"
    assert answer.status == 403


# --- how many questions


def questions(responder: Responder, browser: Browser, issued: Issued, times: int) -> list[int]:
    """Proofs of one login, each given up before it was answered."""
    statuses = []
    for _ in range(times):
        statuses.append(browser.call("proof", **browser.sign(issued, browser.challenge())).status)
        responder.world.clock.advance(1)
    return statuses


MANY = {
    "certlogin.flows.await_revocation.PER_ATTEMPT": 1000,
    "certlogin.flows.await_revocation.PER_UNIT": 1000,
    "certlogin.flows.await_revocation.IN_ALL": 1000,
}


@without(MANY, sees="200, 200] == [")
def test_s26_one_login_asks_so_often_and_no_more(responder: Responder, issued: Issued) -> None:
    mine = Browser(responder.world)
    mine.log_in("U1")
    mine.report()
    assert questions(responder, mine, issued, 6) == [200] * 5 + [403]
    assert PER_ATTEMPT == 5


@without(MANY, sees="assert 200 == 403")
@pytest.mark.parametrize("name", ["ask:U1", "ask"])
def test_s26_one_unit_and_all_together_ask_so_often_and_no_more(
    stranger: tuple[Responder, Browser, Issued], name: str
) -> None:
    responder, browser, issued = stranger
    context = responder.world.certlogin._context
    window, most = (60, IN_ALL) if name == "ask" else (3600, PER_UNIT)
    for _ in range(most):
        context.volatile.count(name, window, responder.world.clock.now)
    assert browser.call("proof", **browser.sign(issued, browser.challenge())).status == 403
    assert responder.work() == []


def test_a_proof_that_is_too_large_to_keep_is_refused(
    responder: Responder, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certlogin.flows.await_revocation.KEPT_LIMIT", 100)
    mine = Browser(responder.world)
    mine.log_in("U1")
    mine.report()
    assert mine.refused("proof", **mine.sign(issued, mine.challenge())) == "revocation_unknown"


@pytest.mark.parametrize("table", [{"hosts": []}, {"background": False}])
def test_where_nobody_may_be_asked_the_login_is_refused_at_once(
    make_world: MakeWorld, tmp_path: Path, table: dict[str, Any]
) -> None:
    if "hosts" in table:
        table |= {"hosts": ["elsewhere.example.cn"]}
    with asking(make_world, tmp_path, revocation=table | {"directory": str(tmp_path / "shelf")}) as responder:
        responder.issue("U1")
        issued = responder.world.bind("U1")
        mine = Browser(responder.world)
        mine.log_in("U1")
        mine.report()
        assert mine.refused("proof", **mine.sign(issued, mine.challenge())) == "revocation_unknown"


# --- tickets


def test_a_stale_answer_is_asked_for_again_and_the_next_login_waits_for_it(
    responder: Responder, mine: Browser, issued: Issued
) -> None:
    responder.work()
    mine.get(looked(mine)["next"])
    responder.world.clock.advance(4 * 3600 + 1)
    again = Browser(responder.world)
    again.log_in("U1")
    again.report()
    assert again.prove(issued) == {"next": PAGE}
    responder.work()
    again.get(looked(again)["next"])
    assert again.is_admitted()


def test_who_is_logged_in_stays_as_long_as_answers_are_fresh(responder: Responder, mine: Browser) -> None:
    responder.work()
    mine.get(looked(mine)["next"])
    for _ in range(40):
        responder.world.clock.advance(600)
        responder.work()
        assert mine.is_admitted()
    assert len(responder.asked_about()) == 4


def test_a_revocation_ends_the_ticket(responder: Responder, mine: Browser) -> None:
    responder.work()
    mine.get(looked(mine)["next"])
    responder.revoke()
    for _ in range(14):
        responder.world.clock.advance(600)
        mine.is_admitted()
    responder.work()
    responder.world.clock.advance(61)
    assert not mine.is_admitted()


# --- nobody is contacted in a login


@pytest.fixture
def contacted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Whatever this process tries to reach. Nothing gets through."""
    tried: list[Any] = []

    def refuse(_: Any, address: Any, *rest: Any) -> Any:
        tried.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tried


def log_in_and_wait(responder: Responder, issued: Issued) -> None:
    mine = Browser(responder.world)
    mine.log_in("U1")
    mine.report()
    mine.prove(issued)
    mine.call("revocation")
    mine.get(PAGE)
    mine.post("/certlogin/revocation/look", {"attempt": mine.attempt_id()})


def test_s26_a_login_that_waits_contacts_nobody(responder: Responder, issued: Issued, contacted: list[Any]) -> None:
    log_in_and_wait(responder, issued)
    assert contacted == []


@companion("test_s26_a_login_that_waits_contacts_nobody")
def test_s26_asking_at_once_would_contact_the_responder(
    responder: Responder, issued: Issued, contacted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def asking_at_once(*given: Any) -> bool:
        asked = ask(*given)
        responder.work()
        return asked

    monkeypatch.setattr("certlogin.flows.await_revocation.ask", asking_at_once)
    log_in_and_wait(responder, issued)
    assert contacted == [("127.0.0.1", responder.place.port)]


def whole_login(responder: Responder, issued: Issued) -> None:
    """From the password to a ticket that was looked up again, with lists and answers near the end of their lives."""
    responder.world.clock.advance(3 * 3600)
    mine = Browser(responder.world)
    mine.log_in_with("U1", issued)
    assert mine.is_admitted()
    responder.world.clock.advance(61)
    assert mine.is_admitted()


def test_s26_a_whole_login_contacts_nobody(responder: Responder, issued: Issued, contacted: list[Any]) -> None:
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(socket.socket, "connect", _connect)
        assert [outcome.problem for outcome in responder.work()] == [""]
    whole_login(responder, issued)
    assert contacted == []


@companion("test_s26_a_whole_login_contacts_nobody")
def test_s26_refreshing_within_a_login_would_contact_the_responder(
    responder: Responder, issued: Issued, contacted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(socket.socket, "connect", _connect)
        responder.work()
    monkeypatch.setattr("certlogin.flows.login.learn", lambda context, certificate: responder.work())
    whole_login(responder, issued)
    assert ("127.0.0.1", responder.place.port) in contacted
