"""The tables, as the newest migration leaves them; a test compares the two."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware in, UTC stored, aware out. SQLite keeps no offset, so only one can be meant."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError("a time without offset was given to the durable store")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str, *, null: bool = False) -> "Column[Any]":
    return Column(name, String, nullable=null)


def _time(name: str, *, null: bool = False) -> "Column[Any]":
    return Column(name, UtcDateTime, nullable=null)


def _chain() -> "Column[Any]":
    """Base64 of each DER."""
    return Column("chain", JSON, nullable=False)


#: One unit per public key, for ever: a certificate row cannot exist without its key's owner being its unit.
SPKI_OWNER: Final = Table(
    "spki_owner",
    METADATA,
    Column("spki_sha256", String, primary_key=True),
    _text("unit_id"),
    UniqueConstraint("spki_sha256", "unit_id"),
)

BOUND_CERTIFICATE: Final = Table(
    "bound_certificate",
    METADATA,
    #: Ever growing: "newest first" is its descending order.
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("unit_id"),
    Column("der", LargeBinary, nullable=False),
    _text("sha256"),
    _text("spki_sha256"),
    _text("issuer"),
    _text("subject"),
    _text("issuer_sha256"),
    _text("serial"),
    _text("key_type"),
    Column("key_bits", Integer, nullable=False),
    _time("not_before"),
    _time("not_after"),
    _text("unit_code", null=True),
    _text("unique_id", null=True),
    _text("slot"),
    _text("state"),
    _time("bound_at"),
    _text("bound_by"),
    _time("applied_on", null=True),
    _text("claimed_model", null=True),
    _chain(),
    UniqueConstraint("sha256"),
    UniqueConstraint("issuer_sha256", "serial"),
    ForeignKeyConstraint(["spki_sha256", "unit_id"], ["spki_owner.spki_sha256", "spki_owner.unit_id"]),
    Index("ix_bound_certificate_unit_id", "unit_id"),
    Index("ix_bound_certificate_spki_sha256", "spki_sha256"),
    Index(
        "uq_bound_certificate_active_slot",
        "unit_id",
        "slot",
        unique=True,
        sqlite_where=text("state = 'active'"),
        postgresql_where=text("state = 'active'"),
    ),
    sqlite_autoincrement=True,
)

ENROLMENT_ORDER: Final = Table(
    "enrolment_order",
    METADATA,
    Column("unit_id", String, primary_key=True),
    Column("spki_sha256", String, primary_key=True),
    _text("state"),
    _time("requested_at"),
    _text("certificate_sha256", null=True),
    _chain(),
)

DOWNLOAD_GRANT: Final = Table(
    "download_grant",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("unit_id"),
    _time("granted_at"),
    _time("until"),
    _text("granted_by"),
    _time("used_at", null=True),
    Index("ix_download_grant_unit_id", "unit_id"),
    sqlite_autoincrement=True,
)

SKIP_COUNT: Final = Table(
    "skip_count",
    METADATA,
    Column("unit_id", String, primary_key=True),
    Column("rule", String, primary_key=True),
    Column("used", Integer, nullable=False),
)

#: Append-only: a trigger refuses updates and deletions.
AUDIT_EVENT: Final = Table(
    "audit_event",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _time("at"),
    _text("kind"),
    _text("code"),
    _text("unit_id", null=True),
    _text("attempt", null=True),
    _text("address", null=True),
    _text("support_id", null=True),
    Column("facts", JSON, nullable=False),
    Index("ix_audit_event_unit_id", "unit_id"),
    sqlite_autoincrement=True,
)

#: The chain of signed agreements: a trigger refuses deletions, and every update but that of a body.
EVIDENCE: Final = Table(
    "evidence",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    #: Unique, so that no two entries can follow one.
    _text("previous"),
    _text("hash"),
    #: For looking up; what counts is in the entry.
    _time("at"),
    _text("unit_id"),
    Column("entry", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=True),
    UniqueConstraint("previous"),
    UniqueConstraint("hash"),
    Index("ix_evidence_unit_id", "unit_id"),
)

#: Append-only, too.
EVIDENCE_CHECKPOINT: Final = Table(
    "evidence_checkpoint",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("seq", Integer, nullable=False),
    _text("head"),
    _time("at"),
    _text("key_id"),
    Column("signature", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
