"""The retry counter: no crash, no race and no edit gives a try back (16)."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.helper.refusals import PinLocked, PinWrong
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens import filetoken
from certlogin.helper.tokens.filetoken import FileToken, TokenPlan, create_token
from certlogin.helper.tokens.tries import Tries
from tests.helper.world import COST, PIN

_HERE = Surroundings()

#: Tries a wrong PIN and is killed while it is being tried: after the counter was written.
_KILLED = """
import os, signal, sys
from pathlib import Path
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens import filetoken
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
filetoken.derive = die
filetoken.FileToken(Path(sys.argv[1]), Surroundings()).unlock(bytearray(b"wrong1"))
"""

#: Tries wrong PINs as fast as it can until the token is locked; prints how often it was told `pin_wrong`.
_RACER = """
import sys
from pathlib import Path
from certlogin.helper.refusals import PinLocked, PinWrong
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens.filetoken import FileToken
token = FileToken(Path(sys.argv[1]), Surroundings())
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
told = []
try:
    while True:
        try:
            token.unlock(bytearray(b"wrong1"))
        except PinWrong as wrong:
            told.append(wrong.tries_left)
except PinLocked:
    sys.stdout.write(",".join(map(str, told)) + "\\n")
"""


def _token(folder: Path, tries: int = 6) -> FileToken:
    return create_token(folder, TokenPlan("介质", tries=tries, cost=COST), bytearray(PIN.encode()), _HERE)


def test_the_counter_survives_a_kill_while_a_pin_is_tried(tmp_path: Path) -> None:
    token = _token(tmp_path, tries=3)
    for left in (2, 1, 0):
        done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / token.serial)], timeout=60)
        assert done.returncode == -signal.SIGKILL
        assert token.state().tries_left == left
    with pytest.raises(PinLocked):
        token.unlock(bytearray(PIN.encode()))


def test_companion_counted_after_the_try_a_kill_gives_tries_without_end(tmp_path: Path) -> None:
    token = _token(tmp_path, tries=3)
    afterwards = "filetoken.derive = die\nfiletoken.Tries.use_one = filetoken.Tries.left"
    late = _KILLED.replace("filetoken.derive = die", afterwards)
    for _ in range(4):
        subprocess.run([sys.executable, "-c", late, str(tmp_path / token.serial)], timeout=60, check=False)
    assert token.state().tries_left == 3


def test_two_processes_that_race_share_the_tries(tmp_path: Path) -> None:
    tries = 12
    token = _token(tmp_path, tries)
    command = [sys.executable, "-c", _RACER, str(tmp_path / token.serial)]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    told: list[int] = []
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        out, _ = racer.communicate(timeout=120)
        told += [int(number) for number in out.strip().split(",") if number]
    # Every number of tries left was told exactly once; the last wrong PIN was told as locked.
    assert sorted(told, reverse=True) == list(range(tries - 1, 0, -1))
    assert token.state().locked


def test_companion_without_the_lock_two_racers_get_more_tries_than_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = _token(tmp_path, tries=2)
    path = tmp_path / token.serial / "tries"
    first, second = Tries(path, 2), Tries(path, 2)
    # Both read before either has written: without the token's lock, that is a possible order.
    stale = first.left()
    monkeypatch.setattr(Tries, "left", lambda self: stale)
    assert [first.use_one(), second.use_one()] == [1, 1]


def test_each_wrong_pin_counts_and_the_right_one_resets(tmp_path: Path) -> None:
    token = _token(tmp_path)
    for left in (5, 4, 3):
        with pytest.raises(PinWrong) as caught:
            token.unlock(bytearray(b"wrong1"))
        assert (caught.value.tries_left, token.state().tries_left) == (left, left)
    token.unlock(bytearray(PIN.encode())).close()
    assert token.state().tries_left == 6


def test_the_try_is_on_disk_before_the_pin_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = _token(tmp_path)
    seen = []

    def look(*_: object) -> bytes:
        seen.append((tmp_path / token.serial / "tries").read_bytes())
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "never a key")

    monkeypatch.setattr(filetoken, "derive", look)
    with pytest.raises(PinWrong):
        token.unlock(bytearray(PIN.encode()))
    assert seen == [b"5\n"]


@given(content=st.binary(max_size=6))
def test_a_counter_that_is_none_counts_as_zero_and_never_as_more_than_there_are(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("tries") / "tries"
    path.write_bytes(content)
    left = Tries(path, 6).left()
    assert 0 <= left <= 6
    if not (content[-1:] == b"\n" and content[:-1].isdigit() and len(content) <= 3):
        assert left == 0


@pytest.mark.parametrize("content", [None, b"", b"6", b"-1\n", b"6\n6\n", b"\xef\xbc\x96\n", b"999\n"])
def test_a_lost_or_edited_counter_locks(tmp_path: Path, content: bytes | None) -> None:
    token = _token(tmp_path)
    path = tmp_path / token.serial / "tries"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(PinLocked):
        token.unlock(bytearray(PIN.encode()))
    assert token.state().locked


def test_a_crash_between_two_writes_leaves_the_old_counter(tmp_path: Path) -> None:
    token = _token(tmp_path)
    (tmp_path / token.serial / "tries.new").write_bytes(b"")
    assert token.state().tries_left == 6
    with pytest.raises(PinWrong):
        token.unlock(bytearray(b"wrong1"))
    assert os.listdir(tmp_path / token.serial).count("tries.new") == 0
