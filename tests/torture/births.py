"""Kills while the database is made: it is then empty or whole, never between."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from storage import open_readonly
from storage.errors import StorageError
from tests.torture.forked import ForkedDaemons

WITHIN_S = (0.0, 0.35)


def births(daemons: ForkedDaemons, database: Path, kills: int, rng: random.Random) -> list[str]:
    """Return what was wrong with the files that `kills` kills amid the first start left."""
    findings: list[str] = []
    for _ in range(kills):
        for file in database.parent.glob(f"{database.name}*"):
            file.unlink()
        daemons.start()
        time.sleep(rng.uniform(*WITHIN_S))
        daemons.kill()
        findings += _flaws(database)
    return findings


def _flaws(database: Path) -> Iterator[str]:
    if not database.exists():
        return
    with closing(sqlite3.connect(database)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            yield "a kill while the database was made left a broken file"
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if not tables:
            return
    try:
        open_readonly(f"sqlite:///{database}").close()
    except StorageError as error:
        yield f"a kill while the database was made left it half made: {error}"
