import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from certlogin.ca.listener import listening
from certlogin.errors import ConfigurationError
from tests.ca.serving import connected


def test_the_socket_is_for_owner_and_group_whatever_the_umask(short_tmp: Path) -> None:
    before = os.umask(0)
    try:
        with listening(short_tmp / "s"):
            assert (short_tmp / "s").stat().st_mode & 0o777 == 0o660
    finally:
        os.umask(before)


def test_the_socket_is_given_to_a_group(short_tmp: Path) -> None:
    group = 4 if os.getuid() == 0 else os.getgid()
    with listening(short_tmp / "s", group):
        assert (short_tmp / "s").stat().st_gid == group


def test_it_is_gone_afterwards_and_can_be_made_again(short_tmp: Path) -> None:
    for _ in range(2):
        with listening(short_tmp / "s"), connected(short_tmp / "s"):
            pass
        assert not (short_tmp / "s").exists()


def test_a_second_server_does_not_take_the_socket_away(short_tmp: Path) -> None:
    with listening(short_tmp / "s"):
        with pytest.raises(ConfigurationError, match="another server"), listening(short_tmp / "s"):
            pass
        with connected(short_tmp / "s"):
            pass


def test_a_socket_left_by_a_killed_server_is_replaced(short_tmp: Path) -> None:
    script = "import os,sys;from pathlib import Path;from certlogin.ca.listener import listening\n"
    script += "with listening(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", script, str(short_tmp / "s")], check=False)
    assert (short_tmp / "s").is_socket()
    with pytest.raises(ConnectionRefusedError), connected(short_tmp / "s"):
        pass
    with listening(short_tmp / "s"), connected(short_tmp / "s"):
        pass


def test_what_is_no_socket_is_not_removed(short_tmp: Path) -> None:
    (short_tmp / "s").write_text("important")
    with pytest.raises(ConfigurationError, match="no socket"), listening(short_tmp / "s"):
        pass
    assert (short_tmp / "s").read_text() == "important"


def test_a_path_that_is_too_long_is_named(short_tmp: Path) -> None:
    with pytest.raises(ConfigurationError, match="xxx"), listening(short_tmp / ("x" * 120)):
        pass


def test_nobody_connects_before_the_permissions_are_set(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    real = Path.chmod

    def chmod(path: Path, mode: int) -> None:
        with socket.socket(socket.AF_UNIX) as early:
            tried.append(early.connect_ex(str(path)))
        real(path, mode)

    monkeypatch.setattr(Path, "chmod", chmod)
    with listening(short_tmp / "s"):
        pass
    assert tried == [111], "ECONNREFUSED"
