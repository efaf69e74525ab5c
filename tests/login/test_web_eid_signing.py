"""What a token of Web eID 1.1 brings beside the login certificate: certificates for signing, CAs below the anchor."""

from datetime import timedelta
from typing import Any

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509

from certlogin.login import web_eid
from certlogin.login.web_eid import SigningCertificate, WebEidSigningCertificate, check_signing_certificates, read_token
from certlogin.pki.certificate import read_certificate
from certlogin.pki.signature import SignatureMismatch
from tests.companions import allows, without
from tests.factory import DAY, NOW, Issued, make_pki, resign
from tests.login.test_web_eid import UNVERIFIED, accept, refused
from tests.login.tokens import SUPPORTED, b64, card, octets, signing, signing_card, token

MODULE = web_eid.__name__


def problem_of(*signers: Issued, by: Issued | None = None) -> str:
    with pytest.raises(WebEidSigningCertificate) as caught:
        accept(octets(token(by, signers=signers)))
    return caught.value.problem


BENT: dict[str, dict[str, Any]] = {
    "subject": {"common_name": "另一单位"},
    "validity": {"not_after": NOW - DAY},
    "usage": {"usages": ("digital_signature",)},
}
UNJUDGED: dict[str, object] = {f"{MODULE}._BELONGS": {}, f"{MODULE}._check_path": lambda *_: None}


@without(UNJUDGED)
@pytest.mark.parametrize("problem", BENT)
def test_s23_a_signing_certificate_of_somebody_or_something_else_is_refused(problem: str) -> None:
    assert problem_of(signing_card(**BENT[problem])) == problem
    assert problem_of(signing_card(), signing_card(**BENT[problem])) == problem


@without(UNJUDGED)
@pytest.mark.parametrize(
    ("problem", "changes"),
    [
        ("validity", {"not_before": NOW + timedelta(seconds=1)}),
        ("usage", {"usages": None}),
        ("issuer", {"aki": False}),
    ],
)
def test_s23_not_yet_valid_or_without_what_says_so(problem: str, changes: dict[str, Any]) -> None:
    assert problem_of(signing_card(**changes)) == problem


@without(UNJUDGED)
def test_s23_a_signing_certificate_of_another_ca_is_refused() -> None:
    other = make_pki(label="another").issuing.issue(key_name="card, signing", usages=("content_commitment",))
    assert problem_of(other) == "issuer"


@without(UNJUDGED)
def test_s23_without_an_issuers_key_on_either_side_nothing_is_the_same() -> None:
    bare = make_pki().issuing.issue(key_name="card", aki=False)
    assert problem_of(signing_card(aki=False), by=bare) == "issuer"


def forged(**changes: Any) -> Issued:
    """By a CA of the attacker's own, with all that is looked at copied from the card."""
    key_id = next(
        extension.value for extension in card().certificate.extensions
        if isinstance(extension.value, x509.AuthorityKeyIdentifier)
    )  # fmt: skip
    usual: dict[str, Any] = {"usages": ("content_commitment",), "extended": None, "aki": False}
    return make_pki(label="forger").issuing.issue(**(usual | {"extra": ((key_id, False),)} | changes))


@without({f"{MODULE}._check_path": lambda *_: None})
def test_s23_a_signing_certificate_that_no_trusted_ca_has_issued_is_refused() -> None:
    assert problem_of(forged()) == "path"


@allows
def test_s23_the_two_certificates_of_a_card_may_name_their_subject_in_another_order() -> None:
    turned = x509.Name(reversed(list(card().certificate.subject)))
    der = resign(signing_card().der, make_pki().issuing.key, lambda tbs: named(tbs, turned))
    value = token(signers=[signing_card()])
    value["unverifiedSigningCertificates"][0]["certificate"] = b64(der)
    assert accept(octets(value))


def named(tbs: Any, subject: x509.Name) -> None:
    tbs["subject"] = asn1_x509.Name.load(subject.public_bytes())


# --- the CAs that come along

CHAIN = "unverifiedIntermediateCertificates"


def test_1_1_may_bring_intermediates_instead() -> None:
    value = token(format="web-eid:1.1") | {CHAIN: [b64(make_pki().issuing.der)]}
    found = accept(octets(value))
    assert (found.chain, found.signing_certificates) == ((make_pki().issuing.der,), ())


def test_intermediates_of_a_signing_certificate_are_its_own() -> None:
    value = token(signers=[signing_card()])
    value["unverifiedSigningCertificates"][0]["intermediateCertificates"] = [b64(make_pki().issuing.der)]
    bare = make_pki().trust(intermediates_der=(), revocation="off")
    found = read_token(octets(value))
    leaf = read_certificate(found.certificate)
    check_signing_certificates(found, leaf, bare, NOW)
    without_chain = read_token(octets(token(signers=[signing_card()])))
    with pytest.raises(WebEidSigningCertificate, match="path"):
        check_signing_certificates(without_chain, leaf, bare, NOW)


