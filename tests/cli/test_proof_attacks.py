"""S20 to S24 in `certlogin proof check --batch`: what a login refuses, a line is refused for, with the same code."""

from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from certlogin.login.web_eid import signed_octets
from certlogin.pki.jwa import JWA
from certlogin.wire.payload import Purpose, SignedPayload, signed_bytes
from tests.cli.test_proof_batch import (
    CONTENT,
    MAKERS,
    NONCE,
    ORIGIN,
    Bench,
    b64,
    cms,
    each_form,
    leaf,
    native,
    text,
    usual,
    web_eid,
)
from tests.companions import allows, without
from tests.factory import Issued, make_pki, sign
from tests.factory_keys import sign_der
from tests.login import tokens
from tests.pki.cms_writer import Message

POLICY = "1.2.156.10197.6.1.1"

UNVERIFIED: dict[str, object] = {
    "certlogin.cli.proof.verify_signature": lambda *_: None,
    "certlogin.login.forms.verify_vendor_signature": lambda *_: None,
    "certlogin.login.forms.verify_signed_data": lambda *_, **__: None,
    "certlogin.login.forms.verify_token": lambda *_: None,
}
#: What an attack that succeeds is seen by.
TAKEN = "accepted"


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path, capsys)


@without(UNVERIFIED, sees=TAKEN)
@each_form
def test_s20_the_certificate_of_somebody_else_is_refused(bench: Bench, form: str) -> None:
    thief = Issued(leaf().certificate, make_pki().issuing.issue(key_name="thief").key)
    made = MAKERS[form](Message(thief, CONTENT) if form == "cms" else thief)
    assert bench.code(made) == "signature_mismatch"


@without(UNVERIFIED, sees=TAKEN)
@pytest.mark.parametrize(
    "changes", [{"origin": "https://evil.example"}, {"nonce": "bm9uY2U="}, {"origin": ORIGIN + "/"}]
)
def test_s21_a_token_for_another_origin_or_nonce_is_refused(bench: Bench, changes: dict[str, Any]) -> None:
    assert bench.code(web_eid(**changes)) == "signature_mismatch"


@without({"certlogin.cli.proof._compare": lambda *_: None}, sees=TAKEN)
@pytest.mark.parametrize(
    ("members", "changes", "code"),
    [
        ({"origin": "https://evil.example"}, {}, "origin_mismatch"),
        ({"nonce": "b.1.b"}, {}, "proof_foreign"),
        ({}, {"purpose": Purpose.STEP_UP}, "proof_foreign"),
        ({}, {"cert_sha256": "0" * 64}, "proof_foreign"),
    ],
)
def test_s21_s22_a_native_proof_of_something_else_is_refused(
    bench: Bench, members: dict[str, Any], changes: dict[str, Any], code: str
) -> None:
    assert bench.code(native(changes=changes, **members)) == code


REFERENCE = SignedPayload(
    purpose=Purpose.LOGIN, origin=ORIGIN, unit="U1", nonce="n", iat=1, alg="ES256", sid="s", helper="1.0.0.0",
    cert_sha256="0" * 64,
)  # fmt: skip
#: Whatever was signed, these facts are read, and not compared.
ANY_PAYLOAD: dict[str, object] = {
    "certlogin.cli.proof.SignedPayload.from_bytes": lambda _: REFERENCE,
    "certlogin.cli.proof._compare": lambda *_: None,
}


@without(UNVERIFIED | ANY_PAYLOAD, sees=TAKEN)
@pytest.mark.parametrize("signed", [b"", b"{}", b"CERTLOGIN-AGREE-V1\0{}", b"CERTLOGIN-AUTH-V1\0", b"text"])
def test_s22_what_is_no_payload_is_no_native_proof(bench: Bench, signed: bytes) -> None:
    by = leaf(serial=99)
    line = native(by) | {"signed": b64(signed), "signature": b64(sign(by.key, signed))}
    assert bench.code(line) == "bad_request"


#: Signed by the first key, named as the second.
CONFUSED = [
    ("RSA-2048", "PS256", "signature_mismatch"),
    ("RSA-2048", "RS384", "signature_mismatch"),
    ("RSA-2048", "ES256", "algorithm_key_mismatch"),
    ("P-256", "RS256", "algorithm_key_mismatch"),
    ("P-256", "ES384", "algorithm_key_mismatch"),
    ("P-256", "ES512", "algorithm_key_mismatch"),
    ("P-256", "SM2-SM3", "algorithm_key_mismatch"),
    ("P-384", "ES256", "algorithm_key_mismatch"),
    ("P-521", "ES384", "algorithm_key_mismatch"),
    ("P-256", "none", "algorithm_not_allowed"),
    ("P-256", "HS256", "algorithm_not_allowed"),
    ("P-256", "es256", "algorithm_not_allowed"),
    ("P-256", "ES256K", "algorithm_not_allowed"),
]


