"""A site that fetches: its threads, its directory, and what is written down when a list grows stale."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import create_environ

from certlogin import CertLogin
from certlogin.app import Host, StorePair, Surroundings
from certlogin.fetch.refresher import Outcome
from certlogin.settings.loader import settings_from_mapping
from certlogin.stores.memory import MemoryStore
from tests.companions import companion
from tests.factory import DAY, NOW, make_pki
from tests.fetch.servers import Place, serving
from tests.gate.browser import Browser
from tests.gate.world import Authority, Clock, Directory, MakeWorld, World, settings_of


@pytest.fixture
def place() -> Iterator[Place]:
    with serving() as running:
        yield running


def tables(place: Place, folder: Path) -> dict[str, Any]:
    """The issuing authority's list is fetched; the root's lies in a file."""
    crls = {"crls": [str(folder / "ca" / "root.crl")], "crl_urls": [place.url("/issuing.crl")]}
    return {"anchor": crls, "revocation": {"allow_private": True, "directory": str(folder / "shelf")}}


def publish(world: World, place: Place, number: int, *gone: int) -> None:
    now = world.clock.now
    crl = world.pki.issuing.crl(gone, number=number, this_update=now - DAY, next_update=now + 6 * DAY)
    place.pages["/issuing.crl"] = crl


def work(certlogin: CertLogin) -> list[Outcome]:
    refresher = certlogin._context.revocation
    assert refresher is not None
    done: list[Outcome] = []
    while (outcome := refresher.work_once()) is not None:
        done.append(outcome)
    return done


@pytest.fixture
def fetching(make_world: MakeWorld, place: Place, tmp_path: Path) -> World:
    world = make_world(**tables(place, tmp_path))
    publish(world, place, 1)
    return world


def test_logins_go_on_with_the_list_that_was_fetched(fetching: World, place: Place) -> None:
    issued = fetching.bind("U1")
    mine = Browser(fetching)
    mine.log_in("U1")
    mine.report()
    assert mine.refused("proof", **mine.sign(issued, mine.challenge())) == "revocation_unknown"
    assert [outcome.problem for outcome in work(fetching.certlogin)] == [""]
    second = Browser(fetching)
    second.log_in_with("U1", issued)
    assert second.is_admitted()


def test_s11_a_revocation_that_was_fetched_ends_the_session(fetching: World, place: Place) -> None:
    issued = fetching.bind("U1")
    work(fetching.certlogin)
    mine = Browser(fetching)
    mine.log_in_with("U1", issued)
    publish(fetching, place, 2, issued.serial)
    assert _is_admitted_after_a_while(fetching, mine) is False


@companion("test_s11_a_revocation_that_was_fetched_ends_the_session")
def test_s11_without_the_fetched_list_the_session_goes_on(
    fetching: World, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = fetching.bind("U1")
    work(fetching.certlogin)
    mine = Browser(fetching)
    mine.log_in_with("U1", issued)
    publish(fetching, place, 2, issued.serial)
    monkeypatch.setattr("certlogin.flows.trust.add_evidence", lambda trust, *_: (trust, []))
    assert _is_admitted_after_a_while(fetching, mine) is True


def _is_admitted_after_a_while(world: World, browser: Browser) -> bool:
    """Half of the list's life is over; its user keeps the session."""
    for _ in range(5):
        world.clock.advance(1500)
        browser.is_admitted()
    refresher = world.certlogin._context.revocation
    assert refresher is not None
    for job in refresher._jobs.all():
        job.due = world.clock.now
    work(world.certlogin)
    world.clock.advance(61)
    return browser.is_admitted()


def test_a_list_that_grows_stale_is_written_down_once_a_day(fetching: World, place: Place, tmp_path: Path) -> None:
    work(fetching.certlogin)
    place.pages.clear()
    fetching.clock.advance(timedelta(days=5).total_seconds())
    for _ in range(3):
        work(fetching.certlogin)
        fetching.clock.advance(60)
    (event,) = fetching.events("revocation_stale")
    assert event.facts == {
        "source": place.url("/issuing.crl"),
        "good_until": "2026-03-08T08:00:00+00:00",
        "problem": "the server answers 404",
    }


def test_the_next_start_begins_with_the_list(fetching: World, place: Place, tmp_path: Path) -> None:
    work(fetching.certlogin)
    settings = settings_from_mapping(settings_of(tmp_path, fetching.authority, **tables(place, tmp_path)), {})
    around = Surroundings(clock=fetching.clock, spawn=lambda run, name: None)
    pair = StorePair(MemoryStore(bytes), fetching.store)
    trust = CertLogin(settings, Host(fetching.directory), around, pair)._context.trust.current()
    assert sorted(one.issuer for one in trust.index.lists) == [
        "CN=Issuing P-256,O=certlogin test,C=CN",
        "CN=Root P-256,O=certlogin test,C=CN",
    ]
    assert len(place.asked) == 1


def test_threads_begin_with_the_first_request_and_end_with_the_site(place: Place, tmp_path: Path) -> None:
    clock, directory = Clock(NOW), Directory()
    changes = tables(place, tmp_path)
    authority = Authority(tmp_path / "ca", make_pki())
    settings = settings_from_mapping(settings_of(tmp_path, authority, **changes), {})
    arrived = threading.Event()
    place.raw["/issuing.crl"] = lambda handler: arrived.set()
    certlogin = CertLogin(settings, Host(directory), Surroundings(clock=clock))
    try:
        assert not _threads()
        app = certlogin.wsgi(lambda environ, start: [])
        request = create_environ("/certlogin/helper", "https://survey.example.cn")
        list(app(request, lambda status, headers, error=None: lambda data: None))
        assert len(_threads()) == 4
        assert arrived.wait(10)
    finally:
        certlogin.close()
    assert not _threads()


def _threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("certlogin-revocation")]
