"""Long texts: read to their end, in a window or page by page, before anybody can agree (E6, threat 11)."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.helper.pin import scripted
from certlogin.helper.pin.available import available, readers
from certlogin.helper.pin.base import Choice, FirstThatWorks, TextQuestion, Watch
from certlogin.helper.pin.pages import pages
from certlogin.helper.pin.pinentry import Pinentry
from certlogin.helper.pin.terminal import Terminal
from certlogin.helper.refusals import Expired, NoTextDialog, UserCancelled
from tests.companions import without
from tests.helper.screen import Screen, asking
from tests.helper.world import AGREEMENT, PATIENCE, Clock
from tests.needs import needs

_TEXT = TextQuestion(
    "证书助手", "网站：stats.gov.cn", AGREEMENT, "同意并签署", "取消", "看到结尾后才能同意。", "回车：下一页"
)
_SHORT = TextQuestion(
    "证书助手", "网站：stats.gov.cn", "同意。", "同意并签署", "取消", "看到结尾后才能同意。", "回车：下一页"
)

#: How Tk is looked for.
_FIND = "certlogin.helper.pin.available.importlib.util.find_spec"


def _watch() -> Watch:
    return Watch(time.monotonic, time.monotonic() + PATIENCE)


# --- programs


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Pinentry]:
    def make(answers: str) -> Pinentry:
        (tmp_path / "answers").write_text(answers, "utf-8")
        argv = (sys.executable, "-m", scripted.__name__, "--answers", str(tmp_path / "answers"))
        return Pinentry(argv, {scripted.DEVELOPMENT: "1"})

    return make


def test_a_scripted_person_reads_the_whole_text(script: Callable[[str], Pinentry], tmp_path: Path) -> None:
    dialog = script("confirm ok\nread ok\nread cancel\nread not_ok\n")
    assert [dialog.read(_TEXT, _watch()) for _ in range(4)] == [Choice.OK, *[Choice.CANCEL] * 3]
    shown = json.loads((tmp_path / "answers.log").read_text("utf-8").splitlines()[0])
    assert (shown["kind"], shown["answer"], shown["text"]) == ("read", "read ok", AGREEMENT)
    assert (shown["title"], shown["description"], shown["label"]) == (_TEXT.title, _TEXT.description, _TEXT.scroll)
    assert (shown["ok"], shown["cancel"]) == (_TEXT.ok, _TEXT.cancel)


def test_a_text_that_stands_open_ends_by_the_helpers_clock(script: Callable[[str], Pinentry]) -> None:
    clock = Clock()
    watch = Watch(clock, clock() + 120)
    clock.advance(120)
    with pytest.raises(Expired):
        script("read-wait\n").read(_TEXT, watch)


@pytest.mark.parametrize(("code", "refusal"), [(62, Expired), (60, NoTextDialog), (114, NoTextDialog)])
def test_what_a_program_answers_instead_is_no_consent(code: int, refusal: type[Exception]) -> None:
    lines = (
        "import sys\nprint('OK', flush=True)\nfor line in sys.stdin:\n"
        f" print('ERR {(5 << 24) + code} x' if 'READ' in line else 'OK', flush=True)"
    )
    with pytest.raises(refusal):
        Pinentry((sys.executable, "-c", lines), {}).read(_TEXT, _watch())


def test_the_machines_pinentry_shows_no_text() -> None:
    dialog = Pinentry((needs("pinentry"),), {"PATH": os.environ["PATH"]})
    with pytest.raises(NoTextDialog):
        dialog.read(_TEXT, _watch())


def test_a_reader_that_cannot_is_passed_over_and_a_no_is_not(script: Callable[[str], Pinentry]) -> None:
    missing, agreeing, never = Pinentry(("/nonexistent",), {}), script("read ok\n"), Terminal(Path("/nonexistent"))
    assert FirstThatWorks((), (missing, never, agreeing)).read(_TEXT, _watch()) is Choice.OK
    # Nothing is left to say: cancel.
    assert FirstThatWorks((), (agreeing, missing)).read(_TEXT, _watch()) is Choice.CANCEL
    with pytest.raises(NoTextDialog):
        FirstThatWorks((agreeing,), (missing, never)).read(_TEXT, _watch())


def test_texts_are_shown_by_what_is_configured_then_by_tk_then_in_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pinentry").write_text("#!/bin/sh\n")
    (tmp_path / "pinentry").chmod(0o700)
    monkeypatch.setattr(Terminal, "usable", lambda self: True)
    monkeypatch.setattr(_FIND, lambda name: object())
    environment = {"PATH": str(tmp_path), "DISPLAY": ":0"}
    tk = os.path.basename(sys.executable)

    def names(configured: tuple[str, ...]) -> list[str]:
        return [reader.name for reader in readers(configured, dev=False, environment=environment)]

    # The distribution's pinentry asks for the PIN, and cannot show a text.
    assert [dialog.name for dialog in available((), dev=False, environment=environment)] == ["pinentry", tk, "terminal"]
    assert names(()) == [tk, "terminal"]
    assert names(("/opt/pinentry-x",)) == ["pinentry-x", tk, "terminal"]


# --- pages of a terminal


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n")),
    st.integers(0, 60),
    st.integers(0, 30),
)
def test_pages_show_all_of_it_in_order_and_fit_the_screen(text: str, columns: int, rows: int) -> None:
    shown = list(pages(text, columns, rows))
    assert "".join(shown).replace("\n", "") == text.replace("\n", "")
    assert "".join(shown).count("\n") >= text.count("\n") + 1
    for page in shown:
        lines = page.split("\n")[:-1]
        assert 1 <= len(lines) <= max(rows or 24, 8) - 4
        assert all(len(line) <= max(columns or 80, 20) for line in lines)


def test_wide_characters_take_two_columns() -> None:
    assert list(pages("单" * 25, 20, 24)) == ["单" * 10 + "\n" + "单" * 10 + "\n" + "单" * 5 + "\n"]
    assert list(pages("x" * 25, 20, 24)) == ["x" * 20 + "\n" + "x" * 5 + "\n"]


# --- a terminal


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen(rows=24, columns=80)
    yield made
    made.close()


def _turns(screen: Screen, count: int, total: int) -> None:
    for number in range(1, count + 1):
        screen.read_until(f"({number}/{total})")
        screen.type("\n")


@pytest.mark.parametrize(("typed", "choice"), [("1\n", Choice.OK), ("2\n", Choice.CANCEL), ("\n", Choice.CANCEL)])
def test_on_a_terminal_the_choice_comes_after_the_last_page(screen: Screen, typed: str, choice: Choice) -> None:
    total = len(list(pages(AGREEMENT, 80, 24)))
    assert total == 3
    with asking(lambda: Terminal(screen.path).read(_TEXT, _watch())) as came:
        _turns(screen, total - 1, total)
        screen.read_until(f"({total}/{total})")
        assert _TEXT.ok.encode() not in screen.seen
        screen.type("\n")
        screen.read_until("> ")
        screen.type(typed)
    assert came == [choice]
    for line in AGREEMENT.split("\n"):
        assert line.encode() in screen.seen


@pytest.mark.parametrize("typed", ["q\n", "1\n", " \n", "\x04"])
def test_on_a_terminal_anything_but_enter_cancels_before_the_end(screen: Screen, typed: str) -> None:
    with asking(lambda: Terminal(screen.path).read(_TEXT, _watch())) as came:
        _turns(screen, 1, 3)
        screen.read_until("(2/3)")
        screen.type(typed)
    assert [str(one) for one in came] == ["user_cancelled: by='user'" if typed == "\x04" else "cancel"]


@without({"certlogin.helper.pin.terminal._forget_typed": lambda _: None}, sees="agreed unread")
def test_threat_11_on_a_terminal_what_was_typed_ahead_turns_no_page(screen: Screen) -> None:
    """Somebody leans on the Enter key, or a program types before the text is there."""
    screen.type("\n\n\n1\n")
    screen.read_until("1\r\n")
    watch = _watch()
    with asking(lambda: Terminal(screen.path).read(_TEXT, watch)) as came:
        screen.read_until("(1/3)")
        # Without the defence the answer comes by itself.
        until = time.monotonic() + 1
        while not came and time.monotonic() < until and _TEXT.ok.encode() not in screen.seen:
            screen.read_for(0.05)
        watch.withdrawn.set()
    assert came[0] is not Choice.OK, "agreed unread"
    assert isinstance(came[0], UserCancelled)


def test_a_terminal_that_is_none_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(NoTextDialog):
            Terminal(path).read(_TEXT, _watch())


# --- Tk


@pytest.mark.skipif(importlib.util.find_spec("_tkinter") is None, reason="this Python has no Tk")
def test_tk_without_a_display_shows_no_text() -> None:
    with pytest.raises(NoTextDialog):
        Pinentry((sys.executable, "-m", "certlogin.helper.pin.tk"), {}).read(_TEXT, _watch())


#: A person at the window: presses the first button as soon as it can be pressed, after scrolling if told so.
_PERSON = """
import sys, tkinter
from certlogin.helper.pin import tk
from certlogin.helper.pin.server import serve

