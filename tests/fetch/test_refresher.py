"""The refresher and lists: what is due is fetched, accepted and used; what fails is tried again."""

from datetime import timedelta

import pytest

from certlogin.pki.pem import REVOCATION_LIST
from certlogin.pki.revocation import Settled
from tests.companions import companion, without
from tests.factory import DAY, NOW, Issued, make_pki
from tests.fetch.world import CRL, World, crl, work
from tests.pki.test_ocsp_responders import pem


def test_a_list_of_the_settings_is_fetched_and_used(world: World, leaf: Issued) -> None:
    (world.folder / "issuing.pem").write_bytes(world.pki.issuing.pem)
    trust = world.trust(intermediates=(str(world.folder / "issuing.pem"),))
    refresher = world.refresher(trust, (), crl_urls=(CRL,))
    world.network.pages[CRL] = crl(world)
    assert world.judged(trust, leaf) == "missing"
    (outcome,) = work(refresher)
    assert (outcome.name, outcome.problem, outcome.fetched) == (CRL, "", True)
    assert (outcome.good_until, outcome.next_at) == (NOW + 7 * DAY, NOW + 3.5 * DAY)
    assert world.judged(trust, leaf) is Settled.CRL
    assert world.network.asked == [CRL]


def test_a_list_that_a_proven_path_names_is_fetched(world: World, leaf: Issued) -> None:
    trust = world.trust()
    refresher = world.refresher(trust)
    world.network.pages[CRL] = crl(world)
    assert work(refresher) == []
    refresher.learn([one.der for one in world.path(leaf)])
    assert len(work(refresher)) == 1
    assert world.judged(trust, leaf) is Settled.CRL


def test_a_list_may_be_pem(world: World, leaf: Issued) -> None:
    trust = world.trust()
    refresher = world.refresher(trust)
    world.network.pages[CRL] = pem(REVOCATION_LIST, crl(world))
    refresher.learn([one.der for one in world.path(leaf)])
    work(refresher)
    assert world.judged(trust, leaf) is Settled.CRL


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>", "what is there is no revocation list"),
        (b"\x30\x03abc", "a revocation list is not used: unreadable"),
        (b"", "what is there is no revocation list"),
    ],
)
def test_what_is_no_list_is_a_failure(world: World, leaf: Issued, content: bytes, reason: str) -> None:
    refresher = world.refresher(world.trust())
    world.network.pages[CRL] = content
    refresher.learn([one.der for one in world.path(leaf)])
    (outcome,) = work(refresher)
    assert outcome.problem.startswith(reason)
    assert outcome.next_at == NOW + timedelta(seconds=15)


def test_two_lists_in_one_file_are_a_failure(world: World, leaf: Issued) -> None:
    refresher = world.refresher(world.trust())
    world.network.pages[CRL] = pem(REVOCATION_LIST, crl(world)) * 2
    refresher.learn([one.der for one in world.path(leaf)])
    assert work(refresher)[0].problem == "2 revocation lists in one file"


def test_it_is_fetched_again_at_half_of_its_life_and_asked_for_what_changed(world: World, leaf: Issued) -> None:
    trust = world.trust()
    refresher = world.refresher(trust)
    world.network.pages[CRL], world.network.etag = crl(world, 1), '"1"'
    refresher.learn([one.der for one in world.path(leaf)])
    work(refresher)
    world.clock.advance(days=3.4)
    assert work(refresher) == []
    world.clock.advance(days=0.2)
    (outcome,) = work(refresher)
    assert (outcome.problem, outcome.good_until) == ("", NOW + 7 * DAY)
    world.clock.now = outcome.next_at
    world.network.pages[CRL], world.network.etag = crl(world, 2), '"2"'
    (outcome,) = work(refresher)
    assert world.network.known == ["", '"1"', '"1"']
    assert outcome.good_until == world.clock.now + 7 * DAY


def test_s24_a_replayed_list_is_refused_and_looked_for_again(world: World, leaf: Issued) -> None:
    trust = world.trust()
    refresher = world.refresher(trust)
    old, world.network.pages[CRL] = crl(world, 1), crl(world, 2, leaf)
    refresher.learn([one.der for one in world.path(leaf)])
    work(refresher)
    world.network.pages[CRL] = old
    world.clock.advance(days=3.6)
    (outcome,) = work(refresher)
    assert "older than number 2 in use" in outcome.problem
    with pytest.raises(Exception, match="certificate_revoked"):
        world.judged(trust, leaf)


