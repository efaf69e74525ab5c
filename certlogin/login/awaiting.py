"""A proof that is kept while its certificate's revocation state is asked for.

PURE. Signature and path held when it was kept, and its challenge is spent; whoever opens it judges the certificate
again and accepts it once. It is sealed like the held response: who can write to the store makes none, who can read it
opens none.
"""

import json
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from certlogin.login.attempt import AttemptCookie, AttemptMissing
from certlogin.wire.b64 import decode, encode

#: Octets, sealed. A certificate has two or three kilobytes, and paths have two or three of them.
KEPT_LIMIT: Final = 48 * 1024
_NONCE_OCTETS: Final = 12

Version = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class KeptProof:
    format: str
    #: DER, as all below; the signature by its key held.
    certificate: bytes = field(repr=False)
    #: What leads from it to the anchor, nearest first, neither of the two included.
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    #: Claims of the helper that signed, as in an accepted proof.
    helper_version: Version | None = None
    clock_difference: int | None = None


def seal_proof(kept: KeptProof, cookie: AttemptCookie, nonce: bytes) -> bytes:
    """AES-256-GCM under the key in the cookie, bound to the attempt and to this use; `nonce` is 12 random octets."""
    ders = [encode(der) for der in (kept.certificate, *kept.chain)]
    plain = json.dumps([kept.format, kept.helper_version, kept.clock_difference, *ders]).encode()
    return nonce + AESGCM(cookie.key).encrypt(nonce, plain, _bound_to(cookie))


def open_proof(sealed: bytes, cookie: AttemptCookie) -> KeptProof:
    """Raises AttemptMissing when the cookie's key does not open it, or the store has not kept it whole."""
    nonce, octets = sealed[:_NONCE_OCTETS], sealed[_NONCE_OCTETS:]
    try:
        plain = AESGCM(cookie.key).decrypt(nonce, octets, _bound_to(cookie))
    except (InvalidTag, ValueError) as error:
        raise AttemptMissing from error
    name, version, difference, *ders = json.loads(plain)
    certificate, *chain = (decode(der) for der in ders)
    return KeptProof(name, certificate, tuple(chain), None if version is None else tuple(version), difference)


def _bound_to(cookie: AttemptCookie) -> bytes:
    return f"{cookie.store_key} awaiting".encode()
