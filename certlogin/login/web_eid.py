"""Tokens of Web eID, formats web-eid:1.0 and 1.1: what they say, and whether the card signed our origin and nonce.

PURE. It decides form, signature, and whether the signing certificates of a 1.1 token belong to its owner. The login
certificate stays unverified: `pki/judge.py` judges it afterwards. A signing certificate never logs in.

The nonce of Web eID is base64 of 44 to 128 characters, and our challenge text is not. So the nonce is the base64 of
the challenge's SHA-256; the text travels beside the token, and the server derives the nonce from it again: whoever
finds another text for a nonce has broken SHA-256, and still lacks the MAC.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certlogin.errors import Refusal
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate, read_chain
from certlogin.pki.jwa import JWA, verify_jwa
from certlogin.pki.path import Trust, find_path
from certlogin.pki.profile import CertificateExpired, CertificateNotYetValid, check_validity
from certlogin.wire.b64 import decode_standard, encode_standard
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.json import JsonObject, exact_members, matching, object_list, read_object, text, text_list

#: Octets of the JSON text.
TOKEN_LIMIT: Final = 16 * 1024
#: RSA-8192.
_SIGNATURE_LIMIT: Final = 1024
#: `web-eid:<major>[.<minor>]`, a missing minor is 0; whether the token brings signing certificates.
_FORMATS: Final = {"web-eid:1": False, "web-eid:1.0": False, "web-eid:1.1": True}
_MEMBERS: Final = ("algorithm", "format", "signature", "unverifiedCertificate")
#: Only in 1.1: what signs documents, and CAs below the anchor. One of them is there.
_SIGNING: Final = "unverifiedSigningCertificates"
_CHAIN: Final = "unverifiedIntermediateCertificates"
_CHAIN_OF_SIGNING: Final = "intermediateCertificates"
_SUPPORTED: Final = "supportedSignatureAlgorithms"
_SIGNING_MAX: Final = 4
_SUPPORTED_MAX: Final = 64
_CHAIN_MAX: Final = 5
_DEPTH: Final = 5


@dataclass(eq=False)
class WebEidFormat(Refusal):
    """A format or version of token that is not known. The comparison is exact."""

    code: ClassVar[str] = "web_eid_format"
    status: ClassVar[int] = 400
    version: str


@dataclass(eq=False)
class WebEidSigningCertificate(Refusal):
    """A signing certificate does not belong to the card.

    `unreadable`; another `subject` or `issuer`; `validity`, `usage`; `path`: no trusted CA has issued it.
    """

    code: ClassVar[str] = "web_eid_signing_certificate"
    problem: str


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    #: DER, as all below.
    certificate: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    algorithm: JWA
    signature: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    #: Empty in 1.0, as the next.
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    signing_certificates: tuple[SigningCertificate, ...] = field(default=(), repr=False)


def nonce_of(challenge: str) -> str:
    """What Web eID is given to sign for a challenge of ours."""
    return encode_standard(hashlib.sha256(challenge.encode()).digest())


def read_token(data: bytes) -> UnverifiedToken:
    """Raises BadRequest, WebEidFormat."""
    value = read_object(data, TOKEN_LIMIT, _DEPTH)
    version = text(value, "format", 64)
    if version not in _FORMATS:
        raise WebEidFormat(version)
    exact_members(value, _MEMBERS, ("appVersion", _SIGNING, _CHAIN) if _FORMATS[version] else ("appVersion",))
    if _FORMATS[version] and _SIGNING not in value and _CHAIN not in value:
        raise BadRequest("missing_member", _SIGNING)
    if "appVersion" in value:
        # For the log of whoever asks why; nothing is decided by it.
        text(value, "appVersion", 256)
    return UnverifiedToken(
        algorithm=JWA(matching(value, "algorithm", "|".join(JWA))),
        signature=_octets(value, "signature", _SIGNATURE_LIMIT),
        certificate=_octets(value, "unverifiedCertificate", TOKEN_LIMIT),
        chain=_read_chain(value, _CHAIN),
        signing_certificates=_read_signing(value) if _SIGNING in value else (),
    )


def verify_token(token: UnverifiedToken, leaf: UnverifiedCertificate, origin: str, nonce: str) -> None:
    """Return only if the key of `leaf`, the token's certificate, has signed this origin and nonce.

    Raises the refusals of `verify_jwa`.
    """
    verify_jwa(leaf, token.algorithm, signed_octets(token.algorithm, origin, nonce), token.signature)


def check_signing_certificates(
    token: UnverifiedToken, leaf: UnverifiedCertificate, trust: Trust, now: datetime
) -> None:
    """That they are of the same person by the same CA, for signing, and valid. Raises WebEidSigningCertificate."""
    for entry in token.signing_certificates:
        try:
            signing, chain = read_certificate(entry.certificate), read_chain(entry.chain)
        except Refusal:
            raise WebEidSigningCertificate("unreadable") from None
        for problem, holds in _BELONGS.items():
            if not holds(signing, leaf, now):
                raise WebEidSigningCertificate(problem)
        _check_path(signing, chain, trust, now)


def signed_octets(algorithm: JWA, origin: str, nonce: str) -> bytes:
    """What the card signs with that algorithm: both hashes, so that neither can reach into the other."""
    return _digest(algorithm, origin) + _digest(algorithm, nonce)


def _digest(algorithm: JWA, content: str) -> bytes:
    hashing = hashes.Hash(algorithm.hash)
    hashing.update(content.encode())
    return hashing.finalize()


def _octets(value: JsonObject, member: str, limit: int) -> bytes:
    octets = decode_standard(text(value, member, (limit + 2) // 3 * 4), member)
    if len(octets) > limit:
        raise BadRequest("wrong_length", member)
    return octets


def _read_chain(value: JsonObject, member: str) -> tuple[bytes, ...]:
    """Absent, or not empty."""
    if member not in value:
        return ()
    texts = text_list(value, member, _CHAIN_MAX, TOKEN_LIMIT)
    if not texts:
        raise BadRequest("empty", member)
    return tuple(decode_standard(one, member) for one in texts)


def _read_signing(value: JsonObject) -> tuple[SigningCertificate, ...]:
    return tuple(_read_one(entry) for entry in _some(value, _SIGNING, _SIGNING_MAX))


def _read_one(entry: JsonObject) -> SigningCertificate:
    exact_members(entry, ("certificate", _SUPPORTED), (_CHAIN_OF_SIGNING,))
    for algorithm in _some(entry, _SUPPORTED, _SUPPORTED_MAX):
        exact_members(algorithm, ("cryptoAlgorithm", "hashFunction", "paddingScheme"))
        matching(algorithm, "cryptoAlgorithm", "ECC|RSA")
        matching(algorithm, "hashFunction", "SHA(?:-|3-)(?:224|256|384|512)")
        matching(algorithm, "paddingScheme", r"NONE|PKCS1\.5|PSS")
    return SigningCertificate(_octets(entry, "certificate", TOKEN_LIMIT), _read_chain(entry, _CHAIN_OF_SIGNING))


def _some(value: JsonObject, member: str, count: int) -> tuple[JsonObject, ...]:
    found = object_list(value, member, count)
    if not found:
        raise BadRequest("empty", member)
    return found


def _check_path(
    signing: UnverifiedCertificate, chain: Sequence[UnverifiedCertificate], trust: Trust, now: datetime
) -> None:
    """Its revocation is for whoever has something signed with it to ask."""
    try:
        find_path(signing, chain, trust, now)
    except Refusal:
        raise WebEidSigningCertificate("path") from None


def _same_subject(signing: UnverifiedCertificate, leaf: UnverifiedCertificate, _: datetime) -> bool:
    return _subject(signing) == _subject(leaf)


def _subject(certificate: UnverifiedCertificate) -> list[tuple[str, str]]:
    """Sorted: the two certificates of one card may have it in another order. Values are compared as they are."""
    return sorted((one.oid.dotted_string, str(one.value)) for one in certificate.x509.subject)


def _same_issuer(signing: UnverifiedCertificate, leaf: UnverifiedCertificate, _: datetime) -> bool:
    issuer = _authority_key(leaf)
    return issuer is not None and _authority_key(signing) == issuer


def _valid(signing: UnverifiedCertificate, _: UnverifiedCertificate, now: datetime) -> bool:
    try:
        check_validity(signing, now)
    except (CertificateExpired, CertificateNotYetValid):
        return False
    return True


def _for_signing(signing: UnverifiedCertificate, _: UnverifiedCertificate, __: datetime) -> bool:
    """nonRepudiation, by its later name."""
    usages = [one.value for one in signing.x509.extensions if isinstance(one.value, x509.KeyUsage)]
    return any(usage.content_commitment for usage in usages)


def _authority_key(certificate: UnverifiedCertificate) -> bytes | None:
    for extension in certificate.x509.extensions:
        if isinstance(extension.value, x509.AuthorityKeyIdentifier):
            return extension.value.key_identifier
    return None


_BELONGS: Final[dict[str, Callable[[UnverifiedCertificate, UnverifiedCertificate, datetime], bool]]] = {
    "subject": _same_subject,
    "issuer": _same_issuer,
    "validity": _valid,
    "usage": _for_signing,
}
