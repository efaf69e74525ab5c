"""Tokens of Web eID: read strictly, and good for one origin and one nonce only."""

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from certlogin.errors import Refusal
from certlogin.login import web_eid
from certlogin.login.web_eid import (
    TOKEN_LIMIT,
    SigningCertificate,
    UnverifiedToken,
    WebEidFormat,
    check_signing_certificates,
    nonce_of,
    read_token,
    signed_octets,
    verify_token,
)
from certlogin.pki.certificate import read_certificate
from certlogin.pki.judge import judge_certificate
from certlogin.pki.jwa import JWA
from certlogin.pki.signature import KeyMismatch, SignatureMalformed, SignatureMismatch
from certlogin.wire.b64 import decode_standard
from certlogin.wire.bad_request import BadRequest
from tests.companions import without
from tests.factory import NOW, make_pki
from tests.login.tokens import NONCE, ORIGIN, SUPPORTED, b64, card, octets, signing_card, token

MODULE = web_eid.__name__
TRUST = make_pki().trust()


def accept(data: bytes, nonce: str = NONCE, origin: str = ORIGIN) -> UnverifiedToken:
    found = read_token(data)
    leaf = read_certificate(found.certificate)
    verify_token(found, leaf, origin, nonce)
    check_signing_certificates(found, leaf, TRUST, NOW)
    return found


def refused(value: object) -> tuple[str, str]:
    with pytest.raises(BadRequest) as caught:
        read_token(octets(value))
    return caught.value.reason, caught.value.member


# --- good ones


@pytest.mark.parametrize("algorithm", JWA)
def test_a_token_of_each_algorithm_is_accepted(algorithm: str) -> None:
    found = accept(octets(token(algorithm=algorithm)))
    assert (found.algorithm, found.certificate, found.signing_certificates) == (algorithm, card(algorithm).der, ())


@pytest.mark.parametrize("version", ["web-eid:1", "web-eid:1.0"])
def test_two_names_of_one_version(version: str) -> None:
    assert accept(octets(token(format=version))).signing_certificates == ()


def test_1_1_brings_signing_certificates() -> None:
    assert accept(octets(token(signers=[signing_card()]))).signing_certificates == (
        SigningCertificate(signing_card().der),
    )


def test_what_is_signed_is_the_hash_of_the_origin_and_of_the_nonces_text() -> None:
    expected = hashlib.sha384(b"https://a.example").digest() + hashlib.sha384(b"bm9uY2U=").digest()
    assert signed_octets(JWA.PS384, "https://a.example", "bm9uY2U=") == expected


def test_the_version_of_the_application_may_be_missing() -> None:
    value = token()
    del value["appVersion"]
    assert accept(octets(value))


def test_a_nonce_is_what_the_application_takes() -> None:
    """Base64 of at least 44 characters and at most 128."""
    nonce = nonce_of("random.issued.mac")
    assert len(nonce) == 44
    assert decode_standard(nonce) == hashlib.sha256(b"random.issued.mac").digest()


# --- the format

VERSIONS = [
    "web-eid", "web-eid:", "web-eid:0", "web-eid:1.", "web-eid:1.00", "web-eid:01", "web-eid:1.01", "web-eid:1.2",
    "web-eid:1.10", "web-eid:1.0.0", "web-eid:1.0 ", " web-eid:1", "web-eid:1.1.0", "web-eid:2", "web-eid:2.0",
    "WEB-EID:1", "web-eid:1,0", "web-eid:1.0beta", "web-eid:11", "web-eid:１", "Web-eid:1.0",
    "web-eid:1.-0", "web-eid:+1",
]  # fmt: skip


