from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from demonstration.demo import scripted
from demonstration.running.assistant import HelperProcess
from demonstration.running.prepare import Origins, prepare
from demonstration.running.site import Site
from demonstration.running.surroundings import free_ports
from demonstration.walking.world import World

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
