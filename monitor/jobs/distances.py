"""Publications of leaderboards become distances to flip: a row for each leg that they decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any

from sqlmodel import Session, select

from monitor.reports.boards import as_board
from monitor.settlements import belongs, leg_settlement, maker_of
from monitor.topics import Topics
from signals.settlement import Settlement
from signals.settlement_distance import distance, settles_on
from signals.standings import Board
from storage import (
    distance_repo,
    market_repo,
    market_versions,
    publications,
    quotes,
    standing_repo,
)
from storage.distance_repo import ListKey
from storage.instants import from_ms
from storage.market_repo import Leg
from storage.models import Distance, Market
from storage.publications import Publication

UNNAMED = "the rules name no list of the board"


def measure(session: Session, topics: Topics, *, now: datetime) -> int:
    """Return how many distances were added or changed.

    Each leg has a row for each publication in its life of a list that decides it, from the one
    in force when it began. A row is written once. When the rules change, one more begins there;
    when only their reading did (the catalog, the config), all of the leg's rows get a version.
    """
    markets = {market.id: market for market in session.exec(select(Market))}
    legs = [
        leg
        for leg in market_repo.legs(session)
        if markets[leg.market_id].spec_confidence is not None or markets[leg.market_id].board
    ]
    if not legs:
        return 0
    gauge = _Gauge(session, topics)
    stored = distance_repo.series(session, [leg.outcome_id for leg in legs])
    revised = market_versions.revised_at(session, {leg.market_id for leg in legs})
    changed = 0
    for leg in legs:
        market = markets[leg.market_id]
        rows = gauge.rows(leg, market, stored.get(leg.outcome_id, []), revised.get(leg.market_id))
        changed += distance_repo.put(session, leg.outcome_id, rows, known_from=now)
    return changed


class _Gauge:
    """Measures legs on publications; boards and owners of their rows are read once."""

    def __init__(self, session: Session, topics: Topics) -> None:
        self._session = session
        self._belongs = cache(partial(belongs, topics))
        self._maker_of = cache(partial(maker_of, topics))
        self._boards: dict[Publication, Board] = {}
        self._lists = publications.publications(session)

    def rows(
        self, leg: Leg, market: Market, stored: Sequence[Distance], revised_at: datetime | None
    ) -> Iterator[dict[str, Any]]:
        """Yield the values that are not `stored` as they are."""
        spec = leg_settlement(market, leg)
        if spec.board is None:
            yield _unnamed(market)
            return
        for key, found in self._lists.items():
            board, category, style = key
            if settles_on(spec, board=board, category=category, style_control=style):
                mine = [row for row in stored if distance_repo.list_of(row) == key]
                lived = self._lived(leg, market, found)
                yield from self._list_rows(key, lived, spec, leg, mine, revised_at)

    def _list_rows(
        self,
        key: ListKey,
        lived: Sequence[Publication],
        spec: Settlement,
        leg: Leg,
        stored: Sequence[Distance],
        revised_at: datetime | None,
    ) -> Iterator[dict[str, Any]]:
        known = {row.at for row in stored}
        for each in lived:
            if each.at not in known:
                yield self._values(key, each, spec, leg, at=each.at)
        newest = next((row for row in reversed(stored) if lived and row.at >= lived[-1].at), None)
        if newest is None:
            return
        now_read = self._values(key, lived[-1], spec, leg, at=newest.at)
        if all(getattr(newest, name) == value for name, value in now_read.items()):
            return
        if revised_at is not None and revised_at > newest.at:
            yield self._values(key, lived[-1], spec, leg, at=revised_at)
            return
        for each in lived:
            yield self._values(key, each, spec, leg, at=each.at)
        if newest.at > lived[-1].at:
            yield now_read

    def _lived(
        self, leg: Leg, market: Market, found: Sequence[Publication]
    ) -> Sequence[Publication]:
        """Return the publications in a leg's life, from the one in force when it began."""
        first = quotes.first_at(self._session, leg.outcome_id)
        began = market.first_seen_at if first is None else min(market.first_seen_at, from_ms(first))
        ended = market.resolved_at
        lived = [each for each in found if ended is None or each.at < ended]
        before = sum(each.at <= began for each in lived)
        return lived[max(before - 1, 0) :]

    def _values(
        self, key: ListKey, page: Publication, spec: Settlement, leg: Leg, *, at: datetime
    ) -> dict[str, Any]:
        far = distance(
            spec,
            self._board(page),
            belongs=self._belongs,
            maker_of=self._maker_of,
            now=at,
            closes_at=leg.closes_at,
        )
        board, category, style = key
        return {
            "board": board,
            "category": category,
            "style_control": style,
            "at": at,
            "source": page.key[0],
            "publish_date": page.day,
            "place": spec.place,
            "threshold": None if spec.threshold is None else str(spec.threshold),
            "universe": spec.universe,
            "gap": far.gap,
            "intervals_overlap": far.intervals_overlap,
            "days_left": None if far.days_left is None else round(far.days_left, 3),
            "model": far.model,
            "rank": far.rank,
            "rival": far.rival,
            "reason": far.reason,
        }

    def _board(self, page: Publication) -> Board:
        if page not in self._boards:
            version = standing_repo.board_at(
                self._session, page.key, page.day, until=page.observed_at
            )
            assert version is not None  # of the same snapshot
            self._boards[page] = as_board(version)
        return self._boards[page]


def _unnamed(market: Market) -> dict[str, Any]:
    """Return the row of a market that asks for a place on a list its rules do not name."""
    values: dict[str, Any] = dict.fromkeys(("board", "category", "style_control"))
    return {
        **values,
        "at": market.first_seen_at,
        "place": market.place,
        "threshold": market.threshold,
        "universe": market.universe,
        "reason": UNNAMED,
    }
