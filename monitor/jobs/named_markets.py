"""The stored markets that a text names, by address, slug or question, as facts of its tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlmodel import Session, col, func, or_, select

from signals.market_names import MarketName
from storage.models import Market


def market_facts(session: Session, names: Iterable[MarketName]) -> list[dict[str, Any]]:
    """Return a fact `names_market` for each named market that is stored, a series told once.

    The value is `venue/id`, of a series of several markets `venue/series`. A question must be
    asked in the very words of a market or of its series.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        for market in _stored(session, name):
            several = market.series is not None and not _names_one(name, market)
            key = f"{market.venue}/{market.series if several else market.venue_id}"
            found.setdefault(
                key,
                {
                    "kind": "names_market",
                    "value": key,
                    "unit": name.how,
                    "text": name.text,
                    "field": "text",
                },
            )
    return list(found.values())


def _stored(session: Session, name: MarketName) -> list[Market]:
    query = select(Market).order_by(col(Market.id))
    if name.venue is not None:
        query = query.where(Market.venue == name.venue)
    if name.how == "question":
        asked = name.text.lower()
        query = query.where(
            or_(func.lower(Market.question) == asked, func.lower(Market.series_title) == asked)
        )
        return list(session.exec(query))
    parts = [part.lower() for part in name.text.split("/") if part]
    columns = (Market.slug, Market.series, Market.venue_id)
    query = query.where(or_(*(func.lower(column).in_(parts) for column in columns)))
    return list(session.exec(query))


def _names_one(name: MarketName, market: Market) -> bool:
    """Return whether the name is of the market itself and not only of its series."""
    said = name.text.lower()
    parts = said.split("/")
    own = {(market.slug or "").lower(), market.venue_id.lower()}
    return said == market.question.lower() or any(part in own for part in parts if part)
