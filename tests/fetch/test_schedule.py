"""When something is fetched again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.fetch.schedule import LEAST, LONGEST_PAUSE, MOST, Window, after_failure, after_success
from tests.factory import DAY, NOW

WEEK = Window(NOW, NOW + 7 * DAY)
CHANCE = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("after", "chance", "due"),
    [
        # At half of its life, and up to a twentieth of it later.
        (timedelta(0), 0.0, timedelta(days=3.5)),
        (timedelta(0), 1.0, timedelta(days=3.85)),
        (3 * DAY, 0.0, timedelta(days=3.5)),
        # Late: a quarter of what is left, but six hours at most and a minute at least.
        (4 * DAY, 0.0, timedelta(days=4.25)),
        (timedelta(days=6.75), 0.0, timedelta(days=6.75, minutes=90)),
        (timedelta(days=6.75), 1.0, timedelta(days=6.75, minutes=94.5)),
        (7 * DAY, 0.0, timedelta(days=7, minutes=1)),
        (9 * DAY, 0.0, timedelta(days=9, minutes=1)),
    ],
)
def test_it_is_fetched_again_at_half_of_its_life(after: timedelta, chance: float, due: timedelta) -> None:
    assert after_success(WEEK, NOW + after, chance) == NOW + due


@pytest.mark.parametrize(
    ("failures", "chance", "seconds"),
    [(1, 0.0, 15), (1, 1.0, 30), (2, 1.0, 60), (3, 1.0, 120), (8, 1.0, 3600), (8, 0.0, 1800), (1000, 1.0, 3600)],
)
def test_a_failure_is_followed_by_ever_longer_pauses(failures: int, chance: float, seconds: float) -> None:
    assert after_failure(failures, NOW, chance) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(("part", "is_alarming"), [(0.74, False), (0.75, True), (1.5, True)])
def test_three_quarters_are_alarming(part: float, is_alarming: bool) -> None:
    assert WEEK.is_alarming(WEEK.at(part)) is is_alarming


def test_a_window_is_open_from_its_begin_and_not_at_its_end() -> None:
    moments = [WEEK.begins - LEAST, WEEK.begins, WEEK.ends - LEAST, WEEK.ends]
    assert [WEEK.is_open(moment) for moment in moments] == [False, True, True, False]


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(timedelta(seconds=1), timedelta(days=3650)),
    st.integers(1),
    CHANCE,
)
def test_the_next_time_is_neither_now_nor_too_far(
    begins: datetime, life: timedelta, failures: int, chance: float
) -> None:
    window = Window(begins, begins + life)
    due = after_success(window, NOW, chance)
    assert due > NOW
    assert due - NOW <= MOST * 1.05 or due <= window.ends
    assert LONGEST_PAUSE >= after_failure(failures, NOW, chance) - NOW > timedelta(0)
