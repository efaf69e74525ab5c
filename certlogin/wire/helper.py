"""The messages of the helper protocol, version 1: one frozen dataclass each, with `parse` and `to_object`.

PURE. It decides which members a message has and how long they may be. It does not know who may send it, which tokens
exist or what an answer leads to. A member that a message does not name (`pin` above all) is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from certlogin.wire.b64 import encode
from certlogin.wire.json import (
    BadRequest,
    JsonObject,
    JsonValue,
    b64url,
    b64url_list,
    boolean,
    exact_members,
    integer_or_none,
    matching,
    object_list,
    text,
    text_list,
)
from certlogin.wire.payload import (
    FOUR_PART_VERSION,
    PAYLOAD_LIMIT,
    SHA256_HEX,
    VISIBLE_ASCII,
    Purpose,
    auth_purpose,
)

PRODUCT = "certlogin-helper"
PROTOCOL = 1
#: The largest request body in bytes, and how deep a request and an answer may nest.
BODY_LIMIT = 16 * 1024
REQUEST_DEPTH = 2
ANSWER_DEPTH = 6

#: What the helper signs to prove, to a page that paired with it, that it is the same helper as before.
HELPER_PROOF_PREFIX = b"CERTLOGIN-HELPER-V1"

_KEY_TYPE = r"[A-Za-z0-9-]{2,16}"
_NAME = r"[A-Za-z0-9_.-]{1,64}"
_CERTIFICATE_LIMIT = 16 * 1024


def helper_proof_bytes(origin: str, challenge: bytes) -> bytes:
    """What `CertificatesAnswer.helper_proof` is a signature over."""
    return HELPER_PROOF_PREFIX + b"\x00" + origin.encode("ascii") + b"\x00" + challenge


@dataclass(frozen=True, slots=True)
class Hello:
    version: str
    os: str
    arch: str

    def to_object(self) -> JsonObject:
        return {
            "product": PRODUCT,
            "protocols": [PROTOCOL],
            "version": self.version,
            "os": self.os,
            "arch": self.arch,
        }

    @classmethod
    def parse(cls, value: JsonObject) -> "Hello":
        exact_members(value, ("product", "protocols", "version", "os", "arch"))
        matching(value, "product", PRODUCT)
        _check_protocols(value["protocols"])
        return cls(
            version=matching(value, "version", FOUR_PART_VERSION),
            os=matching(value, "os", _NAME),
            arch=matching(value, "arch", _NAME),
        )


@dataclass(frozen=True, slots=True)
class PairRequest:
    purpose: Purpose

    def to_object(self) -> JsonObject:
        return {"purpose": self.purpose.value}

    @classmethod
    def parse(cls, value: JsonObject) -> "PairRequest":
        exact_members(value, ("purpose",))
        return cls(Purpose(matching(value, "purpose", Purpose.LOGIN)))


@dataclass(frozen=True, slots=True)
class PairAnswer:
    #: 32 random bytes: the bearer token.
    token: bytes
    #: SubjectPublicKeyInfo (DER) of the helper's key for this origin, which the page pins.
    helper_key: bytes
    #: `once` or `always`.
    mode: str

    def to_object(self) -> JsonObject:
        return {"token": encode(self.token), "helper_key": encode(self.helper_key), "mode": self.mode}

    @classmethod
    def parse(cls, value: JsonObject) -> "PairAnswer":
        exact_members(value, ("token", "helper_key", "mode"))
        return cls(
            token=b64url(value, "token", 32, 32),
            helper_key=b64url(value, "helper_key", 256),
            mode=matching(value, "mode", "once|always"),
        )


@dataclass(frozen=True, slots=True)
class CertificatesRequest:
    #: 32 random bytes of the page.
    challenge: bytes

    def to_object(self) -> JsonObject:
        return {"challenge": encode(self.challenge)}

    @classmethod
    def parse(cls, value: JsonObject) -> "CertificatesRequest":
        exact_members(value, ("challenge",))
        return cls(b64url(value, "challenge", 32, 32))


@dataclass(frozen=True, slots=True)
class HeldCertificate:
    """A certificate on a token with the CAs above it, nearest first; DER."""

    certificate: bytes
    chain: tuple[bytes, ...] = ()

    def to_object(self) -> JsonObject:
        return {"certificate": encode(self.certificate), "chain": [encode(der) for der in self.chain]}

    @classmethod
    def parse(cls, value: JsonObject) -> "HeldCertificate":
        exact_members(value, ("certificate", "chain"))
        return cls(b64url(value, "certificate", _CERTIFICATE_LIMIT), b64url_list(value, "chain"))


@dataclass(frozen=True, slots=True)
class TokenReport:
    serial: str
    model: str
    label: str
    #: The kinds of keys it can make.
    key_types: tuple[str, ...]
    #: PIN tries; None when the token does not tell.
    tries_left: int | None
    locked: bool
    #: A key waits for its certificate, requested by the asking origin.
    pending: bool
    certificates: tuple[HeldCertificate, ...]

    def to_object(self) -> JsonObject:
        return {
            "serial": self.serial,
            "model": self.model,
            "label": self.label,
            "key_types": list(self.key_types),
            "tries_left": self.tries_left,
            "locked": self.locked,
            "pending": self.pending,
            "certificates": [held.to_object() for held in self.certificates],
        }

    @classmethod
    def parse(cls, value: JsonObject) -> "TokenReport":
        exact_members(
            value, ("serial", "model", "label", "key_types", "tries_left", "locked", "pending", "certificates")
        )
        return cls(
            serial=matching(value, "serial", _NAME),
            model=text(value, "model", 64),
            label=text(value, "label", 64),
            key_types=text_list(value, "key_types"),
            tries_left=integer_or_none(value, "tries_left", 0, 99),
            locked=boolean(value, "locked"),
            pending=boolean(value, "pending"),
            certificates=tuple(HeldCertificate.parse(item) for item in object_list(value, "certificates", 64)),
        )


@dataclass(frozen=True, slots=True)
class CertificatesAnswer:
    #: ES256 (r‖s) over `helper_proof_bytes`, by the helper's key of this origin.
    helper_proof: bytes
    tokens: tuple[TokenReport, ...]

    def to_object(self) -> JsonObject:
        return {"helper_proof": encode(self.helper_proof), "tokens": [token.to_object() for token in self.tokens]}

    @classmethod
    def parse(cls, value: JsonObject) -> "CertificatesAnswer":
        exact_members(value, ("helper_proof", "tokens"))
        tokens = tuple(TokenReport.parse(item) for item in object_list(value, "tokens", 64))
        return cls(b64url(value, "helper_proof", 64, 64), tokens)


@dataclass(frozen=True, slots=True)
class LoginRequest:
    purpose: Purpose
    unit: str
    unit_name: str
    #: The server's challenge text.
    nonce: str
    algorithms: tuple[str, ...]
    sid: str
    certificate_sha256: str

    def to_object(self) -> JsonObject:
        return {
            "purpose": self.purpose.value,
            "unit": self.unit,
            "unit_name": self.unit_name,
            "nonce": self.nonce,
            "algorithms": list(self.algorithms),
            "sid": self.sid,
            "certificate_sha256": self.certificate_sha256,
        }

    @classmethod
    def parse(cls, value: JsonObject) -> "LoginRequest":
        exact_members(value, ("purpose", "unit", "unit_name", "nonce", "algorithms", "sid", "certificate_sha256"))
        return cls(
            purpose=auth_purpose(text(value, "purpose", 16)),
            unit=text(value, "unit", 256),
            unit_name=text(value, "unit_name", 256, empty=True),
            nonce=matching(value, "nonce", VISIBLE_ASCII),
            algorithms=text_list(value, "algorithms", 8, 16),
            sid=matching(value, "sid", VISIBLE_ASCII),
            certificate_sha256=matching(value, "certificate_sha256", SHA256_HEX),
        )


@dataclass(frozen=True, slots=True)
class LoginAnswer:
    payload: bytes
    signature: bytes
    certificate: bytes
    chain: tuple[bytes, ...]
    tries_left: int | None

    def to_object(self) -> JsonObject:
        return {
            "payload": encode(self.payload),
            "signature": encode(self.signature),
            "certificate": encode(self.certificate),
            "chain": [encode(der) for der in self.chain],
            "tries_left": self.tries_left,
        }

    @classmethod
    def parse(cls, value: JsonObject) -> "LoginAnswer":
        exact_members(value, ("payload", "signature", "certificate", "chain", "tries_left"))
        return cls(
            payload=b64url(value, "payload", PAYLOAD_LIMIT),
            signature=b64url(value, "signature", 1024),
            certificate=b64url(value, "certificate", _CERTIFICATE_LIMIT),
            chain=b64url_list(value, "chain"),
            tries_left=integer_or_none(value, "tries_left", 0, 99),
        )


@dataclass(frozen=True, slots=True)
class EnrollRequest:
    unit: str
    unit_name: str
    nonce: str
    token_serial: str
    key_type: str

    def to_object(self) -> JsonObject:
        return {
            "unit": self.unit,
            "unit_name": self.unit_name,
            "nonce": self.nonce,
            "token_serial": self.token_serial,
            "key_type": self.key_type,
        }

    @classmethod
    def parse(cls, value: JsonObject) -> "EnrollRequest":
        exact_members(value, ("unit", "unit_name", "nonce", "token_serial", "key_type"))
        return cls(
            unit=text(value, "unit", 256),
            unit_name=text(value, "unit_name", 256, empty=True),
            # It travels as challengePassword: 255 characters at most (PKCS #9, 5.4.1).
            nonce=matching(value, "nonce", r"[!-~]{1,255}"),
            token_serial=matching(value, "token_serial", _NAME),
            key_type=matching(value, "key_type", _KEY_TYPE),
        )


@dataclass(frozen=True, slots=True)
class EnrollAnswer:
    #: PKCS#10, DER, built by the helper.
    request: bytes
    key_id: str

    def to_object(self) -> JsonObject:
        return {"request": encode(self.request), "key_id": self.key_id}

    @classmethod
    def parse(cls, value: JsonObject) -> "EnrollAnswer":
        exact_members(value, ("request", "key_id"))
        return cls(b64url(value, "request"), matching(value, "key_id", _NAME))


@dataclass(frozen=True, slots=True)
class InstallRequest:
    key_id: str
    certificate: bytes
    chain: tuple[bytes, ...]

    def to_object(self) -> JsonObject:
        return {
            "key_id": self.key_id,
            "certificate": encode(self.certificate),
            "chain": [encode(der) for der in self.chain],
        }

    @classmethod
    def parse(cls, value: JsonObject) -> "InstallRequest":
        exact_members(value, ("key_id", "certificate", "chain"))
        return cls(
            key_id=matching(value, "key_id", _NAME),
            certificate=b64url(value, "certificate", _CERTIFICATE_LIMIT),
            chain=b64url_list(value, "chain"),
        )


@dataclass(frozen=True, slots=True)
class InstallAnswer:
    certificate_sha256: str

    def to_object(self) -> JsonObject:
        return {"certificate_sha256": self.certificate_sha256}

    @classmethod
    def parse(cls, value: JsonObject) -> "InstallAnswer":
        exact_members(value, ("certificate_sha256",))
        return cls(matching(value, "certificate_sha256", SHA256_HEX))


@dataclass(frozen=True, slots=True)
class CancelRequest:
    def to_object(self) -> JsonObject:
        return {}

    @classmethod
    def parse(cls, value: JsonObject) -> "CancelRequest":
        exact_members(value, ())
        return cls()


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    #: True when a prompt of this origin was open.
    cancelled: bool

    def to_object(self) -> JsonObject:
        return {"cancelled": self.cancelled}

    @classmethod
    def parse(cls, value: JsonObject) -> "CancelAnswer":
        exact_members(value, ("cancelled",))
        return cls(boolean(value, "cancelled"))


def error_object(code: str, *, retryable: bool, facts: Mapping[str, str | int | None]) -> JsonObject:
    """The body of every refusal."""
    body: JsonObject = {"code": code, "retryable": retryable, **facts}
    return {"error": body}


def _check_protocols(found: JsonValue) -> None:
    """A later helper may speak further ones, ours must be among them; `true` is not 1."""
    if not isinstance(found, list) or not any(type(number) is int and number == PROTOCOL for number in found):
        raise BadRequest("not_allowed", "protocols")
