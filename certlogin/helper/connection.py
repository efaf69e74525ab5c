"""One accepted connection: a request is read whole, in time, and never more than was announced."""

import contextlib
import select
import socket
from collections.abc import Callable
from typing import Never

from certlogin.helper.http import END_OF_HEAD, HEAD_LIMIT
from certlogin.wire.bad_request import BadRequest

#: Seconds for sending a whole request, and again for taking the answer.
REQUEST_SECONDS = 5.0
_LOOK_EVERY = 0.2
_CHUNK = 16 * 1024
#: After the answer, what the other end is still sending is read and thrown away: closing a socket with unread octets
#: would reset the connection and the answer could be lost. Twice the longest body: an agreement whose page has to pair
#: again is refused before it is read.
_DRAIN = 256 * 1024
_DRAIN_SECONDS = 1.0


class NothingAsked(Exception):
    """The other end opened the connection and sent nothing: browsers do so ahead of need. It gets no answer, because
    an answer to nothing could be taken for the answer to the next request."""


class Connection:
    """Owns the socket. Every method but `gone` looks at the clock while it waits."""

    def __init__(self, opened: socket.socket, monotonic: Callable[[], float], seconds: float = REQUEST_SECONDS) -> None:
        self._socket = opened
        self._monotonic = monotonic
        self._seconds = seconds
        self._deadline = monotonic() + seconds
        self._buffer = bytearray()
        self._asked = False

    def read_head(self) -> bytes:
        """Everything before the empty line. Raises NothingAsked, BadRequest (`too_slow`, `cut_short`, …)."""
        while (end := self._buffer.find(END_OF_HEAD)) < 0:
            if len(self._buffer) > HEAD_LIMIT + len(END_OF_HEAD):
                raise BadRequest("head_too_long")
            self._read()
        head = bytes(self._buffer[:end])
        del self._buffer[: end + len(END_OF_HEAD)]
        return head

    def read_body(self, length: int) -> bytes:
        """Exactly the announced octets. Raises BadRequest, also when more follow: one request per connection."""
        while len(self._buffer) < length:
            self._read()
        if len(self._buffer) > length:
            raise BadRequest("unexpected_body")
        return bytes(self._buffer)

    def gone(self) -> bool:
        """True when the other end has hung up."""
        if hasattr(select, "POLLRDHUP"):
            poll = select.poll()
            poll.register(self._socket, select.POLLRDHUP)
            return bool(poll.poll(0))
        return self._at_end()

    def send(self, answer: bytes) -> None:
        """Send it whole and close. A caller that is gone or does not read misses it."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(self._seconds)
            self._socket.sendall(answer)
            self._socket.shutdown(socket.SHUT_WR)
            self._drain()

    def _read(self) -> None:
        while not select.select([self._socket], [], [], _LOOK_EVERY)[0]:
            self._check_time()
        self._check_time()
        try:
            data = self._socket.recv(_CHUNK)
        except OSError:
            data = b""
        if not data:
            self._give_up("cut_short")
        self._asked = True
        self._buffer += data

    def _check_time(self) -> None:
        if self._monotonic() >= self._deadline:
            self._give_up("too_slow")

    def _give_up(self, reason: str) -> Never:
        raise BadRequest(reason) if self._asked else NothingAsked

    def _drain(self) -> None:
        until = self._monotonic() + _DRAIN_SECONDS
        rest = _DRAIN
        while rest > 0 and self._monotonic() < until and select.select([self._socket], [], [], _LOOK_EVERY)[0]:
            data = self._socket.recv(_CHUNK)
            if not data:
                return
            rest -= len(data)

    def _at_end(self) -> bool:
        """Where the system does not tell of a half-closed connection: is the end the next thing to read?"""
        if not select.select([self._socket], [], [], 0)[0]:
            return False
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True
