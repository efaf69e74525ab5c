"""CMS SignedData written octet by octet, so that every part can be wrong; and as the producers in the field write it.

    message = Message(leaf, b"text")                    # RFC 5652, attached, with attributes, by the leaf's kind of key
    replace(message, attached=False).der
    Message(leaf, b"text", **GM_STRICT).der             # SM2, identifiers of GM/T 0010

OpenSSL 3.0 signs none with SM2, so this is the only writer of those; RSA and ECDSA messages of this writer are
shown to `openssl cms -verify`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from certlogin.pki.sm2 import SM2Key
from tests.factory import Issued
from tests.factory_keys import sign_der
from tests.pki import raw, sm2_signed
from tests.pki import sm2_reference as reference
from tests.pki.raw import NULL, OCTET_STRING, OID, SEQUENCE, SET, integer, tlv

PKCS7_DATA: Final = "1.2.840.113549.1.7.1"
PKCS7_SIGNED: Final = "1.2.840.113549.1.7.2"
GM_DATA: Final = "1.2.156.10197.6.1.4.2.1"
GM_SIGNED: Final = "1.2.156.10197.6.1.4.2.2"
CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"

SHA1: Final = "1.3.14.3.2.26"
SHA256: Final = "2.16.840.1.101.3.4.2.1"
SHA384: Final = "2.16.840.1.101.3.4.2.2"
SHA512: Final = "2.16.840.1.101.3.4.2.3"
SM3: Final = "1.2.156.10197.1.401"
SM2_CURVE: Final = "1.2.156.10197.1.301"
SM2_SIGN: Final = "1.2.156.10197.1.301.1"
SM2_SM3: Final = "1.2.156.10197.1.501"
RSA: Final = "1.2.840.113549.1.1.1"
PSS: Final = "1.2.840.113549.1.1.10"
MGF1: Final = "1.2.840.113549.1.1.8"
SHA256_RSA: Final = "1.2.840.113549.1.1.11"
SHA384_RSA: Final = "1.2.840.113549.1.1.12"
SHA512_RSA: Final = "1.2.840.113549.1.1.13"
ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
ECDSA_SHA384: Final = "1.2.840.10045.4.3.3"
ECDSA_SHA512: Final = "1.2.840.10045.4.3.4"

WITH_NULL: Final = tlv(NULL)
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    SHA1: hashes.SHA1(),  # noqa: S303 to be refused
    SHA256: hashes.SHA256(),
    SHA384: hashes.SHA384(),
    SHA512: hashes.SHA512(),
}

Sign = Callable[[bytes], bytes]


def oid(dotted: str) -> bytes:
    return tlv(OID, raw.oid(dotted))


def algorithm(dotted: str, parameters: bytes = b"") -> bytes:
    return tlv(SEQUENCE, oid(dotted), parameters)


def attribute(dotted: str, *values: bytes) -> bytes:
    return tlv(SEQUENCE, oid(dotted), tlv(SET, *values))


def pss_parameters(digest: str = SHA256, mask: str = SHA256, salt: int = 32) -> bytes:
    generator = tlv(SEQUENCE, oid(MGF1), algorithm(mask))
    return tlv(SEQUENCE, tlv(0xA0, algorithm(digest)), tlv(0xA1, generator), tlv(0xA2, integer(salt)))


@dataclass(frozen=True)
class Message:
    signer: Issued
    content: bytes
    attached: bool = True
    outer: str = PKCS7_SIGNED
    inner: str = PKCS7_DATA
    #: Identifier of the digest: what fits the key. `listed` replaces the whole set of digestAlgorithms.
    digest: str = ""
    digest_parameters: bytes = b""
    listed: tuple[bytes, ...] | None = None
    #: Identifier of the signature: what fits the key.
    signature: str = ""
    signature_parameters: bytes = b""
    #: None: none at all. `more` stand behind contentType and messageDigest.
    attributes: tuple[bytes, ...] | None = None
    with_attributes: bool = True
    more: tuple[bytes, ...] = ()
    version: int = 1
    signer_version: int = 1
    #: Encoded; issuer and serial of the signer unless given.
    identifier: bytes = b""
    certificates: tuple[bytes, ...] | None = None
    #: Encoded elements between the certificates and the signers.
    lists: bytes = b""
    unsigned: bytes = b""
    #: How many times the one SignerInfo stands there.
    signers: int = 1
    #: Replaces the making of the signature.
    sign: Sign | None = None

    @property
    def der(self) -> bytes:
        certificates = (self.signer.der,) if self.certificates is None else self.certificates
        digests = self.listed if self.listed is not None else (self._digest_algorithm(),)
        signed_data = tlv(
            SEQUENCE, integer(self.version), tlv(SET, *digests), self._encapsulated(),
            tlv(0xA0, *certificates) if certificates else b"", self.lists,
            tlv(SET, *([self._signer()] * self.signers)),
        )  # fmt: skip
        return tlv(SEQUENCE, oid(self.outer), tlv(0xA0, signed_data))

    @property
    def sent_attributes(self) -> tuple[bytes, ...]:
        if self.attributes is not None:
            return self.attributes
        return (
            attribute(CONTENT_TYPE, oid(self.inner)),
            attribute(MESSAGE_DIGEST, tlv(OCTET_STRING, self._hash(self.content))),
            *self.more,
        )

    @property
    def signed_attributes(self) -> bytes:
        """As they are signed."""
        return tlv(SET, *sorted(self.sent_attributes))

    def _encapsulated(self) -> bytes:
        content = tlv(0xA0, tlv(OCTET_STRING, self.content)) if self.attached else b""
        return tlv(SEQUENCE, oid(self.inner), content)

    def _signer(self) -> bytes:
        sign = self.sign or self._sign
        value = sign(self.signed_attributes if self.with_attributes else self.content)
        identifier = self.identifier or issuer_and_serial(self.signer)
        return tlv(
            SEQUENCE, integer(self.signer_version), identifier, self._digest_algorithm(),
            tlv(0xA0, *self.sent_attributes) if self.with_attributes else b"",
            algorithm(self._signature_identifier(), self.signature_parameters), tlv(OCTET_STRING, value), self.unsigned,
        )  # fmt: skip

    def _is_sm2(self) -> bool:
        return isinstance(self.signer.key, SM2Key)

    def _digest_identifier(self) -> str:
        return self.digest or (SM3 if self._is_sm2() else SHA256)

    def _signature_identifier(self) -> str:
        fitting = SM2_SM3 if self._is_sm2() else RSA if isinstance(self.signer.key, rsa.RSAPrivateKey) else ECDSA_SHA256
        return self.signature or fitting

    def _digest_algorithm(self) -> bytes:
        return algorithm(self._digest_identifier(), self.digest_parameters)

    def _hash(self, data: bytes) -> bytes:
        found = _HASHES.get(self._digest_identifier())
        if found is None:
            return reference.sm3(data)
        hashing = hashes.Hash(found)
        hashing.update(data)
        return hashing.finalize()

    def _sign(self, signed: bytes) -> bytes:
        if isinstance(self.signer.key, SM2Key):
            return sm2_signed.usual(int.from_bytes(self.signer.key.d, "big"), signed)
        return sign_der(self.signer.key, signed, _HASHES.get(self._digest_identifier()))


def issuer_and_serial(issued: Issued) -> bytes:
    return tlv(SEQUENCE, issued.certificate.issuer.public_bytes(), integer(issued.serial))


def by_pss(issued: Issued, digest: hashes.HashAlgorithm, salt: int) -> Sign:
    key = issued.key
    assert isinstance(key, rsa.RSAPrivateKey)
    return lambda signed: key.sign(signed, padding.PSS(padding.MGF1(digest), salt), digest)


def pieces(content: bytes, size: int = 5) -> bytes:
    """A constructed OCTET STRING of indefinite length, in BER."""
    parts = b"".join(tlv(OCTET_STRING, content[at : at + size]) for at in range(0, len(content), size))
    return b"\x24\x80" + parts + b"\x00\x00"


def indefinite(element: bytes, depth: int = 99) -> bytes:
    """The element with constructed lengths indefinite, and OCTET STRINGs in pieces, down to `depth`."""
    if depth == 0 or not element[0] & 0x20:
        return pieces(raw.content(element)) if depth and element[0] == OCTET_STRING else element
    return element[:1] + b"\x80" + b"".join(indefinite(part, depth - 1) for part in raw.parts(element)) + b"\x00\x00"


_GM: Final[dict[str, Any]] = {"outer": GM_SIGNED, "inner": GM_DATA, "digest": SM3}
#: GB/T 35275 to the letter, with attributes and without.
GM_STRICT: Final[dict[str, Any]] = _GM | {"signature": SM2_SIGN}
GM_STRICT_BARE: Final[dict[str, Any]] = GM_STRICT | {"with_attributes": False}
#: CFCA SADK: NULL everywhere and no attributes.
CFCA: Final[dict[str, Any]] = GM_STRICT_BARE | {"digest_parameters": WITH_NULL, "signature_parameters": WITH_NULL}
#: The pkcs7 package of gmsm, which sends its attributes in the order it made them.
GMSM: Final[dict[str, Any]] = GM_STRICT | {"more": (attribute(SIGNING_TIME, tlv(0x17, b"260302080000Z")),)}
#: BouncyCastle and OpenSSL: PKCS #7 identifiers.
BOUNCY_CASTLE: Final[dict[str, Any]] = {"digest": SM3, "signature": SM2_SM3}
#: Some vendors: PKCS #7 inside GM/T 0010, the identifier of the signature as digest, that of the curve as signature.
MIXED: Final[dict[str, Any]] = {"outer": GM_SIGNED, "inner": PKCS7_DATA, "digest": SM2_SM3, "signature": SM2_CURVE}
MIXED_BACK: Final[dict[str, Any]] = {"outer": PKCS7_SIGNED, "inner": GM_DATA, "digest": SM3, "signature": SM2_SIGN}

PRODUCERS: Final = {
    "GB/T 35275": GM_STRICT,
    "GB/T 35275, no attributes": GM_STRICT_BARE,
    "CFCA": CFCA,
    "gmsm": GMSM,
    "BouncyCastle": BOUNCY_CASTLE,
    "mixed": MIXED,
    "mixed the other way": MIXED_BACK,
    "listed as .501": GM_STRICT | {"listed": (algorithm(SM2_SM3),)},
}


def gmssl(leaf: Issued, content: bytes) -> bytes:
    """GmSSL 3: plain SM3 without Z, over the headers, the content and the attributes behind one another."""
    assert isinstance(leaf.key, SM2Key)
    message = Message(leaf, content, outer=GM_SIGNED, inner=GM_DATA)
    header = message._encapsulated()[: -len(tlv(OCTET_STRING, content))]
    signed = header + tlv(OCTET_STRING, content) + b"".join(message.sent_attributes)
    return replace(message, sign=lambda _: without_z(leaf, signed)).der


def without_z(leaf: Issued, signed: bytes) -> bytes:
    assert isinstance(leaf.key, SM2Key)
    return sm2_signed.without_z(int.from_bytes(leaf.key.d, "big"), signed)
