"""Asking on the terminal the helper runs in: /dev/tty, never standard input. POSIX only."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certlogin.helper.pin.base import Choice, ConfirmQuestion, PinQuestion, Watch
from certlogin.helper.refusals import NoPinDialog, UserCancelled

if sys.platform != "win32":
    import termios

_LOOK_EVERY = 0.2
_LINE = 256


class Terminal:
    """A typed answer for every question: one word for a choice, the PIN without echo."""

    name = "terminal"

    def __init__(self, device: Path = Path("/dev/tty")) -> None:
        self._device = device

    def usable(self) -> bool:
        try:
            with self._open():
                return True
        except NoPinDialog:
            return False

    def pin(self, question: PinQuestion, watch: Watch) -> bytearray:
        with self._open() as terminal, _silent(terminal):
            _write(terminal, f"\n{question.title}\n{question.description}\n{question.label} ")
            typed = _read_line(terminal, watch)
            _write(terminal, "\n")
        if not typed:
            raise UserCancelled
        return typed

    def confirm(self, question: ConfirmQuestion, watch: Watch) -> Choice:
        """The user types the number of a choice; anything else, also just Enter, is cancel."""
        choices = [(Choice.OK, question.ok), (Choice.NOT_OK, question.not_ok), (Choice.CANCEL, question.cancel)]
        offered = [(choice, text) for choice, text in choices if text]
        listed = "\n".join(f"  {number}) {text}" for number, (_, text) in enumerate(offered, start=1))
        with self._open() as terminal:
            _write(terminal, f"\n{question.title}\n{question.description}\n{listed}\n> ")
            typed = bytes(_read_line(terminal, watch)).strip()
        numbers = {str(number).encode(): choice for number, (choice, _) in enumerate(offered, start=1)}
        return numbers.get(typed, Choice.CANCEL)

    @contextmanager
    def _open(self) -> Iterator[int]:
        try:
            descriptor = os.open(self._device, os.O_RDWR | getattr(os, "O_NOCTTY", 0))
        except OSError:
            raise NoPinDialog from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _write(terminal: int, text: str) -> None:
    os.write(terminal, text.encode("utf-8"))


def _read_line(terminal: int, watch: Watch) -> bytearray:
    line = bytearray()
    while not line.endswith(b"\n"):
        while not select.select([terminal], [], [], _LOOK_EVERY)[0]:
            watch.check()
        data = os.read(terminal, _LINE)
        if not data or len(line) > _LINE:
            raise UserCancelled
        line += data
    while line.endswith((b"\n", b"\r")):
        line.pop()
    return line


@contextmanager
def _silent(terminal: int) -> Iterator[None]:
    """No echo, and nothing typed before the question counts as an answer."""
    if sys.platform == "win32":
        raise NoPinDialog
    before = termios.tcgetattr(terminal)
    silent = termios.tcgetattr(terminal)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
