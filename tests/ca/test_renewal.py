from datetime import datetime, timedelta

import pytest

from certlogin.ca.renewal import AGAIN, LONGEST, SHORTEST, keep_fresh
from certlogin.errors import Unavailable
from tests.ca.house import Clock, House, list_number
from tests.factory import DAY, NOW


class Waits:
    """Stands in for `Event.wait`: time passes on the clock, and after so many waits it is time to stop."""

    def __init__(self, clock: Clock, count: int) -> None:
        self.clock = clock
        self.left = count
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        self.clock.advance(seconds=seconds)
        self.left -= 1
        return self.left == 0


def test_the_list_never_grows_older_than_half_its_life(house: House) -> None:
    ca = house.open()
    oldest = timedelta()

    class Watching(Waits):
        def __call__(self, seconds: float) -> bool:
            nonlocal oldest
            done = super().__call__(seconds)
            oldest = max(oldest, self.clock() - house.list_file().last_update_utc)
            return done

    keep_fresh(ca.refresh, house.clock, Watching(house.clock, 1100))
    assert house.clock() > NOW + 7 * DAY
    assert list_number(house.list_file()) == 1 + 2
    assert oldest <= 3.5 * DAY + timedelta(seconds=SHORTEST)


@pytest.mark.parametrize(("due_in", "waited"), [(-5.0, SHORTEST), (0.5, SHORTEST), (30.0, 30.0), (1e6, LONGEST)])
def test_how_long_it_waits(due_in: float, waited: float) -> None:
    clock = Clock()
    waits = Waits(clock, 1)
    keep_fresh(lambda: clock() + timedelta(seconds=due_in), clock, waits)
    assert waits.seconds == [waited]


def test_a_failure_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    results: list[datetime | None] = [None, clock() + DAY]

    def refresh() -> datetime:
        result = results.pop(0)
        if result is None:
            raise Unavailable("the CA's directory")
        return result

    waits = Waits(clock, 2)
    keep_fresh(refresh, clock, waits)
    assert waits.seconds == [AGAIN, LONGEST]
    assert "cannot be renewed" in caplog.text
