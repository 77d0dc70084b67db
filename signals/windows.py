"""Windows: everything measured around an instant, before anyone calls it a move.

Half-open spans that share the price just before t0: the run-up [t0-2h, t0) and the response
[t0, t0+window]. Nothing here uses a row later than the window's end, but for `lasting`, which
reads on until persistence is settled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from signals.moves import ESTIMATION_MS, READ_GAP_MS, decided_at
from signals.prices import (
    EPSILON,
    HOUR_MS,
    MINUTE_MS,
    POLLED_BASES,
    Coverage,
    Price,
    PriceSeries,
    variation,
)

Refusal = Literal[
    "no_price", "wide_book", "stale", "coverage", "resolved", "open_window", "imprecise_time"
]

RUN_UP_MS = 2 * HOUR_MS
MAX_AGE_MS = 6 * HOUR_MS
SIGHT_MS = ESTIMATION_MS[0]  # how far back a change of the price is looked for
PATIENCE_MS = 40 * MINUTE_MS  # 10 min to persist and the longest gap that still is coverage


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One outcome around one instant; None where a price is missing.

    `pre` is the run-up, `post` the response; `age_ms` how old the price was at t0 (None: a history
    or trades without a change in the 72 h before), `gap_ms` the longest stretch without a read in
    [t0 - age limit, end]; `spread` the wider one of the two quotes the response is measured
    between; `per_ms` the variance of one millisecond over the estimation span, 0 when unknown;
    `n_updates` the price changes in it.
    """

    series: PriceSeries
    reads: Coverage
    t0: int
    window_ms: int
    now: int
    resolved_at: int | None
    before: Price
    after: Price
    pre: float | None
    post: float | None
    age_ms: int | None
    gap_ms: int
    spread: float
    per_ms: float
    n_updates: int

    @property
    def end(self) -> int:
        """Return the last instant of the response, ms."""
        return self.t0 + self.window_ms

    @property
    def z(self) -> float | None:
        """Return the response in units of the window's noise."""
        return None if self.post is None else self.post / self.noise(self.window_ms)

    def noise(self, window_ms: int) -> float:
        """Return s_W: the normal size of a change over `window_ms`, never below the quote's own."""
        return max(float(np.sqrt(window_ms * self.per_ms)), self.spread / 2, self.series.tick)

    def threshold(self, window_ms: int) -> float:
        """Return T_W: the smallest change over `window_ms` that is called one."""
        return max(0.01, 1.5 * self.spread, 2 * self.series.tick, 3 * self.noise(window_ms))


def measure(
    series: PriceSeries,
    coverage: Coverage,
    t0: int,
    window_s: int,
    now: int,
    resolved_at: int | None,
) -> Window:
    """Return the window of `window_s` seconds at `t0` as known at `now`, instants in ms.

    A resolution after `now` is not known yet; rows from a known one on are a settlement and left
    out. The run-up is None when the price two hours before was itself stale.
    """
    if resolved_at is not None and resolved_at > now:
        resolved_at = None
    cut = now if resolved_at is None else min(now, resolved_at - 1)
    seen, window_ms = series.until(cut), window_s * 1000
    end, limit = t0 + window_ms, age_limit_ms(window_ms)
    known = coverage.until(cut)
    reads = known.reads(seen.at)
    before, after = seen.as_of(t0 - 1), seen.as_of(end)
    closed = now >= end and (resolved_at is None or resolved_at > end)
    post = _difference(before, after) if closed else None
    earlier = seen.as_of(t0 - RUN_UP_MS - 1)
    fresh = _age_ms(seen, reads, t0 - RUN_UP_MS)
    is_fresh = fresh is not None and fresh <= age_limit_ms(RUN_UP_MS)
    per_ms, n_updates = variation(seen, known.joined(READ_GAP_MS, seen.at)).over(
        np.array([t0 - ESTIMATION_MS[0]]), np.array([t0 - ESTIMATION_MS[1]])
    )
    return Window(
        series=seen,
        reads=reads,
        t0=t0,
        window_ms=window_ms,
        now=now,
        resolved_at=resolved_at,
        before=before,
        after=after,
        pre=_difference(earlier, before) if is_fresh else None,
        post=post,
        age_ms=_age_ms(seen, reads, t0),
        gap_ms=reads.longest_gap_ms(t0 - limit, min(end, cut)),
        spread=max(before.spread, after.spread) if closed else before.spread,
        per_ms=float(np.nan_to_num(per_ms[0], nan=0.0)),
        n_updates=int(n_updates[0]),
    )


def age_limit_ms(window_ms: int) -> int:
    """Return how old a price may be, and how long a gap between reads: min(6 h, half)."""
    return min(MAX_AGE_MS, window_ms // 2)


def refusal(window: Window, precise: bool) -> Refusal | None:
    """Return the first reason not to evaluate the window, None when it can be.

    A resolution at or before t0 explains all that is missing after it, so it is asked first.
    """
    if window.resolved_at is not None and window.resolved_at <= window.t0:
        return "resolved"
    resolved = window.resolved_at is not None and window.resolved_at <= window.end
    closed = window.now >= window.end and not resolved
    limit = age_limit_ms(window.window_ms)
    reasons: list[tuple[bool, Refusal | None]] = [
        (True, window.before.missing),
        (closed, window.after.missing),
        (window.age_ms is None or window.age_ms > limit, "stale"),
        (window.gap_ms > limit, "coverage"),
        (resolved, "resolved"),
        (window.now < window.end, "open_window"),
        (not precise, "imprecise_time"),
    ]
    return next((reason for applies, reason in reasons if applies and reason), None)


def lasting(window: Window) -> bool | Refusal:
    """Return whether half the response is left when that can be read, or why it cannot.

    Read at the second further priced row or the first read 10 min after the end: `open_window`
    before it, `coverage` when none came within 40 min, `resolved` when none can come.
    """
    at = decided_at(window.series, window.reads, window.end)
    if at is None:
        if window.resolved_at is not None and window.resolved_at <= window.now:
            return "resolved"
        return "open_window" if window.now < window.end + PATIENCE_MS else "coverage"
    price = window.series.as_of(at).value
    assert price is not None
    assert window.before.value is not None
    assert window.post is not None
    left = (price - window.before.value) * np.sign(window.post)
    return bool(left >= abs(window.post) / 2 - EPSILON)


def _age_ms(series: PriceSeries, reads: Coverage, t: int) -> int | None:
    """Return how old the price in force just before `t` was; a read at `t` is of another one.

    A price that did not change within SIGHT_MS has no age: how far back its first row lies says
    how much was loaded.
    """
    if series.basis not in POLLED_BASES:
        last = series.last_change(t - 1)
        return None if last is None or t - last > SIGHT_MS else t - last
    last = reads.last_read_before(t - 1)
    if last is None:
        return None
    return 0 if last == t - 1 else t - last


def _difference(first: Price, last: Price) -> float | None:
    return None if first.value is None or last.value is None else last.value - first.value
