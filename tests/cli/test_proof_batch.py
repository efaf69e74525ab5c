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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certlogin.cli.main import main
from certlogin.pki.jwa import JWA
from certlogin.wire.payload import Purpose, SignedPayload, signed_bytes
from tests.cli.checking import Ran
from tests.factory import NOW, PKI, Issued, make_pki, sign
from tests.factory_keys import algorithm_of, sign_der
from tests.login import tokens
from tests.pki.cms_writer import Message
from tests.pki.test_jwa import sign_jwa

CONTENT = "certlogin 登录\nnonce: 1".encode()
ORIGIN, NONCE = tokens.ORIGIN, tokens.NONCE


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


# --- lines that are no proofs


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
