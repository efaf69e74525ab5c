"""`certlogin helper`: as a person at a terminal and as a script use it."""

import http.client
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from certlogin.cli import helper_doctor
from certlogin.cli.main import main
from certlogin.helper.pairing import Mode, Pairings
from certlogin.helper.server import open_listener
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens import filetoken
from tests.helper.world import COST, OTHER_SITE, PATIENCE, SITE, origin_of

_CERTLOGIN = (sys.executable, "-m", "certlogin.cli.main", "helper")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "helper.toml"
    path.write_text('state = "state"\ntokens = "tokens"\nports = [0]\n')
    return path


def _run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_CERTLOGIN, *arguments], input=stdin, capture_output=True, text=True, timeout=60)


# --- tokens


def test_a_token_is_made_with_a_pin_from_a_pipe_and_listed(config: Path) -> None:
    made = _run(
        "token", "create", "--label", "曙光的证书介质", "--model", "3000GM", "--config", str(config), stdin="12345678\n"
    )
    assert (made.returncode, made.stderr) == (0, "")
    listed = json.loads(_run("token", "list", "--json", "--config", str(config)).stdout)
    assert [(token["label"], token["model"], token["tries_left"], token["keys"]) for token in listed] == [
        ("曙光的证书介质", "3000GM", 6, []),
    ]  # fmt: skip
    plain = _run("token", "list", "--config", str(config)).stdout
    assert plain == made.stdout
    assert "6 of 6 PIN tries" in plain
    (token,) = filetoken.list_tokens(config.parent / "tokens", Surroundings())
    token.unlock(bytearray(b"12345678")).close()


