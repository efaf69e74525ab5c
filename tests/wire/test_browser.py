"""S19: the messages of our pages. Each is read whole, and bent in every member."""

import json
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.login.challenge import Purpose
from certlogin.records.helper import HelperReport, HelperState
from certlogin.wire.b64 import decode, encode
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.browser import (
    MESSAGE_LIMIT,
    ChallengeWanted,
    CMSMessage,
    EnrolMessage,
    InstalledMessage,
    ProofMessage,
    Report,
    TextMessage,
    WebEidMessage,
    open_envelope,
    read_challenge_wanted,
    read_enrol,
    read_envelope,
    read_installed,
    read_leave,
    read_report,
)
from tests.companions import without

Reader = Callable[[bytes], object]
ATTEMPT = "AbC_-0123456789z"
KB = 1024


def read_proof(data: bytes) -> object:
    """Both steps; between them the server asks whether the format is allowed."""
    return open_envelope(read_envelope(data))


#: Each message with a good one and what it reads as.
MESSAGES: dict[str, tuple[Reader, dict[str, Any], object]] = {
    "report": (
        read_report,
        {"attempt": ATTEMPT, "state": "ready", "version": "1.5.10.0", "os": "linux", "arch": "x86_64"},
        Report(ATTEMPT, HelperReport(HelperState.READY, (1, 5, 10, 0), "linux", "x86_64")),
    ),
    "no helper": (
        read_report,
        {"attempt": ATTEMPT, "state": "helper_not_running", "version": None, "os": "", "arch": ""},
        Report(ATTEMPT, HelperReport(HelperState.NOT_RUNNING)),
    ),
    "challenge": (
        read_challenge_wanted,
        {"attempt": ATTEMPT, "purpose": "enrol"},
        ChallengeWanted(ATTEMPT, "enrol"),
    ),
    "proof": (
        read_proof,
        {
            "attempt": ATTEMPT,
            "format": "native",
            "payload": encode(b"{}"),
            "signature": encode(b"sig"),
            "certificate": encode(b"der"),
            "chain": [encode(b"ca"), encode(b"root")],
        },
        ProofMessage("native", b"{}", b"sig", b"der", (b"ca", b"root")),
    ),
    "text": (
        read_proof,
        {
            "attempt": ATTEMPT,
            "format": "text",
            "challenge": "a.1.b",
            "algorithm": "SM2-SM3",
            "signature": encode(b"sig"),
            "certificate": encode(b"der"),
            "chain": [encode(b"ca")],
        },
        TextMessage("a.1.b", "SM2-SM3", b"sig", b"der", (b"ca",)),
    ),
    "cms": (
        read_proof,
        {
            "attempt": ATTEMPT,
            "format": "cms",
            "challenge": "a.1.b",
            "signature": encode(b"signed data"),
            "certificate": encode(b"der"),
            "chain": [encode(b"ca")],
        },
        CMSMessage("a.1.b", b"signed data", b"der", (b"ca",)),
    ),
    "web-eid": (
        read_proof,
        {"attempt": ATTEMPT, "format": "web-eid", "challenge": "a.1.b", "token": '{"format":"web-eid:1"}'},
        WebEidMessage("a.1.b", b'{"format":"web-eid:1"}'),
    ),
    "enrol": (read_enrol, {"attempt": ATTEMPT, "request": encode(b"pkcs10")}, EnrolMessage(ATTEMPT, b"pkcs10")),
    "installed": (
        read_installed,
        {"attempt": ATTEMPT, "certificate_sha256": "0a" * 32},
        InstalledMessage(ATTEMPT, "0a" * 32),
    ),
    "leave": (read_leave, {"attempt": ATTEMPT}, ATTEMPT),
}
MEMBERS = [(name, member) for name, (_, message, _) in MESSAGES.items() for member in message]
each_message = pytest.mark.parametrize("name", MESSAGES)
each_member = pytest.mark.parametrize(("name", "member"), MEMBERS)


