"""Asking on the terminal the helper runs in: /dev/tty, never standard input. POSIX only."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certlogin.helper.pin.base import Choice, ConfirmQuestion, PinQuestion, TextQuestion, Watch
from certlogin.helper.pin.pages import pages
from certlogin.helper.refusals import NoPinDialog, NoTextDialog, UserCancelled

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
        with self._open() as terminal:
            _write(terminal, f"\n{question.title}\n{question.description}\n")
            return _choose(terminal, [(choice, text) for choice, text in choices if text], watch)

    def read(self, question: TextQuestion, watch: Watch) -> Choice:
        """Page by page, each after Enter; anything else is cancel. The choice comes after the last one."""
        try:
            with self._open() as terminal:
                shown = tuple(pages(question.text, *os.get_terminal_size(terminal)))
                _write(terminal, f"\n{question.title}\n{question.description}\n{question.scroll}\n")
                for number, page in enumerate(shown, start=1):
                    if not _turn(terminal, f"{question.turn} ({number}/{len(shown)}) ", watch):
                        return Choice.CANCEL
                    _write(terminal, page)
                _forget_typed(terminal)
                return _choose(terminal, [(Choice.OK, question.ok), (Choice.CANCEL, question.cancel)], watch)
        except (NoPinDialog, OSError):
            raise NoTextDialog from None

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


def _choose(terminal: int, offered: list[tuple[Choice, str]], watch: Watch) -> Choice:
    listed = "\n".join(f"  {number}) {text}" for number, (_, text) in enumerate(offered, start=1))
    _write(terminal, f"{listed}\n> ")
    typed = bytes(_read_line(terminal, watch)).strip()
    numbers = {str(number).encode(): choice for number, (choice, _) in enumerate(offered, start=1)}
    return numbers.get(typed, Choice.CANCEL)


def _turn(terminal: int, hint: str, watch: Watch) -> bool:
    """True when just Enter was pressed, after the hint was shown."""
    _forget_typed(terminal)
    _write(terminal, hint)
    return not _read_line(terminal, watch)


def _forget_typed(terminal: int) -> None:
    """What was typed before a page was shown turns no page and chooses nothing."""
    if sys.platform != "win32":
        termios.tcflush(terminal, termios.TCIFLUSH)


def _write(terminal: int, text: str) -> None:
    rest = text.encode("utf-8")
    while rest:
        rest = rest[os.write(terminal, rest) :]


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
