"""The one window that this helper may have open, for whom it is open, and when it has to go (16)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from certlogin.helper.origins import Origin
from certlogin.helper.pin.base import Choice, ConfirmQuestion, Dialog, PinQuestion, TextQuestion, Watch
from certlogin.helper.refusals import Busy, UserCancelled


@dataclass(frozen=True, slots=True)
class Prompt:
    """The windows of one call: one after the other, all before the same deadline."""

    _dialog: Dialog
    _watch: Watch

    def pin(self, question: PinQuestion) -> bytearray:
        """What was typed; the caller wipes it. Raises UserCancelled (also when nothing was typed), Expired."""
        typed = self._dialog.pin(question, self._watch)
        # An empty PIN is never right: it must not cost a try.
        if not typed:
            raise UserCancelled
        return typed

    def confirm(self, question: ConfirmQuestion) -> Choice:
        return self._dialog.confirm(question, self._watch)

    def agree(self, question: ConfirmQuestion) -> None:
        """Raises UserCancelled unless the first button was pressed."""
        if self.confirm(question) is not Choice.OK:
            raise UserCancelled

    def read(self, question: TextQuestion) -> None:
        """Raises UserCancelled unless the text was seen to its end and agreed to, Expired, NoTextDialog."""
        if self._dialog.read(question, self._watch) is not Choice.OK:
            raise UserCancelled

    def check(self) -> None:
        """Raises UserCancelled when it was withdrawn meanwhile, Expired."""
        self._watch.check()


class Prompts:
    """Safe to call from several threads."""

    def __init__(self, dialog: Callable[[], Dialog], monotonic: Callable[[], float], seconds: int) -> None:
        """`dialog` is asked anew for each prompt: what was installed meanwhile counts."""
        self._dialog = dialog
        self._monotonic = monotonic
        self._seconds = seconds
        self._lock = threading.Lock()
        self._open: tuple[Origin, Watch] | None = None

    @contextmanager
    def open(self, origin: Origin, gone: Callable[[], bool]) -> Iterator[Prompt]:
        """Raises Busy while another one is open."""
        watch = Watch(self._monotonic, self._monotonic() + self._seconds, gone=gone)
        with self._lock:
            if self._open is not None:
                raise Busy
            self._open = origin, watch
        try:
            yield Prompt(self._dialog(), watch)
        finally:
            with self._lock:
                self._open = None

    def withdraw(self, origin: Origin | None) -> bool:
        """Close the prompt of that origin (None: of anybody, because the helper ends); False when it has none."""
        with self._lock:
            if self._open is None or (origin is not None and self._open[0] != origin):
                return False
            self._open[1].withdrawn.set()
            return True
