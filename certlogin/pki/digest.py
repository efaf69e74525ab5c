"""Which digest a signature algorithm uses."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from certlogin.records.certificate import SignatureDigest

_DIGESTS: Final[Mapping[str, SignatureDigest]] = MappingProxyType(
    {
        "1.2.840.113549.1.1.5": SignatureDigest.SHA1,
        "1.2.840.113549.1.1.11": SignatureDigest.SHA256,
        "1.2.840.113549.1.1.12": SignatureDigest.SHA384,
        "1.2.840.113549.1.1.13": SignatureDigest.SHA512,
        "1.2.840.10045.4.1": SignatureDigest.SHA1,
        "1.2.840.10045.4.3.2": SignatureDigest.SHA256,
        "1.2.840.10045.4.3.3": SignatureDigest.SHA384,
        "1.2.840.10045.4.3.4": SignatureDigest.SHA512,
        "1.2.156.10197.1.501": SignatureDigest.SM3,
    }
)


def digest_of(signature_algorithm: str) -> SignatureDigest | None:
    """By the dotted identifier; None: of no algorithm that is known."""
    return _DIGESTS.get(signature_algorithm)
