"""The nine algorithms of Web eID: each with its key, its hash, its numbers, and with nothing else."""

from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from certlogin.errors import Refusal
from certlogin.pki import jwa as module
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.jwa import JWA, P521_ORDER, verify_jwa
from certlogin.pki.signature import P384_ORDER, KeyMismatch, SignatureMalformed, SignatureMismatch
from certlogin.records.certificate import KeyType
from tests.companions import companion, without
from tests.factory import Issued, make_pki

SIGNED = b"the hash of an origin and the hash of a nonce"
KEY_OF = {JWA.ES256: "P-256", JWA.ES384: "P-384", JWA.ES512: "P-521"}
KEY_TYPES = ("RSA-2048", "P-256", "P-384", "P-521")
each = pytest.mark.parametrize("algorithm", JWA)


def holder(key_type: str) -> Issued:
    return make_pki().issuing.issue(key_type=key_type, key_name="jwa")


@pytest.fixture(scope="module")
def holders() -> Mapping[str, Issued]:
    return {key_type: holder(key_type) for key_type in KEY_TYPES}


def key_type(algorithm: JWA) -> str:
    return KEY_OF.get(algorithm, "RSA-2048")


def sign_jwa(private_key: Any, message: bytes, algorithm: str, salt: int | None = None) -> bytes:
    """As the name says, whether or not the key is the right one."""
    digest = JWA(algorithm).hash
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        size = (private_key.key_size + 7) // 8
        r, s = decode_dss_signature(private_key.sign(message, ec.ECDSA(digest)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    length = digest.digest_size if salt is None else salt
    pss = padding.PSS(padding.MGF1(digest), length)
    how = pss if algorithm.startswith("PS") else padding.PKCS1v15()
    return bytes(private_key.sign(message, how, digest))


def read(issued: Issued) -> UnverifiedCertificate:
    return read_certificate(issued.der)


@each
def test_a_good_signature_is_accepted(holders: Mapping[str, Issued], algorithm: JWA) -> None:
    by = holders[key_type(algorithm)]
    verify_jwa(read(by), algorithm, SIGNED, sign_jwa(by.key, SIGNED, algorithm))


def test_p521_is_of_the_order_of_its_group() -> None:
    """Multiplied by one less the generator is a point; by the order itself it is none."""
    assert ec.derive_private_key(P521_ORDER - 1, ec.SECP521R1())
    with pytest.raises(ValueError, match="key"):
        ec.derive_private_key(P521_ORDER, ec.SECP521R1())


def as_signed(by: Issued, *_: object) -> None:
    """A verifier that goes by the key and takes whatever it has signed."""


@without({f"{__name__}.verify_jwa": as_signed})
@pytest.mark.parametrize("wrong", JWA)
@each
def test_s20_no_signature_passes_under_another_name(holders: Mapping[str, Issued], algorithm: JWA, wrong: JWA) -> None:
    by = holders[key_type(algorithm)]
    signature = sign_jwa(by.key, SIGNED, algorithm)
    if algorithm is wrong:
        signature = sign_jwa(by.key, SIGNED + b"!", algorithm)
    same_key = key_type(algorithm) == key_type(wrong)
    with pytest.raises(SignatureMismatch if same_key else KeyMismatch):
        verify_jwa(read(by), wrong, SIGNED, signature)


@pytest.mark.parametrize(("algorithm", "other"), [("ES256", "P-384"), ("ES384", "P-521"), ("ES512", "P-256")])
def test_s20_an_algorithm_has_one_curve(holders: Mapping[str, Issued], algorithm: str, other: str) -> None:
    by = holders[other]
    with pytest.raises(KeyMismatch) as refused:
        verify_jwa(read(by), JWA(algorithm), SIGNED, sign_jwa(by.key, SIGNED, algorithm))
    assert (refused.value.algorithm, refused.value.key_type) == (algorithm, other)


@companion("test_s20_an_algorithm_has_one_curve")
def test_s20_without_the_check_of_the_key_es256_would_take_a_p384_key(
    holders: Mapping[str, Issued], monkeypatch: pytest.MonkeyPatch
) -> None:
    by = holders["P-384"]
    monkeypatch.setattr(module, "_KEY_TYPES", {JWA.ES256: KeyType.P384})
    monkeypatch.setattr(module, "_ORDERS", {JWA.ES256: P384_ORDER})
    verify_jwa(read(by), JWA.ES256, SIGNED, sign_jwa(by.key, SIGNED, "ES256"))


@without({f"{__name__}.verify_jwa": as_signed})
def test_s20_an_sm2_key_fits_none() -> None:
    by = make_pki().issuing.issue(key_type="SM2")
    for algorithm in JWA:
        with pytest.raises(KeyMismatch):
            verify_jwa(read(by), algorithm, SIGNED, bytes(64))


ANY_SALT = {
    f"{module.__name__}._padding": lambda algorithm: padding.PSS(padding.MGF1(algorithm.hash), padding.PSS.AUTO)
}


@without(ANY_SALT)
@pytest.mark.parametrize("salt", [0, 20, 31, 33, 64])
def test_s20_the_salt_of_ps256_is_as_long_as_the_hash(holders: Mapping[str, Issued], salt: int) -> None:
    by = holders["RSA-2048"]
    with pytest.raises(SignatureMismatch):
        verify_jwa(read(by), JWA.PS256, SIGNED, sign_jwa(by.key, SIGNED, "PS256", salt))


@without({f"{module.__name__}._padding": lambda _: padding.PSS(padding.MGF1(hashes.SHA512()), padding.PSS.AUTO)})
def test_s20_the_mask_of_ps256_is_of_the_same_hash(holders: Mapping[str, Issued]) -> None:
    by: Any = holders["RSA-2048"]
    signature = by.key.sign(SIGNED, padding.PSS(padding.MGF1(hashes.SHA512()), 32), hashes.SHA256())
    with pytest.raises(SignatureMismatch):
        verify_jwa(read(by), JWA.PS256, SIGNED, signature)


@without({f"{module.__name__}._sequence": lambda signature, _: signature})
@pytest.mark.parametrize("algorithm", list(KEY_OF))
def test_s20_der_is_no_signature_of_jwa(holders: Mapping[str, Issued], algorithm: JWA) -> None:
    by: Any = holders[KEY_OF[algorithm]]
    der = by.key.sign(SIGNED, ec.ECDSA(algorithm.hash))
    with pytest.raises(SignatureMalformed) as refused:
        verify_jwa(read(by), algorithm, SIGNED, der)
    assert refused.value.length == len(der)


@without({f"{__name__}.verify_jwa": as_signed})
@pytest.mark.parametrize("place", ["r", "s"])
@pytest.mark.parametrize("value", [0, P521_ORDER, P521_ORDER + 1, 2**528 - 1])
def test_s20_numbers_out_of_range_are_malformed(holders: Mapping[str, Issued], place: str, value: int) -> None:
    by = holders["P-521"]
    good = sign_jwa(by.key, SIGNED, "ES512")
    number = value.to_bytes(66, "big")
    with pytest.raises(SignatureMalformed):
        verify_jwa(read(by), JWA.ES512, SIGNED, number + good[66:] if place == "r" else good[:66] + number)


@without({f"{__name__}.verify_jwa": as_signed}, sees="assert")
@given(data=st.data())
def test_s20_no_change_of_a_signature_is_accepted(holders: Mapping[str, Issued], data: st.DataObject) -> None:
    algorithm = data.draw(st.sampled_from(list(JWA)))
    by = holders[key_type(algorithm)]
    good = sign_jwa(by.key, SIGNED, algorithm)
    place = data.draw(st.integers(0, len(good)))
    piece = data.draw(st.binary(max_size=3))
    changed = good[:place] + piece + good[place + data.draw(st.integers(0, 3)) :]
    try:
        verify_jwa(read(by), algorithm, SIGNED, changed)
    except Refusal:
        return
    assert changed == good


@pytest.mark.parametrize("algorithm", [one for one in JWA if one not in KEY_OF])
def test_a_signature_of_rsa_is_as_long_as_the_modulus(holders: Mapping[str, Issued], algorithm: JWA) -> None:
    """RFC 8017 8.1.2 and 8.2.2 want it said before anything is computed."""
    by = holders["RSA-2048"]
    good = sign_jwa(by.key, SIGNED, algorithm)
    for changed in (b"", good[:-1], b"\x00" + good, good + b"\x00", good + good):
        with pytest.raises(SignatureMalformed) as refused:
            verify_jwa(read(by), algorithm, SIGNED, changed)
        assert refused.value.length == len(changed)
