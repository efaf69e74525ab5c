"""Alembic's scripts, run by `SqlStore.upgrade`."""
