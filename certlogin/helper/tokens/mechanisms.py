"""Which mechanism of a PKCS#11 module computes an algorithm, and what it is given.

The module hashes where it can; else the digest is computed here, over octets that the helper built (1). There is no row
for SM2: an SM2 key behind CKM_ECDSA would make an ECDSA signature, not one of SM2.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from hashlib import sha256, sha384
from types import MappingProxyType
from typing import Any, Final

from pkcs11 import MGF, Mechanism

from certlogin.helper.tokens.base import KeyKind

#: RFC 8017, 9.2, note 1: DigestInfo of SHA-256, before the digest.
_DIGEST_INFO: Final = bytes.fromhex("3031300d060960864801650304020105000420")
#: RFC 7518 3.5: the salt is as long as the digest.
_PSS: Final = (Mechanism.SHA256, MGF.SHA256, 32)


@dataclass(frozen=True, slots=True)
class Way:
    mechanism: Mechanism
    #: From the octets to be signed to what the module gets.
    prepare: Callable[[bytes], bytes]
    parameter: Any = None


def _whole(octets: bytes) -> bytes:
    return octets


def _sha256(octets: bytes) -> bytes:
    return sha256(octets).digest()


def _sha384(octets: bytes) -> bytes:
    return sha384(octets).digest()


def _digest_info(octets: bytes) -> bytes:
    return _DIGEST_INFO + _sha256(octets)


#: Preferred ways first.
_WAYS: Final[Mapping[str, tuple[Way, ...]]] = MappingProxyType(
    {
        "RS256": (Way(Mechanism.SHA256_RSA_PKCS, _whole), Way(Mechanism.RSA_PKCS, _digest_info)),
        "PS256": (Way(Mechanism.SHA256_RSA_PKCS_PSS, _whole, _PSS), Way(Mechanism.RSA_PKCS_PSS, _sha256, _PSS)),
        "ES256": (Way(Mechanism.ECDSA_SHA256, _whole), Way(Mechanism.ECDSA, _sha256)),
        "ES384": (Way(Mechanism.ECDSA_SHA384, _whole), Way(Mechanism.ECDSA, _sha384)),
    }
)

_GENERATED_BY: Final = {
    KeyKind.P256: Mechanism.EC_KEY_PAIR_GEN,
    KeyKind.RSA2048: Mechanism.RSA_PKCS_KEY_PAIR_GEN,
    KeyKind.P384: Mechanism.EC_KEY_PAIR_GEN,
}


def way_of(algorithm: str, offered: Set[Any]) -> Way | None:
    return next((way for way in _WAYS.get(algorithm, ()) if way.mechanism in offered), None)


def algorithms_of(kind: KeyKind, offered: Set[Any]) -> tuple[str, ...]:
    return tuple(name for name in kind.algorithms if way_of(name, offered) is not None)


def made_by(offered: Set[Any]) -> tuple[KeyKind, ...]:
    """The kinds of keys that a module with these mechanisms makes, and signs a request with."""
    return tuple(kind for kind, by in _GENERATED_BY.items() if by in offered and way_of(kind.algorithms[0], offered))
