from collections.abc import Iterator
from types import SimpleNamespace
from unittest.mock import ANY

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from certlogin.pki import der
from certlogin.pki.der import DERError, Element
from certlogin.pki.keys import KeyKind, WeakKey, read_key
from certlogin.records.certificate import KeyType
from tests.companions import allows, without
from tests.factory import key
from tests.pki.raw import (
    BIT_STRING,
    EC_PUBLIC_KEY,
    FAST,
    INTEGER,
    NO_PARAMETERS,
    OCTET_STRING,
    P256_CURVE,
    P384_CURVE,
    RSA_ENCRYPTION,
    RSA_PSS,
    SECP256K1_CURVE,
    SEQUENCE,
    SET,
    SM2_CURVE,
    SM2_POINT,
    ec_spki,
    integer,
    rsa_spki,
    spki,
    tlv,
)

POINT = b"\x04" + bytes(64)
RSA_2048 = (1 << 2047) | 1
GOOD_RSA = tlv(SEQUENCE, integer(RSA_2048), integer(65537))


def _loose_algorithm(parent: Element) -> Iterator[Element]:
    """Every algorithm is taken for RSA, whatever its parameters."""
    found = tuple(der.children(parent))
    named_rsa = der.read_element(tlv(SEQUENCE, RSA_ENCRYPTION, NO_PARAMETERS), 0, 15)
    return der.children(named_rsa) if found and found[0].tag == der.OBJECT_IDENTIFIER else iter(found)


#: Kinds of key that are not judged, and the rest of what is not looked at.
ANY_RSA: dict[str, object] = {"certlogin.pki.keys._read_rsa": lambda *_: KeyKind(KeyType.RSA, 2048)}
ANY_CURVE: dict[str, object] = {"certlogin.pki.keys._read_curve": lambda *_: KeyKind(KeyType.P256, 256)}
ANY_PARAMETERS: dict[str, object] = {"certlogin.pki.keys._NULL": ANY}
ANY_ALGORITHM: dict[str, object] = {"certlogin.pki.keys.children": _loose_algorithm, **ANY_RSA}
ANY_NUMBER: dict[str, object] = {"certlogin.pki.der._check_number": lambda _: None}
WITHOUT = {
    "rsa_size": ANY_RSA, "rsa_numbers": ANY_RSA, "kind": ANY_ALGORITHM, "parameters": ANY_PARAMETERS,
    "curve": ANY_CURVE, "point": ANY_CURVE,
}  # fmt: skip


def real_spki(key_type: str) -> bytes:
    return key("keys", key_type).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("key_type", "kind"),
    [
        ("RSA-2048", KeyKind(KeyType.RSA, 2048)),
        ("RSA-3072", KeyKind(KeyType.RSA, 3072)),
        ("P-256", KeyKind(KeyType.P256, 256)),
        ("P-384", KeyKind(KeyType.P384, 384)),
        ("P-521", KeyKind(KeyType.P521, 521)),
    ],
)
def test_real_keys_are_recognised(key_type: str, kind: KeyKind) -> None:
    assert read_key(real_spki(key_type)) == kind


def test_an_sm2_key_is_told_from_p256() -> None:
    assert read_key(ec_spki(SM2_CURVE, SM2_POINT)) == KeyKind(KeyType.SM2, 256)


@allows
@pytest.mark.parametrize("bits", [2048, 2049, 4096, 8192])
@pytest.mark.parametrize("exponent", [3, 65537, 2**33 - 1])
def test_s25_rsa_within_the_limits_is_accepted(bits: int, exponent: int) -> None:
    assert read_key(rsa_spki((1 << (bits - 1)) | 1, exponent)) == KeyKind(KeyType.RSA, bits)


WEAK_AND_ODD = [
    ("rsa_size", rsa_spki((1 << 1023) | 1)),
    ("rsa_size", rsa_spki((1 << 2046) | 1)),
    ("rsa_size", rsa_spki((1 << 8192) | 1)),
    ("rsa_size", rsa_spki(0)),
    ("rsa_numbers", rsa_spki(1 << 2047)),
    ("rsa_numbers", rsa_spki(RSA_2048, 0)),
    ("rsa_numbers", rsa_spki(RSA_2048, 1)),
    ("rsa_numbers", rsa_spki(RSA_2048, 2)),
    ("rsa_numbers", rsa_spki(RSA_2048, 65536)),
    ("rsa_numbers", rsa_spki(RSA_2048, 2**33 + 1)),
    ("rsa_numbers", rsa_spki(RSA_2048, RSA_2048)),
    ("kind", rsa_spki(RSA_2048, parameters=b"")),
    ("kind", rsa_spki(RSA_2048, parameters=NO_PARAMETERS * 2)),
    ("parameters", rsa_spki(RSA_2048, parameters=P256_CURVE)),
    ("parameters", rsa_spki(RSA_2048, parameters=b"\x05\x01\x00")),
    ("kind", spki(RSA_PSS + NO_PARAMETERS, GOOD_RSA)),
    ("kind", spki(bytes.fromhex("06032b6570"), bytes(32))),
    ("kind", spki(EC_PUBLIC_KEY, POINT)),
    ("curve", ec_spki(SECP256K1_CURVE, POINT)),
    ("curve", ec_spki(NO_PARAMETERS, POINT)),
    ("curve", ec_spki(tlv(SEQUENCE, integer(1), P256_CURVE), POINT)),
    ("curve", ec_spki(tlv(OCTET_STRING, P256_CURVE[2:]), POINT)),
    ("point", ec_spki(P256_CURVE, b"\x02" + bytes(32))),
    ("point", ec_spki(P256_CURVE, b"\x03" + bytes(64))),
    ("point", ec_spki(P256_CURVE, b"\x06" + bytes(64))),
    ("point", ec_spki(P256_CURVE, b"\x00")),
    ("point", ec_spki(P256_CURVE, b"")),
    ("point", ec_spki(P256_CURVE, POINT + b"\x00")),
    ("point", ec_spki(P384_CURVE, POINT)),
    ("point", ec_spki(SM2_CURVE, b"\x02" + SM2_POINT[1:33])),
]


