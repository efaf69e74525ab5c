"""CMS messages that must not be believed, each with the check that stops it taken away once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.errors import CertloginError, Refusal
from certlogin.pki import ber, cms_reader
from certlogin.pki.certificate import CertificateTooLarge, UnverifiedCertificate, read_certificate
from certlogin.pki.cms import Attributes, CMSContentMismatch, read_signed_data, verify_signed_data
from certlogin.pki.cms_reader import (
    CMSAttributes,
    CMSNotOneSigner,
    CMSSignerCertificate,
    CMSUnreadable,
    UnverifiedSignedData,
)
from certlogin.pki.der import Element, children, exactly
from certlogin.pki.judge import judge_certificate
from certlogin.pki.path import CertificateUntrusted
from certlogin.pki.signature import SignatureMismatch
from tests.companions import without
from tests.factory import NOW, Issued, Plan, make_pki
from tests.factory_keys import sm2
from tests.pki import cms_writer as writer
from tests.pki.cms_writer import (
    CONTENT_TYPE,
    GM_DATA,
    GM_STRICT,
    MESSAGE_DIGEST,
    PKCS7_DATA,
    Message,
    algorithm,
    attribute,
    indefinite,
    oid,
)
from tests.pki.raw import FAST, INTEGER, NULL, OCTET_STRING, SEQUENCE, SET, nested, tlv

CONTENT = b"certlogin login\nunit: U1\nchallenge: NDYxMjM0"
OTHER = b"certlogin login\nunit: U2\nchallenge: NDYxMjM0"


@cache
def leaf(key_type: str = "P-256", name: str = "cms") -> Issued:
    return make_pki().issuing.issue(Plan(key_type=key_type, key_name=name, serial=7))


def accept(
    message: bytes, content: bytes = CONTENT, attributes: Attributes = Attributes.EITHER
) -> UnverifiedSignedData:
    found = read_signed_data(message)
    verify_signed_data(found, content, sm2(), attributes=attributes)
    return found


def bare(signer: Issued, content: bytes, **more: Any) -> Message:
    return Message(signer, content, with_attributes=False, **more)


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


_TYPE = attribute(CONTENT_TYPE, oid(PKCS7_DATA))
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
        ((_TYPE, _TYPE, _DIGEST), "repeated"),
        ((_TYPE, _FOREIGN, _DIGEST), "repeated"),
        ((_TYPE, _TWO_DIGESTS), "repeated"),
        ((_TYPE, _DIGEST, attribute("1.2.3", tlv(NULL), tlv(NULL))), "repeated"),
        ((_TYPE, _DIGEST, attribute("1.2.3")), "repeated"),
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


@pytest.mark.parametrize("attributes", [(), (_TYPE,)])
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
def namesake(key_type: str = "P-256") -> Issued:
    """The same issuer and serial number, another key: only its issuer's signature would tell them apart."""
    return make_pki().issuing.issue(Plan(key_type=key_type, key_name="namesake", serial=7))


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


# --- limits


@without({"certlogin.pki.cms_reader.SIZE_MAX": 1 << 20})
def test_s25_an_oversized_message_is_not_read() -> None:
    with pytest.raises(CMSUnreadable) as refused:
        accept(Message(leaf(), CONTENT, unsigned=tlv(0xA1, attribute("1.2.3", tlv(OCTET_STRING, bytes(32768))))).der)
    assert refused.value.problem == "size"


@pytest.mark.parametrize("written", [lambda der: der, indefinite], ids=["DER", "BER"])
@without({"certlogin.pki.cms_reader.DEPTH_MAX": 64})
def test_s25_a_deeply_nested_message_is_not_read(written: Callable[[bytes], bytes]) -> None:
    with pytest.raises(CMSUnreadable) as refused:
        accept(written(Message(leaf(), CONTENT, unsigned=tlv(0xA1, nested(32))).der))
    assert refused.value.problem == "nested too deeply"


@without({"certlogin.pki.cms_reader.CLIENT_CERTIFICATES_MAX": 7})
def test_s25_a_heap_of_certificates_is_not_read() -> None:
    heap = [make_pki().issuing.issue(Plan(key_name="cms", serial=100 + number)).der for number in range(6)]
    accept(Message(leaf(), CONTENT, certificates=(leaf().der, *heap[:5])).der)
    with pytest.raises(CertificateTooLarge) as refused:
        accept(Message(leaf(), CONTENT, certificates=(leaf().der, *heap)).der)
    assert refused.value.what == "certificates"


# --- forms


@pytest.mark.parametrize(
    "changes",
    [
        {"outer": "1.2.840.113549.1.7.3"},
        {"outer": "1.2.156.10197.6.1.4.2.3"},
        {"inner": "1.2.840.113549.1.9.16.1.4"},
        {"version": 2},
        {"version": 4},
        {"version": -1},
        {"signer_version": 3},
        {"signer_version": 0},
        {"identifier": tlv(0x80, bytes(20))},
        {"identifier": tlv(SEQUENCE, tlv(INTEGER, b"\x07"))},
        {"identifier": tlv(SET, tlv(INTEGER, b"\x07"))},
        {"listed": ()},
        {"listed": (algorithm(writer.SHA384),)},
        {"lists": tlv(0xA0)},
        {"lists": tlv(0xA1) + tlv(0xA1)},
        {"lists": tlv(0xA2)},
        {"unsigned": tlv(0xA0)},
        {"unsigned": tlv(0xA1) + tlv(0xA1)},
        # Attribute certificates, and what is no certificate at all.
        {"certificates": (tlv(0xA2),)},
        {"attributes": (tlv(SEQUENCE, oid("1.2.3")),)},
        {"attributes": (tlv(SEQUENCE, oid("1.2.3"), tlv(SEQUENCE, tlv(NULL))),)},
        {"attributes": (tlv(SET, oid("1.2.3"), tlv(SET, tlv(NULL))),)},
        {"attributes": (_TYPE, attribute(MESSAGE_DIGEST, tlv(NULL)))},
    ],
    ids=repr,
)
def test_other_forms_are_not_read(changes: dict[str, Any]) -> None:
    with pytest.raises(CMSUnreadable):
        accept(Message(leaf(), CONTENT, **changes).der)


