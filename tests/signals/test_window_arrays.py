from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.prices import HOUR_MS, MINUTE_MS, Coverage, PriceSeries, coverage, price_series
from signals.window_arrays import passes, track, windows
from signals.windows import measure, refusal

HOURS = 100
NOW = 110 * HOUR_MS


@st.composite
def watched_prices(draw: st.DrawFn) -> tuple[PriceSeries, Coverage]:
    """Prices of any basis with holes, wide and one-sided books, and reads with gaps."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    count = draw(st.integers(0, 300))
    at = np.sort(rng.choice(HOURS * 12, count, replace=False)).astype(np.int64) * 5 * MINUTE_MS
    basis = draw(st.sampled_from(["book", "amm", "venue_history", "trade"]))
    mid = np.clip(0.4 + np.cumsum(rng.normal(0, 0.01, count)), 0.1, 0.9).round(3)
    half = rng.choice([0.005, 0.02, 0.06], count, p=[0.8, 0.15, 0.05])
    bid, ask = np.maximum(mid - half, 0.0), np.where(rng.random(count) < 0.03, np.nan, mid + half)
    series = price_series(at, bid, ask, mid, basis)
    starts = np.sort(rng.choice(HOURS, 4, replace=False)).astype(np.int64) * HOUR_MS
    lengths = rng.integers(0, 30, 4) * HOUR_MS
    return series, coverage(starts, starts + lengths)


@settings(max_examples=60, deadline=None)
@given(watched_prices(), st.lists(st.integers(0, HOURS * 60), min_size=1, max_size=12))
def test_many_windows_at_once_are_the_windows_one_by_one(
    prices: tuple[PriceSeries, Coverage], minutes: list[int]
) -> None:
    series, reads = prices
    t0 = np.array(minutes, dtype=np.int64) * MINUTE_MS
    path = track(series, reads)

    found = windows(path, t0, HOUR_MS)
    passed = passes(path, found)

    for n, start in enumerate(t0):
        one = measure(series, reads, int(start), 3600, NOW, None)
        assert (one.post is None) == np.isnan(found.post[n])
        assert passed[n] == (refusal(one, precise=True) is None)
        if one.post is not None:
            assert found.post[n] == pytest.approx(one.post, abs=1e-12)
            assert found.z[n] == pytest.approx(one.z, rel=1e-9)
            assert found.n_updates[n] == one.n_updates


@settings(max_examples=40, deadline=None)
@given(watched_prices(), st.integers(0, HOURS * 60), st.integers(1, 600))
def test_windows_that_have_ended_do_not_see_what_comes_later(
    prices: tuple[PriceSeries, Coverage], minute: int, later: int
) -> None:
    series, reads = prices
    t0 = np.array([minute * MINUTE_MS], dtype=np.int64)
    # A gap of reads up to half an hour is bridged once its end is known, 2 h before t0 at least.
    cut = int(t0[0]) + HOUR_MS + later * MINUTE_MS
    then = track(series.until(cut), reads.until(cut))
    now = track(series, reads)

    before, after = windows(then, t0, HOUR_MS), windows(now, t0, HOUR_MS)

    np.testing.assert_array_equal(before.z, after.z)
    np.testing.assert_array_equal(passes(then, before), passes(now, after))


def test_windows_of_no_prices_are_empty_and_pass_nothing() -> None:
    none = np.empty(0)
    path = track(PriceSeries(none.astype(np.int64), none, none, "book"), coverage([], []))

    found = windows(path, np.array([HOUR_MS], dtype=np.int64), HOUR_MS)

    assert np.isnan(found.post).all()
    assert not passes(path, found).any()
