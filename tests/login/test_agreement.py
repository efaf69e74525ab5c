"""S22, S29: an agreement is signed as an agreement, this text in this version, and is nothing else."""

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.errors import Refusal
from certlogin.login.agreement import (
    AcceptedAgreement,
    Agreement,
    AgreementChanged,
    UnredeemedAgreement,
    accept_agreement,
    check_agreement,
)
from certlogin.login.challenge import ChallengeExpired, ChallengeForeign, Purpose
from certlogin.login.proof import (
    AlgorithmNotAllowed,
    FormatNotAllowed,
    OriginMismatch,
    ProofForeign,
    UnverifiedProof,
    check_proof,
)
from certlogin.pki.certificate import read_certificate
from certlogin.pki.path import CertificateUntrusted
from certlogin.pki.revocation import CertificateRevoked
from certlogin.pki.signature import Algorithm, SignatureMismatch, verify_signature
from certlogin.wire.agreement import AgreementPayload
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.payload import Purpose as Signed
from certlogin.wire.payload import SignedPayload, signed_bytes
from tests.companions import without
from tests.factory import NOW, Issued, make_pki, sign
from tests.login.signing import BINDING, EXPECTED, KEYS, MAX_AGE, challenge, leaf, payload_of, sign_proof

AGREEMENT = Agreement("升级协议 第 1 版\n旧证书在新证书启用前继续有效。\n收件人：王曙光 13800000000\n", "1")
BINDING_AGREE = replace(BINDING, purpose=Purpose.AGREE)
EXPECTED_AGREE = replace(EXPECTED, binding=BINDING_AGREE)
RSA = leaf("RSA-2048")


def payload_of_agreement(signer: Issued | None = None, **changes: Any) -> AgreementPayload:
    common = payload_of(signer, nonce=challenge(BINDING_AGREE))
    facts = {name: getattr(common, name) for name in SignedPayload.MEMBERS}
    usual = facts | {
        "purpose": Signed.AGREE,
        "text_sha256": AGREEMENT.sha256,
        "text_version": AGREEMENT.version,
    }
    return AgreementPayload(**(usual | changes))


def signed(payload: SignedPayload | None = None, signer: Issued | None = None, **changes: Any) -> UnverifiedProof:
    return sign_proof(payload or payload_of_agreement(signer), signer, **changes)


def check(proof: UnverifiedProof, agreement: Agreement = AGREEMENT) -> UnredeemedAgreement:
    return check_agreement(proof, agreement, EXPECTED_AGREE, NOW, KEYS)


def accept(proof: UnverifiedProof) -> AcceptedAgreement:
    return accept_agreement(check(proof), make_pki().trust(), NOW)


@pytest.mark.parametrize(("key_type", "algorithm"), [("P-256", "ES256"), ("RSA-2048", "RS256")])
def test_a_good_agreement_is_accepted_with_all_that_evidence_needs(key_type: str, algorithm: str) -> None:
    signer = leaf(key_type)
    proof = signed(payload_of_agreement(signer, alg=algorithm), signer)
    unredeemed = check(proof)
    assert unredeemed.nonce == challenge(BINDING_AGREE).split(".")[0]
    accepted = accept_agreement(unredeemed, make_pki().trust(), NOW)
    assert (accepted.agreement, accepted.algorithm) == (AGREEMENT, Algorithm(algorithm))
    assert (accepted.payload, accepted.signature) == (proof.payload, proof.signature)
    assert accepted.proof.certificate.facts.der == signer.der
    assert (accepted.proof.helper_version, accepted.proof.clock_difference) == ((1, 5, 1, 0), 0)


def test_the_text_is_hashed_as_it_is_and_shown_to_no_log() -> None:
    assert AGREEMENT.sha256 == sha256(AGREEMENT.text.encode()).hexdigest()
    assert "王曙光" not in repr(AGREEMENT)


@pytest.mark.parametrize("text", ["", "付款\u202e100", "a\r\nb", "e\u0301"])
def test_a_text_that_no_helper_would_show_is_never_offered(text: str) -> None:
    with pytest.raises(BadRequest):
        Agreement(text, "1")


# --- the text

UNCOMPARED = {"certlogin.login.agreement.hmac.compare_digest": lambda *_: True}


