"""The octets that a pasted text may stand for: itself, hexadecimal, base64 of both alphabets, PEM, one in another."""

import binascii
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_HEX: Final = re.compile(rb"(?:0[xX])?((?:[0-9a-fA-F]{2})+)")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")
_PEM: Final = re.compile(rb"-----BEGIN [A-Z0-9 ]+-----(.+?)-----END [A-Z0-9 ]+-----", re.DOTALL)
#: Hexadecimal of base64, and the like: more than that nobody does by mistake.
_LAYERS: Final = 2


@dataclass(frozen=True, slots=True)
class Reading:
    octets: bytes
    #: Outermost first: `base64`, `base64 of hexadecimal`; empty: as they stand.
    layers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return " of ".join(self.layers) or "octets as they stand"


def readings(data: bytes) -> tuple[Reading, ...]:
    """What `data` may stand for, as it stands first; each sequence of octets once."""
    found = [Reading(data)]
    for reading in found:
        if len(reading.layers) < _LAYERS:
            known = {one.octets for one in found}
            found.extend(Reading(octets, (*reading.layers, name)) for name, octets in _decoded(reading.octets)
                         if octets not in known)  # fmt: skip
    return tuple(found)


def _decoded(data: bytes) -> Iterator[tuple[str, bytes]]:
    plain = b"".join(data.split())
    digits = _HEX.fullmatch(plain.replace(b":", b""))
    if digits:
        yield "hexadecimal", bytes.fromhex(digits[1].decode("ascii"))
    armoured = _PEM.search(data)
    octets = _base64(b"".join(armoured[1].split()) if armoured else plain)
    if octets:
        yield "PEM" if armoured else "base64", octets


def _base64(text: bytes) -> bytes | None:
    """With or without the padding, in either alphabet."""
    if not _BASE64.fullmatch(text):
        return None
    digits = text.rstrip(b"=").translate(bytes.maketrans(b"+/", b"-_"))
    try:
        return urlsafe_b64decode(digits + b"=" * (-len(digits) % 4))
    except binascii.Error:
        return None
