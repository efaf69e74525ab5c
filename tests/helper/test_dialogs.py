"""Asking through programs: our scripted pinentry, broken ones, and which of them this machine has (10, 20)."""

import importlib.util
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from certlogin.helper.pin import scripted
from certlogin.helper.pin.available import PROGRAMS, available
from certlogin.helper.pin.base import Choice, ConfirmQuestion, Dialog, FirstThatWorks, PinQuestion, Watch
from certlogin.helper.pin.pinentry import Pinentry
from certlogin.helper.pin.terminal import Terminal
from certlogin.helper.refusals import Expired, NoPinDialog, UserCancelled
from tests.helper.world import PATIENCE, Clock

_PIN = PinQuestion("证书助手", "网站：stats.gov.cn\n剩余 100%", "PIN：", "确定", "取消")
_CONFIRM = ConfirmQuestion("证书助手", "是否允许？", "仅此一次", "阻止", "始终允许")
_TWO = ConfirmQuestion("证书助手", "是否允许？", "允许", "取消")


#: How Tk is looked for.
_FIND = "certlogin.helper.pin.available.importlib.util.find_spec"


def _watch() -> Watch:
    return Watch(time.monotonic, time.monotonic() + PATIENCE)


def _program(*lines: str) -> Pinentry:
    """A pinentry of so many lines of Python."""
    code = "import sys, time\ndef say(t):\n sys.stdout.write(t); sys.stdout.flush()\n" + "\n".join(lines)
    return Pinentry((sys.executable, "-c", code), {})


@dataclass
class _Scripted:
    answers: Path
    dialog: Pinentry

    def shown(self) -> list[dict[str, str]]:
        lines = self.answers.with_name(f"{self.answers.name}.log").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], _Scripted]:
    def make(text: str, environment: Mapping[str, str] = {scripted.DEVELOPMENT: "1"}) -> _Scripted:
        answers = tmp_path / "answers"
        answers.write_text(text, "utf-8")
        argv = (sys.executable, "-m", scripted.__name__, "--answers", str(answers))
        return _Scripted(answers, Pinentry(argv, environment))

    return make


def test_a_scripted_person_answers_in_order_and_separately_by_kind(script: Callable[[str], _Scripted]) -> None:
    made = script("confirm ok\npin 123 456\nconfirm not_ok\npin-cancel\nconfirm cancel\n* pin 六六六六六六\n")
    dialog = made.dialog
    assert dialog.pin(_PIN, _watch()) == b"123 456"
    assert [dialog.confirm(_CONFIRM, _watch()) for _ in range(3)] == [Choice.OK, Choice.NOT_OK, Choice.CANCEL]
    with pytest.raises(UserCancelled) as caught:
        dialog.pin(_PIN, _watch())
    assert caught.value.by == "user"
    for _ in range(2):
        assert dialog.pin(_PIN, _watch()) == "六六六六六六".encode()
    # Nothing is left for this kind of question.
    assert dialog.confirm(_CONFIRM, _watch()) is Choice.CANCEL
    first = made.shown()[0]
    assert (first["kind"], first["title"], first["description"]) == ("pin", _PIN.title, _PIN.description)
    assert (first["label"], first["ok"], first["cancel"]) == (_PIN.label, _PIN.ok, _PIN.cancel)
    assert "123 456" not in json.dumps(made.shown())
    assert made.shown()[1]["not_ok"] == "始终允许"


def test_the_scripted_person_sits_at_a_helper_in_development_mode_only(
    script: Callable[[str, Mapping[str, str]], _Scripted],
) -> None:
    made = script("pin 123456\n", {})
    with pytest.raises(NoPinDialog):
        made.dialog.pin(_PIN, _watch())
    assert made.answers.read_text() == "pin 123456\n"


def test_the_scripted_person_may_be_named_by_the_environment(
    script: Callable[[str], _Scripted],
) -> None:
    made = script("pin 123456\n")
    environment = {scripted.DEVELOPMENT: "1", scripted.ANSWERS: str(made.answers)}
    argv = (sys.executable, "-m", scripted.__name__)
    assert Pinentry(argv, environment).pin(_PIN, _watch()) == b"123456"
    with pytest.raises(NoPinDialog):
        Pinentry(argv, {scripted.DEVELOPMENT: "1"}).pin(_PIN, _watch())


