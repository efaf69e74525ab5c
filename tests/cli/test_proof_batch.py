"""`certlogin proof check --batch`: native proofs, texts, CMS messages and tokens, judged as a login judges them."""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certlogin.cli.main import main
from certlogin.login.web_eid import signed_octets
from certlogin.pki.jwa import JWA
from certlogin.wire.payload import Purpose, SignedPayload, signed_bytes
from tests.cli.checking import Ran
from tests.companions import allows, without
from tests.factory import NOW, PKI, Issued, make_pki, sign
from tests.factory_keys import algorithm_of, sign_der
from tests.login import tokens
from tests.pki.cms_writer import Message
from tests.pki.test_jwa import sign_jwa

CONTENT = "certlogin 登录\nnonce: 1".encode()
ORIGIN, NONCE = tokens.ORIGIN, tokens.NONCE
POLICY = "1.2.156.10197.6.1.1"

UNVERIFIED: dict[str, object] = {
    "certlogin.cli.proof.verify_signature": lambda *_: None,
    "certlogin.login.forms.verify_vendor_signature": lambda *_: None,
    "certlogin.login.forms.verify_signed_data": lambda *_, **__: None,
    "certlogin.login.forms.verify_token": lambda *_: None,
}
#: What an attack that succeeds is seen by.
TAKEN = "accepted"


@dataclass(frozen=True)
class Bench:
    directory: Path
    capture: pytest.CaptureFixture[str]

    def run(self, *lines: bytes | dict[str, Any]) -> Ran:
        written = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        file = self.directory / "proofs.jsonl"
        file.write_bytes(b"\n".join(written) + b"\n")
        code = main(["proof", "check", "--batch", str(file)])
        return Ran(code, *self.capture.readouterr())

    def code(self, line: dict[str, Any]) -> str:
        """Of one line that is refused."""
        (found,) = self.run(line).lines
        assert found["verdict"] == "refused", found["verdict"]
        return str(found["code"])


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path, capsys)


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def usual(form: str, pki: PKI | None = None) -> dict[str, Any]:
    chosen = pki or make_pki()
    return {
        "id": form,
        "format": form,
        "anchors": [b64(chosen.root.der)],
        "intermediates": [b64(chosen.issuing.der)],
        "crls": [b64(crl) for crl in chosen.crls()],
        "at": NOW.isoformat(),
        "revocation": "require",
    }


def leaf(key_type: str = "P-256", pki: PKI | None = None, **changes: Any) -> Issued:
    return (pki or make_pki()).issuing.issue(key_type=key_type, key_name="batch", **changes)


def text(by: Issued | None = None, pki: PKI | None = None, signed: bytes = CONTENT, **changes: Any) -> dict[str, Any]:
    issued = by or leaf()
    members = {
        "certificate": b64(issued.der),
        "signature": b64(sign(issued.key, signed)),
        "signed": b64(signed),
        "algorithm": algorithm_of(issued.key),
    }
    return usual("text", pki) | members | changes


def cms(message: Message | None = None, pki: PKI | None = None, **changes: Any) -> dict[str, Any]:
    made = message or Message(leaf(), CONTENT)
    return usual("cms", pki) | {"signature": b64(made.der), "signed": b64(CONTENT)} | changes


