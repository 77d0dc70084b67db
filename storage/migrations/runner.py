"""Bringing a database to this version's schema, with a copy of the file before any change."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

from storage.errors import StorageError
from storage.migrations.head import SCRIPTS


def upgrade(engine: Engine, *, path: Path | None, scripts: Path = SCRIPTS) -> list[str]:
    """Return the revisions applied, oldest first; empty when the schema was current.

    All pending revisions commit together. A database that already has a schema is copied to
    `FILE.before-REVISION.bak` first. Raises StorageError when a newer version wrote it.
    """
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    pending = _pending(current, path, scripts)
    if not pending:
        return []
    if current is not None and path is not None:
        _copy(path, path.with_name(f"{path.name}.before-{pending[-1].revision}.bak"))
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        context._ensure_version_table()
        with Operations.context(context):
            for script in pending:
                script.module.upgrade()
        context.stamp(_directory(scripts), pending[-1].revision)
    return [script.revision for script in pending]


def _pending(current: str | None, path: Path | None, scripts: Path) -> list[Script]:
    directory = _directory(scripts)
    try:
        if current is not None:
            directory.get_revision(current)
    except CommandError as error:
        raise StorageError(
            f"{path}: schema {current} was written by a newer version of signal-monitor; "
            "install that version, or restore an older backup"
        ) from error
    return list(reversed(list(directory.iterate_revisions("heads", current or "base"))))


def _directory(scripts: Path) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)
