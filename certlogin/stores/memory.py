"""The volatile store of one process: nothing survives it, nothing is shared with another one.

It is bounded by refusing what is beyond its limits; it forgets what has expired and nothing else, because a forgotten
nonce could be used again. A lock file keeps a second process out: with two, each would accept the same nonce once.
"""

import fcntl
import os
from base64 import urlsafe_b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sized
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import IO, Final

from certlogin.errors import ConfigurationError, Unavailable
from certlogin.records.attempt import Attempt
from certlogin.stores.base import AttemptCaps, TooManyAttempts
from certlogin.stores.expiring import ExpiringMap

#: Most attempts end long before their time, so a refused user may try again soon.
RETRY_AFTER_AT_MOST: Final = 300

#: Octets of randomness in an epoch.
_EPOCH_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """How many entries of each kind are held at once; beyond, the store is `Unavailable`."""

    attempts: int = 100_000
    nonces: int = 200_000
    ended: int = 200_000
    rates: int = 100_000


class MemoryStore:
    """`VolatileStore` in this process. Raises ConfigurationError when another one holds the lock file."""

    def __init__(
        self,
        random_bytes: Callable[[int], bytes],
        lock_file: str | os.PathLike[str] | None = None,
        limits: MemoryLimits | None = None,
    ) -> None:
        self._lock_file = _locked(lock_file) if lock_file else None
        self._limits = limits or MemoryLimits()
        self._epoch = urlsafe_b64encode(random_bytes(_EPOCH_BYTES)).rstrip(b"=").decode()
        self._process = os.getpid()
        self._lock = Lock()
        self._attempts: ExpiringMap[Attempt] = ExpiringMap()
        self._open_keys: defaultdict[Hashable, set[str]] = defaultdict(set)
        self._held_bytes = 0
        self._nonces: ExpiringMap[None] = ExpiringMap()
        self._forgotten_nonce: datetime | None = None
        self._ended: ExpiringMap[None] = ExpiringMap()
        self._rates: ExpiringMap[int] = ExpiringMap()

    # Attempts

    def open(self, attempt: Attempt, caps: AttemptCaps, keep_until: datetime, now: datetime) -> None:
        self._check_process()
        with self._lock:
            for _, expired, _ in self._attempts.drop_expired(now):
                self._uncount(expired)
            if self._attempts.get(attempt.key) is not None:
                raise ValueError("an attempt with this key is open already")
            self._check_room(self._attempts, self._limits.attempts, "attempts")
            self._check_caps(attempt, caps, now)
            self._attempts.put(attempt.key, attempt, keep_until)
            self._count(attempt)

    def load(self, key: str) -> Attempt | None:
        self._check_process()
        with self._lock:
            return self._attempts.get(key)

    def replace(self, old: Attempt, new: Attempt, keep_until: datetime) -> bool:
        self._check_process()
        if old.key != new.key:
            raise ValueError("an attempt keeps its key")
        with self._lock:
            if self._attempts.get(old.key) != old:
                return False
            self._uncount(old)
            self._attempts.put(new.key, new, keep_until)
            self._count(new)
            return True

    def take(self, key: str) -> Attempt | None:
        self._check_process()
        with self._lock:
            attempt = self._attempts.pop(key)
            if attempt is not None:
                self._uncount(attempt)
            return attempt

    def _check_caps(self, attempt: Attempt, caps: AttemptCaps, now: datetime) -> None:
        for what, group, cap in (
            ("unit", ("unit", attempt.unit_id), caps.per_unit),
            ("address", ("address", attempt.address), caps.per_address),
        ):
            # `get`: asking must not add a group.
            open_keys = self._open_keys.get(group, set())
            if len(open_keys) >= cap:
                raise TooManyAttempts(what=what, retry_after=self._retry_after(open_keys, now))
        if self._held_bytes + _size(attempt) > caps.held_total:
            raise TooManyAttempts(what="held_total", retry_after=RETRY_AFTER_AT_MOST)

    def _retry_after(self, open_keys: set[str], now: datetime) -> int:
        """Seconds until the first of them ends by itself; a group is never larger than its cap."""
        times = [until for key in open_keys if (until := self._attempts.kept_until(key)) is not None]
        seconds = (min(times) - now).total_seconds() if times else RETRY_AFTER_AT_MOST
        return max(1, min(RETRY_AFTER_AT_MOST, int(seconds) + 1))

    def _count(self, attempt: Attempt) -> None:
        self._open_keys["unit", attempt.unit_id].add(attempt.key)
        self._open_keys["address", attempt.address].add(attempt.key)
        self._held_bytes += _size(attempt)

    def _uncount(self, attempt: Attempt) -> None:
        for group in (("unit", attempt.unit_id), ("address", attempt.address)):
            self._open_keys[group].discard(attempt.key)
            if not self._open_keys[group]:
                del self._open_keys[group]
        self._held_bytes -= _size(attempt)

    # Nonces

    @property
    def epoch(self) -> str:
        return self._epoch

    def add_once(self, value: str, keep_until: datetime, now: datetime) -> bool:
        self._check_process()
        with self._lock:
            for _, _, until in self._nonces.drop_expired(now):
                self._forgotten_nonce = max(until, self._forgotten_nonce or until)
            if self._may_be_forgotten(min(now, keep_until)) or self._nonces.kept_until(value) is not None:
                return False
            self._check_room(self._nonces, self._limits.nonces, "nonces")
            self._nonces.put(value, None, keep_until)
            return True

    def _may_be_forgotten(self, moment: datetime) -> bool:
        """The value of a caller that stalled since it read the clock, or whose clock was set back."""
        return self._forgotten_nonce is not None and moment <= self._forgotten_nonce

    # Ended tickets

    def end(self, ticket_id: str, keep_until: datetime, now: datetime) -> None:
        self._check_process()
        with self._lock:
            self._ended.drop_expired(now)
            known_until = self._ended.kept_until(ticket_id)
            if known_until is None:
                self._check_room(self._ended, self._limits.ended, "ended tickets")
            self._ended.put(ticket_id, None, max(keep_until, known_until or keep_until))

    def is_ended(self, ticket_id: str) -> bool:
        self._check_process()
        with self._lock:
            return self._ended.kept_until(ticket_id) is not None

    # Rates

    def count(self, name: str, window_seconds: int, now: datetime) -> int:
        self._check_process()
        window = int(now.timestamp()) // window_seconds
        key = f"{window_seconds}:{window}:{name}"
        with self._lock:
            self._rates.drop_expired(now)
            count = (self._rates.get(key) or 0) + 1
            if count == 1:
                self._check_room(self._rates, self._limits.rates, "rates")
                self._rates.put(key, count, datetime.fromtimestamp((window + 1) * window_seconds, UTC))
            else:
                self._rates.set(key, count)
            return count

    # The process

    def close(self) -> None:
        """Give the lock file back."""
        with self._lock:
            if self._lock_file is not None:
                self._lock_file.close()
                self._lock_file = None

    def sizes(self) -> Counter[str]:
        """How much is held, for doctor and the tests of the bounds."""
        with self._lock:
            return Counter(
                attempts=len(self._attempts),
                groups=len(self._open_keys),
                held_bytes=self._held_bytes,
                nonces=len(self._nonces),
                ended=len(self._ended),
                rates=len(self._rates),
            )

    def _check_room(self, entries: Sized, most: int, what: str) -> None:
        if len(entries) >= most:
            raise Unavailable(what=f"memory store: more than {most} {what}")

    def _check_process(self) -> None:
        """A forked worker has a copy that nobody else sees, so it must not decide anything."""
        if os.getpid() != self._process:
            raise Unavailable(what="memory store: made before this process was forked; it serves one process only")


def _size(attempt: Attempt) -> int:
    """Octets that are held for it."""
    return len(attempt.sealed_response) + (0 if attempt.awaiting is None else len(attempt.awaiting.sealed))


def _locked(path: str | os.PathLike[str]) -> IO[bytes]:
    """The open lock file; the lock ends with the process, however it ends."""
    name = os.fspath(path)
    try:
        file = open(name, "ab")
    except OSError as error:
        raise ConfigurationError((f"[stores] lock_file: {name!r} cannot be opened: {error.strerror}",)) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise ConfigurationError(
            (
                f"[stores] lock_file: {name!r} is held by another process: the memory store serves one process only; "
                "start one worker, or give another application a lock file of its own",
            )
        ) from error
    return file
