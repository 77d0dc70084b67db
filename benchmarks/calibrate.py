"""Are the statistics honest? `python -m benchmarks.calibrate` measures it on simulated prices.

Null: signals at random instants of fair markets. Power: a shift of known size beside the closed
form. Both through the functions that judge real links. Exit 1 when a goal is missed.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from benchmarks.martingales import Market, a_market, a_steady_market
from benchmarks.measure import Figure, table
from signals.links import LinkResult, evaluate
from signals.multiple import q_values
from signals.placebo import placebo
from signals.prices import HOUR_MS, MINUTE_MS
from signals.window_arrays import Track, track

SEED = 20261122
FAMILIES = 200
MARKETS = 10
SIGNALS = 5
Q = 0.10
LEVELS = (0.01, 0.05, 0.10, 0.25)
LAST_MS = 7 * 24 * HOUR_MS
WARM_UP_MS = 30 * 24 * HOUR_MS
PATHS = 1500
HOURLY = 0.004
P_SHIFTS = (1.96, 2.23, 2.48, 2.80)
VERDICT_SHIFTS = (3.0, 3.25, 3.52, 3.84)
NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Judged:
    """One link of the null, how long its market still ran (ms), and its p were that not known."""

    result: LinkResult
    left_ms: int
    blind_p: float | None


def main() -> int:
    """Run everything and return the exit code."""
    figures = [*null(np.random.default_rng(SEED)), *power(np.random.default_rng(SEED + 1))]
    print(f"seed {SEED}")
    print(table(figures))
    return 0 if all(figure.is_met for figure in figures) else 1


def null(rng: np.random.Generator) -> list[Figure]:
    """Return how often families and single links of fair markets seem to have found something."""
    families = [_family(rng) for _ in range(FAMILIES)]
    alarmed = float(np.mean([_has_finding(family) for family in families]))
    error = np.sqrt(Q * (1 - Q) / FAMILIES)
    links = [one for family in families for one in family]
    tested = [one for one in links if one.result.p_value is not None]
    late = [one for one in tested if one.left_ms < LAST_MS]
    verdicts = Counter(one.result.verdict.partition(":")[0] for one in links)
    evaluated = len(links) - verdicts["not_evaluated"]
    moved = verdicts["moved_up"] + verdicts["moved_down"] + verdicts["confounded"]
    return [
        _at_most("null: families of 50 with any q <= 0.10", alarmed, Q, 2 * error, FAMILIES),
        *_levels("null: all", [one.result.p_value for one in tested]),
        *_levels("null: last week", [one.result.p_value for one in late], judge=False),
        *_levels("null: end not known", [one.blind_p for one in tested], judge=False),
        _shown("null: links with a p", len(tested) / len(links), len(links)),
        _shown("null: verdict that something moved", moved / evaluated, evaluated),
    ]


def power(rng: np.random.Generator) -> list[Figure]:
    """Return how often a true shift is found, beside the closed form, and a run-up is told."""
    found: dict[tuple[str, float], list[bool]] = {}
    before = []
    for _ in range(PATHS):
        market = a_steady_market(rng, hourly=HOURLY)
        # Between two quotes, so that an hour holds six steps, as in the closed form.
        t0 = int(market.series.at[-1]) - 4 * HOUR_MS + 5 * MINUTE_MS
        path = track(market.series, market.reads)
        for shift in P_SHIFTS + VERDICT_SHIFTS:
            result = _judge(_shifted(market, t0 + 5 * MINUTE_MS, shift * HOURLY), t0, path=path)
            assert result.p_value is not None
            found.setdefault(("p", shift), []).append(result.p_value <= 0.05)
            found.setdefault(("verdict", shift), []).append(result.verdict == "moved_up")
        early = _judge(_shifted(market, t0 - 30 * MINUTE_MS, 0.05), t0, path=path)
        before.append(early.verdict == "moved_before")
    rows = [_power("p <= 0.05", s, found[("p", s)], 1.96) for s in P_SHIFTS]
    rows += [_power("moved_up", s, found[("verdict", s)], 3.0, sides=1) for s in VERDICT_SHIFTS]
    share = float(np.mean(before))
    said = Figure(
        "5 pp, 30 min before: moved_before", f"{share:.3f}", "1", "-", ">= 0.99", share >= 0.99
    )
    return [*rows, said]


def _family(rng: np.random.Generator) -> list[Judged]:
    family = []
    for _ in range(MARKETS):
        market = a_market(rng)
        t0s = np.sort(rng.integers(WARM_UP_MS, market.resolves_at, SIGNALS))
        path = track(market.series, market.reads)
        for t0 in t0s:
            others = [int(other) for other in t0s if other != t0]
            result = _judge(market, int(t0), others, path=path)
            blind = placebo(path, t0=int(t0), window_ms=HOUR_MS, focal_t0s=others)
            family.append(Judged(result, market.resolves_at - int(t0), blind.p))
    return family


def _judge(market: Market, t0: int, others: Sequence[int] = (), *, path: Track) -> LinkResult:
    """Return the verdict as it is given once the market has resolved."""
    if path.series is not market.series:
        path = track(market.series, market.reads)
    # What the noise is estimated on reaches 74 h back; placebo windows have the whole past.
    series = market.series
    near = slice(int(np.searchsorted(series.at, t0 - 76 * HOUR_MS)), len(series.at))
    return evaluate(
        replace(series, at=series.at[near], price=series.price[near], spread=series.spread[near]),
        market.reads,
        t0=t0,
        now=int(series.at[-1]) + HOUR_MS,
        resolved_at=market.resolves_at if market.resolves_at <= series.at[-1] + HOUR_MS else None,
        precise=True,
        focal_t0s_of_other_episodes=others,
        test=lambda: placebo(
            path, t0=t0, window_ms=HOUR_MS, focal_t0s=others, closes_at=market.resolves_at
        ),
    )


def _shifted(market: Market, at: int, size: float) -> Market:
    series = market.series
    price = np.clip(np.where(series.at >= at, series.price + size, series.price), 0.001, 0.999)
    return replace(market, series=replace(series, price=price))


def _has_finding(family: Sequence[Judged]) -> bool:
    tests = [one.result.p_value for one in family if one.result.p_value is not None]
    return bool(np.any(q_values(tests) <= Q))


def _levels(name: str, p_values: Sequence[float | None], *, judge: bool = True) -> list[Figure]:
    values = np.array([p for p in p_values if p is not None])
    rows = []
    for level in LEVELS:
        error = np.sqrt(level * (1 - level) / len(values))
        share = float(np.mean(values <= level))
        row = _at_most(f"{name}: p <= {level:g}", share, level, 3 * error, len(values))
        rows.append(row if judge else replace(row, goal="shown", is_met=True))
    return rows


def _at_most(name: str, share: float, level: float, room: float, count: int) -> Figure:
    goal = level + room
    return Figure(
        name, f"{share:.4f}", f"{level:g}", f"n {count}", f"<= {goal:.4f}", bool(share <= goal)
    )


def _shown(name: str, share: float, count: int) -> Figure:
    return Figure(name, f"{share:.4f}", "-", f"n {count}", "shown", is_met=True)


def _power(
    name: str, shift: float, found: Sequence[bool], critical: float, sides: int = 2
) -> Figure:
    closed = 1 - NORMAL.cdf(critical - shift)
    closed += NORMAL.cdf(-critical - shift) if sides == 2 else 0.0
    share = float(np.mean(found))
    apart = abs(share - closed)
    words = f"{name} at a shift of {shift:g} sd"
    return Figure(
        words, f"{share:.3f}", f"{closed:.3f}", f"{share - closed:+.3f}", "+-0.05", apart <= 0.05
    )


if __name__ == "__main__":
    sys.exit(main())
