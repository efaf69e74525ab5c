"""`make demo`: prints what a person needs, stays up, and leaves nothing behind when it is stopped."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demonstration.running.surroundings import free_ports

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all starts: the first makes everything, the others find it there."""
    return tmp_path_factory.mktemp("demonstration") / "demo"


@pytest.fixture
def running(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", list[int], list[str]]]:
    """The program, its ports, and the lines it printed until it said that it runs."""
    ports = free_ports(5)
    command = [sys.executable, "-m", "demonstration.demo", "--directory", str(folder),
               "--port", str(ports[0]), "--zcqd-port", str(ports[1]),
               "--helper-ports", ",".join(map(str, ports[2:]))]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL
    ) as process:
        lines: list[str] = []
        try:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if "Ctrl-C stops everything" in line:
                    break
            yield process, ports, lines
        finally:
            process.terminate()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_what_a_person_needs_and_stops_what_it_started(
    running: tuple["subprocess.Popen[str]", list[int], list[str]], number: signal.Signals
) -> None:
    process, ports, lines = running
    said = "".join(lines)
    assert f"http://127.0.0.1:{ports[0]}/survey/welcome" in said, said
    assert re.search(r"shuguang +\w{10} .*一套表", said)
    assert re.search(r"xinghuo +\w{10} ", said)
    assert f"http://127.0.0.1:{ports[1]}/zcqd/welcome" in said
    for model in ("01", "03", "3000GM", "5000GM"):
        assert re.search(rf"\w+ +\w{{10}} .*model {model}, .* \w{{8}}\n", said), model
    assert all(listens(port) for port in ports[:3])
    process.send_signal(number)
    assert process.wait(30) == 0
    assert not any(listens(port) for port in ports[:3])


def test_secrets_of_the_demonstration_are_its_owners_only(
    running: tuple["subprocess.Popen[str]", list[int], list[str]], folder: Path
) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    for name in ("site_keys", "ca_passphrase", "handout.json", "session_key"):
        for file in (folder / name, folder / "zcqd" / name):
            assert file.stat().st_mode & 0o077 == 0, file
    pins = (folder / "handout.json").read_text() + (folder / "zcqd/handout.json").read_text()
    log = (folder / "helper.log").read_text()
    assert not [pin for pin in re.findall(r'"(\w{8})"', pins) if pin in log]


@pytest.mark.parametrize("option", ["--port", "--zcqd-port"])
def test_a_port_in_use_is_said_in_words(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "demonstration.demo", option, str(taken.getsockname()[1])]
        environment = {**os.environ, "PYTHONPATH": str(EXAMPLES)}
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "is in use" in done.stderr
    assert "Traceback" not in done.stderr
