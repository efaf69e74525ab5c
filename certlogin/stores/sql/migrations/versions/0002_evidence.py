"""Signed agreements and the checkpoints of their chain."""

import sqlalchemy as sa
from alembic import op

from certlogin.stores.sql.tables import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_evidence()
    _create_evidence_checkpoint()
    for trigger in _TRIGGERS.get(op.get_bind().dialect.name, ()):
        op.execute(trigger)


def _create_evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("seq", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("previous", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("unit_id", sa.String, nullable=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_evidence"),
        sa.UniqueConstraint("previous", name="uq_evidence_previous"),
        sa.UniqueConstraint("hash", name="uq_evidence_hash"),
    )
    op.create_index("ix_evidence_unit_id", "evidence", ["unit_id"])


def _create_evidence_checkpoint() -> None:
    op.create_table(
        "evidence_checkpoint",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("head", sa.String, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("key_id", sa.String, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_checkpoint"),
        sqlite_autoincrement=True,
    )


#: What may change of an entry is the body: it is erased, or sealed again.
_FIXED = "seq, previous, hash, at, unit_id, entry"
_TABLES = (("evidence", "seq", f"UPDATE OF {_FIXED}"), ("evidence_checkpoint", "id", "UPDATE"))
_IS_THERE = "WHEN NEW.{key} > 0 AND EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"
#: Triggers have no common language.
_TRIGGERS = {
    "sqlite": tuple(
        f"CREATE TRIGGER {table}_no_{change} BEFORE {moment} ON {table} "
        f"{condition} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table, key, update in _TABLES
        for change, moment, condition in (
            ("update", update, ""),
            ("delete", "DELETE", ""),
            # INSERT OR REPLACE deletes without asking the trigger for deletions.
            ("replace", "INSERT", _IS_THERE.format(table=table, key=key)),
        )
    ),
    "postgresql": (
        "CREATE FUNCTION certlogin_evidence_stays() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'evidence is append-only'; END $$",
        *(
            f"CREATE TRIGGER {table}_{change} BEFORE {moment} ON {table} "
            f"FOR EACH {each} EXECUTE FUNCTION certlogin_evidence_stays()"
            for table, _, update in _TABLES
            for change, moment, each in (
                ("append_only", f"DELETE OR {update}", "ROW"),
                ("never_emptied", "TRUNCATE", "STATEMENT"),
            )
        ),
    ),
}
