"""What was known of an outcome's price at an instant: its quotes on one basis and its reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sqlmodel import Session

from signals.prices import Coverage, PriceSeries, price_series
from signals.prices import coverage as joined_coverage
from storage import coverage, quotes
from storage.coverage import Span
from storage.instants import to_ms
from storage.quotes import QuoteArrays
from storage.records import PriceBasis


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The quotes of one outcome that had been observed at `known_at` (ms), with its reads.

    `live`: the part of `coverage` that polls watched; `pause_ms`: how far apart their reads were
    on average, None without any.
    """

    known_at: int
    quotes: QuoteArrays
    coverage: Coverage
    live: Coverage
    pause_ms: int | None

    def basis_at(self, at: int) -> PriceBasis | None:
        """Return the basis in force at `at` (ms), before the first row its own; None without."""
        found = self.quotes
        if not len(found.at):
            return None
        row = int(np.searchsorted(found.at, at, side="right")) - 1
        return PriceBasis(int(found.basis[max(row, 0)]))

    def series(self, basis: PriceBasis | None) -> PriceSeries:
        """Return the gated prices on one basis, rows of others left out."""
        found = self.quotes
        keep = found.basis == (PriceBasis.BOOK if basis is None else basis)
        return price_series(
            found.at[keep],
            found.bid[keep],
            found.ask[keep],
            found.value[keep],
            (basis or PriceBasis.BOOK).word,
        )


def history(session: Session, outcome_id: int, *, since: datetime, known_at: datetime) -> History:
    """Return what was known at `known_at` of an outcome's price from `since` on.

    A row that was imported or backfilled later is not known yet, even when its instant is past,
    and the stretch it covers shrinks to the rows that are.
    """
    known_ms = to_ms(known_at)
    found = _known(quotes.read(session, outcome_id, since=since), known_ms)
    spans = coverage.spans(session, coverage.outcome_subject(outcome_id))
    live = [span for span in spans if span.reads]
    read = _coverage([span for span in spans if span.confirms], found, known_ms)
    return History(
        known_at=known_ms,
        quotes=found,
        coverage=replace(_coverage(spans, found, known_ms), read=read),
        live=_coverage(live, found, known_ms),
        pause_ms=_pause_ms(live, known_ms),
    )


def _coverage(spans: Iterable[Span], found: QuoteArrays, known_ms: int) -> Coverage:
    ends = [end for span in spans if (end := _known_span(span, found, known_ms)) is not None]
    covered = np.array(ends, dtype=np.int64).reshape(-1, 2)
    return joined_coverage(covered[:, 0], covered[:, 1])


def _known(found: QuoteArrays, known_ms: int) -> QuoteArrays:
    keep = (found.at <= known_ms) & (found.at + found.observed_lag <= known_ms)
    return QuoteArrays(
        *(
            getattr(found, name)[keep]
            for name in ("at", "bid", "ask", "last", "value", "basis", "observed_lag", "volume_24h")
        )
    )


def _known_span(span: Span, found: QuoteArrays, known_ms: int) -> tuple[int, int] | None:
    start, end = to_ms(span.from_at), min(to_ms(span.to_at), known_ms)
    if start > known_ms:
        return None
    if span.reads:
        return start, end
    inside = found.at[(found.at >= start) & (found.at <= end)]
    return (int(inside[0]), int(inside[-1])) if len(inside) else None


def _pause_ms(spans: Iterable[Span], known_ms: int) -> int | None:
    """Return the mean pause between two live reads."""
    live = [span for span in spans if span.reads > 1 and to_ms(span.from_at) <= known_ms]
    pauses = sum(span.reads - 1 for span in live)
    watched = sum(to_ms(span.to_at) - to_ms(span.from_at) for span in live)
    return round(watched / pauses) if pauses else None
