"""The messages of an agreement: whole or refused, without a PIN or a hash of the page, and unlike a login (S22)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.wire.agreement import AGREE_BODY_LIMIT, VERSION, AgreementPayload, AgreeRequest
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.helper import REQUEST_DEPTH
from certlogin.wire.json import JsonObject, JsonValue, read_object, write_object
from certlogin.wire.payload import PAYLOAD_LIMIT, Purpose, SignedPayload
from certlogin.wire.plain_text import TEXT_LIMIT
from tests.companions import without

_HASH = "ab" * 32
REQUEST = AgreeRequest("u-1", "测试单位", "nonce", ("ES256",), "sid", _HASH, "第一条\n“同意”。", "2026-1")
PAYLOAD = AgreementPayload(
    origin="https://survey.example.cn",
    unit="u-1",
    nonce="abc.1700000000.mac",
    iat=1_700_000_000,
    cert_sha256=_HASH,
    alg="ES256",
    sid="cd" * 32,
    helper="1.5.1.0",
    text_sha256="cd" * 32,
    text_version="1",
)


def test_a_request_travels_unchanged() -> None:
    body = write_object(REQUEST.to_object())
    assert AgreeRequest.parse(read_object(body, AGREE_BODY_LIMIT, REQUEST_DEPTH)) == REQUEST
    assert "同意" not in repr(REQUEST)


def test_the_longest_text_travels_with_the_longest_facts() -> None:
    """Each character of the longest kind: four octets, or two after escaping."""
    for text in ("𠀀" * (TEXT_LIMIT // 4), "x" + "\n" * ((TEXT_LIMIT - 1) // 2)):
        longest = AgreeRequest(
            "𠀀" * 256, "𠀀" * 256, '"' * 512, ('"' * 16,) * 8, '"' * 512, _HASH, text, "v" * 32
        )  # fmt: skip
        body = write_object(longest.to_object())
        assert AgreeRequest.parse(read_object(body, AGREE_BODY_LIMIT, REQUEST_DEPTH)) == longest


@without({"certlogin.wire.agreement.exact_members": lambda *_: None})
@pytest.mark.parametrize("extra", ["pin", "text_sha256", "hash", "purpose", "origin"])
def test_threats_1_and_10_a_page_sends_no_pin_and_no_hash_of_its_own(extra: str) -> None:
    with pytest.raises(BadRequest) as caught:
        AgreeRequest.parse({**REQUEST.to_object(), extra: "123456"})
    assert (caught.value.reason, caught.value.member) == ("unknown_member", extra)


@pytest.mark.parametrize("member", REQUEST.to_object())
def test_every_member_is_needed_and_of_its_own_kind(member: str) -> None:
    whole = REQUEST.to_object()
    less: JsonObject = {name: value for name, value in whole.items() if name != member}
    other: JsonObject = {**less, member: {"x": 1}}
    for changed in (less, other):
        with pytest.raises(BadRequest) as caught:
            AgreeRequest.parse(changed)
        assert caught.value.member == member


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("text", ""),
        ("text", "a\r\nb"),
        ("text", "a\u202eb"),
        ("text", "x" * (TEXT_LIMIT + 1)),
        ("text_version", ""),
        ("text_version", "v" * 33),
        ("text_version", "第一版"),
        ("text_version", ".1"),
        ("text_version", "1 2"),
        ("unit", ""),
        ("nonce", "has space"),
        ("algorithms", ["a"] * 9),
        ("certificate_sha256", _HASH.upper()),
    ],
)
def test_values_beyond_their_bounds_are_refused(member: str, value: JsonValue) -> None:
    with pytest.raises(BadRequest) as caught:
        AgreeRequest.parse({**REQUEST.to_object(), member: value})
    assert caught.value.member == member


_SHOWN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
_HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(unit=_SHOWN, text_sha256=_HEX, text_version=st.from_regex(VERSION, fullmatch=True))
def test_what_the_helper_builds_the_server_reads(unit: str, text_sha256: str, text_version: str) -> None:
    built = AgreementPayload(
        origin="https://a.cn", unit=unit, nonce="n", iat=1, cert_sha256=_HASH, alg="RS256", sid="s", helper="1.0.0.0",
        text_sha256=text_sha256, text_version=text_version,
    )  # fmt: skip
    assert AgreementPayload.from_bytes(built.to_bytes()) == built
    assert len(built.to_bytes()) < PAYLOAD_LIMIT


@pytest.mark.parametrize("member", AgreementPayload.MEMBERS)
def test_every_member_of_the_payload_is_there(member: str) -> None:
    built = json.loads(PAYLOAD.to_bytes())
    assert tuple(built) == AgreementPayload.MEMBERS
    del built[member]
    with pytest.raises(BadRequest) as caught:
        AgreementPayload.from_bytes(json.dumps(built).encode())
    assert (caught.value.reason, caught.value.member) == ("missing_member", member)


@without({"certlogin.wire.agreement.matching": lambda value, member, _: value[member]})
@pytest.mark.parametrize(
    ("member", "value"), [("text_sha256", "CD" * 32), ("text_sha256", ""), ("text_version", ""), ("text_version", "一")]
)
def test_s19_a_member_of_another_form_is_refused(member: str, value: str) -> None:
    built = json.loads(PAYLOAD.to_bytes())
    with pytest.raises(BadRequest) as caught:
        AgreementPayload.from_bytes(json.dumps({**built, member: value}).encode())
    assert caught.value.member == member


ANY_MEMBERS = {"certlogin.wire.payload.exact_members": lambda *_: None}
ANY_PURPOSE = {
    "certlogin.wire.payload.auth_purpose": lambda name: Purpose.LOGIN,
    "certlogin.wire.agreement.AgreementPayload._purpose": classmethod(lambda cls, name: Purpose.AGREE),
}


@without({**ANY_MEMBERS, **ANY_PURPOSE})
def test_s22_an_agreement_is_read_as_no_login() -> None:
    with pytest.raises(BadRequest):
        SignedPayload.from_bytes(PAYLOAD.to_bytes())


@without(ANY_PURPOSE)
@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose is not Purpose.AGREE])
def test_s22_an_agreement_has_one_purpose(purpose: Purpose) -> None:
    built = json.loads(PAYLOAD.to_bytes())
    with pytest.raises(BadRequest) as caught:
        AgreementPayload.from_bytes(json.dumps({**built, "purpose": purpose.value}).encode())
    assert (caught.value.reason, caught.value.member) == ("not_allowed", "purpose")
