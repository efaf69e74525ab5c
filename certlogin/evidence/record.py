"""What is kept of one signed agreement, and the one way in which it is written down.

PURE. The encoding is canonical: JSON in UTF-8, members sorted, no spaces, octets as base64url. What does not encode
back to itself is refused, so that not one octet can be changed unseen. The body, which is personal, is apart: there is
only a salted hash of it in the record, which stays whole when the body is erased.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from certlogin.pki.certificate import SIZE_MAX
from certlogin.pki.path import INTERMEDIATES_MAX
from certlogin.pki.revocation import Settled
from certlogin.pki.signature import Algorithm
from certlogin.records.unit import UnitId
from certlogin.wire.b64 import encode
from certlogin.wire.json import (
    BadRequest,
    JsonObject,
    JsonValue,
    b64url,
    b64url_list,
    exact_members,
    matching,
    object_list,
    read_object,
    text,
)
from certlogin.wire.payload import PAYLOAD_LIMIT, SHA256_HEX, Purpose

SALT_BYTES: Final = 32
#: The longest text of a body, in characters: a helper shows at most 128 KiB.
TEXT_MAX: Final = 128 * 1024
#: The longest line of an export: what may stand in one record, with room for escapes.
LINE_MAX: Final = 4 * 1024 * 1024
SIGNATURE_MAX: Final = 1024

_BODY: Final = b"CERTLOGIN-EVIDENCE-BODY-V1\x00"
_TIME: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
SOURCES_MAX: Final = 64
#: RFC 5280 5.2.3: up to 20 octets, more than a JSON number can say.
_LIST_NUMBER: Final = r"0|[1-9a-f][0-9a-f]{0,39}"


@dataclass(frozen=True, slots=True)
class Body:
    """The personal part. Without its salt nobody can confirm a guess at the text from the record's hash."""

    salt: bytes = field(repr=False)
    #: What the user was shown and has signed: the agreement with the rendered form.
    text: str = field(repr=False)
    #: The form by itself, where the signature names it apart (upgrades).
    form: str = field(default="", repr=False)

    @property
    def commitment(self) -> str:
        """SHA-256 (hex) of salt and content. ValueError: the salt's length, a text too long or no Unicode."""
        if len(self.salt) != SALT_BYTES:
            raise ValueError("salt")
        if max(len(self.text), len(self.form)) > TEXT_MAX:
            raise ValueError("too long")
        return sha256(_BODY + self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        return canonical(self.to_json())

    def to_json(self) -> JsonObject:
        return {"form": self.form, "salt": encode(self.salt), "text": self.text}

    @classmethod
    def from_bytes(cls, data: bytes) -> "Body":
        """Raises BadRequest."""
        return cls.from_json(read_object(data, LINE_MAX, depth=1))

    @classmethod
    def from_json(cls, value: JsonObject) -> "Body":
        """Raises BadRequest."""
        exact_members(value, ("form", "salt", "text"))
        return cls(b64url(value, "salt", SALT_BYTES, SALT_BYTES), _lines(value, "text"), _lines(value, "form"))


@dataclass(frozen=True, slots=True)
class RevocationSource:
    """One list or answer by which revocation was settled then."""

    #: Of the certificate that it spoke of.
    certificate_sha256: str
    #: `crl`, `delta` or `ocsp`.
    kind: str
    #: Of a list.
    number: int | None
    this_update: datetime
    next_update: datetime
    #: Of its DER; empty: it was not kept.
    sha256: str = ""

    def to_json(self) -> JsonObject:
        return {
            "certificate_sha256": self.certificate_sha256,
            "kind": self.kind,
            "next_update": written(self.next_update),
            "number": None if self.number is None else f"{self.number:x}",
            "sha256": self.sha256,
            "this_update": written(self.this_update),
        }

    @classmethod
    def from_json(cls, value: JsonObject) -> "RevocationSource":
        exact_members(value, ("certificate_sha256", "kind", "next_update", "number", "sha256", "this_update"))
        number = None if value["number"] is None else int(matching(value, "number", _LIST_NUMBER), 16)
        return cls(
            certificate_sha256=matching(value, "certificate_sha256", SHA256_HEX),
            kind=matching(value, "kind", "crl|delta|ocsp"),
            number=number,
            this_update=moment(value, "this_update"),
            next_update=moment(value, "next_update"),
            sha256=matching(value, "sha256", f"(?:{SHA256_HEX})?"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRecord:
    """One signed agreement without its body."""

    #: When the signature was accepted, by the server's clock.
    at: datetime
    unit_id: UnitId
    purpose: Purpose
    text_version: str
    #: The exact octets that the helper signed, behind their prefix.
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    algorithm: Algorithm
    #: DER.
    certificate: bytes = field(repr=False)
    #: DER of what stood between the certificate and its anchor, nearest first.
    chain: tuple[bytes, ...] = field(repr=False)
    #: How revocation was settled, and by what.
    settled: Settled
    sources: tuple[RevocationSource, ...]
    #: `Body.commitment`.
    commitment: str

    MEMBERS = (
        "algorithm", "at", "certificate", "chain", "commitment", "payload", "purpose", "revocation", "signature",
        "sources", "text_version", "unit",
    )  # fmt: skip

    def to_json(self) -> JsonObject:
        return {
            "algorithm": self.algorithm.value,
            "at": written(self.at),
            "certificate": encode(self.certificate),
            "chain": [encode(der) for der in self.chain],
            "commitment": self.commitment,
            "payload": encode(self.payload),
            "purpose": self.purpose.value,
            "revocation": self.settled.value,
            "signature": encode(self.signature),
            "sources": [source.to_json() for source in self.sources],
            "text_version": self.text_version,
            "unit": self.unit_id,
        }

    @classmethod
    def from_json(cls, value: JsonObject) -> "EvidenceRecord":
        """Of an object that has at least these members. Raises BadRequest."""
        return cls(
            at=moment(value, "at"),
            unit_id=UnitId(text(value, "unit", 256)),
            purpose=Purpose(matching(value, "purpose", _one_of(Purpose))),
            text_version=text(value, "text_version", 64),
            payload=b64url(value, "payload", PAYLOAD_LIMIT),
            signature=b64url(value, "signature", SIGNATURE_MAX),
            algorithm=Algorithm(matching(value, "algorithm", _one_of(Algorithm))),
            certificate=b64url(value, "certificate", SIZE_MAX),
            chain=b64url_list(value, "chain", INTERMEDIATES_MAX, SIZE_MAX),
            settled=Settled(matching(value, "revocation", _one_of(Settled))),
            sources=tuple(RevocationSource.from_json(one) for one in object_list(value, "sources", SOURCES_MAX)),
            commitment=matching(value, "commitment", SHA256_HEX),
        )


def canonical(value: JsonObject) -> bytes:
    """The one text of an object."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def written(at: datetime) -> str:
    """UTC, with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(value: JsonObject, member: str) -> datetime:
    """Raises BadRequest."""
    try:
        return datetime.fromisoformat(matching(value, member, _TIME))
    except ValueError:
        raise BadRequest("not_allowed", member) from None


def _lines(value: JsonObject, member: str) -> str:
    """Text of several lines: what was signed is kept as it was, whatever is in it."""
    found: JsonValue = value[member]
    if not isinstance(found, str):
        raise BadRequest("not_text", member)
    if len(found) > TEXT_MAX:
        raise BadRequest("too_long", member)
    return found


def _one_of(names: Iterable[str]) -> str:
    return "|".join(names)
