"""The order in which a proof is judged: what is cheap comes first, and what comes later is not even begun."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certlogin.errors import Refusal
from certlogin.login.challenge import ChallengeForeign
from certlogin.login.keys import holds
from certlogin.login.proof import (
    AlgorithmNotAllowed,
    FormatNotAllowed,
    OriginMismatch,
    ProofForeign,
    UnverifiedProof,
    accept_proof,
    check_proof,
)
from certlogin.pki.certificate import (
    CertificateTooLarge,
    CertificateUnreadable,
    UnverifiedCertificate,
    read_certificate,
    read_chain,
)
from certlogin.pki.judge import judge_certificate
from certlogin.pki.path import CertificateUntrusted
from certlogin.pki.revocation import CertificateRevoked
from certlogin.pki.signature import KeyMismatch, SignatureMismatch, verify_signature
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.payload import Purpose, SignedPayload, signed_bytes
from tests.companions import without
from tests.factory import NOW, make_pki, sign
from tests.login.signing import EXPECTED, KEYS, challenge, foreign_binding, leaf, payload_of, sign_proof

#: The steps of one judgement in their order; each is counted where the proof calls it.
STEPS = ("payload", "mac", "certificate", "signature", "chain", "judgement")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that were taken."""
    taken: list[str] = []

    def count(target: str, original: Callable[..., object], step: str) -> None:
        def counted(*args: object, **kwargs: object) -> object:
            taken.append(step)
            return original(*args, **kwargs)

        monkeypatch.setattr(f"certlogin.login.{target}", counted)

    count("proof.SignedPayload.from_bytes", SignedPayload.from_bytes, "payload")
    count("challenge.holds", holds, "mac")
    count("proof.read_certificate", read_certificate, "certificate")
    count("proof.verify_signature", verify_signature, "signature")
    count("proof.read_chain", read_chain, "chain")
    count("proof.judge_certificate", judge_certificate, "judgement")
    return taken


def judge(proof: UnverifiedProof) -> None:
    accept_proof(check_proof(proof, EXPECTED, NOW, KEYS), make_pki().trust(), NOW)


def test_a_good_proof_takes_every_step_once(steps: list[str]) -> None:
    judge(sign_proof())
    assert tuple(steps) == STEPS


FORGED = challenge()[:-1] + ("A" if challenge()[-1] != "A" else "B")
OTHER = leaf(key_name="other")
RSA = leaf("RSA-2048")
BAD: list[tuple[str, UnverifiedProof, type[Refusal], int]] = [
    ("another format", sign_proof(format="text"), FormatNotAllowed, 0),
    ("too long", replace(sign_proof(), payload=sign_proof().payload + b" " * 4096), BadRequest, 1),
    ("no payload", replace(sign_proof(), payload=b""), BadRequest, 1),
    ("another algorithm", sign_proof(payload_of(alg="PS256")), AlgorithmNotAllowed, 1),
    ("s17 a forged challenge", sign_proof(payload_of(nonce=FORGED)), ChallengeForeign, 2),
    ("s17 another attempt", sign_proof(payload_of(nonce=challenge(foreign_binding("attempt")))), ChallengeForeign, 2),
    ("s21 another origin", sign_proof(payload_of(origin="https://evil.example")), OriginMismatch, 2),
    ("another unit", sign_proof(payload_of(unit="unit-2")), ProofForeign, 2),
    ("another certificate", sign_proof(certificate=OTHER.der), ProofForeign, 2),
    ("not a certificate", sign_proof(payload_of(cert_sha256="e3b0c442" + "0" * 56), certificate=b""), ProofForeign, 2),
    ("another kind of key", sign_proof(payload_of(RSA), RSA), KeyMismatch, 4),
    ("s20 another key", sign_proof(payload_of(OTHER), certificate=OTHER.der), SignatureMismatch, 4),
    ("too many beside it", sign_proof(chain=(leaf().der,) * 6), CertificateTooLarge, 5),
    ("an unreadable one beside it", sign_proof(chain=(b"x",)), CertificateUnreadable, 5),
]


