"""A map whose entries are kept until a given time: found in O(1), forgotten in O(log n) each, never scanned."""

from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

V = TypeVar("V")

#: Removed entries may leave this many stale heap items beside as many live ones before the heap is rebuilt.
_SLACK = 64


@dataclass(slots=True)
class ExpiringMap(Generic[V]):
    """Not thread-safe: its owner holds the lock."""

    _live: dict[str, tuple[datetime, V]] = field(default_factory=dict)
    _order: list[tuple[datetime, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._live)

    def put(self, key: str, value: V, keep_until: datetime) -> None:
        """Add or replace."""
        self._live[key] = (keep_until, value)
        heappush(self._order, (keep_until, key))
        if len(self._order) > 2 * len(self._live) + _SLACK:
            # Amortised O(1): at least half of the items are stale.
            self._order = [(until, name) for name, (until, _) in self._live.items()]
            heapify(self._order)

    def set(self, key: str, value: V) -> None:
        """Change the value of a live key; its time stays."""
        self._live[key] = (self._live[key][0], value)

    def get(self, key: str) -> V | None:
        entry = self._live.get(key)
        return None if entry is None else entry[1]

    def pop(self, key: str) -> V | None:
        entry = self._live.pop(key, None)
        return None if entry is None else entry[1]

    def kept_until(self, key: str) -> datetime | None:
        entry = self._live.get(key)
        return None if entry is None else entry[0]

    def drop_expired(self, now: datetime) -> list[tuple[str, V, datetime]]:
        """Forget what was to be kept until a time before `now`, and return it."""
        dropped = []
        while self._order and self._order[0][0] < now:
            until, key = heappop(self._order)
            entry = self._live.get(key)
            if entry is not None and entry[0] == until:
                del self._live[key]
                dropped.append((key, entry[1], until))
        return dropped
