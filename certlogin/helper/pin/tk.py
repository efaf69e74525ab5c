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
LOOK_EVERY_MS = 100


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

    def read(self, shown: Shown) -> Choice:
        question = _Question(shown)
        question.add_text(shown.label, shown.text)
        question.run({shown.ok: Choice.OK, shown.cancel: Choice.CANCEL})
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
        #: Of a long text, whose end has to be seen before one can agree.
        self._text: tkinter.Text | None = None
        self._seen = True

    def add_entry(self, label: str) -> ttk.Entry:
        ttk.Label(self._frame, text=label).grid(sticky="w", pady=(12, 0))
        entry = ttk.Entry(self._frame, show="●", width=28, textvariable=self._value)
        entry.grid(sticky="we")
        entry.focus_force()
        return entry

    def add_text(self, hint: str, text: str) -> None:
        ttk.Label(self._frame, text=hint).grid(sticky="w", pady=(12, 0))
        row = ttk.Frame(self._frame)
        row.grid(sticky="nsew")
        # Lines are wrapped: what stood far to the right would be signed unseen.
        field = tkinter.Text(row, width=80, height=24, wrap="char")
        field.insert("1.0", text)
        field.configure(state="disabled")
        bar = ttk.Scrollbar(row, command=field.yview)
        field.configure(yscrollcommand=bar.set)
        field.grid(row=0, column=0, sticky="nsew")
        bar.grid(row=0, column=1, sticky="ns")
        field.focus_force()
        self._text, self._seen = field, False

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
        agree, *others = buttons
        for button in others:
            button.configure(state="normal")
        self._enable_at_end(agree)

    def _enable_at_end(self, agree: ttk.Button) -> None:
        """At once for what is short; looks again until the end of a long text was on the screen."""
        if self._text is not None and not self._seen:
            self._seen = _end_is_visible(self._text)
        if not self._seen:
            self._root.after(LOOK_EVERY_MS, lambda: self._enable_at_end(agree))
            return
        agree.configure(state="normal")
        self._root.bind("<Return>", lambda _: self._press(Choice.OK))

    def _press(self, choice: Choice) -> None:
        self.choice = choice
        self._root.quit()


def _end_is_visible(field: tkinter.Text) -> bool:
    """The whole of the last line, not only its upper edge; `yview` only estimates where lines are wrapped."""
    line = field.dlineinfo("end-1c")
    return line is not None and line[1] + line[3] <= field.winfo_height()


if __name__ == "__main__":
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, TkWindow())
    except tkinter.TclError:
        # No display: the helper sees the end of the pipe and passes on to the next way of asking.
        raise SystemExit(1) from None
