"""CMS messages that are accepted: of every producer, of OpenSSL and cryptography; two verifiers agree about ours."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7

from certlogin.pki.certificate import read_certificate, read_chain
from certlogin.pki.cms import Attributes, CMSContentMismatch, read_signed_data, verify_signed_data
from certlogin.pki.judge import judge_certificate
from certlogin.pki.signature import SignatureMismatch
from certlogin.pki.sm2 import SM2Key
from tests.ca.signed import openssl
from tests.factory import NOW, Issued, Plan, make_pki
from tests.factory_keys import AnyKey, sm2
from tests.pki import cms_writer as writer
from tests.pki.cms_writer import PRODUCERS, Message, indefinite
from tests.pki.raw import OCTET_STRING, tlv

CONTENT = b"certlogin login\nunit: U1\nchallenge: NDYxMjM0"
KEY_TYPES = ["RSA-2048", "P-256", "P-384", "SM2"]
each_type = pytest.mark.parametrize("key_type", KEY_TYPES)


def leaf(key_type: str) -> Issued:
    return make_pki().issuing.issue(Plan(key_type=key_type, key_name="cms", serial=7))


def accept(message: bytes, content: bytes = CONTENT, attributes: Attributes = Attributes.EITHER) -> Any:
    found = read_signed_data(message)
    verify_signed_data(found, content, sm2(), attributes=attributes)
    return found


# --- who writes them


@pytest.mark.parametrize("producer", PRODUCERS)
@pytest.mark.parametrize("attached", [True, False])
def test_sm2_messages_of_every_known_producer_are_accepted(producer: str, attached: bool) -> None:
    signer = leaf("SM2")
    found = accept(Message(signer, CONTENT, attached=attached, **PRODUCERS[producer]).der)
    assert found.signer == read_certificate(signer.der)
    assert found.scheme.name == "SM2-SM3"
    assert found.unverified_content == (CONTENT if attached else None)


@each_type
@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("with_attributes", [True, False])
def test_every_form_of_rfc_5652_is_accepted(key_type: str, attached: bool, with_attributes: bool) -> None:
    message = Message(leaf(key_type), CONTENT, attached=attached, with_attributes=with_attributes)
    found = accept(message.der)
    assert (found.attributes is not None) is with_attributes
    with pytest.raises(CMSContentMismatch if attached or with_attributes else SignatureMismatch):
        accept(message.der, CONTENT + b" ")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ([], "RS256"),
        (["-md", "sha384"], "RS384"),
        (["-md", "sha512", "-noattr"], "RS512"),
        (["-nodetach"], "RS256"),
        (["-nodetach", "-noattr"], "RS256"),
        (["-keyid"], "RS256"),
        # Indefinite lengths and content in pieces.
        (["-nodetach", "-stream"], "RS256"),
        (["-nocerts"], "RS256"),
        (["-keyopt", "rsa_padding_mode:pss"], "PS256"),
        (["-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest", "-md", "sha512"], "PS512"),
    ],
)
def test_what_openssl_signs_with_rsa_is_accepted(options: list[str], name: str, tmp_path: Path) -> None:
    signer = leaf("RSA-2048")
    message = sign_by_openssl(signer, tmp_path, *options)
    found = read_signed_data(message, read_certificate(signer.der))
    verify_signed_data(found, CONTENT, attributes=Attributes.EITHER)
    assert found.scheme.name == name


@pytest.mark.parametrize("key_type", ["P-256", "P-384"])
@pytest.mark.parametrize("options", [[], ["-noattr", "-nodetach"], ["-stream", "-nodetach", "-keyid"]])
@pytest.mark.parametrize("digest", ["256", "384", "512"])
def test_what_openssl_signs_with_ecdsa_is_accepted(
    key_type: str, options: list[str], digest: str, tmp_path: Path
) -> None:
    found = accept(sign_by_openssl(leaf(key_type), tmp_path, "-md", f"sha{digest}", *options))
    assert found.scheme.name == f"ES{digest}"


@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256", "P-384"])
@pytest.mark.parametrize("option", [None, pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.NoAttributes])
def test_what_cryptography_signs_is_accepted(key_type: str, option: pkcs7.PKCS7Options | None) -> None:
    signer, options = leaf(key_type), [pkcs7.PKCS7Options.Binary]
    key: Any = signer.key
    builder = pkcs7.PKCS7SignatureBuilder().set_data(CONTENT).add_signer(signer.certificate, key, hashes.SHA384())
    builder = builder.add_certificate(make_pki().issuing.certificate)
    message = builder.sign(Encoding.DER, options if option is None else [*options, option])
    found = accept(message)
    assert found.chain == (read_certificate(make_pki().issuing.der),)


@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256", "P-384"])
@pytest.mark.parametrize("changes", [{}, {"attached": False}, {"with_attributes": False}, {"digest": writer.SHA512}])
def test_openssl_accepts_the_same_messages_of_the_writer(
    key_type: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    if "digest" in changes and key_type != "RSA-2048":
        changes = changes | {"signature": writer.ECDSA_SHA512}
    message = Message(leaf(key_type), CONTENT, **changes)
    signature = signature_of(message)
    message = replace(message, sign=lambda _: signature)
    for written in (message.der, indefinite(message.der)):
        accept(written)
        assert verified_by_openssl(written, CONTENT, tmp_path)
    forged = replace(message, content=b"x" * len(CONTENT)).der
    assert not verified_by_openssl(forged, b"x" * len(CONTENT), tmp_path)


def signature_of(message: Message) -> bytes:
    return read_signed_data(message.der).signature


def sign_by_openssl(signer: Issued, folder: Path, *options: str) -> bytes:
    certificate, key, content, message = (folder / name for name in ("leaf.pem", "key.pem", "content", "message"))
    certificate.write_bytes(signer.pem)
    key.write_bytes(pem_of(signer.key))
    content.write_bytes(CONTENT)
    arguments = ("-binary", "-signer", certificate, "-inkey", key, "-in", content, "-outform", "DER", "-out", message)
    openssl("cms", "-sign", *arguments, *(() if "-md" in options else ("-md", "sha256")), *options)
    return message.read_bytes()


def pem_of(key: AnyKey) -> bytes:
    assert not isinstance(key, SM2Key)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def verified_by_openssl(message: bytes, content: bytes, folder: Path) -> bool:
    given, expected, out = folder / "given", folder / "expected", folder / "out"
    given.write_bytes(message)
    expected.write_bytes(content)
    openssl("version")
    done = subprocess.run(
        ["openssl", "cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in", given, "-content", expected,
         "-out", out], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 or re.search("verification failure|digest failure|verify error", done.stderr, re.I)
    return done.returncode == 0


# --- how they are written


@each_type
@pytest.mark.parametrize("with_attributes", [True, False])
def test_ber_says_the_same_as_der(key_type: str, with_attributes: bool) -> None:
    der = Message(leaf(key_type), CONTENT, with_attributes=with_attributes).der
    assert accept(indefinite(der)) == accept(der)


def test_attributes_are_verified_sorted_whatever_order_they_are_sent_in() -> None:
    message = Message(leaf("P-256"), CONTENT, more=(writer.attribute("1.2.3", tlv(OCTET_STRING, b"unknown")),))
    backwards = replace(message, attributes=tuple(reversed(message.sent_attributes)))
    assert backwards.der != message.der
    assert accept(backwards.der).attributes == accept(message.der).attributes


@pytest.mark.parametrize("parameters", [b"", writer.WITH_NULL])
@pytest.mark.parametrize("key_type", ["RSA-2048", "SM2"])
def test_parameters_may_be_null_or_absent(key_type: str, parameters: bytes) -> None:
    accept(Message(leaf(key_type), CONTENT, digest_parameters=parameters, signature_parameters=parameters).der)


@pytest.mark.parametrize("version", [1, 3])
def test_both_versions_of_the_message_are_read(version: int) -> None:
    accept(Message(leaf("P-256"), CONTENT, version=version).der)


def test_lists_and_unsigned_attributes_are_left_aside() -> None:
    message = Message(leaf("P-256"), CONTENT)
    more = replace(
        message,
        lists=tlv(0xA1, make_pki().issuing.crl()),
        unsigned=tlv(0xA1, writer.attribute(writer.CONTENT_TYPE, writer.oid(writer.SM3))),
    )
    assert accept(more.der).attributes == accept(message.der).attributes


@pytest.mark.parametrize("certificates", [(), ("leaf",), ("leaf", "leaf", "issuing")])
def test_the_certificate_is_in_the_message_or_given(certificates: tuple[str, ...]) -> None:
    signer = leaf("P-256")
    ders = {"leaf": signer.der, "issuing": make_pki().issuing.der}
    message = Message(signer, CONTENT, certificates=tuple(ders[name] for name in certificates)).der
    found = read_signed_data(message, read_certificate(signer.der))
    verify_signed_data(found, CONTENT, attributes=Attributes.EITHER)
    assert found.signer.der == signer.der
    assert [one.der for one in found.chain] == ([ders["issuing"]] if "issuing" in certificates else [])


def test_a_signer_may_be_named_by_the_identifier_of_its_key() -> None:
    signer = leaf("P-256")
    identifier = signer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    named = Message(signer, CONTENT, version=3, signer_version=3, identifier=tlv(0x80, identifier))
    assert accept(named.der).signer.der == signer.der


@pytest.mark.parametrize(("form", "with_attributes"), [(Attributes.REQUIRED, True), (Attributes.FORBIDDEN, False)])
def test_the_one_form_that_the_server_names_is_accepted(form: Attributes, with_attributes: bool) -> None:
    accept(Message(leaf("P-256"), CONTENT, with_attributes=with_attributes).der, attributes=form)


@each_type
def test_the_signer_is_judged_like_any_other_certificate(key_type: str) -> None:
    pki = make_pki()
    signer = leaf(key_type)
    found = accept(Message(signer, CONTENT, certificates=(pki.issuing.der, signer.der)).der)
    trusted = judge_certificate(found.signer, read_chain([one.der for one in found.chain]), pki.trust(), NOW)
    assert trusted.facts.der == signer.der
