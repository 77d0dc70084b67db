"""Stored markets and the pure settlement value: read from texts, overridden by the config."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from monitor.topics import Topics
from signals.settlement import SPEC_FIELDS, Settlement, overridden
from signals.settlement_distance import Distance, distance
from signals.settlement_owners import COUNTRY, EVERYBODY
from signals.standings import Board, BoardRow
from storage import market_versions
from storage.market_repo import Leg
from storage.market_specs import as_record, put_spec, with_known_texts
from storage.models import Market, MarketRevision, ThemeMarket
from storage.records import MarketRecord, SettlementSpec

Settle = Callable[[MarketRecord], SettlementSpec]
_READ_FROM = ("question", "rules", "closes_at")


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


def known_markets(
    session: Session, topics: Topics, markets: Sequence[Market], *, at: datetime
) -> list[Market]:
    """Return markets as they were known at `at`: state, texts, and how those texts settle them.

    Those first seen later are left out. What was said since is left out of copies; labels and
    series have no versions.
    """
    seen = [market for market in markets if market.first_seen_at <= at]
    ids = [market.id for market in seen if market.id is not None]
    then = market_versions.revisions_at(session, ids, at)
    now = market_versions.revisions_at(session, ids)
    references: dict[int, list[str]] = {}
    for row in session.exec(select(ThemeMarket).where(col(ThemeMarket.market_id).in_(ids))):
        references.setdefault(row.market_id, []).append(row.matched)
    found = []
    for market in seen:
        said, last = then.get(market.id or 0), now.get(market.id or 0)
        if said is not None and last is not None and said.observed_at != last.observed_at:
            known = market_versions.as_known(market, said)
            if any(getattr(said, name) != getattr(last, name) for name in _READ_FROM):
                _settle_again(topics, known, said, references.get(market.id or 0, []))
            found.append(known)
        else:
            found.append(market)
    return found


def _settle_again(
    topics: Topics, market: Market, said: MarketRevision, references: Iterable[str]
) -> None:
    settle = settler(topics, [(market.venue, market.venue_id, key) for key in references])
    put_spec(market, settle(with_known_texts(as_record(market), market, said)))


def leg_settlement(market: Market, leg: Leg) -> Settlement:
    """Return how one leg settles; an answer of several is measured by its own owner."""
    spec = stored_settlement(market)
    if not spec.owners and leg.owner is not None and leg.label != market.label:
        # The question names nobody, the answer does.
        return replace(spec, owners=(leg.owner,))
    return spec


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
