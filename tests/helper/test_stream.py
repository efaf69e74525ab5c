"""What stands on the wire: odd heads, lengths, cut and slow requests, callers that are gone (18)."""

import contextlib
import json
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certlogin.helper import checks, exchange
from certlogin.helper.caller import Caller
from certlogin.helper.http import RequestHead
from certlogin.helper.origins import Origin
from certlogin.helper.pairing import Pairings
from certlogin.helper.refusals import NotPaired
from certlogin.helper.server import THREADS
from certlogin.wire.helper import BODY_LIMIT
from tests.helper.world import SITE, World, origin_of, read_reply, receive_all

_PAIR = b'{"purpose":"login"}'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET /v1/hello HTTP/1.0\r\n\r\n", "request_line"),
        (b"GET /v1/hello\r\n\r\n", "request_line"),
        (b"GET  /v1/hello HTTP/1.1\r\n\r\n", "request_line"),
        (b"GET /v1/hello HTTP/1.1 \r\n\r\n", "request_line"),
        (b"\r\nGET /v1/hello HTTP/1.1\r\n\r\n", "request_line"),
        (b"GET /v1/h\x00llo HTTP/1.1\r\n\r\n", "request_line"),
        (b"GET /v1/hello HTTP/1.1\r\nHost : x\r\n\r\n", "header_line"),
        (b"GET /v1/hello HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "header_line"),
        (b"GET /v1/hello HTTP/1.1\r\nHost: a\nOrigin: b\r\n\r\n", "header_line"),
        (b"GET /v1/hello HTTP/1.1\r\nHost: a\rb\r\n\r\n", "header_line"),
        (b"GET /v1/hello HTTP/1.1\r\nno colon\r\n\r\n", "header_line"),
        (b"POST /v1/pair HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "transfer_encoding"),
        (b"GET /v1/hello HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", "head_too_long"),
        (b"x" * 20000, "head_too_long"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n", "request_line"),
    ],
)
def test_threat_18_what_two_parsers_could_read_differently_is_refused(world: World, data: bytes, reason: str) -> None:
    reply = read_reply(world.raw(data))
    assert (reply.status, reply.code, reply.facts["reason"]) == (400, "bad_request", reason)


def test_threat_18_companion_a_lenient_reader_lets_odd_heads_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = world.bytes_of("GET", "/v1/hello", {}).replace(b"Host:", b"Host :").replace(b"Origin:", b"X: y\nOrigin:")
    assert read_reply(world.raw(odd)).facts["reason"] == "header_line"

    def lenient(data: bytes) -> RequestHead:
        first, *lines = data.decode("latin-1").splitlines()
        method, target, _ = first.split(" ")
        pairs = [line.partition(":") for line in lines]
        return RequestHead(method, target, tuple((name.strip().lower(), value.strip()) for name, _, value in pairs))

    monkeypatch.setattr(exchange, "parse_head", lenient)
    assert read_reply(world.raw(odd)).status == 200


@pytest.mark.parametrize("length", ["-1", "+1", "0x1", "1 1", "1,1", "", "1e1", "9" * 20, "１"])
def test_threat_18_a_length_that_is_no_number_is_refused(world: World, length: str) -> None:
    text = length.encode("utf-8").decode("latin-1")
    reply = world.request("POST", "/v1/pair", {"Content-Length": text}, _PAIR)
    assert (reply.code, reply.facts["reason"]) == ("bad_request", "content_length")


def test_threat_18_two_lengths_are_refused(world: World) -> None:
    data = world.bytes_of("POST", "/v1/pair", {}, _PAIR).replace(
        b"Content-Length", b"Content-Length: 5\r\nContent-Length"
    )
    assert read_reply(world.raw(data)).facts["reason"] == "content_length"


@pytest.mark.parametrize(
    ("length", "reason"), [(len(_PAIR) - 1, "unexpected_body"), (0, "unexpected_body"), (BODY_LIMIT + 1, "too_long")]
)
def test_threat_18_a_body_is_exactly_as_long_as_announced(world: World, length: int, reason: str) -> None:
    reply = world.request("POST", "/v1/pair", {"Content-Length": str(length)}, _PAIR)
    assert (reply.code, reply.facts["reason"]) == ("bad_request", reason)
    assert world.person.asked == []


def test_threat_18_a_second_request_on_the_connection_is_refused(world: World) -> None:
    hello = world.bytes_of("GET", "/v1/hello", {})
    reply = read_reply(world.raw(hello + hello))
    assert reply.facts["reason"] == "unexpected_body"


def test_a_body_at_the_limit_is_read(world: World) -> None:
    body = _PAIR + b" " * (BODY_LIMIT - len(_PAIR))
    assert world.request("POST", "/v1/pair", {}, body).code == "user_cancelled"


@pytest.mark.parametrize("cut", [1, 20, 80, -1])
def test_threat_18_a_request_that_is_cut_short_does_nothing(world: World, cut: int) -> None:
    with world.connect() as page:
        page.sendall(world.bytes_of("POST", "/v1/pair", {}, _PAIR)[:cut])
        page.shutdown(1)
        assert read_reply(receive_all(page)).facts["reason"] == "cut_short"
    assert world.person.asked == []


def test_threat_18_a_slow_request_is_given_up_after_five_seconds(world: World) -> None:
    with world.connect() as page:
        page.sendall(world.bytes_of("POST", "/v1/pair", {}, _PAIR)[:40])
        # Once when it is accepted, and once when its first octets are there.
        world.clock.advance(5.0, after_reads=2)
        assert read_reply(receive_all(page)).facts["reason"] == "too_slow"


def test_a_connection_without_a_request_is_closed_without_an_answer(world: World) -> None:
    with world.connect() as late:
        world.clock.advance(5.0, after_reads=1)
        assert receive_all(late) == b""
    with world.connect() as hung_up:
        hung_up.shutdown(1)
        assert receive_all(hung_up) == b""


_PIECES = st.sampled_from(
    [b"GET ", b"POST ", b"/v1/hello", b"/v1/pair", b" HTTP/1.1\r\n", b"Host: ", b"Origin: ", b"\r\n", b"\n", b"\x00",
     b"Content-Length: 19\r\n", b"X-Certlogin: 1\r\n", b"Content-Type: application/json\r\n", SITE.encode(), _PAIR,
     b"\xff"]
)  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(_PIECES | st.binary(max_size=20), max_size=14))
def test_threat_18_any_bytes_get_an_orderly_answer_or_none(world: World, pieces: list[bytes]) -> None:
    with world.connect() as page:
        page.sendall(b"".join(pieces))
        page.shutdown(1)
        answer = receive_all(page)
    if answer:
        assert json.loads(read_reply(answer).body)["error"]["code"] != "internal_error"
    assert world.request("GET", "/v1/hello", {}).status == 200
    assert world.person.asked == []


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 60_000])
def test_a_refused_request_is_read_on_so_that_its_answer_arrives(world: World, size: int) -> None:
    for path, code in (("/v1/pair", "bad_request"), ("/v1/nothing", "unsupported_protocol")):
        assert world.request("POST", path, {}, bytes(size)).code == code