#: Readers that take what ours refuse.
_READ = "certlogin.wire.browser._object"
PLAIN: dict[str, object] = {"certlogin.wire.json._DECODER": json.JSONDecoder()}
ANY_REST: dict[str, object] = {
    "certlogin.wire.json._DECODER": SimpleNamespace(decode=lambda text: json.JSONDecoder().raw_decode(text)[0])
}
SKIPS_MARKS: dict[str, object] = {"certlogin.wire.json._characters": lambda data: data.decode("utf-8-sig")}
REPLACES: dict[str, object] = {"certlogin.wire.json._characters": lambda data: data.decode("utf-8", "replace")}
ANY_CHARACTERS: dict[str, object] = {"certlogin.wire.json._whole_characters": lambda *_: None}
ANY_MEMBERS: dict[str, object] = {"certlogin.wire.browser.exact_members": lambda *_: None}
ANY_LENGTH: dict[str, object] = {"certlogin.wire.browser.MESSAGE_LIMIT": 1 << 20}
ANY_SIZE: dict[str, object] = {"certlogin.wire.browser.b64url": lambda value, member, _: decode(value[member])}
ANY_TEXT: dict[str, object] = {
    "certlogin.wire.browser.matching": lambda value, member, _: value[member].strip().lower(),
    "certlogin.wire.browser.text": lambda value, member, *_, **__: value[member],
}
ANY_ENCODING: dict[str, object] = {"certlogin.wire.json.decode": lambda text, _: text.encode()}


def filling_in(message: dict[str, Any]) -> dict[str, object]:
    """What a message leaves out is taken to be as usual."""
    return {_READ: lambda data, *_: {**message, **json.loads(data)}}


def octets(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def refused(read: Reader, data: bytes) -> tuple[str, str]:
    """Why it was refused, and in which member."""
    with pytest.raises(BadRequest) as refusal:
        read(data)
    assert (refusal.value.code, refusal.value.status) == ("bad_request", 400)
    return refusal.value.reason, refusal.value.member


def changed(name: str, member: str, value: object) -> tuple[Reader, bytes]:
    read, message, _ = MESSAGES[name]
    return read, octets({**message, member: value})


# --- whole


@each_message
def test_a_message_is_read_whole(name: str) -> None:
    read, message, expected = MESSAGES[name]
    assert read(octets(message)) == expected
    assert read(octets(dict(reversed(message.items())))) == expected
    assert read(b" \r\n\t" + json.dumps(message, indent=2).encode() + b"\n") == expected


@pytest.mark.parametrize("state", HelperState)
def test_a_report_takes_every_state_of_the_table(state: HelperState) -> None:
    version = "1.0.0.0" if state is HelperState.READY else None
    message = {**MESSAGES["report"][1], "state": state.value, "version": version}
    assert read_report(octets(message)).helper.state is state


@pytest.mark.parametrize("purpose", [Purpose.LOGIN, Purpose.ENROL])
def test_a_challenge_is_wanted_for_a_login_or_an_enrolment(purpose: Purpose) -> None:
    assert read_challenge_wanted(octets({"attempt": ATTEMPT, "purpose": purpose})).purpose == purpose


def test_a_challenge_for_an_agreement_is_not_had_without_its_text() -> None:
    with pytest.raises(BadRequest):
        read_challenge_wanted(octets({"attempt": ATTEMPT, "purpose": Purpose.AGREE}))


def test_a_message_of_cms_may_have_its_signers_certificate_inside() -> None:
    read, data = changed("cms", "certificate", None)
    assert read(data) == CMSMessage("a.1.b", b"signed data", None, (b"ca",))


def test_a_format_that_is_not_known_is_read_as_the_native_one() -> None:
    """Whoever asks for the envelope first has refused it by then."""
    read, data = changed("proof", "format", "web-eid:1.0")
    assert read(data) == ProofMessage("web-eid:1.0", b"{}", b"sig", b"der", (b"ca", b"root"))


def test_of_an_envelope_nothing_else_is_read() -> None:
    envelope = read_envelope(octets({"attempt": ATTEMPT, "format": "text", "x": {}}))
    assert (envelope.attempt, envelope.format) == (ATTEMPT, "text")
    assert "members" not in repr(envelope)


def test_a_proof_may_bring_no_chain() -> None:
    read, data = changed("proof", "chain", [])
    assert isinstance(found := read(data), ProofMessage)
    assert found.chain == ()


# --- the message


@each_message
def test_no_cut_of_a_message_is_read(name: str) -> None:
    read, message, _ = MESSAGES[name]
    data = octets(message)
    for cut in range(len(data)):
        assert refused(read, data[:cut]) == ("not_json", "")


@without(ANY_REST)
@each_message
@pytest.mark.parametrize("more", [b"{}", b",", b"}", b"\x00", b"x", "é".encode()])
def test_s19_nothing_stands_behind_a_message(name: str, more: bytes) -> None:
    read, message, _ = MESSAGES[name]
    assert refused(read, octets(message) + more) == ("not_json", "")


@each_message
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_json"),
        (b"null", "not_an_object"),
        (b"[]", "not_an_object"),
        (b'"attempt"', "not_an_object"),
        (b"{}", "missing_member"),
        (b"[" * 50_000, "too_deep"),
        (b"\xff\xfe{\x00}\x00", "not_utf8"),
    ],
)
def test_what_is_no_message_is_refused(name: str, data: bytes, reason: str) -> None:
    assert refused(MESSAGES[name][0], data)[0] == reason


