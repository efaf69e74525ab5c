"""The probe names how a sample was signed; what it says a login may accept, a login accepts, and nothing else."""

import base64
from dataclasses import replace
from functools import cache

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from hypothesis import given, settings
from hypothesis import strategies as st

from certlogin.errors import ConfigurationError, Refusal
from certlogin.pki import signature as signatures
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.signature import Algorithm, verify_signature
from certlogin.pki.sm2 import to_der
from certlogin.probe.curve import signed_digest
from certlogin.probe.findings import Finding
from certlogin.probe.keys import read_signer
from certlogin.probe.search import Diagnosis, Sample, diagnose
from certlogin.probe.texts import texts
from tests.companions import without
from tests.factory import Plan, make_pki
from tests.factory_keys import sm2
from tests.pki import sm2_reference as reference
from tests.pki.cms_writer import PRODUCERS, Message, indefinite
from tests.probe import samples
from tests.probe.samples import DIGEST_ITSELF, SAMPLES, TEXT, leaf

IDENTITY = b"ALICE123@YAHOO.COM"


def sample(key_type: str, signature: bytes, text: bytes = TEXT) -> Sample:
    return Sample(read_signer(leaf(key_type).der), signature, text, (IDENTITY,), sm2())


def probe(key_type: str, signature: bytes, text: bytes = TEXT) -> Diagnosis:
    return diagnose(sample(key_type, signature, text))


@cache
def signature_of(name: str) -> bytes:
    chosen = SAMPLES[name]
    return chosen.sign(chosen.signed)


@cache
def found_of(name: str) -> Finding:
    (found,) = probe(SAMPLES[name].key_type, base64.b64encode(signature_of(name))).findings
    return found


# --- what is found


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_is_recognised(name: str) -> None:
    wanted = SAMPLES[name]
    found = found_of(name)
    assert found.encoding == "base64"
    for piece, said in (
        (wanted.form, found.form.name), (wanted.text, found.text), (wanted.digest, found.digest),
        (wanted.way, found.way),
    ):  # fmt: skip
        assert piece in said
    assert found.algorithm == wanted.algorithm


@pytest.mark.parametrize("name", DIGEST_ITSELF)
def test_octets_that_are_the_digest_are_recognised(name: str) -> None:
    key_type, sign = DIGEST_ITSELF[name]
    value = bytes(range(32))
    (found,) = probe(key_type, sign(value), value.hex().encode()).findings
    assert found.digest == "none: the octets themselves are the digest"
    assert "hexadecimal" in found.text
    assert not found.accepted


