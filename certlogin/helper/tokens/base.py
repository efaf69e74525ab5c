"""What the helper needs of a medium that holds keys. No method takes a hash or free bytes to sign (1)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from certlogin.helper.origins import Origin
from certlogin.wire.payload import SignedPayload


class KeyKind(StrEnum):
    """The kinds of keys that a token may hold. Which of them it makes is in its `key_kinds`."""

    SM2 = "SM2"
    P256 = "P-256"
    RSA2048 = "RSA-2048"
    P384 = "P-384"
    RSA3072 = "RSA-3072"
    RSA4096 = "RSA-4096"

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What such a key can sign with, the preferred one first."""
        return _ALGORITHMS.get(self, ("RS256", "PS256"))


_ALGORITHMS = {KeyKind.SM2: ("SM2-SM3",), KeyKind.P256: ("ES256",), KeyKind.P384: ("ES384",)}


class PinNeeded(Exception):
    """The token takes a certificate only after its PIN. It stays inside the helper: the user is asked then."""


@dataclass(frozen=True, slots=True)
class TokenState:
    #: None when the token does not tell.
    tries_left: int | None
    tries_max: int | None
    locked: bool


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One key pair on a token, as far as it is readable without PIN."""

    key_id: str
    kind: KeyKind
    #: SubjectPublicKeyInfo, DER.
    public_key: bytes
    #: Who asked for the key and for which unit; only that origin may install its certificate.
    origin: str
    unit: str
    #: None: it waits for its certificate.
    certificate: bytes | None
    chain: tuple[bytes, ...]

    @property
    def pending(self) -> bool:
        return self.certificate is None


class OpenToken(Protocol):
    """A token whose PIN was right."""

    def sign_payload(self, key_id: str, payload: SignedPayload) -> bytes:
        """The signature over prefix 0x00 payload, by the algorithm that the payload names: fixed r‖s except for RSA.

        Raises NoCertificate when the key cannot do that algorithm.
        """
        ...

    def generate(self, kind: KeyKind, origin: Origin, unit: str) -> str:
        """Make a key pair that waits for its certificate; its key id. Raises Busy when too many wait already."""
        ...

    def request(self, key_id: str, challenge: str) -> bytes:
        """A PKCS#10 request (DER) for that key, carrying the challenge."""
        ...

    def install(self, key_id: str, certificate: bytes, chain: tuple[bytes, ...]) -> None:
        """As `Token.install`, for a token that asks for the PIN before it takes a certificate."""
        ...

    def close(self) -> None:
        """Forget the keys."""
        ...


class Token(Protocol):
    """A medium. Every method raises TokenRemoved when it is gone."""

    @property
    def serial(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def key_kinds(self) -> tuple[KeyKind, ...]:
        """The kinds of keys it makes, those first that should be offered first."""
        ...

    def algorithms(self, kind: KeyKind) -> tuple[str, ...]:
        """What its keys of that kind sign with, the preferred one first.

        Raises SM2Unavailable for an SM2 key that nothing here can sign with.
        """
        ...

    def state(self) -> TokenState: ...

    def keys(self) -> tuple[KeyInfo, ...]: ...

    def unlock(self, pin: bytearray) -> OpenToken:
        """Uses up one try. Raises PinWrong with the tries left, PinLocked. To be closed by the same thread."""
        ...

    def install(self, key_id: str, certificate: bytes, chain: tuple[bytes, ...]) -> None:
        """Put the certificate onto the key that waits for it.

        Raises NoCertificate when that key does not wait, PinNeeded when only an open token takes it.
        """
        ...
