from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from survey_app.demo import scripted
from survey_app.running.assistant import HelperProcess
from survey_app.running.prepare import prepare
from survey_app.running.site import Site, free_ports
from survey_app.walking.world import World

#: Passwords are checked, not guarded, here.
FAST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def demonstration(tmp_path: Path) -> Iterator[World]:
    """The whole of `make demo` on free ports, its site running, its helper not yet."""
    port, *ports = free_ports(4)
    answers = tmp_path / "answers"
    demo = prepare(tmp_path / "demo", f"http://127.0.0.1:{port}", ports, scripted(answers), FAST)
    site, helper = Site(demo, FAST), HelperProcess(demo)
    try:
        site.start()
        yield World(demo, site, helper, answers)
    finally:
        helper.stop()
        site.stop()
