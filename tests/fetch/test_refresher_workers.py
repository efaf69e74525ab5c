"""The refresher among others: registered certificates, other workers, the next start, threads."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certlogin.errors import Unavailable
from certlogin.fetch.client import Validators
from certlogin.fetch.jobs import Job
from certlogin.fetch.refresher import Refresher
from certlogin.fetch.sources import StatusSource
from certlogin.pki.certificate import read_certificate
from certlogin.pki.revocation import CertificateRevoked, Settled
from tests.companions import without
from tests.factory import DAY, NOW, PKI, Issued, make_pki
from tests.fetch.world import CRL, HOUR, OCSP, World, crl, responding, with_responder, work


def test_registered_certificates_say_where_lists_are(world: World, leaf: Issued) -> None:
    second = with_responder(world.pki, OCSP)
    world.registered = [(one.der, (world.pki.issuing.der,)) for one in (leaf, second)]
    trust = world.trust(ocsp=True)
    refresher = world.refresher(trust, ocsp=True)
    world.network.pages |= {CRL: crl(world), OCSP: responding(world, second)}
    assert {outcome.problem for outcome in work(refresher)} == {""}
    assert sorted(world.network.asked) == [CRL, OCSP]


def test_a_ca_with_a_new_key_is_asked_about_its_own_certificates(world: World) -> None:
    """Both keys are in use, under one name; what the older one has signed, only the older one answers for."""
    older = world.pki.issuing
    newer = world.pki.root.issue_ca("Issuing P-256", key_name="newer", path_length=0)
    (world.folder / "both.pem").write_bytes(older.pem + newer.pem)
    leaves = [with_responder(PKI(world.pki.root, issuing), OCSP) for issuing in (older, newer)]
    world.registered = [(leaf.der, ()) for leaf in leaves]
    settings: dict[str, Any] = {"ocsp": True, "intermediates": (str(world.folder / "both.pem"),)}
    refresher = world.refresher(world.trust(**settings), **settings)
    work(refresher)
    sources = [job.source for job in refresher._jobs.all()]
    asked = {(one.serial, one.issuer.der) for one in sources if isinstance(one, StatusSource)}
    assert {(leaf.serial, ca.der) for leaf, ca in zip(leaves, (older, newer), strict=True)} <= asked


def nowhere(leaf: Any, chain: Any, trust: Any, now: Any) -> Any:
    """Any chain is a path to any anchor."""
    return type("Path", (), {"certificates": (leaf, *chain, trust.anchors[0].certificate)})


@without({"certlogin.fetch.refresher.find_path": nowhere}, sees="assert ['http")
def test_s26_an_address_in_an_unverified_certificate_is_not_contacted(world: World) -> None:
    """A row whose path does not lead to an anchor, whoever wrote it."""
    other = make_pki(label=" evil")
    for one in (other.issuing.issue(crl_url=CRL), with_responder(other, OCSP)):
        world.registered.append((one.der, (other.issuing.der,)))
    refresher = world.refresher(world.trust(ocsp=True), ocsp=True)
    work(refresher)
    assert world.network.asked == []


def test_a_store_that_is_away_is_asked_again_later(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def away() -> Any:
        raise Unavailable("registry")

    refresher = world.refresher(world.trust())
    refresher._around = replace(refresher._around, registered=away)
    assert work(refresher) == []
    assert "the registered certificates are not known now" in caplog.text


def test_workers_share_what_one_of_them_has_fetched(world: World, leaf: Issued, tmp_path: Path) -> None:
    first, second = world.trust(), world.trust()
    one, other = (world.refresher(trust, shelf=tmp_path / "shelf") for trust in (first, second))
    world.network.pages[CRL] = crl(world)
    for refresher in (one, other):
        refresher.learn([each.der for each in world.path(leaf)])
    assert [outcome.fetched for outcome in work(one)] == [True]
    assert work(other) == []
    assert world.judged(second, leaf) is Settled.CRL
    assert world.network.asked == [CRL]
    # Both are due; one goes, and the other finds what it brought.
    world.clock.advance(days=3.6)
    world.network.pages[CRL] = crl(world, 2)
    assert [outcome.fetched for outcome in work(other)] == [True]
    assert work(one) == []
    assert world.network.asked == [CRL, CRL]


def test_a_restart_begins_with_what_was_fetched(world: World, leaf: Issued, tmp_path: Path) -> None:
    own = with_responder(world.pki, OCSP)
    before = world.refresher(world.trust(ocsp=True), shelf=tmp_path / "shelf", ocsp=True)
    world.network.pages |= {CRL: crl(world), OCSP: responding(world, own)}
    world.network.etag = '"1"'
    for each in (own, leaf):
        before.learn([one.der for one in world.path(each)])
    work(before)
    assert len(world.network.asked) == 2
    trust = world.trust(ocsp=True)
    after = world.refresher(trust, shelf=tmp_path / "shelf", ocsp=True)
    assert work(after) == []
    for each in (own, leaf):
        after.learn([one.der for one in world.path(each)])
    assert {outcome.fetched for outcome in work(after)} == {False}
    assert [world.judged(trust, each) for each in (own, leaf)] == [Settled.OCSP, Settled.CRL]
    assert len(world.network.asked) == 2
    # The validators were kept, too.
    world.clock.advance(days=3.6)
    after.learn([one.der for one in world.path(leaf)])
    work(after)
    assert world.network.known[-1] == '"1"'


def believing(job: Job, sha256: str, noted: Mapping[str, object]) -> None:
    """Whatever it was written of."""
    job.validators = Validators(str(noted["etag"])) if noted else job.validators


@without({"certlogin.fetch.jobs.Job.recognise": believing})
def test_s24_a_note_of_another_list_makes_no_old_one_the_newest(world: World, leaf: Issued, tmp_path: Path) -> None:
    """The disk was full: the newer list was not written, its small note was."""
    before = world.refresher(world.trust(), shelf=tmp_path / "shelf")
    old = crl(world, 1)
    world.network.pages[CRL], world.network.etag = old, '"1"'
    before.learn([one.der for one in world.path(leaf)])
    work(before)
    world.clock.advance(days=3.6)
    world.network.pages[CRL], world.network.etag = crl(world, 2, leaf), '"2"'
    work(before)
    (file,) = (tmp_path / "shelf").glob("*.crl")
    file.write_bytes(old)
    trust = world.trust()
    after = world.refresher(trust, shelf=tmp_path / "shelf")
    after.learn([one.der for one in world.path(leaf)])
    world.clock.advance(days=1)
    work(after)
    with pytest.raises(CertificateRevoked):
        world.judged(trust, leaf)


def test_who_does_not_fetch_reads_what_others_put_there(world: World, leaf: Issued, tmp_path: Path) -> None:
    (world.folder / "issuing.pem").write_bytes(world.pki.issuing.pem)
    intermediates = (str(world.folder / "issuing.pem"),)
    trust = world.trust(intermediates=intermediates)
    reader = world.refresher(trust, shelf=tmp_path / "shelf", fetches=False)
    assert work(reader) == []
    writer = world.refresher(world.trust(), shelf=tmp_path / "shelf")
    world.network.pages[CRL] = crl(world)
    writer.learn([one.der for one in world.path(leaf)])
    work(writer)
    world.clock.advance(seconds=29)
    work(reader)
    assert world.judged(trust, leaf) == "missing"
    world.clock.advance(seconds=1)
    work(reader)
    assert world.judged(trust, leaf) is Settled.CRL


@without({"certlogin.pki.evidence.is_signed_by": lambda one, authority, sm2: True}, sees="assert <Settled.CRL")
def test_s26_who_writes_into_the_directory_forges_nothing(world: World, leaf: Issued, tmp_path: Path) -> None:
    (world.folder / "issuing.pem").write_bytes(world.pki.issuing.pem)
    trust = world.trust(intermediates=(str(world.folder / "issuing.pem"),))
    refresher = world.refresher(trust, shelf=tmp_path / "shelf")
    (tmp_path / "shelf").mkdir()
    forged = world.pki.issuing.crl(signed_by=make_pki(label=" evil").root.key)
    (tmp_path / "shelf" / "forged.crl").write_bytes(forged)
    work(refresher)
    judged = world.judged(trust, leaf)
    assert judged == "missing"


def test_a_mistake_of_ours_gives_the_source_a_pause(
    world: World, leaf: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    refresher = world.refresher(world.trust())
    refresher.learn([one.der for one in world.path(leaf)])
    world.network.pages[CRL] = lambda _: 1 / 0  # type: ignore[assignment,return-value]
    with pytest.raises(ZeroDivisionError):
        refresher.work_once()
    assert work(refresher) == []
    assert "revocation: http://crl.example.cn/issuing.crl" in caplog.text


def test_most_requests_bring_the_same_path(world: World, leaf: Issued, monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning it again costs a look into a table."""
    refresher = world.refresher(world.trust())
    path = [one.der for one in world.path(leaf)]
    refresher.learn(path)
    monkeypatch.setattr("certlogin.fetch.refresher.read_certificate", lambda der: pytest.fail("read again"))
    refresher.learn(path)
    monkeypatch.setattr("certlogin.fetch.refresher.JOBS_MOST", 1)
    monkeypatch.setattr("certlogin.fetch.refresher.read_certificate", read_certificate)
    refresher.learn([one.der for one in world.path(world.pki.issuing.issue())])
    assert len(refresher._learned) == 1


