"""Asking through a pinentry: one process for one question, killed when the question is withdrawn.

POSIX only: `select` cannot wait for a pipe on Windows.
"""

import os
import select
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, cast

from certlogin.helper.pin.assuan import (
    CANCELLED,
    NOT_CONFIRMED,
    READ,
    TIMEOUT,
    Data,
    Err,
    Ok,
    Other,
    command,
    read_reply,
    text_commands,
)
from certlogin.helper.pin.base import Choice, ConfirmQuestion, PinQuestion, TextQuestion, Watch
from certlogin.helper.refusals import Expired, NoPinDialog, NoTextDialog, UserCancelled

_LOOK_EVERY = 0.2


@dataclass(frozen=True, slots=True)
class Pinentry:
    """A pinentry program, by its command line."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    #: For `OPTION` commands, such as `ttyname=/dev/pts/1`; a pinentry may refuse them.
    options: Sequence[str] = ()

    @property
    def name(self) -> str:
        return os.path.basename(self.argv[0])

    def pin(self, question: PinQuestion, watch: Watch) -> bytearray:
        with _Session(self, watch) as session:
            session.set("SETTITLE", question.title)
            session.set("SETDESC", question.description)
            session.set("SETPROMPT", question.label)
            session.set("SETOK", question.ok)
            session.set("SETCANCEL", question.cancel)
            error, data = session.ask("GETPIN")
        if error is None:
            return data
        raise UserCancelled if error == CANCELLED else _failure(error)

    def confirm(self, question: ConfirmQuestion, watch: Watch) -> Choice:
        with _Session(self, watch) as session:
            session.set("SETTITLE", question.title)
            session.set("SETDESC", question.description)
            session.set("SETOK", question.ok)
            session.set("SETCANCEL", question.cancel)
            if question.not_ok:
                session.set("SETNOTOK", question.not_ok)
            error, _ = session.ask("CONFIRM")
        if error is None:
            return Choice.OK
        if error == NOT_CONFIRMED and question.not_ok:
            return Choice.NOT_OK
        if error in (CANCELLED, NOT_CONFIRMED):
            return Choice.CANCEL
        raise _failure(error)

    def read(self, question: TextQuestion, watch: Watch) -> Choice:
        """Only programs of ours can: what others do with the text is a NoTextDialog."""
        try:
            error = self._read(question, watch)
        except NoPinDialog:
            raise NoTextDialog from None
        if error in (None, CANCELLED):
            return Choice.OK if error is None else Choice.CANCEL
        raise Expired if error == TIMEOUT else NoTextDialog

    def _read(self, question: TextQuestion, watch: Watch) -> int | None:
        with _Session(self, watch) as session:
            session.set("SETTITLE", question.title)
            session.set("SETDESC", question.description)
            session.set("SETPROMPT", question.scroll)
            session.set("SETOK", question.ok)
            session.set("SETCANCEL", question.cancel)
            for line in text_commands(question.text):
                session.send(line)
            error, _ = session.ask(READ)
        return error


class _Session:
    """One process."""

    def __init__(self, pinentry: Pinentry, watch: Watch) -> None:
        self._watch = watch
        self._buffer = bytearray()
        try:
            # The command line comes from the administrator's configuration or is one of our own (20).
            self._process = subprocess.Popen(  # noqa: S603
                list(pinentry.argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env=dict(pinentry.environment),
            )
        except OSError:
            raise NoPinDialog from None
        self._input = cast("IO[bytes]", self._process.stdin)
        self._output = cast("IO[bytes]", self._process.stdout)
        self._options = pinentry.options

    def __enter__(self) -> "_Session":
        try:
            self._greet()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def set(self, name: str, value: str) -> None:
        """Raises NoPinDialog when the program does not know the command."""
        self.send(command(name, value))

    def send(self, line: bytes) -> None:
        """As `set`, with the line made."""
        self._send(line)
        error, _ = self._answer()
        if error is not None:
            raise NoPinDialog

    def ask(self, name: str) -> tuple[int | None, bytearray]:
        """The error code, or None and the data."""
        self._send(command(name))
        return self._answer()

    def _greet(self) -> None:
        error, _ = self._answer()
        if error is not None:
            raise NoPinDialog
        for option in (*self._options, f"timeout={self._watch.seconds_left()}"):
            name, _, value = option.partition("=")
            self._send(command("SETTIMEOUT", value) if name == "timeout" else command("OPTION", option))
            self._answer()

    def _send(self, line: bytes) -> None:
        try:
            self._input.write(line)
        except OSError:
            raise NoPinDialog from None

    def _answer(self) -> tuple[int | None, bytearray]:
        data = bytearray()
        while True:
            match read_reply(self._line()):
                case Ok():
                    return None, data
                case Err(code):
                    return code, data
                case Data(value):
                    data += value
                    value[:] = bytes(len(value))
                case Other():
                    pass

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            self._read()
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        self._buffer[: end + 1] = bytes(end + 1)
        del self._buffer[: end + 1]
        return line

    def _read(self) -> None:
        while not select.select([self._output], [], [], _LOOK_EVERY)[0]:
            self._watch.check()
        data = os.read(self._output.fileno(), 4096)
        if not data or len(self._buffer) > 65536:
            raise NoPinDialog
        self._buffer += data

    def _end(self) -> None:
        # Asked first: a pinentry on a terminal puts the terminal in order before it goes.
        self._process.terminate()
        try:
            self._process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def _failure(code: int) -> Expired | NoPinDialog:
    return Expired() if code == TIMEOUT else NoPinDialog()
