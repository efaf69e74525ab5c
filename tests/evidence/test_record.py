"""How records, entries, lines and checkpoints are written and read: one text each, and nothing else is read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from certlogin.errors import ConfigurationError
from certlogin.evidence.chain import GENESIS, Entry, Head, Line, append, read_line
from certlogin.evidence.checkpoint import (
    Checkpoint,
    CheckpointInvalid,
    PrivateKey,
    read_private_key,
    read_public_key,
    sign_checkpoint,
    verify_checkpoint,
)
from certlogin.evidence.record import TEXT_MAX, Body, canonical, written
from certlogin.wire.json import BadRequest, JsonObject, JsonValue
from tests.evidence.made import TEXT, signed, three, with_record
from tests.factory import DAY, NOW

SALT: Final = b"s" * 32


def read(value: JsonObject) -> Line:
    data = canonical(value)
    return Line.from_json(read_line(data), data)


def members(number: int = 0) -> JsonObject:
    return read_line(three()[number].to_bytes())


def test_a_line_comes_back_as_it_was() -> None:
    for line in (*three(), replace(three()[0], body=None)):
        data = line.to_bytes()
        assert b"\n" not in data
        assert Line.from_json(read_line(data), data) == line


def test_an_entry_is_kept_without_its_body() -> None:
    entry = three()[1].entry
    data = entry.to_bytes()
    assert Entry.from_bytes(data) == entry
    assert TEXT.splitlines()[0].encode() not in data
    with pytest.raises(BadRequest, match="not_canonical"):
        Entry.from_bytes(data.replace(b'"v":1', b'"v": 1'))
    with pytest.raises(BadRequest, match="unknown_member"):
        Entry.from_bytes(three()[1].to_bytes())


@pytest.mark.parametrize(
    "changes", [{"unit_id": "a\nb"}, {"unit_id": ""}, {"text_version": "v" * 65}, {"chain": (b"0",) * 9}]
)
def test_what_could_not_be_read_again_is_not_chained(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        append(Head(), replace(signed().record, **changes))


def test_the_chain_begins_at_nothing() -> None:
    first, second, _ = three()
    assert (first.entry.seq, first.entry.previous) == (1, GENESIS)
    assert second.entry.previous == first.entry.hash == first.hash


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_can_be_a_body(text: str, form: str) -> None:
    body = Body(SALT, text, form)
    assert Body.from_bytes(body.to_bytes()) == body
    assert len(body.commitment) == 64


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_two_bodies_never_have_one_commitment(text: str, form: str, other: str, other_form: str) -> None:
    one, two = Body(SALT, text, form), Body(SALT, other, other_form)
    assert (one == two) is (one.commitment == two.commitment)


@pytest.mark.parametrize("body", [Body(b"short", "text"), Body(SALT, "\ud800"), Body(SALT, "", "x" * (TEXT_MAX + 1))])
def test_what_cannot_be_a_body_is_refused(body: Body) -> None:
    with pytest.raises(ValueError, match=r"salt|surrogates|too long"):
        body.commitment  # noqa: B018


def test_a_body_shows_nothing_in_a_log() -> None:
    assert repr(Body(SALT, TEXT, "form")) == "Body()"
    assert TEXT.splitlines()[0] not in repr(three()[0])


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        ("seq", 0, "out_of_range"),
        ("v", 2, "out_of_range"),
        ("at", "2026-03-02T08:00:00Z", "not_allowed"),
        ("at", "2026-13-02T08:00:00.000000Z", "not_allowed"),
        ("purpose", "agreement", "not_allowed"),
        ("algorithm", "none", "not_allowed"),
        ("revocation", "ok", "not_allowed"),
        ("commitment", "00", "not_allowed"),
        ("payload", "", "wrong_length"),
        ("signature", "A" * 4000, "too_long"),
        ("chain", "MAo", "not_a_list"),
        ("chain", ["MAo"] * 9, "too_many"),
        ("sources", [1], "not_an_object"),
        ("sources", [{}], "missing_member"),
        ("body", 1, "not_an_object"),
        ("body", {}, "missing_member"),
        ("body", {"form": "", "salt": "c3M", "text": ""}, "wrong_length"),
        ("body", {"form": 1, "salt": "c" * 42 + "8", "text": ""}, "not_text"),
        ("body", {"form": "", "salt": "c" * 42 + "8", "text": "x" * (TEXT_MAX + 1)}, "too_long"),
        ("hash", "Z", "not_allowed"),
        ("unit", "a\nb", "control_character"),
        ("extra", 1, "unknown_member"),
    ],
)
def test_what_is_no_record_is_refused(member: str, value: JsonValue, reason: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read({**members(), member: value})
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("member", "value"),
    [("number", "01"), ("number", "g"), ("kind", "paper"), ("sha256", "ab"), ("certificate_sha256", "")],
)
def test_what_is_no_source_is_refused(member: str, value: str) -> None:
    (source, *_) = three()[0].entry.record.sources
    with pytest.raises(BadRequest, match="not_allowed"):
        read({**members(), "sources": [{**source.to_json(), member: value}]})


def test_a_number_may_be_as_long_as_a_list_may_have_one() -> None:
    (source, *_) = three()[0].entry.record.sources
    assert source.number == 2**150
    assert read(members()).entry.record.sources[0] == source


def test_a_time_is_written_in_one_way() -> None:
    east = datetime(2026, 3, 2, 16, 0, 0, 5, tzinfo=timezone(timedelta(hours=8)))
    assert written(east) == "2026-03-02T08:00:00.000005Z"
    assert written(east.astimezone(UTC)) == written(east)
    line = with_record(three()[0], at=east)
    assert read(read_line(line.to_bytes())).entry.record.at == east


# Checkpoints

KEYS: Final[tuple[PrivateKey, ...]] = (
    ed25519.Ed25519PrivateKey.generate(),
    ec.generate_private_key(ec.SECP256R1()),
)


def pem(key: PrivateKey | rsa.RSAPrivateKey | ed448.Ed448PrivateKey, passphrase: bytes | None = b"horse") -> bytes:
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


def public_pem(key: PrivateKey | ed448.Ed448PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("key", KEYS, ids=["Ed25519", "P-256"])
def test_a_checkpoint_is_signed_written_read_and_verified(key: PrivateKey) -> None:
    kept = read_private_key(pem(key), "horse")
    found = sign_checkpoint(three()[-1].entry.head, NOW, kept)
    data = found.to_bytes()
    assert Checkpoint.from_json(read_line(data), data) == found
    verify_checkpoint(found, read_public_key(public_pem(key)))
    for other in (
        replace(found, at=NOW + DAY),
        replace(found, head=Head(2, found.head.hash)),
        replace(found, head=Head(3, GENESIS)),
        replace(found, key_id=GENESIS),
        replace(found, signature=found.signature[:-1] + bytes([found.signature[-1] ^ 1])),
    ):
        with pytest.raises(CheckpointInvalid):
            verify_checkpoint(other, key.public_key())


def test_a_checkpoint_has_one_text() -> None:
    data = sign_checkpoint(Head(), NOW, KEYS[0]).to_bytes().replace(b'"v":1', b'"v": 1')
    with pytest.raises(BadRequest, match="not_canonical"):
        Checkpoint.from_json(read_line(data), data)


@pytest.mark.parametrize(
    ("data", "passphrase"),
    [
        (b"", "horse"),
        (pem(KEYS[0]), "donkey"),
        (pem(KEYS[0], None), "horse"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "horse"),
        (pem(ed448.Ed448PrivateKey.generate()), "horse"),
    ],
    ids=["empty", "passphrase", "in the clear", "P-384", "Ed448"],
)
def test_what_is_no_key_for_checkpoints_is_not_used(data: bytes, passphrase: str) -> None:
    with pytest.raises(ConfigurationError):
        read_private_key(data, passphrase)


@pytest.mark.parametrize(
    "data",
    [b"", public_pem(ec.generate_private_key(ec.SECP384R1())), public_pem(ed448.Ed448PrivateKey.generate())],
)
def test_what_is_no_public_key_for_checkpoints_is_not_used(data: bytes) -> None:
    with pytest.raises(ConfigurationError):
        read_public_key(data)
