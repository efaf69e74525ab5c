"""S17, S18, S20, S21, S22: what a proof must say, and that it says it under the right key."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from certlogin.errors import Refusal
from certlogin.login.challenge import ChallengeExpired, ChallengeForeign
from certlogin.login.proof import (
    AcceptedProof,
    AlgorithmNotAllowed,
    Expected,
    FormatNotAllowed,
    OriginMismatch,
    ProofForeign,
    UnredeemedProof,
    UnverifiedProof,
    accept_proof,
    check_proof,
    sid_of,
)
from certlogin.pki.certificate import CertificateUnreadable, UnverifiedCertificate, read_certificate
from certlogin.pki.path import CertificateUntrusted, Trust
from certlogin.pki.signature import (
    P256_ORDER,
    P384_ORDER,
    Algorithm,
    KeyMismatch,
    SignatureMalformed,
    SignatureMismatch,
    _verify_ecdsa,
    verify_signature,
)
from certlogin.pki.sm2 import SM2
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.payload import Purpose as Signed
from certlogin.wire.payload import signed_bytes
from tests.companions import allows, without
from tests.factory import NOW, Issued, make_pki, sign
from tests.login.signing import (
    BINDING,
    EXPECTED,
    FOREIGN,
    KEYS,
    MAX_AGE,
    OTHER_KEYS,
    SECOND,
    challenge,
    foreign_binding,
    leaf,
    payload_of,
    sign_proof,
)

HOUR = timedelta(hours=1)
PREFIXES = [b"", b"\x00", b"CERTLOGIN-AUTH-V1", b"CERTLOGIN-HELPER-V1\x00", b"0\x82"]


def check(proof: UnverifiedProof, expected: Expected = EXPECTED) -> UnredeemedProof:
    return check_proof(proof, expected, NOW, KEYS)


def accept(proof: UnverifiedProof, trust: Trust | None = None) -> AcceptedProof:
    return accept_proof(check(proof), trust or make_pki().trust(), NOW)


# --- what stands in the place of a defence


def takes_any_prefix(
    certificate: UnverifiedCertificate, algorithm: Algorithm, signed: bytes, signature: bytes, sm2: SM2 | None
) -> None:
    payload = signed.partition(b"\x00")[2]
    for prefix in PREFIXES:
        with suppress(SignatureMismatch):
            return verify_signature(certificate, algorithm, prefix + payload, signature, sm2)
    raise SignatureMismatch(algorithm, certificate.sha256)


def lets_the_key_choose(
    certificate: UnverifiedCertificate, algorithm: Algorithm, signed: bytes, signature: bytes, sm2: SM2 | None
) -> None:
    """The algorithm by the kind of key, not by the name that was agreed on; P-384 with any hash."""
    key = certificate.x509.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        _verify_ecdsa(key, P384_ORDER if key.key_size == 384 else P256_ORDER, hashes.SHA256(), signed, signature)
    else:
        verify_signature(certificate, Algorithm.RS256, signed, signature, sm2)


def takes_any_padding(key: rsa.RSAPublicKey, how: padding.AsymmetricPadding, signed: bytes, signature: bytes) -> None:
    try:
        key.verify(signature, signed, how, hashes.SHA256())
    except InvalidSignature:
        key.verify(signature, signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def takes_der_too(
    key: ec.EllipticCurvePublicKey, order: int, digest: hashes.HashAlgorithm, signed: bytes, signature: bytes
) -> None:
    if len(signature) != 64:
        key.verify(signature, signed, ec.ECDSA(digest))
    else:
        _verify_ecdsa(key, order, digest, signed, signature)


UNCOMPARED = {"certlogin.login.proof._compare": lambda *_: None}
UNBOUND = {"certlogin.login.challenge.Binding.octets": lambda binding: ()}
ANY_ALGORITHM = {"certlogin.login.proof._check_algorithm": lambda *_: None}
BY_THE_KEY = {"certlogin.login.proof.verify_signature": lets_the_key_choose}
ANY_PADDING = {"certlogin.pki.signature._verify_rsa": takes_any_padding}
ANY_ENCODING = {"certlogin.pki.signature._verify_ecdsa": takes_der_too}
ANY_PURPOSE = {"certlogin.wire.payload.auth_purpose": lambda name: Signed.LOGIN}
ONE_PREFIX = {"certlogin.wire.payload._PREFIXES": dict.fromkeys(Signed, b"CERTLOGIN-AUTH-V1")}


# --- good ones


@pytest.mark.parametrize(("key_type", "algorithm"), [("P-256", "ES256"), ("RSA-2048", "RS256")])
def test_a_good_proof_is_accepted(key_type: str, algorithm: str) -> None:
    signer = leaf(key_type)
    unredeemed = check(sign_proof(payload_of(signer, alg=algorithm), signer))
    assert unredeemed.nonce == challenge().split(".")[0]
    accepted = accept_proof(unredeemed, make_pki().trust(), NOW)
    assert accepted.certificate.facts.der == signer.der
    assert (accepted.helper_version, accepted.clock_difference) == ((1, 5, 1, 0), 0)


def test_a_proof_may_bring_the_certificates_above_it() -> None:
    pki = make_pki()
    trust = pki.trust(intermediates_der=(), revocation="off")
    assert accept(sign_proof(chain=(pki.issuing.der,)), trust).certificate.path[0] == leaf().der
    with pytest.raises(CertificateUntrusted):
        accept(sign_proof(), trust)


@allows
@pytest.mark.parametrize("hours", [-30, -1, 1, 30])
def test_s17_a_helper_s_wrong_clock_is_reported_and_not_judged(hours: int) -> None:
    iat = int((NOW + hours * HOUR).timestamp())
    assert accept(sign_proof(payload_of(iat=iat))).clock_difference == hours * 3600


def test_two_proofs_of_one_challenge_give_the_same_text_to_redeem() -> None:
    """Two proofs of one challenge, both good in themselves: the store lets one pass."""
    first, second = sign_proof(), sign_proof(payload_of(iat=1))
    assert check(first).nonce == check(second).nonce
    assert first.signature != second.signature


def test_sid_hides_the_public_id() -> None:
    assert sid_of("A" * 16) == "991204fba2b6216d476282d375ab88d20e6108d109aecded97ef424ddd114706"


# --- what the payload says


@without(UNCOMPARED)
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("unit", "unit-2"),
        ("unit", "unit-1 "),
        ("unit", "UNIT-1"),
        ("sid", sid_of("B" * 16)),
        ("sid", "A" * 16),
        ("cert_sha256", "0" * 64),
        *(("purpose", purpose) for purpose in (Signed.BIND, Signed.UNBIND, Signed.TRANSFER, Signed.STEP_UP)),
    ],
)
def test_s17_s22_a_payload_of_something_else_is_refused(member: str, value: Any) -> None:
    with pytest.raises(ProofForeign) as refusal:
        check(sign_proof(payload_of(**{member: value})))
    assert refusal.value.facts() == {"member": member}


@without(UNCOMPARED)
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://survey.example",
        "https://survey.example:8443",
        "https://survey.example/",
        "https://SURVEY.example",
        "https://survey.example.evil.example",
        "null",
    ],
)
def test_s21_a_relayed_challenge_is_refused_by_the_origin_the_helper_saw(origin: str) -> None:
    with pytest.raises(OriginMismatch) as refusal:
        check(sign_proof(payload_of(origin=origin)))
    assert (refusal.value.code, refusal.value.facts()) == ("origin_mismatch", {"origin": origin})
    # The origin is the only obstacle: a site of that name would accept the same signature.
    there = replace(BINDING, origin=origin)
    relayed = sign_proof(payload_of(origin=origin, nonce=challenge(there)))
    assert check(relayed, replace(EXPECTED, binding=there))


@without(UNBOUND)
@pytest.mark.parametrize("member", FOREIGN)
def test_s17_a_challenge_of_something_else_is_refused(member: str) -> None:
    with pytest.raises(ChallengeForeign):
        check(sign_proof(payload_of(nonce=challenge(foreign_binding(member)))))


@without({"tests.login.test_proof.EXPECTED": replace(EXPECTED, max_age=HOUR)})
def test_s17_a_late_challenge_is_refused() -> None:
    proof = sign_proof()
    with pytest.raises(ChallengeExpired):
        check_proof(proof, EXPECTED, NOW + MAX_AGE, KEYS)
    assert check_proof(proof, EXPECTED, NOW + MAX_AGE - SECOND, KEYS)


@without({"certlogin.login.challenge.holds": lambda *_: True})
def test_s17_a_challenge_of_another_site_s_key_is_refused() -> None:
    with pytest.raises(ChallengeForeign):
        check_proof(sign_proof(), EXPECTED, NOW, OTHER_KEYS)


# --- format and algorithm


@without({"certlogin.login.proof._check_format": lambda *_: None})
@pytest.mark.parametrize("name", ["text", "cms", "web-eid", "NATIVE", "native ", ""])
def test_s18_a_format_that_was_not_allowed_is_refused(name: str) -> None:
    with pytest.raises(FormatNotAllowed) as refusal:
        check(sign_proof(format=name))
    assert refusal.value.facts() == {"format": name}


@without(UNBOUND)
def test_s18_a_challenge_for_one_set_of_formats_serves_no_other() -> None:
    """Where the server allowed more for another issuer, its challenge does not help here, nor this one there."""
    wider = replace(BINDING, formats=("native", "text"))
    with pytest.raises(ChallengeForeign):
        check(sign_proof(payload_of(nonce=challenge(wider))))
    with pytest.raises(ChallengeForeign):
        check(sign_proof(), replace(EXPECTED, binding=wider))
    assert check(sign_proof(payload_of(nonce=challenge(wider)), format="text"), replace(EXPECTED, binding=wider))


# The names that nothing can verify meet the enumeration next.
@without(ANY_ALGORITHM | {"certlogin.login.proof.Algorithm": str})
@pytest.mark.parametrize("algorithm", ["PS256", "ES384", "SM2-SM3", "RS1", "HS256"])
def test_s20_an_algorithm_that_was_not_offered_is_refused(algorithm: str) -> None:
    with pytest.raises(AlgorithmNotAllowed) as refusal:
        check(sign_proof(payload_of(alg=algorithm)))
    assert refusal.value.facts() == {"algorithm": algorithm}


@without(ANY_ALGORITHM)
def test_s20_only_what_this_challenge_offered_counts() -> None:
    narrow = replace(EXPECTED, binding=replace(BINDING, algorithms=("RS256",)))
    nonce = challenge(narrow.binding)
    with pytest.raises(AlgorithmNotAllowed):
        check(sign_proof(payload_of(nonce=nonce)), narrow)
    signer = leaf("RSA-2048")
    assert check(sign_proof(payload_of(signer, nonce=nonce, alg="RS256"), signer), narrow)


@without(BY_THE_KEY)
@pytest.mark.parametrize(("key_type", "algorithm"), [("RSA-2048", "ES256"), ("P-256", "RS256"), ("P-384", "ES256")])
def test_s20_an_algorithm_of_another_key_is_refused(key_type: str, algorithm: str) -> None:
    signer = leaf(key_type)
    with pytest.raises(KeyMismatch):
        accept(sign_proof(payload_of(signer, alg=algorithm), signer))


def _pss(signer: Issued, message: bytes) -> bytes:
    assert isinstance(signer.key, rsa.RSAPrivateKey)
    return signer.key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def _der(signer: Issued, message: bytes) -> bytes:
    assert isinstance(signer.key, ec.EllipticCurvePrivateKey)
    return signer.key.sign(message, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("key_type", "algorithm", "make", "refusal"),
    [
        pytest.param("RSA-2048", "RS256", _pss, SignatureMismatch, marks=without(ANY_PADDING)),
        pytest.param("P-256", "ES256", _der, SignatureMalformed, marks=without(ANY_ENCODING)),
    ],
)
def test_s20_another_encoding_of_a_signature_is_refused(
    key_type: str, algorithm: str, make: Callable[[Issued, bytes], bytes], refusal: type[Refusal]
) -> None:
    signer = leaf(key_type)
    good = sign_proof(payload_of(signer, alg=algorithm), signer)
    assert accept(good)
    with pytest.raises(refusal):
        accept(replace(good, signature=make(signer, signed_bytes(good.payload, Signed.LOGIN))))


@pytest.mark.parametrize("cut", [0, 1, 32, 63])
def test_a_truncated_signature_is_refused(cut: int) -> None:
    proof = sign_proof()
    with pytest.raises(SignatureMalformed):
        accept(replace(proof, signature=proof.signature[:cut]))


# --- S22: one use of a key is no other


@without(ONE_PREFIX)
@pytest.mark.parametrize("purpose", [Signed.AGREE, Signed.UPGRADE])
def test_s22_a_login_signed_as_something_else_is_no_login(purpose: Signed) -> None:
    proof = sign_proof()
    with pytest.raises(SignatureMismatch):
        accept(replace(proof, signature=sign(leaf().key, signed_bytes(proof.payload, purpose))))


@without({"certlogin.login.proof.verify_signature": takes_any_prefix})
@pytest.mark.parametrize("prefix", PREFIXES)
def test_s22_nothing_but_the_prefix_of_its_class_will_do(prefix: bytes) -> None:
    proof = sign_proof()
    with pytest.raises(SignatureMismatch):
        accept(replace(proof, signature=sign(leaf().key, prefix + proof.payload)))


@without(ONE_PREFIX)
@pytest.mark.parametrize("purpose", [Signed.AGREE, Signed.UPGRADE])
def test_s22_a_login_signature_is_neither_agreement_nor_upgrade(purpose: Signed) -> None:
    proof, certificate = sign_proof(), read_certificate(leaf().der)
    with pytest.raises(SignatureMismatch):
        verify_signature(certificate, Algorithm.ES256, signed_bytes(proof.payload, purpose), proof.signature)
    verify_signature(certificate, Algorithm.ES256, signed_bytes(proof.payload, Signed.LOGIN), proof.signature)


@without(ANY_PURPOSE)
@pytest.mark.parametrize(
    "purpose",
    [
        *("agree", "upgrade", "enrol", "enroll", "Login"),
        pytest.param(
            "", marks=without(ANY_PURPOSE | {"certlogin.wire.payload.text": lambda members, name, _: members[name]})
        ),
    ],
)
def test_s22_a_payload_of_another_class_is_not_read_as_a_login(purpose: str) -> None:
    octets = payload_of().to_bytes().replace(b'"purpose":"login"', f'"purpose":"{purpose}"'.encode())
    signature = sign(leaf().key, signed_bytes(octets, Signed.LOGIN))
    with pytest.raises(BadRequest):
        check(replace(sign_proof(), payload=octets, signature=signature))


@without(UNCOMPARED)
@pytest.mark.parametrize("purpose", [Signed.BIND, Signed.UNBIND, Signed.TRANSFER, Signed.STEP_UP])
def test_s22_the_purpose_inside_the_class_is_the_only_obstacle(purpose: Signed) -> None:
    """Same prefix, so the signature is good; the member alone keeps a bind from being a login."""
    proof = sign_proof(payload_of(purpose=purpose))
    verify_signature(
        read_certificate(proof.certificate), Algorithm.ES256, signed_bytes(proof.payload, Signed.LOGIN), proof.signature
    )
    with pytest.raises(ProofForeign):
        check(proof)


# --- the certificate under the signature


@without(UNCOMPARED | {"certlogin.login.proof.verify_signature": lambda *_: None})
def test_s20_a_certificate_swapped_under_a_signature_is_refused() -> None:
    other = leaf(key_name="other")
    with pytest.raises(ProofForeign) as refusal:
        accept(sign_proof(certificate=other.der))
    assert refusal.value.member == "cert_sha256"
    with pytest.raises(SignatureMismatch):
        accept(sign_proof(payload_of(other), certificate=other.der))
    assert accept(sign_proof(payload_of(other), other))


@without(UNCOMPARED)
def test_s20_another_certificate_of_the_same_key_is_another_certificate() -> None:
    renewed = make_pki().issuing.issue()
    with pytest.raises(ProofForeign):
        accept(sign_proof(certificate=renewed.der))
    assert accept(sign_proof(payload_of(renewed), certificate=renewed.der)).certificate.facts.der == renewed.der


def test_a_truncated_certificate_is_refused_even_when_its_hash_is_signed() -> None:
    cut = leaf().der[:-1]
    with pytest.raises(ProofForeign):
        check(sign_proof(certificate=cut))
    with pytest.raises(CertificateUnreadable):
        accept(sign_proof(payload_of(cert_sha256=sha256(cut).hexdigest()), certificate=cut))
