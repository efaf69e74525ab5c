"""SM2 by libcrypto against the standard's example and against the formulas."""

import ctypes
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidSignature
from hypothesis import given, settings
from hypothesis import strategies as st

from certlogin.pki.sm2 import SM2, SM2Key, point_of, to_der
from tests.companions import without
from tests.pki import raw
from tests.pki import sm2_reference as reference
from tests.pki.test_sm2_reference import POINT, D, R, S
from tests.pki.undefended_signatures import (
    ANOTHER_ID,
    ANY_ANSWER,
    ANY_POINT,
    SM2_CUT_TO_SIZE,
    SM2_TAKES_DER,
    SM2_UNVERIFIED,
    sm2_over,
)
from tests.stores.forks import in_a_fork

KEY = SM2Key(D.to_bytes(32, "big"), reference.encoded(POINT))
MESSAGE = b"message digest"
SIGNATURE = reference.raw(R, S)


@pytest.fixture(scope="module")
def sm2() -> SM2:
    return SM2.load()


def refused(sm2: SM2, signature: bytes, message: bytes = MESSAGE, point: bytes = KEY.point) -> None:
    with pytest.raises(InvalidSignature):
        sm2.verify(point, message, signature)


def malformed(sm2: SM2, signature: bytes, point: bytes = KEY.point) -> None:
    with pytest.raises(ValueError, match=r"signature|point"):
        sm2.verify(point, MESSAGE, signature)


# --- known answers


def test_the_standards_signature_fits(sm2: SM2) -> None:
    sm2.verify(KEY.point, MESSAGE, SIGNATURE)


@without(ANY_ANSWER)
def test_s20_a_changed_message_key_or_signature_does_not_fit(sm2: SM2) -> None:
    refused(sm2, SIGNATURE, MESSAGE + b"!")
    refused(sm2, SIGNATURE, b"")
    refused(sm2, SIGNATURE[32:] + SIGNATURE[:32])
    refused(sm2, reference.raw(R, S + 1))
    refused(sm2, SIGNATURE, point=reference.encoded(reference.G))


@without(SM2_UNVERIFIED)
def test_s20_r_or_s_out_of_range_is_no_signature(sm2: SM2) -> None:
    for r, s in ((0, S), (R, 0), (reference.N, S), (R, reference.N), (2**256 - 1, S), (R, 2**256 - 1)):
        malformed(sm2, reference.raw(r, s))


@without(ANY_ANSWER)
def test_s20_numbers_at_the_ends_of_the_range_are_judged_not_refused(sm2: SM2) -> None:
    for r, s in ((1, 1), (reference.N - 1, reference.N - 1)):
        refused(sm2, reference.raw(r, s))
    # r + s = n makes the key drop out of the check: anybody could sign (GB/T 32918.2, 7.1, B5).
    refused(sm2, reference.raw(R, reference.N - R))


@pytest.mark.parametrize(
    "length",
    [
        *(pytest.param(length, marks=without(SM2_UNVERIFIED)) for length in (0, 1, 63)),
        *(pytest.param(length, marks=without(SM2_CUT_TO_SIZE)) for length in (65, 70, 128)),
    ],
)
def test_s20_another_length_is_no_signature(sm2: SM2, length: int) -> None:
    malformed(sm2, (SIGNATURE * 2)[:length])


@without(SM2_CUT_TO_SIZE)
def test_s20_a_zero_before_s_is_no_second_encoding(sm2: SM2) -> None:
    malformed(sm2, SIGNATURE[:32] + b"\x00" + SIGNATURE[32:])


@without(SM2_TAKES_DER)
def test_s20_the_der_form_is_not_taken_for_r_and_s(sm2: SM2) -> None:
    malformed(sm2, to_der(SIGNATURE))


# --- points


NO_POINTS = {
    "infinity": b"\x00",
    "empty": b"",
    "zeros": b"\x00" * 65,
    "0,0": b"\x04" + b"\x00" * 64,
    "short": KEY.point[:-1],
    "long": KEY.point + b"\x00",
    "off": KEY.point[:-1] + bytes((KEY.point[-1] ^ 1,)),
    "swapped": b"\x04" + KEY.point[33:] + KEY.point[1:33],
    "above p": b"\x04" + b"\xff" * 64,
}


@pytest.mark.parametrize(
    "point",
    [
        # libcrypto reads these two as the same key (SEC 1, 2.3.4), so our own check is all that stands before them.
        pytest.param(bytes((2 + KEY.point[-1] % 2,)) + KEY.point[1:33], marks=without(ANY_POINT), id="compressed"),
        pytest.param(bytes((6 + KEY.point[-1] % 2,)) + KEY.point[1:], marks=without(ANY_POINT), id="hybrid"),
        *(
            pytest.param(point, marks=without({**ANY_POINT, **SM2_UNVERIFIED}), id=name)
            for name, point in NO_POINTS.items()
        ),
    ],
)
def test_s20_only_uncompressed_points_of_the_curve_are_keys(sm2: SM2, point: bytes) -> None:
    malformed(sm2, SIGNATURE, point)
    with pytest.raises(ValueError, match="point"):
        sm2.sign(replace(KEY, point=point), MESSAGE)


@without(ANY_POINT)
def test_s20_a_coordinate_is_written_in_one_way_only(sm2: SM2) -> None:
    """x + p names the same residue: a second form of one key would be a second key in the registry."""
    x = next(x for x in range(2, 100) if _root(x) is not None)
    y = _root(x)
    assert y is not None
    # The point with y = 1.
    high = 0x9C17043EFFE1A805A74A9A5E70B9D659705D3242094A566DC016F49311178D1F
    for good, again in (((x, y), (x + reference.P, y)), ((high, 1), (high, 1 + reference.P))):
        refused(sm2, SIGNATURE, point=reference.encoded(good))
        with pytest.raises(ValueError, match="point"):
            point_of(raw.ec_spki(raw.SM2_CURVE, reference.encoded(again)))
        malformed(sm2, SIGNATURE, reference.encoded(again))


