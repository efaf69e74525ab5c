"""`certlogin ca serve`: a few threads that answer one question per connection, for known users of this machine only.

It checks who asks, how much and how long; what may be issued is decided by the CA behind it.
"""

import logging
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from certlogin.ca.base import CertificateAuthority, RequestRefused
from certlogin.ca.messages import (
    QUESTION_MAX,
    Answer,
    Failed,
    IssueQuestion,
    Question,
    Refused,
    Revoked,
    read_question,
    write_answer,
)
from certlogin.ca.stream import Deadline, MessageTooLong, receive, send
from certlogin.errors import Unavailable
from certlogin.records.unit import Unit
from certlogin.wire.bad_request import BadRequest

_log = logging.getLogger(__name__)

#: struct ucred: pid, uid, gid.
_UCRED: Final = struct.Struct("iII")


@dataclass(frozen=True, slots=True)
class Limits:
    #: Threads; more connections than that wait in the kernel's queue.
    workers: int = 8
    #: For the whole question of a connection, and again for the whole answer.
    seconds: float = 10.0


class CAServer:
    """Answers on a listening Unix socket from `start` to `stop`."""

    def __init__(
        self,
        ca: CertificateAuthority,
        listener: socket.socket,
        allowed: Collection[int],
        limits: Limits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`allowed`: numbers of the users who may ask."""
        self._ca = ca
        self._listener = listener
        self._allowed = frozenset(allowed)
        self._limits = limits or Limits()
        self._monotonic = monotonic
        self._stopping = threading.Event()
        self._wake, self._waker = socket.socketpair()
        names = (f"ca-{number}" for number in range(self._limits.workers))
        self._threads = [threading.Thread(target=self._work, name=name) for name in names]

    def start(self) -> None:
        # Several threads wait for one connection: the slower ones must not be caught in `accept`.
        self._listener.setblocking(False)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no more connections; return when those under way are answered, or their time is over."""
        self._stopping.set()
        self._waker.close()
        for thread in self._threads:
            thread.join()
        self._wake.close()

    def _work(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                self._serve_next()

    def _serve_next(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            # Such as too many open files. It passes; asking again at once would only burn time.
            _log.exception("cannot accept")
            self._stopping.wait(1.0)
            return
        with connection:
            self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        # Whoever goes away or is too slow gets no answer; there is nobody to tell.
        with suppress(OSError):
            answer = write_answer(self._answer(connection))
            send(connection, answer, self._deadline())

    def _answer(self, connection: socket.socket) -> Answer:
        user = peer_user(connection)
        if user not in self._allowed:
            _log.warning("user %d may not ask", user)
            return Failed("user_not_allowed")
        try:
            return ask(self._ca, read_question(receive(connection, QUESTION_MAX, self._deadline())))
        except (MessageTooLong, BadRequest) as error:
            _log.warning("malformed question: %s", error or type(error).__name__)
            return Failed("malformed")

    def _deadline(self) -> Deadline:
        return Deadline(self._monotonic() + self._limits.seconds, self._monotonic)


def ask(ca: CertificateAuthority, question: Question) -> Answer:
    """The CA's answer; every failure of it is an answer too."""
    try:
        if isinstance(question, IssueQuestion):
            # Name and tags as the site has them play no part.
            return ca.issue(Unit(question.unit_id, "", question.unit_code), question.request)
        ca.revoke(question.issuer_sha256, question.serial, question.reason, allow_reissue=question.allow_reissue)
        return Revoked()
    except RequestRefused as refused:
        _log.warning("refused (%s): %r", refused.reason, question)
        return Refused(refused.reason)
    except Unavailable as error:
        _log.error("unavailable (%s): %r", error.what, question)
        return Failed("unavailable")
    except Exception:
        # A mistake of ours: the worker must live on, and the site must not take it for a judgement.
        _log.exception("unexpected: %r", question)
        return Failed("internal")


def peer_user(connection: socket.socket) -> int:
    """The number of the user at the other end, as the kernel saw it at connect."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, user, _ = _UCRED.unpack(credentials)
    return int(user)
