"""CMS messages that must not be believed, each with the check that stops it taken away once."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

import pytest

from certlogin.pki import ber, cms_reader
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.cms import Attributes, CMSContentMismatch, read_signed_data
from certlogin.pki.cms_reader import (
    CMSAttributes,
    CMSNotOneSigner,
    CMSSignerCertificate,
    UnverifiedSignedData,
)
from certlogin.pki.der import Element, children, exactly
from certlogin.pki.judge import judge_certificate
from certlogin.pki.path import CertificateUntrusted
from certlogin.pki.signature import SignatureMismatch
from tests.companions import without
from tests.factory import NOW, Issued, Plan, make_pki
from tests.pki.cms_judging import CONTENT, DATA_TYPE, OTHER, accept, bare, leaf, namesake
from tests.pki.cms_writer import (
    CONTENT_TYPE,
    GM_DATA,
    MESSAGE_DIGEST,
    Message,
    attribute,
    oid,
)
from tests.pki.raw import INTEGER, NULL, OCTET_STRING, SEQUENCE, SET, tlv

# --- the form the server named


def _any_form(message: UnverifiedSignedData, content: bytes, attributes: Attributes) -> None: ...


@pytest.mark.parametrize(("form", "with_attributes"), [(Attributes.REQUIRED, False), (Attributes.FORBIDDEN, True)])
@without({"certlogin.pki.cms._check_form": _any_form})
def test_s18_a_form_that_the_server_did_not_name_is_refused(form: Attributes, with_attributes: bool) -> None:
    message = Message(leaf(), CONTENT, with_attributes=with_attributes).der
    with pytest.raises(CMSAttributes) as refused:
        accept(message, attributes=form)
    assert refused.value.problem == form


# --- the content


def _believed(message: UnverifiedSignedData, content: bytes) -> bytes:
    """As many verifiers do it: what is attached is what is verified."""
    return message.unverified_content or content


@pytest.mark.parametrize("key_type", ["P-256", "SM2"])
@without({"certlogin.pki.cms._signed": _believed})
def test_s17_the_clients_own_copy_of_the_content_is_never_verified(key_type: str) -> None:
    """A true signature over something else."""
    with pytest.raises(CMSContentMismatch) as refused:
        accept(bare(leaf(key_type), OTHER).der)
    assert refused.value.where == "content"


def _undigested(message: UnverifiedSignedData, content: bytes) -> bytes:
    return content if message.attributes is None else message.attributes.der


@pytest.mark.parametrize("key_type", ["P-256", "SM2"])
@without({"certlogin.pki.cms._signed": _undigested})
def test_s17_true_attributes_of_another_content_are_refused(key_type: str) -> None:
    """The content is exchanged; the signature over the attributes still fits."""
    with pytest.raises(CMSContentMismatch) as refused:
        accept(Message(leaf(key_type), OTHER, attached=False).der)
    assert refused.value.where == "digest"


# --- attributes that were content, and content that was attributes


@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256", "SM2"])
@without({"certlogin.pki.cms._could_be_attributes": lambda content: False})
def test_s22_a_signature_over_attributes_is_none_over_a_content_that_looks_like_them(key_type: str) -> None:
    attributes = Message(leaf(key_type), CONTENT).signed_attributes
    forged = bare(leaf(key_type), attributes, sign=lambda _: signature_over_attributes(leaf(key_type)))
    with pytest.raises(CMSAttributes) as refused:
        accept(forged.der, attributes)
    assert refused.value.problem == "content"


def signature_over_attributes(signer: Issued) -> bytes:
    """Of a message that the signer has really made."""
    return accept(Message(signer, CONTENT).der).signature


@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256", "SM2"])
@without({"certlogin.pki.cms._check_form": _any_form})
def test_s22_a_signature_over_a_content_that_looks_like_attributes_is_none_over_them(key_type: str) -> None:
    """The signer was made to sign the attributes of the challenge as somebody's content."""
    signer = leaf(key_type)
    forged = Message(signer, CONTENT)
    signature = read_signed_data(bare(signer, forged.signed_attributes).der).signature
    with pytest.raises(CMSAttributes) as refused:
        accept(replace(forged, sign=lambda _: signature).der, attributes=Attributes.FORBIDDEN)
    assert refused.value.problem == "forbidden"


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        (tlv(SET, attribute("1.2.3", tlv(NULL))), True),
        (tlv(SET, attribute("1.2.3", tlv(NULL)), attribute("1.2.4")), True),
        (tlv(SET, attribute("1.2.3", tlv(NULL))) + b" ", False),
        (tlv(SET, tlv(SEQUENCE, oid("1.2.3"), tlv(SEQUENCE))), False),
        (tlv(SET, tlv(SEQUENCE, oid("1.2.3"))), False),
        (tlv(SET, tlv(SEQUENCE, tlv(INTEGER, b"1"), tlv(SET))), False),
        (tlv(SEQUENCE, attribute("1.2.3", tlv(NULL))), False),
        # A text may begin with the octet of a SET.
        (b"1A" + b"a" * 0x41, False),
    ],
)
def test_only_what_could_be_attributes_is_refused_as_content(content: bytes, refused: bool) -> None:
    message = bare(leaf(), content).der
    if refused:
        with pytest.raises(CMSAttributes):
            accept(message, content)
    else:
        accept(message, content)


# --- the attributes


_DIGEST, _FOREIGN, _TWO_DIGESTS = (
    attribute(MESSAGE_DIGEST, *(tlv(OCTET_STRING, sha256(content).digest()) for content in contents))
    for contents in ((CONTENT,), (OTHER,), (CONTENT, OTHER))
)


