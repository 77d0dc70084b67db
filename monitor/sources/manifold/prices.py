"""Manifold's probabilities and bets as our records.

Traps of the wire: there is no price history, it is rebuilt from the bets (`probAfter` at
`createdTime`); a redemption trades nothing, but where the answers of a question sum to one the
sibling answers move by zero-share redemptions, so these are prices and no trades; an unfilled
limit order changes no price and is no trade; a negative amount is a sale; bets of the old pools
name an answer's number as their outcome. Source: manifoldmarkets/manifold, common/src/bet.ts,
new-bet.ts and redeem.ts, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import cast

from monitor.errors import ParseError
from monitor.sources.base import MAX_EXCERPT, parse_each
from monitor.sources.instants import instant_from_ms
from monitor.sources.manifold.wire import NO, VENUE, YES, Json, amm_quote, refuse_error
from monitor.sources.numbers import decimal, decimal_or_none, probability, quantity
from storage.records import Batch, QuoteRecord, Reject, TradeRecord

# A limit order is filled at once by what stands, later by others; theirs are the later trades.
AT_ONCE_MS = 1000


def probs_batch(
    payload: object, context: Mapping[str, object], *, at: datetime, what: str
) -> Batch:
    """Return the quotes of `/market-probs`, or of `/market/{id}/prob`, read at `at`.

    `context["markets"]` maps each asked contract id to its 24 h volume (text or None); when the
    answer names no contract, it is the only one asked.
    """
    refuse_error(payload, what=what)
    if not isinstance(payload, dict):
        raise ParseError(f"{what}: expected probabilities, got {type(payload).__name__}")
    asked = context.get("markets")
    markets = asked if isinstance(asked, dict) else {}
    alone = next(iter(markets), None) if len(markets) == 1 else None
    if alone is not None and alone not in payload:
        payload = {alone: payload}
    rows, unreadable = parse_each(
        payload.items(), lambda row: list(_prices_of(row[0], row[1], markets))
    )
    quotes, rejects = parse_each(
        (price for found in rows for price in found),
        lambda price: _polled(*price, volume=markets[price[0]], at=at),
    )
    return Batch(
        quotes=tuple(quotes),
        read_outcomes=tuple((VENUE, quote.venue_id, quote.venue_outcome_id) for quote in quotes),
        rejects=(*unreadable, *rejects),
    )


def bets_batch(payload: object, context: Mapping[str, object], *, at: datetime, what: str) -> Batch:
    """Return past prices (basis amm) and trades from bets, seen at `at`.

    `context` names `venue_id` and `outcome_id` of the leg that was asked; without it bets of any
    market are taken. Of several prices in one millisecond the last stands.
    """
    refuse_error(payload, what=what)
    if not isinstance(payload, list):
        raise ParseError(f"{what}: expected bets, got {type(payload).__name__}")
    bets, rejects = parse_each(payload, lambda row: _checked(row, context))
    first: dict[str, Json] = {}
    for bet in bets:
        if first.setdefault(str(bet["id"]), bet) is not bet:
            rejects.append(Reject("repeated bet", str(bet["id"])[:MAX_EXCERPT]))
    told, broken = parse_each(first.values(), lambda bet: (_past_quote(bet, at), _trade(bet)))
    quotes = sorted((quote for quote, _ in told if quote is not None), key=lambda quote: quote.at)
    last = {(quote.venue_id, quote.venue_outcome_id, quote.at): quote for quote in quotes}
    return Batch(
        quotes=tuple(last.values()),
        trades=tuple(trade for _, trade in told if trade is not None),
        rejects=(*rejects, *broken),
    )


def _prices_of(
    venue_id: object, found: object, markets: Mapping[str, object]
) -> Iterator[tuple[str, str, object]]:
    """Yield contract id, outcome id and raw probability of one market of the answer."""
    if not isinstance(venue_id, str) or venue_id not in markets:
        raise ValueError("a probability of a market nobody asked for")
    if not isinstance(found, dict):
        raise ValueError("a market's probabilities are not an object")  # noqa: TRY004 - bad data
    if "prob" in found:
        yield venue_id, YES, found["prob"]
        return
    answers = found.get("answerProbs")
    if not isinstance(answers, dict):
        raise ValueError("a market without its probability")  # noqa: TRY004 - bad data
    for answer_id, value in answers.items():
        yield venue_id, str(answer_id), value


def _polled(
    venue_id: str, outcome_id: str, raw: object, *, volume: object, at: datetime
) -> QuoteRecord:
    value = probability(raw)
    if value is None:
        raise ValueError("an outcome without its probability")
    return amm_quote(venue_id, outcome_id, value, at=at, volume=quantity(volume))


def _checked(row: object, context: Mapping[str, object]) -> Json:
    """Return a bet that has an id and is of the leg that was asked; raises ValueError."""
    if not isinstance(row, dict):
        raise ValueError("a bet that is not an object")  # noqa: TRY004 - bad data
    for key in ("id", "contractId"):
        if not isinstance(row.get(key), str) or not row[key]:
            raise ValueError(f"a bet without {key}")
    if row.get("outcome") not in (YES, NO):
        raise ValueError("a bet of an old pool: its outcome is neither YES nor NO")
    wanted = context.get("venue_id", row["contractId"]), context.get("outcome_id", _leg(row))
    if wanted != (row["contractId"], _leg(row)):
        raise ValueError("a bet of a leg nobody asked for")
    return cast("Json", row)


def _leg(bet: Json) -> str:
    """Return the outcome whose price a bet tells: its answer, or the question's `YES`."""
    answer = bet.get("answerId")
    return answer if isinstance(answer, str) and answer else YES