@without(UNCOMPARED)
@pytest.mark.parametrize(
    ("now", "member"),
    [
        (Agreement(AGREEMENT.text + " ", "1"), "text_sha256"),
        (Agreement(AGREEMENT.text.removesuffix("\n"), "1"), "text_sha256"),
        (Agreement(AGREEMENT.text.replace("13800000000", "13900000000"), "1"), "text_sha256"),
        (Agreement(AGREEMENT.text, "2"), "text_version"),
        (Agreement(AGREEMENT.text, "1.0"), "text_version"),
    ],
)
def test_s29_a_text_that_changed_after_it_was_shown_needs_a_new_signature(now: Agreement, member: str) -> None:
    with pytest.raises(AgreementChanged) as refusal:
        check(signed(), now)
    assert (refusal.value.code, refusal.value.facts()) == ("agreement_changed", {"member": member})


def takes_any(*_: object) -> None:
    pass


UNVERIFIED = {"certlogin.login.proof.verify_signature": takes_any}


@without(UNVERIFIED)
@pytest.mark.parametrize("changes", [{"text_sha256": Agreement("other", "1").sha256}, {"text_version": "2"}])
def test_s29_a_text_written_into_a_signed_payload_is_noticed(changes: dict[str, str]) -> None:
    """Whoever stands between the helper and us exchanges the text and its hash."""
    proof = signed()
    forged = replace(proof, payload=json.dumps(json.loads(proof.payload) | changes, ensure_ascii=False).encode())
    version = changes.get("text_version", "1")
    text = "other" if "text_sha256" in changes else AGREEMENT.text
    with pytest.raises(SignatureMismatch):
        accept_agreement(check(forged, Agreement(text, version)), make_pki().trust(), NOW)


# --- separation (S22): three obstacles, each enough by itself, so all three are taken away to see the attack succeed


def takes_members_of_both(value: Any, members: Any) -> None:
    value.setdefault("text_sha256", AGREEMENT.sha256)
    value.setdefault("text_version", AGREEMENT.version)


def takes_any_prefix(certificate: Any, algorithm: Any, octets: bytes, signature: bytes, sm2: Any) -> None:
    payload = octets.partition(b"\x00")[2]
    for purpose in (Signed.LOGIN, Signed.AGREE):
        try:
            return verify_signature(certificate, algorithm, signed_bytes(payload, purpose), signature, sm2)
        except SignatureMismatch:
            continue
    raise SignatureMismatch(algorithm, certificate.sha256)


ANY_MEMBERS = {"certlogin.wire.payload.exact_members": takes_members_of_both}
ANY_PURPOSE = {
    "certlogin.wire.agreement.AgreementPayload._purpose": classmethod(lambda cls, name: Signed.AGREE),
    "certlogin.wire.payload.auth_purpose": lambda name: Signed.LOGIN,
}
ANY_PREFIX = {"certlogin.login.proof.verify_signature": takes_any_prefix}
UNBOUND = {"certlogin.login.challenge.Binding.octets": lambda binding: ()}
NO_SEPARATION = {**ANY_MEMBERS, **ANY_PURPOSE, **ANY_PREFIX, **UNBOUND}


@without(NO_SEPARATION)
def test_s22_a_login_is_no_agreement() -> None:
    with pytest.raises((BadRequest, ChallengeForeign, SignatureMismatch)):
        accept(sign_proof())


@without({**ANY_MEMBERS, **ANY_PURPOSE, **ANY_PREFIX})
def test_s22_a_login_under_a_challenge_of_an_agreement_is_none() -> None:
    """The page hands the helper's login call the challenge that was issued for the agreement."""
    with pytest.raises((BadRequest, SignatureMismatch)):
        accept(sign_proof(payload_of(nonce=challenge(BINDING_AGREE))))


@without(ANY_PREFIX)
def test_s22_the_signature_of_a_login_over_the_octets_of_an_agreement_is_none() -> None:
    """A helper that signed any payload with its prefix for logins."""
    octets = payload_of_agreement().to_bytes()
    signature = sign(leaf().key, signed_bytes(octets, Signed.LOGIN), "ES256")
    with pytest.raises(SignatureMismatch):
        accept(replace(signed(), signature=signature))


@without(NO_SEPARATION)
def test_s22_an_agreement_is_no_login() -> None:
    with pytest.raises((BadRequest, ChallengeForeign)):
        check_proof(signed(), EXPECTED, NOW, KEYS)


