"""What a site sees of a CA that is away, broken or somebody else."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from certlogin.ca.base import IssuedCertificate, RequestRefused
from certlogin.ca.client import RemoteCA
from certlogin.ca.listener import listening
from certlogin.ca.messages import (
    ANSWER_MAX,
    Answer,
    Failed,
    IssueQuestion,
    Refused,
    Revoked,
    RevokeQuestion,
    read_question,
    write_answer,
)
from certlogin.errors import Unavailable
from tests.ca.house import UNIT
from tests.ca.serving import everything
from tests.factory import NOW

ISSUED = IssuedCertificate(b"leaf", (b"issuing",), NOW)


@contextmanager
def answering(path: Path, *octets: bytes) -> Iterator[list[bytes]]:
    """A server that answers one connection after the other with these octets; yields what it was asked."""
    asked: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        for answer in octets:
            connection, _ = listener.accept()
            with connection:
                asked.append(everything(connection))
                connection.sendall(answer)

    with listening(path) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield asked
        thread.join(10)


def issue(path: Path, seconds: float = 10.0) -> IssuedCertificate:
    return RemoteCA(path, seconds).issue(UNIT, b"request")


def revoke(path: Path, reason: str = "lost") -> None:
    RemoteCA(path).revoke("0" * 64, "1f", reason, allow_reissue=True)


def test_the_questions_are_those_that_were_asked(short_tmp: Path) -> None:
    with answering(short_tmp / "s", write_answer(ISSUED), write_answer(Revoked())) as asked:
        assert issue(short_tmp / "s") == ISSUED
        revoke(short_tmp / "s")
    assert [read_question(message) for message in asked] == [
        IssueQuestion(UNIT.id, UNIT.code, b"request"),
        RevokeQuestion("0" * 64, "1f", "lost", True),
    ]


@pytest.mark.parametrize("path", ["missing", "plain", "x" * 200])
def test_nobody_listens(short_tmp: Path, path: str) -> None:
    (short_tmp / "plain").touch()
    with pytest.raises(Unavailable):
        issue(short_tmp / path)
    with pytest.raises(Unavailable):
        revoke(short_tmp / path)


def test_nobody_accepts_in_time(short_tmp: Path) -> None:
    with listening(short_tmp / "s"), pytest.raises(Unavailable):
        issue(short_tmp / "s", seconds=0.05)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage",
        write_answer(ISSUED)[:-1],
        write_answer(Failed("internal")),
        write_answer(Revoked()),
        write_answer(ISSUED).ljust(ANSWER_MAX + 1),
    ],
)
def test_an_answer_that_is_none_is_no_certificate(short_tmp: Path, answer: bytes) -> None:
    with answering(short_tmp / "s", answer), pytest.raises(Unavailable):
        issue(short_tmp / "s")


@pytest.mark.parametrize("answer", [ISSUED, Failed("internal")])
def test_an_answer_that_is_none_is_no_revocation(short_tmp: Path, answer: Answer) -> None:
    with answering(short_tmp / "s", write_answer(answer)), pytest.raises(Unavailable):
        revoke(short_tmp / "s")


def test_a_refusal_comes_with_the_cas_reason(short_tmp: Path) -> None:
    with answering(short_tmp / "s", *[write_answer(Refused("window_closed"))] * 2):
        with pytest.raises(RequestRefused) as refused:
            issue(short_tmp / "s")
        assert refused.value.reason == "window_closed"
        with pytest.raises(RequestRefused):
            revoke(short_tmp / "s")


def test_the_operators_words_arrive_on_one_line(short_tmp: Path) -> None:
    with answering(short_tmp / "s", write_answer(Revoked())) as asked:
        revoke(short_tmp / "s", "lost\r\n\x1b[2Jand 丢失 " + "x" * 2000)
    question = read_question(asked[0])
    assert isinstance(question, RevokeQuestion)
    assert question.reason.startswith("lost   [2Jand 丢失 x")
    assert len(question.reason) == 1000
