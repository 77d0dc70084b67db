"""Rows from files, treated like fetched ones: tagged, linked, never told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import IO

from sqlmodel import Session, select

from monitor.errors import MonitorError
from monitor.jobs.follow import follow_known
from monitor.jobs.poll import item_keys
from monitor.jobs.process import process
from monitor.topics import Topics
from storage import ImportRowError, importer
from storage.importer import Imported, Tagging
from storage.models import Market, ThemeMarket

EVER = timedelta(days=36_500)


def import_rows(
    session: Session,
    topics: Topics,
    what: str,
    stream: IO[str],
    *,
    now: datetime,
    name: str,
    raw: bool = False,
) -> Imported:
    """Return what importing changed, after tags, signals, moves and links followed from it.

    `raw` reads a file that `export --raw` wrote, whose cells carry no guards.
    Raises MonitorError naming file, line and column; the caller's transaction keeps nothing then.
    """
    tagging = Tagging(owner_of=topics.owner_of, item_keys=item_keys)
    try:
        done = importer.read_csv(session, what, stream, tagging, now=now, raw=raw)
    except ImportRowError as error:
        raise MonitorError(f"{name}: {error}; nothing was imported") from error
    follow_known(session, topics)
    more = True
    while more:
        more = process(session, topics, (), now=now, link_horizon=EVER).more
    return done


def unfollowed(session: Session, done: Imported) -> list[tuple[str, str]]:
    """Return the (venue, id) of imported markets that no theme follows: none gets a link."""
    query = select(Market.venue, Market.venue_id).join(ThemeMarket)
    return sorted(done.markets.difference(session.exec(query)))
