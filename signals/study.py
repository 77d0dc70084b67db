"""Studies: what prices did around many signals, taken together, beside hours without one.

An episode is one observation on one outcome. Its move is the price at the end of the window less
the price just before t0: the benchmark is zero. Everything is in probability, not in points.
Source: event study reference, sections 2 to 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from signals import power
from signals.prices import Coverage, PriceSeries
from signals.study_curve import Around, curve
from signals.study_placebo import DAY_MS, FEWEST, Hours, comparable, pooled_p
from signals.study_result import (
    PRIMARY_MS,
    Excluded,
    Exclusion,
    Observation,
    PlaceboTest,
    Study,
)
from signals.study_tests import (
    SEED,
    SignFlip,
    bmp,
    bootstrap_interval,
    cross_section,
    sign_flip,
    t_interval,
)
from signals.window_arrays import track
from signals.windows import RUN_UP_MS, Window, measure, refusal

BOOTSTRAP_FROM = 15


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One episode on the outcome it is measured on; instants in ms.

    `series` and `coverage`: all that was known of the outcome's price. `other_t0s`: the focal
    signals of other episodes on this outcome. `precise` is False for a date without a time.
    `closes_at`: when the market is to close, None when nobody says.
    """

    key: str
    t0: int
    series: PriceSeries
    coverage: Coverage
    resolved_at: int | None = None
    precise: bool = True
    other_t0s: tuple[int, ...] = ()
    closes_at: int | None = None


def study(
    cases: Iterable[Case], *, now: int, window_ms: int = PRIMARY_MS, seed: int = SEED
) -> Study:
    """Return what prices did over `window_ms` after the cases, as known at `now`.

    The gates of a link decide which cases count; one with another episode's signal on its
    outcome in [t0 - 2 h, t0 + window) is confounded, whatever its price did. Tests are of the
    primary window of 1 h alone. The order of the cases does not matter.
    """
    found, excluded = [], []
    for case in sorted(cases, key=lambda each: (each.t0, each.key)):
        window = measure(
            case.series, case.coverage, case.t0, window_ms // 1000, now, case.resolved_at
        )
        reason = exclusion(case, window)
        if reason is None:
            found.append((case, window, _around(case, window, seed)))
        else:
            excluded.append(Excluded(case.key, case.t0, reason, window.age_ms, window.gap_ms))
    around = [each for _, _, each in found]
    observations = [_observation(case, window, each.hours) for case, window, each in found]
    moves, n = [each.move for each in observations], len(observations)
    sd = float(np.std(moves, ddof=1)) if n > 1 else None
    is_tested = window_ms == PRIMARY_MS
    factor = power.detectable(n)
    return Study(
        window_ms=window_ms,
        observations=tuple(observations),
        excluded=tuple(excluded),
        curve=curve(around, seed=seed),
        mean=float(np.mean(moves)) if n else None,
        sd=sd,
        interval=bootstrap_interval(moves, seed=seed) if n >= BOOTSTRAP_FROM else t_interval(moves),
        flip=sign_flip(moves, seed=seed) if is_tested else None,
        day_flip=_day_flip(observations, seed) if is_tested else None,
        t=cross_section(moves) if is_tested else None,
        bmp=bmp([each.z for each in observations]) if is_tested else None,
        placebo=_placebo(around, seed) if is_tested and n > 1 else None,
        detectable=None if factor is None or sd is None else factor * sd,
        detectable_sd=factor,
    )


def exclusion(case: Case, window: Window) -> Exclusion | None:
    """Return why a case cannot be in the figures; None when it can."""
    near = (case.t0 - RUN_UP_MS <= t < window.end for t in case.other_t0s)
    return refusal(window, case.precise) or ("confounded" if any(near) else None)


def _around(case: Case, window: Window, seed: int) -> Around:
    resolved = window.resolved_at
    until = window.now if resolved is None else min(window.now, resolved - 1)
    path = track(window.series, case.coverage.until(until))
    hours = comparable(
        path,
        t0=case.t0,
        window_ms=window.window_ms,
        focal_t0s=case.other_t0s,
        closes_at=case.closes_at,
        seed=seed,
    )
    return Around(case.t0, until, path, hours, case.other_t0s)


def _observation(case: Case, window: Window, hours: Hours) -> Observation:
    assert window.before.value is not None
    assert window.after.value is not None
    assert window.post is not None
    assert window.z is not None
    return Observation(
        key=case.key,
        t0=case.t0,
        before=window.before.value,
        after=window.after.value,
        move=window.post,
        pre=window.pre,
        z=window.z,
        n_updates=window.n_updates,
        n_placebo=hours.n,
        placebo_days=hours.days,
        larger_than=hours.smaller,
    )


def _day_flip(observations: Sequence[Observation], seed: int) -> SignFlip | None:
    by_day: dict[int, list[float]] = {}
    for each in observations:
        by_day.setdefault(each.t0 // DAY_MS, []).append(each.move)
    if len(by_day) == len(observations):
        return None
    return sign_flip([float(np.mean(moves)) for moves in by_day.values()], seed=seed)


def _placebo(around: Sequence[Around], seed: int) -> PlaceboTest | None:
    usable = [each.hours for each in around if each.hours.n >= FEWEST]
    if not usable:
        return None
    days = len(np.unique(np.concatenate([hours.t0 // DAY_MS for hours in usable])))
    p = pooled_p([hours.own for hours in usable], [hours.size for hours in usable], seed=seed)
    return PlaceboTest(
        p=max(p, 1 / (1 + days)),
        episodes=len(usable),
        hours=sum(hours.n for hours in usable),
        days=days,
    )
