"""Records for tests: every field has a plain default, a test names only what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from storage import Store
from storage.market_repo import OutcomeKey, outcome_ids, upsert
from storage.quotes import as_row, insert_rows
from storage.records import (
    ItemRecord,
    MarketRecord,
    Origin,
    OutcomeRecord,
    Precision,
    PriceBasis,
    QuoteRecord,
    StandingRecord,
)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TOKEN = "7" * 76 + "1"


def at(minutes: float) -> datetime:
    """Return NOON plus `minutes`."""
    return NOON + timedelta(minutes=minutes)


def a_market(venue_id: str = "516960", **given: Any) -> MarketRecord:
    """Return an open binary market whose first outcome is TOKEN unless `outcomes` are given."""
    values: dict[str, Any] = {
        "venue": "polymarket",
        "question": "Will Zetacorp lead the board in March?",
        "outcomes": (OutcomeRecord(TOKEN, "Yes", 0),),
        **given,
    }
    return MarketRecord(venue_id=venue_id, **values)


def a_quote(
    instant: datetime = NOON,
    bid: str | None = "0.40",
    ask: str | None = "0.42",
    **given: Any,
) -> QuoteRecord:
    """Return a polled book quote of a_market(); prices are written as text."""
    values: dict[str, Any] = {
        "venue": "polymarket",
        "venue_id": "516960",
        "venue_outcome_id": TOKEN,
        "observed_at": instant,
        "basis": PriceBasis.BOOK,
        **given,
    }
    return QuoteRecord(at=instant, bid=_decimal(bid), ask=_decimal(ask), **values)


def an_item(guid: str = "guid-1", **given: Any) -> ItemRecord:
    """Return a news item published at NOON."""
    values: dict[str, Any] = {
        "source": "wire",
        "title": "Zetacorp shows its glasses",
        "published_at": NOON,
        "precision": Precision.SECOND,
        **given,
    }
    return ItemRecord(guid=guid, **values)


def a_standing(model: str = "zeta-1", rank: int = 1, **given: Any) -> StandingRecord:
    """Return one row of the text board of 2026-03-01."""
    values: dict[str, Any] = {
        "source": "arena-text",
        "board": "text",
        "category": "overall",
        "style_control": "off",
        "publish_date": date(2026, 3, 1),
        "score": Decimal("1460.5"),
        **given,
    }
    return StandingRecord(model=model, rank=rank, **values)


def a_signal(signal_id: str = "sig-1", instant: datetime = NOON, **given: Any) -> dict[str, Any]:
    """Return the values of one launch signal, seen a minute after its instant."""
    return {
        "signal_id": signal_id,
        "origin_kind": "story",
        "origin_id": "story-1",
        "theme": "glasses",
        "event_no": 0,
        "kind": "launch",
        "at": instant,
        "precision": "second",
        "observed_at": instant + timedelta(minutes=1),
        "title": "Zetacorp shows its glasses",
        "source": "wire",
        "tier": 1,
        "entities": ["zetacorp"],
        "facts": [],
        "score": 0.8,
        "publishers": 1,
        "polarity": {},
        "background": False,
        "alertable": True,
        "reason": ["alias zetacorp"],
        **given,
    }


def a_link(signal_id: str = "sig-1", outcome_id: int = 1, **given: Any) -> dict[str, Any]:
    """Return the values of one final focal link of the primary window."""
    return {
        "signal_id": signal_id,
        "outcome_id": outcome_id,
        "window_s": 3600,
        "focal": True,
        "relation": "own",
        "thin": False,
        "verdict": "moved_up",
        "final": True,
        **given,
    }


def a_move(outcome_id: int = 1, start_at: datetime = NOON, **given: Any) -> dict[str, Any]:
    """Return the values of one move of +6 pp over ten minutes."""
    return {
        "outcome_id": outcome_id,
        "start_at": start_at,
        "end_at": start_at + timedelta(minutes=10),
        "crossed_at": start_at + timedelta(minutes=3),
        "price_from": 0.40,
        "price_to": 0.46,
        "move": 0.06,
        "state": "ended",
        "verdict": "pending",
        "live": True,
        **given,
    }


def keep(
    store: Store,
    markets: Iterable[MarketRecord],
    quotes: Iterable[QuoteRecord] = (),
    *,
    observed_at: datetime = NOON,
) -> dict[OutcomeKey, int]:
    """Store markets and quotes as they are and return the outcomes' integer ids."""
    found = list(markets)
    keys = [(m.venue, m.venue_id, o.venue_outcome_id) for m in found for o in m.outcomes]
    with store.begin() as session:
        upsert(
            session,
            found,
            observed_at=observed_at,
            origin=Origin.LIVE,
            owner_of=lambda name: None,
        )
        ids = outcome_ids(session, keys)
        insert_rows(session, [as_row(quote, ids) for quote in quotes])
    return ids


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