def _lenient(holder: Element, content_type: Element) -> cms_reader.SignedAttributes:
    """The last of several attributes, the first of several values, and nothing else is asked."""
    values = {}
    for one in children(holder):
        kind, content = exactly(one, 2)
        values[kind.encoded] = next(children(content), kind)
    der = ber.element(SET, *sorted(one.encoded for one in children(holder)))
    return cms_reader.SignedAttributes(der, values[oid(MESSAGE_DIGEST)].value)


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ((_DIGEST,), "missing"),
        ((DATA_TYPE, DATA_TYPE, _DIGEST), "repeated"),
        ((DATA_TYPE, _FOREIGN, _DIGEST), "repeated"),
        ((DATA_TYPE, _TWO_DIGESTS), "repeated"),
        ((DATA_TYPE, _DIGEST, attribute("1.2.3", tlv(NULL), tlv(NULL))), "repeated"),
        ((DATA_TYPE, _DIGEST, attribute("1.2.3")), "repeated"),
        # The identifiers of both families say "data", but not the same.
        ((attribute(CONTENT_TYPE, oid(GM_DATA)), _DIGEST), "content_type"),
        ((attribute(CONTENT_TYPE, oid("1.2.840.113549.1.9.16.1.4")), _DIGEST), "content_type"),
        ((attribute(CONTENT_TYPE, tlv(OCTET_STRING, b"data")), _DIGEST), "content_type"),
    ],
)
@without({"certlogin.pki.cms_reader._read_attributes": _lenient})
def test_s20_attributes_that_contradict_are_refused(attributes: tuple[bytes, ...], problem: str) -> None:
    with pytest.raises(CMSAttributes) as refused:
        accept(Message(leaf(), CONTENT, attributes=attributes).der)
    assert refused.value.problem == problem


@pytest.mark.parametrize("attributes", [(), (DATA_TYPE,)])
def test_both_attributes_are_required(attributes: tuple[bytes, ...]) -> None:
    with pytest.raises(CMSAttributes, match="missing"):
        accept(Message(leaf(), CONTENT, attributes=attributes).der)


# --- who has signed


_read_signer = cms_reader._read_signer


def _first_signer(signers: Element, content_type: Element) -> Any:
    first = next(children(signers))
    return _read_signer(signers._replace(start=first.header, end=first.end), content_type)


@without({"certlogin.pki.cms_reader._read_signer": _first_signer})
def test_s20_two_signers_are_refused() -> None:
    with pytest.raises(CMSNotOneSigner) as refused:
        accept(Message(leaf(), CONTENT, signers=2).der)
    assert refused.value.count == 2


def test_no_signer_is_refused() -> None:
    with pytest.raises(CMSNotOneSigner):
        accept(Message(leaf(), CONTENT, signers=0).der)


def _first_certificate(identifier: Element, certificates: Sequence[UnverifiedCertificate]) -> UnverifiedCertificate:
    return certificates[0]


@cache
def another() -> Issued:
    return make_pki().issuing.issue(Plan(key_name="cms", serial=8))


@pytest.mark.parametrize("matching", [0, 2])
@without({"certlogin.pki.cms_reader._find": _first_certificate})
def test_s20_the_signers_certificate_is_exactly_one(matching: int) -> None:
    certificates = (leaf().der, namesake().der) if matching else (another().der,)
    with pytest.raises(CMSSignerCertificate) as refused:
        accept(Message(leaf(), CONTENT, certificates=certificates).der)
    assert refused.value.matching == matching


@pytest.mark.parametrize("identifier", [bytes(20), b""], ids=["other", "empty"])
def test_an_identifier_of_a_key_that_no_certificate_has_is_refused(identifier: bytes) -> None:
    named = Message(leaf(), CONTENT, signer_version=3, identifier=tlv(0x80, identifier))
    with pytest.raises(CMSSignerCertificate):
        accept(named.der)


def test_a_certificate_without_key_identifier_is_named_by_its_issuer_only() -> None:
    signer = make_pki().issuing.issue(Plan(key_name="cms", ski=False))
    with pytest.raises(CMSSignerCertificate):
        accept(Message(signer, CONTENT, signer_version=3, identifier=tlv(0x80, bytes(20))).der)


def test_a_message_without_certificates_needs_the_right_one() -> None:
    message = Message(leaf(), CONTENT, certificates=()).der
    with pytest.raises(CMSSignerCertificate):
        read_signed_data(message)
    with pytest.raises(CMSSignerCertificate):
        read_signed_data(message, read_certificate(another().der))


@pytest.mark.parametrize("key_type", ["P-256", "SM2"])
@without({"certlogin.pki.cms.verify_scheme": lambda *_: None})
def test_s20_the_certificate_cannot_be_swapped_under_a_signature(key_type: str) -> None:
    with pytest.raises(SignatureMismatch):
        accept(Message(leaf(key_type), CONTENT, certificates=(namesake(key_type).der,)).der)


def test_a_certificate_that_only_the_message_vouches_for_is_not_trusted() -> None:
    stranger = make_pki("P-256", " of a stranger")
    signer = stranger.issuing.issue(Plan(key_name="stranger"))
    found = accept(Message(signer, CONTENT, certificates=(stranger.root.der, stranger.issuing.der, signer.der)).der)
    with pytest.raises(CertificateUntrusted):
        judge_certificate(found.signer, found.chain, make_pki().trust(), NOW)
