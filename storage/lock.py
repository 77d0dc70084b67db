"""One writing instance for each database: a file lock that dies with its process."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from storage.errors import LockedError, StorageError
from storage.instants import format_instant

# `holder` asks by taking the lock for a moment; a start must not fail on that.
_TRIES = 5
_PAUSE_S = 0.01


@contextmanager
def instance_lock(database: Path, *, now: datetime) -> Iterator[None]:
    """Hold `DATABASE.lock` while the block runs; the kernel frees it if the process dies.

    Raises LockedError naming the holder's pid, StorageError when the file cannot be made.
    """
    path = lock_path(database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"{path}: cannot make the lock file: {error.strerror}") from error
    try:
        if not _taken(handle):
            named = _describe(_read(path))
            raise LockedError(
                f"another instance ({named}) holds {path}; stop it, or use commands that only read",
                holder=named,
            )
        mine = json.dumps({"pid": os.getpid(), "since": format_instant(now)})
        os.ftruncate(handle, 0)
        os.pwrite(handle, mine.encode(), 0)
        yield
    finally:
        os.close(handle)


def holder(database: Path) -> dict[str, object] | None:
    """Return pid and start of the instance that holds the lock now; None when nobody does."""
    path = lock_path(database)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(path)
    else:
        return None
    finally:
        os.close(handle)


def lock_path(database: Path) -> Path:
    """Return the lock file that belongs to a database file."""
    return database.with_name(database.name + ".lock")


def _taken(handle: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return True
    return False


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _describe(found: dict[str, object]) -> str:
    return f"pid {found.get('pid', 'unknown')}, since {found.get('since', 'an unknown time')}"
