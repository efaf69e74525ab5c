"""Rewrites BER as DER (X.690) as far as producers of CMS use it: lengths of every form, OCTET STRINGs in pieces.

It decides only how the same elements are written; the order of what they hold stays, and so does every value. Depth and
work are bounded. It must not know what a message is.
"""

from typing import Final

from certlogin.pki.der import OCTET_STRING, DERError, TooDeep

_CONSTRUCTED: Final = 0x20
_INDEFINITE: Final = 0x80
_END: Final = b"\x00\x00"
_LONG_TAG: Final = 0x1F
_PIECES: Final = OCTET_STRING | _CONSTRUCTED
#: The other strings, which X.690 8.14 and 8.6 allow in pieces as well; nobody sends them so.
_STRINGS: Final = frozenset({0x03, 0x0C, 0x13, 0x14, 0x16, 0x1A, 0x1C, 0x1E})
_UNTIL_THE_END: Final = -1


def der_of(data: bytes, depth_max: int) -> bytes:
    """The same element in DER. Raises DERError, TooDeep."""
    element, end = _rewrite(data, 0, len(data), depth_max)
    if end != len(data):
        raise DERError("bytes after the end")
    return element


def element(tag: int, *values: bytes) -> bytes:
    """One element with a tag of one octet, in DER."""
    value = b"".join(values)
    if len(value) < 0x80:
        return bytes((tag, len(value))) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + value


def _rewrite(data: bytes, position: int, end: int, depth: int) -> tuple[bytes, int]:
    """The element at `position` in DER, and where it ends in `data`."""
    if depth == 0:
        raise TooDeep("nested too deeply")
    tag, length, start = _header(data, position, end)
    if not tag & _CONSTRUCTED:
        return element(tag, data[start : start + length]), start + length
    if tag & ~_CONSTRUCTED in _STRINGS:
        raise DERError("a string in pieces")
    if length == _UNTIL_THE_END:
        parts, after = _children(data, start, end, depth, until_zeros=True)
    else:
        parts, after = _children(data, start, start + length, depth, until_zeros=False)
    if tag == _PIECES:
        return element(OCTET_STRING, *(_value(part) for part in parts)), after
    return element(tag, *parts), after


def _children(data: bytes, position: int, end: int, depth: int, *, until_zeros: bool) -> tuple[list[bytes], int]:
    """What a constructed element holds, and where it ends: at `end`, or behind two octets of zero."""
    parts: list[bytes] = []
    while position < end:
        if until_zeros and data.startswith(_END, position):
            return parts, position + len(_END)
        part, position = _rewrite(data, position, end, depth - 1)
        parts.append(part)
    if until_zeros:
        raise DERError("an indefinite length does not end")
    return parts, end


def _header(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """Tag, length and where the value starts; the value lies within `end`."""
    if end - position < 2:
        raise DERError("an element is missing")
    tag, first, start = data[position], data[position + 1], position + 2
    if tag & ~_CONSTRUCTED == 0 or tag & _LONG_TAG == _LONG_TAG:
        raise DERError("a tag of several octets, or the end of another element")
    if first == _INDEFINITE and tag & _CONSTRUCTED:
        return tag, _UNTIL_THE_END, start
    length = first
    if first & 0x80:
        octets = data[start : start + (first & 0x7F)]
        length, start = int.from_bytes(octets, "big"), start + (first & 0x7F)
    if first == _INDEFINITE or length > end - start:
        raise DERError("an element is longer than what holds it")
    return tag, length, start


def _value(part: bytes) -> bytes:
    """The value of an OCTET STRING, which was rewritten before."""
    if part[0] != OCTET_STRING:
        raise DERError("pieces of another kind")
    _, length, start = _header(part, 0, len(part))
    return part[start : start + length]
