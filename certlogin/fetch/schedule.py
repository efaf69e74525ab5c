"""When something is fetched again. It knows no network, no lists and no clock: moments come in and go out.

Between thisUpdate and nextUpdate lies the life of a list or answer. After half of it a newer one is fetched; when three
quarters have passed without, somebody should know.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

#: How soon after a look that brought nothing new the next one comes, at the least and at the most.
LEAST: Final = timedelta(minutes=1)
MOST: Final = timedelta(hours=6)
#: The first pause after a failure; each further one doubles it.
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)
ALARM: Final = 0.75
#: So much of a life, or of a pause, is left to chance: workers do not all knock at the same moment.
_SPREAD: Final = 20
_DOUBLINGS: Final = 12


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when a list or an answer counts."""

    begins: datetime
    ends: datetime

    def is_open(self, now: datetime) -> bool:
        return self.begins <= now < self.ends

    def at(self, part: float) -> datetime:
        return self.begins + (self.ends - self.begins) * part

    def is_alarming(self, now: datetime) -> bool:
        return now >= self.at(ALARM)


def after_success(window: Window, now: datetime, chance: float) -> datetime:
    """When to look again for something newer than what has this window. `chance`: 0 to 1, at random."""
    half = window.at(0.5)
    if half > now:
        return half + (window.ends - window.begins) * chance / _SPREAD
    # The issuer is late: ever more often towards the end, and then not less than after a failure.
    pause = min(max((window.ends - now) / 4, LEAST), MOST)
    return now + pause * (1 + chance / _SPREAD)


def after_failure(failures: int, now: datetime, chance: float) -> datetime:
    """`failures`: how many in a row, this one included."""
    doubled: int = 2 ** min(failures - 1, _DOUBLINGS)
    pause = min(FIRST_PAUSE * doubled, LONGEST_PAUSE)
    return now + pause * (1 + chance) / 2
