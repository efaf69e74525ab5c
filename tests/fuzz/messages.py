"""JSON messages of every direction, and the payload that is signed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from certlogin.ca import messages as ca
from certlogin.ca.base import IssuedCertificate
from certlogin.helper import pairing
from certlogin.records.unit import UnitId
from certlogin.wire import agreement, browser, helper
from certlogin.wire.json import read_object, write_object
from certlogin.wire.payload import PAYLOAD_LIMIT, Purpose, SignedPayload
from tests.fuzz.target import Target

_HASH = "ab" * 32
_OCTETS = "AAECAw"
_ATTEMPT = "AbC_-0123456789z"


def _seed(**members: object) -> bytes:
    return json.dumps(members, ensure_ascii=False).encode()


def _read_proof(data: bytes) -> object:
    return browser.open_envelope(browser.read_envelope(data))


_BROWSER: tuple[tuple[Any, ...], ...] = (
    (browser.read_report, _seed(attempt=_ATTEMPT, state="ready", version="1.5.10.0", os="linux", arch="x86_64")),
    (browser.read_challenge_wanted, _seed(attempt=_ATTEMPT, purpose="login")),
    (_read_proof, _seed(
        attempt=_ATTEMPT, format="native", payload=_OCTETS, signature=_OCTETS, certificate=_OCTETS, chain=[_OCTETS]),
     _seed(
        attempt=_ATTEMPT, format="text", challenge="a.1.b", algorithm="ES256", signature=_OCTETS, certificate=_OCTETS,
        chain=[_OCTETS]),
     _seed(attempt=_ATTEMPT, format="cms", challenge="a.1.b", signature=_OCTETS, certificate=None, chain=[_OCTETS]),
     _seed(attempt=_ATTEMPT, format="web-eid", challenge="a.1.b", token="{}")),
    (browser.read_enrol, _seed(attempt=_ATTEMPT, request=_OCTETS)),
    (browser.read_installed, _seed(attempt=_ATTEMPT, certificate_sha256=_HASH)),
    (browser.read_leave, _seed(attempt=_ATTEMPT)),
)  # fmt: skip

_HELD = helper.HeldCertificate(b"leaf", (b"ca",))
#: Each message of the helper's protocol, and how deep it may nest.
_HELPER: tuple[tuple[Any, int], ...] = (
    (helper.PairRequest(Purpose.LOGIN), helper.REQUEST_DEPTH),
    (helper.CertificatesRequest(bytes(32)), helper.REQUEST_DEPTH),
    (helper.LoginRequest(Purpose.LOGIN, "u-1", "单位", "nonce", ("ES256",), "sid", _HASH), helper.REQUEST_DEPTH),
    (agreement.AgreeRequest("u-1", "单位", "nonce", ("ES256",), "sid", _HASH, "一\n二", "1"), helper.REQUEST_DEPTH),
    (helper.EnrollRequest("u-1", "", "nonce", "F0123456789AB", "P-256"), helper.REQUEST_DEPTH),
    (helper.InstallRequest("00ff00ff00ff00ff", b"leaf", (b"ca",)), helper.REQUEST_DEPTH),
    (helper.CancelRequest(), helper.REQUEST_DEPTH),
    (helper.Hello("1.5.1.0", "linux", "x86_64"), helper.ANSWER_DEPTH),
    (helper.PairAnswer(bytes(32), b"key", "once"), helper.ANSWER_DEPTH),
    (helper.CertificatesAnswer(
        bytes(64), (helper.TokenReport("F01", "FILE", "介质", ("P-256",), 6, False, True, (_HELD,)),)
    ), helper.ANSWER_DEPTH),
    (helper.LoginAnswer(b"{}", b"signature", b"leaf", (b"ca",), 6), helper.ANSWER_DEPTH),
    (helper.EnrollAnswer(b"request", "00ff00ff00ff00ff"), helper.ANSWER_DEPTH),
    (helper.InstallAnswer(_HASH), helper.ANSWER_DEPTH),
    (helper.CancelAnswer(True), helper.ANSWER_DEPTH),
)  # fmt: skip

_PAYLOAD = SignedPayload(
    purpose=Purpose.LOGIN, origin="https://survey.example.cn", unit="U1", nonce="nonce", iat=1, cert_sha256=_HASH,
    alg="ES256", sid="sid", helper="1.0.0.0",
)  # fmt: skip

_AGREEMENT = agreement.AgreementPayload(
    origin="https://survey.example.cn", unit="U1", nonce="nonce", iat=1, cert_sha256=_HASH, alg="ES256", sid="sid",
    helper="1.0.0.0", text_sha256=_HASH, text_version="1",
)  # fmt: skip

_QUESTIONS: tuple[ca.Question, ...] = (
    ca.IssueQuestion(UnitId("u-1"), "91110000600037341L", b"request"),
    ca.RevokeQuestion("0" * 64, "1f", "lost", True),
)
_ANSWERS: tuple[ca.Answer, ...] = (
    IssuedCertificate(b"leaf", (b"issuing",), datetime(2026, 3, 2, 8, tzinfo=UTC)),
    ca.Revoked(),
    ca.Refused("already_issued"),
    ca.Failed("internal"),
)


def _helper_reader(message: Any, depth: int) -> Callable[[bytes], None]:
    """What is read is written again as it stood, member by member."""

    def read(data: bytes) -> None:
        value = read_object(data, 64 * 1024, depth)
        found = type(message).parse(value)
        assert type(message).parse(found.to_object()) == found

    return read


def _read_payload(data: bytes) -> None:
    found = SignedPayload.from_bytes(data)
    if len(data) < PAYLOAD_LIMIT:
        assert SignedPayload.from_bytes(found.to_bytes()) == found


def _read_agreement(data: bytes) -> None:
    found = agreement.AgreementPayload.from_bytes(data)
    if len(data) < PAYLOAD_LIMIT:
        assert agreement.AgreementPayload.from_bytes(found.to_bytes()) == found


def _read_json(data: bytes) -> None:
    """What passes has one meaning for every reader: the plainest one finds the same (S19)."""
    value = read_object(data, 64 * 1024)
    assert json.loads(data) == value
    assert read_object(write_object(value), 1 << 20) == value


def _read_question(data: bytes) -> None:
    found = ca.read_question(data)
    assert ca.read_question(ca.write_question(found)) == found


def _read_answer(data: bytes) -> None:
    found = ca.read_answer(data)
    assert ca.read_answer(ca.write_answer(found)) == found


MESSAGES = (
    Target("json", _read_json, (b'{"a":[1,true,null,"\\u4e2d",{"b":-5}]}',)),
    *(Target(f"browser.{read.__name__}", read, tuple(seeds)) for read, *seeds in _BROWSER),
    *(
        Target(f"helper.{type(message).__name__}", _helper_reader(message, depth), (write_object(message.to_object()),))
        for message, depth in _HELPER
    ),
    Target("payload", _read_payload, (_PAYLOAD.to_bytes(),)),
    Target("agreement", _read_agreement, (_AGREEMENT.to_bytes(),)),
    Target("ca.question", _read_question, tuple(ca.write_question(one) for one in _QUESTIONS)),
    Target("ca.answer", _read_answer, tuple(ca.write_answer(one) for one in _ANSWERS)),
    Target("pairings", pairing._read, (_seed(
        always=[{"origin": "https://survey.example.cn", "token_sha256": _HASH}], blocked=[{"origin": "https://x.cn"}]),)),
)  # fmt: skip