@pytest.mark.parametrize("kind", ["pin-wait", "confirm-wait"])
def test_a_window_that_is_withdrawn_closes_with_its_program(script: Callable[[str], _Scripted], kind: str) -> None:
    made = script(f"{kind}\n")
    watch = _watch()
    log = made.answers.with_name("answers.log")
    ask = made.dialog.pin if kind == "pin-wait" else made.dialog.confirm
    caught: list[BaseException] = []

    def waiting() -> None:
        try:
            ask(_PIN if kind == "pin-wait" else _CONFIRM, watch)  # type: ignore[arg-type]
        except UserCancelled as cancelled:
            caught.append(cancelled)

    thread = threading.Thread(target=waiting)
    thread.start()
    pause = threading.Event()
    while not log.exists():
        assert thread.is_alive()
        pause.wait(0.01)
    watch.withdrawn.set()
    thread.join(PATIENCE)
    assert [getattr(one, "by", "") for one in caught] == ["page"]


def test_a_window_that_nobody_answers_ends_by_the_helpers_clock(script: Callable[[str], _Scripted]) -> None:
    clock = Clock()
    watch = Watch(clock, clock() + 120)
    clock.advance(120)
    with pytest.raises(Expired):
        script("pin-wait\n").dialog.pin(_PIN, watch)


def test_a_program_that_withdraws_its_own_window_at_the_timeout_is_expired() -> None:
    dialog = _program(
        "say('OK hi\\n')", "while True:", " line = sys.stdin.readline()", " if not line: break",
        " say('ERR 83886142 Timeout\\n' if line.startswith('GETPIN') else 'OK\\n')",
    )  # fmt: skip
    with pytest.raises(Expired):
        dialog.pin(_PIN, _watch())


@pytest.mark.parametrize(
    "lines",
    [
        ["pass"],
        ["say('ERR 1 no display\\n')"],
        ["say('SSH-2.0\\n')"],
        ["say('OK hi\\n')", "sys.stdin.close()"],
        ["say('OK hi\\n')", "sys.stdin.readline(); say('OK\\n')", "sys.stdin.readline(); say('ERR 60 no\\n')"],
        ["say('x' * 100000)", "time.sleep(60)"],
        ["say('OK hi\\n')", "while True:", " line = sys.stdin.readline()",
         " say('ERR 83886340 no tty\\n' if line[:6] in ('GETPIN', 'CONFIR') else 'OK\\n')"],
    ],
)  # fmt: skip
def test_a_program_that_cannot_ask_is_passed_over(lines: list[str]) -> None:
    dialog = _program(*lines)
    with pytest.raises(NoPinDialog):
        dialog.pin(_PIN, _watch())
    with pytest.raises(NoPinDialog):
        FirstThatWorks((dialog,)).confirm(_TWO, _watch())


def test_a_program_that_is_not_there_is_passed_over(script: Callable[[str], _Scripted]) -> None:
    missing = Pinentry(("/nonexistent/pinentry",), {})
    assert missing.name == "pinentry"
    working = script("pin 123456\nconfirm ok\n").dialog
    first = FirstThatWorks((missing, working))
    assert first.pin(_PIN, _watch()) == b"123456"
    assert first.confirm(_TWO, _watch()) is Choice.OK
    for ask in (lambda: FirstThatWorks(()).pin(_PIN, _watch()), lambda: missing.confirm(_TWO, _watch())):
        with pytest.raises(NoPinDialog):
            ask()


def test_a_no_is_not_passed_on_to_the_next_program(script: Callable[[str], _Scripted]) -> None:
    refusing, never = script("pin-cancel\n").dialog, Terminal(Path("/nonexistent"))
    with pytest.raises(UserCancelled):
        FirstThatWorks((refusing, never)).pin(_PIN, _watch())