@pytest.mark.parametrize(
    ("problem", "data"),
    [pytest.param(problem, data, marks=without(WITHOUT[problem])) for problem, data in WEAK_AND_ODD],
)
def test_s25_weak_and_odd_keys_are_refused_by_their_bytes(problem: str, data: bytes) -> None:
    with pytest.raises(WeakKey) as refusal:
        read_key(data)
    assert refusal.value.problem == problem


@without(ANY_CURVE)
def test_s25_a_named_curve_written_out_in_full_is_refused() -> None:
    # The same group as P-256, but each number chosen by the sender (CVE-2020-0601).
    explicit = tlv(
        SEQUENCE,
        integer(1),
        tlv(SEQUENCE, bytes.fromhex("06072a8648ce3d0101"), integer(2**256 - 2**224 + 2**192 + 2**96 - 1)),
        tlv(SEQUENCE, tlv(OCTET_STRING, b"\xff" * 32), tlv(OCTET_STRING, b"\x5a" * 32)),
        tlv(OCTET_STRING, POINT),
        integer(2**256 - 1),
        integer(1),
    )
    with pytest.raises(WeakKey) as refusal:
        read_key(ec_spki(explicit, POINT))
    assert refusal.value.problem == "curve"


@without(ANY_CURVE)
def test_s25_a_compressed_point_of_a_good_key_is_refused() -> None:
    private = key("keys")
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert read_key(ec_spki(P256_CURVE, point)) == KeyKind(KeyType.P256, 256)
    compressed = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    with pytest.raises(WeakKey):
        read_key(ec_spki(P256_CURVE, compressed))


PADDED_RSA = tlv(SEQUENCE, tlv(INTEGER, b"\x00\x00" + RSA_2048.to_bytes(256, "big")), integer(65537))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(spki(RSA_ENCRYPTION + NO_PARAMETERS, PADDED_RSA), marks=without(ANY_NUMBER), id="padded"),
        pytest.param(rsa_spki(RSA_2048, parameters=b""), marks=without(ANY_ALGORITHM), id="no parameters"),
        pytest.param(
            spki(RSA_ENCRYPTION + NO_PARAMETERS, GOOD_RSA + b"\x00"),
            marks=without({"certlogin.pki.der._is_all_of": lambda *_: True}),
            id="longer",
        ),
        pytest.param(
            tlv(SEQUENCE, tlv(SEQUENCE, RSA_ENCRYPTION, NO_PARAMETERS), tlv(OCTET_STRING, b"\x00", GOOD_RSA)),
            marks=without({"certlogin.pki.keys.whole_bits": lambda bits: bits.value[1:]}),
            id="octets",
        ),
    ],
)
def test_s25_one_rsa_key_has_one_encoding(data: bytes) -> None:
    """Otherwise a key that is known under one SHA-256 would come back under another."""
    with pytest.raises((DERError, WeakKey)):
        read_key(data)
    assert read_key(rsa_spki(RSA_2048)).key_type is KeyType.RSA


@pytest.mark.parametrize(
    "data",
    [
        b"",
        tlv(SEQUENCE),
        tlv(SEQUENCE, tlv(SEQUENCE, RSA_ENCRYPTION, NO_PARAMETERS)),
        tlv(SEQUENCE, integer(1), tlv(BIT_STRING, b"\x00")),
        spki(b"", GOOD_RSA),
        spki(integer(1) + NO_PARAMETERS, GOOD_RSA),
        tlv(SEQUENCE, tlv(SET, RSA_ENCRYPTION, NO_PARAMETERS), tlv(BIT_STRING, b"\x00", GOOD_RSA)),
        rsa_spki(-RSA_2048),
        rsa_spki(RSA_2048, -3),
        spki(RSA_ENCRYPTION + NO_PARAMETERS, tlv(SEQUENCE, integer(RSA_2048))),
    ],
)
def test_malformed_keys_are_der_errors(data: bytes) -> None:
    with pytest.raises(DERError):
        read_key(data)


@pytest.fixture(scope="module")
def spkis() -> list[bytes]:
    return [real_spki(key_type) for key_type in ("RSA-2048", "P-256", "P-384")]


#: What names a kind of key that is read.
NAMES = (RSA_ENCRYPTION + NO_PARAMETERS, EC_PUBLIC_KEY + P256_CURVE, EC_PUBLIC_KEY + P384_CURVE)


def _curve_by_length(name: bytes) -> tuple[KeyType, int]:
    return (KeyType.P384, 384) if len(name) == 5 else (KeyType.P256, 256)


@without({"certlogin.pki.keys._CURVES": SimpleNamespace(get=_curve_by_length)}, sees="a key of no known name")
@FAST
@given(data=st.data())
def test_s25_a_changed_key_has_a_known_name_or_is_refused(spkis: list[bytes], data: st.DataObject) -> None:
    octets = bytearray(data.draw(st.sampled_from(spkis)))
    for _ in range(data.draw(st.integers(1, 4))):
        # The name of a curve lies between the 15th octet and the 22nd.
        octets[data.draw(st.integers(15, 22) | st.integers(0, 40))] = data.draw(st.integers(0, 255))
    try:
        read_key(bytes(octets))
    except (WeakKey, DERError):
        return
    assert any(name in octets for name in NAMES), "a key of no known name"
