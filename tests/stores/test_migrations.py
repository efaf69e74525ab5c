"""The tables of the code are those that the newest migration leaves; a database only ever moves forward."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import Inspector
from sqlalchemy.engine.interfaces import ReflectedIndex

from certlogin.errors import ConfigurationError, Unavailable
from certlogin.stores.sql import SqlStore, database
from certlogin.stores.sql.tables import METADATA
from tests.stores.race import THREADS, race
from tests.stores.values import event, row


def made_by_migrations(folder: Path) -> str:
    address = f"sqlite:///{folder / 'migrated.db'}"
    SqlStore.open(address).close()
    return address


def made_by_the_tables(folder: Path) -> str:
    address = f"sqlite:///{folder / 'tables.db'}"
    engine = create_engine(address)
    METADATA.create_all(engine)
    engine.dispose()
    return address


def shape(address: str) -> dict[str, object]:
    """Everything that SQLAlchemy can read of the tables, version table aside."""
    engine = create_engine(address)
    inspector = inspect(engine)
    names = [name for name in inspector.get_table_names() if name != "alembic_version"]
    found = {name: _table(inspector, name) for name in sorted(names)}
    engine.dispose()
    return found


def _table(inspector: Inspector, name: str) -> object:
    columns = [
        (column["name"], repr(column["type"]), column["nullable"], column.get("primary_key"), column.get("default"))
        for column in inspector.get_columns(name)
    ]
    return (
        columns,
        inspector.get_pk_constraint(name),
        sorted(inspector.get_unique_constraints(name), key=repr),
        sorted(inspector.get_foreign_keys(name), key=repr),
        sorted((_index(index) for index in inspector.get_indexes(name)), key=repr),
    )


def _index(index: ReflectedIndex) -> object:
    condition = index.get("dialect_options", {}).get("sqlite_where")
    return index["name"], index["column_names"], index["unique"], str(condition)


def test_the_newest_migration_leaves_the_tables_of_the_code(tmp_path: Path) -> None:
    migrated, declared = shape(made_by_migrations(tmp_path)), shape(made_by_the_tables(tmp_path))
    assert migrated == declared
    assert set(migrated) == set(METADATA.tables)


def test_alembic_finds_nothing_to_migrate(tmp_path: Path) -> None:
    engine = create_engine(made_by_migrations(tmp_path))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_there_is_one_line_of_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(database._MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert len(scripts.get_heads()) == 1
    numbers = [script.revision for script in scripts.walk_revisions()]
    assert numbers == sorted(numbers, reverse=True)


def _version(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(version)


def test_an_empty_file_is_brought_up_to_date_and_a_second_opening_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "certlogin.db"
    file.touch()
    with closing(SqlStore.open(f"sqlite:///{file}")) as store:
        store.bind(row("a"), event())
    version = _version(file)
    with closing(SqlStore.open(f"sqlite:///{file}")) as store:
        assert store.find("sha256-a") == row("a")
    assert _version(file) == version


def test_threads_may_open_databases_of_their_own_at_once(tmp_path: Path) -> None:
    """Alembic itself can do one thing at a time in a process."""

    def begin(number: int) -> None:
        with closing(SqlStore.open(f"sqlite:///{tmp_path / f'{number}.db'}")) as store:
            store.record(event())

    assert race(begin) == [None] * THREADS


def test_a_database_of_a_newer_certlogin_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "certlogin.db"
    SqlStore.open(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(ConfigurationError) as refused:
        SqlStore.open(f"sqlite:///{file}")
    (problem,) = refused.value.problems
    assert "newer certlogin" in problem
    assert _version(file) == "9999"


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "certlogin.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE skip_count (in_the_way)")
        connection.commit()
    with pytest.raises(Unavailable):
        SqlStore.open(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert tables == [("skip_count",)]


def test_a_folder_with_a_percent_sign_in_its_name_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alembic reads `%` as the start of a variable."""
    odd = tmp_path / "100%(here)s"
    odd.symlink_to(database._MIGRATIONS)
    monkeypatch.setattr(database, "_MIGRATIONS", odd)
    SqlStore.open(f"sqlite:///{tmp_path / 'certlogin.db'}").close()
