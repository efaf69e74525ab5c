"""Run by Alembic: migrate over the connection, and inside the transaction, that `Database.upgrade` has begun."""

from alembic import context

from certlogin.stores.sql.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
