"""The signature of an authority over a list, an answer or a certificate, whatever its key is.

It decides whether exactly this key signed exactly these octets, with an algorithm of the profile. It must not know what
the octets mean.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256, sha384, sha512
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from certlogin.pki.ber import element
from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.der import SEQUENCE, Element, children, dotted, whole_bits
from certlogin.pki.sm2 import SM2, verify_signed
from certlogin.records.certificate import KeyType

_NULL: Final = bytes.fromhex("0500")
#: What hashes lists of many megabytes without keeping other threads waiting, and its name for the verification.
_Hash = tuple[Callable[[Any], Any], hashes.HashAlgorithm]
_SHA256: Final[_Hash] = (sha256, hashes.SHA256())
_SHA384: Final[_Hash] = (sha384, hashes.SHA384())
_SHA512: Final[_Hash] = (sha512, hashes.SHA512())
_RSA: Final[Mapping[str, _Hash]] = {
    "1.2.840.113549.1.1.11": _SHA256,
    "1.2.840.113549.1.1.12": _SHA384,
    "1.2.840.113549.1.1.13": _SHA512,
}
_ECDSA: Final[Mapping[str, _Hash]] = {
    "1.2.840.10045.4.3.2": _SHA256,
    "1.2.840.10045.4.3.3": _SHA384,
    "1.2.840.10045.4.3.4": _SHA512,
}


def check_signed(
    signed: Element, algorithm: Element, signature: Element, authority: UnverifiedCertificate, sm2: SM2 | None
) -> None:
    """Return only if the key of `authority` signed it.

    Raises InvalidSignature; ValueError: another form, key or algorithm, or SM2 without `sm2`; SM2Unavailable.
    """
    if authority.key.key_type is KeyType.SM2:
        if sm2 is None:
            raise ValueError("SM2 is not available")
        verify_signed(authority.spki, element(SEQUENCE, signed.encoded, algorithm.encoded, signature.encoded), sm2)
        return
    # Of a kind that `read_key` has let in.
    key: Any = authority.x509.public_key()
    is_rsa = authority.key.key_type is KeyType.RSA
    compute, digest = _hash_of(algorithm, _RSA if is_rsa else _ECDSA)
    value = compute(memoryview(signed.data)[signed.header : signed.end]).digest()
    if is_rsa:
        key.verify(whole_bits(signature), value, padding.PKCS1v15(), Prehashed(digest))
    else:
        key.verify(whole_bits(signature), value, ec.ECDSA(Prehashed(digest)))


def _hash_of(algorithm: Element, known: Mapping[str, _Hash]) -> _Hash:
    """Parameters: NULL beside RSA (RFC 4055 5, where some leave it out), none beside ECDSA (RFC 5758 3.2)."""
    identifier, *parameters = children(algorithm)
    found = known.get(dotted(identifier))
    allowed: tuple[list[bytes], ...] = ([], [_NULL]) if known is _RSA else ([],)
    if found is None or [one.encoded for one in parameters] not in allowed:
        raise ValueError("no signature algorithm of this key")
    return found
