import warnings
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from certlogin.pki.keys import KeyKind, WeakKey
from certlogin.pki.profile import SIGNATURE_ALGORITHMS
from certlogin.pki.request import CertificationRequest, RequestSignature, RequestUnreadable, read_request
from certlogin.pki.sm2 import SM2Unavailable
from certlogin.records.certificate import KeyType
from tests.companions import without
from tests.factory import PrivateKey, key, make_pki, name, request
from tests.pki import raw
from tests.pki.raw import (
    BIT_STRING,
    FAST,
    INTEGER,
    NULL,
    OCTET_STRING,
    OID,
    PRINTABLE,
    SEQUENCE,
    SET,
    UTF8,
    integer,
    nested,
    oid,
    parts,
    rebuilt,
    tlv,
    with_part,
)

#: Places in a CertificationRequestInfo.
VERSION, SUBJECT, SPKI, ATTRIBUTES = range(4)
CHALLENGE = "1.2.840.113549.1.9.7"
BMP, TELETEX, IA5 = 0x1E, 0x14, 0x16


#: Nobody looks whether a request is signed, what with, and by what kind of key.
UNSIGNED: dict[str, object] = {"certlogin.pki.request._check_signature": lambda _: None}
PSS: dict[str, object] = {
    "certlogin.pki.request.SIGNATURE_ALGORITHMS": SIGNATURE_ALGORITHMS | {"1.2.840.113549.1.1.10"}
}
ANY_KEY: dict[str, object] = {"certlogin.pki.request.read_key": lambda _: KeyKind(KeyType.P256, 256), **UNSIGNED}


def mine() -> PrivateKey:
    return key("mine")


def changed(place: int, element: bytes) -> bytes:
    """A good request with one element exchanged, and truly signed."""
    return with_part(request(mine(), "text"), mine(), place, element)


def attributes(*found: bytes) -> bytes:
    return changed(ATTRIBUTES, tlv(0xA0, *found))


def attribute(dotted: str, *values: bytes) -> bytes:
    return tlv(SEQUENCE, tlv(OID, oid(dotted)), tlv(SET, *values))


def unreadable(der: bytes) -> None:
    with pytest.raises(RequestUnreadable):
        read_request(der)


def signature_problem(der: bytes) -> str:
    with pytest.raises(RequestSignature) as refusal:
        read_request(der)
    return refusal.value.problem


# --- read


@pytest.mark.parametrize(
    ("key_type", "kind", "bits"),
    [
        ("RSA-2048", KeyType.RSA, 2048),
        ("RSA-3072", KeyType.RSA, 3072),
        ("P-256", KeyType.P256, 256),
        ("P-384", KeyType.P384, 384),
    ],
)
def test_a_request_gives_its_key_and_challenge_and_nothing_else(key_type: str, kind: KeyType, bits: int) -> None:
    private = key("mine", key_type)
    wanted: list[tuple[x509.ExtensionType, bool]] = [(x509.BasicConstraints(True, None), True)]
    read = read_request(request(private, "certlogin enroll", "somebody else", wanted))
    assert (read.key_type, read.key_bits) == (kind, bits)
    assert read.challenge_password == "certlogin enroll"
    assert read.spki == private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert read.spki_sha256 == sha256(read.spki).hexdigest()
    assert set(CertificationRequest.__slots__) == {
        "der", "spki", "spki_sha256", "key", "challenge_password",
    }  # fmt: skip


@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda one: one.name)
@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256"])
def test_sha2_is_accepted(key_type: str, digest: hashes.SHA256 | hashes.SHA384 | hashes.SHA512) -> None:
    assert read_request(request(key("mine", key_type), algorithm=digest))


# --- challenge


def test_a_request_without_challenge_has_none() -> None:
    assert read_request(request(mine())).challenge_password is None
    assert read_request(attributes()).challenge_password is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (tlv(UTF8, "单位 text".encode()), "单位 text"),
        (tlv(PRINTABLE, b"text"), "text"),
        (tlv(UTF8), ""),
    ],
)
def test_a_challenge_is_text(value: bytes, text: str) -> None:
    assert read_request(attributes(attribute(CHALLENGE, value))).challenge_password == text


