"""What is said over the CA's socket: one JSON object each way, for `server.py` and `client.py`.

A reader takes exactly what its writer makes (S19's rules: duplicate, unknown and missing members are refused).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from certlogin.ca.base import IssuedCertificate
from certlogin.records.unit import UnitId
from certlogin.wire.b64 import encode
from certlogin.wire.json import (
    JsonObject,
    JsonValue,
    b64url,
    b64url_list,
    boolean,
    exact_members,
    integer,
    matching,
    read_object,
    text,
    write_object,
)

#: Octets of a message: a request of 16 KiB or a chain of certificates fits.
QUESTION_MAX: Final = 64 * 1024
ANSWER_MAX: Final = 192 * 1024
REASON_MAX: Final = 1000

_VERSION: Final = 1
_TEXT_MAX: Final = 256
#: More than `read_request` takes, so that the CA itself says what is wrong.
_REQUEST_MAX: Final = 32 * 1024
_SHA256: Final = "[0-9a-f]{64}"
_SERIAL: Final = "[1-9a-f][0-9a-f]{0,39}"
_WORD: Final = "[a-z0-9_]{1,64}"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class IssueQuestion:
    """Of the unit only what the CA compares: name and tags are its own affair."""

    unit_id: UnitId
    unit_code: str
    request: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RevokeQuestion:
    issuer_sha256: str
    serial: str
    reason: str
    allow_reissue: bool


@dataclass(frozen=True, slots=True)
class Revoked:
    pass


@dataclass(frozen=True, slots=True)
class Refused:
    """The CA judged and refuses: `RequestRefused`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no judgement: `Unavailable`."""

    reason: str


Question: TypeAlias = IssueQuestion | RevokeQuestion
Answer: TypeAlias = IssuedCertificate | Revoked | Refused | Failed


def write_question(question: Question) -> bytes:
    if isinstance(question, IssueQuestion):
        return _write("issue", unit_id=question.unit_id, unit_code=question.unit_code, request=encode(question.request))
    return _write(
        "revoke",
        issuer_sha256=question.issuer_sha256,
        serial=question.serial,
        reason=question.reason,
        allow_reissue=question.allow_reissue,
    )


def read_question(data: bytes) -> Question:
    """Raises BadRequest."""
    value = read_object(data, QUESTION_MAX)
    if _kind(value, "issue|revoke") == "issue":
        exact_members(value, ("v", "kind", "unit_id", "unit_code", "request"))
        unit_code = text(value, "unit_code", _TEXT_MAX, empty=True)
        return IssueQuestion(
            UnitId(text(value, "unit_id", _TEXT_MAX)), unit_code, b64url(value, "request", _REQUEST_MAX)
        )
    exact_members(value, ("v", "kind", "issuer_sha256", "serial", "reason", "allow_reissue"))
    return RevokeQuestion(
        issuer_sha256=matching(value, "issuer_sha256", _SHA256),
        serial=matching(value, "serial", _SERIAL),
        reason=text(value, "reason", REASON_MAX, empty=True),
        allow_reissue=boolean(value, "allow_reissue"),
    )


def write_answer(answer: Answer) -> bytes:
    match answer:
        case IssuedCertificate(certificate, chain, applied_on):
            return _write(
                "issued",
                certificate=encode(certificate),
                chain=[encode(one) for one in chain],
                applied_on=(applied_on - _EPOCH) // _MICROSECOND,
            )
        case Revoked():
            return _write("revoked")
        case Refused(reason):
            return _write("refused", reason=reason)
        case Failed(reason):
            return _write("failed", reason=reason)


def read_answer(data: bytes) -> Answer:
    """Raises BadRequest."""
    value = read_object(data, ANSWER_MAX)
    kind = _kind(value, "issued|revoked|refused|failed")
    if kind == "issued":
        return _read_issued(value)
    if kind == "revoked":
        exact_members(value, ("v", "kind"))
        return Revoked()
    exact_members(value, ("v", "kind", "reason"))
    reason = matching(value, "reason", _WORD)
    return Refused(reason) if kind == "refused" else Failed(reason)


def _read_issued(value: JsonObject) -> IssuedCertificate:
    exact_members(value, ("v", "kind", "certificate", "chain", "applied_on"))
    # The largest integer of the wire is in the year 2255.
    applied_on = _EPOCH + integer(value, "applied_on") * _MICROSECOND
    return IssuedCertificate(b64url(value, "certificate", 16384), b64url_list(value, "chain"), applied_on)


def _kind(value: JsonObject, kinds: str) -> str:
    integer(value, "v", _VERSION, _VERSION)
    return matching(value, "kind", kinds)


def _write(kind: str, **members: JsonValue) -> bytes:
    return write_object({"v": _VERSION, "kind": kind, **members})