class ByBeginning(dict[str, bool]):
    """A reader that goes by how the name begins."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> bool:
        return False


@without({f"{MODULE}._FORMATS": ByBeginning()})
@pytest.mark.parametrize("version", VERSIONS)
def test_s18_a_version_is_named_exactly(version: str) -> None:
    with pytest.raises(WebEidFormat) as caught:
        read_token(octets(token(format=version)))
    assert caught.value.version == version


ANY_MEMBERS = {f"{MODULE}.exact_members": lambda *_: None}


def test_1_1_lacks_no_signing_certificates() -> None:
    assert refused(token(format="web-eid:1.1")) == ("missing_member", "unverifiedSigningCertificates")


@without(ANY_MEMBERS)
@pytest.mark.parametrize("version", ["web-eid:1", "web-eid:1.0"])
def test_s18_1_0_has_no_signing_certificates(version: str) -> None:
    value = token(signers=[signing_card()], format=version)
    assert refused(value) == ("unknown_member", "unverifiedSigningCertificates")


@without(ANY_MEMBERS)
@pytest.mark.parametrize("member", ["unverifiedSigningCertificate", "supportedSignatureAlgorithms", "x"])
def test_s19_members_of_drafts_and_of_nobody_are_refused(member: str) -> None:
    """Drafts of 1.1 had one signing certificate and its algorithms at the top."""
    value = token(signers=[signing_card()]) | {member: SUPPORTED}
    assert refused(value) == ("unknown_member", member)


@pytest.mark.parametrize("member", ["unverifiedCertificate", "algorithm", "signature", "format"])
def test_what_is_missing_is_said(member: str) -> None:
    value = token()
    del value[member]
    assert refused(value) == ("missing_member", member)


@pytest.mark.parametrize("member", ["unverifiedCertificate", "algorithm", "signature", "format", "appVersion"])
@pytest.mark.parametrize("value", [None, 1, ["a"], {}])
def test_members_are_texts(member: str, value: object) -> None:
    assert refused(token() | {member: value}) == ("not_text", member)


@without({f"{MODULE}.matching": lambda *_: "ES256"})
@pytest.mark.parametrize(
    "algorithm", ["", "none", "None", "HS256", "ES256K", "es256", "ES256 ", "SM2-SM3", "EdDSA", "RS1", "PS256\n"]
)
def test_s20_an_unknown_algorithm_is_refused(algorithm: str) -> None:
    assert refused(token(algorithm="ES256") | {"algorithm": algorithm}) == ("not_allowed", "algorithm")


@pytest.mark.parametrize("member", ["unverifiedCertificate", "signature"])
@pytest.mark.parametrize("bend", ["!", " ", "\u00e9", "url", "padding"])
def test_base64_is_the_standard_one_and_strict(member: str, bend: str) -> None:
    good = token()[member]
    bent = {"url": "-_" + good[2:], "padding": good + "="}.get(bend, bend + good)
    assert refused(token(**{member: bent})) == ("not_base64", member)


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b'"token"', b"{", b"\xff", b"\xef\xbb\xbf{}", b"{}{}", b'{"a":1,"a":1}']
)
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest):
        read_token(data)


@without({f"{MODULE}.TOKEN_LIMIT": 1 << 20})
def test_s25_a_token_of_more_than_16_kib_is_not_read() -> None:
    data = octets(token())
    assert read_token(data.ljust(TOKEN_LIMIT))
    with pytest.raises(BadRequest, match="too_long"):
        read_token(data.ljust(TOKEN_LIMIT + 1))


@without({f"{MODULE}._SIGNATURE_LIMIT": 1 << 20})
@pytest.mark.parametrize(("size", "reason"), [(1025, "wrong_length"), (1027, "too_long")])
def test_s25_a_signature_of_more_than_1_kib_is_not_decoded(size: int, reason: str) -> None:
    assert refused(token(signature=b64(bytes(size)))) == (reason, "signature")


# --- the signature

UNVERIFIED = {f"{MODULE}.verify_jwa": lambda *_: None}


@without({f"{MODULE}.signed_octets": lambda algorithm, origin, nonce: signed_octets(algorithm, ORIGIN, nonce)})
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://survey.example/", "http://survey.example", "https://survey.example:443", ""],
)
def test_s21_a_token_for_another_origin_is_refused(origin: str) -> None:
    data = octets(token())
    with pytest.raises(SignatureMismatch):
        accept(data, origin=origin)


@without({f"{MODULE}.signed_octets": lambda algorithm, origin, nonce: signed_octets(algorithm, origin, NONCE)})
@pytest.mark.parametrize("nonce", ["", NONCE[:-1], NONCE + "=", nonce_of("another"), decode_standard(NONCE).decode()])
def test_s17_a_token_for_another_nonce_is_refused(nonce: str) -> None:
    """The nonce is its text, never decoded."""
    with pytest.raises(SignatureMismatch):
        accept(octets(token()), nonce)


def test_origin_and_nonce_do_not_reach_into_each_other() -> None:
    with pytest.raises(SignatureMismatch):
        accept(octets(token(origin=ORIGIN + NONCE[:4], nonce=NONCE[4:])))


@without(UNVERIFIED)
def test_s20_the_certificate_of_somebody_else_is_refused() -> None:
    other = make_pki().issuing.issue(key_name="somebody else")
    with pytest.raises(SignatureMismatch):
        accept(octets(token(unverifiedCertificate=b64(other.der))))


@without(UNVERIFIED)
@pytest.mark.parametrize(
    ("signed", "named", "refusal"),
    [
        ("ES256", "ES384", KeyMismatch),
        ("ES384", "ES256", KeyMismatch),
        ("ES256", "RS256", KeyMismatch),
        ("RS256", "ES256", KeyMismatch),
        ("RS256", "PS256", SignatureMismatch),
        ("PS256", "RS256", SignatureMismatch),
        ("RS256", "RS512", SignatureMismatch),
        ("PS512", "PS384", SignatureMismatch),
    ],
)
def test_s20_the_algorithm_is_the_one_that_was_signed_with(signed: str, named: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        accept(octets(token(algorithm=signed) | {"algorithm": named}))


@without(UNVERIFIED)
def test_s20_der_is_no_signature_of_a_token() -> None:
    by: Any = card()
    der = by.key.sign(signed_octets(JWA.ES256, ORIGIN, NONCE), ec.ECDSA(JWA.ES256.hash))
    with pytest.raises(SignatureMalformed):
        accept(octets(token(signature=b64(der))))


def test_a_token_is_not_shown() -> None:
    found = read_token(octets(token()))
    assert repr(found) == "UnverifiedToken(algorithm=<JWA.ES256: 'ES256'>)"


# --- mutations

GOOD = octets(token(signers=[signing_card()]))


@given(data=st.data())
def test_no_mutation_of_what_is_signed_is_accepted(data: st.DataObject) -> None:
    """By the card, or by the CA that the certificate is judged by afterwards."""
    mutated = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(mutated) - 1))
        piece = data.draw(st.binary(max_size=2))
        mutated[place : place + data.draw(st.sampled_from([0, 1, 2, 9]))] = piece
    try:
        found = accept(bytes(mutated))
        judge_certificate(read_certificate(found.certificate), (), TRUST, NOW)
    except Refusal:
        return
    good = read_token(GOOD)
    assert (found.signature, found.algorithm) == (good.signature, good.algorithm), "another signature"
    assert found.certificate == good.certificate, "another certificate"


@without(UNVERIFIED, sees="another signature")
@given(data=st.data())
def test_s20_no_mutation_of_the_signature_is_accepted(data: st.DataObject) -> None:
    algorithm = data.draw(st.sampled_from(["ES256", "ES512", "PS256", "RS384"]))
    value = token(algorithm=algorithm)
    signature = bytearray(decode_standard(value["signature"]))
    place = data.draw(st.integers(0, len(signature)))
    signature[place : place + data.draw(st.sampled_from([0, 1, 66]))] = data.draw(st.binary(max_size=66))
    try:
        found = accept(octets(value | {"signature": b64(bytes(signature))}))
    except Refusal:
        return
    assert found.signature == decode_standard(value["signature"]), "another signature"
