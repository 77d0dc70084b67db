"""Links judged anew from stored prices, nothing written: a study, or what was to be known then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sqlmodel import Session, col, select

from monitor.jobs.link_book import Focus, LinkBook, may_lead
from monitor.jobs.links import Progress, judged, link_values
from monitor.topics import Topics
from signals.placebo import STOP_AT
from storage import signal_repo
from storage.link_rows import link_rows
from storage.models import Market, Outcome

# From so many responses of one outcome on, most of them answer after a part of their windows.
MANY = 200


def replayed_links(
    session: Session,
    topics: Topics,
    *,
    since: datetime | None,
    now: datetime,
    progress: Progress | None = None,
) -> list[tuple[Any, ...]]:
    """Return the rows of `tables.LINKS_IN_FULL` as they would be judged at `now`, from nothing.

    Only signals observed and prices read by then are looked at, whatever came later. Where one
    outcome has 200 responses or more, comparing stops once its p is sure to be above 0.05; it
    stays a valid p. `progress` gets the number of pairs done and of all.
    """
    until = now + timedelta(milliseconds=1)
    signals = {
        signal.signal_id: signal
        for signal in signal_repo.signals(session, since=since, until=until)
        if may_lead(signal) and signal.observed_at <= now
    }
    if not signals:
        return []
    first = min(signal.at for signal in signals.values())
    book = LinkBook(session, topics, since=first, until=until, anew=True)
    focused = [focus for signal in signals.values() for focus in book.focuses(signal)]
    book.note(focused)
    links = [
        SimpleNamespace(id=number, **values)
        for number, values in enumerate(_values(book, focused, now, progress))
    ]
    return list(link_rows(links, signals, _named(session, links)))


def _values(
    book: LinkBook, focused: list[Focus], now: datetime, progress: Progress | None
) -> Iterator[dict[str, Any]]:
    by_outcome: dict[int, list[Focus]] = defaultdict(list)
    for focus in focused:
        by_outcome[focus.leg.outcome_id].append(focus)
    done = 0
    for alike in by_outcome.values():
        book.compare(alike, stop_at=STOP_AT if len(alike) >= MANY else None)
        for focus in alike:
            if progress is not None:
                progress(done, len(focused))
            done += 1
            yield from (link_values(found) for found in judged(book, focus, now=now))
    if progress is not None:
        progress(done, len(focused))


def _named(
    session: Session, links: list[SimpleNamespace]
) -> dict[int | None, tuple[Market, Outcome]]:
    wanted = {link.outcome_id for link in links}
    query = select(Market, Outcome).join(Outcome, col(Outcome.market_id) == Market.id)
    return {
        outcome.id: (market, outcome)
        for market, outcome in session.exec(query)
        if outcome.id in wanted
    }