@without(SKIPS_MARKS)
@each_message
def test_s19_a_byte_order_mark_is_refused(name: str) -> None:
    read, message, _ = MESSAGES[name]
    assert refused(read, b"\xef\xbb\xbf" + octets(message)) == ("byte_order_mark", "")


@without(ANY_LENGTH)
@each_message
def test_s19_no_message_is_longer_than_64_kib(name: str) -> None:
    read, message, expected = MESSAGES[name]
    data = octets(message)
    assert MESSAGE_LIMIT == 64 * KB
    assert read(data + b" " * (64 * KB - len(data))) == expected
    assert refused(read, data + b" " * (64 * KB - len(data) + 1)) == ("too_long", "")


# --- each member


@pytest.mark.parametrize(
    ("name", "member"),
    [pytest.param(name, member, marks=without(filling_in(MESSAGES[name][1]))) for name, member in MEMBERS],
)
def test_s19_a_missing_member_is_refused(name: str, member: str) -> None:
    read, message, _ = MESSAGES[name]
    rest = {other: value for other, value in message.items() if other != member}
    assert refused(read, octets(rest)) == ("missing_member", member)


@without(ANY_MEMBERS)
@each_message
@pytest.mark.parametrize("member", ["pin", "unit", "Attempt", "attempt ", "", "__proto__"])
def test_s19_an_unknown_member_is_refused(name: str, member: str) -> None:
    assert refused(*changed(name, member, "1")) == ("unknown_member", member)


@without(PLAIN)
@each_member
def test_s19_a_doubled_member_is_refused(name: str, member: str) -> None:
    """Twice with the same value, with another one, and once spelled with an escape."""
    read, message, _ = MESSAGES[name]
    data, value = octets(message), octets(message[member])
    escaped = f"\\u{ord(member[0]):04x}{member[1:]}"
    for again in (f'"{member}":'.encode() + value, f'"{member}":0'.encode(), f'"{escaped}":'.encode() + value):
        assert refused(read, data[:-1] + b"," + again + b"}") == ("duplicate_member", member)


@each_member
@pytest.mark.parametrize("value", [True, False, 1, 0, None, {}, [], {"a": "b"}, [1], [None], [True]], ids=repr)
def test_a_member_of_another_type_is_refused(name: str, member: str, value: object) -> None:
    empty = (member == "chain" and value == []) or (name == "cms" and member == "certificate" and value is None)
    fits = empty or value == MESSAGES[name][1][member]
    if empty or (fits and type(value) is type(MESSAGES[name][1][member])):
        assert MESSAGES[name][0](changed(name, member, value)[1])
    else:
        assert refused(*changed(name, member, value))[0] in {
            "not_text",
            "not_a_list",
            "not_allowed",
        }