@pytest.mark.parametrize(
    "value",
    [
        tlv(TELETEX, b"text"),
        tlv(BMP, "text".encode("utf-16-be")),
        tlv(IA5, b"text"),
        tlv(OCTET_STRING, b"text"),
        tlv(NULL),
        tlv(UTF8, b"\xff"),
        tlv(PRINTABLE, b"\xe5"),
        tlv(SEQUENCE, tlv(UTF8, b"text")),
    ],
    ids=["Teletex", "BMP", "IA5", "octets", "null", "no UTF-8", "no ASCII", "sequence"],
)
def test_a_challenge_of_another_kind_is_refused(value: bytes) -> None:
    unreadable(attributes(attribute(CHALLENGE, value)))


def test_two_challenges_are_refused() -> None:
    one, other = tlv(UTF8, b"one"), tlv(UTF8, b"other")
    assert read_request(attributes(attribute(CHALLENGE, one))).challenge_password == "one"
    unreadable(attributes(attribute(CHALLENGE, one), attribute(CHALLENGE, other)))
    unreadable(attributes(attribute(CHALLENGE, one), attribute(CHALLENGE, one)))
    unreadable(attributes(attribute(CHALLENGE, one, other)))
    unreadable(attributes(attribute(CHALLENGE)))


def test_other_attributes_are_passed_over() -> None:
    read = read_request(attributes(attribute("2.25.9", tlv(NULL)), attribute(CHALLENGE, tlv(UTF8, b"text"))))
    assert read.challenge_password == "text"


# --- proof of possession


@without(UNSIGNED)
def test_s28_a_request_for_somebody_elses_key_is_refused() -> None:
    """Their key, my signature."""
    theirs = parts(parts(request(key("theirs")))[0])[SPKI]
    assert signature_problem(changed(SPKI, theirs)) == "mismatch"
    assert read_request(changed(SPKI, parts(parts(request(mine()))[0])[SPKI]))


@without(UNSIGNED)
def test_s28_a_request_changed_after_its_signature_is_refused() -> None:
    signed, algorithm, signature = parts(request(mine(), "one"))
    other, _, _ = parts(request(mine(), "other"))
    assert read_request(tlv(SEQUENCE, signed, algorithm, signature))
    assert signature_problem(tlv(SEQUENCE, other, algorithm, signature)) == "mismatch"


def rsa_key() -> rsa.RSAPrivateKey:
    private = key("mine", "RSA-2048")
    assert isinstance(private, rsa.RSAPrivateKey)
    return private


@without(PSS)
def test_s20_a_pss_signature_is_no_proof_here() -> None:
    builder = x509.CertificateSigningRequestBuilder().subject_name(name("x"))
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    der = builder.sign(rsa_key(), hashes.SHA256(), rsa_padding=pss).public_bytes(Encoding.DER)
    assert signature_problem(der) == "algorithm"
    assert read_request(builder.sign(rsa_key(), hashes.SHA256()).public_bytes(Encoding.DER))


ECDSA_SHA1 = bytes.fromhex("06072a8648ce3d0401")
RSA_SHA256 = bytes.fromhex("06092a864886f70d01010b0500")
SM2_SM3 = bytes.fromhex("06082a811ccf55018375")


@without(UNSIGNED)
@pytest.mark.parametrize(
    ("algorithm", "problem"),
    [(ECDSA_SHA1, "algorithm"), (RSA_SHA256, "mismatch"), (SM2_SM3, "mismatch")],
    ids=["SHA-1", "RSA with an EC key", "SM2 with a P-256 key"],
)
def test_s20_an_algorithm_that_does_not_fit_the_key_is_refused(algorithm: bytes, problem: str) -> None:
    signed, good, signature = parts(request(mine()))
    assert signature_problem(tlv(SEQUENCE, signed, tlv(SEQUENCE, algorithm), signature)) == problem
    assert read_request(tlv(SEQUENCE, signed, good, signature))


def test_an_sm2_key_is_not_judged_where_nothing_verifies_its_signature() -> None:
    with pytest.raises(SM2Unavailable):
        read_request(changed(SPKI, raw.ec_spki(raw.SM2_CURVE, raw.SM2_POINT)))


# --- keys and limits (S25)


