"""The frames of Polymarket's market WebSocket as quotes: a hint beside the polls, not the truth.

Traps of the wire: a frame is one object or an array of them; `PONG` and other plain words are no
JSON; all numbers are strings and a missing one is ""; both tokens of a market may appear; the
`changes` of old recordings tell levels and no best price. Source: docs.polymarket.com, market
channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from monitor.errors import ParseError
from monitor.http_response import load_json
from monitor.sources.base import parse_each
from monitor.sources.instants import instant_from_ms
from monitor.sources.numbers import probability
from monitor.sources.polymarket.fields import Json, an_object
from monitor.sources.polymarket.prices import book_quote, top_quote
from storage.records import Batch, QuoteRecord, Reject

_SMALL_TALK = frozenset({b"PONG", b"PING", b"NO NEW ASSETS"})


def frames_batch(body: bytes, context: Mapping[str, object], *, at: datetime, what: str) -> Batch:
    """Return the newest best bid and ask that a frame tells of each token of `context["tokens"]`.

    Frames of other kinds and of other tokens give nothing. Raises ParseError for what is neither
    JSON nor one of the venue's plain words.
    """
    if body.strip() in _SMALL_TALK:
        return Batch()
    payload = load_json(body, what=what)
    if not isinstance(payload, dict | list):
        raise ParseError(f"{what}: expected a frame, got {type(payload).__name__}")
    asked = context.get("tokens")
    tokens = asked if isinstance(asked, dict) else {}
    newest: dict[str, QuoteRecord] = {}
    rejects: list[Reject] = []
    for frame in payload if isinstance(payload, list) else [payload]:
        quotes, refused = parse_each(_tops(frame, tokens), lambda top: _quote(top, tokens, at))
        newest.update({quote.venue_outcome_id: quote for quote in quotes})
        rejects.extend(refused)
    kept = [quote for quote in newest.values() if (quote.bid, quote.ask) != (None, None)]
    return Batch(quotes=tuple(kept), rejects=tuple(rejects))


def _tops(frame: object, tokens: Mapping[str, object]) -> Iterator[object]:
    """Yield the parts of a frame that tell a best price of an asked token."""
    if not isinstance(frame, dict):
        yield frame
        return
    kind = frame.get("event_type")
    parts: object = [frame] if kind in ("book", "best_bid_ask") else None
    if kind == "price_change":
        parts = frame.get("price_changes")
    for part in parts if isinstance(parts, list) else []:
        if not isinstance(part, dict):
            yield part
        elif isinstance(part.get("asset_id"), str) and part["asset_id"] in tokens:
            yield {"timestamp": frame.get("timestamp"), **part}


def _quote(top: object, tokens: Mapping[str, object], at: datetime) -> QuoteRecord:
    part: Json = an_object(top, "frame")
    if "bids" in part or "asks" in part:
        return book_quote(part, tokens, at)
    best = probability(part.get("best_bid")), probability(part.get("best_ask"))
    quote = top_quote(part.get("asset_id"), best, tokens, at)
    return replace(quote, venue_at=instant_from_ms(part.get("timestamp")))
