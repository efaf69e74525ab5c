"""RSA signatures: the octets in reverse or not, what the padding holds, and PSS."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from certlogin.pki.ber import element
from certlogin.pki.der import OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE
from certlogin.probe.findings import Finding, Form
from certlogin.probe.texts import DIGESTS, Text, digest

_NULL: Final = b"\x05\x00"
_PLAIN: Final = Form("the octets of the number")
_REVERSED: Final = Form(
    "the octets of the number in reverse, as CryptoAPI gives them",
    "let the helper's driver reverse the octets before it hands the signature on",
)
#: Contents of the OBJECT IDENTIFIERs.
_IDENTIFIERS: Final = {
    "SM3": "2a811ccf55018311",
    "SHA-256": "608648016503040201",
    "SHA-384": "608648016503040202",
    "SHA-512": "608648016503040203",
    "SHA-1": "2b0e03021a",
    "MD5": "2a864886f70d0205",
}
_JOSE: Final = {"SHA-256": "256", "SHA-384": "384", "SHA-512": "512"}


@dataclass(frozen=True, slots=True)
class _Held:
    """What a PKCS#1 padding may hold of one text."""

    octets: bytes
    digest: str
    way: str
    algorithm: str = ""


def of_rsa(key: rsa.RSAPublicKey, encoding: str, octets: bytes, candidates: Sequence[Text]) -> Iterator[Finding]:
    for form, number in _forms(key, octets):
        inside = _opened(key, number)
        for text in candidates:
            ways = _pss(key, number, text.octets) if inside is None else _held(text, inside)
            for held in ways:
                yield Finding(encoding, form, text.name, held.digest, held.way, held.algorithm)


def unmatched_rsa(key: rsa.RSAPublicKey, octets: bytes) -> Iterator[str]:
    """That the signature is this key's, if its padding opens; and over which digest."""
    for form, number in _forms(key, octets):
        inside = _opened(key, number)
        if inside is not None:
            name = next((one for one in DIGESTS if inside.startswith(_prefix(one, len(inside)))), "no known")
            yield f"this key made it ({form.name}), over another text: {name} digest, {inside.hex()} in the padding"


def _forms(key: rsa.RSAPublicKey, octets: bytes) -> tuple[tuple[Form, bytes], ...]:
    right = len(octets) == (key.key_size + 7) // 8
    return ((_PLAIN, octets), (_REVERSED, octets[::-1])) if right else ()


def _opened(key: rsa.RSAPublicKey, octets: bytes) -> bytes | None:
    """What the padding of PKCS#1 v1.5 (RFC 8017 9.2) holds; None without such a padding."""
    public, number = key.public_numbers(), int.from_bytes(octets, "big")
    block = pow(number, public.e, public.n).to_bytes(len(octets), "big")
    filled, _, inside = block[2:].partition(b"\x00")
    return inside if block[:2] == b"\x00\x01" and len(filled) >= 8 and not filled.strip(b"\xff") else None


def _held(text: Text, inside: bytes) -> Iterator[_Held]:
    for name in DIGESTS:
        value = digest(name, text.octets)
        algorithm = f"RS{_JOSE[name]}" if name in _JOSE else ""
        for held in (
            _Held(_digest_info(name, value, _NULL), name, "PKCS#1 v1.5", algorithm),
            _Held(_digest_info(name, value, b""), name, "PKCS#1 v1.5 without the NULL of the DigestInfo"),
            _Held(value, name, "PKCS#1 v1.5 without DigestInfo"),
        ):
            if held.octets == inside:
                yield held
    if text.octets == inside and not text.is_digest:
        yield _Held(inside, "none", "PKCS#1 v1.5 around the text itself")


def _pss(key: rsa.RSAPublicKey, signature: bytes, octets: bytes) -> Iterator[_Held]:
    for name, hashing in DIGESTS.items():
        for mask in (hashing, hashes.SHA1()):  # noqa: S303 the default of many libraries
            for salt in (hashing.digest_size, padding.PSS.AUTO):
                if _fits(key, signature, octets, padding.PSS(padding.MGF1(mask), salt), hashing):
                    usual = mask is hashing and salt == hashing.digest_size
                    length = f"a salt of {hashing.digest_size} octets" if usual else "another salt or mask"
                    yield _Held(b"", name, f"PSS with {length}", f"PS{_JOSE[name]}" if usual and name in _JOSE else "")
                    return


def _fits(
    key: rsa.RSAPublicKey, signature: bytes, octets: bytes, how: padding.PSS, hashing: hashes.HashAlgorithm
) -> bool:
    try:
        key.verify(signature, octets, how, hashing)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _digest_info(name: str, value: bytes, parameters: bytes) -> bytes:
    algorithm = element(SEQUENCE, element(OBJECT_IDENTIFIER, bytes.fromhex(_IDENTIFIERS[name])), parameters)
    return element(SEQUENCE, algorithm, element(OCTET_STRING, value))


def _prefix(name: str, length: int) -> bytes:
    value = bytes(DIGESTS[name].digest_size)
    whole = _digest_info(name, value, _NULL)
    return whole[: -len(value)] if len(whole) == length else b"\xff"
