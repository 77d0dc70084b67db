from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine
from sqlmodel import SQLModel

import storage.models  # noqa: F401  (the tables register themselves)
from storage import StorageError, open_readonly, open_store
from storage.migrations import head, runner

SHIPPED = sorted(file.name[:4] for file in (runner.SCRIPTS / "versions").glob("[0-9]*.py"))
HEAD = SHIPPED[-1]
NEXT = f'''
"""A column more."""
import sqlalchemy as sa
from alembic import op
revision = "8001"
down_revision = "{HEAD}"

def upgrade() -> None:
    op.add_column("meta", sa.Column("note", sa.String(), nullable=True))
'''
FAILING = '''
"""A change that breaks off half way."""
from alembic import op
revision = "8002"
down_revision = "8001"

def upgrade() -> None:
    op.execute("CREATE TABLE half (n INTEGER)")
    op.execute("INSERT INTO nowhere VALUES (1)")
'''


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Return a copy of the migrations with one more."""
    folder = tmp_path / "scripts"
    shutil.copytree(runner.SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "8001_a_note.py").write_text(NEXT)
    return folder


@pytest.fixture
def current(database: Path) -> Engine:
    """Return an engine on a database of today's schema with one row."""
    open_store(f"sqlite:///{database}").close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO meta VALUES ('kept', '1')")
        connection.commit()
    return create_engine(f"sqlite:///{database}")


def revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def columns(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(meta)")]


def test_the_migrations_make_exactly_the_models_tables(current: Engine) -> None:
    with current.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_a_fresh_database_needs_no_copy(database: Path) -> None:
    open_store(f"sqlite:///{database}").close()
    assert revision(database) == HEAD
    assert list(database.parent.glob("*.bak")) == []


def test_opening_again_changes_nothing(current: Engine, database: Path) -> None:
    before = database.read_bytes()
    assert runner.upgrade(current, path=database) == []
    assert database.read_bytes() == before


def test_an_upgrade_copies_the_file_first_and_keeps_its_rows(
    current: Engine, database: Path, scripts: Path
) -> None:
    assert runner.upgrade(current, path=database, scripts=scripts) == ["8001"]
    copy = database.with_name("signal-monitor.db.before-8001.bak")
    assert (revision(database), columns(database)) == ("8001", ["name", "value", "note"])
    assert (revision(copy), columns(copy)) == (HEAD, ["name", "value"])
    for path in (database, copy):
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT name, value FROM meta").fetchall() == [("kept", "1")]


def test_a_fresh_database_is_brought_to_the_newest_of_several(
    database: Path, scripts: Path
) -> None:
    engine = create_engine(f"sqlite:///{database}")
    assert runner.upgrade(engine, path=database, scripts=scripts) == [*SHIPPED, "8001"]
    assert revision(database) == "8001"


def test_an_upgrade_that_fails_leaves_the_old_schema_whole(
    current: Engine, database: Path, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scripts / "versions" / "8002_broken.py").write_text(FAILING)
    monkeypatch.setattr(runner.upgrade, "__kwdefaults__", {"scripts": scripts})
    with pytest.raises(StorageError, match="no such table: nowhere"):
        open_store(f"sqlite:///{database}")
    assert (revision(database), columns(database)) == (HEAD, ["name", "value"])


def test_a_database_of_a_newer_version_is_refused(current: Engine, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
        connection.commit()
    for opener in (open_store, open_readonly):
        with pytest.raises(StorageError, match="schema 0999 was written by a newer version"):
            opener(f"sqlite:///{database}")
    assert revision(database) == "0999"


def test_a_reader_asks_for_the_migration_instead_of_running_it(
    current: Engine, database: Path, scripts: Path
) -> None:
    with pytest.raises(StorageError, match="`signal-monitor db migrate` brings it up to date"):
        head.check_current(current, path=database, scripts=scripts)
    assert revision(database) == HEAD
