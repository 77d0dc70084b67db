"""Rows as rules read them, at any instant: what was seen or said later is not looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from monitor.alerts.views import (
    LinkView,
    MarketPrice,
    MarketView,
    MoveView,
    SignalView,
    StandingView,
)
from monitor.jobs.known_legs import KnownLegs
from monitor.jobs.known_prices import KnownPrices
from monitor.jobs.link_views import link_view
from monitor.jobs.market_views import MarketViews
from monitor.jobs.move_evidence import Causes, LegOwners
from monitor.jobs.story_evidence import evidence
from monitor.reports.facts import fact_texts
from monitor.reports.similar import Similar
from monitor.topics import Topics
from storage.instants import to_ms
from storage.market_news import ORIGIN_KIND
from storage.market_repo import Leg
from storage.models import Link, Move, Signal
from storage.records import MarketStatus, Precision

MAX_PRICES = 4
MAX_NAMES = 3
_PRECISE = (Precision.SECOND, Precision.MINUTE)


class Viewer:
    """Builds views of rows as known at `now`, live or in the past; legs and prices are read once.

    The rows given are versions that were known then.
    """

    def __init__(self, session: Session, topics: Topics, *, now: datetime) -> None:
        self._session, self._topics, self._now = session, topics, now
        self._legs = KnownLegs(session, topics, now=now)
        self._prices = KnownPrices(session, now=now)
        self._similar = Similar(session, now=now)
        self._own: dict[str, list[Leg]] = {}
        self._owners = LegOwners(topics)
        self._causes = Causes(session, now=now)
        self._markets = MarketViews(session, topics, self._legs, self._prices, now=now)

    def signal(self, row: Signal) -> SignalView:
        """Return a story's signal with the prices of its theme's own series.

        A venue's own news bears on the markets that it names.
        """
        legs = self._bears_on(row)
        seen = evidence(self._session, row, now=self._now)
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
            published_at=seen.published_at,
            precision=seen.precision,
            url=row.url,
            lang=row.lang,
            entities=tuple(row.entities or ()),
            entity_names=tuple(self.names(row.entities or ())),
            facts=tuple(fact_texts(row.facts or ())),
            background=row.background,
            reasons=tuple(row.reason or ()),
            series=tuple(dict.fromkeys(leg.series for leg in legs)),
            merged=seen.merged,
            prices=self._shown(row, legs),
            novelty=row.novelty,
            venues=tuple(dict.fromkeys(leg.venue for leg in legs)),
            markets=tuple(dict.fromkeys(leg.venue_id for leg in legs)),
            publisher_names=seen.publishers,
            volume_24h=self._largest_volume(legs),
            similar=self._did_before(row),
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
            url=row.url,
            background=row.background,
            series=tuple(dict.fromkeys(leg.series for leg in legs)),
            prices=self._shown(row, legs),
        )

    def move(self, row: Move) -> MoveView | None:
        """Return a move with its leg; None when no theme follows the market any more."""
        leg = self._legs.of_outcome(row.outcome_id)
        if leg is None:
            return None
        said, state = self._legs.said(leg), self._prices.state(leg)
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
            themes=own_first(leg.themes),
            z=row.z,
            explained_by=self._causes.of(row),
            rules_text=said.rules if said else None,
            market_id=leg.venue_id,
            crossed_at=row.crossed_at,
            now=state.price,
            day_ago=state.day_ago,
            spread=state.spread,
            volume_24h=state.volume_24h,
            entities=self._owners.entities(leg),
        )

    def link(self, row: Link, signal: Signal) -> LinkView | None:
        """Return what a leg did after `signal`; None when no theme follows the market any more."""
        leg = self._legs.of_outcome(row.outcome_id)
        if leg is None:
            return None
        return link_view(
            row,
            signal,
            leg,
            state=self._prices.state(leg),
            settles=self._legs.settles(leg),
            entity_names=tuple(self.names(signal.entities or ())),
        )

    def markets(self, rows: Iterable[Signal]) -> list[MarketView]:
        """Return what signals of markets themselves say, once for each market and state."""
        return self._markets.happened(rows)

    def disputed(self) -> list[MarketView]:
        """Return the disputes of the last month that still stand."""
        return self._markets.disputed()

    def closing(self, until: datetime) -> list[MarketView]:
        """Return the own markets that are open and close by `until`, the next first."""
        return self._markets.closing(until)

    def names(self, entities: Iterable[str]) -> list[str]:
        """Return the English names of entities and of who owns them, owners first."""
        known = self._topics.catalog.entities
        found = [known[entity] for entity in entities if entity in known]
        owners = [self._topics.catalog.top_owner(entity.id) for entity in found]
        names = [entity.name_en or entity.id for entity in (*owners, *found)]
        return list(dict.fromkeys(names))[:MAX_NAMES]

    def _did_before(self, row: Signal) -> str | None:
        # A venue's own news comes with its price: nothing is studied of it.
        if row.origin_kind == ORIGIN_KIND:
            return None
        return self._similar.sentence(row, self._legs.by_outcome)

    def _bears_on(self, row: Signal) -> list[Leg]:
        if row.origin_kind != ORIGIN_KIND:
            return self._own_legs(row.theme)
        return self._legs.of_markets(row.source, row.facts[0]["market_ids"])

    def _own_legs(self, theme: str) -> list[Leg]:
        if theme not in self._own:
            self._own[theme] = self._legs.own(theme)
        return self._own[theme]

    def _largest_volume(self, legs: Iterable[Leg]) -> float | None:
        volumes = (self._prices.volume_24h(leg) for leg in legs if _is_open(leg))
        return max((volume for volume in volumes if volume is not None), default=None)

    def _shown(self, row: Signal, legs: list[Leg]) -> tuple[MarketPrice, ...]:
        owners = self._topics.owners(row.entities)
        mine = [leg for leg in legs if leg.owner in owners and _is_open(leg)]
        legs_of = Counter(leg.series for leg in legs)
        alone = [leg for leg in legs if legs_of[leg.series] == 1 and _is_open(leg)]
        shown = list({leg.outcome_id: leg for leg in (*mine, *alone)}.values())
        return tuple(self._price(row, leg) for leg in shown[:MAX_PRICES])

    def _price(self, row: Signal, leg: Leg) -> MarketPrice:
        state = self._prices.state(leg)
        is_precise = row.precision in _PRECISE
        return MarketPrice(
            label=leg.label or leg.question,
            before=self._prices.at(leg, row.at) if is_precise else None,
            now=state.price,
            url=leg.url,
            day_ago=state.day_ago,
            settles=self._legs.settles(leg),
        )


def own_first(themes: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the themes that follow a market, those it is their own market of first."""
    return tuple(theme for theme, relation in sorted(themes, key=lambda t: (t[1] != "own", t[0])))


def _is_open(leg: Leg) -> bool:
    return leg.status == MarketStatus.OPEN.value
