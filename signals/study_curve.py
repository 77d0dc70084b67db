"""The mean path of prices around episodes, with the band of as many comparable hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from signals.prices import Floats
from signals.study_placebo import DRAWS, FEWEST, GRID_MS, Hours, paths
from signals.study_result import Bin
from signals.window_arrays import Track
from signals.windows import RUN_UP_MS

BAND = (0.025, 0.975)


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """An episode at `t0` on its prices as known up to `until` (ms), and its comparable hours.

    `other_t0s`: the focal signals of other episodes on the same outcome.
    """

    t0: int
    until: int
    path: Track
    hours: Hours
    other_t0s: tuple[int, ...] = ()


def curve(episodes: Sequence[Around], *, seed: int) -> tuple[Bin, ...]:
    """Return the mean move since t0 at every offset of the grid, with its n and its band.

    Markets that resolve on the way leave the mean, and so does a path that another signal cuts;
    n says how many are in it. Paths of comparable hours are cut by the same rule, and end where
    the episode's own run-up begins.
    """
    own = [
        paths(each.path, np.array([each.t0]), until=each.until, focal_t0s=each.other_t0s)[0]
        for each in episodes
    ]
    moves = np.vstack(own) if own else np.empty((0, len(GRID_MS)))
    counts = np.sum(~np.isnan(moves), axis=0)
    means = _mean(np.nansum(moves, axis=0), counts)
    low, high = _band(episodes, seed)
    return tuple(
        Bin(
            offset_ms=int(offset),
            n=int(counts[i]),
            mean=_known(means[i]),
            low=_known(low[i]),
            high=_known(high[i]),
        )
        for i, offset in enumerate(GRID_MS.tolist())
    )


def _band(episodes: Sequence[Around], seed: int) -> tuple[Floats, Floats]:
    nothing = np.full(len(GRID_MS), np.nan)
    if not episodes or any(each.hours.n < FEWEST for each in episodes):
        return nothing, nothing
    rng = np.random.default_rng(seed)
    total, counts = np.zeros((DRAWS, len(GRID_MS))), np.zeros((DRAWS, len(GRID_MS)))
    for each in episodes:
        end = each.t0 - RUN_UP_MS - 1
        placebo = paths(each.path, each.hours.t0, until=end, focal_t0s=each.other_t0s)
        drawn = placebo[rng.integers(0, each.hours.n, DRAWS)]
        total += np.nan_to_num(drawn, nan=0.0)
        counts += ~np.isnan(drawn)
    means = _mean(total, counts)
    enough = np.mean(~np.isnan(means), axis=0) >= 0.5
    low, high = nothing.copy(), nothing.copy()
    low[enough], high[enough] = np.nanquantile(means[:, enough], BAND, axis=0)
    return low, high


def _mean(total: Floats, counts: Floats) -> Floats:
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
