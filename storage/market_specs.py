"""How stored markets settle: the spec columns of a market, written whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeAlias

from sqlmodel import Session, col, select

from storage.models import Market, MarketRevision
from storage.records import MarketRecord, MarketStatus, SettlementSpec

# Given the texts of a market, how it settles.
Settle: TypeAlias = Callable[[MarketRecord], SettlementSpec]


def put_spec(market: Market, spec: SettlementSpec) -> bool:
    """Return whether `market` changed. A field that the text no longer says becomes empty."""
    changed = False
    for name, value in _columns(spec).items():
        # Assigning an equal value would still make SQLAlchemy look at the row at flush.
        if getattr(market, name) != value:
            setattr(market, name, value)
            changed = True
    return changed


def add_spec(market: Market, spec: SettlementSpec) -> None:
    """Write the fields that `spec` names and keep the others."""
    for name, value in _columns(spec).items():
        if value is not None and getattr(market, name) != value:
            setattr(market, name, value)


def with_known_texts(
    record: MarketRecord, market: Market, before: MarketRevision | None
) -> MarketRecord:
    """Return `record` with what an earlier answer said wherever this one is silent."""
    return replace(
        record,
        rules=record.rules or (before.rules if before else None),
        closes_at=market.closes_at,
        series_title=market.series_title,
        label=market.label,
    )


def settle_stored(session: Session, settle: Settle) -> int:
    """Return how many stored markets now settle otherwise, after reading all of them again."""
    ordered = select(MarketRevision).order_by(col(MarketRevision.observed_at))
    latest = {revision.market_id: revision for revision in session.exec(ordered)}
    changed = 0
    for market in session.exec(select(Market).order_by(col(Market.id))):
        assert market.id is not None
        spec = settle(with_known_texts(as_record(market), market, latest.get(market.id)))
        if put_spec(market, spec):
            session.add(market)
            changed += 1
    session.flush()
    return changed


def _columns(spec: SettlementSpec) -> dict[str, Any]:
    values: dict[str, Any] = {field.name: getattr(spec, field.name) for field in fields(spec)}
    values["spec_confidence"] = values.pop("confidence")
    values["threshold"] = None if spec.threshold is None else str(spec.threshold)
    values["owners"] = list(spec.owners) or None
    return values


def as_record(market: Market) -> MarketRecord:
    """Return what is stored of a market as a source would tell it, without rules."""
    return MarketRecord(
        venue=market.venue,
        venue_id=market.venue_id,
        question=market.question,
        outcomes=(),
        series=market.series,
        slug=market.slug,
        status=MarketStatus(market.status),
    )
