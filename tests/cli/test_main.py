"""The dispatcher: one module for one command, every error a line and an exit code."""

import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import pytest

from certlogin.cli import main as main_module
from certlogin.cli.main import COMMANDS, main
from certlogin.errors import CertloginError, ConfigurationError, HostMistake, Unavailable
from certlogin.stores.base import AlreadyBound
from certlogin.version import __version__

HEAVY: Final = ("sqlalchemy", "alembic", "jinja2", "requests", "OpenSSL", "cryptography", "werkzeug")
Run = Callable[[Any], int]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run], None]:
    """Puts one command in place of all: `certlogin do`."""

    def put(run: Run) -> None:
        module: Any = ModuleType("made_for_this_test")
        module.register = lambda subcommands: subcommands.add_parser("do").set_defaults(run=run)
        monkeypatch.setitem(sys.modules, "made_for_this_test", module)
        monkeypatch.setattr(main_module, "COMMANDS", {"do": ("made_for_this_test", "does it")})

    return put


def raising(error: BaseException) -> Run:
    def run(arguments: Any) -> int:
        raise error

    return run


@pytest.mark.parametrize("code", [0, 1, 7])
def test_the_code_of_the_command_is_the_exit_code(code: int, command: Callable[[Run], None]) -> None:
    command(lambda arguments: code)
    assert main(["do"]) == code


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (
            ConfigurationError(("[site] origin: is missing", "[trust] anchors: is missing")),
            2,
            "certlogin: configuration_error: [site] origin: is missing\n"
            "certlogin: configuration_error: [trust] anchors: is missing\n",
        ),
        (AlreadyBound("slot"), 1, "certlogin: already_bound: conflict='slot'\n"),
        (Unavailable("durable store"), 1, "certlogin: unavailable: what='durable store'\n"),
        (HostMistake(), 1, "certlogin: host_mistake\n"),
        (CertloginError(), 1, "certlogin: internal_error\n"),
        (FileNotFoundError(2, "No such file or directory", "x.toml"), 2,
         "certlogin: x.toml: No such file or directory\n"),
        (OSError(28, "No space left on device"), 2, "certlogin: No space left on device\n"),
        (OSError(), 2, "certlogin: OSError\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)  # fmt: skip
def test_every_error_is_lines_and_an_exit_code(
    error: BaseException, code: int, lines: str, command: Callable[[Run], None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(raising(error))
    assert main(["do"]) == code
    assert capsys.readouterr() == ("", lines)


def test_a_bug_is_not_made_to_look_like_a_refusal(command: Callable[[Run], None]) -> None:
    command(raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["do"])


@pytest.mark.parametrize("words", [[], ["unknown"], ["--unknown"], ["cert"], ["certificates"], ["certificates", "x"]])
def test_words_that_are_no_command_end_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(words)
    assert exit_.value.code == 2
    assert "usage: certlogin" in capsys.readouterr().err


def test_the_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--help"])
    assert exit_.value.code == 0
    shown = capsys.readouterr().out
    for name, (_, summary) in COMMANDS.items():
        assert name in shown
        assert summary in shown


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"certlogin {__version__}\n"


def test_the_words_of_the_process_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["certlogin", "--version"])
    with pytest.raises(SystemExit):
        main()


def _process(*words: str, code: str = "") -> "subprocess.CompletedProcess[str]":
    what = ["-c", code] if code else ["-m", "certlogin.cli.main"]
    return subprocess.run([sys.executable, *what, *words], capture_output=True, text=True, check=False, timeout=60)


def test_the_overview_loads_no_library(tmp_path: object) -> None:
    loaded = _process(
        "--help",
        code="import sys\nfrom certlogin.cli.main import main\n"
        "try: main()\nfinally: print(*sys.modules, file=sys.stderr)",
    )
    assert loaded.returncode == 0
    assert set(HEAVY) & set(loaded.stderr.split()) == set()


def test_as_a_process_it_exits_with_the_code() -> None:
    ran = _process("certificates", "list", "--config", "/nowhere/certlogin.toml")
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr == (
        "certlogin: configuration_error: /nowhere/certlogin.toml: cannot be read: No such file or directory\n"
    )
