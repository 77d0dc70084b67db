"""Polymarket's price histories and trades as our records.

Traps of the wire: timestamps are seconds; those of the CLOB drift from their grid and the last
one is "now"; the Data API's series ends with a point off its grid; a window's end is a point of
the next window too; both outcomes of a market interleave in its trades; a trade has no id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from monitor.errors import ParseError
from monitor.sources.base import parse_each
from monitor.sources.instants import instant_from_s
from monitor.sources.numbers import decimal, probability
from monitor.sources.polymarket.fields import VENUE, an_object, first_of_each, said
from storage.records import Batch, PriceBasis, QuoteRecord, Reject, TradeRecord

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def history_batch(
    payload: object, context: Mapping[str, object], *, at: datetime, what: str
) -> Batch:
    """Return past prices as quotes of basis venue_history, seen at `at`.

    Reads the CLOB's `history` of t and p, and the data API's `data` of timestamp and price.
    `context` names `venue_id` and, where the answer does not, `token_id`; also the window
    [`since`, `until`) in epoch seconds, and `bucket_s`, the grid that instants are put on. A
    price inside a bucket is told at the bucket's end: earlier nobody could know that it held.
    """
    if not isinstance(payload, dict):
        raise ParseError(f"{what}: expected a price history, got {said(payload)}")
    points = payload.get("history", payload.get("data"))
    if points is None and "error" not in payload and {"history", "data"} & payload.keys():
        points = []
    if not isinstance(points, list):
        raise ParseError(f"{what}: no history in the answer: {said(payload)}")
    venue_id, token = context.get("venue_id"), context.get("token_id") or payload.get("token_id")
    if not isinstance(venue_id, str) or not isinstance(token, str):
        raise ParseError(f"{what}: a price history needs to know its market and token")
    quotes, rejects = parse_each(points, lambda point: _past_quote(point, venue_id, token, at))
    quotes, repeated = first_of_each(quotes, lambda quote: quote.at, "point")
    quotes, outside = _inside(quotes, context)
    quotes, crowded = _on_grid(quotes, context.get("bucket_s"), at)
    return Batch(
        quotes=tuple(quotes),
        read_outcomes=((VENUE, venue_id, token),) if quotes else (),
        rejects=(*rejects, *repeated, *outside, *crowded),
    )


def trades_batch(payload: object, context: Mapping[str, object], *, what: str) -> Batch:
    """Return the fills of the data API, v1 (an array) or v2 (a `data` envelope).

    `context["markets"]` maps condition ids to market ids, or `context["venue_id"]` names the one.
    `token_id`, `since` and `until` narrow what the venue cannot be asked for: the other outcome
    and other times are passed over in silence.
    """
    rows = payload.get("data") if isinstance(payload, dict) else payload
    if rows is None and isinstance(payload, dict) and "data" in payload and "error" not in payload:
        rows = []
    if not isinstance(rows, list):
        raise ParseError(f"{what}: expected trades, got {said(payload)}")
    trades, rejects = parse_each(rows, lambda row: _trade(row, context))
    token = context.get("token_id")
    trades = [trade for trade in trades if token in (None, trade.venue_outcome_id)]
    trades = [trade for trade in trades if _in_window(trade.at, context)]
    trades, repeated = first_of_each(trades, lambda trade: trade.trade_id, "trade")
    return Batch(trades=tuple(trades), rejects=(*rejects, *repeated))


def seconds(instant: datetime) -> int:
    """Return whole epoch seconds, as windows are asked for."""
    return (instant - _EPOCH) // timedelta(seconds=1)


def _past_quote(point: object, venue_id: str, token: str, at: datetime) -> QuoteRecord:
    row = an_object(point, "point")
    instant = instant_from_s(row.get("t", row.get("timestamp")))
    value = probability(row.get("p", row.get("price")))
    if instant is None or value is None:
        raise ValueError("a point without a time or a price")
    return QuoteRecord(
        venue=VENUE,
        venue_id=venue_id,
        venue_outcome_id=token,
        at=instant,
        observed_at=at,
        basis=PriceBasis.VENUE_HISTORY,
        value=value,
        venue_at=instant,
    )


def _inside(
    quotes: Iterable[QuoteRecord], context: Mapping[str, object]
) -> tuple[list[QuoteRecord], list[Reject]]:
    """Return the points of the asked window; its end belongs to the next one."""
    kept: list[QuoteRecord] = []
    rejects: list[Reject] = []
    for quote in quotes:
        if _in_window(quote.at, context):
            kept.append(quote)
        else:
            rejects.append(Reject("a point outside the asked window", quote.at.isoformat()))
    return kept, rejects


def _in_window(instant: datetime, context: Mapping[str, object]) -> bool:
    since, until = context.get("since"), context.get("until")
    at = seconds(instant)
    return (not isinstance(since, int) or since <= at) and (
        not isinstance(until, int) or at < until
    )


def _on_grid(
    quotes: list[QuoteRecord], bucket: object, now: datetime
) -> tuple[list[QuoteRecord], list[Reject]]:
    """Return the last point of every bucket that is over, at the bucket's end."""
    if not isinstance(bucket, int) or bucket <= 0:
        return quotes, []
    newest: dict[datetime, QuoteRecord] = {}
    rejects: list[Reject] = []
    for quote in quotes:
        end = _EPOCH + timedelta(seconds=-(-seconds(quote.at) // bucket) * bucket)
        if end > now:
            rejects.append(Reject("a point of a bucket that is not over", quote.at.isoformat()))
            continue
        before = newest.get(end)
        if before is not None:
            rejects.append(Reject("two points of one bucket", quote.at.isoformat()))
        if before is None or before.venue_at is None or quote.at >= before.venue_at:
            newest[end] = replace(quote, at=end)
    return sorted(newest.values(), key=lambda quote: quote.at), rejects


def _trade(row: object, context: Mapping[str, object]) -> TradeRecord:
    fill = an_object(row, "trade")
    token = fill.get("token_id", fill.get("asset"))
    condition = fill.get("condition_id", fill.get("conditionId"))
    transaction = fill.get("transaction_hash", fill.get("transactionHash"))
    markets = context.get("markets")
    known = markets.get(condition) if isinstance(markets, dict) else context.get("venue_id")
    if not isinstance(known, str):
        raise ValueError(f"a trade of a market nobody asked for: {condition!r:.80}")  # noqa: TRY004
    if not isinstance(token, str) or not token:
        raise ValueError("a trade without a token")
    price, at = probability(fill.get("price")), instant_from_s(fill.get("timestamp"))
    size = decimal(fill.get("size"), what="size")
    if price is None or at is None or size <= 0:
        raise ValueError("a trade without a price, a time or a size")
    side = fill.get("side")
    return TradeRecord(
        venue=VENUE,
        venue_id=known,
        venue_outcome_id=token,
        at=at,
        trade_id=_trade_id(transaction, token, side, size, price),
        price=price,
        size=size,
        side=side.lower() if isinstance(side, str) and side else None,
    )


def _trade_id(*parts: object) -> str:
    """Return a stable id: the venue gives none, and these five together are its own key."""
    text = "|".join(
        format(part.normalize(), "f") if isinstance(part, Decimal) else str(part) for part in parts
    )
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
