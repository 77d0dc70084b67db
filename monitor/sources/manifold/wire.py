"""Manifold's market objects as our records.

Traps of the wire (reference: manifoldmarkets/manifold, common/src/api/market-types.ts, read
2026-11-22): times are milliseconds; `probability` exists for BINARY and PSEUDO_NUMERIC only, the
answers carry their own; a lite market leaves its answers out; a resolution may be undone, so
`isResolved` alone decides; absent keys are omitted, not null; in 2022 there was no `slug`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import cast

from monitor.errors import ParseError
from monitor.sources.instants import instant_from_ms
from monitor.sources.numbers import probability, quantity
from storage.records import (
    MarketRecord,
    MarketStatus,
    OutcomeRecord,
    PriceBasis,
    QuoteRecord,
)

VENUE = "manifold"
YES, NO = "YES", "NO"
Json = Mapping[str, object]
_NAMES = {"BINARY": ("Yes", "No"), "PSEUDO_NUMERIC": ("Higher", "Lower")}
_MULTI = frozenset({"MULTIPLE_CHOICE", "FREE_RESPONSE", "DATE"})
_MAX_RULES = 20_000
_MAX_TYPE = 30


def markets_of(payload: object, *, what: str) -> list[object]:
    """Return the markets of a listing, or the one market, unchecked.

    Raises ParseError for anything else, an error body included.
    """
    refuse_error(payload, what=what)
    rows = [payload] if isinstance(payload, dict) and "id" in payload else payload
    if not isinstance(rows, list):
        raise ParseError(f"{what}: expected markets, got {type(payload).__name__}")
    return rows


def refuse_error(payload: object, *, what: str) -> None:
    """Raise ParseError when the answer is Manifold's error body, whatever its status was."""
    if isinstance(payload, dict) and isinstance(payload.get("message"), str):
        raise ParseError(f"{what}: the answer is an error: {payload['message'][:120]!r}")


def market_record(market: Json, *, at: datetime) -> MarketRecord:
    """Return one market as it is at `at`, which decides whether its close has passed.

    Raises ValueError when it lacks an id or a question, or is of a kind without a probability.
    """
    venue_id = market_id(market)
    kind = outcome_type(market)
    question = _text(market, "question")
    if question is None:
        raise ValueError(f"market {venue_id} has no question")
    status = life(market, at=at)
    is_multi = kind in _MULTI
    return MarketRecord(
        venue=VENUE,
        venue_id=venue_id,
        question=question,
        outcomes=outcomes(market),
        series=venue_id if is_multi else None,
        series_title=question if is_multi else None,
        slug=slug_of(market),
        url=_text(market, "url"),
        status=status,
        closes_at=instant(market, "closeTime"),
        resolved_at=_resolved_at(market) if status is MarketStatus.RESOLVED else None,
        resolution=_resolution(market) if status is MarketStatus.RESOLVED else None,
        rules=_rules(market),
    )


def outcome_type(market: Json) -> str:
    """Return the kind of question; raises ValueError for one that has no probability to follow."""
    kind = market.get("outcomeType")
    if not isinstance(kind, str):
        raise ValueError("a market that does not say its outcomeType")  # noqa: TRY004 - bad data
    if kind not in _NAMES and kind not in _MULTI:
        raise ValueError(f"a {kind[:_MAX_TYPE]} has no probability to follow")
    return kind


def outcomes(market: Json) -> tuple[OutcomeRecord, ...]:
    """Return `YES` and `NO`, or the answers in their order; empty when a listing omits them.

    Raises ValueError for answers that are no list, lack an id or text, or share an id.
    """
    names = _NAMES.get(outcome_type(market))
    if names is not None:
        return (OutcomeRecord(YES, names[0], 0), OutcomeRecord(NO, names[1], 1))
    found = [
        OutcomeRecord(_answer_id(answer), _text(answer, "text") or _answer_id(answer), index)
        for index, answer in enumerate(answers(market))
    ]
    if len({outcome.venue_outcome_id for outcome in found}) != len(found):
        raise ValueError("two answers share an id")
    return tuple(found)


def answers(market: Json) -> list[Json]:
    """Return the answer objects of a multi-answer question; empty when the listing omits them."""
    found = market.get("answers")
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(answer, dict) for answer in found):
        raise ValueError("answers is not a list of objects")
    return cast("list[Json]", found)