@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        ([], "empty"),
        (None, "not_a_list"),
        ([""], "empty"),
        ([1], "not_text"),
        (["Zg"], "not_base64"),
        (["Zg=="] * 6, "too_many"),
    ],
)
def test_intermediates_are_a_short_list_of_certificates(chain: object, reason: str) -> None:
    assert refused(token(signers=[signing_card()]) | {CHAIN: chain}) == (reason, CHAIN)
    value = token(signers=[signing_card()])
    value["unverifiedSigningCertificates"][0]["intermediateCertificates"] = chain
    assert refused(value) == (reason, "intermediateCertificates")


def test_1_0_has_no_intermediates() -> None:
    assert refused(token() | {CHAIN: [b64(make_pki().issuing.der)]}) == ("unknown_member", CHAIN)


def test_intermediates_that_cannot_be_read_make_a_signing_certificate_unreadable() -> None:
    value = token(signers=[signing_card()])
    value["unverifiedSigningCertificates"][0]["intermediateCertificates"] = [b64(b"no certificate")]
    with pytest.raises(WebEidSigningCertificate, match="unreadable"):
        accept(octets(value))


def test_a_signing_certificate_that_cannot_be_read_is_refused() -> None:
    value = token(signers=[signing_card()])
    value["unverifiedSigningCertificates"][0]["certificate"] = b64(b"no certificate")
    with pytest.raises(WebEidSigningCertificate) as caught:
        accept(octets(value))
    assert caught.value.problem == "unreadable"


@allows
def test_s20_a_bad_signature_is_told_before_a_bad_signing_certificate() -> None:
    with pytest.raises(SignatureMismatch):
        accept(octets(token(nonce="bm9uY2U=", signers=[signing_card(**BENT["subject"])])))


@without(UNVERIFIED)
def test_s23_a_signing_certificate_does_not_log_in() -> None:
    """Though its key has signed: the token's own certificate is what is verified, and judged."""
    value = token(signing_card(), signers=[signing_card()], unverifiedCertificate=b64(card().der))
    with pytest.raises(SignatureMismatch):
        accept(octets(value))
    assert not any(
        extension.value.digital_signature
        for extension in signing_card().certificate.extensions
        if isinstance(extension.value, x509.KeyUsage)
    )


@pytest.mark.parametrize(
    ("entries", "reason", "member"),
    [
        ([], "empty", "unverifiedSigningCertificates"),
        ({}, "not_a_list", "unverifiedSigningCertificates"),
        (["x"], "not_an_object", "unverifiedSigningCertificates"),
        ([{}], "missing_member", "certificate"),
        ([{"certificate": ""}], "missing_member", "supportedSignatureAlgorithms"),
        ([signing(signing_card()) | {"x": 1}], "unknown_member", "x"),
        ([signing(signing_card(), [])], "empty", "supportedSignatureAlgorithms"),
        ([signing(signing_card(), [{}])], "missing_member", "cryptoAlgorithm"),
        ([signing(signing_card(), [SUPPORTED[0] | {"cryptoAlgorithm": "EC"}])], "not_allowed", "cryptoAlgorithm"),
        ([signing(signing_card(), [SUPPORTED[0] | {"hashFunction": "SHA-1"}])], "not_allowed", "hashFunction"),
        ([signing(signing_card(), [SUPPORTED[0] | {"hashFunction": "SHA384"}])], "not_allowed", "hashFunction"),
        ([signing(signing_card(), [SUPPORTED[0] | {"paddingScheme": "PKCS1-5"}])], "not_allowed", "paddingScheme"),
        ([signing(signing_card()) | {"certificate": "Zg"}], "not_base64", "certificate"),
        ([signing(signing_card())] * 5, "too_many", "unverifiedSigningCertificates"),
        ([signing(signing_card(), SUPPORTED * 65)], "too_many", "supportedSignatureAlgorithms"),
    ],
)
def test_entries_are_as_the_specification_has_them(entries: object, reason: str, member: str) -> None:
    assert refused(token(format="web-eid:1.1", unverifiedSigningCertificates=entries)) == (reason, member)


@pytest.mark.parametrize("padding", ["NONE", "PKCS1.5", "PSS"])
@pytest.mark.parametrize("digest", [f"SHA{kind}{bits}" for kind in ("-", "3-") for bits in (224, 256, 384, 512)])
@pytest.mark.parametrize("kind", ["ECC", "RSA"])
def test_every_algorithm_of_the_specification_may_be_offered(kind: str, digest: str, padding: str) -> None:
    supported = [{"cryptoAlgorithm": kind, "hashFunction": digest, "paddingScheme": padding}]
    value = token(format="web-eid:1.1", unverifiedSigningCertificates=[signing(signing_card(), supported)])
    assert read_token(octets(value)).signing_certificates == (SigningCertificate(signing_card().der),)
