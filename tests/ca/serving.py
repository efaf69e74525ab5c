"""The CA's server in this process, and raw clients of it."""

import os
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from certlogin.ca.base import CertificateAuthority
from certlogin.ca.listener import listening
from certlogin.ca.messages import Answer, read_answer
from certlogin.ca.server import CAServer, Limits


@contextmanager
def serving(
    ca: CertificateAuthority, path: Path, allowed: Collection[int] | None = None, limits: Limits | None = None
) -> Iterator[CAServer]:
    with listening(path) as listener:
        server = CAServer(ca, listener, {os.getuid()} if allowed is None else allowed, limits or Limits(workers=2))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def connected(path: Path, seconds: float = 10.0) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        connection.connect(str(path))
        yield connection


def tell(path: Path, message: bytes) -> Answer:
    """Send the octets as they are; returns what the server says."""
    return read_answer(exchange(path, message))


def exchange(path: Path, message: bytes, seconds: float = 10.0) -> bytes:
    with connected(path, seconds) as connection:
        # Whom the server refuses, it does not hear out.
        with suppress(BrokenPipeError):
            connection.sendall(message)
            connection.shutdown(socket.SHUT_WR)
        return everything(connection)


def everything(connection: socket.socket) -> bytes:
    """What the server writes until it closes, whether it read all of ours or not."""
    received = b""
    with suppress(ConnectionResetError):
        while block := connection.recv(65536):
            received += block
    return received
