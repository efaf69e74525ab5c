"""The CA behind the Unix socket of `certlogin ca serve`: the only thing of it that a site's process has."""

import os
import socket
import time
from contextlib import suppress
from typing import Final

from certlogin.ca.base import IssuedCertificate, RequestRefused
from certlogin.ca.messages import (
    ANSWER_MAX,
    REASON_MAX,
    Answer,
    Failed,
    IssueQuestion,
    Question,
    Refused,
    Revoked,
    RevokeQuestion,
    read_answer,
    write_question,
)
from certlogin.ca.stream import Deadline, MessageTooLong, receive, send
from certlogin.errors import Unavailable
from certlogin.records.unit import Unit
from certlogin.wire.bad_request import BadRequest

#: More than the server allows itself, so that its own answer arrives.
SECONDS: Final = 20.0


class RemoteCA:
    """`CertificateAuthority` over a socket: one connection a question. Threads may share it."""

    def __init__(self, socket_path: str | os.PathLike[str], seconds: float = SECONDS) -> None:
        self._path = os.fspath(socket_path)
        self._seconds = seconds

    def issue(self, unit: Unit, request: bytes) -> IssuedCertificate:
        answer = self._ask(IssueQuestion(unit.id, unit.code, request))
        if not isinstance(answer, IssuedCertificate):
            raise Unavailable("ca: answered another question")
        return answer

    def revoke(self, issuer_sha256: str, serial: str, reason: str, *, allow_reissue: bool) -> None:
        answer = self._ask(RevokeQuestion(issuer_sha256, serial, _one_line(reason), allow_reissue))
        if not isinstance(answer, Revoked):
            raise Unavailable("ca: answered another question")

    def _ask(self, question: Question) -> Answer:
        """Raises RequestRefused, Unavailable."""
        try:
            answer = read_answer(self._exchange(write_question(question)))
        except (OSError, MessageTooLong, BadRequest) as error:
            raise Unavailable(f"ca: no usable answer from {self._path}: {error or type(error).__name__}") from error
        if isinstance(answer, Refused):
            raise RequestRefused(answer.reason)
        if isinstance(answer, Failed):
            raise Unavailable(f"ca: {answer.reason}")
        return answer

    def _exchange(self, message: bytes) -> bytes:
        deadline = Deadline(time.monotonic() + self._seconds, time.monotonic)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(deadline.left())
            connection.connect(self._path)
            # A server that refuses us does not read to the end; its answer says why.
            with suppress(BrokenPipeError, ConnectionResetError):
                send(connection, message, deadline)
            return receive(connection, ANSWER_MAX, deadline)


def _one_line(reason: str) -> str:
    """The operator's words as the socket carries them."""
    return "".join(character if character.isprintable() else " " for character in reason)[:REASON_MAX]
