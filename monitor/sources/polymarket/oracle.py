"""When a Polymarket market is resolved, and what its oracle says before that.

Never from `closed` alone, nor from prices near 0 or 1: a market must be closed, and either UMA
has settled it and its prices are payouts, or the CLOB names a winning token, or the Data API
tells its payouts. Source: docs.polymarket.com/concepts/resolution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from monitor.errors import ParseError
from monitor.sources.base import parse_each
from monitor.sources.instants import instant_from_s, instant_or_none
from monitor.sources.numbers import decimal_or_none
from monitor.sources.polymarket.fields import VENUE, Json, an_object, instant, text, text_list
from storage.records import Batch, MarketRecord, MarketStatus

SPLIT = "split"
_SETTLED = frozenset({"resolved", "settled"})
_UNDER_WAY = frozenset({"requested", "proposed", "disputed"})
_Recorder = Callable[[Json, str, str, Sequence[str]], MarketRecord]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a market was paid: the winner's name, or `split` for equal parts."""

    resolution: str
    at: datetime | None = None

    def plain(self) -> list[str | None]:
        """Return what JSON can keep; `verdicts_of` reads it."""
        return [self.resolution, self.at.isoformat() if self.at else None]


def verdicts_of(kept: object) -> dict[str, Verdict]:
    """Return verdicts by market id from what `Verdict.plain` gave; garbled ones are left out."""
    found: dict[str, Verdict] = {}
    for key, value in kept.items() if isinstance(kept, dict) else ():
        if isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str):
            found[str(key)] = Verdict(value[0], _resolved_at(value[1]))
    return found


def oracle_word(market: Json) -> str | None:
    """Return the newest word of UMA on a Gamma market, lower case; None when it says nothing."""
    word = text(market, "umaResolutionStatus")
    if word is None:
        try:
            words = text_list(market.get("umaResolutionStatuses"), what="umaResolutionStatuses")
        except ValueError:
            return None
        word = words[-1].strip() if words else None
    return word.lower() if word else None


def life(market: Json, verdict: Verdict | None = None) -> tuple[MarketStatus, Verdict | None]:
    """Return the status of a Gamma market and, once it is resolved, how it was paid.

    `verdict` is what the CLOB or the Data API said; it counts only for a closed market. Raises
    ValueError when the lists of a settled market are garbled.
    """
    if market.get("closed") is not True:
        return MarketStatus.OPEN, None
    if oracle_word(market) in _SETTLED:
        prices = text_list(market.get("outcomePrices"), what="outcomePrices")
        names = text_list(market.get("outcomes"), what="outcomes")
        paid = _paid(names, [decimal_or_none(price) for price in prices], whole=Decimal(1))
        if paid is not None:
            at = instant(market, "closedTime") or instant(market, "umaEndDate")
            return MarketStatus.RESOLVED, Verdict(paid, at)
    if verdict is not None:
        at = verdict.at or instant(market, "closedTime") or instant(market, "umaEndDate")
        return MarketStatus.RESOLVED, Verdict(verdict.resolution, at)
    return MarketStatus.CLOSED, None


def is_silent(market: Json) -> bool:
    """Return whether Gamma tells no result of a closed market and names no procedure for one."""
    return (
        life(market)[0] is MarketStatus.CLOSED
        and market.get("active") is not False
        and oracle_word(market) not in _UNDER_WAY
    )


def clob_verdict(market: Json) -> Verdict | None:
    """Return the verdict of the CLOB's own market object; None without exactly one winner."""
    tokens = market.get("tokens")
    if market.get("closed") is not True or not isinstance(tokens, list):
        return None
    winners = [t for t in tokens if isinstance(t, dict) and t.get("winner") is True]
    name = text(winners[0], "outcome") if len(winners) == 1 else None
    return None if name is None else Verdict(name)


def payout_verdict(row: Json, names: Sequence[str]) -> Verdict | None:
    """Return the verdict of a row of the Data API's resolutions; `names` are the outcomes'.

    Payouts are millionths of a dollar a share: 1000000 is the winner, 500000 twice a split.
    """
    payouts = row.get("payouts")
    if row.get("status") != "resolved" or not isinstance(payouts, list):
        return None
    paid = _paid(names, [decimal_or_none(payout) for payout in payouts], whole=Decimal(1_000_000))
    return None if paid is None else Verdict(paid, _resolved_at(row.get("resolved_at")))


