"""Stored markets and the pure settlement value: read from texts, overridden by the config."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from monitor.topics import Topics
from signals.settlement import SPEC_FIELDS, Settlement, overridden
from signals.settlement_distance import Distance, distance
from signals.settlement_owners import COUNTRY, EVERYBODY
from signals.standings import Board, BoardRow
from storage.models import Market
from storage.records import MarketRecord, SettlementSpec

Settle = Callable[[MarketRecord], SettlementSpec]


def settler(topics: Topics, followed: Iterable[tuple[str, str, str]]) -> Settle:
    """Return how to read a market's spec; `followed` are (venue, venue id, reference key).

    What a followed reference's `spec` says wins over the text. Of two references that both say
    something of one market, the one configured first speaks.
    """
    given: dict[tuple[str, str], dict[str, Any]] = {}
    overrides = topics.spec_overrides
    order = {key: place for place, key in enumerate(overrides)}
    named = sorted((each for each in followed if each[2] in overrides), key=lambda e: order[e[2]])
    for venue, venue_id, key in named:
        kept = given.setdefault((venue, venue_id), {})
        given[venue, venue_id] = {**overrides[key], **kept}

    def settle(record: MarketRecord) -> SettlementSpec:
        return _spec(
            overridden(_read(topics, record), given.get((record.venue, record.venue_id), {}))
        )

    return settle


def stored_settlement(market: Market) -> Settlement:
    """Return the settlement that a market's columns hold, without what was unknown."""
    values: dict[str, Any] = {name: getattr(market, name) for name in SPEC_FIELDS}
    values["threshold"] = None if market.threshold is None else Decimal(market.threshold)
    values["owners"] = tuple(market.owners or ())
    return Settlement(**values)


def market_distance(topics: Topics, spec: Settlement, board: Board, **when: Any) -> Distance:
    """Return how far the market is from flipping on `board`; `now` and `closes_at` as keywords."""
    return distance(
        spec,
        board,
        belongs=lambda owner, row: belongs(topics, owner, row),
        maker_of=lambda row: maker_of(topics, row),
        **when,
    )


def belongs(topics: Topics, owner: str, row: BoardRow) -> bool:
    """Return whether a row of a board is `owner`'s: an entity, `country:CN`, or `all`."""
    if owner == EVERYBODY:
        return True
    if owner.startswith(COUNTRY):
        country = topics.catalog.country_of_model(row.model, row.organization)
        return country == owner.removeprefix(COUNTRY)
    maker = maker_of(topics, row)
    return maker is not None and maker == topics.top_owner_id(owner)


def maker_of(topics: Topics, row: BoardRow) -> str | None:
    """Return the entity that owns a row; the organization speaks before the model's name."""
    named = topics.owner_of(row.organization) if row.organization else None
    return named or topics.owner_of(row.model)


def _read(topics: Topics, record: MarketRecord) -> Settlement:
    return topics.read_settlement(
        record.question,
        record.series_title,
        record.rules,
        record.label,
        record.closes_at,
    )


def _spec(found: Settlement) -> SettlementSpec:
    values = {name: getattr(found, name) for name in SPEC_FIELDS}
    return SettlementSpec(**values, confidence=found.confidence)
