"""What an SM2 key signs by X.509, written octet by octet: with other parameters, without Z, with another ID."""

from collections.abc import Callable
from typing import Final

from certlogin.pki.sm2 import SM2Key, to_der
from tests.factory_keys import AnyKey
from tests.pki import raw
from tests.pki import sm2_reference as reference
from tests.pki.raw import BIT_STRING, NULL, OCTET_STRING, OID, SEQUENCE, parts, tlv

SM2_SM3: Final = tlv(OID, raw.oid("1.2.156.10197.1.501"))
ABSENT: Final = tlv(SEQUENCE, SM2_SM3)
WITH_NULL: Final = tlv(SEQUENCE, SM2_SM3, tlv(NULL))
WITH_ID: Final = tlv(SEQUENCE, SM2_SM3, tlv(OCTET_STRING, b"1234567812345678"))

#: Place of the inner algorithm in a TBSCertificate and a TBSCertList; a request has none.
CERTIFICATE, LIST, REQUEST = 2, 1, None

Sign = Callable[[int, bytes], bytes]


def usual(d: int, message: bytes) -> bytes:
    """By the formulas, with a nonce that is the same each time."""
    return to_der(reference.sign(d, message))


def without_z(d: int, message: bytes) -> bytes:
    e = int.from_bytes(reference.sm3(message), "big")
    return to_der(reference.raw(*reference.sign_digest(d, e, 4711)))


def as_somebody_else(d: int, message: bytes) -> bytes:
    return to_der(reference.sign(d, message, b"ALICE123@YAHOO.COM"))


def not_in_der(d: int, message: bytes) -> bytes:
    return reference.sign(d, message)


def signed_again(
    der: bytes, key: AnyKey, place: int | None, sign: Sign = usual, algorithm: bytes = ABSENT, outer: bytes = b""
) -> bytes:
    """The object again; `outer`: another algorithm outside than inside."""
    assert isinstance(key, SM2Key)
    signed, *_ = parts(der)
    if place is not None:
        elements = parts(signed)
        elements[place] = algorithm
        signed = tlv(SEQUENCE, *elements)
    value = sign(int.from_bytes(key.d, "big"), signed)
    return tlv(SEQUENCE, signed, outer or algorithm, tlv(BIT_STRING, b"\x00", value))
