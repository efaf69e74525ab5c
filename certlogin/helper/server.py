"""The loopback server: one exclusive socket on the literal 127.0.0.1, one request per connection, few threads (7, 8).

Where `peer.SUPPORTED` is false the owner of the other end is not checked, and the bearer token alone keeps other users
of the machine out.
"""

import contextlib
import logging
import select
import socket
import sys
import threading
from collections.abc import Callable, Sequence

from certlogin.errors import Unavailable
from certlogin.helper import peer
from certlogin.helper.connection import REQUEST_SECONDS, Connection
from certlogin.helper.exchange import Exchange
from certlogin.helper.log import LOGGER
from certlogin.helper.service import Service

#: Never a name: what a name leads to can be another program of another user (8).
ADDRESS = "127.0.0.1"
THREADS = 32
_BACKLOG = 64
_LOOK_EVERY = 0.2
_ROUND = 1.0
_STOP_SECONDS = 2.0


def open_listener(ports: Sequence[int]) -> socket.socket:
    """Listen on the first of these ports that is free. Raises Unavailable."""
    for port in ports:
        try:
            return _listen(port)
        except OSError:
            continue
    raise Unavailable(f"no free port among {', '.join(map(str, ports))}")


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            # There, without it, another program can take over the port that we listen on.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # POSIX: skips the wait after an earlier run; two listeners it never allows.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class HelperServer:
    """Serves until `stop`, which any thread and any signal handler may call."""

    def __init__(
        self,
        service: Service,
        listener: socket.socket,
        *,
        dev: bool,
        check_peer: Callable[[int, int], None] | None = peer.check_peer if peer.SUPPORTED else None,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._service = service
        self._listener = listener
        self.port: int = listener.getsockname()[1]
        self._exchange = Exchange(service, self.port, dev, self._peer_check(check_peer))
        self._request_seconds = request_seconds
        self._room = threading.BoundedSemaphore(THREADS)
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._waker, self._wake = socket.socketpair()

    @property
    def address(self) -> str:
        return f"http://{ADDRESS}:{self.port}"

    def serve(self) -> None:
        """Returns after `stop`, when every connection is closed."""
        try:
            while not self._stopping.is_set():
                # More callers than threads wait in the backlog.
                if self._room.acquire(timeout=_LOOK_EVERY):
                    self._accept()
        finally:
            self._close()

    def stop(self) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._waker.send(b"\x00")

    def _accept(self) -> None:
        """Uses up the room that was taken for it, or gives it back."""
        # In rounds: a signal that comes just before a wait without end would be noticed with the next caller only.
        ready, _, _ = select.select([self._listener, self._wake], [], [], _ROUND)
        if self._stopping.is_set() or self._listener not in ready:
            self._room.release()
            return
        try:
            opened, address = self._listener.accept()
        except OSError:
            # The caller was gone before we came.
            self._room.release()
            return
        thread = threading.Thread(target=self._serve_one, args=(opened, address[1]), daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _serve_one(self, opened: socket.socket, client_port: int) -> None:
        try:
            with opened:
                connection = Connection(opened, self._service.surroundings.monotonic, self._request_seconds)
                connection.send(self._exchange.answer(connection, client_port))
        except Exception:
            logging.getLogger(LOGGER).exception("a connection failed")
        finally:
            self._room.release()
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _close(self) -> None:
        self._listener.close()
        self._service.prompts.withdraw(None)
        with self._lock:
            left = list(self._threads)
        for thread in left:
            thread.join(_STOP_SECONDS)
        self._waker.close()
        self._wake.close()

    def _peer_check(self, check_peer: Callable[[int, int], None] | None) -> Callable[[int], None]:
        if check_peer is None:
            return lambda _: None
        return lambda client_port: check_peer(client_port, self.port)
