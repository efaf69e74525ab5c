"""S19 over the wire: a payload or a message that two readers could read differently is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from certlogin.wire.b64 import encode
from certlogin.wire.json import read_object
from certlogin.wire.payload import Purpose, signed_bytes
from tests.companions import without
from tests.factory import Issued, sign
from tests.gate.browser import Browser, decoded
from tests.gate.test_proofs import refused
from tests.gate.undefended_proof import RELEASED, UNCOMPARED

JSON = {"origin": "https://survey.example.cn", "content-type": "application/json"}
BOM = b"\xef\xbb\xbf"


def as_it_stands(value: Any, member: str, *_: object) -> Any:
    return value[member]


def past_the_mark(data: bytes, limit: int, depth: int) -> Any:
    return read_object(data.removeprefix(BOM), limit, depth)


def raw(mine: Browser, issued: Issued, payload: bytes) -> str:
    proof = mine.sign(issued, mine.challenge())
    signature = encode(sign(issued.key, signed_bytes(payload, Purpose.LOGIN)))
    return refused(mine, proof | {"payload": encode(payload), "signature": signature})


#: The reader of the standard library, which takes floats, NaN and the last of two members.
LAX = {"certlogin.wire.json._DECODER": json.JSONDecoder()}
ANY_NUMBER = {"certlogin.wire.payload.integer": as_it_stands}
ANY_MEMBER = {"certlogin.wire.payload.exact_members": lambda *_: None}
ANY_LENGTH = {"certlogin.wire.browser.PAYLOAD_LIMIT": 1 << 16, "certlogin.wire.payload.PAYLOAD_LIMIT": 1 << 16}

#: What is done to a payload, and a reader that does not mind.
PAYLOADS: dict[str, tuple[Callable[[str], str], dict[str, Any]]] = {
    "true for 1": (lambda text: text.replace('"v":1', '"v":true'), ANY_NUMBER),
    "float": (lambda text: text.replace('"v":1', '"v":1.0'), {**LAX, **ANY_NUMBER}),
    "NaN": (lambda text: text.replace('"v":1', '"v":NaN'), {**LAX, **ANY_NUMBER}),
    "doubled": (lambda text: text.replace('"v":1', '"v":1,"v":1'), LAX),
    "unknown": (lambda text: text.replace('"v":1', '"v":1,"pin":"123456"'), ANY_MEMBER),
    "BOM": (lambda text: "\ufeff" + text, {"certlogin.wire.payload.read_object": past_the_mark}),
    "too long": (lambda text: text + " " * 4096, ANY_LENGTH),
    "uv": (lambda text: text.replace('"uv":"pin"', '"uv":"none"'), {"certlogin.wire.payload.matching": as_it_stands}),
    "surrogate": (
        lambda text: text.replace('"unit":"U1"', '"unit":"\\ud800"'),
        {"certlogin.wire.json._whole_characters": lambda *_: None, **UNCOMPARED},
    ),
}
#: The same for the message around it.
MESSAGES: dict[str, tuple[Callable[[str], str], dict[str, Any]]] = {
    "doubled": (lambda text: text.replace("{", '{"attempt":"another",'), LAX),
    "unknown": (
        lambda text: text.replace("{", '{"unit":"U2",'),
        {"certlogin.wire.browser.exact_members": lambda *_: None},
    ),
    "BOM": (lambda text: "\ufeff" + text, {"certlogin.wire.browser.read_object": past_the_mark}),
}


@pytest.mark.parametrize(
    "change",
    [pytest.param(change, id=name, marks=without(lax, sees=RELEASED)) for name, (change, lax) in PAYLOADS.items()],
)
def test_s19_a_payload_that_is_not_exactly_ours_is_refused(
    mine: Browser, issued: Issued, change: Callable[[str], str]
) -> None:
    text = decoded(mine.sign(issued, mine.challenge())["payload"]).decode()
    assert raw(mine, issued, change(text).encode()) == "bad_request"


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: "[]"], ids=["cut", "array"])
def test_a_payload_that_is_no_object_is_refused(mine: Browser, issued: Issued, change: Callable[[str], str]) -> None:
    text = decoded(mine.sign(issued, mine.challenge())["payload"]).decode()
    assert raw(mine, issued, change(text).encode()) == "bad_request"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"null", 400, "bad_request"),
        (b'{"attempt": 1}', 400, "bad_request"),
        (b'{"attempt": "x", "attempt": "x"}', 400, "bad_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b"[" * 10000, 400, "bad_request"),
        (b" " * (64 * 1024 + 1), 413, "body_too_large"),
    ],
)
def test_a_message_that_is_not_ours_is_refused(mine: Browser, body: bytes, status: int, code: str) -> None:
    for name in ("report", "challenge", "proof", "enrol", "enrol/installed", "leave", "skip"):
        answer = mine.request("POST", f"/certlogin/api/{name}", JSON, body)
        assert (answer.status, json.loads(answer.body)["code"]) == (status, code), name


@pytest.mark.parametrize(
    "change",
    [pytest.param(change, id=name, marks=without(lax, sees=RELEASED)) for name, (change, lax) in MESSAGES.items()],
)
def test_s19_a_message_that_is_read_in_two_ways_does_nothing(
    mine: Browser, issued: Issued, change: Callable[[str], str]
) -> None:
    message = {"attempt": mine.attempt_id(), **mine.sign(issued, mine.challenge())}
    answer = mine.request("POST", "/certlogin/api/proof", JSON, change(json.dumps(message)).encode())
    assert answer.status == 400, answer.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_call_of_another_content_type_is_refused(mine: Browser, kind: str) -> None:
    answer = mine.post_json("/certlogin/api/leave", {"attempt": mine.attempt_id()}, content_type=kind)
    assert (answer.status, json.loads(answer.body)["code"]) == (415, "wrong_content_type")
