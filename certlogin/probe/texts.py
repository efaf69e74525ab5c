"""What a helper may have taken as the text: itself, what it decodes to, as a platform stores it, its digest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes

from certlogin.probe.readings import readings

#: What helpers hash with, the weak ones included.
DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    "SM3": hashes.SM3(),
    "SHA-256": hashes.SHA256(),
    "SHA-384": hashes.SHA384(),
    "SHA-512": hashes.SHA512(),
    "SHA-1": hashes.SHA1(),  # noqa: S303 to be recognised, never to be accepted
    "MD5": hashes.MD5(),  # noqa: S303
}
AS_GIVEN: Final = "the text as given"
NO_LINE_END: Final = "the text without the line end at its end"


@dataclass(frozen=True, slots=True)
class Text:
    octets: bytes
    name: str
    #: A digest of the text, so one that is signed as it is was named before.
    is_digest: bool = False


def texts(given: bytes) -> tuple[Text, ...]:
    """Every candidate once, the plainest name first."""
    found: dict[bytes, str] = {}
    for name, octets in _candidates(given):
        found.setdefault(octets, name)
    hashed = {digest(name, given.rstrip(b"\r\n")) for name in DIGESTS}
    return tuple(Text(octets, name, octets in hashed) for octets, name in found.items())


def digest(name: str, data: bytes) -> bytes:
    hashing = hashes.Hash(DIGESTS[name])
    hashing.update(data)
    return hashing.finalize()


def _candidates(given: bytes) -> Iterator[tuple[str, bytes]]:
    stripped = given.rstrip(b"\r\n")
    yield AS_GIVEN, given
    yield NO_LINE_END, stripped
    yield "the text with line ends CR LF", b"\r\n".join(given.splitlines(keepends=False))
    yield "the text with a line end LF behind it", stripped + b"\n"
    yield "the text with a line end CR LF behind it", stripped + b"\r\n"
    yield "the text with a zero octet behind it", stripped + b"\0"
    for decoded in readings(stripped)[1:]:
        yield f"the octets that the text stands for as {decoded.name}", decoded.octets
    yield from _other_characters(stripped)
    for name in DIGESTS:
        octets = digest(name, stripped)
        yield f"the {name} digest of the text (hashed twice)", octets
        yield f"the {name} digest of the text in hexadecimal", octets.hex().encode()
        yield f"the {name} digest of the text in upper-case hexadecimal", octets.hex().upper().encode()


def _other_characters(given: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        text = given.decode("utf-8")
    except UnicodeDecodeError:
        return
    yield "the text in UTF-16, little-endian", text.encode("utf-16-le")
    yield "the text in GB 18030", text.encode("gb18030")