def test_a_caller_that_is_gone_before_its_answer_harms_nobody(world: World) -> None:
    for _ in range(20):
        with world.connect() as page:
            page.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01" + bytes(7))
            page.sendall(world.bytes_of("GET", "/v1/hello", {}))
    assert world.request("GET", "/v1/hello", {}).status == 200


@pytest.mark.parametrize("failing", ["certlogin.helper.exchange.Exchange.answer", "certlogin.helper.server.Connection"])
def test_a_connection_that_fails_is_closed_and_the_next_is_served(world: World, failing: str) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise RuntimeError("secret")

    hello = world.bytes_of("GET", "/v1/hello", {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(failing, fail)
        # More often than there are threads: none is lost.
        for _ in range(THREADS + 1):
            with world.connect() as page, contextlib.suppress(ConnectionResetError):
                page.sendall(hello)
                assert receive_all(page) == b""
    assert world.request("GET", "/v1/hello", {}).status == 200


@pytest.mark.parametrize("call", [call for call in checks.Call if call is not checks.Call.PAIR])
def test_no_part_but_pairing_answers_without_a_token(world: World, call: checks.Call) -> None:
    caller = Caller(origin_of(SITE), lambda: False)
    with pytest.raises(NotPaired):
        world.service.answer(call, caller, None, b"{}")


@pytest.mark.parametrize("error", [ValueError("secret"), OSError("secret"), RuntimeError("secret")])
def test_what_goes_wrong_inside_is_not_told_to_the_page(
    world: World, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Pairings, origin: Origin) -> None:
        raise error

    monkeypatch.setattr(Pairings, "check_not_blocked", fail)
    reply = world.request("GET", "/v1/hello", {})
    assert (reply.status, reply.json) == (500, {"error": {"code": "internal_error", "retryable": False}})
