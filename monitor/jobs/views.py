"""Rows as rules read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from monitor.alerts.views import Candidate, MarketPrice, MoveView, SignalView, StandingView
from monitor.jobs import series
from monitor.reports.facts import fact_texts
from monitor.topics import Topics
from storage import market_repo
from storage.instants import to_ms
from storage.market_repo import Leg
from storage.models import Item, Move, Signal
from storage.records import Precision

MAX_PRICES = 4


class Viewer:
    """Builds views on one snapshot; legs and prices are read once."""

    def __init__(self, session: Session, topics: Topics, *, now: datetime) -> None:
        self._session, self._topics, self._now = session, topics, now
        self._legs = market_repo.legs(session)

    def signal(self, row: Signal) -> SignalView:
        """Return a story's signal with the prices of its theme's own series."""
        legs = self._own_legs(row.theme)
        return SignalView(
            signal_id=row.signal_id,
            story_id=row.origin_id,
            theme=row.theme,
            kind=row.kind,
            title=row.title,
            source=row.source,
            tier=row.tier,
            score=row.score,
            publishers=row.publishers,
            observed_at=row.observed_at,
            alertable=row.alertable,
            published_at=self._published_at(row),
            precision=row.precision,
            url=row.url,
            lang=row.lang,
            entities=tuple(row.entities or ()),
            entity_names=tuple(self._names(row.entities or ())),
            facts=tuple(fact_texts(row.facts or ())),
            background=row.background,
            reasons=tuple(row.reason or ()),
            series=tuple(dict.fromkeys(leg.series for leg in legs)),
            prices=self._prices(row, legs),
        )

    def standing(self, row: Signal) -> StandingView:
        """Return a board's change with the prices of its theme's own series."""
        fact = row.facts[0]
        legs = self._own_legs(row.theme)
        return StandingView(
            signal_id=row.signal_id,
            theme=row.theme,
            board=fact["board"],
            style_control=fact["style_control"],
            publish_date=datetime.fromisoformat(fact["publish_date"]).date(),
            change=fact["change"],
            model=fact["model"],
            rank=fact["rank"],
            score=fact["score"],
            title=row.title,
            observed_at=row.observed_at,
            alertable=row.alertable,
            organization=fact["organization"],
            gap=fact["gap_to_first"],
            series=tuple(dict.fromkeys(leg.series for leg in legs)),
            prices=self._prices(row, legs),
        )

    def move(self, row: Move) -> MoveView | None:
        """Return a move with its leg; None when no theme follows the market any more."""
        leg = next((leg for leg in self._legs if leg.outcome_id == row.outcome_id), None)
        if leg is None:
            return None
        return MoveView(
            move_key=f"{row.outcome_id}/{to_ms(row.start_at)}",
            outcome_id=row.outcome_id,
            venue=leg.venue,
            series=leg.series,
            label=leg.label or leg.outcome,
            question=leg.question,
            start_at=row.start_at,
            end_at=row.end_at,
            price_from=row.price_from,
            price_to=row.price_to,
            move=row.move,
            verdict=row.verdict,
            persisted=row.state == "persisted",
            live=row.live,
            series_title=leg.series_title,
            outcome=leg.outcome,
            market_url=leg.url,
            themes=_own_first(leg.themes),
            z=row.z,
            explained_by=tuple(
                Candidate(
                    title=found["title"],
                    minutes_before=found["minutes_before"],
                    clock_error_min=found["clock_error_min"],
                    url=found["url"],
                )
                for found in row.explained_by or ()
            ),
        )

    def _own_legs(self, theme: str) -> list[Leg]:
        return [leg for leg in self._legs if (theme, "own") in leg.themes]

    def _published_at(self, row: Signal) -> datetime | None:
        if row.origin_kind != "story":
            return None
        query = select(Item).where(Item.story_id == row.origin_id)
        published = [item.published_at for item in self._session.exec(query) if item.published_at]
        return min(published, default=None)

    def _names(self, entities: Any) -> list[str]:
        known = self._topics.catalog.entities
        found = [known[entity] for entity in entities if entity in known]
        owners = [self._topics.catalog.top_owner(entity.id) for entity in found]
        names = [entity.name_en or entity.id for entity in (*owners, *found)]
        return list(dict.fromkeys(names))[:3]

    def _prices(self, row: Signal, legs: list[Leg]) -> tuple[MarketPrice, ...]:
        owners = self._topics.owners(row.entities)
        mine = [leg for leg in legs if leg.owner in owners and leg.status == "open"]
        alone = [leg for leg in legs if self._is_alone(leg, legs) and leg.status == "open"]
        shown = list({leg.outcome_id: leg for leg in (*mine, *alone)}.values())
        return tuple(self._price(row, leg) for leg in shown[:MAX_PRICES])

    def _price(self, row: Signal, leg: Leg) -> MarketPrice:
        prices = series.load(self._session, leg, since=min(row.at, self._now)).series
        before = None
        if row.precision in (Precision.SECOND, Precision.MINUTE):
            before = prices.as_of(to_ms(row.at)).value
        return MarketPrice(
            label=leg.label or leg.question,
            before=before,
            now=prices.as_of(to_ms(self._now)).value,
            url=leg.url,
        )

    def _is_alone(self, leg: Leg, legs: list[Leg]) -> bool:
        return sum(other.series == leg.series for other in legs) == 1


def _own_first(themes: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the themes that follow a market, those it is their own market of first."""
    return tuple(theme for theme, relation in sorted(themes, key=lambda t: (t[1] != "own", t[0])))