@companion("test_s24_a_replayed_list_is_refused_and_looked_for_again")
def test_s24_in_a_memory_without_the_newer_list_the_replay_lets_it_in(world: World, leaf: Issued) -> None:
    trust = world.trust()
    refresher = world.refresher(trust)
    world.network.pages[CRL] = crl(world, 1)
    refresher.learn([one.der for one in world.path(leaf)])
    assert work(refresher)[0].problem == ""
    assert world.judged(trust, leaf) is Settled.CRL


def test_a_refused_list_does_not_pass_for_unchanged_the_next_time(world: World, leaf: Issued) -> None:
    trust = world.trust()
    refresher = world.refresher(trust)
    world.network.pages[CRL], world.network.etag = crl(world, 2), '"2"'
    refresher.learn([one.der for one in world.path(leaf)])
    work(refresher)
    world.network.pages[CRL], world.network.etag = crl(world, 1), '"1"'
    for days in (3.6, 2):
        world.clock.advance(days=days)
        (outcome,) = work(refresher)
        assert outcome.problem
        assert world.network.known[-1] == '"2"'


@without({"certlogin.fetch.jobs.Job.is_fresh": lambda job, now: True}, sees="assert 'stale' is")
def test_s24_a_list_that_is_over_is_not_unchanged(world: World, leaf: Issued) -> None:
    """A server whose mark does not change, or somebody on the way who says so: nobody would look again."""
    trust = world.trust()
    refresher = world.refresher(trust)
    world.network.pages[CRL], world.network.etag = crl(world), '"1"'
    refresher.learn([one.der for one in world.path(leaf)])
    work(refresher)
    world.clock.advance(days=8)
    world.network.pages[CRL] = crl(world, 2)
    work(refresher)
    assert world.judged(trust, leaf) is Settled.CRL


@without(
    {
        "certlogin.pki.revocation.check_signer": lambda *_: None,
        "certlogin.pki.evidence.is_signed_by": lambda one, authority, sm2: True,
    },
    sees="assert ''",
)
def test_s24_a_list_that_somebody_else_signed_is_not_used(world: World, leaf: Issued) -> None:
    trust = world.trust()
    refresher = world.refresher(trust)
    world.network.pages[CRL] = world.pki.issuing.crl(signed_by=make_pki(label=" evil").root.key)
    refresher.learn([one.der for one in world.path(leaf)])
    (outcome,) = work(refresher)
    assert outcome.problem != ""
    assert world.judged(trust, leaf) == "missing"


def test_a_list_of_another_time_is_a_failure(world: World, leaf: Issued) -> None:
    refresher = world.refresher(world.trust())
    world.network.pages[CRL] = crl(world, days=1)
    refresher.learn([one.der for one in world.path(leaf)])
    world.clock.advance(days=2)
    (outcome,) = work(refresher)
    assert outcome.problem.startswith("what is there is good from 2026-03-02T08:00:00+00:00 until 2026-03-03")
    assert outcome.next_at == world.clock.now + timedelta(seconds=15)


def test_failures_are_followed_by_longer_pauses_and_said_once(
    world: World, leaf: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    refresher = world.refresher(world.trust())
    refresher.learn([one.der for one in world.path(leaf)])
    pauses = []
    for _ in range(4):
        (outcome,) = work(refresher)
        pauses.append((outcome.next_at - world.clock.now).total_seconds())
        world.clock.now = outcome.next_at
    assert pauses == [15, 30, 60, 120]
    assert [record.message for record in caplog.records] == [f"revocation_not_fetched: {CRL}: nobody is there"]
    assert world.network.asked == [CRL] * 4


def test_at_three_quarters_of_its_life_somebody_is_told_once(
    world: World, leaf: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    refresher = world.refresher(world.trust())
    world.network.pages[CRL] = crl(world)
    refresher.learn([one.der for one in world.path(leaf)])
    work(refresher)
    world.network.pages[CRL] = "down"
    world.clock.advance(days=3.6)
    work(refresher)
    assert world.alarms == []
    for _ in range(2):
        world.clock.advance(days=1.65)
        work(refresher)
    facts = {"source": CRL, "good_until": "2026-03-09T08:00:00+00:00", "problem": "down"}
    assert world.alarms == [facts]
    assert sum("revocation_stale" in record.message for record in caplog.records) == 1
    world.network.pages[CRL] = crl(world, 2)
    world.clock.advance(hours=2)
    work(refresher)
    world.network.pages[CRL] = "down"
    world.clock.advance(days=6)
    work(refresher)
    assert len(world.alarms) == 2
