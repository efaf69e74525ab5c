"""The signed payload of a native proof: what the helper builds and signs, and what the server reads.

PURE. It decides what the members are and which prefix keeps one use of a key apart from another (S22). It does not know
whether nonce, origin or certificate are the right ones. The signed bytes are prefix 0x00 payload: 0x43 (`C`) can start
neither DER nor a TLS transcript, so the signature is useless elsewhere.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import ClassVar, Self

from certlogin.wire.json import (
    BadRequest,
    JsonObject,
    exact_members,
    integer,
    matching,
    read_object,
    text,
    write_object,
)

#: The largest payload in bytes.
PAYLOAD_LIMIT = 4096

#: SHA-256 in lower-case hex.
SHA256_HEX = r"[0-9a-f]{64}"
#: Four parts, without leading zeros, each below 100 000.
FOUR_PART_VERSION = r"(?:0|[1-9][0-9]{0,4})(?:\.(?:0|[1-9][0-9]{0,4})){3}"
#: Names such as `RS256` and `SM2-SM3`; which of them are allowed is the server's to say.
ALGORITHM_NAME = r"[A-Z][A-Z0-9-]{1,15}"
#: Challenge texts and the like: printable ASCII without space.
VISIBLE_ASCII = r"[!-~]{1,512}"


class Purpose(StrEnum):
    """What a signature is for."""

    LOGIN = "login"
    BIND = "bind"
    UNBIND = "unbind"
    TRANSFER = "transfer"
    STEP_UP = "step-up"
    AGREE = "agree"
    UPGRADE = "upgrade"


_AUTH = b"CERTLOGIN-AUTH-V1"
_PREFIXES = {
    Purpose.LOGIN: _AUTH,
    Purpose.BIND: _AUTH,
    Purpose.UNBIND: _AUTH,
    Purpose.TRANSFER: _AUTH,
    Purpose.STEP_UP: _AUTH,
    Purpose.AGREE: b"CERTLOGIN-AGREE-V1",
    Purpose.UPGRADE: b"CERTLOGIN-UPGRADE-V1",
}


def signed_bytes(payload: bytes, purpose: Purpose) -> bytes:
    """What the key signs: the prefix of the purpose's class, 0x00, the exact payload."""
    return _PREFIXES[purpose] + b"\x00" + payload


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPayload:
    """The facts of one signature of the AUTH class. `agree` and `upgrade` carry more members and are refused here:
    they are classes of their own (`agreement.py`), which add their members and their one purpose."""

    MEMBERS: ClassVar[tuple[str, ...]] = (
        "v",
        "purpose",
        "origin",
        "unit",
        "nonce",
        "iat",
        "cert_sha256",
        "alg",
        "sid",
        "helper",
        "uv",
    )

    v: int = 1
    purpose: Purpose
    #: As the browser sent it; filled by the helper, compared exactly by the server (S21).
    origin: str
    unit: str
    #: The server's challenge text, echoed.
    nonce: str
    #: The helper's wall clock, Unix seconds: information, never judged (S17).
    iat: int
    #: SHA-256 of the certificate's DER, lower-case hex.
    cert_sha256: str
    alg: str
    #: Hash of the attempt's public id.
    sid: str
    #: The helper's version, four parts: a claim.
    helper: str
    #: How the user was verified.
    uv: str = "pin"

    def to_bytes(self) -> bytes:
        """Compact JSON in UTF-8. Raises BadRequest `too_long` above 4 KiB."""
        data = write_object(asdict(self))
        if len(data) > PAYLOAD_LIMIT:
            raise BadRequest("too_long")
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises BadRequest."""
        value = read_object(data, PAYLOAD_LIMIT, depth=1)
        exact_members(value, cls.MEMBERS)
        return cls(
            v=integer(value, "v", 1, 1),
            purpose=cls._purpose(text(value, "purpose", 16)),
            origin=text(value, "origin", 300),
            unit=text(value, "unit", 256),
            nonce=matching(value, "nonce", VISIBLE_ASCII),
            iat=integer(value, "iat"),
            cert_sha256=matching(value, "cert_sha256", SHA256_HEX),
            alg=matching(value, "alg", ALGORITHM_NAME),
            sid=matching(value, "sid", VISIBLE_ASCII),
            helper=matching(value, "helper", FOUR_PART_VERSION),
            uv=matching(value, "uv", "pin"),
            **cls._more(value),
        )

    @classmethod
    def _purpose(cls, name: str) -> Purpose:
        return auth_purpose(name)

    @classmethod
    def _more(cls, value: JsonObject) -> dict[str, str]:
        """The members that a class has beside the common ones."""
        return {}


def auth_purpose(name: str) -> Purpose:
    """The purpose of that name, of the AUTH class only. Raises BadRequest."""
    purpose = next((known for known in Purpose if known == name), None)
    if purpose is None or _PREFIXES[purpose] != _AUTH:
        raise BadRequest("not_allowed", "purpose")
    return purpose
