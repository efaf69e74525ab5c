"""What is known of a certificate once it has been judged, and its row in the registry."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from certlogin.records.unit import UnitId


class KeyType(StrEnum):
    RSA = "RSA"
    P256 = "P-256"
    P384 = "P-384"
    P521 = "P-521"
    SM2 = "SM2"


class SignatureDigest(StrEnum):
    """What an authority's signature was computed over with."""

    SHA1 = "SHA-1"
    SHA256 = "SHA-256"
    SHA384 = "SHA-384"
    SHA512 = "SHA-512"
    SM3 = "SM3"


class Slot(StrEnum):
    """A unit holds one certificate, or a pair while the old key works until the new one arrives (E4)."""

    CURRENT = "current"
    REPLACEMENT = "replacement"


class State(StrEnum):
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """A certificate as read after signature, path and revocation were settled (or as issued by our own CA)."""

    der: bytes
    #: SHA-256 of the DER, lower-case hex.
    sha256: str
    #: SHA-256 of the SubjectPublicKeyInfo DER, lower-case hex.
    spki_sha256: str
    #: Issuer and subject, RFC 4514 text, for people.
    issuer: str
    subject: str
    #: SHA-256 of the issuer's Name DER, lower-case hex; with `serial` it identifies the certificate.
    issuer_sha256: str
    #: Serial number, lower-case hex without prefix.
    serial: str
    key_type: KeyType
    key_bits: int
    #: Aware, UTC.
    not_before: datetime
    not_after: datetime
    #: 单位代码 read through the issuer's identity table, normalised; None when the certificate carries none.
    unit_code: str | None
    #: 证书唯一码 read through the issuer's identity table; None when the certificate carries none.
    unique_id: str | None


@dataclass(frozen=True, slots=True)
class BoundCertificate:
    """One row of the registry: which certificate belongs to which unit."""

    unit_id: UnitId
    facts: CertificateFacts
    slot: Slot
    state: State
    bound_at: datetime
    #: The journey that bound it: `enrol`, `match`, `import`, …
    bound_by: str
    #: 申请日期: from the CA, an order or an import; never from a page or a helper.
    applied_on: datetime | None = None
    #: The key model a helper claimed (01, 03, 3000GM): chooses a page, never a permission.
    claimed_model: str | None = None
    #: DER of the intermediates its path was found through, nearest first: it is judged again without its holder.
    chain: tuple[bytes, ...] = ()
