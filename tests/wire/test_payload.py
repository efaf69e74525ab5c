"""The signed payload: exact members (S19), and prefixes that keep the uses of a key apart (S22)."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.wire import payload as module
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.json import JsonValue
from certlogin.wire.payload import PAYLOAD_LIMIT, Purpose, SignedPayload, auth_purpose, signed_bytes
from tests.companions import without

#: Members are taken as they are; one more is none too many; one prefix serves all.
AS_THEY_ARE: dict[str, object] = {
    **dict.fromkeys(
        [f"certlogin.wire.payload.{read}" for read in ("text", "matching", "integer")],
        lambda value, member, *_: value[member],
    ),
    "certlogin.wire.payload.auth_purpose": lambda name: name,
}
ANY_MEMBERS: dict[str, object] = {"certlogin.wire.payload.exact_members": lambda *_: None}
ONE_PREFIX: dict[str, object] = {
    "certlogin.wire.payload._PREFIXES": dict.fromkeys(module._PREFIXES, b"CERTLOGIN-AUTH-V1")
}

_AUTH = [Purpose.LOGIN, Purpose.BIND, Purpose.UNBIND, Purpose.TRANSFER, Purpose.STEP_UP]
_VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
_SHOWN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)

PAYLOAD = SignedPayload(
    purpose=Purpose.LOGIN,
    origin="https://survey.example.cn",
    unit="u-1",
    nonce="abc.1700000000.mac",
    iat=1_700_000_000,
    cert_sha256="ab" * 32,
    alg="ES256",
    sid="cd" * 32,
    helper="1.5.1.0",
)


@given(
    st.builds(
        SignedPayload,
        purpose=st.sampled_from(_AUTH),
        origin=_SHOWN,
        unit=_SHOWN,
        nonce=_VISIBLE,
        iat=st.integers(0, 2**53 - 1),
        cert_sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
        alg=st.sampled_from(["RS256", "PS256", "ES256", "ES384", "SM2-SM3"]),
        sid=_VISIBLE,
        helper=st.sampled_from(["0.0.0.0", "1.5.1.0", "3.5.1.1048", "99999.0.0.1"]),  # noqa: S104
    )
)
def test_what_the_helper_builds_the_server_reads(payload: SignedPayload) -> None:
    assert SignedPayload.from_bytes(payload.to_bytes()) == payload


@given(st.binary(max_size=60))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadRequest):
        SignedPayload.from_bytes(data)


@without(AS_THEY_ARE)
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("v", 2),
        ("v", True),
        ("v", "1"),
        ("purpose", "agree"),
        ("purpose", "upgrade"),
        ("purpose", "LOGIN"),
        ("origin", ""),
        ("origin", "https://a\n"),
        ("origin", "h" * 301),
        ("unit", 7),
        ("nonce", "a b"),
        ("nonce", "单"),
        ("nonce", "n" * 513),
        ("iat", -1),
        ("iat", "1"),
        ("cert_sha256", "AB" * 32),
        ("cert_sha256", "ab" * 31),
        ("alg", "none"),
        ("alg", ""),
        ("sid", ""),
        ("helper", "1.5.1"),
        ("helper", "1.5.1.0.1"),
        ("helper", "1.05.1.0"),
        ("helper", "100000.0.0.0"),
        ("uv", "none"),
    ],
)
def test_s19_a_member_of_another_form_is_refused(member: str, value: JsonValue) -> None:
    built = json.loads(PAYLOAD.to_bytes())
    with pytest.raises(BadRequest) as caught:
        SignedPayload.from_bytes(json.dumps({**built, member: value}).encode())
    assert caught.value.member == member


@pytest.mark.parametrize("member", SignedPayload.MEMBERS)
def test_every_member_is_there(member: str) -> None:
    built = json.loads(PAYLOAD.to_bytes())
    less = {name: value for name, value in built.items() if name != member}
    for changed, reason in ((less, "missing_member"), ({**less, f"{member}_": 1}, "missing_member")):
        with pytest.raises(BadRequest) as caught:
            SignedPayload.from_bytes(json.dumps(changed).encode())
        assert caught.value.reason == reason


@without(ANY_MEMBERS)
def test_s19_there_is_no_other_member() -> None:
    built = json.loads(PAYLOAD.to_bytes())
    with pytest.raises(BadRequest) as caught:
        SignedPayload.from_bytes(json.dumps({**built, "extra": 1}).encode())
    assert (caught.value.reason, caught.value.member) == ("unknown_member", "extra")


@without({"certlogin.wire.payload.PAYLOAD_LIMIT": 1 << 20})
def test_s19_more_than_4_kib_is_neither_built_nor_read() -> None:
    long = replace(PAYLOAD, unit="x" * PAYLOAD_LIMIT)
    with pytest.raises(BadRequest) as caught:
        long.to_bytes()
    assert caught.value.reason == "too_long"
    with pytest.raises(BadRequest) as caught:
        SignedPayload.from_bytes(PAYLOAD.to_bytes() + b" " * PAYLOAD_LIMIT)
    assert caught.value.reason == "too_long"


@without(ONE_PREFIX, sees="an agreement is a login")
def test_s22_purposes_of_different_classes_never_sign_the_same_bytes() -> None:
    data = PAYLOAD.to_bytes()
    signed = {purpose: signed_bytes(data, purpose) for purpose in Purpose}
    assert signed[Purpose.AGREE] != signed[Purpose.LOGIN], "an agreement is a login"
    assert {signed[purpose] for purpose in _AUTH} == {b"CERTLOGIN-AUTH-V1\x00" + data}
    assert signed[Purpose.AGREE] == b"CERTLOGIN-AGREE-V1\x00" + data
    assert signed[Purpose.UPGRADE] == b"CERTLOGIN-UPGRADE-V1\x00" + data
    # No class can be read as another with a longer payload: the zero octet ends each prefix.
    heads = {value.split(b"\x00")[0] for value in signed.values()}
    assert len(heads) == 3
    # Neither DER (0x30) nor TLS 1.3 (64 spaces) starts so.
    assert all(head.startswith(b"\x43") for head in heads)


@pytest.mark.parametrize("purpose", _AUTH)
def test_the_purposes_of_the_auth_class_are_known_by_their_names(purpose: Purpose) -> None:
    assert auth_purpose(purpose.value) is purpose


@without(ONE_PREFIX)
@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose not in _AUTH])
def test_s22_only_purposes_of_the_auth_class_are_signed_here(purpose: Purpose) -> None:
    with pytest.raises(BadRequest):
        auth_purpose(purpose.value)
    with pytest.raises(BadRequest):
        SignedPayload.from_bytes(replace(PAYLOAD, purpose=purpose).to_bytes())
