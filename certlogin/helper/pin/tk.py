"""A small pinentry in Tk, for machines that have none: `python -m certlogin.helper.pin.tk`.

It is a program of its own because Tk wants the main thread, which belongs to the helper's server. Its buttons work
500 ms after the window appeared, so that a click meant for something else presses nothing (11).
"""

import sys
import tkinter
from tkinter import ttk

from certlogin.helper.pin.base import Choice
from certlogin.helper.pin.server import Shown, serve

BUTTON_DELAY_MS = 500


class TkWindow:
    """A new window for every question."""

    def pin(self, shown: Shown) -> bytes | None:
        question = _Question(shown)
        entry = question.add_entry(shown.label)
        question.run({shown.ok: Choice.OK, shown.cancel: Choice.CANCEL})
        return question.typed(entry) if question.choice is Choice.OK else None

    def confirm(self, shown: Shown) -> Choice:
        question = _Question(shown)
        buttons = {shown.ok: Choice.OK, shown.not_ok: Choice.NOT_OK, shown.cancel: Choice.CANCEL}
        question.run({text: choice for text, choice in buttons.items() if text})
        return question.choice


class _Question:
    def __init__(self, shown: Shown) -> None:
        self.choice = Choice.CANCEL
        self._root = tkinter.Tk()
        self._root.title(shown.title)
        self._root.attributes("-topmost", True)
        self._root.protocol("WM_DELETE_WINDOW", self._root.quit)
        self._frame = ttk.Frame(self._root, padding=16)
        self._frame.grid()
        ttk.Label(self._frame, text=shown.description, wraplength=520, justify="left").grid(sticky="w")
        if shown.timeout.isdigit():
            self._root.after(int(shown.timeout) * 1000, self._root.quit)
        self._value = tkinter.StringVar(self._root)

    def add_entry(self, label: str) -> ttk.Entry:
        ttk.Label(self._frame, text=label).grid(sticky="w", pady=(12, 0))
        entry = ttk.Entry(self._frame, show="●", width=28, textvariable=self._value)
        entry.grid(sticky="we")
        entry.focus_force()
        return entry

    def run(self, buttons: dict[str, Choice]) -> None:
        row = ttk.Frame(self._frame)
        row.grid(sticky="e", pady=(16, 0))
        made = [self._button(row, column, text, choice) for column, (text, choice) in enumerate(buttons.items())]
        self._root.bind("<Escape>", lambda _: self._root.quit())
        self._root.after(BUTTON_DELAY_MS, lambda: self._enable(made))
        self._root.mainloop()
        self._typed = self._value.get().encode("utf-8")
        self._root.destroy()

    def typed(self, _: ttk.Entry) -> bytes:
        return self._typed

    def _button(self, row: ttk.Frame, column: int, text: str, choice: Choice) -> ttk.Button:
        button = ttk.Button(row, text=text, command=lambda: self._press(choice), state="disabled")
        button.grid(row=0, column=column, padx=4)
        return button

    def _enable(self, buttons: list[ttk.Button]) -> None:
        for button in buttons:
            button.configure(state="normal")
        self._root.bind("<Return>", lambda _: self._press(Choice.OK))

    def _press(self, choice: Choice) -> None:
        self.choice = choice
        self._root.quit()


if __name__ == "__main__":
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, TkWindow())
    except tkinter.TclError:
        # No display: the helper sees the end of the pipe and passes on to the next way of asking.
        raise SystemExit(1) from None
