"""With what a CMS message is signed, and whether its signature fits.

It decides which identifiers are understood and what they mean (RFC 5754, RFC 4056, GM/T 0006; for SM3 and SM2 also what
helpers in the field write instead), and that algorithm, key and numbers fit each other (S20). It must not know what is
signed. SM2 is always over SM3(Z || message) with the fixed ID: a signature without Z is not even tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from certlogin.errors import Refusal
from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.der import SEQUENCE, DERError, Element, children, dotted, exactly, only_element, unsigned
from certlogin.pki.signature import (
    P256_ORDER,
    P384_ORDER,
    Algorithm,
    KeyMismatch,
    SignatureMalformed,
    SignatureMismatch,
    public_key,
    verify_signature,
)
from certlogin.pki.sm2 import SM2, from_der
from certlogin.records.certificate import KeyType


@dataclass(eq=False)
class CMSAlgorithm(Refusal):
    """A digest, a signature algorithm, or a pair of them, that is not accepted. `identifier` is dotted."""

    code: ClassVar[str] = "cms_algorithm"
    status: ClassVar[int] = 400
    problem: str
    identifier: str


class Digest(StrEnum):
    SHA256 = "256"
    SHA384 = "384"
    SHA512 = "512"
    SM3 = "SM3"

    def of(self, data: bytes) -> bytes:
        hashing = hashes.Hash(_HASHES[self])
        hashing.update(data)
        return hashing.finalize()


class Kind(StrEnum):
    RSA = "RS"
    RSA_PSS = "PS"
    ECDSA = "ES"
    SM2 = "SM2-"


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to sign."""

    kind: Kind
    digest: Digest
    #: Of PSS, in octets.
    salt: int = 0

    @property
    def name(self) -> str:
        """As `Algorithm` names it where it can: RS256, PS256, ES256, ES384, SM2-SM3. ES says nothing of the curve."""
        return f"{self.kind}{self.digest}"


def read_digest(algorithm: Element) -> Digest:
    """The digest that an AlgorithmIdentifier names. Raises CMSAlgorithm, DERError."""
    identifier, parameters = _parts(algorithm)
    if identifier not in _DIGESTS or parameters not in _ABSENT_OR_NULL:
        raise CMSAlgorithm("digest", identifier)
    return _DIGESTS[identifier]


def read_scheme(digest: Digest, algorithm: Element) -> Scheme:
    """What an AlgorithmIdentifier names as signature over this digest. Raises CMSAlgorithm, DERError."""
    identifier, parameters = _parts(algorithm)
    known = _SIGNATURES.get(identifier)
    if known is None:
        raise CMSAlgorithm("signature", identifier)
    if digest not in known.digests:
        raise CMSAlgorithm("pair", identifier)
    if known.kind is Kind.RSA_PSS:
        return Scheme(known.kind, digest, _read_salt(digest, parameters, identifier))
    if parameters not in known.parameters:
        raise CMSAlgorithm("parameters", identifier)
    return Scheme(known.kind, digest)


def verify_scheme(
    certificate: UnverifiedCertificate, scheme: Scheme, signed: bytes, signature: bytes, sm2: SM2 | None
) -> None:
    """Return only if `signature` fits.

    Raises KeyMismatch, CertificateUnreadable, SignatureMalformed, SignatureMismatch; SM2Unavailable without `sm2`.
    """
    if certificate.key.key_type not in _KEY_TYPES[scheme.kind]:
        raise KeyMismatch(scheme.name, certificate.key.key_type, certificate.key.bits)
    try:
        if scheme.kind is Kind.SM2:
            # In a message it is always DER (GM/T 0009 7.3); r || s is a form of its own.
            verify_signature(certificate, Algorithm.SM2, signed, from_der(signature), sm2)
        elif scheme.kind is Kind.ECDSA:
            order = _ORDERS[certificate.key.key_type]
            _verify_ecdsa(public_key(certificate), order, _HASHES[scheme.digest], signed, signature)
        else:
            _verify_rsa(public_key(certificate), scheme, signed, signature)
    except InvalidSignature:
        raise SignatureMismatch(scheme.name, certificate.sha256) from None
    except ValueError:
        raise SignatureMalformed(scheme.name, len(signature)) from None


def _verify_rsa(key: CertificatePublicKeyTypes, scheme: Scheme, signed: bytes, signature: bytes) -> None:
    if not isinstance(key, rsa.RSAPublicKey) or len(signature) != (key.key_size + 7) // 8:
        raise ValueError("length")
    digest = _HASHES[scheme.digest]
    how = padding.PSS(padding.MGF1(digest), scheme.salt) if scheme.kind is Kind.RSA_PSS else padding.PKCS1v15()
    key.verify(signature, signed, how, digest)


def _verify_ecdsa(
    key: CertificatePublicKeyTypes, order: int, digest: hashes.HashAlgorithm, signed: bytes, signature: bytes
) -> None:
    """SEQUENCE { r, s } in its one encoding, both numbers in range (RFC 5753 2.1.1)."""
    r, s = (unsigned(number) for number in exactly(only_element(signature, SEQUENCE), 2))
    if not isinstance(key, ec.EllipticCurvePublicKey) or not (1 <= r < order and 1 <= s < order):
        raise ValueError("range")
    key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(digest))