@without({**ANY_MEMBERS, **ANY_PURPOSE})
def test_s22_an_agreement_under_a_challenge_of_a_login_is_none() -> None:
    with pytest.raises(BadRequest):
        check_proof(signed(payload_of_agreement(nonce=challenge())), EXPECTED, NOW, KEYS)


@without({"certlogin.wire.agreement.AgreementPayload._purpose": classmethod(lambda cls, name: Signed.AGREE)})
@pytest.mark.parametrize("purpose", [purpose for purpose in Signed if purpose is not Signed.AGREE])
def test_s22_another_purpose_with_the_members_of_an_agreement_is_none(purpose: Signed) -> None:
    proof = signed()
    other = json.dumps(json.loads(proof.payload) | {"purpose": purpose.value}, ensure_ascii=False).encode()
    with pytest.raises(BadRequest) as refusal:
        check(replace(proof, payload=other))
    assert (refusal.value.reason, refusal.value.member) == ("not_allowed", "purpose")


#: A vendor's text would do where the server offers it.
OFFERED = {
    "tests.login.test_agreement.EXPECTED_AGREE": replace(
        EXPECTED_AGREE, binding=replace(BINDING_AGREE, formats=("cms", "native", "text", "web-eid"))
    ),
    "tests.login.test_agreement.BINDING_AGREE": replace(BINDING_AGREE, formats=("cms", "native", "text", "web-eid")),
}


@without({**OFFERED, "certlogin.login.agreement.NATIVE": "text"}, sees="DID NOT RAISE")
def test_s22_other_forms_sign_no_agreement_even_where_they_are_offered() -> None:
    with pytest.raises(FormatNotAllowed):
        check(signed(format="text"))


# --- everything that holds for a login holds here


UNCHECKED = {"certlogin.login.proof._compare": lambda *_: None}


@without(UNCHECKED)
@pytest.mark.parametrize("member", ["unit", "sid", "cert_sha256"])
def test_s17_an_agreement_of_something_else_is_refused(member: str) -> None:
    with pytest.raises(ProofForeign) as refusal:
        check(signed(payload_of_agreement(None, **{member: "0" * 64})))
    assert refusal.value.member == member


@without(UNCHECKED)
def test_s21_a_relayed_agreement_is_refused_by_the_origin_the_helper_saw() -> None:
    with pytest.raises(OriginMismatch):
        check(signed(payload_of_agreement(origin="https://evil.example")))


@without({"certlogin.login.proof.check_challenge": lambda text, *_: text})
@pytest.mark.parametrize("later", [False, True])
def test_s17_a_late_or_foreign_challenge_signs_no_agreement(later: bool) -> None:
    nonce = challenge(BINDING_AGREE) if later else challenge(replace(BINDING_AGREE, attempt="0b" * 32))
    now = NOW + MAX_AGE if later else NOW
    with pytest.raises((ChallengeExpired, ChallengeForeign)):
        check_agreement(signed(payload_of_agreement(nonce=nonce)), AGREEMENT, EXPECTED_AGREE, now, KEYS)


@without({"certlogin.login.proof._check_algorithm": lambda *_: None})
def test_s20_an_algorithm_that_was_not_offered_signs_no_agreement() -> None:
    with pytest.raises(AlgorithmNotAllowed):
        check(signed(payload_of_agreement(RSA, alg="PS256"), RSA))


def test_an_untrusted_or_revoked_certificate_agrees_to_nothing() -> None:
    unredeemed = check(signed())
    with pytest.raises(CertificateUntrusted):
        accept_agreement(unredeemed, make_pki(label="another").trust(), NOW)
    revoked = make_pki().trust(crls_der=make_pki().crls(revoked=[leaf().serial]))
    with pytest.raises(CertificateRevoked):
        accept_agreement(unredeemed, revoked, NOW)


def test_what_is_signed_is_prefix_and_payload() -> None:
    proof = signed()
    octets = b"CERTLOGIN-AGREE-V1\x00" + proof.payload
    verify_signature(read_certificate(proof.certificate), Algorithm.ES256, octets, proof.signature)


PROOF = signed()


@given(st.binary(max_size=80))
def test_any_payload_is_an_agreement_or_refused(payload: bytes) -> None:
    with pytest.raises(Refusal):
        check(replace(PROOF, payload=payload))
