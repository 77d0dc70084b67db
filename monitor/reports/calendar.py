"""What is due: when markets are checked or close, and what the news announced for a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from typing import Any

from sqlmodel import Session, col, select

from monitor.topics import Topics
from signals.calendar import Due, Told, announced, state
from storage import market_repo, signal_repo
from storage.market_repo import Leg
from storage.models import Market, Signal
from storage.records import MarketStatus

Report = dict[str, Any]
# Days deep in a long text are seldom about its news.
FIELDS = ("title", "summary")
STORY = "story"


def calendar(
    session: Session,
    topics: Topics,
    *,
    now: datetime,
    theme: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Report]:
    """Return what is due from `since` to before `until`, by day and instant.

    `state` is open, met (the market resolved; the launch came) or passed. `precision` is second
    for markets (`what` check or close), day or month for announcements (`what` their kind), due
    from `due` on and by `due_by`; `signal_id` is the signal that announced first.
    """
    names = [theme] if theme is not None else [each.name for each in topics.themes]
    rows = [*_market_rows(session, names, now=now), *_news_rows(session, names, now=now)]
    kept = [
        row
        for row in rows
        if (since is None or row["due_by"] >= since) and (until is None or row["due"] < until)
    ]
    return sorted(kept, key=lambda row: (row["due_by"], row["what"], row["title"]))


def _market_rows(session: Session, themes: Sequence[str], *, now: datetime) -> Iterable[Report]:
    markets = {
        market.id: market for market in session.exec(select(Market).order_by(col(Market.id)))
    }
    dated = [
        (leg, markets[leg.market_id], due)
        for leg in market_repo.legs(session, themes=themes)
        if (due := markets[leg.market_id].check_at or leg.closes_at) is not None
    ]
    dated.sort(key=lambda each: (each[0].venue, each[0].series, each[2]))
    for _, group in groupby(dated, key=lambda each: (each[0].venue, each[0].series, each[2])):
        found = list(group)
        leg, market, due = found[0]
        is_met = all(each.status == MarketStatus.RESOLVED for each, _, _ in found)
        yield {
            "due": due,
            "due_by": due,
            "precision": "second",
            "state": state(due, now, is_met=is_met),
            "what": "close" if market.check_at is None else "check",
            "title": leg.series_title or leg.question,
            "themes": _themes(each for each, _, _ in found),
            "venue": leg.venue,
            "series": leg.series,
            "markets": sorted({each.venue_id for each, _, _ in found}),
            "entities": sorted({each.owner for each, _, _ in found if each.owner}),
            "signal_id": None,
            "signal_ids": [],
            "met_by": None,
            "url": leg.url,
        }


def _news_rows(session: Session, themes: Sequence[str], *, now: datetime) -> Iterable[Report]:
    signals = signal_repo.signals(session, themes=themes)
    by_id = {signal.signal_id: signal for signal in signals}
    for due in announced((_told(signal) for signal in signals if _tells(signal)), now):
        yield _news_row(due, by_id[due.signal_ids[0]])


def _tells(signal: Signal) -> bool:
    # The dates of an item are stored with each of its events; they are the headline's.
    return signal.event_no == 0 and not signal.background


def _told(signal: Signal) -> Told:
    days = [
        fact["value"]
        for fact in signal.facts or ()
        if signal.origin_kind == STORY and fact["kind"] == "date" and fact.get("field") in FIELDS
    ]
    return Told(
        signal.signal_id,
        signal.at,
        signal.kind,
        tuple(signal.entities or ()),
        tuple(days),
        signal.title,
        signal.theme,
    )


def _news_row(due: Due, signal: Signal) -> Report:
    end = datetime.combine(due.last, time.min, tzinfo=UTC) + timedelta(days=1)
    return {
        "due": datetime.combine(due.first, time.min, tzinfo=UTC),
        "due_by": end,
        "precision": "day" if due.first == due.last else "month",
        "state": due.state,
        "what": due.kind,
        "title": due.title,
        "themes": list(due.themes),
        "venue": None,
        "series": None,
        "markets": [],
        "entities": list(due.entities),
        "signal_id": due.signal_ids[0],
        "signal_ids": list(due.signal_ids),
        "met_by": due.met_by,
        "url": signal.url,
    }


def _themes(legs: Iterable[Leg]) -> list[str]:
    return sorted({theme for leg in legs for theme, _ in leg.themes})
