"""Certificates edited octet by octet: for what a library refuses to build, and so for what an attacker sends.

It reads and writes DER by itself, so that no test believes the reader it tests.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from hypothesis import settings

from tests.factory_keys import AnyKey, sign_der

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
UTF8: Final = 0x0C
PRINTABLE: Final = 0x13
SEQUENCE: Final = 0x30
SET: Final = 0x31

#: For properties of readers: no input may cost more. Wide, because the machine may be busy.
FAST: Final = settings(deadline=timedelta(seconds=2))

#: Places in a TBSCertificate.
VERSION, SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, SPKI, EXTENSIONS = range(8)

RSA_ENCRYPTION: Final = bytes.fromhex("06092a864886f70d010101")
RSA_PSS: Final = bytes.fromhex("06092a864886f70d01010a")
EC_PUBLIC_KEY: Final = bytes.fromhex("06072a8648ce3d0201")
P256_CURVE: Final = bytes.fromhex("06082a8648ce3d030107")
P384_CURVE: Final = bytes.fromhex("06052b81040022")
SECP256K1_CURVE: Final = bytes.fromhex("06052b8104000a")
SM2_CURVE: Final = bytes.fromhex("06082a811ccf5501822d")
NO_PARAMETERS: Final = bytes.fromhex("0500")

#: The recommended base point of SM2 (GM/T 0003.5), hence a public key (of the private key 1).
SM2_POINT: Final = bytes.fromhex(
    "04"
    "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)


def tlv(tag: int, *content: bytes) -> bytes:
    """One element in DER."""
    value = b"".join(content)
    if len(value) < 0x80:
        return bytes([tag, len(value)]) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + value


def integer(value: int) -> bytes:
    """The shortest INTEGER, negative ones included."""
    octets = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return tlv(INTEGER, value.to_bytes(octets, "big", signed=True))


def oid(dotted: str) -> bytes:
    """The content of an OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return b"".join(_base128(arc) for arc in (first * 40 + second, *rest))


def content(element: bytes) -> bytes:
    """The value of one element."""
    return element[_header(element) :]


def parts(element: bytes) -> list[bytes]:
    """The elements inside one element."""
    rest, found = content(element), []
    while rest:
        end = _header(rest) + _length(rest)
        found.append(rest[:end])
        rest = rest[end:]
    return found


def rebuilt(der: bytes, signed_by: AnyKey, edit: Callable[[list[bytes]], None]) -> bytes:
    """A certificate, request or list again, after `edit` of the elements of its signed part; truly signed (SHA-256)."""
    signed, algorithm, _ = parts(der)
    elements = parts(signed)
    edit(elements)
    signed = tlv(SEQUENCE, *elements)
    return tlv(SEQUENCE, signed, algorithm, tlv(BIT_STRING, b"\x00", sign_der(signed_by, signed)))


def with_part(der: bytes, signed_by: AnyKey, place: int, element: bytes) -> bytes:
    """`rebuilt` with one element exchanged."""

    def edit(elements: list[bytes]) -> None:
        elements[place] = element

    return rebuilt(der, signed_by, edit)


def with_extensions(der: bytes, signed_by: AnyKey, extensions: Sequence[bytes]) -> bytes:
    """The certificate with exactly these extensions, each made by `extension`."""
    return with_part(der, signed_by, EXTENSIONS, tlv(0xA3, tlv(SEQUENCE, *extensions)))


def extensions(der: bytes) -> list[bytes]:
    """The extensions of a certificate, each as `extension` makes it."""
    return parts(parts(parts(parts(der)[0])[EXTENSIONS])[0])


def extension(identifier: bytes, value: bytes, critical: bool = False) -> bytes:
    """`identifier` is the content of the OBJECT IDENTIFIER, `value` that of the OCTET STRING."""
    marks = (tlv(BOOLEAN, b"\xff"),) if critical else ()
    return tlv(SEQUENCE, tlv(OID, identifier), *marks, tlv(OCTET_STRING, value))


def rsa_spki(modulus: int, exponent: int = 65537, parameters: bytes = NO_PARAMETERS) -> bytes:
    key = tlv(SEQUENCE, integer(modulus), integer(exponent))
    return spki(RSA_ENCRYPTION + parameters, key)


def ec_spki(curve: bytes, point: bytes) -> bytes:
    return spki(EC_PUBLIC_KEY + curve, point)


def spki(algorithm: bytes, key: bytes) -> bytes:
    return tlv(SEQUENCE, tlv(SEQUENCE, algorithm), tlv(BIT_STRING, b"\x00", key))


def nested(levels: int, innermost: bytes = b"") -> bytes:
    """SEQUENCEs in one another."""
    for _ in range(levels):
        innermost = tlv(SEQUENCE, innermost)
    return innermost


def _base128(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.insert(0, 0x80 | arc & 0x7F)
    return bytes(octets)


def _header(element: bytes) -> int:
    return 2 if element[1] < 0x80 else 2 + (element[1] & 0x7F)


def _length(element: bytes) -> int:
    return element[1] if element[1] < 0x80 else int.from_bytes(element[2 : _header(element)], "big")
