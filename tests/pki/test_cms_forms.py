"""Odd, oversized and changed CMS messages: refused with our own error, or what they were."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.errors import CertloginError, Refusal
from certlogin.pki.certificate import CertificateTooLarge
from certlogin.pki.cms import Attributes, read_signed_data, verify_signed_data
from certlogin.pki.cms_reader import CMSUnreadable, UnverifiedSignedData
from certlogin.pki.judge import judge_certificate
from tests.companions import without
from tests.factory import NOW, Plan, make_pki
from tests.factory_keys import sm2
from tests.pki import cms_writer as writer
from tests.pki.cms_judging import CONTENT, DATA_TYPE, OTHER, accept, bare, leaf, namesake
from tests.pki.cms_writer import (
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
        {"attributes": (DATA_TYPE, attribute(MESSAGE_DIGEST, tlv(NULL)))},
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
