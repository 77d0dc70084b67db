"""The frames of Polymarket's market WebSocket as quotes: a hint beside the polls, not the truth.

Traps of the wire: a frame is one object or an array of them; `PONG` and other plain words are no
JSON; all numbers are strings and a missing one is ""; both tokens of a market may appear; the
`changes` of old recordings tell levels and no best price. Source: docs.polymarket.com, market
channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from monitor.errors import ParseError
from monitor.http_response import load_json
from monitor.sources.base import parse_each
from monitor.sources.instants import instant_from_ms
from monitor.sources.numbers import probability
from monitor.sources.polymarket.fields import Json, an_object
from monitor.sources.polymarket.prices import book_quote, top_quote
from storage.records import Batch, QuoteRecord, Reject

_SMALL_TALK = frozenset({b"PONG", b"PING", b"NO NEW ASSETS"})


def checked_socket(url: str) -> str:
    """Return `url`; raises ValueError when it is no ws or wss address with a host."""
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"not a socket's address: {error}") from error
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError("write an address that begins with wss:// or ws://")
    return url.strip()


SocketAddress = Annotated[str, AfterValidator(checked_socket)]


@dataclass(frozen=True, slots=True)
class Told:
    """What one message tells of the asked tokens: books, trades as (token, price), results."""

    quotes: tuple[QuoteRecord, ...] = ()
    trades: tuple[tuple[str, Decimal], ...] = ()
    resolved: tuple[str, ...] = ()


def told(body: bytes, tokens: Mapping[str, object], *, at: datetime, what: str) -> Told:
    """Return what a message tells of `tokens`; a frame that cannot be read tells nothing.

    The channel also tells of the markets of strangers, which are left out, and talks in plain
    words. Raises ParseError for what begins like JSON and is none.
    """
    if not body.strip().startswith((b"{", b"[")):
        return Told()
    frames = _frames(body, what)
    dicts = [frame for frame in frames if isinstance(frame, dict)]
    trades, _ = parse_each(_of_kind(dicts, "last_trade_price"), lambda frame: _trade(frame, tokens))
    return Told(
        quotes=_newest(frames, tokens, at)[0],
        trades=tuple(trade for trade in trades if trade is not None),
        resolved=tuple(
            token
            for frame in _of_kind(dicts, "market_resolved")
            for token in _assets(frame)
            if token in tokens
        ),
    )


def frames_batch(body: bytes, context: Mapping[str, object], *, at: datetime, what: str) -> Batch:
    """Return the newest best bid and ask that a frame tells of each token of `context["tokens"]`.

    Frames of other kinds and of other tokens give nothing. Raises ParseError for what is neither
    JSON nor one of the venue's plain words.
    """
    if body.strip() in _SMALL_TALK:
        return Batch()
    asked = context.get("tokens")
    tokens = asked if isinstance(asked, dict) else {}
    quotes, rejects = _newest(_frames(body, what), tokens, at)
    return Batch(quotes=quotes, rejects=rejects)


def _frames(body: bytes, what: str) -> list[object]:
    """Return the frames of a message, which holds one or an array of them."""
    payload = load_json(body, what=what)
    if not isinstance(payload, dict | list):
        raise ParseError(f"{what}: expected a frame, got {type(payload).__name__}")
    return payload if isinstance(payload, list) else [payload]


def _newest(
    frames: Sequence[object], tokens: Mapping[str, object], at: datetime
) -> tuple[tuple[QuoteRecord, ...], tuple[Reject, ...]]:
    """Return the newest best bid and ask of each asked token, and what could not be read."""
    newest: dict[str, QuoteRecord] = {}
    rejects: list[Reject] = []
    for frame in frames:
        quotes, refused = parse_each(_tops(frame, tokens), lambda top: _quote(top, tokens, at))
        newest.update({quote.venue_outcome_id: quote for quote in quotes})
        rejects.extend(refused)
    kept = [quote for quote in newest.values() if (quote.bid, quote.ask) != (None, None)]
    return tuple(kept), tuple(rejects)


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


def _of_kind(frames: Sequence[Json], kind: str) -> list[Json]:
    return [frame for frame in frames if frame.get("event_type") == kind]


def _trade(frame: Json, tokens: Mapping[str, object]) -> tuple[str, Decimal] | None:
    """Return token and price of a trade; None for a stranger's and for one without a price."""
    token, price = frame.get("asset_id"), probability(frame.get("price"))
    if price is None or not isinstance(token, str) or token not in tokens:
        return None
    return token, price


def _assets(frame: Json) -> list[str]:
    """Return every token that a frame names; either field may be null."""
    listed = frame.get("assets_ids")
    named = [*(listed if isinstance(listed, list) else []), frame.get("winning_asset_id")]
    return list(dict.fromkeys(token for token in named if isinstance(token, str)))
