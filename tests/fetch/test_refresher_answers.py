"""The refresher and answers: whoever may be asked is asked once, and no more at a time than the table holds."""

from dataclasses import replace
from pathlib import Path

import pytest

from certlogin.fetch import jobs
from certlogin.fetch.jobs import URGENT_MOST
from certlogin.fetch.refresher import Refresher
from certlogin.fetch.sources import StatusSource
from certlogin.pki.revocation import Settled
from certlogin.settings.trust import Revocation
from tests.companions import without
from tests.factory import DAY, NOW, Issued
from tests.fetch.world import CRL, HOUR, OCSP, WITHIN, World, crl, responding, with_responder, work
from tests.pki.answers import UNKNOWN, revoked


def test_a_certificate_is_asked_about_once(world: World) -> None:
    own, trust = with_responder(world.pki, OCSP), world.trust(ocsp=True)
    refresher = world.refresher(trust, ocsp=True)
    world.network.pages[OCSP] = responding(world, own)
    assert world.judged(trust, own) == "not_asked"
    assert refresher.ask(world.path(own), WITHIN)
    assert refresher.ask(world.path(own), WITHIN)
    assert len(work(refresher)) == 1
    assert world.judged(trust, own) is Settled.OCSP
    assert world.network.asked == [OCSP]
    # Everything is known now; nothing is to be waited for.
    assert not refresher.ask(world.path(own), WITHIN)
    world.clock.advance(hours=2)
    (outcome,) = work(refresher)
    assert outcome.good_until == NOW + 6 * HOUR


def test_a_revocation_arrives(world: World) -> None:
    own, trust = with_responder(world.pki, OCSP), world.trust(ocsp=True)
    refresher = world.refresher(trust, ocsp=True)
    world.network.pages[OCSP] = responding(world, own, status=revoked(NOW - HOUR))
    refresher.ask(world.path(own), WITHIN)
    work(refresher)
    with pytest.raises(Exception, match="certificate_revoked"):
        world.judged(trust, own)


def test_a_responder_that_does_not_know_it_settles_nothing(world: World) -> None:
    own, trust = with_responder(world.pki, OCSP), world.trust(ocsp=True)
    refresher = world.refresher(trust, ocsp=True)
    world.network.pages[OCSP] = responding(world, own, status=UNKNOWN)
    refresher.ask(world.path(own), WITHIN)
    work(refresher)
    assert world.judged(trust, own) == "unknown_to_responder"
    assert not refresher.ask(world.path(own), WITHIN)


def test_the_next_responder_is_asked_when_the_first_fails(world: World) -> None:
    other = "http://ocsp.example.cn/other"
    own, trust = with_responder(world.pki, OCSP, other), world.trust(ocsp=True)
    refresher = world.refresher(trust, ocsp=True)
    refresher.ask(world.path(own), WITHIN)
    (outcome,) = work(refresher)
    assert outcome.problem == "nobody is there; nobody is there"
    world.network.pages[other] = responding(world, own)
    world.clock.now = outcome.next_at
    assert work(refresher)[0].problem == ""


def test_an_answer_about_another_certificate_is_a_failure(world: World) -> None:
    own, trust = with_responder(world.pki, OCSP), world.trust(ocsp=True)
    refresher = world.refresher(trust, ocsp=True)
    world.network.pages[OCSP] = responding(world, world.pki.issuing.issue())
    refresher.ask(world.path(own), WITHIN)
    assert work(refresher)[0].problem == "the answer does not speak of that certificate"
    assert world.judged(trust, own) == "not_asked"


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x30\x03\x0a\x01\x03"])
def test_what_is_no_answer_is_a_failure(world: World, content: bytes) -> None:
    own, trust = with_responder(world.pki, OCSP), world.trust(ocsp=True)
    refresher = world.refresher(trust, ocsp=True)
    world.network.pages[OCSP] = content
    refresher.ask(world.path(own), WITHIN)
    assert work(refresher)[0].problem.startswith("an OCSP answer is not used: ")


def test_nobody_is_asked_where_nobody_may_be(world: World) -> None:
    own = with_responder(world.pki, OCSP)
    for refresher in (
        world.refresher(world.trust(), ()),
        world.refresher(world.trust(), ocsp=False),
        world.refresher(world.trust(), ocsp=True, revocation=Revocation.OFF),
        world.refresher(world.trust(), ocsp=True, fetches=False),
    ):
        assert not refresher.ask(world.path(own), WITHIN)
        assert work(refresher) == []
    assert world.network.asked == []


