"""Whose program is at the other end (9): the kernel's table, and a real program of another user."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from certlogin.helper import peer
from certlogin.helper.peer import check_peer, owners
from certlogin.helper.refusals import WrongUser
from tests.helper.world import SITE, World, read_reply, running

_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
_LOOPBACK = "0100007F"
_MAPPED = "0000000000000000FFFF00000100007F"
_OURS, _CLIENT = 17561, 54321


def _row(local: str, remote: str, uid: str) -> str:
    return f"   0: {local} {remote} 01 00000000:00000000 00:00000000 00000000 {uid} 0 12345 1 0 20 4 30 10 -1\n"


def _client(uid: str, address: str = _LOOPBACK) -> str:
    return _row(f"{address}:{_CLIENT:04X}", f"{address}:{_OURS:04X}", uid)


def _server(uid: str) -> str:
    return _row(f"{_LOOPBACK}:{_OURS:04X}", f"{_LOOPBACK}:{_CLIENT:04X}", uid)


@pytest.mark.parametrize("address", [_LOOPBACK, _MAPPED])
def test_the_owner_of_the_clients_end_is_found_and_not_that_of_ours(address: str) -> None:
    assert owners(_HEAD + _server("1") + _client("1000", address), _CLIENT, _OURS) == {1000}


@pytest.mark.parametrize(
    "rows",
    [
        "",
        _server("1000"),
        _row(f"{_LOOPBACK}:{_CLIENT:04X}", f"{_LOOPBACK}:{_OURS + 1:04X}", "1000"),
        _row(f"{_LOOPBACK}:{_CLIENT + 1:04X}", f"{_LOOPBACK}:{_OURS:04X}", "1000"),
        # The same ports between other addresses are another connection.
        _row(f"0200A8C0:{_CLIENT:04X}", f"0100A8C0:{_OURS:04X}", "1000"),
        "   0: cut short\n",
    ],
)
def test_other_rows_say_nothing(rows: str) -> None:
    assert owners(_HEAD + rows, _CLIENT, _OURS) == set()


@pytest.mark.parametrize(
    ("tables", "good"),
    [
        ([_client(str(os.getuid()))], True),
        (["", _client(str(os.getuid()), _MAPPED)], True),
        ([_client(str(os.getuid() + 1))], False),
        ([_client(str(os.getuid())), _client(str(os.getuid() + 1), _MAPPED)], False),
        ([""], False),
        ([], False),
    ],
)
def test_threat_9_only_our_own_user_and_nobody_else_beside_it(tmp_path: Path, tables: list[str], good: bool) -> None:
    paths = [tmp_path / "nothing"]
    for number, rows in enumerate(tables):
        paths.append(tmp_path / str(number))
        paths[-1].write_text(_HEAD + rows)
    if good:
        check_peer(_CLIENT, _OURS, paths)
        return
    with pytest.raises(WrongUser):
        check_peer(_CLIENT, _OURS, paths)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.mark.skipif(not peer.SUPPORTED, reason="the kernel's table is Linux")
def test_our_own_connections_are_ours(listener: socket.socket) -> None:
    ours = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", ours)) as client:
        check_peer(client.getsockname()[1], ours)


@pytest.mark.skipif(not peer.SUPPORTED, reason="the kernel's table is Linux")
def test_a_client_that_speaks_through_an_ipv6_socket_is_found(listener: socket.socket) -> None:
    ours = listener.getsockname()[1]
    with socket.socket(socket.AF_INET6) as client:
        try:
            client.connect(("::ffff:127.0.0.1", ours))
        except OSError:
            pytest.skip("this machine has no IPv6")
        check_peer(client.getsockname()[1], ours)


#: As another user: connect, send standard input, print what comes back.
_AS_ANOTHER = """
import os, socket, sys
request = sys.stdin.buffer.read()
"a".encode("idna")  # loaded now: the other user may not be able to read the library
os.setgroups([]); os.setgid(65534); os.setuid(65534)
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20) as page:
    page.sendall(request)
    while data := page.recv(65536):
        sys.stdout.buffer.write(data)
"""


def _as_another_user(world: World, request: bytes) -> bytes:
    command = [sys.executable, "-S", "-c", _AS_ANOTHER, str(world.port)]
    return subprocess.run(command, input=request, capture_output=True, check=True, timeout=60).stdout


@pytest.mark.skipif(not peer.SUPPORTED or os.getuid() != 0, reason="only root can become another user")
def test_threat_9_a_program_of_another_user_is_refused(world: World) -> None:
    assert world.request("GET", "/v1/hello", {}).status == 200
    body = b'{"purpose":"login"}'
    for request in (world.bytes_of("GET", "/v1/hello", {}), world.bytes_of("POST", "/v1/pair", {"Origin": SITE}, body)):
        assert read_reply(_as_another_user(world, request)).code == "wrong_user"
    assert world.person.asked == []


@pytest.mark.skipif(not peer.SUPPORTED or os.getuid() != 0, reason="only root can become another user")
def test_threat_9_companion_without_the_check_another_user_is_answered(tmp_path: Path) -> None:
    with running(tmp_path, check_peer=None) as world:
        assert read_reply(_as_another_user(world, world.bytes_of("GET", "/v1/hello", {}))).status == 200