def _parts(algorithm: Element) -> tuple[str, bytes]:
    """Identifier, and the encoded parameters; nothing where there are none."""
    found = list(children(algorithm))
    if algorithm.tag != SEQUENCE or not 1 <= len(found) <= 2:
        raise DERError("no AlgorithmIdentifier")
    return dotted(found[0]), found[1].encoded if len(found) == 2 else b""


def _read_salt(digest: Digest, parameters: bytes, identifier: str) -> int:
    """The length of the salt in RSASSA-PSS-params (RFC 4055 3.1), which is then verified exactly.

    Nothing is left to a default, for those are SHA-1; and the same hash stands everywhere (RFC 4056 3).
    """
    found = exactly(only_element(parameters, SEQUENCE), 3)
    if [one.tag for one in found] != [0xA0, 0xA1, 0xA2]:
        raise CMSAlgorithm("parameters", identifier)
    hashing, masking, length = (exactly(one, 1)[0] for one in found)
    mask, mask_parameters = _parts(masking)
    salt = unsigned(length)
    if mask != _MGF1 or not _HASHES[digest].digest_size <= salt <= _SALT_MAX:
        raise CMSAlgorithm("parameters", identifier)
    if {read_digest(hashing), read_digest(only_element(mask_parameters, SEQUENCE))} != {digest}:
        raise CMSAlgorithm("pair", identifier)
    return salt


@dataclass(frozen=True, slots=True)
class _Known:
    kind: Kind
    digests: frozenset[Digest]
    #: Encoded; nothing means absent. Of PSS they are read instead.
    parameters: tuple[bytes, ...]


_ABSENT: Final = (b"",)
_ABSENT_OR_NULL: Final = (b"", bytes.fromhex("0500"))
_SHA2: Final = frozenset({Digest.SHA256, Digest.SHA384, Digest.SHA512})
_MGF1: Final = "1.2.840.113549.1.1.8"
#: Of an RSA key of 8192 bits, and more than any uses.
_SALT_MAX: Final = 1024

_HASHES: Final[Mapping[Digest, hashes.HashAlgorithm]] = MappingProxyType(
    {
        Digest.SHA256: hashes.SHA256(),
        Digest.SHA384: hashes.SHA384(),
        Digest.SHA512: hashes.SHA512(),
        Digest.SM3: hashes.SM3(),
    }
)
_DIGESTS: Final[Mapping[str, Digest]] = MappingProxyType(
    {
        "2.16.840.1.101.3.4.2.1": Digest.SHA256,
        "2.16.840.1.101.3.4.2.2": Digest.SHA384,
        "2.16.840.1.101.3.4.2.3": Digest.SHA512,
        "1.2.156.10197.1.401": Digest.SM3,
        # SM2 with SM3, where the digest alone was meant.
        "1.2.156.10197.1.501": Digest.SM3,
    }
)
_SM2: Final = _Known(Kind.SM2, frozenset({Digest.SM3}), _ABSENT_OR_NULL)
_SIGNATURES: Final[Mapping[str, _Known]] = MappingProxyType(
    {
        # RFC 5754 3.2: NULL; who reads must accept nothing as well.
        "1.2.840.113549.1.1.1": _Known(Kind.RSA, _SHA2, _ABSENT_OR_NULL),
        "1.2.840.113549.1.1.11": _Known(Kind.RSA, frozenset({Digest.SHA256}), _ABSENT_OR_NULL),
        "1.2.840.113549.1.1.12": _Known(Kind.RSA, frozenset({Digest.SHA384}), _ABSENT_OR_NULL),
        "1.2.840.113549.1.1.13": _Known(Kind.RSA, frozenset({Digest.SHA512}), _ABSENT_OR_NULL),
        "1.2.840.113549.1.1.10": _Known(Kind.RSA_PSS, _SHA2, ()),
        # RFC 5754 3.3: absent.
        "1.2.840.10045.4.3.2": _Known(Kind.ECDSA, frozenset({Digest.SHA256}), _ABSENT),
        "1.2.840.10045.4.3.3": _Known(Kind.ECDSA, frozenset({Digest.SHA384}), _ABSENT),
        "1.2.840.10045.4.3.4": _Known(Kind.ECDSA, frozenset({Digest.SHA512}), _ABSENT),
        # The curve, its signatures, and SM2 with SM3: all three are written for the last.
        "1.2.156.10197.1.301": _SM2,
        "1.2.156.10197.1.301.1": _SM2,
        "1.2.156.10197.1.501": _SM2,
    }
)
_KEY_TYPES: Final[Mapping[Kind, frozenset[KeyType]]] = MappingProxyType(
    {
        Kind.RSA: frozenset({KeyType.RSA}),
        Kind.RSA_PSS: frozenset({KeyType.RSA}),
        Kind.ECDSA: frozenset({KeyType.P256, KeyType.P384}),
        Kind.SM2: frozenset({KeyType.SM2}),
    }
)
_ORDERS: Final[Mapping[KeyType, int]] = MappingProxyType({KeyType.P256: P256_ORDER, KeyType.P384: P384_ORDER})
