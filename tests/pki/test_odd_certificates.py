"""Odd DER from real cards: read and judged by the same rules, or refused with a code; nothing else ever happens.

Each certificate is truly signed by its issuer, so only what is odd decides.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certlogin.errors import CertloginError
from certlogin.pki.certificate import CertificateUnreadable, UnverifiedCertificate, read_certificate
from certlogin.pki.der import DERError
from certlogin.pki.judge import TrustedCertificate, judge_certificate
from certlogin.pki.path import Path, Trust
from certlogin.pki.profile import CertificateUsage, UnknownCriticalExtension
from certlogin.pki.revocation import CertificateRevoked, Settled
from certlogin.pki.tolerant import rewritten
from tests.companions import without
from tests.factory import NOW, SERVER_AUTH, UNIT_CODE, Issued, make_pki
from tests.factory_keys import sign_der
from tests.pki import raw
from tests.pki.raw import BOOLEAN, INTEGER, NULL, OCTET_STRING, OID, PRINTABLE, SEQUENCE, SET, UTF8, integer, oid, tlv

T61, IA5, VISIBLE, BMP, UTC_TIME, GENERALIZED_TIME = 0x14, 0x16, 0x1A, 0x1E, 0x17, 0x18
FALSE, ONE = tlv(BOOLEAN, b"\x00"), tlv(BOOLEAN, b"\x01")
COUNTRY = tlv(SET, tlv(SEQUENCE, tlv(OID, oid("2.5.4.6")), tlv(PRINTABLE, b"CN")))
ECDSA = tlv(OID, oid("1.2.840.10045.4.3.2"))
SERIAL: Final = 0x5A17

#: Writes a good leaf again.
Edit = Callable[[bytes], bytes]


def leaf(**plan: Any) -> bytes:
    return make_pki().issuing.issue(serial=SERIAL, **plan).der


def judge(der: bytes, *revoked: int) -> TrustedCertificate:
    pki = make_pki()
    return judge_certificate(read_certificate(der), (), pki.trust(crls_der=pki.crls(revoked)), NOW)


def with_extension(dotted: str, value: bytes, *marks: bytes) -> Edit:
    """In the place of one with the same identifier. `marks`: what stands between, a BOOLEAN or nothing."""
    found = tlv(SEQUENCE, tlv(OID, oid(dotted)), *marks, tlv(OCTET_STRING, value))

    def edit(der: bytes) -> bytes:
        kept = [one for one in raw.extensions(der) if tlv(OID, oid(dotted)) not in one]
        return raw.with_extensions(der, make_pki().issuing.key, [*kept, found])

    return edit


def with_part(place: int, element: bytes) -> Edit:
    return lambda der: raw.with_part(der, make_pki().issuing.key, place, element)


def named(tag: int, text: bytes) -> Edit:
    """With this common name."""
    return with_part(raw.SUBJECT, tlv(SEQUENCE, COUNTRY, tlv(SET, attribute("2.5.4.3", tag, text))))


def attribute(dotted: str, tag: int, text: bytes) -> bytes:
    return tlv(SEQUENCE, tlv(OID, oid(dotted)), tlv(tag, text))


def valid(first: bytes, last: bytes, tag: int = UTC_TIME) -> Edit:
    return with_part(raw.VALIDITY, tlv(SEQUENCE, tlv(tag, first), tlv(tag, last)))


def with_algorithm(algorithm: bytes) -> Edit:
    def edit(der: bytes) -> bytes:
        elements = raw.parts(raw.parts(der)[0])
        elements[raw.ALGORITHM] = algorithm
        signed = tlv(SEQUENCE, *elements)
        return tlv(SEQUENCE, signed, algorithm, tlv(raw.BIT_STRING, b"\x00", sign_der(make_pki().issuing.key, signed)))

    return edit


CLIENT_AUTH = tlv(SEQUENCE, tlv(OID, oid("1.3.6.1.5.5.7.3.2")))
TWO_OF_ONE = tlv(SET, attribute("2.5.4.11", UTF8, b"a"), attribute("2.5.4.3", UTF8, b"b"))

#: Against DER or RFC 5280, and plain: the strict parser refuses them, we read them.
READ: Final[dict[str, Edit]] = {
    "cA FALSE is written out": with_extension("2.5.29.19", tlv(SEQUENCE, FALSE), tlv(BOOLEAN, b"\xff")),
    "critical FALSE is written out": with_extension("2.5.29.37", CLIENT_AUTH, FALSE),
    "critical TRUE is 1": with_extension("2.5.29.15", bytes.fromhex("030206c0"), ONE),
    "NULL behind ecdsa-with-SHA256": with_algorithm(tlv(SEQUENCE, ECDSA, tlv(NULL))),
    "@ in a PrintableString": named(PRINTABLE, b"041@0330602000000000@x@00000001"),
    "GBK in a PrintableString": named(PRINTABLE, "测试单位".encode("gbk")),
    "GBK in a TeletexString": named(T61, "测试单位".encode("gbk")),
    "GBK in an IA5String": named(IA5, "测试单位".encode("gbk")),
    "attributes out of order": with_part(raw.SUBJECT, tlv(SEQUENCE, TWO_OF_ONE)),
}
#: Unusual, and no offence: the strict parser reads them.
FINE: Final[dict[str, Edit]] = {
    "BMPString": named(BMP, "测试".encode("utf-16-be")),
    "an IA5String for a name": named(IA5, b"x"),
    "GeneralizedTime before 2050": valid(b"20260101000000Z", b"20280101000000Z", GENERALIZED_TIME),
    "no end (RFC 5280 4.1.2.5)": valid(b"20260101000000Z", b"99991231235959Z", GENERALIZED_TIME),
    "key usage with zero bits at its end": with_extension("2.5.29.15", bytes.fromhex("030300c000")),
    "a Netscape extension": with_extension("2.16.840.1.113730.1.1", bytes.fromhex("030205a0")),
    "no distribution point in a list of them": with_extension("2.5.29.31", tlv(SEQUENCE)),
}
REFUSED: Final[dict[str, Edit]] = {
    "serial -5": with_part(raw.SERIAL, integer(-5)),
    "serial 0": with_part(raw.SERIAL, integer(0)),
    "a padded serial": with_part(raw.SERIAL, tlv(INTEGER, b"\x00\x05")),
    "a length that is not the shortest": lambda der: raw.tlv(SEQUENCE, *raw.parts(der))[:1] + b"\x83\x00" + der[2:],
    "bytes behind it": lambda der: der + b"\x00",
    "times without seconds": valid(b"2601010000Z", b"2801010000Z"),
    "times with a zone": valid(b"260101000000+0800", b"280101000000+0800"),
    "times with fractions": valid(b"20260101000000.5Z", b"20280101000000.5Z", GENERALIZED_TIME),
    "local times": valid(b"20260101000000", b"20280101000000", GENERALIZED_TIME),
    "GBK in a UTF8String": named(UTF8, "测试单位".encode("gbk")),
    "half a character": named(PRINTABLE, b"\xe5"),
    "a control character": named(PRINTABLE, b"a\x00b"),
    "octets for a name": named(OCTET_STRING, b"a"),
    "VisibleString": named(VISIBLE, b"a"),
    "a length of the path, and no CA": with_extension("2.5.29.19", tlv(SEQUENCE, integer(0))),
    "two octets for a BOOLEAN": with_extension("2.5.29.19", tlv(SEQUENCE, tlv(BOOLEAN, b"\x00\x00"))),
    "an empty extended key usage": with_extension("2.5.29.37", tlv(SEQUENCE)),
    "a key identifier without its type": with_extension("2.5.29.14", b"\x01\x02\x03"),
    "an empty distribution point": with_extension("2.5.29.31", tlv(SEQUENCE, tlv(SEQUENCE))),
    "an address of five octets": with_extension("2.5.29.17", tlv(SEQUENCE, tlv(0x87, b"12345"))),
    "an X.400 address": with_extension("2.5.29.17", tlv(SEQUENCE, tlv(0xA3))),
    "NULL behind another algorithm": with_algorithm(tlv(SEQUENCE, tlv(OID, oid("1.2.840.10045.4.3.9")), tlv(NULL))),
    "a name with an attribute of one element": with_part(
        raw.SUBJECT, tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, tlv(OID, oid("2.5.4.3")))))
    ),
}


@pytest.mark.parametrize("oddity", [*READ, *FINE])
def test_a_plain_oddity_is_read_and_judged(oddity: str) -> None:
    der = (READ | FINE)[oddity](leaf())
    trusted = judge(der)
    assert trusted.facts.der == der
    assert trusted.facts.unit_code == UNIT_CODE


@pytest.mark.parametrize("oddity", READ)
def test_without_the_second_reading_it_would_be_refused(oddity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certlogin.pki.certificate.rewritten", lambda der: der)
    with pytest.raises(CertificateUnreadable):
        judge(READ[oddity](leaf()))


@pytest.mark.parametrize("oddity", REFUSED)
def test_any_other_oddity_is_refused_with_a_code(oddity: str) -> None:
    with pytest.raises(CertloginError) as refusal:
        judge(REFUSED[oddity](leaf()))
    assert refusal.value.code in ("certificate_unreadable", "certificate_weak_signature")


def test_names_of_odd_cards_can_be_read() -> None:
    for oddity in ("GBK in a PrintableString", "GBK in a TeletexString", "GBK in an IA5String"):
        assert judge(READ[oddity](leaf())).facts.subject == "CN=测试单位,C=CN"
    assert judge(READ["@ in a PrintableString"](leaf())).facts.subject.startswith("CN=041@0330602000000000@x@")


# --- the same rules


@without({"certlogin.pki.judge._settle": lambda *_: Settled.NOT_ASKED})
@pytest.mark.parametrize("oddity", READ)
def test_s24_an_odd_certificate_is_revoked_like_any_other(oddity: str) -> None:
    with pytest.raises(CertificateRevoked):
        judge(READ[oddity](leaf()), SERIAL)


@without({"certlogin.pki.profile._check_leaf_usage": lambda leaf, **_: None})
@pytest.mark.parametrize("oddity", [one for one in READ if "critical" not in one])
def test_s25_an_odd_certificate_of_a_server_does_not_log_in(oddity: str) -> None:
    with pytest.raises(CertificateUsage):
        judge(READ[oddity](leaf(extended=SERVER_AUTH)))


@without({"certlogin.pki.profile._check_leaf_usage": lambda leaf, **_: None})
def test_s25_an_odd_ca_is_one() -> None:
    """TRUE as 1: who took it for FALSE would let a CA log in, and its leaves below it."""
    odd = with_extension("2.5.29.19", tlv(SEQUENCE, ONE), tlv(BOOLEAN, b"\xff"))
    with pytest.raises(CertificateUsage) as refusal:
        judge(odd(leaf()))
    assert refusal.value.problem == "ca"


POINT = tlv(SEQUENCE, tlv(SEQUENCE, tlv(0xA0, tlv(0xA0, tlv(0x86, b"http://ca.test/")))))


@without({"certlogin.pki.profile._check_critical": lambda certificate: None})
@pytest.mark.parametrize("mark", [ONE, tlv(BOOLEAN, b"\x7f"), tlv(BOOLEAN, b"\xff")])
def test_s25_an_extension_that_is_critical_in_an_odd_way_is_critical(mark: bytes) -> None:
    with pytest.raises(UnknownCriticalExtension):
        judge(with_extension("2.5.29.31", POINT, mark)(leaf()))
    assert judge(with_extension("2.5.29.31", POINT, FALSE)(leaf()))


# --- the copy

#: Made once: what Hypothesis draws from must not change.
ODD: Final = [edit(leaf()) for edit in READ.values()]


def test_what_is_not_odd_is_not_changed() -> None:
    for key_type in ("P-256", "RSA-2048", "SM2"):
        pki = make_pki(key_type)
        for one in (pki.root, pki.issuing, pki.issuing.issue(key_type=key_type, crl_url="http://ca.test/a.crl")):
            copy = rewritten(one.der)
            assert read_certificate(copy).subject_der.replace(b"\x0c", b"\x13") == raw_subject(one)
            assert raw.extensions(copy) == raw.extensions(one.der)


def raw_subject(issued: Issued) -> bytes:
    """Only the kind of its strings may differ."""
    return raw.parts(raw.parts(issued.der)[0])[raw.SUBJECT].replace(b"\x0c", b"\x13")


def test_an_odd_certificate_keeps_its_own_hash() -> None:
    der = READ["cA FALSE is written out"](leaf())
    plain = read_certificate(leaf())
    read = read_certificate(der)
    assert read.der == der != rewritten(der)
    assert read.sha256 != plain.sha256
    assert read.spki_sha256 == plain.spki_sha256


@raw.FAST
@given(st.data())
def test_whatever_is_written_again_raises_value_errors_only(data: st.DataObject) -> None:
    der = bytearray(data.draw(st.sampled_from(ODD)))
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    try:
        rewritten(bytes(der))
    except (DERError, ValueError):
        return


def unverified(leaf: UnverifiedCertificate, chain: object, trust: Trust, now: object) -> Path:
    """The usual path, whatever the signature."""
    return Path(trust.anchors[0], (leaf, *trust.intermediates, trust.anchors[0].certificate))


@without({"certlogin.pki.judge.find_path": unverified}, sees="accepted: ")
@settings(raw.FAST, max_examples=150)
@given(st.data())
def test_s25_no_changed_odd_certificate_is_accepted(data: st.DataObject) -> None:
    """Every octet of a certificate stands under its issuer's signature, or is that signature in its one form."""
    good = data.draw(st.sampled_from(ODD))
    der = bytearray(good)
    place = data.draw(st.integers(0, len(der) - 1))
    der[place] ^= data.draw(st.integers(1, 255))
    try:
        judge(bytes(der))
    except CertloginError:
        return
    pytest.fail(f"accepted: {place}")