@without(UNVERIFIED | {"certlogin.cli.proof._algorithm": lambda _: JWA.ES256}, sees=TAKEN)
@pytest.mark.parametrize(("key_type", "algorithm", "code"), CONFUSED)
def test_s20_the_algorithm_is_the_one_that_is_named(bench: Bench, key_type: str, algorithm: str, code: str) -> None:
    assert bench.code(text(leaf(key_type), algorithm=algorithm)) == code


@without({"certlogin.cli.proof._check_named": lambda *_: None}, sees=TAKEN)
@pytest.mark.parametrize("form", ["native", "cms", "web-eid"])
@pytest.mark.parametrize("algorithm", ["ES384", "RS256", "none", "SM2-SM3"])
def test_s20_a_proof_that_names_another_algorithm_is_refused(bench: Bench, form: str, algorithm: str) -> None:
    assert bench.code(MAKERS[form](algorithm=algorithm)) == "algorithm_not_allowed"


@pytest.mark.parametrize("name", ["RS512", "NONE"])
def test_a_native_proof_names_an_algorithm_of_the_helpers(bench: Bench, name: str) -> None:
    assert bench.code(native(leaf("RSA-2048"), {"alg": name})) == "algorithm_not_allowed"


@without(UNVERIFIED, sees=TAKEN)
@pytest.mark.parametrize("key_type", ["P-256", "P-384", "SM2"])
def test_s20_a_native_signature_is_never_in_der(bench: Bench, key_type: str) -> None:
    pki = make_pki("SM2") if key_type == "SM2" else make_pki()
    by = leaf(key_type, pki)
    payload = b64decode(native(by)["signed"])
    digest = () if key_type != "P-384" else (JWA.ES384.hash,)
    signature = sign_der(by.key, signed_bytes(payload, Purpose.LOGIN), *digest)
    line = native(by) | usual("native", pki) | {"signature": b64(signature)}
    assert bench.code(line) == "signature_malformed"


@without(UNVERIFIED, sees=TAKEN)
def test_s20_nor_is_a_tokens(bench: Bench) -> None:
    by = leaf()
    signed = signed_octets(JWA.ES256, ORIGIN, NONCE)
    token = tokens.token(by, nonce=NONCE, origin=ORIGIN) | {"signature": b64(sign_der(by.key, signed))}
    assert bench.code(web_eid(token=token)) == "signature_malformed"


@without(UNVERIFIED, sees=TAKEN)
def test_s22_a_message_over_another_content_is_refused(bench: Bench) -> None:
    assert bench.code(cms(Message(leaf(), b"another"))) == "cms_content_mismatch"
    assert bench.code(cms(Message(leaf(), b"another", attached=False))) == "cms_content_mismatch"
    bare = Message(leaf(), b"another", attached=False, with_attributes=False)
    assert bench.code(cms(bare)) == "signature_mismatch"


JUDGED = {"certlogin.cli.verdicts._judged": lambda *_: ((), "")}


@without(JUDGED, sees=TAKEN)
@each_form
def test_s24_a_revoked_certificate_is_refused_in_every_form(bench: Bench, form: str) -> None:
    by = leaf(serial=4711)
    line = MAKERS[form](Message(by, CONTENT) if form == "cms" else by)
    assert bench.code(line | {"crls": [b64(crl) for crl in make_pki().crls([4711])]}) == "certificate_revoked"


@without({"certlogin.pki.profile._check_policies": lambda *_: None}, sees=TAKEN)
@each_form
def test_s23_a_forbidden_policy_is_refused_in_every_form(bench: Bench, form: str) -> None:
    policies = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(POLICY), None)])
    by = leaf(extra=((policies, False),))
    line = MAKERS[form](Message(by, CONTENT) if form == "cms" else by, revocation="off")
    assert bench.run(line | {"forbidden_policies": ["1.2.3"]}).lines[0]["code"] in {"", "certificate_untrusted"}
    assert bench.code(line | {"forbidden_policies": ["1.2.3", POLICY]}) == "certificate_policy"


@allows
@each_form
def test_s20_a_bad_signature_is_told_before_a_bad_certificate(bench: Bench, form: str) -> None:
    """Neither path nor revocation is looked at for who has not signed."""
    stranger = make_pki(label="unknown").issuing.issue(key_name="stranger")
    thief = Issued(stranger.certificate, leaf().key)
    made = MAKERS[form](Message(thief, CONTENT) if form == "cms" else thief)
    assert bench.code(made) == "signature_mismatch"
    honest = MAKERS[form](Message(stranger, CONTENT) if form == "cms" else stranger)
    assert bench.code(honest) == "certificate_untrusted"
