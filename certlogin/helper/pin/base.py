"""What a dialog is asked and what it answers, whichever program shows it."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from certlogin.helper.refusals import Expired, NoPinDialog, NoTextDialog, UserCancelled

_T = TypeVar("_T")


class Choice(StrEnum):
    """Which button was pressed. Closing a window is CANCEL."""

    OK = "ok"
    NOT_OK = "not_ok"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class PinQuestion:
    title: str
    description: str
    #: In front of the input field.
    label: str
    ok: str
    cancel: str


@dataclass(frozen=True, slots=True)
class ConfirmQuestion:
    title: str
    description: str
    ok: str
    cancel: str
    #: A third button; empty: none.
    not_ok: str = ""


@dataclass(frozen=True, slots=True)
class TextQuestion:
    """A text to be read to its end, before which the first button cannot be pressed."""

    title: str
    description: str
    #: As `check_plain_text` has it: line feeds, and characters that are seen.
    text: str
    ok: str
    cancel: str
    #: How one gets to the end: in a window, and page by page in a terminal.
    scroll: str
    turn: str


def _present() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Watch:
    """When an open dialog has to go: too late, withdrawn by the page, or the page itself is gone."""

    monotonic: Callable[[], float]
    deadline: float
    withdrawn: threading.Event = field(default_factory=threading.Event)
    #: True when the caller hung up.
    gone: Callable[[], bool] = _present

    def check(self) -> None:
        """Raises Expired or UserCancelled."""
        if self.withdrawn.is_set() or self.gone():
            raise UserCancelled("page")
        if self.monotonic() >= self.deadline:
            raise Expired

    def seconds_left(self) -> int:
        return max(1, math.ceil(self.deadline - self.monotonic()))


class Dialog(Protocol):
    """One way to ask. Looks at the watch at least twice a second while it waits."""

    @property
    def name(self) -> str: ...

    def pin(self, question: PinQuestion, watch: Watch) -> bytearray:
        """What was typed; the caller wipes it. Raises UserCancelled, Expired, NoPinDialog (it cannot be shown)."""
        ...

    def confirm(self, question: ConfirmQuestion, watch: Watch) -> Choice:
        """Raises UserCancelled (by the page), Expired, NoPinDialog."""
        ...

    def read(self, question: TextQuestion, watch: Watch) -> Choice:
        """OK only if the end of the text was on the screen.

        Raises UserCancelled (by the page), Expired, NoTextDialog.
        """
        ...


class FirstThatWorks:
    """Dialogs in order of preference. One that cannot be shown is passed over."""

    name = "first that works"

    def __init__(self, dialogs: tuple[Dialog, ...], readers: tuple[Dialog, ...] = ()) -> None:
        """`readers` show long texts, which not every dialog can."""
        self._dialogs = dialogs
        self._readers = readers

    def pin(self, question: PinQuestion, watch: Watch) -> bytearray:
        return self._first(lambda dialog: dialog.pin(question, watch))

    def confirm(self, question: ConfirmQuestion, watch: Watch) -> Choice:
        return self._first(lambda dialog: dialog.confirm(question, watch))

    def read(self, question: TextQuestion, watch: Watch) -> Choice:
        for reader in self._readers:
            try:
                return reader.read(question, watch)
            except NoTextDialog:
                continue
        raise NoTextDialog

    def _first(self, ask: Callable[[Dialog], _T]) -> _T:
        for dialog in self._dialogs:
            try:
                return ask(dialog)
            except NoPinDialog:
                continue
        raise NoPinDialog
