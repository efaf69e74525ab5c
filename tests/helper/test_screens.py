"""Somebody at a terminal: the machine's own pinentry, and the helper's own questions (10)."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from certlogin.helper.pin.base import Choice, ConfirmQuestion, PinQuestion, Watch
from certlogin.helper.pin.pinentry import Pinentry
from certlogin.helper.pin.terminal import Terminal
from certlogin.helper.refusals import NoPinDialog
from tests.helper.screen import Screen, asking
from tests.helper.world import PATIENCE
from tests.needs import needs

_PIN = PinQuestion("证书助手", "网站：stats.gov.cn\n剩余 100%", "PIN：", "确定", "取消")
_CONFIRM = ConfirmQuestion("证书助手", "是否允许？", "仅此一次", "阻止", "始终允许")
_TWO = ConfirmQuestion("证书助手", "是否允许？", "允许", "取消")


def _watch() -> Watch:
    return Watch(time.monotonic, time.monotonic() + PATIENCE)


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    made.close()


def _real(screen: Screen) -> Pinentry:
    options = ("lc-ctype=C.UTF-8", f"ttyname={screen.path}", "ttytype=xterm")
    return Pinentry((needs("pinentry"),), {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm"}, options)


def test_the_machines_pinentry_greets_and_takes_a_pin(screen: Screen) -> None:
    dialog = _real(screen)
    with asking(lambda: dialog.pin(_PIN, _watch())) as came:
        screen.read_until("PIN")
        screen.type("654321\r")
    assert came == [b"654321"]
    assert b"654321" not in screen.seen


@pytest.mark.parametrize(("question", "keys", "choice"), [
    (_CONFIRM, "\r", Choice.OK), (_CONFIRM, "\t\r", Choice.NOT_OK), (_CONFIRM, "\t\t\r", Choice.CANCEL),
    (_TWO, "\r", Choice.OK), (_TWO, "\t\r", Choice.CANCEL),
])  # fmt: skip
def test_the_machines_pinentry_has_our_buttons(
    screen: Screen, question: ConfirmQuestion, keys: str, choice: Choice
) -> None:
    dialog = _real(screen)
    with asking(lambda: dialog.confirm(question, _watch())) as came:
        screen.read_until(question.cancel)
        screen.type(keys)
    assert came == [choice]


def test_the_machines_pinentry_goes_when_the_page_withdraws(screen: Screen) -> None:
    dialog, watch = _real(screen), _watch()
    with asking(lambda: dialog.pin(_PIN, watch)) as came:
        screen.read_until("PIN")
        watch.withdrawn.set()
    assert [str(one) for one in came] == ["user_cancelled: by='page'"]
    assert screen.echoes()


def test_the_machines_pinentry_without_a_screen_is_passed_over() -> None:
    dialog = Pinentry((needs("pinentry"),), {"PATH": os.environ["PATH"]}, ("ttyname=/nonexistent", "ttytype=dumb"))
    with pytest.raises(NoPinDialog):
        dialog.pin(_PIN, _watch())


# --- the terminal


def test_on_a_terminal_the_pin_is_typed_without_echo(screen: Screen) -> None:
    dialog = Terminal(screen.path)
    assert dialog.usable()
    with asking(lambda: dialog.pin(_PIN, _watch())) as came:
        screen.read_until("PIN：")
        assert not screen.echoes()
        screen.type("六六123\n")
    assert came == ["六六123".encode()]
    assert screen.echoes()
    assert b"123" not in screen.seen


def test_on_a_terminal_what_was_typed_before_the_question_is_no_answer(screen: Screen) -> None:
    screen.type("typed ahead\n")
    # The echo: it has arrived at the other end.
    screen.read_until("typed ahead")
    dialog = Terminal(screen.path)
    with asking(lambda: dialog.pin(_PIN, _watch())) as came:
        screen.read_until("PIN：")
        screen.type("123456\n")
    assert came == [b"123456"]


@pytest.mark.parametrize("typed", ["\n", "\x04"])
def test_on_a_terminal_just_enter_or_the_end_is_a_no(screen: Screen, typed: str) -> None:
    with asking(lambda: Terminal(screen.path).pin(_PIN, _watch())) as came:
        screen.read_until("PIN：")
        screen.type(typed)
    assert [str(one) for one in came] == ["user_cancelled: by='user'"]


@pytest.mark.parametrize(
    ("question", "typed", "choice"),
    [(_CONFIRM, "1\n", Choice.OK), (_CONFIRM, " 2 \n", Choice.NOT_OK), (_CONFIRM, "3\n", Choice.CANCEL),
     (_CONFIRM, "\n", Choice.CANCEL), (_CONFIRM, "yes\n", Choice.CANCEL), (_TWO, "2\n", Choice.CANCEL)],
)  # fmt: skip
def test_on_a_terminal_a_choice_is_a_number_and_anything_else_a_no(
    screen: Screen, question: ConfirmQuestion, typed: str, choice: Choice
) -> None:
    with asking(lambda: Terminal(screen.path).confirm(question, _watch())) as came:
        screen.read_until("> ")
        screen.type(typed)
    assert came == [choice]


def test_on_a_terminal_a_withdrawn_question_gives_the_echo_back(screen: Screen) -> None:
    watch = _watch()
    with asking(lambda: Terminal(screen.path).pin(_PIN, watch)) as came:
        screen.read_until("PIN：")
        watch.withdrawn.set()
    assert [str(one) for one in came] == ["user_cancelled: by='page'"]
    assert screen.echoes()


def test_without_a_terminal_it_is_passed_over(tmp_path: Path) -> None:
    dialog = Terminal(tmp_path / "tty")
    assert not dialog.usable()
    for ask in (lambda: dialog.pin(_PIN, _watch()), lambda: dialog.confirm(_TWO, _watch())):
        with pytest.raises(NoPinDialog):
            ask()