def market_quotes(market: Json, *, at: datetime) -> Iterator[QuoteRecord]:
    """Yield the prices that a market object itself carries, read at `at`.

    A market that is not open has none: what it shows is its result. Raises ValueError when an
    open one of a priced kind lacks its probability.
    """
    kind = outcome_type(market)
    if life(market, at=at) is not MarketStatus.OPEN:
        return
    venue_id = market_id(market)
    if kind in _NAMES:
        value = probability(market.get("probability"))
        if value is None:
            raise ValueError(f"a {kind} without its probability")
        yield amm_quote(venue_id, YES, value, at=at, volume=volume_24h(market))
        return
    for answer in answers(market):
        # A lite answer says `prob` where a full one says `probability`.
        value = probability(answer.get("probability", answer.get("prob")))
        if value is not None:
            yield amm_quote(venue_id, _answer_id(answer), value, at=at)


def amm_quote(
    venue_id: str,
    outcome_id: str,
    value: Decimal,
    *,
    at: datetime,
    volume: Decimal | None = None,
) -> QuoteRecord:
    """Return the maker's probability as a quote polled at `at`; `volume` in mana, of 24 h."""
    return QuoteRecord(
        venue=VENUE,
        venue_id=venue_id,
        venue_outcome_id=outcome_id,
        at=at,
        observed_at=at,
        basis=PriceBasis.AMM,
        value=value,
        volume_24h=volume,
    )


def volume_24h(market: Json) -> Decimal | None:
    """Return the 24 h volume in mana of a two-sided question; None when garbled or missing.

    A multi-answer question tells one volume for all answers, which is none of theirs.
    """
    if outcome_type(market) not in _NAMES:
        return None
    try:
        return quantity(market.get("volume24Hours"))
    except ValueError:
        return None


def life(market: Json, *, at: datetime) -> MarketStatus:
    """Return where a market is in its life at `at`.

    `isResolved` alone resolves: a `resolution` without it is one that was undone. A close that
    has passed may still be moved, so a closed market can be open again.
    """
    if market.get("isResolved") is True:
        return MarketStatus.RESOLVED
    closes_at = instant(market, "closeTime")
    return MarketStatus.OPEN if closes_at is None or closes_at > at else MarketStatus.CLOSED


def market_id(market: Json) -> str:
    """Return the contract id; raises ValueError when there is none."""
    found = _text(market, "id")
    if found is None:
        raise ValueError("a market without an id")
    return found


def slug_of(market: Json) -> str | None:
    """Return the slug; for an old listing the last part of the address."""
    return _text(market, "slug") or (_text(market, "url") or "").rpartition("/")[2] or None


def instant(market: Json, key: str) -> datetime | None:
    """Return a date of the venue; one beyond reason ("never") is unknown and costs no price."""
    try:
        return instant_from_ms(market.get(key))
    except ValueError:
        return None


def _resolved_at(market: Json) -> datetime | None:
    return instant(market, "resolutionTime") or instant(market, "closeTime")


def _resolution(market: Json) -> str | None:
    """Return the result in words: an outcome's name, `MKT 0.45`, or `N/A` for a cancelled one.

    Several right answers are joined by `; `.
    """
    said = _text(market, "resolution")
    if said == "CANCEL":
        return "N/A"
    names = {outcome.venue_outcome_id: outcome.name for outcome in outcomes(market)}
    if said in names:
        return names[said]
    right = [
        names[_answer_id(answer)]
        for answer in answers(market)
        if answer.get("resolution") == YES and _answer_id(answer) in names
    ]
    if right:
        return "; ".join(right)
    share = _share(market)
    return f"{said} {share}" if said == "MKT" and share is not None else said


def _share(market: Json) -> str | None:
    try:
        share = probability(market.get("resolutionProbability"))
    except ValueError:
        return None
    return None if share is None else format(share.normalize(), "f")


def _rules(market: Json) -> str | None:
    """Return the plain text; `description` was one in 2022 and is a document tree since."""
    text = _text(market, "textDescription") or _text(market, "description")
    return text[:_MAX_RULES] if text else None


def _answer_id(answer: Json) -> str:
    found = _text(answer, "id")
    if found is None:
        raise ValueError("an answer without an id")
    return found


def _text(holder: Json, key: str) -> str | None:
    value = holder.get(key)
    return value.strip() or None if isinstance(value, str) else None
