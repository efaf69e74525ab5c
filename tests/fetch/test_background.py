"""Threads begin with the first request of a process, once, and end when they are told."""

import os
import threading
import time
from collections.abc import Callable

import pytest

from certlogin.fetch.background import THREADS, Background
from certlogin.pki.revocation import Settled
from tests.factory import Issued
from tests.fetch.world import CRL, World, crl


def test_threads_do_what_is_due_until_they_are_stopped(world: World, leaf: Issued) -> None:
    arrived = threading.Event()

    def page(_: bytes) -> bytes:
        arrived.set()
        return crl(world)

    trust = world.trust()
    refresher = world.refresher(trust)
    world.network.pages[CRL] = page
    background = Background(refresher)
    background.start()
    background.start()
    assert sum(thread.name.startswith("certlogin-revocation") for thread in threading.enumerate()) == THREADS
    refresher.learn([one.der for one in world.path(leaf)])
    assert arrived.wait(10)
    background.stop()
    assert not any(thread.name.startswith("certlogin-revocation") for thread in threading.enumerate())
    assert world.judged(trust, leaf) is Settled.CRL


def test_a_process_begins_its_own_threads_after_the_fork(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    spawned: list[str] = []

    def spawn(run: Callable[[], None], name: str) -> None:
        spawned.append(name)

    background = Background(world.refresher(world.trust()), spawn)
    background.start()
    assert len(spawned) == THREADS
    monkeypatch.setattr(os, "getpid", lambda: 1)
    background.start()
    background.start()
    assert len(spawned) == 2 * THREADS
    background.stop()


def test_a_mistake_does_not_end_a_thread(world: World, leaf: Issued) -> None:
    calls: list[int] = []
    background = Background(world.refresher(world.trust()), lambda run, name: None)

    def failing() -> None:
        calls.append(1)
        if len(calls) == 2:
            background._stopping.set()
        raise ZeroDivisionError

    background._refresher.work_once = failing  # type: ignore[method-assign]
    background._refresher.wait = lambda longest: None  # type: ignore[method-assign]
    background._run()
    assert calls == [1, 1]


def test_a_start_costs_nothing_once_it_was_made(world: World) -> None:
    background = Background(world.refresher(world.trust()), lambda run, name: None)
    background.start()
    began = time.perf_counter()
    for _ in range(10_000):
        background.start()
    assert time.perf_counter() - began < 1
