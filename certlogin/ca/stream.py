"""A message over a socket: everything until the other side has finished writing, within a size and a time.

A message that was cut off is no JSON object any more, so the end needs no marking of its own.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_BLOCK: Final = 64 * 1024


class MessageTooLong(Exception):  # both sides turn it into their own answer
    pass


@dataclass(frozen=True, slots=True)
class Deadline:
    """One allowance for a whole exchange: a peer that sends an octet now and then gains nothing."""

    end: float
    #: Seconds that never jump.
    monotonic: Callable[[], float]

    def left(self) -> float:
        """Raises TimeoutError."""
        left = self.end - self.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def receive(connection: socket.socket, limit: int, deadline: Deadline) -> bytes:
    """Raises MessageTooLong, TimeoutError, OSError."""
    received = bytearray()
    while block := _next_block(connection, limit + 1 - len(received), deadline):
        received += block
        if len(received) > limit:
            raise MessageTooLong
    return bytes(received)


def _next_block(connection: socket.socket, size: int, deadline: Deadline) -> bytes:
    connection.settimeout(deadline.left())
    try:
        return connection.recv(min(_BLOCK, size))
    except ConnectionResetError:
        # The peer closed without reading what we sent; what it wrote before has arrived.
        return b""


def send(connection: socket.socket, message: bytes, deadline: Deadline) -> None:
    """Send and finish writing. Raises TimeoutError, OSError."""
    # The timeout of `sendall` is for all of it.
    connection.settimeout(deadline.left())
    connection.sendall(message)
    connection.shutdown(socket.SHUT_WR)
