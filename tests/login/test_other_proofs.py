"""Text, CMS and Web eID as proofs: accepted where the issuer allows them, refused for every fact that is not ours."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.errors import Refusal
from certlogin.login.challenge import Binding, ChallengeExpired, ChallengeForeign
from certlogin.login.other_proofs import (
    OtherProof,
    accept_other_proof,
    check_other_proof,
    open_other_proof,
)
from certlogin.login.proof import (
    AcceptedProof,
    AlgorithmNotAllowed,
    Expected,
    FormatNotAllowed,
    ProofForeign,
    accept_proof,
    check_proof,
)
from certlogin.login.text import UnfitForText, login_text
from certlogin.login.web_eid import WebEidSigningCertificate, nonce_of
from certlogin.pki.certificate import CertificateTooLarge
from certlogin.pki.cms import CMSContentMismatch
from certlogin.pki.jwa import JWA
from certlogin.pki.path import CertificateUntrusted, Trust
from certlogin.pki.profile import CertificateUsage
from certlogin.pki.revocation import CertificateRevoked
from certlogin.pki.signature import KeyMismatch, SignatureMalformed, SignatureMismatch
from tests.companions import allows, companion, without
from tests.factory import NOW, Issued, make_pki, sign
from tests.factory_keys import sign_der
from tests.login import signing, tokens
from tests.login.others import (
    BINDING,
    CHALLENGE,
    EXPECTED,
    FORMATS,
    allowing,
    cms_proof,
    message_of,
    text_proof,
    token_text,
    web_eid_proof,
)
from tests.login.signing import KEYS, MAX_AGE, OTHER_KEYS, SECOND, leaf

MAKERS: dict[str, Callable[[], OtherProof]] = {"text": text_proof, "cms": cms_proof, "web-eid": web_eid_proof}
each_form = pytest.mark.parametrize("form", MAKERS)

UNVERIFIED: dict[str, object] = {
    "certlogin.login.forms.verify_vendor_signature": lambda *_: None,
    "certlogin.login.forms.verify_signed_data": lambda *_, **__: None,
    "certlogin.login.forms.verify_token": lambda *_: None,
}
ANY_FORMAT = {"certlogin.login.proof._check_format": lambda *_: None}
ANY_ISSUER = {"certlogin.login.other_proofs.check_issuer": lambda *_: None}
ANY_ALGORITHM = {"certlogin.login.proof._check_algorithm": lambda *_: None}
ANY_CHALLENGE = {"certlogin.login.other_proofs.check_challenge": lambda *_: "nonce"}
UNBOUND: dict[str, object] = {"certlogin.login.challenge.Binding.octets": lambda self: ()}
#: What is verified is what the text would be if the client's word counted.
TEXT = "certlogin.login.other_proofs.login_text"


def accept(
    proof: OtherProof, expected: Expected = EXPECTED, trust: Trust | None = None, now: datetime = NOW
) -> AcceptedProof:
    unredeemed = check_other_proof(proof, expected, now, KEYS)
    return accept_other_proof(open_other_proof(unredeemed), unredeemed, trust or make_pki().trust(), now)


@each_form
def test_a_good_proof_is_accepted(form: str) -> None:
    accepted = accept(MAKERS[form]())
    assert accepted.certificate.facts.der == leaf().der
    assert (accepted.format, accepted.helper_version, accepted.clock_difference) == (form, None, None)


@each_form
def test_the_nonce_that_is_to_be_redeemed_is_the_challenges(form: str) -> None:
    assert check_other_proof(MAKERS[form](), EXPECTED, NOW, KEYS).nonce == CHALLENGE.split(".")[0]


# --- S18: where it is allowed


@without(ANY_FORMAT)
@each_form
def test_s18_what_the_challenge_was_not_offered_for_is_refused(form: str) -> None:
    others = tuple(name for name in FORMATS if name != form)
    narrower = replace(BINDING, formats=others)
    proof = replace(MAKERS[form](), challenge=signing.challenge(narrower))
    with pytest.raises(FormatNotAllowed) as refused:
        check_other_proof(proof, replace(EXPECTED, binding=narrower), NOW, KEYS)
    assert refused.value.format == form


@without(UNBOUND)
@each_form
def test_s18_nor_does_the_challenge_of_a_site_that_allows_it_help(form: str) -> None:
    """The set of formats is inside the challenge."""
    narrower = replace(BINDING, formats=tuple(name for name in FORMATS if name != "native"))
    proof = replace(MAKERS[form](), challenge=signing.challenge(BINDING))
    with pytest.raises(ChallengeForeign):
        check_other_proof(proof, replace(EXPECTED, binding=narrower), NOW, KEYS)


@without(ANY_ISSUER)
@each_form
def test_s18_what_this_issuer_does_not_allow_is_refused_though_another_does(form: str) -> None:
    for allowed in (("native",), tuple(name for name in FORMATS if name != form), ()):
        with pytest.raises(FormatNotAllowed):
            accept(MAKERS[form](), allowing(*allowed))
    with pytest.raises(FormatNotAllowed):
        accept(MAKERS[form](), replace(EXPECTED, formats={"another": FORMATS}))


@companion("test_s18_an_issuer_may_allow_no_native_proof")
@allows
def test_s18_native_is_what_an_issuer_allows_that_says_nothing() -> None:
    assert accept_proof(check_proof(signing.sign_proof(), signing.EXPECTED, NOW, KEYS), make_pki().trust(), NOW)


@without({"certlogin.login.proof.check_issuer": lambda *_: None})
def test_s18_an_issuer_may_allow_no_native_proof() -> None:
    expected = replace(signing.EXPECTED, formats={"test": ("text",)})
    unredeemed = check_proof(signing.sign_proof(), expected, NOW, KEYS)
    with pytest.raises(FormatNotAllowed):
        accept_proof(unredeemed, make_pki().trust(), NOW)


# --- S17: the challenge

each_fact = pytest.mark.parametrize("member", ["attempt", "unit", "purpose", "algorithms", "origin", "epoch"])


@without({**UNBOUND, **ANY_CHALLENGE})
@each_fact
@each_form
def test_s17_the_challenge_of_something_else_is_refused(form: str, member: str) -> None:
    foreign = replace(BINDING, **{member: signing.FOREIGN[member]})  # type: ignore[arg-type]
    proof = replace(MAKERS[form](), challenge=signing.challenge(foreign))
    with pytest.raises(ChallengeForeign):
        check_other_proof(proof, EXPECTED, NOW, KEYS)


@without(ANY_CHALLENGE)
@each_form
@pytest.mark.parametrize("text", ["", "nonce", "a.b.c", CHALLENGE + "x", CHALLENGE[1:]])
def test_s17_a_made_up_challenge_is_refused(form: str, text: str) -> None:
    with pytest.raises(ChallengeForeign):
        check_other_proof(replace(MAKERS[form](), challenge=text), EXPECTED, NOW, KEYS)
    with pytest.raises(ChallengeForeign):
        check_other_proof(MAKERS[form](), EXPECTED, NOW, OTHER_KEYS)


@without(ANY_CHALLENGE)
@each_form
def test_s17_a_late_proof_is_refused(form: str) -> None:
    assert check_other_proof(MAKERS[form](), EXPECTED, NOW + MAX_AGE - SECOND, KEYS)
    with pytest.raises(ChallengeExpired):
        check_other_proof(MAKERS[form](), EXPECTED, NOW + MAX_AGE, KEYS)


# --- S21, S22: what was signed


def signed_for(binding: Binding) -> tuple[OtherProof, OtherProof]:
    """Genuine proofs over the facts of another login, shown with this one's challenge."""
    return text_proof(binding=binding), cms_proof(message_of(binding=binding))


