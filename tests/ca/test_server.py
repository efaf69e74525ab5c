"""The CA's socket under attack and in trouble. Real sockets; other users where the tests run as root."""

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from certlogin.ca.base import IssuedCertificate, RequestRefused
from certlogin.ca.client import RemoteCA
from certlogin.ca.messages import QUESTION_MAX, Failed, IssueQuestion, Refused, read_question, write_question
from certlogin.ca.server import CAServer, Limits
from certlogin.ca.stream import Deadline, MessageTooLong, receive
from certlogin.errors import Unavailable
from certlogin.records.unit import Unit, UnitId
from tests.ca.house import UNIT, House, parsed
from tests.ca.serving import connected, everything, exchange, serving, tell
from tests.companions import companion, without
from tests.factory import key, request

NOBODY = 65534
QUESTION = write_question(IssueQuestion(UNIT.id, UNIT.code, request(key("one"))))
#: Becomes another user once everything is imported, and asks.
ASK = """
import os, sys
from pathlib import Path
from tests.ca.serving import exchange

os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
try:
    sys.stdout.buffer.write(exchange(Path(sys.argv[1]), sys.stdin.buffer.read()))
except PermissionError:
    sys.exit("the file system refuses")
"""
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


class ScriptedCA:
    """Answers `issue` by a function."""

    def __init__(self, answer: Callable[[], IssuedCertificate]) -> None:
        self.answer = answer

    def issue(self, unit: Unit, request: bytes) -> IssuedCertificate:
        return self.answer()

    def revoke(self, issuer_sha256: str, serial: str, reason: str, *, allow_reissue: bool) -> None:
        self.answer()


