"""Serial numbers with their dates of revocation, so small that a million of them fits into each worker.

It decides whether a number is among them. It must not know whose list they are from or what an entry's extensions mean:
entries that are not of the usual shapes are handed back.

A number is kept in 24 octets: 19 of its 20 (RFC 5280 4.1.2.2) and its date; the last octet says in which of 256 sorted
stretches it lies. Lists are taken in pieces, with a pause after each in which other threads may run.
"""

import re
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Final

from certlogin.pki.der import Element, read_element

_HEAD: Final = 19
_DATE: Final = 5
_RECORD: Final = _HEAD + _DATE
#: What has more octets is no serial number that `certificate.py` lets in.
_END: Final = 1 << 8 * (_HEAD + 1)
_LAST: Final = tuple(bytes((octet,)) for octet in range(256))
#: Entries that one match takes.
_PIECE: Final = 512

#: RFC 5280 4.1.2.5.1.
_FIRST: Final = datetime(1950, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
#: UTCTime of a day that exists in every year; the others are unusual enough to be read by somebody else.
_DAY: Final = (
    rb"(?:(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)|02(?:0[1-9]|1[0-9]|2[0-8]))"
)
_UTC_TIME: Final = rb"\x17\x0d[0-9]{2}" + _DAY + rb"(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z"
#: RFC 5280 5.3.1, without the reason removeFromCRL, and 5.3.2; none of them critical.
_REASON: Final = rb"\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01[\x00-\x06\x09\x0a]"
_INVALIDITY: Final = rb"\x30\x18\x06\x03\x55\x1d\x18\x04\x11\x18\x0f[0-9]{14}Z"
#: Size and shape of an entry's extensions.
_EXTENSIONS: Final = (
    (0, b""),
    (14, rb"\x30\x0c" + _REASON),
    (40, rb"\x30\x26" + _REASON + _INVALIDITY),
    (28, rb"\x30\x1a" + _INVALIDITY),
)


#: Called between pieces of long work; it may let other threads run.
Pause = Callable[[], None]


def no_pause() -> None:
    """Nobody is waiting."""


@dataclass(frozen=True, slots=True, eq=False)
class SerialIndex(Mapping[int, datetime]):
    """Read-only; threads share it."""

    _records: bytes = field(repr=False)
    #: Where the stretch of each last octet begins, in records, and the end.
    _starts: "array[int]" = field(repr=False)

    def __contains__(self, serial: object) -> bool:
        return isinstance(serial, int) and self._place(serial) is not None

    def __getitem__(self, serial: int) -> datetime:
        place = self._place(serial)
        if place is None:
            raise KeyError(serial)
        at = place * _RECORD
        return _read_date(self._records[at + _HEAD : at + _RECORD])

    def __iter__(self) -> Iterator[int]:
        for last in range(256):
            for place in range(self._starts[last], self._starts[last + 1]):
                yield int.from_bytes(self._head(place) + _LAST[last], "big")

    def __len__(self) -> int:
        return self._starts[-1]

    def _place(self, serial: int) -> int | None:
        if not 0 <= serial < _END:
            return None
        octets = serial.to_bytes(_HEAD + 1, "big")
        head, last, records = octets[:_HEAD], octets[_HEAD], self._records
        low, high = self._starts[last], self._starts[last + 1]
        # Not by `bisect`: calling its key would cost more than all the rest.
        while low < high:
            middle = (low + high) // 2
            found = records[middle * _RECORD : middle * _RECORD + _HEAD]
            if found == head:
                return middle
            if found < head:
                low = middle + 1
            else:
                high = middle
        return None

    def _head(self, place: int) -> bytes:
        at = place * _RECORD
        return self._records[at : at + _HEAD]


class SerialsBuilder:
    """Takes the entries of one list and gives their index."""

    def __init__(self, pause: Pause = no_pause) -> None:
        self._pause = pause
        # Before the rest, which is given back: what is made behind it would keep its memory from the system.
        self._starts = array("I", bytes(4 * (len(_LAST) + 1)))
        self._stretches: dict[bytes, bytearray] = {last: bytearray() for last in _LAST}

    def take(self, entries: Element) -> list[bytes]:
        """The usual entries of a revokedCertificates; returns the others as they are. Raises DERError."""
        others = []
        add = {last: stretch.extend for last, stretch in self._stretches.items()}
        place = entries.start
        while place < entries.end:
            usual = _usual().match(entries.data, place, entries.end)
            if usual is None:
                other = read_element(entries.data, place, entries.end)
                others.append(other.encoded)
                place = other.end
            else:
                for head, last, date in _parts().findall(entries.data, place, usual.end()):
                    add[last](head.rjust(_HEAD, b"\0") + int(date).to_bytes(_DATE, "big"))
                place = usual.end()
                self._pause()
        return others

    def add(self, serial: int, date: datetime) -> None:
        """One entry. A number that no certificate has is left out."""
        if 0 <= serial < _END:
            octets = serial.to_bytes(_HEAD + 1, "big")
            self._stretches[octets[_HEAD:]].extend(octets[:_HEAD] + _written(date))

    def build(self) -> SerialIndex:
        records, starts = [], self._starts
        for number, last in enumerate(_LAST):
            # Text is compared faster than octets.
            text = self._stretches.pop(last).decode("latin-1")
            stretch = sorted(text[at : at + _RECORD] for at in range(0, len(text), _RECORD))
            starts[number + 1] = starts[number] + len(stretch)
            records.append("".join(stretch).encode("latin-1"))
            self._pause()
        return SerialIndex(b"".join(records), starts)


@cache
def _usual() -> "re.Pattern[bytes]":
    """Entries of usual shape, one after the other, with all their lengths. Made once, when the first list is read."""
    entries = (
        rb"\x30%b\x02%b%b%b%b" % (_octet(2 + width + 15 + size), _octet(width), _number(width), _UTC_TIME, extensions)
        for size, extensions in _EXTENSIONS
        for width in range(_HEAD + 1, 0, -1)
    )
    return re.compile(b"(?:%b){1,%d}+" % (b"|".join(entries), _PIECE), re.DOTALL)


@cache
def _parts() -> "re.Pattern[bytes]":
    """Number without its last octet, that octet, and the date, of what `_usual` has matched.

    The third octet tells extensions (0x30) from the next entry (0x02).
    """
    heads = b"|".join(rb"(?<=%b).{%d}" % (_octet(width), width - 1) for width in range(_HEAD + 1, 0, -1))
    extensions = b"|".join(rb"%b\x30.{%d}" % (_octet(size - 2), size - 3) for size, _ in _EXTENSIONS if size)
    return re.compile(rb"\x30.\x02.(%b)(.)\x17\x0d(.{12})Z(?:\x30(?:%b))?" % (heads, extensions), re.DOTALL)


def _number(width: int) -> bytes:
    """An INTEGER of so many octets in its shortest form, not negative (X.690 8.3.2)."""
    return rb"(?:[\x01-\x7f].|\x00[\x80-\xff]).{%d}" % (width - 2) if width > 1 else rb"[\x00-\x7f]"


def _octet(number: int) -> bytes:
    return rb"\x%02x" % number


def _written(date: datetime) -> bytes:
    """As the decimal digits of UTCTime. What lies outside its years, 1950 to 2049, is kept as the nearest of them."""
    nearest = min(max(date.astimezone(UTC), _FIRST), _LATEST)
    return int(nearest.strftime("%y%m%d%H%M%S")).to_bytes(_DATE, "big")


def _read_date(octets: bytes) -> datetime:
    digits = f"{int.from_bytes(octets, 'big'):012d}"
    century = "19" if digits >= "50" else "20"
    return datetime.strptime(century + digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
