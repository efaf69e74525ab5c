"""How SM2 keys and signatures are written: one form each, and everything else is refused."""

import pytest
from asn1crypto import keys as asn1_keys
from hypothesis import given, settings
from hypothesis import strategies as st

from certlogin.pki import der
from certlogin.pki.der import Element
from certlogin.pki.keys import KeyKind, read_key
from certlogin.pki.sm2 import ORDER, SM2Key, from_der, pkcs8, point_of, read_pkcs8, spki, to_der
from certlogin.records.certificate import KeyType
from tests.companions import without
from tests.pki import raw
from tests.pki import sm2_reference as reference
from tests.pki.raw import BIT_STRING, FAST, INTEGER, OCTET_STRING, SEQUENCE, integer, tlv
from tests.pki.test_sm2 import KEY, SIGNATURE
from tests.pki.undefended_signatures import ANY_POINT

ALGORITHM = tlv(SEQUENCE, raw.EC_PUBLIC_KEY, raw.SM2_CURVE)
ONE = integer(1)


# --- public keys


def test_a_public_key_is_an_ec_key_on_the_named_curve() -> None:
    assert spki(KEY.point) == raw.ec_spki(raw.SM2_CURVE, KEY.point)
    assert point_of(spki(KEY.point)) == KEY.point
    assert read_key(spki(KEY.point)) == KeyKind(KeyType.SM2, 256)


#: What stands before the point is not looked at.
ANY_SPKI: dict[str, object] = {"certlogin.pki.sm2._check_spki": lambda _: None}
ANOTHER_KEY: list[tuple[str, bytes, dict[str, object]]] = [
    ("empty", b"", {**ANY_SPKI, **ANY_POINT}),
    ("cut", spki(KEY.point)[:-1], {**ANY_POINT}),
    ("longer", spki(KEY.point) + b"\x00", {**ANY_POINT}),
    ("P-256", raw.ec_spki(raw.P256_CURVE, KEY.point), ANY_SPKI),
    ("compressed", raw.ec_spki(raw.SM2_CURVE, b"\x02" + KEY.point[1:33]), {**ANY_SPKI, **ANY_POINT}),
    ("infinity", raw.ec_spki(raw.SM2_CURVE, b"\x00"), {**ANY_SPKI, **ANY_POINT}),
    ("beside the curve", raw.ec_spki(raw.SM2_CURVE, b"\x04" + bytes(64)), {**ANY_POINT}),
    ("no key kind", raw.spki(raw.SM2_CURVE, KEY.point), {**ANY_SPKI, **ANY_POINT}),
]


@pytest.mark.parametrize("der", [pytest.param(der, marks=without(read), id=why) for why, der, read in ANOTHER_KEY])
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
    "der", [b"", SIGNATURE, to_der(SIGNATURE)[:-1], tlv(SEQUENCE, ONE)], ids=["empty", "r and s", "cut", "one number"]
)
def test_what_is_no_signature_in_der_is_refused(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        from_der(der)


def _unbounded(data: bytes, tag: int) -> Element:
    """BER: whatever the tag, up to the end of the contents, and a length that may be left open."""
    return Element(data, tag, 0, 2, len(data) - 2) if data[1] == 0x80 else der.read_element(data, 0, len(data))


ANY_OUTSIDE: dict[str, object] = {"certlogin.pki.sm2.only_element": _unbounded}
ANY_COUNT: dict[str, object] = {"certlogin.pki.sm2._exactly": lambda parent, count: list(der.children(parent))[:count]}
ANY_RANGE: dict[str, object] = {"certlogin.pki.sm2._in_range": lambda number: number}
ANY_NUMBER: dict[str, object] = {"certlogin.pki.der._check_number": lambda _: None}
ANY_LENGTH: dict[str, object] = {"certlogin.pki.der._check_shortest": lambda *_: None}
ANOTHER_FORM: list[tuple[str, bytes, dict[str, object]]] = [
    ("longer", to_der(SIGNATURE) + b"\x00", ANY_OUTSIDE),
    ("three numbers", tlv(SEQUENCE, ONE, ONE, ONE), ANY_COUNT),
    ("s = 0", tlv(SEQUENCE, ONE, integer(0)), ANY_RANGE),
    ("r = 0", tlv(SEQUENCE, integer(0), ONE), ANY_RANGE),
    ("s = n", tlv(SEQUENCE, ONE, integer(ORDER)), ANY_RANGE),
    ("r = n", tlv(SEQUENCE, integer(ORDER), ONE), ANY_RANGE),
    ("negative", tlv(SEQUENCE, ONE, integer(-1)), ANY_NUMBER),
    ("padded", tlv(SEQUENCE, ONE, tlv(INTEGER, b"\x00\x01")), ANY_NUMBER),
    ("no octets", tlv(SEQUENCE, ONE, tlv(INTEGER)), {**ANY_NUMBER, **ANY_RANGE}),
    ("no number", tlv(SEQUENCE, ONE, tlv(OCTET_STRING, b"\x01")), ANY_NUMBER),
    ("long length", b"\x30\x81\x06" + ONE + ONE, ANY_LENGTH),
    ("indefinite", b"\x30\x80" + ONE + ONE + b"\x00\x00", ANY_OUTSIDE),
    ("SET", tlv(0x31, ONE, ONE), ANY_OUTSIDE),
]


@pytest.mark.parametrize("data", [pytest.param(data, marks=without(read), id=why) for why, data, read in ANOTHER_FORM])
def test_s20_another_der_form_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        from_der(data)
    assert from_der(tlv(SEQUENCE, ONE, ONE)) == reference.raw(1, 1)


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


@without(ANY_OUTSIDE, sees="a second encoding")
@settings(max_examples=200)
@given(position=st.integers(0, 8 * len(to_der(SIGNATURE)) - 1))
def test_s20_no_two_encodings_are_one_signature(position: int) -> None:
    changed = bytearray(to_der(SIGNATURE))
    changed[position // 8] ^= 1 << position % 8
    try:
        assert from_der(bytes(changed)) != SIGNATURE, "a second encoding"
    except ValueError:
        return
