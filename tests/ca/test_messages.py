"""The messages of the CA's socket: what is written is read, and nothing else is."""

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.ca.base import IssuedCertificate
from certlogin.ca.messages import (
    ANSWER_MAX,
    QUESTION_MAX,
    Answer,
    Failed,
    IssueQuestion,
    Question,
    Refused,
    Revoked,
    RevokeQuestion,
    read_answer,
    read_question,
    write_answer,
    write_question,
)
from certlogin.records.unit import UnitId
from certlogin.wire.bad_request import BadRequest
from tests.companions import without

ISSUE = IssueQuestion(UnitId("u-1"), "91110000600037341L", b"request")
REVOKE = RevokeQuestion("0" * 64, "1f", "lost", True)
ISSUED = IssuedCertificate(b"leaf", (b"issuing",), datetime(2026, 3, 2, 8, 0, 0, 123456, tzinfo=UTC))
QUESTIONS: list[Question] = [ISSUE, REVOKE]
ANSWERS: list[Answer] = [ISSUED, Revoked(), Refused("already_issued"), Failed("internal")]

plain_text = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=200)
octets = st.binary(min_size=1, max_size=200)
questions = st.builds(
    IssueQuestion, plain_text, plain_text | st.just(""), st.binary(min_size=1, max_size=200)
) | st.builds(
    RevokeQuestion,
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.integers(1, 2**159).map("{:x}".format),
    plain_text,
    st.booleans(),
)
answers = (
    st.builds(
        IssuedCertificate,
        octets,
        st.lists(octets, max_size=6).map(tuple),
        st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    )
    | st.builds(Refused, st.from_regex("[a-z0-9_]{1,64}", fullmatch=True))
    | st.builds(Failed, st.from_regex("[a-z0-9_]{1,64}", fullmatch=True))
)


@given(questions)
def test_a_question_is_read_as_it_was_asked(question: Question) -> None:
    assert read_question(write_question(question)) == question


@given(answers)
def test_an_answer_is_read_as_it_was_given(answer: Answer) -> None:
    assert read_answer(write_answer(answer)) == answer


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_cut_anywhere_or_with_more_behind_it_is_none(question: Question) -> None:
    whole = write_question(question)
    for end in range(len(whole)):
        with pytest.raises(BadRequest):
            read_question(whole[:end])
    for more in (b"x", whole):
        with pytest.raises(BadRequest):
            read_question(whole + more)


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_cut_anywhere_is_none(answer: Answer) -> None:
    whole = write_answer(answer)
    for end in range(len(whole)):
        with pytest.raises(BadRequest):
            read_answer(whole[:end])


@without({"certlogin.ca.messages.read_object": lambda data, limit: json.loads(write_question(ISSUE))})
@given(octets | st.just(b"") | st.recursive(st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode))
def test_s19_garbage_is_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(BadRequest):
        read_question(data)
    with pytest.raises(BadRequest):
        read_answer(data)


def as_it_stands(value: dict[str, Any], name: str, *_: object, **__: object) -> Any:
    return value.get(name)


def some_octets(text: object) -> bytes:
    padded = str(text).encode() + b"==="
    return urlsafe_b64decode(padded) if len(padded) > 4 else b""


def some_number(text: object) -> int:
    return text if isinstance(text, int) else 0


LENIENT = {
    "certlogin.ca.messages.exact_members": lambda *_: None,
    "certlogin.ca.messages.integer": lambda value, name, *_: some_number(value.get(name)),
    "certlogin.ca.messages.b64url": lambda value, name, *_: some_octets(value.get(name)),
    "certlogin.ca.messages.b64url_list": lambda value, name: tuple(map(some_octets, value[name])),
    **{f"certlogin.ca.messages.{reader}": as_it_stands for reader in ("boolean", "matching", "text")},
}


def changed(message: bytes, **members: object) -> bytes:
    """`None`: without that member."""
    value = json.loads(message) | members
    return json.dumps({name: content for name, content in value.items() if content is not None}).encode()


@without(LENIENT)
@pytest.mark.parametrize(
    ("question", "members"),
    [
        (ISSUE, {"v": 2}),
        (ISSUE, {"v": True}),
        (ISSUE, {"kind": "issued"}),
        (ISSUE, {"kind": None}),
        (ISSUE, {"ca": True}),
        (ISSUE, {"request": None}),
        (ISSUE, {"request": ""}),
        (ISSUE, {"request": "cmVxdWVzdB"}),
        (ISSUE, {"request": "A" * 44000}),
        (ISSUE, {"unit_id": ""}),
        (ISSUE, {"unit_id": 1}),
        (ISSUE, {"unit_id": "u\n1"}),
        (ISSUE, {"unit_id": "u" * 257}),
        (ISSUE, {"unit_code": ["x"]}),
        (REVOKE, {"serial": "0"}),
        (REVOKE, {"serial": "1F"}),
        (REVOKE, {"serial": "1" * 41}),
        (REVOKE, {"issuer_sha256": "0" * 63}),
        (REVOKE, {"allow_reissue": 1}),
        (REVOKE, {"reason": "x" * 1001}),
        (REVOKE, {"request": "eA"}),
    ],
)
def test_s19_one_wrong_member_spoils_a_question(question: Question, members: dict[str, object]) -> None:
    message = write_question(question)
    assert read_question(changed(message)) == question
    with pytest.raises(BadRequest):
        read_question(changed(message, **members))


@without(LENIENT)
@pytest.mark.parametrize(
    ("answer", "members"),
    [
        (ISSUED, {"chain": "eA"}),
        (ISSUED, {"chain": ["eA"] * 7}),
        (ISSUED, {"applied_on": -1}),
        (ISSUED, {"applied_on": "2026-03-02"}),
        (ISSUED, {"reason": "x"}),
        (Revoked(), {"reason": "x"}),
        (Refused("x"), {"reason": "Not A Word"}),
        (Failed("x"), {"reason": "x" * 65}),
    ],
)
def test_s19_one_wrong_member_spoils_an_answer(answer: Answer, members: dict[str, object]) -> None:
    message = write_answer(answer)
    assert read_answer(changed(message)) == answer
    with pytest.raises(BadRequest):
        read_answer(changed(message, **members))


@without({"certlogin.ca.messages.read_object": lambda data, limit: json.loads(data)})
def test_s19_a_member_that_occurs_twice_is_refused() -> None:
    message = write_question(ISSUE)
    with pytest.raises(BadRequest, match="duplicate_member"):
        read_question(message[:-1] + b',"unit_id":"u-2"}')


def test_messages_have_a_size() -> None:
    with pytest.raises(BadRequest, match="too_long"):
        read_question(b" " * QUESTION_MAX + write_question(ISSUE))
    with pytest.raises(BadRequest, match="too_long"):
        read_answer(b" " * ANSWER_MAX + write_answer(ISSUED))


def test_the_largest_issued_answer_fits() -> None:
    largest = IssuedCertificate(bytes(16384), (bytes(16384),) * 6, ISSUED.applied_on)
    assert read_answer(write_answer(largest)) == largest


def test_a_question_in_the_log_shows_no_request() -> None:
    assert "request" not in repr(ISSUE)
