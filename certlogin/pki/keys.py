"""Judges a SubjectPublicKeyInfo by its bytes, before any cryptographic library is asked to load the key.

It decides kind, size and whether they are acceptable (S25); it must not compute with the key.
"""

from dataclasses import dataclass
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
    bytes.fromhex("2a811ccf5501822d"): (KeyType.SM2, 256),
}


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


def read_key(spki: bytes) -> KeyKind:
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
    return _read_rsa(whole_bits(bits))


def _read_rsa(key: bytes) -> KeyKind:
    modulus, exponent = (unsigned(number) for number in _two(only_element(key, SEQUENCE)))
    if not RSA_BITS_MIN <= modulus.bit_length() <= RSA_BITS_MAX:
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
    if len(point) != 1 + 2 * (bits // 8) or point[0] != 4:
        raise WeakKey("point")
    return KeyKind(key_type, bits)


def _two(parent: Element) -> tuple[Element, Element]:
    found = tuple(children(parent))
    if len(found) != 2:
        raise DERError("not exactly two elements")
    return found[0], found[1]
