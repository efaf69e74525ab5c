"""The messages of the helper protocol: whole or refused, and never one with a PIN (10)."""

from collections.abc import Callable
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.wire.bad_request import BadRequest
from certlogin.wire.helper import (
    ANSWER_DEPTH,
    BODY_LIMIT,
    REQUEST_DEPTH,
    CancelAnswer,
    CancelRequest,
    CertificatesAnswer,
    CertificatesRequest,
    EnrollAnswer,
    EnrollRequest,
    HeldCertificate,
    Hello,
    InstallAnswer,
    InstallRequest,
    LoginAnswer,
    LoginRequest,
    PairAnswer,
    PairRequest,
    TokenReport,
    error_object,
    helper_proof_bytes,
)
from certlogin.wire.json import JsonObject, read_object, write_object
from certlogin.wire.payload import Purpose
from tests.companions import without


class _Message(Protocol):
    def to_object(self) -> JsonObject: ...


_HASH = "ab" * 32
_REQUESTS: list[_Message] = [
    PairRequest(Purpose.LOGIN),
    CertificatesRequest(bytes(32)),
    LoginRequest(Purpose.LOGIN, "u-1", "测试单位", "nonce", ("ES256", "RS256"), "sid", _HASH),
    EnrollRequest("u-1", "", "nonce", "F0123456789AB", "P-256"),
    InstallRequest("00ff00ff00ff00ff", b"certificate", (b"ca",)),
    CancelRequest(),
]
_ANSWERS: list[_Message] = [
    Hello("1.5.1.0", "linux", "x86_64"),
    PairAnswer(bytes(32), b"key", "once"),
    CertificatesAnswer(
        bytes(64),
        (
            TokenReport("F01", "FILE", "介质", ("P-256",), 6, False, True, (HeldCertificate(b"c", (b"ca",)),)),
            TokenReport("F02", "FILE", "介质", (), None, True, False, ()),
        ),
    ),
    LoginAnswer(b"{}", b"signature", b"certificate", (b"ca", b"root"), 6),
    LoginAnswer(b"{}", b"signature", b"certificate", (), None),
    EnrollAnswer(b"request", "00ff00ff00ff00ff"),
    InstallAnswer(_HASH),
    CancelAnswer(True),
]


def _parse(message: _Message) -> Callable[[JsonObject], _Message]:
    kind: Any = type(message)
    parse: Callable[[JsonObject], _Message] = kind.parse
    return parse


def _name(message: _Message) -> str:
    return type(message).__name__


@pytest.mark.parametrize("message", _REQUESTS, ids=_name)
def test_a_request_travels_unchanged_within_the_limits(message: _Message) -> None:
    assert _parse(message)(read_object(write_object(message.to_object()), BODY_LIMIT, REQUEST_DEPTH)) == message


@pytest.mark.parametrize("message", _ANSWERS, ids=_name)
def test_an_answer_travels_unchanged(message: _Message) -> None:
    assert _parse(message)(read_object(write_object(message.to_object()), 10**6, ANSWER_DEPTH)) == message


@pytest.mark.parametrize("message", [*_REQUESTS, *_ANSWERS], ids=_name)
@pytest.mark.parametrize("extra", ["pin", "PIN", "hash", "origin"])
def test_threat_10_no_message_has_room_for_a_pin(message: _Message, extra: str) -> None:
    with pytest.raises(BadRequest) as caught:
        _parse(message)({**message.to_object(), extra: "123456"})
    assert (caught.value.reason, caught.value.member) == ("unknown_member", extra)
    assert "123456" not in str(caught.value)


@pytest.mark.parametrize("message", [*_REQUESTS, *_ANSWERS], ids=_name)
def test_every_member_is_needed_and_of_its_own_kind(message: _Message) -> None:
    whole = message.to_object()
    for member in whole:
        less = {name: value for name, value in whole.items() if name != member}
        with pytest.raises(BadRequest) as caught:
            _parse(message)(less)
        assert (caught.value.reason, caught.value.member) == ("missing_member", member)
        with pytest.raises(BadRequest):
            _parse(message)({**less, member: {"x": 1}})


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        (_REQUESTS[0], {"purpose": "bind"}),
        (_REQUESTS[1], {"challenge": "AAAA"}),
        (_REQUESTS[2], {"purpose": "agree"}),
        (_REQUESTS[2], {"nonce": "has space"}),
        (_REQUESTS[2], {"algorithms": ["a"] * 9}),
        (_REQUESTS[2], {"unit": ""}),
        (_REQUESTS[2], {"unit_name": "a\u0007"}),
        (_REQUESTS[2], {"certificate_sha256": _HASH.upper()}),
        (_REQUESTS[3], {"nonce": "n" * 256}),
        (_REQUESTS[3], {"token_serial": "../x"}),
        (_REQUESTS[3], {"key_type": "P_256"}),
        (_REQUESTS[4], {"chain": ["AA"] * 7}),
        (_ANSWERS[0], {"product": "another"}),
        (_ANSWERS[0], {"version": "1.0"}),
        (_ANSWERS[0], {"protocols": [2]}),
        (_ANSWERS[0], {"protocols": [True]}),
        (_ANSWERS[1], {"mode": "granted"}),
        (_ANSWERS[2], {"helper_proof": "AA"}),
    ],
)
def test_values_beyond_their_bounds_are_refused(message: _Message, changes: JsonObject) -> None:
    with pytest.raises(BadRequest) as caught:
        _parse(message)({**message.to_object(), **changes})
    assert caught.value.member in changes


@without({"certlogin.wire.helper.exact_members": lambda *_: None}, sees="a member that nobody read")
@given(st.sampled_from(_REQUESTS), st.dictionaries(st.text("apin", max_size=3), st.integers(0, 9), max_size=2))
def test_s19_a_request_is_read_to_its_last_member_or_refused(message: _Message, more: dict[str, int]) -> None:
    data = write_object({**message.to_object(), **more})
    try:
        read = _parse(message)(read_object(data, BODY_LIMIT, REQUEST_DEPTH))
    except BadRequest:
        return
    assert read_object(data, BODY_LIMIT) == read.to_object(), "a member that nobody read"


@given(st.sampled_from(_REQUESTS), st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(message: _Message, data: bytes) -> None:
    try:
        read = _parse(message)(read_object(data, BODY_LIMIT, REQUEST_DEPTH))
    except BadRequest:
        return
    assert read_object(data, BODY_LIMIT) == read.to_object()


def test_a_later_helper_that_still_speaks_version_1_is_understood() -> None:
    later: JsonObject = {**Hello("2.0.0.0", "linux", "x86_64").to_object(), "protocols": [1, 2]}
    assert Hello.parse(later).version == "2.0.0.0"


def test_the_helper_proof_names_its_use_and_the_origin() -> None:
    assert helper_proof_bytes("https://a.cn", b"\x01\x02") == b"CERTLOGIN-HELPER-V1\x00https://a.cn\x00\x01\x02"


def test_a_refusal_carries_code_and_facts() -> None:
    found = error_object("pin_wrong", retryable=True, facts={"tries_left": 2})
    assert found == {"error": {"code": "pin_wrong", "retryable": True, "tries_left": 2}}