def _replaced(old: bytes, new: bytes) -> bytes:
    """The message with an element exchanged; the lengths around it are the same."""
    der = Message(leaf(), CONTENT).der
    assert der.count(old) == 1
    assert len(old) == len(new)
    return der.replace(old, new)


@pytest.mark.parametrize(
    "message",
    [
        lambda: b"",
        lambda: b"\x30\x00",
        lambda: tlv(SEQUENCE, oid(writer.PKCS7_SIGNED)),
        lambda: tlv(SEQUENCE, oid(writer.PKCS7_SIGNED), tlv(0xA0)),
        lambda: tlv(SEQUENCE, oid(writer.PKCS7_SIGNED), tlv(0xA0, tlv(SEQUENCE))),
        lambda: tlv(SEQUENCE, tlv(NULL), tlv(0xA0, tlv(SEQUENCE))),
        lambda: tlv(SET, oid(writer.PKCS7_SIGNED), tlv(0xA0, tlv(SEQUENCE))),
        lambda: Message(leaf(), CONTENT).der + b"\x00",
        lambda: indefinite(Message(leaf(), CONTENT).der) + b"\x00\x00",
        lambda: Message(leaf(), CONTENT).der[:-1],
        # The content in another string, and something behind it.
        lambda: _replaced(tlv(OCTET_STRING, CONTENT), tlv(0x0C, CONTENT)),
        lambda: _replaced(tlv(OCTET_STRING, CONTENT), tlv(OCTET_STRING, CONTENT[:-2]) + b"\x05\x00"),
        lambda: leaf().der,
    ],
)
def test_what_is_no_message_is_not_read(message: Callable[[], bytes]) -> None:
    with pytest.raises(CMSUnreadable):
        read_signed_data(message())


def test_content_that_is_there_twice_is_not_read() -> None:
    message = Message(leaf(), CONTENT)
    twice = tlv(0xA0, tlv(OCTET_STRING, CONTENT))
    with pytest.raises(CMSUnreadable):
        read_signed_data(message.der.replace(message._encapsulated(), tlv(SEQUENCE, oid(PKCS7_DATA), twice, twice)))


# --- any change


def judged(message: bytes, content: bytes) -> UnverifiedSignedData:
    """As a login goes."""
    found = accept(message, content)
    judge_certificate(found.signer, found.chain, make_pki().trust(), NOW)
    return found


each_form = pytest.mark.parametrize("with_attributes", [True, False])
each_type = pytest.mark.parametrize("key_type", ["RSA-2048", "P-256", "SM2"])


def usual(key_type: str, with_attributes: bool) -> bytes:
    more = GM_STRICT if key_type == "SM2" else {}
    return Message(leaf(key_type), CONTENT, **(more | {"with_attributes": with_attributes})).der


def check_change(changed: bytes, key_type: str) -> None:
    try:
        found = read_signed_data(changed)
    except CertloginError:
        return
    with pytest.raises(Refusal):
        verify_signed_data(found, OTHER, sm2(), attributes=Attributes.EITHER)
    try:
        verify_signed_data(found, CONTENT, sm2(), attributes=Attributes.EITHER)
        judge_certificate(found.signer, found.chain, make_pki().trust(), NOW)
    except CertloginError:
        return
    assert found.signer.der == leaf(key_type).der


@each_type
@each_form
def test_no_change_of_one_octet_makes_another_content_or_signer(key_type: str, with_attributes: bool) -> None:
    message, certificate = usual(key_type, with_attributes), leaf(key_type).der
    inside = range(message.index(certificate), message.index(certificate) + len(certificate))
    for position in range(len(message)):
        if position in inside and position % 7:
            # The path is judged elsewhere.
            continue
        changed = bytearray(message)
        changed[position] ^= 1 << position % 8
        check_change(bytes(changed), key_type)


@each_type
@each_form
def test_no_change_of_several_octets_makes_another_content_or_signer(key_type: str, with_attributes: bool) -> None:
    message = usual(key_type, with_attributes)

    @given(st.integers(0, len(message)), st.integers(0, 12), st.binary(max_size=6))
    @FAST
    def check(start: int, length: int, middle: bytes) -> None:
        check_change(message[:start] + middle + message[start + length :], key_type)

    check()


@each_type
@each_form
def test_the_unchanged_messages_are_accepted(key_type: str, with_attributes: bool) -> None:
    assert judged(usual(key_type, with_attributes), CONTENT).signer.der == leaf(key_type).der


def test_without_the_signature_a_change_is_noticed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certlogin.pki.cms.verify_scheme", lambda *_: None)
    message = bare(leaf(), CONTENT, attached=False, certificates=(namesake().der,)).der
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check_change(message, "P-256")
