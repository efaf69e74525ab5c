"""The holder of the current trust: what was added stays when files are read again, and nobody waits for a long list."""

import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from certlogin.errors import Unavailable
from certlogin.flows.trust import TrustSource
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.path import Trust
from certlogin.settings.trust import Anchor
from certlogin.settings.trust import Trust as TrustSettings
from tests.companions import without
from tests.factory import DAY, NOW, make_pki
from tests.pki.answers import answer


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(tmp_path: Path, clock: Clock) -> TrustSource:
    """The root is in a file, the issuing authority is not: clients send it along."""
    pki = make_pki()
    (tmp_path / "root.pem").write_bytes(pki.root.pem)
    put(tmp_path, 1)
    anchor = Anchor("test", str(tmp_path / "root.pem"), crls=(str(tmp_path / "root.crl"),))
    return TrustSource(TrustSettings((anchor,), reload_seconds=30), clock)


def put(folder: Path, number: int) -> None:
    fresh = folder / "fresh"
    fresh.write_bytes(make_pki().root.crl(number=number))
    fresh.replace(folder / "root.crl")


def issuing() -> UnverifiedCertificate:
    return read_certificate(make_pki().issuing.der)


def number(trust: Trust, authority: UnverifiedCertificate) -> int | None:
    found = trust.index.find(authority)
    return None if found is None else found.number


def test_what_was_added_stays_when_files_are_read_again(source: TrustSource, clock: Clock, tmp_path: Path) -> None:
    leaf = make_pki().issuing.issue()
    assert source.add([make_pki().issuing.crl(number=5)], [answer(leaf, make_pki().issuing)], [issuing()]) == []
    put(tmp_path, 2)
    clock.now += DAY / 24
    trust = source.current()
    assert number(trust, read_certificate(make_pki().root.der)) == 2
    assert number(trust, issuing()) == 5
    assert leaf.serial in trust.index.of(issuing()).answers


def test_a_file_may_be_newer_than_what_was_fetched_and_the_other_way_round(
    source: TrustSource, clock: Clock, tmp_path: Path
) -> None:
    root = read_certificate(make_pki().root.der)
    source.add([make_pki().root.crl(number=9)], [])
    put(tmp_path, 2)
    clock.now += DAY / 24
    assert number(source.current(), root) == 9
    put(tmp_path, 10)
    source.reload()
    assert number(source.current(), root) == 10


def every_list(trust: Trust, lists: Any, answers: Any, now: datetime, *rest: Any) -> tuple[Trust, list[str]]:
    from certlogin.pki.path import build_trust

    material = make_pki().material(crls_der=tuple(lists))
    return build_trust([material]), []


@without({"certlogin.flows.trust.add_evidence": every_list}, sees="assert 1 == 2")
def test_s24_a_fetched_list_never_takes_the_place_of_a_newer_one(source: TrustSource) -> None:
    root = read_certificate(make_pki().root.der)
    source.add([make_pki().root.crl(number=2)], [])
    problems = source.add([make_pki().root.crl(number=1)], [])
    assert number(source.current(), root) == 2
    assert [problem.partition(":")[2] for problem in problems] == [" older than number 2 in use"]


def test_nobody_waits_while_a_list_is_added(source: TrustSource, clock: Clock) -> None:
    """Another thread is at it, and a look at the files is due."""
    clock.now += DAY / 24
    found: list[Trust] = []

    def look() -> None:
        found.append(source.current())

    with source._changing:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join(10)
    assert len(found) == 1


def test_a_machine_without_threads_keeps_no_evidence_out(
    source: TrustSource, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(thread: threading.Thread) -> None:
        raise RuntimeError

    clock.now += DAY / 24
    with monkeypatch.context() as patches:
        patches.setattr("certlogin.flows.trust._size", lambda file: 1 << 21)
        patches.setattr("threading.Thread.start", exhausted)
        with pytest.raises(Unavailable):
            source.current()
    assert not source._changing.locked()


def test_a_file_that_is_gone_for_a_moment_keeps_no_evidence_out(
    source: TrustSource, clock: Clock, tmp_path: Path
) -> None:
    clock.now += DAY / 24
    (tmp_path / "root.crl").unlink()
    with pytest.raises(Unavailable):
        source.current()
    assert not source._changing.locked()


def test_a_list_that_grows_stale_is_said_once(
    source: TrustSource, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """From yesterday, good for seven days: three quarters are over on the fifth day from now."""
    clock.now += 4 * DAY
    source.current()
    assert caplog.records == []
    for _ in range(3):
        clock.now += DAY / 2
        source.current()
    assert [record.getMessage() for record in caplog.records] == [
        "revocation_stale: list number 1 of CN=Root P-256,O=certlogin test,C=CN: good until 2026-03-08T08:00:00+00:00"
    ]
