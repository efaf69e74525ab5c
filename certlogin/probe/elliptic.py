"""Signatures of two numbers, SM2 and ECDSA: in which form they are written, and what they are over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from certlogin.pki import ber
from certlogin.pki.der import INTEGER, SEQUENCE, DERError, children, exactly, only_element, unsigned
from certlogin.pki.sm2 import ORDER
from certlogin.probe.curve import signed_digest, sm3, z_of
from certlogin.probe.findings import DEFAULT_ID, Finding, Form
from certlogin.probe.keys import SM2PublicKey
from certlogin.probe.texts import DIGESTS, Text, digest

_DEPTH: Final = 4
_TURN: Final = "let the helper's driver write r || s before it hands the signature on"
#: What a login takes in a text's signature.
_RAW: Final = Form("r || s")
_DER: Final = Form("DER")
_ITSELF: Final = "none: the octets themselves are the digest"
_NO_Z: Final = "no Z"


@dataclass(frozen=True, slots=True)
class Numbers:
    form: Form
    r: int
    s: int


def numbers(octets: bytes, size: int) -> Iterator[Numbers]:
    """Every way to read two numbers of `size` octets out of a signature."""
    yield from _of_der(octets)
    if len(octets) == 2 * size:
        first, second = octets[:size], octets[size:]
        yield _two(_RAW, first, second)
        yield _two(Form("s || r", _TURN), second, first)
        yield _two(Form("r || s, each with its octets in reverse", _TURN), first[::-1], second[::-1])
        yield _two(Form("r || s, all octets in reverse", _TURN), octets[::-1][:size], octets[::-1][size:])
    if len(octets) == 128 and size < 64:
        yield _two(Form("ECCSIGNATUREBLOB of SKF (r and s in 64 octets each)", _TURN), octets[:64], octets[64:])


def of_sm2(
    key: SM2PublicKey, encoding: str, octets: bytes, candidates: Sequence[Text], identities: Sequence[bytes]
) -> Iterator[Finding]:
    for found in numbers(octets, 32):
        wanted = signed_digest(key.point, found.r, found.s)
        for text in candidates:
            for hashed, way, value in _sm2_digests(key, text, identities):
                if int.from_bytes(value, "big") % ORDER == wanted:
                    algorithm = "SM2-SM3" if way == user_id(DEFAULT_ID.encode()) else ""
                    yield Finding(encoding, found.form, text.name, hashed, way, algorithm)


def of_ecdsa(
    key: ec.EllipticCurvePublicKey, encoding: str, octets: bytes, candidates: Sequence[Text]
) -> Iterator[Finding]:
    for found in numbers(octets, (key.curve.key_size + 7) // 8):
        for text in candidates:
            for hashed, value in _digests(text):
                if _fits(key, found, value):
                    yield Finding(encoding, found.form, text.name, hashed, key.curve.name, _jose(key, hashed))


def unmatched_sm2(key: SM2PublicKey, octets: bytes) -> Iterator[str]:
    """The digest that a signature would be over: whatever the numbers are, there is one."""
    for found in numbers(octets, 32):
        wanted = signed_digest(key.point, found.r, found.s)
        if wanted is not None and found.form.name in (_RAW.name, "DER"):
            yield f"as {found.form.name}, it would be over the digest {wanted:064x}: compare it with the vendor's"


def user_id(identity: bytes) -> str:
    shown = identity.decode("utf-8", "backslashreplace")
    return f"with Z and the user id {shown}" if shown.isprintable() and shown else f"with Z and the user id {shown!a}"


def _of_der(octets: bytes) -> Iterator[Numbers]:
    try:
        r, s = (unsigned(number) for number in exactly(only_element(octets, SEQUENCE), 2))
        yield Numbers(_DER, r, s)
        return
    except DERError:
        pass
    try:
        found = list(children(only_element(ber.der_of(octets, _DEPTH), SEQUENCE)))
    except DERError:
        return
    if len(found) == 2 and all(one.tag == INTEGER for one in found):
        yield _two(Form("DER, with padded or negative numbers or in BER", _TURN), found[0].value, found[1].value)


def _two(form: Form, r: bytes, s: bytes) -> Numbers:
    return Numbers(form, int.from_bytes(r, "big"), int.from_bytes(s, "big"))


def _sm2_digests(key: SM2PublicKey, text: Text, identities: Sequence[bytes]) -> Iterator[tuple[str, str, bytes]]:
    for identity in identities:
        yield "SM3", user_id(identity), sm3(z_of(key.point, identity) + text.octets)
    for hashed, value in _digests(text):
        # Longer ones would have to be cut, which nobody does.
        if len(value) <= 32:
            yield hashed, _NO_Z, value


def _digests(text: Text) -> Iterator[tuple[str, bytes]]:
    for name in DIGESTS:
        yield name, digest(name, text.octets)
    if not text.is_digest and any(len(text.octets) == one.digest_size for one in DIGESTS.values()):
        yield _ITSELF, text.octets


def _fits(key: ec.EllipticCurvePublicKey, found: Numbers, value: bytes) -> bool:
    algorithm = next(one for one in DIGESTS.values() if one.digest_size == len(value))
    try:
        key.verify(encode_dss_signature(found.r, found.s), value, ec.ECDSA(Prehashed(algorithm)))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _jose(key: ec.EllipticCurvePublicKey, hashed: str) -> str:
    return {("secp256r1", "SHA-256"): "ES256", ("secp384r1", "SHA-384"): "ES384"}.get((key.curve.name, hashed), "")
