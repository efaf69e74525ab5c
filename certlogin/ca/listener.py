"""The CA's Unix socket in the file system: who may reach it, and that only one server has it."""

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from certlogin.errors import ConfigurationError

#: Owner and group; the server asks the kernel who it is nevertheless.
MODE: Final = 0o660
_BACKLOG: Final = 128


@contextmanager
def listening(path: Path, group: int | None = None) -> Iterator[socket.socket]:
    """A socket at `path`, gone again afterwards. `group`: the number of the group that may reach it.

    Raises ConfigurationError: another server has it, something else lies there, the path is too long. OSError.
    """
    with _only_one(path), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        _clear(path)
        try:
            listener.bind(str(path))
        except OSError as error:
            # The kernel says "AF_UNIX path too long" without a file name.
            raise ConfigurationError((f"{path}: {error.strerror or error}",)) from None
        try:
            # Nobody can connect before `listen`, so there is no moment with wider permissions.
            if group is not None:
                os.chown(path, -1, group)
            path.chmod(MODE)
            listener.listen(_BACKLOG)
            yield listener
        finally:
            with suppress(FileNotFoundError):
                path.unlink()


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """The lock ends with its process, so a socket that a crash left behind can be told from one in use."""
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigurationError((f"{path}: another server listens there",)) from None


def _clear(path: Path) -> None:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise ConfigurationError((f"{path}: something that is no socket lies there",))
    path.unlink()