def test_a_waiting_thread_is_told_when_to_go_on(world: World, leaf: Issued) -> None:
    refresher: Refresher = world.refresher(world.trust())
    assert refresher._pause() == 30
    work(refresher)
    world.clock.advance(seconds=10)
    assert refresher._pause() == 20
    refresher.learn([one.der for one in world.path(leaf)])
    assert refresher._pause() == 0.05
    refresher.wait(0.01)


@pytest.mark.parametrize(
    ("noted", "fetches"),
    [
        ("", True),
        ("2026-03-06T08:00:00+00:00", False),
        ("2026-03-05T08:00:00", True),
        ("2999-01-01T00:00:00+00:00", True),
    ],
)
def test_a_process_that_begins_late_looks_unless_another_one_just_did(
    world: World, leaf: Issued, tmp_path: Path, noted: str, fetches: bool
) -> None:
    before = world.refresher(world.trust(), shelf=tmp_path / "shelf")
    world.network.pages[CRL] = crl(world)
    before.learn([one.der for one in world.path(leaf)])
    work(before)
    (note,) = (tmp_path / "shelf").glob("*.json")
    note.write_text(json.dumps({"at": noted}))
    world.clock.now = NOW + 4 * DAY + HOUR
    after = world.refresher(world.trust(), shelf=tmp_path / "shelf")
    after.learn([one.der for one in world.path(leaf)])
    assert [outcome.fetched for outcome in work(after)] == ([True] if fetches else [])


def test_a_fetch_looks_at_one_file_and_not_at_all(
    world: World, leaf: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be thousands of answers; the directory is gone through every half minute, not for each."""
    refresher = world.refresher(world.trust(), shelf=tmp_path / "shelf")
    assert work(refresher) == []
    monkeypatch.setattr("certlogin.fetch.shelf.Shelf.changed", lambda shelf: pytest.fail("went through all"))
    world.network.pages[CRL] = crl(world)
    refresher.learn([one.der for one in world.path(leaf)])
    assert [outcome.problem for outcome in work(refresher)] == [""]