@pytest.mark.parametrize(
    ("write", "encoding"),
    [
        (bytes, "octets as they stand"),
        (lambda one: one.hex().encode(), "hexadecimal"),
        (lambda one: b"0x" + one.hex().upper().encode() + b"\n", "hexadecimal"),
        (lambda one: one.hex(":").encode(), "hexadecimal"),
        (base64.b64encode, "base64"),
        (base64.encodebytes, "base64"),
        (lambda one: base64.urlsafe_b64encode(one).rstrip(b"="), "base64"),
        (lambda one: base64.b64encode(one.hex().encode()), "base64 of hexadecimal"),
        (lambda one: base64.b64encode(one).hex().encode(), "hexadecimal of base64"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["SM2, r || s", "RSA"])
def test_the_encoding_is_recognised(name: str, write: samples.Sign, encoding: str) -> None:
    (found,) = probe(SAMPLES[name].key_type, write(signature_of(name))).findings
    assert found.encoding == encoding


@pytest.mark.parametrize("text", ["单位：国家统计局", "单位\nU1\n"])
def test_other_characters_and_line_ends_are_recognised(text: str) -> None:
    for written, name in (
        (text.strip().encode("gb18030"), "GB 18030"),
        (text.strip().encode("utf-16-le"), "UTF-16"),
        (text.strip().encode(), "the text without the line end" if text.endswith("\n") else "as given"),
    ):
        found = probe("SM2", samples.sm2_signed(written), text.encode()).findings
        assert [name in one.text for one in found] == [True]


def test_line_ends_inside_are_recognised() -> None:
    (found,) = probe("SM2", samples.sm2_signed(b"a\r\nb"), b"a\nb").findings
    assert "CR LF" in found.text


def test_every_candidate_of_a_text_stands_once() -> None:
    found = texts(TEXT)
    assert len({one.octets for one in found}) == len(found)
    assert found[0].octets == TEXT


def test_a_text_that_is_no_utf8_is_tried_as_it_is() -> None:
    (found,) = probe("SM2", samples.sm2_signed(b"\xff\xfe\x80"), b"\xff\xfe\x80").findings
    assert found.accepted


# --- what a login does with it


def _as_driver(found: Finding, name: str) -> bytes:
    """What the driver is told to do: the numbers as r || s, the octets of RSA in order."""
    chosen = SAMPLES[name]
    if chosen.key_type.startswith("RSA"):
        return signature_of(name)[:: -1 if "reverse" in found.form.name else 1]
    if chosen.key_type == "SM2":
        return samples.sm2_signed(chosen.signed)
    digest = {"P-256": hashes.SHA256(), "P-384": hashes.SHA384()}[chosen.key_type]
    return samples.ecdsa_raw(chosen.key_type, digest, chosen.signed)


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_said_to_be_accepted_a_login_accepts(name: str) -> None:
    found = found_of(name)
    if found.accepted:
        assert found.advice()[0] == f'a login may accept it: format "text", algorithm "{found.algorithm}"'
        by_driver = _as_driver(found, name)
        verify_signature(certificate_of(name), Algorithm(found.algorithm), TEXT, by_driver, sm2())
    else:
        assert found.advice()
        assert not found.advice()[0].startswith("a login may")


def certificate_of(name: str) -> UnverifiedCertificate:
    return read_certificate(leaf(SAMPLES[name].key_type).der)


#: Without the driver's work, too: a login does not turn octets round.
RECOGNISED_ONLY = [
    name for name, sample in SAMPLES.items()
    if sample.algorithm not in set(Algorithm) or sample.signed != TEXT or sample.form not in ("r || s", "octets")
]  # fmt: skip


@pytest.mark.parametrize("name", RECOGNISED_ONLY)
@without({"certlogin.pki.signature._verifier": lambda *_: lambda signed, signature: None})
def test_s20_what_is_only_recognised_a_login_refuses(name: str) -> None:
    certificate = certificate_of(name)
    fitting = [one for one, key_type in signatures._KEY_TYPES.items() if key_type is certificate.key.key_type]
    assert fitting
    for algorithm in fitting:
        with pytest.raises(Refusal):
            verify_signature(certificate, algorithm, TEXT, signature_of(name), sm2())


# --- CMS


@pytest.mark.parametrize("producer", PRODUCERS)
@pytest.mark.parametrize("attached", [True, False])
def test_messages_of_sm2_are_recognised(producer: str, attached: bool) -> None:
    message = Message(leaf("SM2"), TEXT, attached=attached, **PRODUCERS[producer])
    found = probe("SM2", base64.b64encode(message.der)).findings[0]
    assert found.accepted
    assert found.format == "cms"
    assert found.form.name.startswith(f"CMS SignedData, {'attached' if attached else 'detached'}, with")


@pytest.mark.parametrize(("key_type", "digest"), [("RSA-2048", "SHA-256"), ("P-256", "SHA-256"), ("SM2", "SM3")])
def test_messages_in_pem_and_ber_are_recognised(key_type: str, digest: str) -> None:
    der = indefinite(Message(leaf(key_type), TEXT, certificates=()).der)
    pem = b"-----BEGIN PKCS7-----\n" + base64.encodebytes(der) + b"-----END PKCS7-----\n"
    (found,) = probe(key_type, pem).findings
    assert (found.encoding, found.digest) == ("PEM", digest)


def test_what_a_login_says_of_a_message_is_told() -> None:
    message = Message(leaf("P-256"), TEXT, signers=2)
    assert probe("P-256", message.der).hints == ["as a CMS message (octets as they stand): cms_not_one_signer: count=2"]


@pytest.mark.parametrize("with_attributes", [True, False])
def test_the_signature_inside_a_refused_message_is_looked_at(with_attributes: bool) -> None:
    bare = Message(leaf("SM2"), TEXT, with_attributes=with_attributes)
    message = replace(bare, sign=lambda signed: to_der(samples.sm2_without_z(signed)))
    found = probe("SM2", message.der)
    assert found.findings == []
    over = "the signed attributes" if with_attributes else "the text as given"
    refused, inside = found.hints
    assert "signature_mismatch" in refused
    assert inside == f"the signature inside is over {over}: SM3, no Z"


def test_a_message_of_sm2_without_libcrypto_says_so() -> None:
    found = diagnose(replace(sample("SM2", Message(leaf("SM2"), TEXT).der), sm2=None))
    assert any("sm2_unavailable" in hint for hint in found.hints)


# --- what fits nothing


def test_another_text_under_rsa_is_told() -> None:
    for signature, form in (
        (samples.pkcs1(b"other"), "octets of the number)"),
        (samples.pkcs1(b"other")[::-1], "reverse"),
    ):
        (hint,) = probe("RSA-2048", signature).hints
        assert "this key made it" in hint
        assert form in hint
        assert "SHA-256 digest" in hint


def test_another_padding_of_rsa_is_told() -> None:
    (hint,) = probe("RSA-2048", samples.around(b"something")).hints
    assert "no known digest, 736f6d657468696e67" in hint


def test_another_text_under_sm2_is_told_by_its_digest() -> None:
    hints = probe("SM2", samples.sm2_over(bytes(range(32)))).hints
    assert any(bytes(range(32)).hex() in hint for hint in hints)


@pytest.mark.parametrize("key_type", ["P-256", "RSA-2048", "SM2"])
@pytest.mark.parametrize("length", [0, 10, 64, 72, 128, 256])
def test_what_fits_nothing_is_no_finding(key_type: str, length: int) -> None:
    assert probe(key_type, b"\x01" * length).findings == []


def test_an_encryption_certificate_is_told() -> None:
    other = make_pki().issuing.issue(Plan(key_type="SM2", key_name="probed", usages=("key_encipherment",)))
    found = diagnose(Sample(read_signer(other.der), signature_of("SM2, r || s"), TEXT))
    assert found.findings
    assert "not for signing" in found.hints[0]


# --- certificates


def test_a_key_that_a_login_refuses_is_probed_too() -> None:
    signature = samples.around(samples.digest_info(samples.SHA256, samples.hashed(hashes.SHA256(), TEXT)), "RSA-1024")
    signer = read_signer(leaf("RSA-1024").der)
    assert signer.kind == "RSA, 1024 bits"
    (found,) = diagnose(Sample(signer, signature, TEXT)).findings
    assert found.digest == "SHA-256"


@pytest.mark.parametrize("key_type", ["SM2", "P-256", "RSA-2048"])
def test_certificates_are_read_from_der_pem_and_base64(key_type: str) -> None:
    issued = leaf(key_type)
    for written in (issued.der, issued.pem, base64.b64encode(issued.der), issued.der.hex().encode()):
        assert read_signer(written).der == issued.der


def test_what_is_no_certificate_is_unusable() -> None:
    for data in (b"", b"certificate", b"\x30\x00", b"MAA=", leaf("P-256").der[:-1]):
        with pytest.raises(ConfigurationError):
            read_signer(data)


def test_another_kind_of_key_is_unusable() -> None:
    spki = bytes.fromhex("302a300506032b6570032100") + bytes(32)
    other = samples.with_spki(leaf("P-256"), spki)
    with pytest.raises(ConfigurationError, match="Ed25519"):
        read_signer(other)


# --- the arithmetic, and any input


def test_the_digest_is_computed_as_the_reference_signs_it() -> None:
    issued = leaf("SM2")
    point = read_certificate(issued.der).spki[-65:]
    for value in (bytes(32), b"\x01" * 32, bytes(range(32))):
        raw = samples.over_digest(issued, value)
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        assert signed_digest(point, r, s) == int.from_bytes(value, "big") % reference.N
        assert reference.fits_digest(reference.decoded(point), int.from_bytes(value, "big"), r, s)
    for r, s in ((0, 1), (1, 0), (reference.N, 1), (1, reference.N), (1, reference.N - 1)):
        assert signed_digest(point, r, s) is None


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode), st.binary(max_size=40))
def test_any_signature_and_text_fit_nothing_and_break_nothing(signature: bytes, text: bytes) -> None:
    for key_type in ("P-256", "RSA-2048"):
        assert probe(key_type, signature, text).findings == []


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_octets_are_a_certificate_or_unusable(data: bytes) -> None:
    with pytest.raises((ConfigurationError, InvalidSignature)):
        read_signer(data)
