"""A terminal with somebody at it, and questions that are asked in the background."""

import fcntl
import os
import pty
import select
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from certlogin.helper.refusals import Expired, NoPinDialog, NoTextDialog, UserCancelled
from tests.helper.world import PATIENCE


class Screen:
    """A pseudo-terminal with somebody at it."""

    def __init__(self, rows: int = 40, columns: int = 120) -> None:
        self.keyboard, self._device = pty.openpty()
        fcntl.ioctl(self.keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.path = Path(os.ttyname(self._device))
        self.seen = b""

    def read_until(self, text: str) -> None:
        until = time.monotonic() + PATIENCE
        while text.encode() not in self.seen:
            assert time.monotonic() < until, self.seen
            if select.select([self.keyboard], [], [], 0.2)[0]:
                self.seen += os.read(self.keyboard, 65536)

    def read_for(self, seconds: float) -> None:
        if select.select([self.keyboard], [], [], seconds)[0]:
            self.seen += os.read(self.keyboard, 65536)

    def type(self, text: str) -> None:
        os.write(self.keyboard, text.encode())

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._device)[3] & termios.ECHO)

    def close(self) -> None:
        os.close(self.keyboard)
        os.close(self._device)


@contextmanager
def asking(ask: Callable[[], object]) -> Iterator[list[object]]:
    """Ask in the background; the answer or the refusal is in the list afterwards."""
    came: list[object] = []

    def run() -> None:
        try:
            came.append(ask())
        except (UserCancelled, NoPinDialog, NoTextDialog, Expired) as refusal:
            came.append(refusal)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield came
    finally:
        thread.join(PATIENCE)
    assert not thread.is_alive()
