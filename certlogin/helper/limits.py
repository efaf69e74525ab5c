"""How often an origin may ask, and how often it may make a window appear.

No clock of its own: every method is told the monotonic time. Memory is bounded: what no longer matters is forgotten.
"""

import math
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from certlogin.helper.origins import Origin
from certlogin.helper.refusals import Busy

_MINUTE = 60.0
_HOUR = 3600.0
_DAY = 24 * _HOUR
_ORIGINS_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """The numbers of the helper protocol; an administrator may change them."""

    #: Calls a minute and origin; `hello`, preflights and `cancel` are free. One login with an enrolment takes six.
    requests_per_minute: int = 10
    #: After so many refusals by the user without a success in between, the origin waits.
    refusals: int = 3
    refusal_wait: int = 300
    #: Pairing prompts an hour, of all origins together.
    pair_prompts_per_hour: int = 3
    connections_per_origin: int = 4


@dataclass(slots=True)
class _Asker:
    calls: deque[float] = field(default_factory=deque)
    refusals: int = 0
    waits_until: float = -math.inf
    connections: int = 0


class Limits:
    """Counters per origin. Safe to call from several threads."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._askers: dict[str, _Asker] = {}
        self._pair_prompts: deque[float] = deque()
        self._pair_refused: dict[str, float] = {}

    def count_call(self, origin: Origin, now: float) -> None:
        """Raises Busy with the seconds to wait."""
        with self._lock:
            asker = self._asker(origin, now)
            if now < asker.waits_until:
                raise Busy(_seconds(asker.waits_until - now))
            _count(asker.calls, self._settings.requests_per_minute, _MINUTE, now)

    def refused(self, origin: Origin, now: float) -> None:
        """The user refused."""
        with self._lock:
            asker = self._asker(origin, now)
            asker.refusals += 1
            if asker.refusals >= self._settings.refusals:
                asker.refusals = 0
                asker.waits_until = now + self._settings.refusal_wait

    def succeeded(self, origin: Origin, now: float) -> None:
        """The user did what was asked: earlier refusals were changes of mind."""
        with self._lock:
            self._asker(origin, now).refusals = 0

    def count_pair_prompt(self, origin: Origin, now: float) -> None:
        """Raises Busy when this pairing prompt would be one too many; paired origins are never held back by it."""
        with self._lock:
            refused_at = self._pair_refused.get(origin.registrable)
            if refused_at is not None and now < refused_at + _DAY:
                raise Busy(_seconds(refused_at + _DAY - now))
            _count(self._pair_prompts, self._settings.pair_prompts_per_hour, _HOUR, now)

    def pair_refused(self, origin: Origin, now: float) -> None:
        with self._lock:
            self._pair_refused = {name: at for name, at in self._pair_refused.items() if now < at + _DAY}
            self._pair_refused[origin.registrable] = now

    @contextmanager
    def connection(self, origin: Origin, now: float) -> Iterator[None]:
        """Raises Busy when the origin holds too many connections already."""
        with self._lock:
            asker = self._asker(origin, now)
            if asker.connections >= self._settings.connections_per_origin:
                raise Busy(1)
            asker.connections += 1
        try:
            yield
        finally:
            with self._lock:
                asker.connections -= 1

    def _asker(self, origin: Origin, now: float) -> _Asker:
        known = self._askers.get(origin.text)
        if known is None:
            if len(self._askers) >= _ORIGINS_REMEMBERED:
                self._forget(now)
            known = self._askers[origin.text] = _Asker()
        return known

    def _forget(self, now: float) -> None:
        """Drop who holds nothing; when everybody does, the newcomer waits."""
        for name, asker in list(self._askers.items()):
            last = asker.calls[-1] if asker.calls else -math.inf
            if not asker.connections and now >= max(asker.waits_until, last + _MINUTE):
                del self._askers[name]
        if len(self._askers) >= _ORIGINS_REMEMBERED:
            raise Busy(int(_MINUTE))


def _count(times: deque[float], limit: int, window: float, now: float) -> None:
    while times and now >= times[0] + window:
        times.popleft()
    if len(times) >= limit:
        raise Busy(_seconds(times[0] + window - now) if times else int(window))
    times.append(now)


def _seconds(rest: float) -> int:
    return max(1, math.ceil(rest))