@each_member
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1.0", "1e2", "-0.0", "9" * 20, "9" * 5000])
def test_no_number_that_two_readers_read_differently(name: str, member: str, text: str) -> None:
    read, message, _ = MESSAGES[name]
    data = octets({**message, member: "@"}).replace(b'"@"', text.encode())
    assert refused(read, data)[0] in {"not_a_number", "not_integer", "out_of_range"}


each_escape = pytest.mark.parametrize("escape", ["\\ud800", "\\udfff", "\\udc00\\ud800", "x\\ud83dx"])


@without(ANY_CHARACTERS)
@pytest.mark.parametrize("member", ["os", "arch"])
@each_escape
def test_s19_a_lone_surrogate_is_refused_where_any_text_may_stand(member: str, escape: str) -> None:
    read, message, _ = MESSAGES["report"]
    data = octets({**message, member: "@"}).replace(b"@", escape.encode())
    assert refused(read, data) == ("lone_surrogate", member)


@each_member
@each_escape
def test_a_lone_surrogate_is_refused_everywhere(name: str, member: str, escape: str) -> None:
    read, message, _ = MESSAGES[name]
    value = ["@"] if member == "chain" else "@"
    data = octets({**message, member: value}).replace(b"@", escape.encode())
    assert refused(read, data) == ("lone_surrogate", member)


@without({**ANY_CHARACTERS, **ANY_MEMBERS})
@each_message
def test_s19_a_lone_surrogate_in_a_name_is_refused(name: str) -> None:
    read, message, _ = MESSAGES[name]
    assert refused(read, octets(message)[:-1] + b',"\\ud800":1}')[0] == "lone_surrogate"


@without(REPLACES)
@pytest.mark.parametrize("raw", [b"\xed\xa0\x80", b"\xc0\xaf", b"\xff", b"\xf4\x90\x80\x80"])
def test_s19_what_is_no_utf8_is_refused(raw: bytes) -> None:
    read, data = changed("report", "os", "@")
    assert refused(read, data.replace(b"@", raw)) == ("not_utf8", "")


# --- values

TEXTS: list[tuple[str, str, list[str], list[str]]] = [
    # message, member, values that pass, values that do not
    ("leave", "attempt", ["A" * 16, "_-" * 8],
     ["", "A" * 15, "A" * 17, "A" * 15 + "=", "A" * 15 + "\n", "é" * 16, "٣" * 16]),
    ("report", "state", ["ready"], ["READY", "", "ready ", "ready|helper_not_running", "granted", "a" * 1000]),
    ("report", "version", ["0.0.0.1", "99999.1.2.3"],
     ["01.0.0.0", "", "1.5.1", "1.5.1.0.0", "1.5.1.x", "-1.0.0.0", "100000.0.0.0", "1.5.1.0\n", "١.٠.٠.٠"]),
    ("report", "os", ["", "银河麒麟", "a" * 32], ["a" * 33, "a\nb", "\x00", "\x7f", "\x85"]),
    ("report", "arch", ["", "aarch64", "a" * 32], ["a" * 33, "\x1b[2J"]),
    ("challenge", "purpose", ["login", "enrol"], ["", "Login", "login ", "bind", "agree", "upgrade", "login|enrol"]),
    ("proof", "format", ["native", "web-eid:1.0", "a" * 16], ["", "Native", "a" * 17, "a b", "a/b"]),
    ("text", "challenge", ["!" * 512], ["", "a b", "é", "a" * 513, "a\n"]),
    ("text", "algorithm", ["RS256", "A1"], ["", "rs256", "none", "RS256 ", "A" * 17]),
    ("cms", "challenge", ["!" * 512], ["", "a b", "a" * 513]),
    ("web-eid", "challenge", ["!" * 512], ["", "a b", "a" * 513]),
    ("web-eid", "token", ["x", "a" * 16 * KB], ["{\n}", "a" * (16 * KB + 1)]),
    ("installed", "certificate_sha256", ["f" * 64], ["", "F" * 64, "f" * 63, "f" * 65, "g" * 64, "f" * 64 + "\n"]),
]  # fmt: skip


