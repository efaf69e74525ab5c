"""Whatever the bytes are: a response of ours or UnusableAnswer, nothing else (S24, S25)."""

from datetime import UTC, datetime

import pytest
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from certlogin.pki.certificate import read_certificate
from certlogin.pki.ocsp import verify_response
from certlogin.pki.ocsp_reader import SIZE_MAX, Status, UnusableAnswer, read_response
from tests.companions import without
from tests.factory import NOW, make_pki
from tests.pki.answers import (
    ENUMERATED,
    GENERALIZED_TIME,
    GOOD,
    HOUR,
    UNKNOWN,
    answer,
    basic_of,
    certificate_id,
    delegate,
    response,
    revoked,
    signed_response,
)
from tests.pki.raw import BOOLEAN, FAST, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, extension, integer, oid, parts, tlv

CA = make_pki().issuing
SERIAL = 77


@pytest.mark.parametrize("status", [GOOD, UNKNOWN, revoked(NOW - HOUR, 1), revoked(NOW - HOUR), revoked(NOW, 6)])
@pytest.mark.parametrize("by_key", [False, True])
def test_a_response_is_read_as_another_library_reads_it(status: bytes, by_key: bool) -> None:
    der = answer(SERIAL, CA, status=status, by_key=by_key, hash="sha256", signer=delegate(CA))
    ours, theirs = read_response(der), ocsp.load_der_ocsp_response(der)
    (one,) = ours.singles
    assert one.status.name == theirs.certificate_status.name
    assert (one.this_update, one.next_update) == (theirs.this_update_utc, theirs.next_update_utc)
    assert one.revoked_at == theirs.revocation_time_utc
    assert one.on_hold is (theirs.revocation_reason is not None and theirs.revocation_reason.name == "certificate_hold")
    assert one.certificate.serial == theirs.serial_number
    assert one.certificate.issuer_name_hash == theirs.issuer_name_hash
    assert one.certificate.issuer_key_hash == theirs.issuer_key_hash
    assert ours.signed.encoded == theirs.tbs_response_bytes
    assert ours.responder_key == theirs.responder_key_hash
    assert ours.responder_name == (theirs.responder_name and theirs.responder_name.public_bytes())
    assert len(ours.certificates) == len(theirs.certificates)


def unusable(der: bytes) -> str:
    with pytest.raises(UnusableAnswer) as refusal:
        read_response(der)
    return str(refusal.value)


@pytest.mark.parametrize("status", [1, 2, 3, 5, 6])
def test_a_responder_that_gives_an_error_says_nothing(status: int) -> None:
    assert unusable(tlv(SEQUENCE, tlv(ENUMERATED, bytes((status,))))) == f"the responder answers with error {status}"


def test_a_response_that_says_nothing_of_anybody_is_not_used() -> None:
    signed = parts(basic_of(answer(SERIAL, CA)))[0]
    elements = parts(signed)
    elements[2] = tlv(SEQUENCE)
    der = signed_response(tlv(SEQUENCE, *elements), CA.key)
    with pytest.raises(UnusableAnswer, match="says nothing"):
        verify_response(der, [read_certificate(CA.der)], NOW, HOUR)


def test_the_default_version_may_be_written() -> None:
    first, other = (tlv(0xA0, integer(number)) for number in (0, 1))
    assert read_response(answer(SERIAL, CA, version=first)).singles[0].status is Status.GOOD
    assert unusable(answer(SERIAL, CA, version=other)) == "another version"


def test_hash_parameters_are_absent_or_null() -> None:
    def with_hash(*elements: bytes) -> bytes:
        _, *rest = parts(certificate_id(SERIAL, CA))
        return answer(SERIAL, CA, certificate_id=tlv(SEQUENCE, tlv(SEQUENCE, *elements), *rest))

    sha1 = tlv(OID, oid("1.3.14.3.2.26"))
    assert (
        read_response(with_hash(sha1)).singles[0].certificate
        == read_response(answer(SERIAL, CA)).singles[0].certificate
    )
    assert unusable(with_hash(sha1, tlv(OCTET_STRING))).startswith("unreadable")
    assert unusable(with_hash()).startswith("unreadable")


