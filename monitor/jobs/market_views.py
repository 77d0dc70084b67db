"""What happened to markets themselves, and which close soon, as rules read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from monitor.alerts.views import MarketView
from monitor.jobs.known_legs import KnownLegs
from monitor.jobs.known_prices import KnownPrices
from monitor.jobs.markets import GROWING
from monitor.topics import Topics
from storage import market_news, market_versions
from storage.instants import format_instant
from storage.market_repo import Leg
from storage.models import Market, Signal
from storage.records import MarketStatus, Origin

STATES = {
    "market_listed": "listed",
    "rule_change": "rules_changed",
    "dispute": "dispute",
    "market_resolved": "resolved",
}
DISPUTES_FOR = timedelta(days=30)
_POLLED = (Origin.LIVE.value, Origin.FIRST_POLL.value)


class MarketViews:
    """Views of markets as known at `now`: each market once in each state, whatever its themes."""

    def __init__(
        self,
        session: Session,
        topics: Topics,
        legs: KnownLegs,
        prices: KnownPrices,
        *,
        now: datetime,
    ) -> None:
        self._session, self._topics, self._now = session, topics, now
        self._legs, self._prices = legs, prices

    def happened(self, rows: Iterable[Signal]) -> list[MarketView]:
        """Return what signals of origin market say, one view for each market and state."""
        return _once(view for row in rows for view in self._of_signal(row))

    def disputed(self) -> list[MarketView]:
        """Return the disputes of the last 30 days that still stand.

        One stands until the market is resolved, or its oracle says something else.
        """
        since = self._now - DISPUTES_FOR
        rows = market_news.disputes(self._session, since=since, at=self._now)
        return _once(
            view for row in rows for view in self._of_signal(row, stands_since=row.at + GROWING)
        )

    def closing(self, until: datetime) -> list[MarketView]:
        """Return the own markets that polls have seen, are open and close by `until`."""
        by_market: dict[tuple[str, str], list[Leg]] = defaultdict(list)
        for leg in self._legs.closing(until):
            by_market[leg.venue, leg.venue_id].append(leg)
        return [self._closing(legs) for legs in by_market.values()]

    def _of_signal(
        self, row: Signal, *, stands_since: datetime | None = None
    ) -> Iterator[MarketView]:
        state = STATES.get(row.kind)
        venue_ids = row.facts[0]["market_ids"] if state else ()
        by_market: dict[str, list[Leg]] = defaultdict(list)
        for leg in self._legs.of_markets(row.source, venue_ids):
            by_market[leg.venue_id].append(leg)
        for legs in by_market.values():
            if stands_since is None or self._stands(legs[0], stands_since):
                yield self._view(
                    legs,
                    state=str(state),
                    state_id=format_instant(row.at),
                    said=self._said(row, legs[0]),
                    observed_at=row.observed_at,
                    alertable=row.alertable and not row.background,
                    signal_id=row.signal_id,
                    story_id=row.origin_id,
                    themes=(row.theme,),
                    entities=tuple(row.entities or ()),
                )

    def _closing(self, legs: Sequence[Leg]) -> MarketView:
        first = legs[0]
        assert first.closes_at is not None
        texts = " ; ".join(filter(None, (first.label, first.question)))
        owners = [leg.owner for leg in legs if leg.owner]
        return self._view(
            legs,
            state="closing",
            state_id=format_instant(first.closes_at),
            said=f"closes at {first.closes_at:%Y-%m-%d %H:%M} UTC",
            observed_at=self._now,
            alertable=self._is_polled(legs),
            themes=tuple(theme for theme, relation in first.themes if relation == "own"),
            entities=tuple(dict.fromkeys((*owners, *self._topics.catalog.entity_ids(texts)))),
        )

    def _view(self, legs: Sequence[Leg], **given: Any) -> MarketView:
        first, is_alone = legs[0], len(legs) == 1
        volumes = [self._prices.volume_24h(leg) for leg in legs]
        return MarketView(
            venue=first.venue,
            market_id=first.venue_id,
            series=first.series,
            question=first.question,
            series_title=first.series_title,
            label=first.label if is_alone else None,
            url=first.url,
            closes_at=first.closes_at,
            price=self._prices.state(first).price if is_alone else None,
            volume_24h=max((volume for volume in volumes if volume is not None), default=None),
            settles=self._legs.settles(first),
            **given,
        )

    def _said(self, row: Signal, leg: Leg) -> str:
        headline = row.title.partition(":")[0]
        if row.kind == "market_resolved":
            said = self._legs.said(leg)
            return f"{headline}: {said.resolution}" if said and said.resolution else headline
        details = "; ".join(filter(None, map(_change, row.facts[1:])))
        if row.kind == "dispute" and row.reason:
            details = row.reason[0]
        return f"{headline}: {details}" if details else headline

    def _stands(self, leg: Leg, since: datetime) -> bool:
        said = self._legs.said(leg)
        if said is None or said.status == MarketStatus.RESOLVED.value:
            return False
        then = market_versions.revisions_at(
            self._session, [leg.market_id], min(since, self._now)
        ).get(leg.market_id)
        return then is not None and then.oracle == said.oracle

    def _is_polled(self, legs: Sequence[Leg]) -> bool:
        """Return whether polls had seen the market by now: an import alone never alerts."""
        market = self._session.get_one(Market, legs[0].market_id)
        return market.origin in _POLLED or any(map(self._prices.is_watched, legs))


def _once(views: Iterable[MarketView]) -> list[MarketView]:
    """Return one view for each market, state and time of it, of all its themes."""
    found: dict[tuple[str, str, str, str], MarketView] = {}
    for view in views:
        key = (view.venue, view.market_id, view.state, view.state_id)
        first = found.setdefault(key, view)
        themes = tuple(dict.fromkeys((*first.themes, *view.themes)))
        found[key] = replace(first, themes=themes)
    return list(found.values())


def _change(fact: dict[str, Any]) -> str:
    """Return one changed thing: how it settles otherwise, or the words that changed."""
    if "diff" in fact:
        return str(fact["diff"])
    return f"{fact['field']} {fact['before']} → {fact['after']}" if "field" in fact else ""
