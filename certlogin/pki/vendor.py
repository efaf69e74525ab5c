"""Signatures as vendors' helpers write them down: ECDSA and SM2 as r || s, or in DER.

It decides by length alone which of the two it is, and hands r || s on; whether that is a signature is judged there. It
must not know what is signed.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.der import SEQUENCE, DERError, exactly, only_element, unsigned
from certlogin.pki.jwa import JWA, verify_jwa
from certlogin.pki.signature import Algorithm, verify_signature
from certlogin.pki.sm2 import SM2

#: Octets of r and of s.
_SIZES: Final[Mapping[str, int]] = MappingProxyType(
    {JWA.ES256: 32, JWA.ES384: 48, JWA.ES512: 66, Algorithm.SM2: 32},
)


def verify_vendor_signature(
    certificate: UnverifiedCertificate, algorithm: Algorithm | JWA, signed: bytes, signature: bytes, sm2: SM2 | None
) -> None:
    """Return only if `signature` fits. Raises as `verify_signature`."""
    fixed = _fixed(signature, _SIZES.get(algorithm, 0))
    if isinstance(algorithm, JWA):
        verify_jwa(certificate, algorithm, signed, fixed)
    else:
        verify_signature(certificate, algorithm, signed, fixed, sm2)


def _fixed(signature: bytes, size: int) -> bytes:
    """r || s of that size each; what is neither stays as it is, and is malformed for whoever verifies it."""
    # Of that length DER has numbers that are shorter by several octets each: nobody meets one.
    if not size or len(signature) == 2 * size:
        return signature
    try:
        r, s = (unsigned(number) for number in exactly(only_element(signature, SEQUENCE), 2))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    except (DERError, OverflowError):
        return signature