@without(ANY_KEY)
@pytest.mark.parametrize(
    "spki",
    [
        raw.rsa_spki((1 << 1023) | 1),
        raw.rsa_spki((1 << 8192) | 1),
        raw.rsa_spki((1 << 2047) | 1, 4),
        raw.ec_spki(raw.SECP256K1_CURVE, b"\x04" + bytes(64)),
        raw.ec_spki(raw.P256_CURVE, b"\x02" + bytes(32)),
    ],
    ids=["1024", "8193", "even", "secp256k1", "compressed"],
)
def test_s25_weak_keys_are_refused_before_the_signature(spki: bytes) -> None:
    with pytest.raises(WeakKey):
        read_request(changed(SPKI, spki))


@without(UNSIGNED)
def test_s25_a_point_beside_the_curve_is_refused() -> None:
    unreadable(changed(SPKI, raw.ec_spki(raw.P256_CURVE, b"\x04" + bytes(64))))


@without({"certlogin.pki.request.SIZE_MAX": 20_000})
def test_s25_size_is_limited() -> None:
    assert read_request(attributes(attribute("2.25.9", tlv(OCTET_STRING, bytes(15_000)))))
    with pytest.raises(RequestUnreadable, match="too large"):
        read_request(attributes(attribute("2.25.9", tlv(OCTET_STRING, bytes(16_384)))))


@without({"certlogin.pki.request.DEPTH_MAX": 64})
def test_s25_depth_is_limited() -> None:
    assert read_request(attributes(attribute("2.25.9", nested(20))))
    unreadable(attributes(attribute("2.25.9", nested(40))))


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30\x00",
        b"-----BEGIN CERTIFICATE REQUEST-----",
        tlv(SEQUENCE, tlv(SEQUENCE, integer(0)), tlv(SEQUENCE), tlv(BIT_STRING, b"\x00")),
        tlv(INTEGER, b"\x01"),
        tlv(SEQUENCE, integer(1)),
    ],
    ids=["empty", "no parts", "PEM", "no key", "number", "number inside"],
)
def test_what_is_no_request_is_refused(der: bytes) -> None:
    unreadable(der)


def test_a_certificate_is_no_request() -> None:
    with pytest.raises((RequestUnreadable, WeakKey)):
        read_request(make_pki().issuing.issue().der)


@pytest.mark.parametrize("version", [1, 2, -1])
def test_only_version_1_requests_are_read(version: int) -> None:
    assert read_request(changed(VERSION, integer(0)))
    unreadable(changed(VERSION, integer(version)))


def test_trailing_octets_are_refused() -> None:
    unreadable(request(mine()) + b"\x00")


def test_a_request_without_the_list_of_attributes_is_refused() -> None:
    def bare(elements: list[bytes]) -> None:
        del elements[ATTRIBUTES]

    unreadable(rebuilt(request(mine()), mine(), bare))


# --- any bytes


@pytest.fixture(scope="module")
def ders() -> list[bytes]:
    return [request(key("mine", kind), "text") for kind in ("P-256", "RSA-2048")]


def test_truncation_at_every_octet_is_refused(ders: list[bytes]) -> None:
    for der in ders:
        for end in range(len(der)):
            with pytest.raises((RequestUnreadable, WeakKey)):
                read_request(der[:end])


@without(UNSIGNED, sees="accepted a changed request")
@FAST
@given(data=st.data())
def test_s28_a_changed_request_is_refused(ders: list[bytes], data: st.DataObject) -> None:
    der = data.draw(st.sampled_from(ders))
    octets = bytearray(der)
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read_request(bytes(octets))
        except (RequestUnreadable, RequestSignature, WeakKey):
            return
    assert octets == der, "accepted a changed request"


@without({"certlogin.pki.request.whole_bits": lambda _: None})
def test_s28_unused_bits_of_the_signature_are_no_second_encoding() -> None:
    """Where the last bits are zero anyway, saying that they are unused changes the octets and not the signature."""
    der = next(made for made in iter(lambda: request(key("leaf")), None) if made[-1] & 3 == 0)
    count = der.rindex(b"\x00\x30", 0, -64)
    changed = der[:count] + b"\x02" + der[count + 1 :]
    # To the library it is the same request, rightly signed.
    assert x509.load_der_x509_csr(changed).is_signature_valid
    assert read_request(der)
    with pytest.raises(RequestUnreadable):
        read_request(changed)
