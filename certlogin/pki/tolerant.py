"""A second reading of certificates that the parser refuses, though what they mean is plain: old cards carry them.

It writes a copy in which a short list of oddities stands as DER and RFC 5280 want it: defaults written out, TRUE as
another octet than 0xFF, NULL behind an ECDSA algorithm, names whose strings are of the wrong kind or out of order. Each
means the same to OpenSSL, which judges the path on the certificate as it is: signatures and hashes never come from the
copy. What else is odd stays refused. It must not know what any of it is for.
"""

from typing import Final

from certlogin.pki.ber import element
from certlogin.pki.der import BIT_STRING, OCTET_STRING, SEQUENCE, DERError, Element, children, only_element

_BOOLEAN: Final = 0x01
_NULL: Final = 0x05
_UTF8: Final = 0x0C
_SET: Final = 0x31
_EXTENSIONS: Final = 0xA3
_TRUE: Final = element(_BOOLEAN, b"\xff")
_FALSE: Final = b"\x00"
#: PrintableString, TeletexString, IA5String: what CAs have put GB 18030 and forbidden characters into.
_NARROW: Final = frozenset({0x13, 0x14, 0x16})
_BASIC_CONSTRAINTS: Final = bytes.fromhex("551d13")
#: ecdsa-with-SHA256, -384, -512 (RFC 5758 3.2: no parameters).
_ECDSA: Final = frozenset(bytes.fromhex(f"2a8648ce3d04030{last}") for last in (2, 3, 4))
#: Places in a TBSCertificate.
_ALGORITHM, _ISSUER, _SUBJECT = 2, 3, 5


def rewritten(der: bytes) -> bytes:
    """The copy; the same octets where nothing was odd. `der` was walked within limits before. Raises DERError."""
    signed, algorithm, signature = children(only_element(der, SEQUENCE))
    content = element(SEQUENCE, *(_part(place, part) for place, part in enumerate(children(signed))))
    return element(SEQUENCE, content, _algorithm(algorithm), element(BIT_STRING, signature.value))


def _part(place: int, part: Element) -> bytes:
    if place == _ALGORITHM:
        return _algorithm(part)
    if place in (_ISSUER, _SUBJECT):
        return _name(part)
    if part.tag == _EXTENSIONS:
        found = only_element(part.value, SEQUENCE)
        return element(_EXTENSIONS, element(SEQUENCE, *(_extension(one) for one in children(found))))
    return part.encoded


def _algorithm(algorithm: Element) -> bytes:
    identifier, *parameters = children(algorithm)
    if identifier.value in _ECDSA and [one.tag for one in parameters] == [_NULL]:
        return element(SEQUENCE, identifier.encoded)
    return algorithm.encoded


def _name(name: Element) -> bytes:
    """X.690 11.6: what a SET OF holds is in order."""
    sets = (sorted(_attribute(one) for one in children(relative)) for relative in children(name))
    return element(SEQUENCE, *(element(_SET, *attributes) for attributes in sets))


def _attribute(attribute: Element) -> bytes:
    kind, value = children(attribute)
    return element(SEQUENCE, kind.encoded, _text(value) if value.tag in _NARROW else value.encoded)


def _text(value: Element) -> bytes:
    """A string that people can read, as UTF8String; nothing is compared by it. Raises DERError, UnicodeDecodeError."""
    text = value.value.decode("gb18030")
    if not text.isprintable():
        raise DERError("a name that cannot be shown")
    return element(_UTF8, text.encode())


def _extension(extension: Element) -> bytes:
    identifier, *critical, value = children(extension)
    inside = value.encoded
    if identifier.value == _BASIC_CONSTRAINTS and value.tag == OCTET_STRING:
        constraints = only_element(value.value, SEQUENCE)
        inside = element(OCTET_STRING, element(SEQUENCE, *_with_default(list(children(constraints)))))
    return element(SEQUENCE, identifier.encoded, *_with_default(critical), inside)


def _with_default(parts: list[Element]) -> list[bytes]:
    """Elements of which the first may be BOOLEAN DEFAULT FALSE: gone, or the one TRUE of DER (X.690 11.1, 11.5)."""
    if not parts or parts[0].tag != _BOOLEAN or len(parts[0].value) != 1:
        return [one.encoded for one in parts]
    first = [] if parts[0].value == _FALSE else [_TRUE]
    return [*first, *(one.encoded for one in parts[1:])]
