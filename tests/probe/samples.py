"""Samples as vendors' helpers give them, good ones and odd ones, each with what the probe must say of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from certlogin.pki.sm2 import SM2Key, to_der
from tests.factory import Issued, Plan, make_pki
from tests.pki import sm2_reference as reference
from tests.pki.raw import OCTET_STRING, OID, SEQUENCE, SPKI, integer, oid, tlv, with_part

#: 32 characters, as BJCA's helper is asked to sign them: base64 of 24 octets, which nobody is to decode.
TEXT = b"NDYxMjM0NTY3ODkwYWJjZGVmZ2hpamts"
DECODED = b"461234567890abcdefghijkl"
SHA1, SHA256 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1"

Sign = Callable[[bytes], bytes]


@cache
def leaf(key_type: str) -> Issued:
    return make_pki().issuing.issue(Plan(key_type=key_type, key_name="probed"))


def d_of(issued: Issued) -> int:
    assert isinstance(issued.key, SM2Key)
    return int.from_bytes(issued.key.d, "big")


def over_digest(issued: Issued, value: bytes) -> bytes:
    """r || s of SM2 over a digest that somebody else has computed."""
    return reference.raw(*reference.sign_digest(d_of(issued), int.from_bytes(value, "big"), 4711))


def sm2_signed(message: bytes, identity: bytes = reference.DEFAULT_ID) -> bytes:
    return reference.sign(d_of(leaf("SM2")), message, identity)


def sm2_without_z(message: bytes) -> bytes:
    return over_digest(leaf("SM2"), reference.sm3(message))


def sm2_over(value: bytes) -> bytes:
    return over_digest(leaf("SM2"), value)


def ecdsa(key_type: str, digest: hashes.HashAlgorithm, message: bytes) -> bytes:
    """In DER."""
    return curve_key(key_type).sign(message, ec.ECDSA(digest))


def ecdsa_raw(key_type: str, digest: hashes.HashAlgorithm, message: bytes) -> bytes:
    size = (curve_key(key_type).key_size + 7) // 8
    return b"".join(one.to_bytes(size, "big") for one in decode_dss_signature(ecdsa(key_type, digest, message)))


def ecdsa_over(value: bytes) -> bytes:
    return curve_key("P-256").sign(value, ec.ECDSA(Prehashed(hashes.SHA256())))


def curve_key(key_type: str) -> ec.EllipticCurvePrivateKey:
    key = leaf(key_type).key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def rsa_key(key_type: str = "RSA-2048") -> rsa.RSAPrivateKey:
    key = leaf(key_type).key
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def pkcs1(message: bytes, digest: hashes.HashAlgorithm | None = None) -> bytes:
    return rsa_key().sign(message, padding.PKCS1v15(), digest or hashes.SHA256())


def pss(message: bytes, salt: int = 32, mask: hashes.HashAlgorithm | None = None) -> bytes:
    how = padding.PSS(padding.MGF1(mask or hashes.SHA256()), salt)
    return rsa_key().sign(message, how, hashes.SHA256())


def around(inside: bytes, key_type: str = "RSA-2048") -> bytes:
    """PKCS#1 v1.5 around any octets, by the formula."""
    key = rsa_key(key_type)
    numbers, size = key.private_numbers(), key.key_size // 8
    block = b"\x00\x01" + b"\xff" * (size - len(inside) - 3) + b"\x00" + inside
    return pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n).to_bytes(size, "big")


def digest_info(digest: str, value: bytes, parameters: bytes = b"\x05\x00") -> bytes:
    return tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, oid(digest)), parameters), tlv(OCTET_STRING, value))


def hashed(digest: hashes.HashAlgorithm, message: bytes) -> bytes:
    hashing = hashes.Hash(digest)
    hashing.update(message)
    return hashing.finalize()


def in_reverse(octets: bytes) -> bytes:
    return octets[::-1]


def blob(octets: bytes) -> bytes:
    return bytes(32) + octets[:32] + bytes(32) + octets[32:]


def padded(octets: bytes) -> bytes:
    """SEQUENCE { r, s } with a zero octet too many before r."""
    r = tlv(2, b"\x00" + bytes(1) + octets[:32])
    return tlv(SEQUENCE, r, integer(int.from_bytes(octets[32:], "big")))


@dataclass(frozen=True)
class Sample:
    key_type: str
    sign: Sign
    #: Piece of the form's name, of the text's name, of the hash, of the way.
    form: str
    text: str
    digest: str
    way: str
    #: What the helper took as the text.
    signed: bytes = TEXT
    algorithm: str = ""


_DEFAULT = "with Z and the user id 1234567812345678"
_P1 = "PKCS#1 v1.5"
_GIVEN = "the text as given"
_LINE = TEXT + b"\r\n"


def sm2(form: str, text: str, signed: bytes = TEXT, then: Sign = bytes, algorithm: str = "SM2-SM3") -> Sample:
    """With Z and the default id, as everybody should."""
    return Sample("SM2", lambda message: then(sm2_signed(message)), form, text, "SM3", _DEFAULT, signed, algorithm)


