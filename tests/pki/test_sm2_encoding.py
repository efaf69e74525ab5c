"""How SM2 keys and signatures are written: one form each, and everything else is refused."""

import pytest
from asn1crypto import keys as asn1_keys
from hypothesis import given, settings
from hypothesis import strategies as st

from certlogin.pki.keys import KeyKind, read_key
from certlogin.pki.sm2 import ORDER, SM2Key, from_der, pkcs8, point_of, read_pkcs8, spki, to_der
from certlogin.records.certificate import KeyType
from tests.pki import raw
from tests.pki import sm2_reference as reference
from tests.pki.raw import BIT_STRING, FAST, INTEGER, OCTET_STRING, SEQUENCE, integer, tlv
from tests.pki.test_sm2 import KEY, SIGNATURE

ALGORITHM = tlv(SEQUENCE, raw.EC_PUBLIC_KEY, raw.SM2_CURVE)
ONE = integer(1)


# --- public keys


def test_a_public_key_is_an_ec_key_on_the_named_curve() -> None:
    assert spki(KEY.point) == raw.ec_spki(raw.SM2_CURVE, KEY.point)
    assert point_of(spki(KEY.point)) == KEY.point
    assert read_key(spki(KEY.point)) == KeyKind(KeyType.SM2, 256)


@pytest.mark.parametrize(
    "der",
    [
        b"",
        spki(KEY.point)[:-1],
        spki(KEY.point) + b"\x00",
        raw.ec_spki(raw.P256_CURVE, KEY.point),
        raw.ec_spki(raw.SM2_CURVE, b"\x02" + KEY.point[1:33]),
        raw.ec_spki(raw.SM2_CURVE, b"\x00"),
        raw.ec_spki(raw.SM2_CURVE, b"\x04" + bytes(64)),
        raw.spki(raw.SM2_CURVE, KEY.point),
    ],
    ids=["empty", "cut", "longer", "P-256", "compressed", "infinity", "beside the curve", "no key kind"],
)
def test_s20_another_public_key_is_refused(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"point|SM2"):
        point_of(der)


def test_no_public_key_is_written_for_a_point_beside_the_curve() -> None:
    with pytest.raises(ValueError, match="point"):
        spki(b"\x04" + bytes(64))


# --- private keys


def ec_private(*parts: bytes, number: bytes = ONE, d: bytes = KEY.d) -> bytes:
    return tlv(SEQUENCE, number, tlv(OCTET_STRING, d), *parts)


def wrapped(inside: bytes, algorithm: bytes = ALGORITHM, version: bytes = integer(0), more: bytes = b"") -> bytes:
    return tlv(SEQUENCE, version, algorithm, tlv(OCTET_STRING, inside), more)


def public(point: bytes = KEY.point, tag: int = 0xA1) -> bytes:
    return tlv(tag, tlv(BIT_STRING, b"\x00", point))


def named(curve: bytes = raw.SM2_CURVE, tag: int = 0xA0) -> bytes:
    return tlv(tag, curve)


def test_a_private_key_is_read_as_it_was_written() -> None:
    assert pkcs8(KEY) == wrapped(ec_private(public()))
    assert read_pkcs8(pkcs8(KEY)) == KEY
    assert (
        asn1_keys.PrivateKeyInfo.load(pkcs8(KEY), strict=True)["private_key"].parsed["version"].native
        == "ecPrivkeyVer1"
    )


def test_the_curve_may_be_named_again_inside() -> None:
    assert read_pkcs8(wrapped(ec_private(named(), public()))) == KEY


