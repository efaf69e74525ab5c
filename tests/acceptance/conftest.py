from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from demonstration.demo import scripted
from demonstration.running.assistant import HelperProcess
from demonstration.running.prepare import Origins, prepare
from demonstration.running.site import Site
from demonstration.running.surroundings import free_ports
from demonstration.running.zcqd import prepare_zcqd
from demonstration.running.zcqd_site import ZcqdSite
from demonstration.walking.world import World, ZcqdWorld

#: Passwords are checked, not guarded, here.
FAST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def demonstration(tmp_path: Path) -> Iterator[World]:
    """The whole of `make demo` on free ports, its site running, its helper not yet."""
    survey, zcqd, *ports = free_ports(5)
    answers = tmp_path / "answers"
    origins = Origins(f"http://127.0.0.1:{survey}", f"http://127.0.0.1:{zcqd}")
    demo = prepare(tmp_path / "demo", origins, ports, scripted(answers), FAST)
    site, helper = Site(demo, FAST), HelperProcess(demo)
    try:
        site.start()
        yield World(demo, site, helper, answers)
    finally:
        helper.stop()
        site.stop()


@pytest.fixture
def list_system(demonstration: World) -> Iterator[ZcqdWorld]:
    """The second host of the same demonstration."""
    zcqd = prepare_zcqd(demonstration.demo, FAST)
    site = ZcqdSite(zcqd, FAST)
    try:
        site.start()
        yield ZcqdWorld(zcqd, site, demonstration.desk)
    finally:
        site.stop()
