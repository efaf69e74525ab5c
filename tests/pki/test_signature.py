from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from certlogin.errors import CertloginError
from certlogin.pki.certificate import CertificateUnreadable, UnverifiedCertificate, read_certificate
from certlogin.pki.signature import (
    P256_ORDER,
    Algorithm,
    KeyMismatch,
    SignatureMalformed,
    SignatureMismatch,
    public_key,
    verify_signature,
)
from tests.companions import without
from tests.factory import Issued, key, make_pki, sign
from tests.pki import raw
from tests.pki.raw import FAST, P256_CURVE, SM2_CURVE, SM2_POINT, ec_spki, rsa_spki, with_part
from tests.pki.undefended_signatures import (
    ANY_KEY,
    BY_THE_KEY,
    CUT_TO_SIZE,
    HASHED_TWICE,
    MODULO_N,
    SWAPPED,
    TAKES_DER,
    UNVERIFIED,
    ecdsa_over,
    padded_with,
    rsa_over,
)

MESSAGE = b"certlogin login\x00{}"


def issued(key_type: str, key_name: str = "leaf") -> Issued:
    return make_pki().issuing.issue(key_type=key_type, key_name=key_name)


def certificate(key_type: str, key_name: str = "leaf") -> UnverifiedCertificate:
    return read_certificate(issued(key_type, key_name).der)


def rsa_key() -> rsa.RSAPrivateKey:
    private = key("leaf", "RSA-2048")
    assert isinstance(private, rsa.RSAPrivateKey)
    return private


def ec_key(key_type: str = "P-256") -> ec.EllipticCurvePrivateKey:
    private = key("leaf", key_type)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return private


def rs(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


GOOD = [(Algorithm.RS256, "RSA-2048"), (Algorithm.RS256, "RSA-3072"), (Algorithm.ES256, "P-256")]


@pytest.mark.parametrize(("algorithm", "key_type"), GOOD)
def test_a_signature_of_the_key_is_accepted(algorithm: Algorithm, key_type: str) -> None:
    verify_signature(certificate(key_type), algorithm, MESSAGE, sign(issued(key_type).key, MESSAGE))


@without(UNVERIFIED)
@pytest.mark.parametrize(("algorithm", "key_type"), GOOD)
def test_s20_other_bytes_another_key_and_another_certificate_are_refused(algorithm: Algorithm, key_type: str) -> None:
    signature = sign(issued(key_type).key, MESSAGE)
    for swapped, signed in (
        (certificate(key_type), MESSAGE + b" "),
        (certificate(key_type), b""),
        (certificate(key_type, "another"), MESSAGE),
    ):
        with pytest.raises(SignatureMismatch) as refusal:
            verify_signature(swapped, algorithm, signed, signature)
        assert refusal.value.certificate_sha256 == swapped.sha256


@without(BY_THE_KEY)
@pytest.mark.parametrize(
    ("algorithm", "key_type", "named"),
    [
        (Algorithm.ES256, "RSA-2048", "RSA"),
        (Algorithm.RS256, "P-256", "P-256"),
        (Algorithm.ES256, "P-384", "P-384"),
        (Algorithm.RS256, "P-384", "P-384"),
    ],
)
def test_s20_a_key_of_another_kind_is_refused_before_its_signature_is_looked_at(
    algorithm: Algorithm, key_type: str, named: str
) -> None:
    for signature in (sign(issued(key_type).key, MESSAGE), b""):
        with pytest.raises(KeyMismatch) as refusal:
            verify_signature(certificate(key_type), algorithm, MESSAGE, signature)
    assert (refusal.value.algorithm, refusal.value.key_type) == (algorithm, named)


@without({**ANY_KEY, **UNVERIFIED})
@pytest.mark.parametrize("algorithm", [one for one in Algorithm if one is not Algorithm.SM2])
def test_s20_an_sm2_key_fits_no_other_algorithm(algorithm: Algorithm) -> None:
    der = with_part(issued("P-256").der, make_pki().issuing.key, raw.SPKI, ec_spki(SM2_CURVE, SM2_POINT))
    for signature in (bytes(64), rs(1, 1), sign(ec_key(), MESSAGE)):
        with pytest.raises(KeyMismatch) as refusal:
            verify_signature(read_certificate(der), algorithm, MESSAGE, signature)
    assert refusal.value.key_type == "SM2"


# --- RS256


@without(padded_with(Algorithm.RS256, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)))
@pytest.mark.parametrize("salt", [32, padding.PSS.MAX_LENGTH, 0], ids=["32", "as long as fits", "0"])
def test_s20_a_pss_signature_is_no_rs256(salt: Any) -> None:
    pss = rsa_key().sign(MESSAGE, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
    with pytest.raises(SignatureMismatch):
        verify_signature(certificate("RSA-2048"), Algorithm.RS256, MESSAGE, pss)


OTHER_HASHES = (hashes.SHA1(), hashes.SHA384(), hashes.SHA512())  # noqa: S303


@pytest.mark.parametrize(
    "digest", [pytest.param(digest, marks=without(rsa_over(digest)), id=digest.name) for digest in OTHER_HASHES]
)
def test_s20_another_hash_is_no_rs256(digest: hashes.HashAlgorithm) -> None:
    with pytest.raises(SignatureMismatch):
        verify_signature(
            certificate("RSA-2048"), Algorithm.RS256, MESSAGE, rsa_key().sign(MESSAGE, padding.PKCS1v15(), digest)
        )


@without(HASHED_TWICE)
def test_s22_a_signature_over_the_hash_itself_is_no_rs256() -> None:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(MESSAGE)
    value = digest.finalize()
    over_value = rsa_key().sign(value, padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(SignatureMismatch):
        verify_signature(certificate("RSA-2048"), Algorithm.RS256, MESSAGE, over_value)
    prehashed = rsa_key().sign(value, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    verify_signature(certificate("RSA-2048"), Algorithm.RS256, MESSAGE, prehashed)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda good: b"", marks=without(UNVERIFIED), id="empty"),
        pytest.param(lambda good: good[:-1], marks=without(UNVERIFIED), id="cut"),
        pytest.param(lambda good: good + b"\x00", marks=without(CUT_TO_SIZE), id="longer"),
        pytest.param(lambda good: b"\x00" + good, marks=without(CUT_TO_SIZE), id="zero before"),
        pytest.param(lambda good: good[1:], marks=without(UNVERIFIED), id="first gone"),
        pytest.param(lambda good: good * 2, marks=without(CUT_TO_SIZE), id="twice"),
        pytest.param(lambda good: sign(ec_key(), MESSAGE), marks=without(UNVERIFIED), id="ES256"),
    ],
)
def test_s20_rs256_has_exactly_the_length_of_the_modulus(change: Callable[[bytes], bytes]) -> None:
    good = sign(rsa_key(), MESSAGE)
    verify_signature(certificate("RSA-2048"), Algorithm.RS256, MESSAGE, good)
    with pytest.raises(SignatureMalformed) as refusal:
        verify_signature(certificate("RSA-2048"), Algorithm.RS256, MESSAGE, change(good))
    assert refusal.value.length == len(change(good))


