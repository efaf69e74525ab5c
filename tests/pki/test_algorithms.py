"""S20: five algorithms, and no signature of one passes as another. Each confusion has the good signature beside it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from certlogin.pki import signature as module
from certlogin.pki.certificate import CertificateUnreadable, UnverifiedCertificate, read_certificate
from certlogin.pki.signature import (
    P384_ORDER,
    Algorithm,
    KeyMismatch,
    SignatureMalformed,
    SignatureMismatch,
    offered,
    verify_signature,
)
from certlogin.pki.sm2 import ORDER, SM2Key, SM2Unavailable, to_der
from certlogin.records.certificate import KeyType
from tests.companions import companion, without
from tests.factory import Issued, make_pki, sign, sm2
from tests.pki import raw
from tests.pki import sm2_reference as reference
from tests.pki.raw import FAST, with_part
from tests.pki.undefended_signatures import (
    ANOTHER_ID,
    ANY_KEY,
    ANY_POINT,
    BY_THE_KEY,
    CUT_TO_SIZE,
    SM2_TAKES_DER,
    SM2_UNVERIFIED,
    TAKES_DER,
    UNVERIFIED,
    ecdsa_over,
    padded_with,
    rsa_over,
    sm2_over,
)

MESSAGE = b"certlogin login\x00{}"
RS256, PS256, ES256, ES384, SM2_SM3 = Algorithm
KEY_OF = {RS256: "RSA-2048", PS256: "RSA-2048", ES256: "P-256", ES384: "P-384", SM2_SM3: "SM2"}
SIZE_OF = {RS256: 256, PS256: 256, ES256: 64, ES384: 96, SM2_SM3: 64}
PAIRS = [(right, wrong) for right in Algorithm for wrong in Algorithm if right is not wrong]
#: RSA keys fit two algorithms: there the padding tells them apart, everywhere else the key.
OTHER_KEYS = [pair for pair in PAIRS if set(pair) != {RS256, PS256}]


@dataclass(frozen=True)
class Holder:
    issued: Issued
    certificate: UnverifiedCertificate


def holder(key_type: str, name: str = "leaf") -> Holder:
    issued = make_pki().issuing.issue(key_type=key_type, key_name=name)
    return Holder(issued, read_certificate(issued.der))


@pytest.fixture(scope="module")
def holders() -> dict[str, Holder]:
    return {key_type: holder(key_type) for key_type in set(KEY_OF.values())}


def verify(by: Holder, algorithm: Algorithm, signature: bytes, message: bytes = MESSAGE) -> None:
    verify_signature(by.certificate, algorithm, message, signature, sm2())


def rsa_of(by: Holder) -> rsa.RSAPrivateKey:
    assert isinstance(by.issued.key, rsa.RSAPrivateKey)
    return by.issued.key


def ec_of(by: Holder) -> ec.EllipticCurvePrivateKey:
    assert isinstance(by.issued.key, ec.EllipticCurvePrivateKey)
    return by.issued.key


def sm2_of(by: Holder) -> SM2Key:
    assert isinstance(by.issued.key, SM2Key)
    return by.issued.key


# --- all of them


def test_what_is_offered_is_what_can_be_verified() -> None:
    assert offered(sm2()) == ("ES256", "ES384", "PS256", "RS256", "SM2-SM3")
    assert offered(None) == ("ES256", "ES384", "PS256", "RS256")


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_good_signature_is_accepted(holders: dict[str, Holder], algorithm: Algorithm) -> None:
    by = holders[KEY_OF[algorithm]]
    made = sign(by.issued.key, MESSAGE, algorithm)
    assert len(made) == SIZE_OF[algorithm]
    verify(by, algorithm, made)


@without(UNVERIFIED)
@pytest.mark.parametrize("algorithm", Algorithm)
def test_s20_other_bytes_and_other_keys_are_refused(holders: dict[str, Holder], algorithm: Algorithm) -> None:
    by = holders[KEY_OF[algorithm]]
    made = sign(by.issued.key, MESSAGE, algorithm)
    for swapped, message in ((by, MESSAGE + b" "), (by, b""), (holder(KEY_OF[algorithm], "another"), MESSAGE)):
        with pytest.raises(SignatureMismatch) as refusal:
            verify(swapped, algorithm, made, message)
        assert refusal.value.certificate_sha256 == swapped.certificate.sha256


@without(BY_THE_KEY)
@pytest.mark.parametrize(("right", "wrong"), PAIRS)
def test_s20_no_signature_passes_under_another_name(
    holders: dict[str, Holder], right: Algorithm, wrong: Algorithm
) -> None:
    by = holders[KEY_OF[right]]
    made = sign(by.issued.key, MESSAGE, right)
    verify(by, right, made)
    with pytest.raises((KeyMismatch, SignatureMismatch)) as refusal:
        verify(by, wrong, made)
    assert isinstance(refusal.value, KeyMismatch) == ((right, wrong) in OTHER_KEYS)


@without({**ANY_KEY, **UNVERIFIED})
@pytest.mark.parametrize(("right", "wrong"), OTHER_KEYS)
def test_s20_no_key_passes_under_another_name(holders: dict[str, Holder], right: Algorithm, wrong: Algorithm) -> None:
    """The signature is of the right length for the wrong algorithm, and the key is not asked at all."""
    with pytest.raises(KeyMismatch) as refusal:
        verify(holders[KEY_OF[right]], wrong, bytes(SIZE_OF[wrong] - 1) + b"\x01")
    assert (refusal.value.algorithm, refusal.value.key_type) == (wrong, holders[KEY_OF[right]].certificate.key.key_type)


@companion("test_s20_no_key_passes_under_another_name")
def test_s20_companion_without_the_check_of_the_key_es256_would_take_a_p384_key(
    holders: dict[str, Holder], monkeypatch: pytest.MonkeyPatch
) -> None:
    by = holders["P-384"]
    made = _rs(by, hashes.SHA256(), 48)
    with pytest.raises(KeyMismatch):
        verify(by, ES256, made)
    monkeypatch.setattr(module, "_KEY_TYPES", {ES256: KeyType.P384})
    monkeypatch.setattr(module, "_CURVES", {ES256: (P384_ORDER, hashes.SHA256())})
    verify(by, ES256, made)


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize(
    "change",
    [
        *(pytest.param(change, marks=without(UNVERIFIED)) for change in ("empty", "cut", "first gone")),
        *(pytest.param(change, marks=without(CUT_TO_SIZE)) for change in ("zero after", "zero before", "twice")),
    ],
)
def test_s20_each_algorithm_has_exactly_its_length(
    holders: dict[str, Holder], algorithm: Algorithm, change: str
) -> None:
    by = holders[KEY_OF[algorithm]]
    good = sign(by.issued.key, MESSAGE, algorithm)
    verify(by, algorithm, good)
    bad = {
        "empty": b"", "cut": good[:-1], "zero after": good + b"\x00", "zero before": b"\x00" + good,
        "first gone": good[1:], "twice": good * 2,
    }[change]  # fmt: skip
    with pytest.raises(SignatureMalformed) as refusal:
        verify(by, algorithm, bad)
    assert refusal.value.length == len(bad)


@without(UNVERIFIED)
@FAST
@given(data=st.data())
def test_s20_no_made_up_signature_fits(holders: dict[str, Holder], data: st.DataObject) -> None:
    algorithm = data.draw(st.sampled_from(list(Algorithm)))
    size = SIZE_OF[algorithm]
    made_up = data.draw(st.binary(min_size=size, max_size=size) | st.binary(max_size=300))
    with pytest.raises((SignatureMalformed, SignatureMismatch)):
        verify(holders[KEY_OF[algorithm]], algorithm, made_up)


@without(UNVERIFIED)
@FAST
@given(data=st.data())
def test_s20_no_bit_of_a_signature_can_be_changed(holders: dict[str, Holder], data: st.DataObject) -> None:
    algorithm = data.draw(st.sampled_from(list(Algorithm)))
    by = holders[KEY_OF[algorithm]]
    changed = bytearray(sign(by.issued.key, MESSAGE, algorithm))
    position = data.draw(st.integers(0, 8 * len(changed) - 1))
    changed[position // 8] ^= 1 << position % 8
    with pytest.raises((SignatureMalformed, SignatureMismatch)):
        verify(by, algorithm, bytes(changed))


# --- PS256


def pss(mask: hashes.HashAlgorithm, salt: Any = 32) -> padding.PSS:
    return padding.PSS(padding.MGF1(mask), salt)


@without(padded_with(PS256, pss(hashes.SHA256(), padding.PSS.AUTO)))
@pytest.mark.parametrize(
    "salt", [0, 20, 31, 33, 64, padding.PSS.MAX_LENGTH], ids=["0", "20", "31", "33", "64", "as long as fits"]
)
def test_s20_the_salt_of_ps256_has_32_octets(holders: dict[str, Holder], salt: int) -> None:
    by = holders["RSA-2048"]
    made = rsa_of(by).sign(MESSAGE, pss(hashes.SHA256(), salt), hashes.SHA256())
    with pytest.raises(SignatureMismatch):
        verify(by, PS256, made)


OTHER_HASHES: list[tuple[str, hashes.HashAlgorithm, hashes.HashAlgorithm]] = [
    ("MGF1-SHA384", hashes.SHA384(), hashes.SHA256()),
    ("MGF1-SHA1", hashes.SHA1(), hashes.SHA256()),  # noqa: S303
    ("SHA384", hashes.SHA384(), hashes.SHA384()),
    ("message SHA384", hashes.SHA256(), hashes.SHA384()),
]


@pytest.mark.parametrize(
    ("mask", "digest"),
    [
        pytest.param(mask, digest, marks=without({**padded_with(PS256, pss(mask)), **rsa_over(digest)}), id=name)
        for name, mask, digest in OTHER_HASHES
    ],
)
def test_s20_other_hashes_are_no_ps256(
    holders: dict[str, Holder], mask: hashes.HashAlgorithm, digest: hashes.HashAlgorithm
) -> None:
    by = holders["RSA-2048"]
    made = rsa_of(by).sign(MESSAGE, pss(mask), digest)
    with pytest.raises(SignatureMismatch):
        verify(by, PS256, made)


@companion("test_s20_no_signature_passes_under_another_name")
def test_s20_companion_with_the_paddings_exchanged_each_would_pass_as_the_other(
    holders: dict[str, Holder], monkeypatch: pytest.MonkeyPatch
) -> None:
    by = holders["RSA-2048"]
    made = {algorithm: sign(by.issued.key, MESSAGE, algorithm) for algorithm in (RS256, PS256)}
    monkeypatch.setattr(module, "_PADDINGS", {RS256: module._PADDINGS[PS256], PS256: module._PADDINGS[RS256]})
    verify(by, RS256, made[PS256])
    verify(by, PS256, made[RS256])


# --- ES384


def _rs(by: Holder, digest: hashes.HashAlgorithm, size: int) -> bytes:
    r, s = decode_dss_signature(ec_of(by).sign(MESSAGE, ec.ECDSA(digest)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


@pytest.mark.parametrize(
    "digest",
    [
        pytest.param(digest, marks=without(ecdsa_over(ES384, digest)), id=digest.name)
        for digest in (hashes.SHA256(), hashes.SHA512())
    ],
)
def test_s20_another_hash_is_no_es384(holders: dict[str, Holder], digest: hashes.HashAlgorithm) -> None:
    by = holders["P-384"]
    with pytest.raises(SignatureMismatch):
        verify(by, ES384, _rs(by, digest, 48))
    verify(by, ES384, _rs(by, hashes.SHA384(), 48))


@without(TAKES_DER)
def test_s20_the_der_form_is_no_es384(holders: dict[str, Holder]) -> None:
    by = holders["P-384"]
    with pytest.raises(SignatureMalformed):
        verify(by, ES384, ec_of(by).sign(MESSAGE, ec.ECDSA(hashes.SHA384())))


@without(UNVERIFIED)
@pytest.mark.parametrize("bad", [0, P384_ORDER, P384_ORDER + 1, 2**384 - 1])
@pytest.mark.parametrize("which", ["r", "s"])
def test_s20_r_and_s_of_es384_lie_between_1_and_the_order(holders: dict[str, Holder], which: str, bad: int) -> None:
    by = holders["P-384"]
    good = sign(by.issued.key, MESSAGE)
    number = bad.to_bytes(48, "big")
    with pytest.raises(SignatureMalformed):
        verify(by, ES384, number + good[48:] if which == "r" else good[:48] + number)
    for end in (1, P384_ORDER - 1):
        with pytest.raises(SignatureMismatch):
            verify(by, ES384, end.to_bytes(48, "big") * 2)


# --- SM2


@without(SM2_TAKES_DER)
def test_s20_the_der_form_is_no_sm2_proof(holders: dict[str, Holder]) -> None:
    by = holders["SM2"]
    good = sign(by.issued.key, MESSAGE)
    with pytest.raises(SignatureMalformed):
        verify(by, SM2_SM3, to_der(good))
    verify(by, SM2_SM3, good)


@without(SM2_UNVERIFIED)
@pytest.mark.parametrize("bad", [0, ORDER, 2**256 - 1])
@pytest.mark.parametrize("which", ["r", "s"])
def test_s20_r_and_s_of_sm2_lie_between_1_and_the_order(holders: dict[str, Holder], which: str, bad: int) -> None:
    by = holders["SM2"]
    good, number = sign(by.issued.key, MESSAGE), bad.to_bytes(32, "big")
    with pytest.raises(SignatureMalformed):
        verify(by, SM2_SM3, number + good[32:] if which == "r" else good[:32] + number)


def _d_of(by: Holder) -> int:
    return int.from_bytes(sm2_of(by).d, "big")


def _z(point: bytes) -> bytes:
    return reference.z_of(reference.decoded(point))


DIGESTS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "SM3 without Z": lambda point, message: reference.sm3(message),
    "SHA-256": lambda point, message: sha256(message).digest(),
    "SHA-256 with Z": lambda point, message: sha256(_z(point) + message).digest(),
}


@pytest.mark.parametrize(
    "digest", [pytest.param(name, marks=without(sm2_over(one, ecdsa=True))) for name, one in DIGESTS.items()]
)
def test_s20_ecdsa_with_an_sm2_key_is_no_sm2_signature(holders: dict[str, Holder], digest: str) -> None:
    """What a card makes of an SM2-curve key behind plain ECDSA."""
    by, k = holders["SM2"], 4711
    r = reference.public(k)[0] % ORDER
    s = pow(k, -1, ORDER) * (_number(DIGESTS[digest](sm2_of(by).point, MESSAGE)) + r * _d_of(by)) % ORDER
    with pytest.raises(SignatureMismatch):
        verify(by, SM2_SM3, reference.raw(r, s))


@pytest.mark.parametrize("digest", [pytest.param(name, marks=without(sm2_over(one))) for name, one in DIGESTS.items()])
def test_s20_sm2_over_another_hash_or_without_z_is_refused(holders: dict[str, Holder], digest: str) -> None:
    by = holders["SM2"]
    point = sm2_of(by).point
    with pytest.raises(SignatureMismatch):
        verify(by, SM2_SM3, _sm2_signature(by, DIGESTS[digest](point, MESSAGE)))
    verify(by, SM2_SM3, _sm2_signature(by, reference.sm3(_z(point) + MESSAGE)))


@without(ANOTHER_ID)
def test_s20_sm2_with_another_id_is_refused(holders: dict[str, Holder]) -> None:
    by = holders["SM2"]
    with pytest.raises(SignatureMismatch):
        verify(by, SM2_SM3, reference.sign(_d_of(by), MESSAGE, b"ALICE123@YAHOO.COM"))


@without({"certlogin.pki.signature._sm2": lambda _: SimpleNamespace(verify=lambda *_: None)})
def test_s20_without_a_library_an_sm2_signature_is_unavailable(holders: dict[str, Holder]) -> None:
    by = holders["SM2"]
    for signature in (bytes(63) + b"\x01", sign(by.issued.key, MESSAGE)):
        with pytest.raises(SM2Unavailable):
            verify_signature(by.certificate, SM2_SM3, MESSAGE, signature)


@without({**ANY_POINT, **SM2_UNVERIFIED})
def test_s25_a_point_beside_the_curve_is_refused(holders: dict[str, Holder]) -> None:
    by = holders["SM2"]
    beside = sm2_of(by).point[:-1] + bytes((sm2_of(by).point[-1] ^ 1,))
    der = with_part(by.issued.der, make_pki().issuing.key, raw.SPKI, raw.ec_spki(raw.SM2_CURVE, beside))
    swapped = replace(by, certificate=read_certificate(der))
    with pytest.raises(CertificateUnreadable):
        verify(swapped, SM2_SM3, sign(by.issued.key, MESSAGE))


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "big")


def _sm2_signature(by: Holder, digest: bytes) -> bytes:
    return reference.raw(*reference.sign_digest(_d_of(by), _number(digest), 4711))
