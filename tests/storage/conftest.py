"""A store on a fresh file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import Store, open_store


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the file of an empty store; a copy is quicker than the migrations."""
    path = tmp_path_factory.mktemp("blank") / "signal-monitor.db"
    open_store(f"sqlite:///{path}").close()
    return path.read_bytes()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return where a database may be; there is none yet."""
    return tmp_path / "signal-monitor.db"


@pytest.fixture
def store(database: Path, blank: bytes) -> Iterator[Store]:
    database.write_bytes(blank)
    opened = open_store(f"sqlite:///{database}")
    yield opened
    opened.close()
