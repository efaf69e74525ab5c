"""What can be asked of a responder, and by whom (S24, S26)."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from certlogin.pki.certificate import read_certificate
from certlogin.pki.judge import judge_certificate
from certlogin.pki.ocsp import ocsp_request, question_of, responders
from certlogin.pki.path import Trust
from certlogin.pki.revocation import RevocationUnknown, add_evidence
from tests.factory import DAY, NOW, Issued, make_pki, name
from tests.pki.answers import answer

SERIAL = 0x0C5B


def leaf(key_type: str = "P-256", **changes: Any) -> Issued:
    return make_pki(key_type).issuing.issue(serial=SERIAL, **changes)


def trust() -> Trust:
    """The root's list says that the issuing CA is good; of the leaf nobody has spoken."""
    return make_pki().trust(crls_der=(make_pki().root.crl(),))


def with_access(*addresses: str) -> Issued:
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(one))
            for one in addresses
        ]
        + [
            x509.AccessDescription(
                AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://x")
            ),
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.DirectoryName(name("responder"))),
        ]
    )
    return leaf(extra=((access, False),))


@pytest.mark.parametrize("key_type", ["P-256", "RSA-2048", "SM2"])
def test_a_question_names_certificate_and_issuer(key_type: str) -> None:
    own, ca = (read_certificate(one.der) for one in (leaf(key_type), make_pki(key_type).issuing))
    asked = ocsp.load_der_ocsp_request(ocsp_request(own, ca))
    assert asked.serial_number == SERIAL
    assert list(asked.extensions) == []
    if key_type != "SM2":
        issuer, certificate = make_pki(key_type).issuing.certificate, leaf(key_type).certificate
        usual = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1()).build()  # noqa: S303
        assert asked.public_bytes(Encoding.DER) == usual.public_bytes(Encoding.DER)


def test_who_was_never_asked_about_can_be_asked() -> None:
    own = with_access("http://a.test/ocsp", "http://b.test", "http://a.test/ocsp")
    with pytest.raises(RevocationUnknown) as refusal:
        judge_certificate(read_certificate(own.der), (), trust(), NOW)
    question = refusal.value.question
    assert refusal.value.problem == "not_asked"
    assert question is not None
    assert question.addresses == ("http://a.test/ocsp", "http://b.test")
    assert question.request == ocsp_request(read_certificate(own.der), read_certificate(make_pki().issuing.der))
    assert [one.der for one in refusal.value.path] == [own.der, make_pki().issuing.der, make_pki().root.der]
    assert refusal.value.facts().keys() == {"subject", "serial", "issuer", "problem"}


def test_a_question_may_be_asked_again_when_its_answer_is_stale() -> None:
    own = with_access("http://a.test/ocsp")
    found, _ = add_evidence(trust(), [], [answer(own, make_pki().issuing)], NOW)
    with pytest.raises(RevocationUnknown) as refusal:
        judge_certificate(read_certificate(own.der), (), found, NOW + DAY)
    assert (refusal.value.problem, refusal.value.question is None) == ("stale", False)


def test_without_a_responder_there_is_no_question() -> None:
    own = read_certificate(leaf().der)
    assert responders(own) == ()
    assert question_of(own, read_certificate(make_pki().issuing.der)) is None
    with pytest.raises(RevocationUnknown) as refusal:
        judge_certificate(own, (), trust(), NOW)
    assert (refusal.value.problem, refusal.value.question) == ("missing", None)
