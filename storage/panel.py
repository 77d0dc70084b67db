"""Prices and signals side by side on a grid of buckets, without a look ahead.

A bucket is (at - freq, at]. `mid` is the last gated price at or before `at`, empty when it was
last confirmed more than 20 minutes before; nothing is filled in. What confirms a price are its
rows and the reads of polls that found it unchanged; between the rows of a file or of a venue's
history nobody looked. Signals count in the bucket of
their `observed_at`; `signals_public` counts by their instant `at`. `distance` is the last one
known at the bucket's end. Buckets with neither a price nor a signal are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
from sqlmodel import Session, col, select

from storage import coverage, distance_repo, quotes
from storage.instants import from_ms, to_ms
from storage.market_repo import is_leg
from storage.models import Distance, Market, Outcome, Signal, ThemeMarket
from storage.tables import KINDS, Row, Selection, current, selected_outcomes

MAX_CONFIRMED_AGE_MS = coverage.MAX_PRICE_AGE // timedelta(milliseconds=1)
# Design section 6: a wider book has no price.
MAX_SPREAD = 0.10
_EPSILON = 1e-9  # prices are integers of 1e-6; 0.55 - 0.45 must still be 10 pp


@dataclass(frozen=True, slots=True)
class _Prices:
    """One outcome's gated prices and the spans in which reads confirmed them; ms."""

    at: npt.NDArray[np.int64]
    price: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    volume: npt.NDArray[np.float64]
    spans: list[tuple[int, int]]

    def confirmed(self, at: int) -> int | None:
        """Return when the price was last known to hold, at or before `at`."""
        index = int(np.searchsorted(self.at, at, side="right")) - 1
        newest = int(self.at[index]) if index >= 0 else None
        for start, end in self.spans:
            if start <= at:
                newest = max(newest or 0, min(at, end))
        return newest


def rows(session: Session, selection: Selection, *, freq: timedelta) -> Iterator[Row]:
    """Yield panel rows by venue, market, outcome and bucket; only legs are shown."""
    step = freq // timedelta(milliseconds=1)
    if step <= 0:
        raise ValueError("freq must be longer than a millisecond")
    relations = _relations(session, selection)
    signals = current(session, Signal, selection, order=(Signal.at,))
    distances = distance_repo.series(session, as_of=selection.as_of)
    for market, outcome in selected_outcomes(session, selection):
        if is_leg(market, outcome) and market.id is not None:
            themes = relations.get(market.id, {})
            related = [s for s in signals if s.theme in themes]
            far = distances.get(outcome.id or 0, [])
            yield from _outcome_rows(
                session, market, outcome, related, far, themes, selection, step
            )


def gated(mid: npt.NDArray[np.float64], spread: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return `mid` with NaN where the book is crossed or wider than MAX_SPREAD."""
    refused = (spread > MAX_SPREAD + _EPSILON) | (spread < -_EPSILON)
    return np.where(refused, np.nan, mid)


def _relations(session: Session, selection: Selection) -> dict[int, dict[str, str]]:
    query = select(ThemeMarket)
    if selection.theme is not None:
        query = query.where(col(ThemeMarket.theme) == selection.theme)
    found: dict[int, dict[str, str]] = {}
    for row in session.exec(query):
        found.setdefault(row.market_id, {})[row.theme] = row.relation
    return found


def _outcome_rows(
    session: Session,
    market: Market,
    outcome: Outcome,
    signals: list[Signal],
    distances: list[Distance],
    themes: dict[str, str],
    selection: Selection,
    step: int,
) -> Iterator[Row]:
    prices = _prices(session, outcome)
    seen = _by_bucket(signals, step, key="observed_at")
    public = _by_bucket(signals, step, key="at")
    relation = "own" if "own" in themes.values() else next(iter(themes.values()), None)
    last: tuple[int, float] | None = None
    for at in _grid(prices, {*seen, *public}, selection, step):
        mid, age, index = _price_at(prices, at)
        here, told = seen.get(at, []), len(public.get(at, []))
        if mid is None and not here and not told:
            continue
        kinds = Counter(signal.kind for signal in here)
        yield (
            *(from_ms(at), market.venue, market.venue_id, outcome.venue_outcome_id, outcome.name),
            *(market.question, relation, mid, None if age is None else age / 1000),
            None if mid is None or last is None or last[0] != at - step else (mid - last[1]) * 100,
            *(_number(prices.spread, index), _number(prices.volume, index), len(here), told),
            *(kinds[kind] for kind in KINDS),
            max((signal.score for signal in here), default=None),
            distance_repo.held(distances, from_ms(at)) if distances else None,
            age is not None and age <= MAX_CONFIRMED_AGE_MS,
        )
        last = None if mid is None else (at, mid)


def _prices(session: Session, outcome: Outcome) -> _Prices:
    assert outcome.id is not None
    found = quotes.read(session, outcome.id)
    watched = coverage.spans(session, coverage.outcome_subject(outcome.id))
    return _Prices(
        at=found.at,
        price=gated(found.mid, found.spread),
        spread=found.spread,
        volume=found.volume_24h,
        spans=[(to_ms(s.from_at), to_ms(s.to_at)) for s in watched if s.confirms],
    )


def _price_at(prices: _Prices, at: int) -> tuple[float | None, int | None, int]:
    """Return the price that held at `at`, the ms since it was confirmed, and its row."""
    index = int(np.searchsorted(prices.at, at, side="right")) - 1
    confirmed = prices.confirmed(at)
    if index < 0 or confirmed is None:
        return None, None, -1
    age = at - confirmed
    price = float(prices.price[index])
    usable = age <= MAX_CONFIRMED_AGE_MS and not np.isnan(price)
    return (price if usable else None), age, (index if usable else -1)


def _grid(prices: _Prices, marked: set[int], selection: Selection, step: int) -> list[int]:
    """Return bucket ends that may hold a price or a signal, ascending."""
    ends = set(marked)
    for at in prices.at:
        ends.update(range(_bucket(int(at), step), int(at) + MAX_CONFIRMED_AGE_MS + step, step))
    for start, end in prices.spans:
        ends.update(range(_bucket(start, step), end + MAX_CONFIRMED_AGE_MS + step, step))
    low = None if selection.since is None else to_ms(selection.since)
    high = None if selection.until is None else to_ms(selection.until)
    return sorted(
        end for end in ends if (low is None or end >= low) and (high is None or end < high)
    )


def _by_bucket(signals: list[Signal], step: int, *, key: str) -> dict[int, list[Signal]]:
    found: dict[int, list[Signal]] = {}
    for signal in signals:
        instant: datetime = getattr(signal, key)
        found.setdefault(_bucket(to_ms(instant), step), []).append(signal)
    return found


def _bucket(at: int, step: int) -> int:
    return -(-at // step) * step


def _number(values: npt.NDArray[np.float64], index: int) -> float | None:
    if index < 0 or np.isnan(values[index]):
        return None
    return float(values[index])
