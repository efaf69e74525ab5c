"""The other end of the Assuan lines: what a program of ours needs in order to be a pinentry."""

from dataclasses import dataclass, replace
from typing import IO, Protocol

from certlogin.helper.pin.assuan import (
    CANCELLED,
    LINE_LIMIT,
    NOT_CONFIRMED,
    NOT_SUPPORTED,
    READ,
    TEXT,
    data_line,
    error_line,
    unescape,
)
from certlogin.helper.pin.base import Choice


@dataclass(frozen=True, slots=True)
class Shown:
    """What the window is to show."""

    title: str = ""
    description: str = ""
    label: str = ""
    ok: str = ""
    not_ok: str = ""
    cancel: str = ""
    #: Seconds, in digits; empty: no end.
    timeout: str = ""
    #: Long; to be read to its end.
    text: str = ""


class Window(Protocol):
    def pin(self, shown: Shown) -> bytes | None:
        """What was typed, or None for cancel."""
        ...

    def confirm(self, shown: Shown) -> Choice: ...

    def read(self, shown: Shown) -> Choice:
        """OK only if the end of the text was on the screen."""
        ...


_SET = {
    b"SETTITLE": "title",
    b"SETDESC": "description",
    b"SETPROMPT": "label",
    b"SETOK": "ok",
    b"SETNOTOK": "not_ok",
    b"SETCANCEL": "cancel",
    b"SETTIMEOUT": "timeout",
}


def serve(requests: IO[bytes], answers: IO[bytes], window: Window) -> None:
    """Answer until BYE or the end of the input."""
    shown, pieces = Shown(), list[str]()
    _send(answers, b"OK Pleased to meet you\n")
    while line := requests.readline(LINE_LIMIT + 2):
        name, _, argument = line.strip(b"\r\n").partition(b" ")
        if name == b"BYE":
            return
        if name in _SET:
            shown = replace(shown, **{_SET[name]: unescape(argument).decode("utf-8", "replace")})
            _send(answers, b"OK\n")
        elif name == TEXT.encode():
            # A piece that is no UTF-8 is no text of ours: the window is not shown.
            pieces.append(unescape(argument).decode("utf-8"))
            _send(answers, b"OK\n")
        else:
            _send(answers, _answer(name, replace(shown, text="".join(pieces)), window))


def _answer(name: bytes, shown: Shown, window: Window) -> bytes:
    if name == b"OPTION":
        return b"OK\n"
    if name == b"GETPIN":
        typed = window.pin(shown)
        return error_line(CANCELLED, "Operation cancelled") if typed is None else data_line(typed) + b"OK\n"
    if name == b"CONFIRM":
        return _CONFIRMED[window.confirm(shown)]
    if name == READ.encode() and shown.text:
        return _CONFIRMED[window.read(shown)]
    return error_line(NOT_SUPPORTED, "Not supported")


_CONFIRMED = {
    Choice.OK: b"OK\n",
    Choice.NOT_OK: error_line(NOT_CONFIRMED, "Not confirmed"),
    Choice.CANCEL: error_line(CANCELLED, "Operation cancelled"),
}


def _send(answers: IO[bytes], line: bytes) -> None:
    answers.write(line)
    answers.flush()
