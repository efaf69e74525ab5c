import pytest

from certlogin.web.guard import Guard
from tests.web.guarding import RING, SETTINGS, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> Guard:
    return Guard(SETTINGS, RING, clock)