@pytest.mark.parametrize("member", ["origin", "unit", "purpose"])
def test_s22_a_text_of_other_facts_is_no_proof(member: str) -> None:
    other = replace(BINDING, **{member: signing.FOREIGN[member]})  # type: ignore[arg-type]
    text, message = signed_for(other)
    with pytest.raises(SignatureMismatch):
        accept(text)
    with pytest.raises(CMSContentMismatch):
        accept(message)


@companion("test_s22_a_text_of_other_facts_is_no_proof")
@pytest.mark.parametrize("member", ["origin", "unit", "purpose"])
def test_s22_without_a_text_of_our_own_it_is(member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the text the client's to say."""
    other = replace(BINDING, **{member: signing.FOREIGN[member]})  # type: ignore[arg-type]
    monkeypatch.setattr(TEXT, lambda _, challenge: login_text(other, challenge))
    for proof in signed_for(other):
        assert accept(proof)


@without({"certlogin.login.other_proofs.nonce_of": lambda _: tokens.NONCE, **UNVERIFIED})
def test_s21_a_token_that_another_site_asked_for_is_refused() -> None:
    with pytest.raises(SignatureMismatch):
        accept(web_eid_proof(token_text(origin="https://evil.example")))


@without(UNVERIFIED)
def test_s17_a_token_for_another_challenge_is_refused() -> None:
    """Fresh, ours, of another attempt: its nonce is not the one that this challenge makes."""
    foreign = signing.challenge(replace(BINDING, attempt="0b" * 32))
    with pytest.raises(SignatureMismatch):
        accept(web_eid_proof(token_text(challenge=foreign)))


@without(UNVERIFIED)
@pytest.mark.parametrize("signed", [b"", CHALLENGE.encode(), b"\n" + login_text(BINDING, CHALLENGE)])
def test_s22_a_signature_over_something_else_is_no_text_proof(signed: bytes) -> None:
    with pytest.raises(SignatureMismatch):
        accept(text_proof(signature=sign(leaf().key, signed)))


@without(UNVERIFIED)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\x00", b" "])
def test_s22_nor_is_one_over_the_text_with_a_line_end(ending: bytes) -> None:
    content = login_text(BINDING, CHALLENGE) + ending
    with pytest.raises(SignatureMismatch):
        accept(text_proof(signature=sign(leaf().key, content)))
    with pytest.raises(CMSContentMismatch):
        accept(cms_proof(message_of(content=content)))


@without(UNVERIFIED)
def test_s22_a_cms_message_shown_as_a_signature_is_refused() -> None:
    with pytest.raises(SignatureMalformed):
        accept(text_proof(signature=message_of().der))


@without(UNVERIFIED)
def test_s22_a_native_signature_is_no_text_proof() -> None:
    with pytest.raises(SignatureMismatch):
        accept(text_proof(signature=signing.sign_proof().signature))


# --- S20: algorithms, encodings, certificates


@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256", "P-384", "SM2"])
@pytest.mark.parametrize("write", [sign, sign_der])
def test_both_forms_of_a_vendors_signature_are_read(key_type: str, write: Callable[..., bytes]) -> None:
    by = make_pki(key_type if key_type == "SM2" else "P-256").issuing.issue(key_type=key_type)
    trust = make_pki("SM2").trust() if key_type == "SM2" else make_pki().trust()
    digest = () if key_type != "P-384" or write is sign else (JWA.ES384.hash,)
    content = login_text(BINDING, CHALLENGE)
    assert accept(text_proof(by, signature=write(by.key, content, *digest)), trust=trust)


@without(ANY_ALGORITHM | {"certlogin.login.other_proofs.Algorithm": lambda _: JWA.ES256})
@pytest.mark.parametrize("algorithm", ["RS512", "ES512", "none", "HS256", "SM2", "", "ES256K"])
def test_s20_a_text_by_an_algorithm_that_was_not_offered_is_refused(algorithm: str) -> None:
    with pytest.raises(AlgorithmNotAllowed):
        accept(text_proof(algorithm=algorithm))


@without(UNVERIFIED)
@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES384", "SM2-SM3"])
def test_s20_the_key_must_be_of_the_algorithm(algorithm: str) -> None:
    with pytest.raises(KeyMismatch):
        accept(text_proof(algorithm=algorithm))


@without(UNVERIFIED)
@pytest.mark.parametrize(
    "signature", [b"", bytes(64), bytes(63), b"\x30\x00", bytes.fromhex("3006020100020100"), bytes(96)]
)
def test_s20_what_is_neither_form_is_malformed(signature: bytes) -> None:
    with pytest.raises(SignatureMalformed):
        accept(text_proof(signature=signature))


@without(UNVERIFIED)
def test_s20_another_certificate_of_the_same_issuer_is_refused() -> None:
    other = make_pki().issuing.issue(key_name="somebody else")
    with pytest.raises(SignatureMismatch):
        accept(text_proof(certificate=other.der))


def test_a_certificate_beside_a_message_is_its_signers() -> None:
    other = make_pki().issuing.issue(key_name="somebody else")
    with pytest.raises(ProofForeign) as refused:
        accept(cms_proof(certificate=other.der))
    assert refused.value.member == "certificate"


def test_a_message_may_lack_its_signers_certificate() -> None:
    assert accept(cms_proof(message_of(certificates=()), certificate=leaf().der))
    assert accept(cms_proof(certificate=leaf().der))


def test_a_chain_may_be_inside_and_beside() -> None:
    intermediate = make_pki().issuing.der
    trust = make_pki().trust(intermediates_der=(), revocation="off")
    with_chain = message_of(certificates=(leaf().der, intermediate))
    assert accept(cms_proof(with_chain, chain=(intermediate, leaf().der)), trust=trust)
    assert accept(cms_proof(chain=(intermediate,)), trust=trust)
    assert accept(text_proof(chain=(intermediate,)), trust=trust)
    with pytest.raises(CertificateUntrusted):
        accept(cms_proof(), trust=trust)


@without({"certlogin.pki.certificate.CLIENT_CERTIFICATES_MAX": 99})
def test_s25_certificates_inside_and_beside_are_counted_together() -> None:
    pki = make_pki()
    inside = (leaf().der, *(pki.root.issue_ca(f"CA {number}").der for number in range(3)))
    beside = tuple(pki.root.issue_ca(f"CA {number}").der for number in range(3, 6))
    with pytest.raises(CertificateTooLarge):
        accept(cms_proof(message_of(certificates=inside), chain=beside))


@pytest.mark.parametrize("form", ["text", "cms"])
def test_of_a_unit_that_no_text_can_name_there_is_no_proof(form: str) -> None:
    strange = replace(BINDING, unit="U\n1")
    proof = replace(MAKERS[form](), challenge=signing.challenge(strange))
    with pytest.raises(UnfitForText):
        accept(proof, replace(EXPECTED, binding=strange))


# --- the order, and what is judged afterwards


def of(by: Issued) -> tuple[OtherProof, ...]:
    return text_proof(by), cms_proof(message_of(by)), web_eid_proof(token_text(by))


@without({"certlogin.login.other_proofs.judge_certificate": lambda leaf, chain, trust, now: accept_all()})
@pytest.mark.parametrize("place", range(3), ids=list(MAKERS))
def test_s24_a_revoked_certificate_is_refused(place: int) -> None:
    pki = make_pki()
    by = pki.issuing.issue()
    with pytest.raises(CertificateRevoked):
        accept(of(by)[place], trust=pki.trust(crls_der=pki.crls([by.serial])))


@without({"certlogin.login.other_proofs.judge_certificate": lambda leaf, chain, trust, now: accept_all()})
@pytest.mark.parametrize("place", range(3), ids=list(MAKERS))
def test_s23_a_certificate_of_a_ca_that_nobody_trusts_is_refused(place: int) -> None:
    with pytest.raises(CertificateUntrusted):
        accept(of(make_pki(label="unknown").issuing.issue())[place])


def accept_all() -> Any:
    """What a judge that looks at nothing finds."""
    accepted = accept_proof(check_proof(signing.sign_proof(), signing.EXPECTED, NOW, KEYS), make_pki().trust(), NOW)
    return accepted.certificate


@each_form
def test_the_signature_is_judged_before_path_and_revocation(form: str) -> None:
    stranger = make_pki(label="unknown").issuing.issue()
    bent: dict[str, OtherProof] = {
        "text": text_proof(stranger, signature=sign(stranger.key, b"something else")),
        "cms": cms_proof(message_of(stranger, sign=lambda _: sign_der(stranger.key, b"something else"))),
        "web-eid": web_eid_proof(token_text(stranger, origin="https://evil.example")),
    }
    with pytest.raises(SignatureMismatch):
        accept(bent[form])


def test_a_signing_certificate_of_somebody_else_spoils_a_token() -> None:
    token = token_text(signers=[tokens.signing_card(common_name="另一单位")])
    with pytest.raises(WebEidSigningCertificate):
        accept(web_eid_proof(token))


@without({"certlogin.login.forms.guard_leaf": lambda *_, **__: None})
def test_s23_the_certificate_of_a_card_says_that_it_is_for_logins() -> None:
    unsaid = make_pki().issuing.issue(extended=None)
    assert accept(text_proof(unsaid))
    with pytest.raises(CertificateUsage) as refused:
        accept(web_eid_proof(token_text(unsaid)))
    assert refused.value.problem == "client_auth"


def test_the_intermediates_of_a_token_count() -> None:
    issuing = make_pki().issuing.der
    trust = make_pki().trust(intermediates_der=(), revocation="off")
    value = tokens.token(leaf(), nonce=nonce_of(CHALLENGE), format="web-eid:1.1")
    with_chain = value | {"unverifiedIntermediateCertificates": [tokens.b64(issuing)]}
    assert accept(web_eid_proof(tokens.octets(with_chain)), trust=trust)
    with pytest.raises(CertificateUntrusted):
        accept(web_eid_proof(), trust=trust)


def test_what_is_verified_is_what_the_token_names() -> None:
    assert accept(web_eid_proof(token_text(signers=[tokens.signing_card()]))).certificate.facts.der == leaf().der


# --- mutations


MESSAGE = message_of().der


@given(data=st.data())
def test_no_mutation_of_a_message_changes_who_has_signed(data: st.DataObject) -> None:
    """A message has many encodings; in each that is read, text and signer are the same."""
    good = bytearray(MESSAGE)
    place = data.draw(st.integers(0, len(good) - 1))
    good[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        accepted = accept(replace(cms_proof(), message=bytes(good)))
    except Refusal:
        return
    assert accepted.certificate.facts.der == leaf().der


WRITERS: tuple[Callable[..., bytes], ...] = (sign, sign_der)
SIGNATURES: list[bytes] = [write(leaf().key, login_text(BINDING, CHALLENGE)) for write in WRITERS]


@without(UNVERIFIED, sees="another signature")
@given(data=st.data())
def test_s20_no_mutation_of_a_texts_signature_is_accepted(data: st.DataObject) -> None:
    """Raw and in DER; the two are the one signature."""
    proof = text_proof(signature=data.draw(st.sampled_from(SIGNATURES)))
    bent = bytearray(proof.signature)
    place = data.draw(st.integers(0, len(bent) - 1))
    bent[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        accept(replace(proof, signature=bytes(bent)))
    except Refusal:
        return
    assert bytes(bent) == proof.signature, "another signature"
