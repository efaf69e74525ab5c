"""One window, and when it goes: withdrawn, hung up, too late, the end of the helper (16)."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from certlogin.helper.connection import Connection
from certlogin.helper.limits import LimitSettings
from certlogin.helper.pairing import Mode
from certlogin.helper.pin.base import Choice
from certlogin.helper.prompts import Prompts
from certlogin.helper.server import THREADS
from certlogin.helper.tokens.filetoken import FileToken
from certlogin.wire.b64 import decode, encode
from tests.companions import allows
from tests.factory import NOW
from tests.helper.world import (
    OTHER_SITE,
    PATIENCE,
    PIN,
    WAIT,
    Page,
    Person,
    Reply,
    World,
    login_message,
    origin_of,
    read_reply,
    receive_all,
    running,
)


class _Call:
    """A login that waits for its window in the background."""

    def __init__(self, page: Page, certificate: bytes) -> None:
        world = page.world
        body = json.dumps(login_message(sha256(certificate).hexdigest())).encode()
        world.person.opened.clear()
        self.socket = world.connect()
        self.socket.sendall(world.bytes_of("POST", "/v1/login", page.headers(), body))
        assert world.person.opened.wait(PATIENCE)

    def reply(self) -> Reply:
        return read_reply(receive_all(self.socket))


@contextmanager
def _waiting(world: World) -> Iterator[tuple[Page, _Call, bytes]]:
    """A page whose login stands before an open PIN window."""
    certificate = world.make_certificate(world.make_token())
    page = world.page()
    page.pair(Choice.NOT_OK)
    world.person.pins.append(WAIT)
    call = _Call(page, certificate)
    try:
        yield page, call, certificate
    finally:
        call.socket.close()


def test_threat_16_while_a_window_is_open_every_other_one_is_busy(world: World) -> None:
    with _waiting(world) as (page, call, certificate):
        digest = sha256(certificate).hexdigest()
        other = world.page(OTHER_SITE)
        asked = len(world.person.asked)
        for reply in (page.login(digest), page.enroll(world.tokens[0]), other.post("pair", {"purpose": "login"})):
            assert (reply.status, reply.code, reply.facts) == (409, "busy", {"retry_after": 0})
        # What needs no window is answered.
        assert page.certificates().status == 200
        assert len(world.person.asked) == asked
        page.post("cancel")
        assert call.reply().code == "user_cancelled"
    # A busy pairing was not counted: three more windows may open.
    for number in range(2):
        assert world.page(f"https://www.site{number}.cn").pair(Choice.NOT_OK).status == 200


def test_threat_16_companion_without_the_one_prompt_windows_pile_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Prompts.open

    def forgetful(self: Prompts, origin: object, gone: object) -> object:
        self._open = None
        return original(self, origin, gone)  # type: ignore[arg-type]

    monkeypatch.setattr(Prompts, "open", forgetful)
    with _waiting(world) as (page, _, certificate):
        before = len(world.person.asked)
        assert page.login(sha256(certificate).hexdigest()).code == "user_cancelled"
        assert len(world.person.asked) == before + 1


def test_a_page_withdraws_its_own_window(world: World) -> None:
    with _waiting(world) as (page, call, _):
        assert page.post("cancel").json == {"cancelled": True}
        reply = call.reply()
        assert (reply.code, reply.facts, reply.json["error"]["retryable"]) == ("user_cancelled", {"by": "page"}, True)
        assert page.post("cancel").json == {"cancelled": False}
    assert world.tokens[0].state().tries_left == 6


def test_another_site_cannot_withdraw_it(world: World) -> None:
    with _waiting(world) as (page, call, _):
        other = Page(world, OTHER_SITE)
        other.token = encode(world.service.pairings.pair(origin_of(OTHER_SITE), Mode.ALWAYS))
        assert other.post("cancel").json == {"cancelled": False}
        page.post("cancel")
        assert call.reply().code == "user_cancelled"


def test_a_page_that_withdraws_is_not_a_user_who_refuses(world: World) -> None:
    for _ in range(4):
        with _waiting(world) as (page, call, certificate):
            page.post("cancel")
            assert call.reply().code == "user_cancelled"
            world.clock.advance(3600.0)
    world.person.pins.append(PIN)
    assert page.login(sha256(certificate).hexdigest()).status == 200


@pytest.mark.parametrize("reset", [False, True])
def test_a_page_that_hangs_up_takes_its_window_along(tmp_path: Path, reset: bool) -> None:
    with (
        running(tmp_path, limits=LimitSettings(requests_per_minute=10**6)) as world,
        _waiting(world) as (page, call, der),
    ):
        if reset:
            call.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01" + bytes(7))
        call.socket.close()
        # No second has passed on the helper's clock: it is the hang-up that closes the window.
        assert world.person.closed.wait(PATIENCE)
        world.person.pins.append(PIN)
        reply = page.login(sha256(der).hexdigest())
        while reply.status == 409:
            reply = page.login(sha256(der).hexdigest())
        assert reply.status == 200


def test_a_window_that_nobody_answers_ends_after_120_seconds(world: World) -> None:
    with _waiting(world) as (_, call, _):
        world.clock.advance(119.0)
        assert world.service.prompts._open is not None
        world.clock.advance(1.0)
        reply = call.reply()
        assert (reply.status, reply.code, reply.json["error"]["retryable"]) == (410, "expired", True)


@allows
def test_s17_a_wrong_wall_clock_ends_no_window_and_is_only_mentioned(world: World) -> None:
    with _waiting(world) as (page, call, certificate):
        world.wall.moment = NOW + timedelta(days=4000)
        page.post("cancel")
        # Not `expired`.
        assert call.reply().code == "user_cancelled"
    world.person.pins.append(PIN)
    answer = page.login(sha256(certificate).hexdigest()).json
    assert json.loads(decode(answer["payload"]))["iat"] == int(world.wall.moment.timestamp())


def test_the_end_of_the_helper_closes_window_and_connection(world: World) -> None:
    with _waiting(world) as (_, call, _):
        world.server.stop()
        assert call.reply().facts == {"by": "page"}
        with pytest.raises(ConnectionRefusedError):
            world.connect()


def test_what_is_withdrawn_while_the_pin_is_tried_is_not_signed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = world.make_certificate(world.make_token())
    page = world.page()
    page.pair(Choice.NOT_OK)
    original = FileToken.unlock

    def slow(self: FileToken, pin: bytearray) -> object:
        assert page.post("cancel").json == {"cancelled": True}
        return original(self, pin)

    monkeypatch.setattr(FileToken, "unlock", slow)
    world.person.pins.append(PIN)
    reply = page.login(sha256(certificate).hexdigest())
    assert (reply.code, reply.facts) == ("user_cancelled", {"by": "page"})
    assert "signature" not in reply.json


def test_a_site_holds_at_most_four_connections(world: World) -> None:
    page = world.page()
    page.pair(Choice.NOT_OK)
    whole = world.bytes_of("POST", "/v1/cancel", page.headers(), b"{}")
    slow = [world.connect() for _ in range(4)]
    for one in slow:
        one.sendall(whole[:-2])
    # They are counted when their head has been read: until then a fifth is let in.
    replies = [page.post("cancel")]
    while replies[-1].status == 200:
        replies.append(page.post("cancel"))
    assert (replies[-1].status, replies[-1].code, replies[-1].facts) == (429, "busy", {"retry_after": 1})
    other = world.page(OTHER_SITE)
    assert other.pair(Choice.NOT_OK).status == 200
    for one in slow:
        one.sendall(whole[-2:])
        assert read_reply(receive_all(one)).status == 200
        one.close()
    assert page.post("cancel").status == 200


def test_more_callers_than_threads_wait_for_their_turn(world: World) -> None:
    idle = [world.connect() for _ in range(THREADS + 8)]
    heard: list[int] = []
    asking = threading.Thread(target=lambda: heard.append(world.request("GET", "/v1/hello", {}).status))
    asking.start()
    for one in idle:
        one.close()
    asking.join(PATIENCE)
    assert heard == [200]


@pytest.mark.parametrize("told", [True, False])
def test_a_hang_up_is_noticed_on_every_system(monkeypatch: pytest.MonkeyPatch, told: bool) -> None:
    if not told:
        monkeypatch.delattr("select.POLLRDHUP", raising=False)
    helper, page = socket.socketpair()
    with helper:
        connection = Connection(helper, lambda: 0.0)
        assert not connection.gone()
        page.close()
        assert connection.gone()


def test_one_after_another_is_fine() -> None:
    prompts = Prompts(Person, lambda: 0.0, 120)
    for _ in range(2):
        with prompts.open(origin_of(OTHER_SITE), lambda: False) as prompt:
            prompt.check()
    assert not prompts.withdraw(None)