def clob_markets_batch(payload: object, context: Mapping[str, object], *, what: str) -> Batch:
    """Return the markets of the CLOB's `/markets`, one or a page, with their winners.

    `context["markets"]` maps condition ids to `[market id, question, outcome names]`.
    """
    return _known_markets(_envelope(payload, "condition_id", what), context, _clob_record)


def resolutions_batch(payload: object, context: Mapping[str, object], *, what: str) -> Batch:
    """Return the markets of the Data API's `/v2/resolutions`; context as for the CLOB's."""
    return _known_markets(_envelope(payload, "condition_id", what), context, _payout_record)


def _paid(names: Sequence[str], payouts: Sequence[Decimal | None], *, whole: Decimal) -> str | None:
    """Return the winner's name, `split` for equal parts of a whole, None for anything else."""
    if not names or len(payouts) != len(names) or sum(p or 0 for p in payouts) != whole:
        return None
    winners = [name for name, payout in zip(names, payouts, strict=True) if payout == whole]
    if winners:
        return winners[0]
    return SPLIT if len(set(payouts)) == 1 else None


def _resolved_at(raw: object) -> datetime | None:
    """Return an instant that rows of questions write in seconds and rows of conditions in ISO."""
    try:
        if isinstance(raw, str) and not raw.strip().isdecimal():
            return instant_or_none(raw)
        return instant_from_s(raw)
    except ValueError:
        return None


def _envelope(payload: object, key: str, what: str) -> list[object]:
    rows: object = payload
    if isinstance(payload, dict):
        if "error" in payload:
            raise ParseError(f"{what}: the answer is an error: {str(payload['error'])[:120]!r}")
        if key in payload:
            return [payload]
        if "data" in payload and payload["data"] is None:
            return []
        rows = payload.get("data")
    if not isinstance(rows, list):
        raise ParseError(f"{what}: expected markets, got {type(payload).__name__}")
    return rows


def _known_markets(
    rows: Iterable[object], context: Mapping[str, object], record: _Recorder
) -> Batch:
    known = context.get("markets")
    markets = known if isinstance(known, dict) else {}
    records, rejects = parse_each(rows, lambda row: _of_known(row, markets, record))
    return Batch(markets=tuple(records), rejects=tuple(rejects))


def _of_known(row: object, markets: Mapping[str, object], record: _Recorder) -> MarketRecord:
    market = an_object(row, "market")
    condition = market.get("condition_id")
    known = markets.get(condition) if isinstance(condition, str) else None
    if not isinstance(known, list | tuple) or len(known) != 3:
        raise ValueError(f"a market nobody asked for: {condition!r:.80}")
    venue_id, question, names = known
    return record(market, str(venue_id), str(question), [str(name) for name in names])


def _clob_record(market: Json, venue_id: str, question: str, names: Sequence[str]) -> MarketRecord:
    del names
    verdict = clob_verdict(market)
    status = MarketStatus.CLOSED if market.get("closed") is True else MarketStatus.OPEN
    return _record(venue_id, question, verdict, status)


def _payout_record(row: Json, venue_id: str, question: str, names: Sequence[str]) -> MarketRecord:
    return replace(
        _record(venue_id, question, payout_verdict(row, names), MarketStatus.CLOSED),
        oracle=(text(row, "status") or "").lower() or None,
    )


def _record(
    venue_id: str, question: str, verdict: Verdict | None, otherwise: MarketStatus
) -> MarketRecord:
    """Return what only says how it ended: wording and dates are Gamma's to tell."""
    return MarketRecord(
        venue=VENUE,
        venue_id=venue_id,
        question=question,
        outcomes=(),
        status=otherwise if verdict is None else MarketStatus.RESOLVED,
        resolved_at=verdict.at if verdict else None,
        resolution=verdict.resolution if verdict else None,
    )