@pytest.mark.parametrize(("code", "question", "choice"), [
    (99, _CONFIRM, Choice.CANCEL), (114, _CONFIRM, Choice.NOT_OK), (114, _TWO, Choice.CANCEL), (0, _TWO, Choice.OK),
])  # fmt: skip
def test_the_second_of_two_buttons_is_a_no(code: int, question: ConfirmQuestion, choice: Choice) -> None:
    reply = "OK\\n" if code == 0 else f"ERR {(5 << 24) + code} x\\n"
    dialog = _program(
        "say('OK hi\\n')", "while True:", " line = sys.stdin.readline()", " if not line: break",
        f" say('{reply}' if line.startswith('CONFIRM') else 'OK\\n')",
    )  # fmt: skip
    assert dialog.confirm(question, _watch()) is choice


def test_a_program_that_does_not_go_when_asked_is_killed() -> None:
    dialog = _program(
        "import signal", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", "say('OK hi\\n')",
        "while True:", " line = sys.stdin.readline()", " if line and not line.startswith('GETPIN'): say('OK\\n')",
        " elif not line: time.sleep(60)",
    )  # fmt: skip
    clock = Clock()
    watch = Watch(clock, clock() + 120)
    clock.advance(120)
    began = time.monotonic()
    with pytest.raises(Expired):
        dialog.pin(_PIN, watch)
    assert time.monotonic() - began < PATIENCE


@pytest.mark.skipif(importlib.util.find_spec("_tkinter") is None, reason="this Python has no Tk")
def test_tk_without_a_display_is_passed_over() -> None:
    with pytest.raises(NoPinDialog):
        Pinentry((sys.executable, "-m", "certlogin.helper.pin.tk"), {}).pin(_PIN, _watch())


# --- which of them this machine has


def _names(dialogs: tuple[Dialog, ...]) -> list[str]:
    return [dialog.name for dialog in dialogs]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a terminal and without Tk."""
    monkeypatch.setattr(Terminal, "usable", lambda self: False)
    monkeypatch.setattr(_FIND, lambda name: None)


@pytest.mark.usefixtures("bare")
def test_nothing_to_ask_with_is_an_empty_list(tmp_path: Path) -> None:
    assert available((), dev=False, environment={"PATH": str(tmp_path)}) == ()


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("program", PROGRAMS)
def test_any_pinentry_on_the_path_is_found_and_a_nicer_one_first(tmp_path: Path, program: str) -> None:
    for name in {program, "pinentry"}:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o700)
    assert _names(available((), dev=False, environment={"PATH": str(tmp_path)})) == [program]


def test_tk_needs_a_display_and_the_terminal_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Terminal, "usable", lambda self: True)
    monkeypatch.setattr(_FIND, lambda name: object())
    environment = {"PATH": str(tmp_path)}
    assert _names(available((), dev=False, environment=environment)) == ["terminal"]
    for display in ("DISPLAY", "WAYLAND_DISPLAY"):
        found = available((), dev=False, environment={**environment, display: ":0"})
        assert _names(found) == [os.path.basename(sys.executable), "terminal"]


def test_threat_20_a_configured_pinentry_is_the_only_one_and_sees_little_of_the_environment() -> None:
    environment = {
        "PATH": "/usr/bin",
        "LANG": "zh_CN.UTF-8",
        "PINENTRY_USER_DATA": "x",
        "CERTLOGIN_SITE_SECRET_KEYS": "x",
    }
    (dialog,) = available(("/opt/pinentry", "--x"), dev=False, environment=environment)
    assert isinstance(dialog, Pinentry)
    assert dialog.argv == ("/opt/pinentry", "--x")
    assert dict(dialog.environment) == {"PATH": "/usr/bin", "LANG": "zh_CN.UTF-8"}
    assert "lc-ctype=zh_CN.UTF-8" in dialog.options
    (development,) = available(("/opt/pinentry",), dev=True, environment=environment)
    assert isinstance(development, Pinentry)
    assert development.environment[scripted.DEVELOPMENT] == "1"


def test_a_helper_outside_development_mode_does_not_pass_the_mode_on() -> None:
    (dialog,) = available(("/opt/pinentry",), dev=False, environment={scripted.DEVELOPMENT: "1"})
    assert isinstance(dialog, Pinentry)
    assert scripted.DEVELOPMENT not in dialog.environment
