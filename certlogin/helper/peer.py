"""Whose program is at the other end of a loopback connection.

Linux only: the kernel's table of connections names the owner of the client's socket. On other systems `check_peer` is
not called (see `server.py`), and the bearer token alone keeps other users of the machine out.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from certlogin.helper.refusals import WrongUser

SUPPORTED = sys.platform == "linux"
#: The second holds programs that speak to 127.0.0.1 through an IPv6 socket (::ffff:127.0.0.1).
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

_LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}


def owners(table: str, client_port: int, our_port: int) -> set[int]:
    """The user ids of the sockets that connect client_port to our_port on loopback, in one table of the kernel."""
    found = set()
    for line in table.splitlines()[1:]:
        columns = line.split()
        if len(columns) < 8:
            continue
        if _is_loopback(columns[1], client_port) and _is_loopback(columns[2], our_port):
            found.add(int(columns[7]))
    return found


def check_peer(client_port: int, our_port: int, tables: Iterable[Path] = TABLES) -> None:
    """Raises WrongUser unless exactly our own user owns the other end; a row that is missing counts as foreign."""
    found: set[int] = set()
    for table in tables:
        if table.exists():
            found |= owners(table.read_text("ascii"), client_port, our_port)
    if found != {os.getuid()}:
        raise WrongUser


def _is_loopback(column: str, port: int) -> bool:
    address, _, number = column.partition(":")
    return address in _LOOPBACK and number == f"{port:04X}"