@without(ANY_TEXT)
@pytest.mark.parametrize(("name", "member", "good", "bad"), TEXTS)
def test_s19_texts_have_one_form(name: str, member: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        read, data = changed(name, member, value)
        assert read(data)
    for value in bad:
        reason, where = refused(*changed(name, member, value))
        assert where == member
        assert reason in {"not_allowed", "too_long", "control_character"}


@pytest.mark.parametrize("state", [state for state in HelperState if state is not HelperState.READY])
def test_only_a_helper_that_answered_has_a_version(state: HelperState) -> None:
    message = {**MESSAGES["report"][1], "state": state.value}
    assert refused(read_report, octets(message)) == ("not_allowed", "version")


def test_a_helper_that_answered_has_a_version() -> None:
    assert refused(*changed("report", "version", None)) == ("not_text", "version")


BYTES = [("proof", "payload", 4 * KB), ("proof", "signature", KB), ("proof", "certificate", 16 * KB),
         ("text", "signature", KB), ("text", "certificate", 16 * KB), ("cms", "signature", 32 * KB),
         ("cms", "certificate", 16 * KB), ("enrol", "request", 16 * KB)]  # fmt: skip


@without(ANY_SIZE)
@pytest.mark.parametrize(("name", "member", "limit"), BYTES)
def test_s19_octets_are_not_longer_than_they_can_be(name: str, member: str, limit: int) -> None:
    read, data = changed(name, member, encode(b"\xff" * limit))
    assert read(data)
    assert refused(*changed(name, member, encode(b"\xff" * (limit + 1))))[0] in {"too_long", "wrong_length"}
    assert refused(*changed(name, member, encode(b"\xff" * (limit + 4)))) == ("too_long", member)
    assert refused(*changed(name, member, "")) == ("wrong_length", member)


@without(ANY_ENCODING)
@pytest.mark.parametrize(("name", "member"), [row[:2] for row in BYTES] + [("proof", "chain")])
@pytest.mark.parametrize(
    "text", ["QQ=", "QQ==", "QR", "Q", "Q Q", "QQ\n", "+/+/", "Q\u00e9", "QQ.QQ", "\uff31\uff31", "QQ\x00"], ids=repr
)
def test_s19_base64url_has_one_form(name: str, member: str, text: str) -> None:
    read, data = changed(name, member, ["QQ"] if member == "chain" else "QQ")
    assert read(data)
    assert refused(*changed(name, member, [text] if member == "chain" else text)) == ("not_base64url", member)


@without({"certlogin.wire.browser._CHAIN": 7})
def test_s25_a_chain_is_short() -> None:
    read, data = changed("proof", "chain", ["QQ"] * 6)
    assert read(data)
    assert refused(*changed("proof", "chain", ["QQ"] * 7)) == ("too_many", "chain")


@without({"certlogin.wire.browser._CERTIFICATE_LIMIT": 32 * KB})
def test_s25_the_certificates_of_a_chain_are_bounded() -> None:
    assert refused(*changed("proof", "chain", [encode(bytes(16 * KB + 4))])) == ("too_long", "chain")


def test_a_chain_holds_certificates_and_nothing_else() -> None:
    assert refused(*changed("proof", "chain", [""])) == ("wrong_length", "chain")
    assert refused(*changed("proof", "chain", [["QQ"]])) == ("too_deep", "chain")


# --- anything


@each_message
@given(data=st.binary(max_size=200))
def test_any_octets_are_refused_in_our_words(name: str, data: bytes) -> None:
    refused(MESSAGES[name][0], data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@each_message
@given(st.data())
def test_any_json_is_read_or_refused_in_our_words(name: str, data: st.DataObject) -> None:
    read, message, _ = MESSAGES[name]
    members = {member: data.draw(json_values | st.just(value), member) for member, value in message.items()}
    with suppress(BadRequest):
        assert read(octets(members))