SAMPLES: dict[str, Sample] = {
    "SM2, r || s": sm2("r || s", _GIVEN),
    "SM2, DER, as BJCA signs": sm2("DER", _GIVEN, then=to_der),
    "SM2, s || r": sm2("s || r", _GIVEN, then=lambda one: one[32:] + one[:32]),
    "SM2, halves in reverse": sm2("each with its octets", _GIVEN, then=lambda one: one[31::-1] + one[:31:-1]),
    "SM2, all in reverse": sm2("all octets in reverse", _GIVEN, then=in_reverse),
    "SM2, SKF": sm2("ECCSIGNATUREBLOB", _GIVEN, then=blob),
    "SM2, padded": sm2("padded", _GIVEN, then=padded),
    "SM2, decoded": sm2("r || s", "stands for as base64", DECODED),
    "SM2, line end": sm2("r || s", "CR LF behind it", _LINE),
    "SM2, zero octet": sm2("r || s", "a zero octet", TEXT + b"\0"),
    "SM2, wide characters": sm2("r || s", "UTF-16", TEXT.decode().encode("utf-16-le")),
    "SM2, hashed twice": sm2("r || s", "SM3 digest of the text (hashed twice)", reference.sm3(TEXT)),
    "SM2, digest in digits": sm2("r || s", "hexadecimal", reference.sm3(TEXT).hex().encode()),
    "SM2, no Z": Sample("SM2", sm2_without_z, "r || s", _GIVEN, "SM3", "no Z"),
    "SM2, no Z over SHA-256": Sample(
        "SM2", lambda message: sm2_over(hashed(hashes.SHA256(), message)), "r || s", _GIVEN, "SHA-256", "no Z"),
    "SM2, empty id": Sample("SM2", partial(sm2_signed, identity=b""), "r || s", _GIVEN, "SM3", "user id ''"),
    "SM2, another id": Sample(
        "SM2", partial(sm2_signed, identity=b"ALICE123@YAHOO.COM"), "r || s", _GIVEN, "SM3", "id ALICE123@YAHOO.COM"),
    "P-256, DER": Sample("P-256", partial(ecdsa, "P-256", hashes.SHA256()), "DER", _GIVEN, "SHA-256", "secp256r1",
                         algorithm="ES256"),
    "P-256, r || s": Sample("P-256", partial(ecdsa_raw, "P-256", hashes.SHA256()), "r || s", _GIVEN, "SHA-256",
                            "secp256r1", algorithm="ES256"),
    "P-384, r || s": Sample("P-384", partial(ecdsa_raw, "P-384", hashes.SHA384()), "r || s", _GIVEN, "SHA-384",
                            "secp384r1", algorithm="ES384"),
    "P-384 with SHA-256": Sample("P-384", partial(ecdsa, "P-384", hashes.SHA256()), "DER", _GIVEN, "SHA-256",
                                 "secp384r1"),
    "P-256 with SHA-1": Sample("P-256", partial(ecdsa, "P-256", hashes.SHA1()),  # noqa: S303
                               "DER", _GIVEN, "SHA-1", "secp256r1"),
    "P-256, decoded": Sample("P-256", partial(ecdsa_raw, "P-256", hashes.SHA256()), "r || s", "as base64", "SHA-256",
                             "secp256r1", DECODED, "ES256"),
    "RSA": Sample("RSA-2048", pkcs1, "octets", _GIVEN, "SHA-256", _P1, algorithm="RS256"),
    "RSA, CAPI": Sample("RSA-2048", lambda message: pkcs1(message)[::-1], "CryptoAPI", _GIVEN, "SHA-256", _P1,
                        algorithm="RS256"),
    "RSA, SHA-384": Sample("RSA-2048", partial(pkcs1, digest=hashes.SHA384()), "octets", _GIVEN, "SHA-384", _P1,
                           algorithm="RS384"),
    "RSA, SHA-1": Sample("RSA-2048", lambda message: around(digest_info(SHA1, hashed(hashes.SHA1(), message))),  # noqa: S303
                         "octets", _GIVEN, "SHA-1", _P1),
    "RSA, no NULL": Sample(
        "RSA-2048", lambda message: around(digest_info(SHA256, hashed(hashes.SHA256(), message), b"")), "octets",
        _GIVEN, "SHA-256", "without the NULL"),
    "RSA, no DigestInfo": Sample("RSA-2048", lambda message: around(hashed(hashes.SHA256(), message)), "octets", _GIVEN,
                                 "SHA-256", "without DigestInfo"),
    "RSA, no digest": Sample("RSA-2048", around, "octets", _GIVEN, "none", "around the text itself"),
    "RSA, decoded": Sample("RSA-2048", pkcs1, "octets", "as base64", "SHA-256", _P1, DECODED, "RS256"),
    "RSA, PSS": Sample("RSA-2048", pss, "octets", _GIVEN, "SHA-256", "PSS with a salt of 32", algorithm="PS256"),
    "RSA, PSS, long salt": Sample("RSA-2048", partial(pss, salt=100), "octets", _GIVEN, "SHA-256", "another salt"),
    "RSA, PSS, mask": Sample("RSA-2048", partial(pss, mask=hashes.SHA1()),  # noqa: S303
                             "octets", _GIVEN, "SHA-256", "another salt or mask"),
}  # fmt: skip
#: The octets that are signed are the digest themselves; the text is given in hexadecimal.
DIGEST_ITSELF: dict[str, tuple[str, Sign]] = {"SM2": ("SM2", sm2_over), "P-256": ("P-256", ecdsa_over)}


def with_spki(issued: Issued, spki: bytes) -> bytes:
    """The certificate with another key in it."""
    return with_part(issued.der, make_pki().issuing.key, SPKI, spki)
