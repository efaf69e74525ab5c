"""Proofs with every algorithm, judged whole: signature, path, revocation required, identity."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from certlogin.login.challenge import Binding
from certlogin.login.proof import (
    AcceptedProof,
    AlgorithmNotAllowed,
    Expected,
    UnverifiedProof,
    accept_proof,
    check_proof,
)
from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.path import Trust
from certlogin.pki.revocation import CertificateRevoked, RevocationUnknown, Settled
from certlogin.pki.signature import Algorithm, KeyMismatch, SignatureMismatch, offered, verify_signature
from certlogin.pki.sm2 import SM2, SM2Unavailable
from certlogin.records.certificate import KeyType
from tests.companions import without
from tests.factory import NOW, UNIT_CODE, Issued, make_pki, sm2
from tests.login.signing import BINDING, EXPECTED, KEYS, challenge, payload_of, sign_proof

ALL: Binding = replace(BINDING, algorithms=offered(sm2()))
KEY_OF = {"RS256": "RSA-2048", "PS256": "RSA-2048", "ES256": "P-256", "ES384": "P-384", "SM2-SM3": "SM2"}


def signer(key_type: str, authorities: str = "P-256") -> Issued:
    return make_pki(authorities).issuing.issue(key_type=key_type)


def proof_by(by: Issued, algorithm: str, binding: Binding = ALL) -> UnverifiedProof:
    return sign_proof(payload_of(by, nonce=challenge(binding), alg=algorithm), by)


def accept(proof: UnverifiedProof, trust: Trust, expected: Expected | None = None) -> AcceptedProof:
    return accept_proof(check_proof(proof, expected or replace(EXPECTED, binding=ALL), NOW, KEYS), trust, NOW)


def trust_of(authorities: str) -> Trust:
    """With the library, whatever the keys of the authorities."""
    return replace(make_pki(authorities).trust(), sm2=sm2())


def takes_any_name(
    certificate: UnverifiedCertificate, algorithm: Algorithm, signed: bytes, signature: bytes, sm2: SM2 | None
) -> None:
    """The algorithm that fits the key, whatever name was agreed on."""
    verify_signature(certificate, Algorithm.SM2, signed, signature, sm2)


def passes_what_it_cannot_check(sm2: SM2 | None) -> SimpleNamespace:
    return SimpleNamespace(verify=lambda *_: None)


NO_REVOCATION = {"certlogin.pki.judge.settle_revocation": lambda *_: None}


@pytest.mark.parametrize("authorities", ["P-256", "RSA-2048", "SM2"])
@pytest.mark.parametrize("algorithm", KEY_OF)
def test_a_proof_is_accepted_with_every_algorithm_below_every_authority(algorithm: str, authorities: str) -> None:
    accepted = accept(proof_by(signer(KEY_OF[algorithm], authorities), algorithm), trust_of(authorities))
    assert accepted.certificate.revocation is Settled.CRL
    assert accepted.certificate.facts.unit_code == UNIT_CODE


def test_an_sm2_unit_logs_in_with_revocation_required() -> None:
    accepted = accept(proof_by(signer("SM2", "SM2"), "SM2-SM3"), trust_of("SM2"))
    assert accepted.certificate.facts.key_type is KeyType.SM2
    assert accepted.certificate.revocation is Settled.CRL


@without(NO_REVOCATION)
def test_s24_a_revoked_sm2_certificate_proves_nothing() -> None:
    by = signer("SM2", "SM2")
    pki = make_pki("SM2")
    revoked = pki.trust(crls_der=pki.crls(revoked=[by.serial]))
    with pytest.raises(CertificateRevoked):
        accept(proof_by(by, "SM2-SM3"), revoked)
    assert accept(proof_by(by, "SM2-SM3"), pki.trust())


@without(NO_REVOCATION)
def test_s24_without_the_lists_of_the_sm2_authority_nobody_is_accepted() -> None:
    with pytest.raises(RevocationUnknown):
        accept(proof_by(signer("SM2", "SM2"), "SM2-SM3"), make_pki("SM2").trust(crls_der=()))


@without(NO_REVOCATION | {"certlogin.login.proof.verify_signature": lambda *_: None})
def test_s20_an_sm2_signature_is_checked_before_anything_else_is_asked() -> None:
    proof = replace(proof_by(signer("SM2", "SM2"), "SM2-SM3"), signature=bytes(31) + b"\x01" + bytes(31) + b"\x01")
    with pytest.raises(SignatureMismatch):
        accept(proof, make_pki("SM2").trust(crls_der=()))


@without({"certlogin.login.proof.verify_signature": takes_any_name})
@pytest.mark.parametrize("claimed", [name for name in KEY_OF if name != Algorithm.SM2])
def test_s20_an_sm2_key_proves_by_sm2_only(claimed: str) -> None:
    with pytest.raises(KeyMismatch):
        accept(proof_by(signer("SM2"), claimed), trust_of("P-256"))
    assert accept(proof_by(signer("SM2"), Algorithm.SM2), trust_of("P-256"))


@without({"certlogin.login.proof._check_algorithm": lambda *_: None})
def test_s20_where_sm2_is_not_offered_its_proofs_are_refused_by_name() -> None:
    without = replace(BINDING, algorithms=offered(None))
    with pytest.raises(AlgorithmNotAllowed):
        accept(proof_by(signer("SM2"), "SM2-SM3", without), trust_of("P-256"), replace(EXPECTED, binding=without))


@without({"certlogin.pki.signature._sm2": passes_what_it_cannot_check})
def test_s20_an_offer_without_a_library_ends_in_no_login() -> None:
    """Which no composition makes; it must still not pass."""
    with pytest.raises(SM2Unavailable):
        accept(proof_by(signer("SM2"), "SM2-SM3"), replace(trust_of("P-256"), sm2=None))