def test_times_are_to_the_second_in_utc() -> None:
    def ending(text: bytes) -> bytes:
        return answer(SERIAL, CA, status=tlv(0xA1, tlv(GENERALIZED_TIME, text)))

    assert read_response(ending(b"20260301000000Z")).singles[0].revoked_at == datetime(2026, 3, 1, tzinfo=UTC)
    for text in (b"20260301000000.5Z", b"20260301000000", b"20260301000000+0800", b"20261301000000Z", b"202603010000Z"):
        assert unusable(ending(text)).startswith("unreadable")


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"hello",
        tlv(SEQUENCE),
        tlv(SEQUENCE, tlv(ENUMERATED, b"\x00")),
        tlv(SEQUENCE, tlv(ENUMERATED, b"\x00\x00")),
        tlv(SEQUENCE, tlv(INTEGER, b"\x00")),
        answer(SERIAL, CA) + b"\x00",
        response(tlv(SEQUENCE)),
        response(tlv(OCTET_STRING)),
        response(tlv(SEQUENCE, tlv(SEQUENCE), tlv(SEQUENCE), tlv(0x03, b"\x00"))),
        answer(SERIAL, CA, status=tlv(0x80, b"\x00")),
        answer(SERIAL, CA, status=tlv(0x83)),
        answer(SERIAL, CA, status=tlv(0xA1)),
        answer(SERIAL, CA, response_extensions=[tlv(SEQUENCE)[:1] + b"\x80"]),
    ],
)
def test_what_is_no_response_is_not_used(der: bytes) -> None:
    assert unusable(der).startswith("unreadable")


def test_another_kind_of_response_is_not_used() -> None:
    assert unusable(response(basic_of(answer(SERIAL, CA)), kind="2.25.1")) == "another kind of response"


def test_an_extension_that_is_said_not_to_be_critical_is_not() -> None:
    said = tlv(SEQUENCE, tlv(OID, oid("2.25.77")), tlv(BOOLEAN, b"\x00"), tlv(OCTET_STRING, tlv(NULL)))
    assert read_response(answer(SERIAL, CA, single_extensions=[said])).singles


@without({"certlogin.pki.ocsp_reader.SIZE_MAX": 1 << 30})
def test_s25_a_large_response_is_not_read() -> None:
    large = extension(oid("2.25.77"), bytes(SIZE_MAX))
    assert unusable(answer(SERIAL, CA, response_extensions=[large])) == "too large"


@without({"certlogin.pki.ocsp_reader.PARTS_MAX": 1 << 30})
def test_s25_a_response_of_many_parts_is_not_read() -> None:
    one = parts(parts(parts(basic_of(answer(SERIAL, CA)))[0])[2])[0]
    assert unusable(answer(SERIAL, CA, others=[one] * 16)) == "too many parts"
    assert unusable(answer(SERIAL, CA, certificates=[CA.der] * 17)) == "too many parts"


SIGNED = answer(SERIAL, CA)


@without({"certlogin.pki.ocsp._has_signed": lambda *_: True}, sees="assert")
@FAST
@given(data=st.data())
def test_s24_no_changed_response_is_used(data: st.DataObject) -> None:
    octets = bytearray(SIGNED)
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        verify_response(bytes(octets), [read_certificate(CA.der)], NOW, HOUR)
    except UnusableAnswer:
        return
    assert bytes(octets) == SIGNED


@FAST
@given(data=st.binary(max_size=400))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    with pytest.raises(UnusableAnswer):
        read_response(data)


def test_truncation_at_every_octet_makes_no_response() -> None:
    for end in range(len(SIGNED)):
        unusable(SIGNED[:end])
