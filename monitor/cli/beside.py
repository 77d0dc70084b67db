"""Short writes to the database while a daemon owns it, and who acts on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlmodel import Session

    from monitor.config import Config


@contextmanager
def writing(config: Config) -> Iterator[Session]:
    """Yield a session whose changes commit at the end, beside a running daemon.

    Never creates or migrates a database. Keep it short: the daemon waits for it.
    """
    from storage import open_beside

    store = open_beside(config.storage.url)
    try:
        with store.begin() as session:
            yield session
    finally:
        store.close()


def daemon_pid(config: Config) -> object | None:
    """Return the pid of the process that runs on this database; None when none does."""
    from storage import lock
    from storage.engine import sqlite_path

    path = sqlite_path(config.storage.url)
    holder = lock.holder(path) if path else None
    return None if holder is None else holder.get("pid", "unknown")


def sender_words(config: Config) -> str:
    """Return who will send what is queued, and when."""
    pid = daemon_pid(config)
    if pid is None:
        return "no daemon runs: `signal-monitor run` or `poll` sends it"
    return f"the daemon (pid {pid}) sends it within seconds"