def test_no_token_is_an_empty_list(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["helper", "token", "list", "--json", "--config", str(config)]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize("pin", ["12345", "1" * 17, ""])
def test_a_pin_of_the_wrong_length_makes_no_token(config: Path, pin: str) -> None:
    done = _run("token", "create", "--label", "x", "--config", str(config), stdin=f"{pin}\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a PIN has 6 to 16 characters" in done.stderr
    assert not pin or pin not in done.stderr
    assert not (config.parent / "tokens").exists()


@pytest.mark.parametrize(
    "arguments",
    [["--label", ""], ["--label", "x" * 65], ["--label", "a\nb"], ["--label", "x", "--tries", "0"],
     ["--label", "x", "--tries", "100"], ["--label", "x", "--tries", "²"], []],
)  # fmt: skip
def test_arguments_that_make_no_token(config: Path, arguments: list[str]) -> None:
    done = _run("token", "create", *arguments, "--config", str(config), stdin="123456\n")
    assert done.returncode == 2
    assert not (config.parent / "tokens").exists()


class _Typist:
    """Somebody at the terminal."""

    def __init__(self, *typed: str) -> None:
        self._typed = list(typed)

    def __call__(self, prompt: str) -> str:
        return self._typed.pop(0)


def test_at_a_terminal_the_pin_is_asked_for_twice(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    arguments = ["helper", "token", "create", "--label", "x", "--json", "--config", str(config)]
    monkeypatch.setattr("getpass.getpass", _Typist("123456", "123457"))
    assert main(arguments) == 2
    monkeypatch.setattr("getpass.getpass", _Typist("六六六六六六", "六六六六六六"))
    assert main(arguments) == 0
    (token,) = filetoken.list_tokens(config.parent / "tokens", Surroundings())
    token.unlock(bytearray("六六六六六六".encode())).close()


# --- pairings


def test_pairings_are_listed_and_forgotten(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairings = Pairings(config.parent / "state", Surroundings())
    pairings.pair(origin_of(SITE), Mode.ALWAYS)
    pairings.block(origin_of(OTHER_SITE))
    where = ["--config", str(config)]
    assert main(["helper", "pairings", "list", *where]) == 0
    assert capsys.readouterr().out == f"blocked {OTHER_SITE}\nalways  {SITE}\n"
    assert main(["helper", "pairings", "forget", OTHER_SITE, *where]) == 0
    assert main(["helper", "pairings", "forget", OTHER_SITE, *where]) == 1
    capsys.readouterr()
    assert main(["helper", "pairings", "list", "--json", *where]) == 0
    assert json.loads(capsys.readouterr().out) == [{"origin": SITE, "state": "always"}]


def test_a_mistake_in_the_configuration_is_a_line_and_exit_code_2(config: Path) -> None:
    config.write_text("branding = 'x'\nprompt = 0\n")
    for action in (["run"], ["doctor"], ["token", "list"], ["pairings", "list"]):
        done = _run(*action, "--config", str(config))
        assert done.returncode == 2
        assert "unknown key 'branding'" in done.stderr
        assert "prompt must be positive" in done.stderr
        assert "Traceback" not in done.stderr


# --- run


@contextmanager
def _helper(config: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", int, str]]:
    """A running helper, its port, and the line it said."""
    process = subprocess.Popen(
        [*_CERTLOGIN, "run", "--config", str(config), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, process.communicate()
        port = int(line.split("http://127.0.0.1:")[1].split(";")[0].split(" ")[0])
        yield process, port, line
    finally:
        process.kill()
        process.communicate()


def _get(port: int, origin: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/v1/hello", headers={"Origin": origin})
    response = connection.getresponse()
    value: dict[str, Any] = json.loads(response.read())
    connection.close()
    return response.status, value


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_helper_says_where_it_is_and_ends_cleanly(config: Path, number: signal.Signals) -> None:
    with _helper(config) as (process, port, line):
        assert line.startswith(f"certlogin helper on http://127.0.0.1:{port}; security phrase: ")
        assert _get(port, SITE)[0] == 200
        assert _get(port, "http://127.0.0.1:8000")[1]["error"]["code"] == "origin_refused"
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
        _, errors = process.communicate()
    assert "Traceback" not in errors
    assert '"result": "origin_refused"' in errors


def test_development_mode_is_said(config: Path) -> None:
    with _helper(config, "--dev") as (_, port, line):
        assert " in development mode; " in line
        assert _get(port, "http://127.0.0.1:8000")[0] == 200


def test_one_helper_for_one_state(config: Path) -> None:
    with _helper(config):
        second = _run("run", "--config", str(config))
        assert (second.returncode, second.stdout) == (1, "")
        assert "runs already" in second.stderr
    # The place is free again, however the first one ended.
    with _helper(config) as (_, port, _):
        assert _get(port, SITE)[0] == 200


def test_without_a_free_port_it_says_so(config: Path) -> None:
    with open_listener([0]) as other:
        config.write_text(f'state = "state"\nports = [{other.getsockname()[1]}]\n')
        done = _run("run", "--config", str(config))
    assert done.returncode == 1
    assert "no free port among" in done.stderr


def test_a_damaged_state_is_named(config: Path) -> None:
    (config.parent / "state").mkdir()
    (config.parent / "state" / "pairings.json").write_text("{")
    done = _run("run", "--config", str(config))
    assert done.returncode == 2
    assert "pairings.json is damaged" in done.stderr


def test_the_helpers_own_terminal_asks_where_nothing_else_can(config: Path, tmp_path: Path) -> None:
    body = json.dumps({"purpose": "login"})
    keyboard, screen = pty.openpty()
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    # A session of its own with this terminal as the controlling one: what /dev/tty means.
    starter = (
        "import os, sys, fcntl, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", starter, *_CERTLOGIN[1:], "run", "--config", str(config)],
        stdin=screen, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().split("http://127.0.0.1:")[1].split(";")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        headers = {"Origin": SITE, "Content-Type": "application/json", "X-Certlogin": "1"}
        connection.request("POST", "/v1/pair", body, headers)
        seen = b""
        while b"> " not in seen:
            seen += os.read(keyboard, 65536)
        assert "安全短语：".encode() in seen
        os.write(keyboard, b"1\n")
        assert json.loads(connection.getresponse().read())["mode"] == "once"
        connection.close()
    finally:
        process.kill()
        process.communicate()
        os.close(keyboard)
        os.close(screen)


# --- doctor


def _findings(config: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["helper", "doctor", "--config", str(config)])
    return code, capsys.readouterr().out


def test_the_doctor_finds_nothing_wrong(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certlogin.helper.peer.SUPPORTED", True)
    config.write_text(config.read_text() + 'pinentry = "/usr/bin/pinentry-x"\n')
    code, said = _findings(config, capsys)
    assert code == 0
    assert said.splitlines() == [
        "ok      PIN dialog: pinentry-x",
        "ok      port 0: free",
        "ok      other users of this machine are kept out by looking at who owns the connection",
        "ok      SM2 keys on file tokens: the self-test passed",
        "ok      PKCS#11 modules: none is configured",
        f"ok      file tokens: 0 in {config.parent / 'tokens'}",
    ]
    assert main(["helper", "doctor", "--json", "--config", str(config)]) == 0
    assert [found["ok"] for found in json.loads(capsys.readouterr().out)] == [True] * 6


def test_the_doctor_says_what_to_install(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper_doctor, "available", lambda *_, **__: ())
    code, said = _findings(config, capsys)
    assert code == 1
    assert "CHECK   no way to ask for a PIN: install a pinentry" in said


@pytest.mark.parametrize("ways", [(), ("tk",)])
def test_the_doctor_says_what_shows_agreements(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, ways: tuple[str, ...]
) -> None:
    monkeypatch.setattr(helper_doctor, "readers", lambda *_, **__: ways)
    code, said = _findings(config, capsys)
    assert ("CHECK   no way to show an agreement, which a pinentry cannot: install Tk" in said) is (ways == ())
    assert code == 1 or ways


def test_the_doctor_tells_a_helper_from_another_program(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper_doctor, "_HELLO_SECONDS", 0.2)
    with _helper(config) as (_, port, _), open_listener([0]) as silent:
        other = silent.getsockname()[1]
        config.write_text(f'state = "state"\nports = [{port}, {other}]\n')
        code, said = _findings(config, capsys)
        assert f"ok      port {port}: a helper of version " in said
        assert f"port {other}: used by another program" in said
        assert "no port for a helper" not in said
        config.write_text(f'state = "state"\nports = [{other}]\n')
        code, said = _findings(config, capsys)
        assert code == 1
        assert "CHECK   no port for a helper" in said


def test_the_doctor_points_at_locked_and_damaged_tokens_and_relaxed_settings(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = config.parent / "tokens"
    plan = filetoken.TokenPlan("x", tries=1, cost=COST)
    locked, broken = (filetoken.create_token(tokens, plan, bytearray(b"123456"), Surroundings()) for _ in range(2))
    with pytest.raises(Exception, match="pin_locked"):
        locked.unlock(bytearray(b"wrong1"))
    (tokens / broken.serial / "token.json").write_bytes(b"")
    config.write_text(
        config.read_text() + 'dev = true\n[[origins]]\norigin = "https://*.stats.gov.cn"\nmay = ["login"]\n'
    )
    monkeypatch.setattr("certlogin.helper.peer.SUPPORTED", False)
    code, said = _findings(config, capsys)
    assert code == 1
    for line in (
        f"CHECK   token {locked.serial} is locked",
        f'CHECK   token "{broken.serial}" is damaged',
        "CHECK   development mode is on",
        "ok      every host below https://*.stats.gov.cn may without asking: login",
        "kept out by the pairing alone",
    ):
        assert line in said