@without(MODULO_N)
def test_s20_a_number_beyond_the_modulus_is_no_rs256() -> None:
    """s + n is the same number modulo n; it must not be a second signature."""
    modulus = rsa_key().public_key().public_numbers().n
    message, good = b"", modulus
    while good + modulus >= 2**2048:
        message += b"."
        good = int.from_bytes(sign(rsa_key(), message), "big")
    verify_signature(certificate("RSA-2048"), Algorithm.RS256, message, good.to_bytes(256, "big"))
    for number in (good + modulus, modulus, 2**2048 - 1, 0, 1):
        with pytest.raises(SignatureMismatch):
            verify_signature(certificate("RSA-2048"), Algorithm.RS256, message, number.to_bytes(256, "big"))


# --- ES256


@without(TAKES_DER)
def test_s20_the_der_form_is_no_es256() -> None:
    der = ec_key().sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(SignatureMalformed):
        verify_signature(certificate("P-256"), Algorithm.ES256, MESSAGE, der)
    verify_signature(certificate("P-256"), Algorithm.ES256, MESSAGE, rs(*decode_dss_signature(der)))


def numbers() -> tuple[int, int]:
    good = sign(ec_key(), MESSAGE)
    return int.from_bytes(good[:32], "big"), int.from_bytes(good[32:], "big")


@without(UNVERIFIED)
@pytest.mark.parametrize("bad", [0, P256_ORDER, P256_ORDER + 1, 2**256 - 1])
@pytest.mark.parametrize("which", ["r", "s", "both"])
def test_s20_r_and_s_lie_between_1_and_the_order(which: str, bad: int) -> None:
    r, s = numbers()
    verify_signature(certificate("P-256"), Algorithm.ES256, MESSAGE, rs(r, s))
    changed = {"r": rs(bad, s), "s": rs(r, bad), "both": rs(bad, bad)}[which]
    with pytest.raises(SignatureMalformed):
        verify_signature(certificate("P-256"), Algorithm.ES256, MESSAGE, changed)


def test_the_largest_numbers_are_of_the_right_form_but_no_signature() -> None:
    for r, s in ((1, 1), (P256_ORDER - 1, P256_ORDER - 1)):
        with pytest.raises(SignatureMismatch):
            verify_signature(certificate("P-256"), Algorithm.ES256, MESSAGE, rs(r, s))


