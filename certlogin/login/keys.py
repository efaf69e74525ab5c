"""One key per use, derived from the site's secret keys, and the MAC every signed text of ours carries.

PURE: knows nothing of what is signed. The first key signs, all verify, so that keys can be rotated.
"""

import hmac
from dataclasses import dataclass, field
from enum import StrEnum

from certlogin.wire.b64 import encode


class Use(StrEnum):
    TICKET = "ticket"
    SEAL = "seal"
    ATTEMPT = "attempt"
    CHALLENGE = "challenge"


@dataclass(frozen=True, slots=True)
class Keyring:
    #: Newest first.
    secrets: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def from_settings(cls, secret_keys: tuple[str, ...]) -> "Keyring":
        return cls(tuple(key.encode() for key in secret_keys))

    def keys(self, use: Use) -> tuple[bytes, ...]:
        """Derived as HMAC(secret, label), the one-block case of HKDF-Expand (RFC 5869 2.3)."""
        label = f"certlogin {use} v1\x01".encode()
        return tuple(hmac.digest(secret, label, "sha256") for secret in self.secrets)


def mac(key: bytes, *parts: bytes) -> str:
    """HMAC-SHA256 over the length-prefixed parts, base64url: no two part lists give the same octets."""
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return encode(hmac.digest(key, message, "sha256"))


def holds(keys: tuple[bytes, ...], candidate: str, *parts: bytes) -> bool:
    """Whether one of the keys made this MAC; every key is tried, in constant time each."""
    given = candidate.encode("utf-8", "surrogatepass")
    return any([hmac.compare_digest(mac(key, *parts).encode(), given) for key in keys])