scrolls, run = sys.argv[1] == "scroll", tk._Question.run

def attended(self, buttons):
    def look(passed=0):
        button = [one for row in self._frame.winfo_children() for one in row.winfo_children()
                  if one.winfo_class() == "TButton"][0]
        if str(button["state"]) == "normal":
            button.invoke()
        elif passed >= 2000:
            self._root.quit()
        else:
            if scrolls and passed >= 1000:
                self._text.see("end")
            self._root.after(100, look, passed + 100)
    self._root.after(100, look)
    run(self, buttons)

tk._Question.run = attended
serve(sys.stdin.buffer, sys.stdout.buffer, tk.TkWindow())
"""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A screen that nobody sees."""
    server = needs("Xvfb")
    if importlib.util.find_spec("_tkinter") is None:
        pytest.skip("this Python was built without Tk")
    reading, writing = os.pipe()
    argv = [server, "-displayfd", str(writing), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    process = subprocess.Popen(argv, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as answer:
            yield f":{answer.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize(
    ("question", "does", "choice"),
    [(_TEXT, "scroll", Choice.OK), (_TEXT, "wait", Choice.CANCEL), (_SHORT, "wait", Choice.OK)],
)
def test_threat_11_in_a_window_the_button_works_once_the_end_was_seen(
    display: str, question: TextQuestion, does: str, choice: Choice
) -> None:
    dialog = Pinentry((sys.executable, "-c", _PERSON, does), {"DISPLAY": display, "PATH": os.environ["PATH"]})
    assert dialog.read(question, _watch()) is choice
