"""Which schema this version wants, told from the files alone; Alembic is not needed to ask."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from storage.errors import StorageError

SCRIPTS = Path(__file__).parent


def check_current(engine: Engine, *, path: Path | None, scripts: Path = SCRIPTS) -> None:
    """Raise StorageError unless the schema is exactly this version's."""
    current, wanted = _current(engine), _head(scripts)
    where = path or engine.url.host
    if current is None or current < wanted:
        raise StorageError(
            f"{where}: the schema is older than this program; "
            "`signal-monitor db migrate` brings it up to date"
        )
    if current > wanted:
        raise StorageError(
            f"{where}: schema {current} was written by a newer version of signal-monitor; "
            "install that version, or restore an older backup"
        )


def _head(scripts: Path) -> str:
    """Return the newest revision; files are named after theirs, in ascending order."""
    return max(file.name.partition("_")[0] for file in (scripts / "versions").glob("[0-9]*.py"))


def _current(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
