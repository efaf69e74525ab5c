"""Registry, orders, grants, skips, audit."""

import sqlalchemy as sa
from alembic import op

from certlogin.stores.sql.tables import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_spki_owner()
    _create_bound_certificate()
    _create_enrolment_order()
    _create_download_grant()
    _create_skip_count()
    _create_audit_event()


def _create_spki_owner() -> None:
    op.create_table(
        "spki_owner",
        sa.Column("spki_sha256", sa.String, nullable=False),
        sa.Column("unit_id", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("spki_sha256", name="pk_spki_owner"),
        sa.UniqueConstraint("spki_sha256", "unit_id", name="uq_spki_owner_spki_sha256_unit_id"),
    )


def _create_bound_certificate() -> None:
    op.create_table(
        "bound_certificate",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("unit_id", sa.String, nullable=False),
        sa.Column("der", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("spki_sha256", sa.String, nullable=False),
        sa.Column("issuer", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("issuer_sha256", sa.String, nullable=False),
        sa.Column("serial", sa.String, nullable=False),
        sa.Column("key_type", sa.String, nullable=False),
        sa.Column("key_bits", sa.Integer, nullable=False),
        sa.Column("not_before", UtcDateTime, nullable=False),
        sa.Column("not_after", UtcDateTime, nullable=False),
        sa.Column("unit_code", sa.String, nullable=True),
        sa.Column("unique_id", sa.String, nullable=True),
        sa.Column("slot", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("bound_at", UtcDateTime, nullable=False),
        sa.Column("bound_by", sa.String, nullable=False),
        sa.Column("applied_on", UtcDateTime, nullable=True),
        sa.Column("claimed_model", sa.String, nullable=True),
        sa.Column("chain", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bound_certificate"),
        sa.UniqueConstraint("sha256", name="uq_bound_certificate_sha256"),
        sa.UniqueConstraint("issuer_sha256", "serial", name="uq_bound_certificate_issuer_sha256_serial"),
        sa.ForeignKeyConstraint(
            ["spki_sha256", "unit_id"],
            ["spki_owner.spki_sha256", "spki_owner.unit_id"],
            name="fk_bound_certificate_spki_owner",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_bound_certificate_unit_id", "bound_certificate", ["unit_id"])
    op.create_index("ix_bound_certificate_spki_sha256", "bound_certificate", ["spki_sha256"])
    op.create_index(
        "uq_bound_certificate_active_slot",
        "bound_certificate",
        ["unit_id", "slot"],
        unique=True,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )


def _create_enrolment_order() -> None:
    op.create_table(
        "enrolment_order",
        sa.Column("unit_id", sa.String, nullable=False),
        sa.Column("spki_sha256", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("requested_at", UtcDateTime, nullable=False),
        sa.Column("certificate_sha256", sa.String, nullable=True),
        sa.Column("chain", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("unit_id", "spki_sha256", name="pk_enrolment_order"),
    )


def _create_download_grant() -> None:
    op.create_table(
        "download_grant",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("unit_id", sa.String, nullable=False),
        sa.Column("granted_at", UtcDateTime, nullable=False),
        sa.Column("until", UtcDateTime, nullable=False),
        sa.Column("granted_by", sa.String, nullable=False),
        sa.Column("used_at", UtcDateTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_download_grant"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_download_grant_unit_id", "download_grant", ["unit_id"])


def _create_skip_count() -> None:
    op.create_table(
        "skip_count",
        sa.Column("unit_id", sa.String, nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("unit_id", "rule", name="pk_skip_count"),
    )


def _create_audit_event() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("unit_id", sa.String, nullable=True),
        sa.Column("attempt", sa.String, nullable=True),
        sa.Column("address", sa.String, nullable=True),
        sa.Column("support_id", sa.String, nullable=True),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_event_unit_id", "audit_event", ["unit_id"])
    for trigger in _APPEND_ONLY.get(op.get_bind().dialect.name, ()):
        op.execute(trigger)


#: Triggers have no common language.
_APPEND_ONLY = {
    "sqlite": tuple(
        f"CREATE TRIGGER audit_event_no_{change} BEFORE {moment} ON audit_event "
        f"{condition} BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END"
        for change, moment, condition in (
            ("update", "UPDATE", ""),
            ("delete", "DELETE", ""),
            # INSERT OR REPLACE deletes without asking the trigger for deletions.
            ("replace", "INSERT", "WHEN NEW.id > 0 AND EXISTS (SELECT 1 FROM audit_event WHERE id = NEW.id)"),
        )
    ),
    "postgresql": (
        "CREATE FUNCTION certlogin_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit_event is append-only'; END $$",
        "CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event "
        "FOR EACH ROW EXECUTE FUNCTION certlogin_append_only()",
        "CREATE TRIGGER audit_event_never_emptied BEFORE TRUNCATE ON audit_event "
        "FOR EACH STATEMENT EXECUTE FUNCTION certlogin_append_only()",
    ),
}