@pytest.mark.parametrize(("proof", "refusal", "taken"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_refusal_costs_no_later_step(
    steps: list[str], proof: UnverifiedProof, refusal: type[Refusal], taken: int
) -> None:
    with pytest.raises(refusal):
        judge(proof)
    assert tuple(steps) == STEPS[:taken]


@pytest.mark.parametrize(("length", "taken"), [(160, 2), (161, 1)])
def test_an_overlong_challenge_costs_no_mac(steps: list[str], length: int, taken: int) -> None:
    with pytest.raises(ChallengeForeign):
        judge(sign_proof(payload_of(nonce="A.1.".ljust(length, "A"))))
    assert tuple(steps) == STEPS[:taken]


def test_more_certificates_than_a_client_may_send_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []

    def counted(der: bytes) -> UnverifiedCertificate:
        read.append(der)
        return read_certificate(der)

    monkeypatch.setattr("certlogin.pki.certificate.read_certificate", counted)
    with pytest.raises(CertificateTooLarge):
        judge(sign_proof(chain=(make_pki().issuing.der,) * 6))
    assert read == []
    judge(sign_proof(chain=(make_pki().issuing.der,) * 5))
    assert read == [make_pki().issuing.der]


# --- the judgement of the certificate comes last, and its refusals pass through


def test_an_untrusted_certificate_is_refused() -> None:
    with pytest.raises(CertificateUntrusted):
        accept_proof(check_proof(sign_proof(), EXPECTED, NOW, KEYS), make_pki(label="another").trust(), NOW)


def test_a_revoked_certificate_is_refused() -> None:
    trust = make_pki().trust(crls_der=make_pki().crls(revoked=[leaf().serial]))
    with pytest.raises(CertificateRevoked):
        accept_proof(check_proof(sign_proof(), EXPECTED, NOW, KEYS), trust, NOW)


# --- whatever comes in, the answer is a refusal of ours


def reads_leniently(data: bytes) -> SignedPayload:
    """With the standard library: other encodings, doubled and unknown members, no types."""
    return payload_of(**{name: value for name, value in json.loads(data).items() if name in SignedPayload.MEMBERS})


ANYTHING_READ = {"certlogin.login.proof.SignedPayload.from_bytes": lambda data: payload_of()}
READ_LENIENTLY = {"certlogin.login.proof.SignedPayload.from_bytes": reads_leniently}


@without(ANYTHING_READ)
@given(st.binary(max_size=5000))
def test_s19_any_payload_is_refused_in_our_words(payload: bytes) -> None:
    with pytest.raises(BadRequest):
        check_proof(replace(sign_proof(), payload=payload), EXPECTED, NOW, KEYS)


MEMBERS = json.loads(sign_proof().payload)
values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just([]), st.just({}))
#: Claims of the helper, free before the signature is looked at.
CLAIMS = {"iat", "helper"}


@without(ANYTHING_READ)
@given(
    st.fixed_dictionaries(
        {name: st.just(MEMBERS[name]) for name in CLAIMS},
        optional={name: values | st.just(value) for name, value in MEMBERS.items() if name not in CLAIMS},
    )
)
def test_s19_any_json_is_refused_in_our_words_or_is_the_good_one(members: dict[str, object]) -> None:
    proof = replace(sign_proof(), payload=json.dumps(members, separators=(",", ":")).encode())
    if members == MEMBERS and type(members["v"]) is int:
        check_proof(proof, EXPECTED, NOW, KEYS)
        return
    with pytest.raises(Refusal):
        check_proof(proof, EXPECTED, NOW, KEYS)


@without({"certlogin.login.challenge.holds": lambda *_: True})
@example(FORGED)
@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=300))
def test_s17_any_challenge_text_is_refused_as_foreign(text: str) -> None:
    with pytest.raises(ChallengeForeign):
        check_proof(sign_proof(payload_of(nonce=text)), EXPECTED, NOW, KEYS)


GOOD = sign_proof()


def signed(payload: bytes) -> UnverifiedProof:
    """Octets that no helper builds, under the right key."""
    return replace(GOOD, payload=payload, signature=sign(leaf().key, signed_bytes(payload, Purpose.LOGIN)))


@given(st.integers(0, len(GOOD.payload) - 1), st.integers(0, 255))
def test_no_octet_of_a_signed_payload_may_change(place: int, octet: int) -> None:
    bent = bytearray(GOOD.payload)
    bent[place] = octet
    if bytes(bent) == GOOD.payload:
        judge(replace(GOOD, payload=bytes(bent)))
        return
    with pytest.raises(Refusal):
        judge(replace(GOOD, payload=bytes(bent)))


@given(st.binary(max_size=80))
def test_any_signature_is_refused_in_our_words(signature: bytes) -> None:
    with pytest.raises(Refusal):
        judge(replace(GOOD, signature=signature))


@pytest.mark.parametrize("cut", [0, 1, 100, len(GOOD.payload) - 1])
def test_a_truncated_payload_is_refused(cut: int) -> None:
    with pytest.raises(BadRequest):
        judge(replace(GOOD, payload=GOOD.payload[:cut]))


@without(READ_LENIENTLY)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
def test_s19_a_payload_in_another_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(BadRequest):
        judge(signed(GOOD.payload.decode().encode(encoding)))


@without(READ_LENIENTLY)
@pytest.mark.parametrize(
    "change",
    [
        (b'"v":1', b'"v":true'),
        (b'"v":1', b'"v":1.0'),
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":NaN'),
        (b'"v":1', b'"v":1,"v":1'),
        (b'"v":1', b'"v":1,"pin":"123456"'),
        (b'"v":1,', b""),
        pytest.param(
            (b'"unit-1"', b'"\\ud800"'),
            marks=without(READ_LENIENTLY | {"certlogin.login.proof._compare": lambda *_: None}),
        ),
        (b'"uv":"pin"', b'"uv":"none"'),
        (b'"helper":"1.5.1.0"', b'"helper":"01.5.1.0"'),
    ],
    ids=lambda change: change[1].decode(),
)
def test_s19_a_payload_must_be_strict_json(change: tuple[bytes, bytes]) -> None:
    bent = GOOD.payload.replace(*change)
    assert bent != GOOD.payload
    with pytest.raises(BadRequest):
        judge(signed(bent))
