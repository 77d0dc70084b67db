"""Rows from files, treated like fetched ones: tagged, linked, never told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import IO

from sqlmodel import Session

from monitor.app import Topics
from monitor.errors import MonitorError
from monitor.jobs.items import BATCH_ITEMS
from monitor.jobs.poll import item_keys
from monitor.jobs.process import process
from storage import ImportRowError, importer
from storage.importer import Imported, Tagging

EVER = timedelta(days=36_500)


def import_rows(
    session: Session, topics: Topics, what: str, stream: IO[str], *, now: datetime, name: str
) -> Imported:
    """Return what importing changed, after tags, signals, moves and links followed from it.

    Raises MonitorError naming file, line and column; the caller's transaction keeps nothing then.
    """
    tagging = Tagging(owner_of=topics.owner_of, item_keys=item_keys)
    try:
        done = importer.read_csv(session, what, stream, tagging, now=now)
    except ImportRowError as error:
        raise MonitorError(f"{name}: {error}; nothing was imported") from error
    for _ in range(done.added // BATCH_ITEMS + 1):
        process(session, topics, (), now=now, link_horizon=EVER)
    return done