def ask_as_nobody(path: Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", ASK, str(path), str(NOBODY)]
    return subprocess.run(command, input=QUESTION, capture_output=True)


# Behind the permissions stands the kernel's word.
@without({"certlogin.ca.listener.MODE": 0o666, "certlogin.ca.server.peer_user": lambda _: os.getuid()}, sees="issued")
@needs_root
def test_s28_another_user_does_not_reach_the_socket(house: House, short_tmp: Path) -> None:
    path = short_tmp / "s"
    with serving(house.open(), path):
        done = ask_as_nobody(path)
        assert b"issued" not in done.stdout
        assert path.stat().st_mode & 0o777 == 0o660
    assert done.stderr.strip() == b"the file system refuses"
    assert parsed(house.open().issue(UNIT, request(key("two")))), "nothing was issued"


@needs_root
def test_s28_another_user_who_does_reach_it_is_refused_by_the_kernels_word(
    house: House, short_tmp: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = short_tmp / "s"
    with serving(house.open(), path):
        path.chmod(0o666)
        done = ask_as_nobody(path)
    assert b'"failed","reason":"user_not_allowed"' in done.stdout
    assert f"user {NOBODY} may not ask" in caplog.text
    assert parsed(house.open().issue(UNIT, request(key("two")))), "nothing was issued"


@companion("test_s28_another_user_who_does_reach_it_is_refused_by_the_kernels_word")
@needs_root
def test_s28_companion_the_same_user_once_allowed_is_issued_for(house: House, short_tmp: Path) -> None:
    path = short_tmp / "s"
    with serving(house.open(), path, allowed={NOBODY}):
        path.chmod(0o666)
        assert b'"issued"' in ask_as_nobody(path).stdout


@without({"certlogin.ca.server.peer_user": lambda _: os.getuid() + 1}, sees="assert IssuedCertificate(")
def test_s28_whoever_is_not_listed_is_refused_even_the_own_user(house: House, short_tmp: Path) -> None:
    with serving(house.open(), short_tmp / "s", allowed={os.getuid() + 1}):
        assert tell(short_tmp / "s", QUESTION) == Failed("user_not_allowed")
        with pytest.raises(Unavailable, match="user_not_allowed"):
            RemoteCA(short_tmp / "s").issue(UNIT, request(key("one")))


@without(
    {f"certlogin.ca.{room}.QUESTION_MAX": 2 * QUESTION_MAX for room in ("server", "messages")}, sees="assert IssuedC"
)
def test_s28_an_oversized_message_is_refused_at_its_limit(house: House, short_tmp: Path) -> None:
    path = short_tmp / "s"
    with serving(house.open(), path):
        assert tell(path, QUESTION.ljust(QUESTION_MAX + 1)) == Failed("malformed")
        with connected(path) as connection:
            connection.sendall(b" " * (QUESTION_MAX + 1))
            # It does not wait for the end of what is too long already.
            assert b'"reason":"malformed"' in everything(connection)
        # The companion: as many octets as are allowed.
        assert isinstance(tell(path, QUESTION.ljust(QUESTION_MAX)), IssuedCertificate)


@without({"certlogin.ca.server.read_question": lambda _: read_question(QUESTION)}, sees="assert IssuedCertificate(")
@pytest.mark.parametrize(
    "garbage",
    [b"", b"\0" * 100, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", QUESTION[:-1], QUESTION * 2, b"[]", b"{}", b"\xff" * 9],
)
def test_s28_garbage_is_answered_and_the_next_question_too(house: House, short_tmp: Path, garbage: bytes) -> None:
    with serving(house.open(), short_tmp / "s"):
        assert tell(short_tmp / "s", garbage) == Failed("malformed")
        assert isinstance(tell(short_tmp / "s", QUESTION), IssuedCertificate)


@without({"certlogin.ca.stream.Deadline.left": lambda _: 60.0}, sees="nobody answers")
def test_s28_slow_clients_hold_no_thread_beyond_their_time(house: House, short_tmp: Path) -> None:
    path = short_tmp / "s"
    limits = Limits(workers=2, seconds=0.5)
    with serving(house.open(), path, limits=limits), ExitStack() as stack:
        slow = [stack.enter_context(connected(path)) for _ in range(2 * limits.workers)]
        for connection in slow:
            connection.sendall(QUESTION[:10])
        try:
            assert b'"issued"' in exchange(path, QUESTION, 5.0)
        except TimeoutError:
            pytest.fail("nobody answers")
        assert [everything(connection) for connection in slow] == [b""] * len(slow)


def anew_for_each_octet(deadline: Deadline) -> float:
    deadline.monotonic()
    return 5.0


@without({"certlogin.ca.stream.Deadline.left": anew_for_each_octet}, sees="== 5.0")
def test_s28_an_octet_now_and_then_buys_no_more_time() -> None:
    # A second passes between two octets: with an allowance per octet this client would never be told to go.
    left, right = socket.socketpair()
    now = 0.0

    def monotonic() -> float:
        nonlocal now
        now += 1
        left.send(b"x")
        return now

    with left, right:
        with pytest.raises((TimeoutError, MessageTooLong)) as ended:
            receive(right, 1000, Deadline(5.0, monotonic))
        assert now == 5.0
        assert ended.type is TimeoutError
        # The companion: the same client with more time, and the size is what ends it.
        with pytest.raises(MessageTooLong):
            receive(right, 20, Deadline(100.0, monotonic))


def test_what_a_peer_wrote_before_it_closed_on_us_is_read() -> None:
    left, right = socket.socketpair()
    with left:
        left.send(b"question that nobody reads")
        right.send(b"answer")
        right.close()
        assert receive(left, 100, Deadline(1.0, lambda: 0.0)) == b"answer"


def test_a_failing_accept_stops_nobody(house: House, short_tmp: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(socket.socket):
        failures = 1

        def accept(self) -> tuple[socket.socket, object]:
            if self.failures:
                self.failures -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    with Failing(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(short_tmp / "s"))
        listener.listen()
        server = CAServer(house.open(), listener, {os.getuid()})
        server.start()
        assert isinstance(tell(short_tmp / "s", QUESTION), IssuedCertificate)
        server.stop()
    assert "Too many open files" in caplog.text


def test_companion_a_slow_client_within_its_time_is_served(house: House, short_tmp: Path) -> None:
    with serving(house.open(), short_tmp / "s"), connected(short_tmp / "s") as connection:
        for octet in QUESTION:
            connection.send(bytes([octet]))
        connection.shutdown(socket.SHUT_WR)
        assert b'"issued"' in everything(connection)


def test_a_client_that_leaves_is_nobodys_trouble(house: House, short_tmp: Path) -> None:
    path = short_tmp / "s"
    with serving(house.open(), path, limits=Limits(workers=1)):
        for _ in range(3):
            with connected(path) as connection:
                connection.sendall(QUESTION)
        assert isinstance(tell(path, QUESTION), IssuedCertificate)


def test_stopping_waits_for_the_answer_under_way_and_takes_no_more(house: House, short_tmp: Path) -> None:
    entered, go_on = threading.Event(), threading.Event()
    real = house.open()

    def answer() -> IssuedCertificate:
        entered.set()
        go_on.wait(10)
        return real.issue(UNIT, request(key("one")))

    path = short_tmp / "s"
    answers: list[object] = []
    with serving(ScriptedCA(answer), path, limits=Limits(workers=1)) as server:
        client = threading.Thread(target=lambda: answers.append(tell(path, QUESTION)))
        client.start()
        assert entered.wait(10)
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        go_on.set()
        stopper.join(10)
        client.join(10)
        assert isinstance(answers[0], IssuedCertificate)
    with pytest.raises(FileNotFoundError), connected(path):
        pass


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (RequestRefused("already_issued"), Refused("already_issued")),
        (Unavailable("the CA's database"), Failed("unavailable")),
        (RuntimeError("secret"), Failed("internal")),
    ],
)
def test_every_failure_of_the_ca_is_an_answer_without_its_details(
    short_tmp: Path, problem: Exception, expected: object
) -> None:
    def fail() -> IssuedCertificate:
        raise problem

    with serving(ScriptedCA(fail), short_tmp / "s", limits=Limits(workers=1)):
        assert [tell(short_tmp / "s", QUESTION) for _ in range(2)] == [expected] * 2


def test_the_site_says_nothing_about_the_unit_but_id_and_code(short_tmp: Path) -> None:
    seen: list[Unit] = []

    class Noting(ScriptedCA):
        def issue(self, unit: Unit, request: bytes) -> IssuedCertificate:
            seen.append(unit)
            raise RequestRefused("noted")

    def nothing() -> IssuedCertificate:
        raise NotImplementedError

    with serving(Noting(nothing), short_tmp / "s"), pytest.raises(RequestRefused):
        RemoteCA(short_tmp / "s").issue(Unit(UnitId("u"), "name", "code", frozenset({"exempt"})), b"x")
    assert seen == [Unit(UnitId("u"), "", "code")]
