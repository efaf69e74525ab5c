"""Clocks and randomness, handed to everything that needs them; the one place that takes them from the system."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Surroundings:
    #: Wall clock, aware, UTC: goes into `iat` and the log, and decides nothing.
    wall: Callable[[], datetime] = _now
    #: Seconds that never go back: decides when prompts end and how often an origin may ask.
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[int], bytes] = secrets.token_bytes