def _past_quote(bet: Json, at: datetime) -> QuoteRecord | None:
    """Return the price a bet left behind; None when it changed none."""
    before, after = probability(bet.get("probBefore")), probability(bet.get("probAfter"))
    instant = instant_from_ms(bet.get("createdTime"))
    if after is None or instant is None:
        raise ValueError("a bet without a time or a probability")
    if before == after:
        return None
    quote = amm_quote(str(bet["contractId"]), _leg(bet), after, at=instant)
    return replace(quote, observed_at=at, venue_at=instant)


def _trade(bet: Json) -> TradeRecord | None:
    """Return the fill of a bet in terms of its leg; None when nothing was traded.

    The price is what a share cost on average (amount / shares, of the other side for NO), which
    fees can push past 1; then it is the probability after the bet. `buy` raises the price.
    """
    amount, shares = _taken(bet)
    if bet.get("isRedemption") is True or not amount or not shares:
        return None
    at, after = instant_from_ms(bet.get("createdTime")), probability(bet.get("probAfter"))
    if at is None or after is None:
        raise ValueError("a bet without a time or a probability")
    paid = amount / shares
    price = paid if bet["outcome"] == YES else 1 - paid
    return TradeRecord(
        venue=VENUE,
        venue_id=str(bet["contractId"]),
        venue_outcome_id=_leg(bet),
        at=at,
        trade_id=str(bet["id"]),
        price=price if 0 <= price <= 1 else after,
        size=abs(shares),
        side="buy" if (bet["outcome"] == YES) == (shares > 0) else "sell",
    )


def _taken(bet: Json) -> tuple[Decimal, Decimal]:
    """Return amount and shares filled when the bet was made, in mana and shares.

    What filled a limit order later is the trade of those who filled it.
    """
    fills, made = bet.get("fills"), decimal_or_none(bet.get("createdTime"))
    if bet.get("limitProb") is None or not isinstance(fills, list) or made is None:
        return decimal(bet.get("amount"), what="amount"), decimal(bet.get("shares"), what="shares")
    at_once = [
        fill
        for fill in fills
        if decimal(fill["timestamp"], what="a fill's time") <= made + AT_ONCE_MS
    ]
    return (
        sum((decimal(fill["amount"], what="a fill's amount") for fill in at_once), Decimal()),
        sum((decimal(fill["shares"], what="a fill's shares") for fill in at_once), Decimal()),
    )
