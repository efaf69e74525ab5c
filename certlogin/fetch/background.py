"""The threads of one process that do what is due. They begin after the fork, with the first request."""

import logging
import os
import threading
from collections.abc import Callable
from typing import Final

from certlogin.fetch.refresher import Refresher

_log = logging.getLogger("certlogin")
#: One slow server holds up one of them.
THREADS: Final = 4
#: However long nothing is due, a thread looks around so often, in seconds.
_LONGEST: Final = 30.0
_STOPS_WITHIN: Final = 2.0

#: `spawn(run, name)` begins a thread; tests keep them from beginning.
Spawn = Callable[[Callable[[], None], str], threading.Thread | None]


def spawn_thread(run: Callable[[], None], name: str) -> threading.Thread:
    # A transfer under way must not keep the process from ending.
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


class Background:
    def __init__(self, refresher: Refresher, spawn: Spawn = spawn_thread) -> None:
        self._refresher = refresher
        self._spawn = spawn
        self._lock = threading.Lock()
        self._process: int | None = None
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin the threads, unless this process has them. Costs nothing when it has."""
        if self._process == os.getpid():
            return
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            begun = [self._spawn(self._run, f"certlogin-revocation-{number + 1}") for number in range(THREADS)]
            self._threads = [thread for thread in begun if thread is not None]

    def stop(self) -> None:
        """Let them end. One that waits for a server ends with its transfer."""
        self._stopping.set()
        self._refresher.wake()
        if self._process == os.getpid():
            for thread in self._threads:
                thread.join(_STOPS_WITHIN)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                worked = self._refresher.work_once() is not None
            except Exception:
                # Logged where it happened; the source has its pause.
                worked = False
            if not worked and not self._stopping.is_set():
                self._refresher.wait(_LONGEST)
