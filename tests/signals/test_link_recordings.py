"""The case of July 2026: prices known to the day allow description, never a verdict."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from signals.links import evaluate
from signals.placebo import placebo
from signals.prices import HOUR_MS, PriceSeries, coverage
from signals.window_arrays import track

# (day of July 2026, price) of one leg, in the shape of the recorded ones.
JULY = ((4, 0.03), (5, 0.02), (16, 0.05), (18, 0.58), (20, 0.83), (25, 0.79), (27, 0.88))
SIGNALS = (
    datetime(2026, 7, 16, 17, 6, 18, tzinfo=UTC),
    datetime(2026, 7, 16, 18, 58, 25, tzinfo=UTC),
)


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def sparse(rows: list[tuple[datetime, float]]) -> PriceSeries:
    at = np.array([ms(when) for when, _ in rows], dtype=np.int64)
    return PriceSeries(
        at, np.array([price for _, price in rows]), np.full(len(at), np.nan), "venue_history"
    )


def check(series: PriceSeries, signals: list[datetime]) -> None:
    assert len(series.at)
    for signal in signals:
        t0 = ms(signal)
        path = track(series, coverage(series.at, series.at))
        result = evaluate(
            series,
            coverage(series.at, series.at),
            t0=t0,
            now=int(series.at[-1]) + 24 * HOUR_MS,
            precise=True,
            test=lambda path=path, t0=t0: placebo(path, t0=t0, window_ms=HOUR_MS),  # type: ignore[misc]
        )
        assert result.verdict.startswith("not_evaluated:")
        assert result.p_value is None
        assert placebo(path, t0=t0, window_ms=HOUR_MS).p is None


def test_prices_known_to_the_day_support_no_verdict() -> None:
    rows = [(datetime(2026, 7, day, tzinfo=UTC), price) for day, price in JULY]

    check(sparse(rows), list(SIGNALS))
    assert (
        placebo(track(sparse(rows), coverage([], [])), t0=ms(SIGNALS[0]), window_ms=HOUR_MS).n == 0
    )


@pytest.mark.recordings
def test_the_recorded_prices_of_july_support_no_verdict_either(recordings: Path) -> None:
    folder = recordings / "history/kimi-k3-2026-07"
    with (folder / "quotes.csv").open(encoding="utf-8") as stream:
        quotes = list(csv.DictReader(stream))
    with (folder / "events.csv").open(encoding="utf-8") as stream:
        events = [row["utc"] for row in csv.DictReader(stream)]
    legs: dict[tuple[str, str], dict[datetime, float]] = defaultdict(dict)
    for row in quotes:
        if row["p"] and row["as_of"]:
            at = datetime.fromisoformat(row["as_of"]).replace(tzinfo=UTC)
            legs[(row["event_slug"], row["outcome"])][at] = float(row["p"])
    dated = [datetime.fromisoformat(at) for at in events if "T" in at]

    assert len(legs) > 5
    for prices in legs.values():
        check(sparse(sorted(prices.items())), dated)
