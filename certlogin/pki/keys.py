"""Judges a SubjectPublicKeyInfo by its bytes, before any cryptographic library is asked to load the key.

It decides kind, size and whether they are acceptable (S25); it must not compute with the key.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from certlogin.errors import Refusal
from certlogin.pki.der import (
    OBJECT_IDENTIFIER,
    SEQUENCE,
    DERError,
    Element,
    children,
    only_element,
    unsigned,
    whole_bits,
)
from certlogin.records.certificate import KeyType

RSA_BITS_MIN: Final = 2048
#: What `Legacy.ADMITTED` lowers it to.
RSA_BITS_LEGACY: Final = 1024
RSA_BITS_MAX: Final = 8192
#: Above it a verification costs more than a login is worth.
RSA_EXPONENT_END: Final = 2**33

_RSA: Final = bytes.fromhex("2a864886f70d010101")
_EC: Final = bytes.fromhex("2a8648ce3d0201")
_NULL: Final = bytes.fromhex("0500")
#: Curve OID to kind and bits. Only named curves: explicit parameters let the sender choose
#: the group (CVE-2020-0601).
_CURVES: Final = {
    bytes.fromhex("2a8648ce3d030107"): (KeyType.P256, 256),
    bytes.fromhex("2b81040022"): (KeyType.P384, 384),
    # Only cards of Web eID sign with it; no helper's algorithm does.
    bytes.fromhex("2b81040023"): (KeyType.P521, 521),
    bytes.fromhex("2a811ccf5501822d"): (KeyType.SM2, 256),
}


class Legacy(StrEnum):
    """Whether a leaf may be as weak as they once were: RSA from 1024 bits, signed with SHA-1. Never a CA.

    A login admits nothing of it by itself; who replaces old keys says so at each call.
    """

    REFUSED = "refused"
    ADMITTED = "admitted"


@dataclass(eq=False)
class WeakKey(Refusal):
    """The key is too small, too large, of an odd form, or of a kind that is not used here."""

    code: ClassVar[str] = "certificate_weak_key"
    status: ClassVar[int] = 400
    problem: str


@dataclass(frozen=True, slots=True)
class KeyKind:
    key_type: KeyType
    bits: int


def read_key(spki: bytes, legacy: Legacy = Legacy.REFUSED) -> KeyKind:
    """The kind of key in a SubjectPublicKeyInfo. Raises WeakKey, DERError."""
    algorithm, bits = _two(only_element(spki, SEQUENCE))
    if algorithm.tag != SEQUENCE:
        raise DERError("no algorithm")
    parts = tuple(children(algorithm))
    if not parts or parts[0].tag != OBJECT_IDENTIFIER:
        raise DERError("no algorithm identifier")
    if len(parts) != 2 or parts[0].value not in (_RSA, _EC):
        raise WeakKey("kind")
    if parts[0].value == _EC:
        return _read_curve(parts[1], whole_bits(bits))
    # RFC 3279 2.3.1: NULL. With a second way to write a key, it would have a second SHA-256 in the registry.
    if parts[1].encoded != _NULL:
        raise WeakKey("parameters")
    return _read_rsa(whole_bits(bits), RSA_BITS_MIN if legacy is Legacy.REFUSED else RSA_BITS_LEGACY)


def _read_rsa(key: bytes, bits_min: int) -> KeyKind:
    modulus, exponent = (unsigned(number) for number in _two(only_element(key, SEQUENCE)))
    if not bits_min <= modulus.bit_length() <= RSA_BITS_MAX:
        raise WeakKey("rsa_size")
    if not 3 <= exponent < RSA_EXPONENT_END or exponent % 2 == 0 or modulus % 2 == 0:
        raise WeakKey("rsa_numbers")
    return KeyKind(KeyType.RSA, modulus.bit_length())


def _read_curve(parameters: Element, point: bytes) -> KeyKind:
    known = _CURVES.get(parameters.value) if parameters.tag == OBJECT_IDENTIFIER else None
    if known is None:
        raise WeakKey("curve")
    key_type, bits = known
    # SEC 1, 2.3.3: only the uncompressed form; every CA writes it, and it names one point in one way.
    if len(point) != 1 + 2 * ((bits + 7) // 8) or point[0] != 4:
        raise WeakKey("point")
    return KeyKind(key_type, bits)


def _two(parent: Element) -> tuple[Element, Element]:
    found = tuple(children(parent))
    if len(found) != 2:
        raise DERError("not exactly two elements")
    return found[0], found[1]