def native(by: Issued | None = None, changes: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    issued = by or leaf()
    facts: dict[str, Any] = {
        "purpose": Purpose.LOGIN, "origin": ORIGIN, "unit": "U1", "nonce": "a.1.b", "iat": 1,
        "cert_sha256": sha256(issued.der).hexdigest(), "alg": algorithm_of(issued.key), "sid": "sid",
        "helper": "1.0.0.0",
    } | (changes or {})  # fmt: skip
    payload = SignedPayload(**facts).to_bytes()
    signature = sign(issued.key, signed_bytes(payload, facts["purpose"]))
    usual_members = {"certificate": b64(issued.der), "signature": b64(signature), "signed": b64(payload)}
    return usual("native") | usual_members | members


def web_eid(by: Issued | None = None, signed_by: str = "ES256", **changes: Any) -> dict[str, Any]:
    issued = by or leaf(tokens.KEY_OF.get(signed_by, "RSA-2048"))
    token = tokens.token(issued, signed_by, NONCE, ORIGIN)
    return usual("web-eid") | {"token": token, "nonce": NONCE, "origin": ORIGIN} | changes


MAKERS: dict[str, Callable[..., dict[str, Any]]] = {"native": native, "text": text, "cms": cms, "web-eid": web_eid}
each_form = pytest.mark.parametrize("form", MAKERS)


# --- good ones


def test_each_line_has_its_answer_in_the_same_order(bench: Bench) -> None:
    ran = bench.run(
        *(make() for make in MAKERS.values()),
        text(id=7, signature=b64(bytes(64))),
        text(id=None, crls=[]),
        text(id="nobody", anchors=[]),
        text(id="broken") | {"signed": None},
    )
    assert (ran.code, ran.err) == (0, "")
    assert [(one["id"], one["verdict"], one["code"]) for one in ran.lines] == [
        *((form, "accepted", "") for form in MAKERS),
        (7, "refused", "signature_malformed"),
        (None, "refused", "revocation_unknown"),
        ("nobody", "unusable", "configuration_error"),
        ("broken", "unusable", "bad_question"),
    ]
    assert all(list(one) == ["id", "verdict", "code", "detail"] for one in ran.lines)


@pytest.mark.parametrize(
    ("key_type", "algorithm"),
    [("RSA-2048", name) for name in JWA if name[0] in "RP"]
    + [("P-256", "ES256"), ("P-384", "ES384"), ("P-521", "ES512")],
)
def test_a_text_may_be_signed_by_every_algorithm_of_jwa(bench: Bench, key_type: str, algorithm: str) -> None:
    by = leaf(key_type)
    line = text(by, algorithm=algorithm, signature=b64(sign_jwa(by.key, CONTENT, algorithm)))
    assert bench.run(line).lines[0]["verdict"] == "accepted"


@pytest.mark.parametrize(("key_type", "algorithm"), [("P-256", "ES256"), ("P-384", "ES384"), ("P-521", "ES512")])
def test_a_texts_signature_may_be_in_der(bench: Bench, key_type: str, algorithm: str) -> None:
    by = leaf(key_type)
    signature = sign_der(by.key, CONTENT, JWA(algorithm).hash)
    assert bench.run(text(by, algorithm=algorithm, signature=b64(signature))).lines[0]["verdict"] == "accepted"


def test_sm2_by_text_in_both_forms_and_by_cms(bench: Bench) -> None:
    pki = make_pki("SM2")
    by = leaf("SM2", pki)
    found = bench.run(
        text(by, pki), text(by, pki, signature=b64(sign_der(by.key, CONTENT))), cms(Message(by, CONTENT), pki)
    ).lines
    assert [one["verdict"] for one in found] == ["accepted"] * 3, found


@pytest.mark.parametrize("algorithm", JWA)
def test_a_token_of_each_algorithm(bench: Bench, algorithm: str) -> None:
    assert bench.run(web_eid(signed_by=algorithm)).lines[0]["verdict"] == "accepted"


def test_a_card_whose_cas_have_keys_on_p521(bench: Bench) -> None:
    """As in Estonia: the lists are signed with them, too."""
    pki = make_pki("P-521")
    by = leaf("P-384", pki)
    token = tokens.token(by, "ES384", NONCE, ORIGIN)
    found = bench.run(
        usual("web-eid", pki) | {"token": token, "nonce": NONCE, "origin": ORIGIN},
        usual("web-eid", pki) | {"token": token, "nonce": NONCE, "origin": ORIGIN}
        | {"crls": [b64(crl) for crl in pki.crls([by.serial])]},
    ).lines  # fmt: skip
    assert [one["code"] for one in found] == ["", "certificate_revoked"], found


def test_a_token_may_be_text_and_bring_signing_certificates(bench: Bench) -> None:
    token = tokens.token(leaf(), nonce=NONCE, origin=ORIGIN, signers=[tokens.signing_card()])
    found = bench.run(web_eid(token=json.dumps(token)), web_eid(token=token)).lines
    assert [one["verdict"] for one in found] == ["accepted"] * 2, found


def test_a_payload_may_have_its_prefix_before_it(bench: Bench) -> None:
    line = native()
    payload = SignedPayload.from_bytes(b64decode(line["signed"])).to_bytes()
    assert bench.run(line | {"signed": b64(signed_bytes(payload, Purpose.LOGIN))}).lines[0]["verdict"] == "accepted"


def test_a_message_detached_or_without_its_certificate(bench: Bench) -> None:
    by = leaf()
    found = bench.run(
        cms(Message(by, CONTENT, attached=False)),
        cms(Message(by, CONTENT, certificates=()), certificate=b64(by.der)),
        cms(Message(by, CONTENT, with_attributes=False), algorithm="ES256"),
        cms(certificate=None, algorithm=None),
    ).lines
    assert [one["verdict"] for one in found] == ["accepted"] * 4, found


def test_the_chain_in_a_message_counts(bench: Bench) -> None:
    pki, by = make_pki(), leaf()
    line = cms(Message(by, CONTENT, certificates=(by.der, pki.issuing.der)), revocation="off", intermediates=None)
    assert bench.run(line).lines[0]["verdict"] == "accepted"


@each_form
def test_what_the_line_says_beside_the_proof_must_be_so(bench: Bench, form: str) -> None:
    right: dict[str, dict[str, Any]] = {
        "native": {"algorithm": "ES256", "origin": ORIGIN, "nonce": "a.1.b"},
        "text": {"nonce": "not read", "origin": "not read"},
        "cms": {"algorithm": "ES256"},
        "web-eid": {"algorithm": "ES256"},
    }
    assert bench.run(MAKERS[form](**right[form])).lines[0]["verdict"] == "accepted"


# --- attacks


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


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ({}, "bad_request"),
        ("", "bad_request"),
        ("{", "bad_request"),
        ("\ud800", "bad_request"),
        ({"format": "web-eid:2"}, "web_eid_format"),
        (tokens.token() | {"format": "web-eid:1.1"}, "bad_request"),
        (tokens.token() | {"algorithm": "none"}, "bad_request"),
        (tokens.token() | {"signature": 1.5}, "bad_request"),
        (tokens.token() | {"unverifiedCertificate": b64(b"no certificate")}, "certificate_unreadable"),
        ({"a" * 20_000: 1}, "bad_request"),
    ],
    ids=range(10),
)
def test_a_malformed_token_is_refused(bench: Bench, token: object, code: str) -> None:
    assert bench.code(web_eid(token=token)) == code