@pytest.mark.parametrize(
    "der",
    [
        b"",
        pkcs8(KEY)[:-1],
        pkcs8(KEY) + b"\x00",
        tlv(SEQUENCE),
        wrapped(ec_private(public()), version=integer(1)),
        wrapped(ec_private(public()), algorithm=tlv(SEQUENCE, raw.EC_PUBLIC_KEY, raw.P256_CURVE)),
        wrapped(ec_private(public()), more=tlv(0xA0)),
        tlv(SEQUENCE, integer(0), ALGORITHM, tlv(INTEGER, ec_private(public()))),
        wrapped(ec_private(public(), number=integer(2))),
        wrapped(tlv(SEQUENCE, ONE, integer(7), public())),
        wrapped(ec_private()),
        wrapped(ec_private(named())),
        wrapped(ec_private(public(tag=0xA2))),
        wrapped(ec_private(named(raw.P256_CURVE), public())),
        wrapped(ec_private(named(tag=0xA2), public())),
        wrapped(ec_private(named(), named(), public())),
        wrapped(ec_private(public()) + b"\x00"),
        wrapped(ec_private(public(b"\x04" + bytes(64)))),
        wrapped(ec_private(public(), d=bytes(32))),
        wrapped(ec_private(public(), d=KEY.d[1:])),
        wrapped(ec_private(public(), d=(ORDER - 1).to_bytes(32, "big"))),
    ],
    ids=[
        "empty", "cut", "longer", "nothing inside", "version", "P-256", "attributes", "no octets", "inner version",
        "a number", "no public key", "only the curve", "another tag", "P-256 inside", "another tag of the curve",
        "the curve twice", "longer inside", "beside the curve", "zero", "31 octets", "n - 1",
    ],
)  # fmt: skip
def test_another_private_key_is_refused(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_pkcs8(der)


# --- signatures


def test_the_standards_signature_in_der() -> None:
    der = bytes.fromhex("3046022100") + SIGNATURE[:32] + bytes.fromhex("022100") + SIGNATURE[32:]
    assert to_der(SIGNATURE) == der
    assert from_der(der) == SIGNATURE


@settings(max_examples=200)
@given(r=st.integers(1, ORDER - 1), s=st.integers(1, ORDER - 1) | st.integers(1, 2**16))
def test_both_forms_say_the_same(r: int, s: int) -> None:
    assert to_der(reference.raw(r, s)) == tlv(SEQUENCE, integer(r), integer(s))
    assert from_der(to_der(reference.raw(r, s))) == reference.raw(r, s)


@pytest.mark.parametrize(
    "der",
    [
        b"",
        SIGNATURE,
        to_der(SIGNATURE)[:-1],
        to_der(SIGNATURE) + b"\x00",
        tlv(SEQUENCE, ONE),
        tlv(SEQUENCE, ONE, ONE, ONE),
        tlv(SEQUENCE, ONE, integer(0)),
        tlv(SEQUENCE, integer(0), ONE),
        tlv(SEQUENCE, ONE, integer(ORDER)),
        tlv(SEQUENCE, integer(ORDER), ONE),
        tlv(SEQUENCE, ONE, integer(-1)),
        tlv(SEQUENCE, ONE, tlv(INTEGER, b"\x00\x01")),
        tlv(SEQUENCE, ONE, tlv(INTEGER)),
        tlv(SEQUENCE, ONE, tlv(OCTET_STRING, b"\x01")),
        b"\x30\x81\x06" + ONE + ONE,
        b"\x30\x80" + ONE + ONE + b"\x00\x00",
        tlv(0x31, ONE, ONE),
    ],
    ids=[
        "empty", "r and s", "cut", "longer", "one number", "three numbers", "s = 0", "r = 0", "s = n", "r = n",
        "negative",
        "padded", "no octets", "no number", "long length", "indefinite", "SET",
    ],
)  # fmt: skip
def test_s20_another_der_form_is_refused(der: bytes) -> None:
    assert from_der(tlv(SEQUENCE, ONE, ONE)) == reference.raw(1, 1)
    with pytest.raises(ValueError, match=r"\w"):
        from_der(der)


@FAST
@given(data=st.binary(max_size=160))
def test_readers_of_arbitrary_bytes_raise_value_errors_only(data: bytes) -> None:
    for read in (from_der, point_of, read_pkcs8, to_der):
        try:
            read(data)
        except ValueError:
            continue


@settings(max_examples=200)
@given(position=st.integers(0, 8 * len(pkcs8(KEY)) - 1))
def test_a_changed_private_key_is_another_one_or_none(position: int) -> None:
    changed = bytearray(pkcs8(KEY))
    changed[position // 8] ^= 1 << position % 8
    try:
        found = read_pkcs8(bytes(changed))
    except ValueError:
        return
    assert found != KEY
    assert found.point == KEY.point
    assert isinstance(found, SM2Key)


@settings(max_examples=200)
@given(position=st.integers(0, 8 * len(to_der(SIGNATURE)) - 1))
def test_s20_no_two_encodings_are_one_signature(position: int) -> None:
    changed = bytearray(to_der(SIGNATURE))
    changed[position // 8] ^= 1 << position % 8
    try:
        assert from_der(bytes(changed)) != SIGNATURE
    except ValueError:
        return
