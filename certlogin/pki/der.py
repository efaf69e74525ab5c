"""Reads the outline of DER without recursion, so that nested or lying lengths cost bounded work.

It decides only whether bytes are well-formed DER within a depth, and where elements lie. It must not know what a
certificate is, and it never decodes a value beyond INTEGER, BIT STRING and OBJECT IDENTIFIER.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31

#: The longest identifiers in use have half of it.
_IDENTIFIER_MAX: Final = 32
_CONSTRUCTED: Final = 0x20
_LONG_TAG: Final = 0x1F


class DERError(ValueError):
    """Not DER. Its callers turn it into a refusal of their own."""


class TooDeep(DERError):
    """Nested beyond the depth that was allowed."""


class Element(NamedTuple):
    """Where one element lies in `data`: tag octet, value from `start` to `end`, header from `header`."""

    data: bytes
    tag: int
    header: int
    start: int
    end: int

    @property
    def value(self) -> bytes:
        return self.data[self.start : self.end]

    @property
    def encoded(self) -> bytes:
        """Header and value."""
        return self.data[self.header : self.end]


def read_element(data: bytes, position: int, end: int) -> Element:
    """The element that starts at `position` and must not pass `end`. Raises DERError."""
    return Element(data, *_header(data, position, end))


def only_element(data: bytes, tag: int) -> Element:
    """The element that is the whole of `data`. Raises DERError on another tag or trailing bytes."""
    element = read_element(data, 0, len(data))
    if element.tag != tag or not _is_all_of(element, data):
        raise DERError("not exactly one element of the expected kind")
    return element


def children(parent: Element) -> Iterator[Element]:
    """The elements inside a constructed element, in order. Raises DERError."""
    position = parent.start
    while position < parent.end:
        child = read_element(parent.data, position, parent.end)
        yield child
        position = child.end


def exactly(parent: Element, count: int) -> list[Element]:
    """The elements inside, if they are so many. Raises DERError."""
    found = list(children(parent))
    if len(found) != count:
        raise DERError(f"not exactly {count} elements")
    return found


def check_outline(data: bytes, depth_max: int) -> Element:
    """Walk everything once and return the outermost element. Raises DERError, TooDeep.

    What lies inside OCTET STRING and BIT STRING is a value here: extensions are bounded by the same total size.
    """
    outermost = read_element(data, 0, len(data))
    if not _is_all_of(outermost, data):
        raise DERError("bytes after the end")
    # Where the constructed elements end that hold the place looked at: as many as it is deep.
    ends, position = [outermost.end], outermost.header
    while ends:
        tag, _, start, end = _header(data, position, ends[-1])
        if len(ends) > depth_max:
            raise TooDeep("nested too deeply")
        position = end
        if tag & _CONSTRUCTED:
            position = start
            ends.append(end)
        while ends and position == ends[-1]:
            ends.pop()
    return outermost


def unsigned(element: Element) -> int:
    """A positive or zero INTEGER in its shortest form. Raises DERError."""
    _check_number(element)
    return int.from_bytes(element.value, "big")


def _check_number(element: Element) -> None:
    value = element.value
    if element.tag != INTEGER or not value or value[0] & 0x80:
        raise DERError("not a non-negative INTEGER")
    # X.690 8.3.2: the first nine bits are not all zero.
    if len(value) > 1 and value[0] == 0 and not value[1] & 0x80:
        raise DERError("an INTEGER is padded")


def whole_bits(element: Element) -> bytes:
    """The octets of a BIT STRING without unused bits. Raises DERError."""
    value = element.value
    if element.tag != BIT_STRING or not value or value[0] != 0:
        raise DERError("not a BIT STRING of whole octets")
    return value[1:]


def _header(data: bytes, position: int, end: int) -> tuple[int, int, int, int]:
    """Of the element at `position`: tag octet, `position`, and where its value starts and ends."""
    tag, length_at = _read_tag(data, position, end)
    length, start = _read_length(data, length_at, end)
    _check_inside(length, end - start)
    return tag, position, start, start + length


def _is_all_of(element: Element, data: bytes) -> bool:
    return element.end == len(data)


def _check_inside(length: int, room: int) -> None:
    if length > room:
        raise DERError("an element is longer than what holds it")


def _read_tag(data: bytes, position: int, end: int) -> tuple[int, int]:
    if position >= end:
        raise DERError("an element is missing")
    tag = data[position]
    # No certificate, request or revocation list has a tag number above 30.
    if tag & _LONG_TAG == _LONG_TAG:
        raise DERError("a tag of several octets")
    return tag, position + 1


def _read_length(data: bytes, position: int, end: int) -> tuple[int, int]:
    if position >= end:
        raise DERError("a length is missing")
    first = data[position]
    if first < 0x80:
        return first, position + 1
    start = position + 1 + (first & 0x7F)
    length = int.from_bytes(data[position + 1 : start], "big")
    _check_shortest(length, data[position + 1 : position + 2])
    return length, start


def _check_shortest(length: int, first: bytes) -> None:
    # X.690 10.1: definite and in the shortest form. An indefinite length (0x80) reads as zero here.
    if length < 0x80 or first == b"\x00":
        raise DERError("a length is not in its shortest form")


def dotted(identifier: Element) -> str:
    """An OBJECT IDENTIFIER as numbers with dots. Raises DERError on another element, or a second way to write one."""
    value = identifier.value
    # X.690 8.19.2: the last octet of a number has no high bit, the first one is not empty.
    if identifier.tag != OBJECT_IDENTIFIER or not 0 < len(value) <= _IDENTIFIER_MAX or value[-1] & 0x80:
        raise DERError("not an OBJECT IDENTIFIER")
    numbers = [0]
    begins = True
    for octet in value:
        if begins and octet == 0x80:
            raise DERError("a number of an OBJECT IDENTIFIER is padded")
        numbers[-1] = numbers[-1] << 7 | octet & 0x7F
        begins = not octet & 0x80
        if begins:
            numbers.append(0)
    first = min(numbers[0] // 40, 2)
    return ".".join(str(number) for number in (first, numbers[0] - 40 * first, *numbers[1:-1]))