# --- lines that are no questions

NO_OCTETS: tuple[object, ...] = (None, 7, [], "é", "Zg")
BENT = [
    MAKERS[form]() | {member: value}
    for form, members in {
        "text": ("certificate", "signature", "signed"),
        "cms": ("signature", "signed"),
        "native": ("certificate", "signed", "signature"),
    }.items()
    for member in members
    for value in NO_OCTETS
]
UNUSABLE: list[bytes | dict[str, Any]] = [
    b"no json",
    b"\xff",
    b"[]",
    b'{"format": "text", "format": "cms"}',
    b'{"format": "web-eid", "nonce": "n", "origin": "o", "token": ' + b'{"a":' * 970 + b"1" + b"}" * 970 + b"}",
    {},
    text(format=None),
    text(format="native2"),
    text(format="web-eid:1"),
    text(format=["text"]),
    *BENT,
    text(algorithm=""),
    text(algorithm=None),
    text(algorithm=7),
    text(anchors="x"),
    text(at="never"),
    text(revocation="maybe"),
    text(forbidden_policies="1.2.3"),
    text(forbidden_policies=["x"]),
    text(forbidden_policies=[1]),
    cms(certificate="*"),
    cms(algorithm=7),
    native(origin=""),
    native(nonce="\ud800"),
    web_eid(token={"format": float("nan")}),
    web_eid(token=None),
    web_eid(token=7),
    web_eid(token=[]),
    web_eid(nonce=None),
    web_eid(nonce=""),
    web_eid(origin=None),
    web_eid(origin="\ud800"),
]  # fmt: skip


def test_broken_lines_are_unusable_and_the_next_one_is_answered(bench: Bench) -> None:
    *found, last = bench.run(*UNUSABLE, text(id="last")).lines
    assert len(found) == len(UNUSABLE)
    odd = [(line, one) for line, one in zip(UNUSABLE, found, strict=True) if one["verdict"] != "unusable"]
    assert odd == []
    assert {one["code"] for one in found} == {"bad_question"}
    assert (last["id"], last["verdict"]) == ("last", "accepted")


def test_a_file_that_is_not_there_has_no_answers(bench: Bench) -> None:
    assert main(["proof", "check", "--batch", str(bench.directory / "nowhere")]) == 2
    with pytest.raises(SystemExit):
        main(["proof", "check"])


VALUES = st.none() | st.integers() | st.text(max_size=9) | st.dictionaries(st.text(max_size=3), st.text(max_size=3))
MEMBERS = (
    "certificate",
    "signature",
    "signed",
    "algorithm",
    "token",
    "nonce",
    "origin",
    "forbidden_policies",
    "format",
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(form=st.sampled_from(sorted(MAKERS)), member=st.sampled_from(MEMBERS), value=VALUES)
def test_any_value_of_a_member_has_an_answer(bench: Bench, form: str, member: str, value: object) -> None:
    (found,) = bench.run(MAKERS[form]() | {member: value}).lines
    assert found["verdict"] in {"accepted", "refused", "unusable"}


def test_a_thousand_lines_take_seconds(bench: Bench) -> None:
    lines = [make() for make in MAKERS.values()] * 250
    started = time.perf_counter()
    found = bench.run(*lines).lines
    assert time.perf_counter() - started < 20
    assert [one["verdict"] for one in found] == ["accepted"] * 1000