def test_the_mirrored_signature_fits_too_so_nothing_may_be_named_by_its_signature() -> None:
    """(r, n - s) is as good as (r, s) in ECDSA: what is used once is the challenge, not the signature."""
    r, s = numbers()
    verify_signature(certificate("P-256"), Algorithm.ES256, MESSAGE, rs(r, P256_ORDER - s))


@pytest.mark.parametrize(
    "length",
    [
        *(pytest.param(length, marks=without(UNVERIFIED)) for length in (0, 1, 63)),
        *(pytest.param(length, marks=without(CUT_TO_SIZE)) for length in (65, 96, 128, 256)),
    ],
)
def test_s20_es256_has_exactly_64_octets(length: int) -> None:
    good = sign(ec_key(), MESSAGE)
    with pytest.raises(SignatureMalformed):
        verify_signature(certificate("P-256"), Algorithm.ES256, MESSAGE, (good * 4)[:length])


@without(CUT_TO_SIZE)
@pytest.mark.parametrize("place", [0, 32], ids=["r", "s"])
def test_s20_a_zero_before_a_number_is_no_second_encoding(place: int) -> None:
    good = sign(ec_key(), MESSAGE)
    with pytest.raises(SignatureMalformed):
        verify_signature(certificate("P-256"), Algorithm.ES256, MESSAGE, good[:place] + b"\x00" + good[place:])


@without(SWAPPED)
def test_s20_swapped_halves_are_no_es256() -> None:
    r, s = numbers()
    with pytest.raises(SignatureMismatch):
        verify_signature(certificate("P-256"), Algorithm.ES256, MESSAGE, rs(s, r))


@pytest.mark.parametrize(
    "digest",
    [
        pytest.param(digest, marks=without(ecdsa_over(Algorithm.ES256, digest)), id=digest.name)
        for digest in OTHER_HASHES
    ],
)
def test_s20_another_hash_is_no_es256(digest: hashes.HashAlgorithm) -> None:
    r, s = decode_dss_signature(ec_key().sign(MESSAGE, ec.ECDSA(digest)))
    with pytest.raises(SignatureMismatch):
        verify_signature(certificate("P-256"), Algorithm.ES256, MESSAGE, rs(r, s))


# --- the key itself


#: A key that cannot be loaded is taken for the next best one, which the attacker has.
NEXT_BEST: dict[str, object] = {"certlogin.pki.signature.public_key": lambda _: ec_key().public_key()}


@without(NEXT_BEST)
@pytest.mark.parametrize(
    ("algorithm", "spki"),
    [
        (Algorithm.ES256, ec_spki(P256_CURVE, b"\x04" + bytes(63) + b"\x01")),
        (Algorithm.ES256, ec_spki(P256_CURVE, b"\x04" + b"\xff" * 64)),
        (Algorithm.ES256, ec_spki(P256_CURVE, SM2_POINT)),
    ],
    ids=["beside the curve", "beyond the field", "of another curve"],
)
def test_s25_a_point_beside_the_curve_is_refused(algorithm: Algorithm, spki: bytes) -> None:
    der = with_part(issued("P-256").der, make_pki().issuing.key, raw.SPKI, spki)
    with pytest.raises(CertificateUnreadable):
        verify_signature(read_certificate(der), algorithm, MESSAGE, sign(ec_key(), MESSAGE))


def test_a_key_that_the_library_cannot_load_is_refused() -> None:
    der = with_part(issued("P-256").der, make_pki().issuing.key, raw.SPKI, ec_spki(SM2_CURVE, SM2_POINT))
    with pytest.raises(CertificateUnreadable):
        public_key(read_certificate(der))


@without(UNVERIFIED)
def test_s25_an_rsa_key_of_nonsense_verifies_nothing() -> None:
    der = with_part(issued("P-256").der, make_pki().issuing.key, raw.SPKI, rsa_spki((1 << 2047) | 1, 3))
    for signature in (bytes(256), bytes(255) + b"\x01", sign(rsa_key(), MESSAGE)):
        with pytest.raises(SignatureMismatch):
            verify_signature(read_certificate(der), Algorithm.RS256, MESSAGE, signature)


@pytest.fixture(scope="module")
def certificates() -> list[UnverifiedCertificate]:
    return [certificate(key_type) for key_type in ("RSA-2048", "P-256", "P-384")]


@without(UNVERIFIED)
@FAST
@given(data=st.data())
def test_s20_no_made_up_signature_fits(certificates: list[UnverifiedCertificate], data: st.DataObject) -> None:
    lengths = st.sampled_from([64, 256]).flatmap(lambda size: st.binary(min_size=size, max_size=size))
    with pytest.raises(CertloginError) as refusal:
        verify_signature(
            data.draw(st.sampled_from(certificates)),
            data.draw(st.sampled_from(Algorithm)),
            MESSAGE,
            data.draw(lengths | st.binary(max_size=600)),
        )
    assert isinstance(refusal.value, KeyMismatch | SignatureMalformed | SignatureMismatch)