def _root(x: int) -> int | None:
    """p = 3 modulo 4."""
    square = (x**3 + reference.A * x + reference.B) % reference.P
    y = pow(square, (reference.P + 1) // 4, reference.P)
    return y if y * y % reference.P == square else None


@pytest.mark.parametrize("d", [0, reference.N - 1, reference.N, 2**256 - 1])
def test_a_private_key_is_in_its_range(sm2: SM2, d: int) -> None:
    with pytest.raises(ValueError, match="private key"):
        sm2.sign(replace(KEY, d=d.to_bytes(32, "big")), MESSAGE)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_private_key_has_its_length(sm2: SM2, length: int) -> None:
    with pytest.raises(ValueError, match="private key"):
        sm2.sign(replace(KEY, d=bytes(length - 1) + b"\x01" if length else b""), MESSAGE)


# --- the identity


@without(ANOTHER_ID)
def test_s20_a_signature_under_another_id_does_not_fit(sm2: SM2) -> None:
    other = reference.sign(D, MESSAGE, b"ALICE123@YAHOO.COM")
    assert reference.fits(KEY.point, MESSAGE, other, b"ALICE123@YAHOO.COM")
    refused(sm2, other)
    sm2.verify(KEY.point, MESSAGE, reference.sign(D, MESSAGE))


@without(sm2_over(lambda _, message: reference.sm3(message)))
def test_s20_a_signature_without_z_does_not_fit(sm2: SM2) -> None:
    """As some products sign: SM3 over the message alone."""
    e = int.from_bytes(reference.sm3(MESSAGE), "big")
    r, s = reference.sign_digest(D, e, 4711)
    assert reference.fits_digest(POINT, e, r, s)
    refused(sm2, reference.raw(r, s))
    with_z = reference.sign_digest(D, reference.digest(POINT, MESSAGE), 4711)
    sm2.verify(KEY.point, MESSAGE, reference.raw(*with_z))


# --- against the formulas


@settings(max_examples=15)
@given(d=st.integers(1, reference.N - 2), message=st.binary(max_size=200))
def test_both_ways_agree_with_the_formulas(sm2: SM2, d: int, message: bytes) -> None:
    key = SM2Key(d.to_bytes(32, "big"), reference.encoded(reference.public(d)))
    made = sm2.sign(key, message)
    assert len(made) == 64
    assert reference.fits(key.point, message, made)
    sm2.verify(key.point, message, reference.sign(d, message))


@without(SM2_UNVERIFIED)
@settings(max_examples=60)
@given(position=st.integers(0, 511))
def test_s20_no_bit_of_a_signature_can_be_changed(sm2: SM2, position: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[position // 8] ^= 1 << position % 8
    with pytest.raises((InvalidSignature, ValueError)):
        sm2.verify(KEY.point, MESSAGE, bytes(changed))


@settings(max_examples=100)
@given(point=st.binary(max_size=70), message=st.binary(max_size=5), signature=st.binary(max_size=70))
def test_arbitrary_bytes_are_refused(sm2: SM2, point: bytes, message: bytes, signature: bytes) -> None:
    with pytest.raises((InvalidSignature, ValueError)):
        sm2.verify(point, message, signature)


# --- keys of its own


def test_new_keys_are_consistent_and_different(sm2: SM2) -> None:
    keys = [sm2.generate() for _ in range(20)]
    assert len({key.d for key in keys}) == 20
    for key in keys:
        assert (len(key.d), len(key.point)) == (32, 65)
        assert reference.encoded(reference.public(int.from_bytes(key.d, "big"))) == key.point


def test_two_signatures_over_the_same_bytes_have_two_nonces(sm2: SM2) -> None:
    """Two signatures with one nonce give the private key away."""
    assert len({sm2.sign(KEY, MESSAGE)[:32] for _ in range(50)}) == 50


def test_a_private_key_is_not_shown() -> None:
    assert KEY.d.hex() not in repr(KEY)
    assert repr(KEY.d) not in repr(KEY)


def test_long_messages_and_zero_octets_are_signed_whole(sm2: SM2) -> None:
    for message in (b"", b"\x00", b"a\x00b", b"\x00" * 70_000):
        made = sm2.sign(KEY, message)
        sm2.verify(KEY.point, message, made)
        refused(sm2, made, message + b"\x00")


# --- processes and threads


def test_forked_workers_draw_keys_and_nonces_of_their_own(sm2: SM2) -> None:
    """A server loads the library once and forks: two workers with one state would sign with one nonce."""
    drawn = [in_a_fork(lambda: (sm2.generate().point, sm2.sign(KEY, MESSAGE)[:32])) for _ in range(3)]
    assert all(one.startswith("(b") for one in drawn)
    assert len(set(drawn)) == 3


def test_the_library_is_called_without_the_gil(sm2: SM2) -> None:
    assert isinstance(sm2._lib, ctypes.CDLL)
    assert not isinstance(sm2._lib, ctypes.PyDLL)


def test_threads_share_one_library(sm2: SM2) -> None:
    start = threading.Barrier(4)

    def work(number: int) -> int:
        start.wait()
        good = 0
        for turn in range(25):
            key = sm2.generate()
            message = b"%d %d" % (number, turn)
            made = sm2.sign(key, message)
            sm2.verify(key.point, message, made)
            refused(sm2, made, message + b"!", key.point)
            good += 1
        return good

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [25] * 4