def test_who_failed_just_now_is_not_asked_again_for_the_next_login(world: World) -> None:
    own, trust = with_responder(world.pki, OCSP), world.trust(ocsp=True)
    refresher = world.refresher(trust, ocsp=True)
    refresher.ask(world.path(own), WITHIN)
    for _ in range(4):
        (outcome,) = work(refresher)
        world.clock.now = outcome.next_at
    (outcome,) = work(refresher)
    assert outcome.next_at - world.clock.now > WITHIN
    assert not refresher.ask(world.path(own), WITHIN)
    assert work(refresher) == []


@without({"certlogin.fetch.refresher.URGENT_MOST": 1000}, sees="assert [True, ")
def test_s26_more_questions_than_a_queue_holds_are_not_taken(world: World) -> None:
    refresher = world.refresher(world.trust(ocsp=True), ocsp=True)
    leaf = with_responder(world.pki, OCSP)
    path = list(world.path(leaf))
    asked = []
    for number in range(URGENT_MOST + 1):
        # As many certificates as serial numbers; nobody looks at their signatures here.
        asked.append(refresher.ask((replace(path[0], serial=number), *path[1:]), WITHIN))
    assert asked == [True] * URGENT_MOST + [False]


def test_those_that_somebody_waits_for_come_first(world: World, leaf: Issued) -> None:
    own = with_responder(world.pki, OCSP)
    refresher = world.refresher(world.trust(ocsp=True), ocsp=True)
    refresher.learn([one.der for one in world.path(leaf)])
    refresher.ask(world.path(own), WITHIN)
    work(refresher)
    assert world.network.asked == [OCSP, CRL]


def test_the_table_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "JOBS_MOST", 2)
    refresher = world.refresher(world.trust(ocsp=True), ocsp=True)
    leaves = [with_responder(world.pki, OCSP) for _ in range(3)]
    assert [refresher.ask(world.path(one), WITHIN) for one in leaves] == [True, True, False]
    work(refresher)
    # What is asked in advance gets the place of one that nobody has wanted for an hour, and a login any.
    world.registered = [(leaves[2].der, (world.pki.issuing.der,))]
    for hours, expected in ((0, False), (1, True)):
        world.clock.advance(hours=hours)
        refresher._walk(world.clock.now)
        assert (leaves[2].serial in serials(refresher)) is expected
    assert refresher.ask(world.path(leaves[0]), WITHIN)
    assert refresher.ask(world.path(leaves[1]), WITHIN)
    assert serials(refresher) == {leaves[0].serial, leaves[1].serial}


def serials(refresher: Refresher) -> set[int]:
    return {job.source.serial for job in refresher._jobs.all() if isinstance(job.source, StatusSource)}


def test_what_nobody_wants_any_more_is_forgotten(world: World, leaf: Issued, tmp_path: Path) -> None:
    own = with_responder(world.pki, OCSP)
    refresher = world.refresher(world.trust(ocsp=True), shelf=tmp_path / "shelf", ocsp=True)
    world.network.pages |= {CRL: crl(world, days=90), OCSP: responding(world, own, next_update=NOW + 90 * DAY)}
    for each in (own, leaf):
        refresher.learn([one.der for one in world.path(each)])
    work(refresher)
    assert len(list((tmp_path / "shelf").glob("*.ocsp*"))) == 2
    world.clock.advance(days=2.1)
    work(refresher)
    assert list((tmp_path / "shelf").glob("*.ocsp*")) == []
    assert len(list((tmp_path / "shelf").glob("*.crl"))) == 1
    world.clock.advance(days=28)
    work(refresher)
    assert list((tmp_path / "shelf").iterdir()) == []


def test_an_expired_certificate_is_not_asked_about(world: World) -> None:
    own = with_responder(world.pki, OCSP, not_after=NOW + HOUR)
    refresher = world.refresher(world.trust(ocsp=True), ocsp=True)
    world.network.pages[OCSP] = responding(world, own)
    refresher.ask(world.path(own), WITHIN)
    work(refresher)
    world.clock.advance(hours=3)
    refresher.learn([one.der for one in world.path(own)])
    assert work(refresher) == []
