"""Many tests at once: how many of the findings of one report may be false."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def q_values(p_values: Sequence[float] | Floats) -> Floats:
    """Return the adjusted p-value of each test of one family, in the order given.

    A finding with q <= 0.10 belongs to a list of which at most a tenth is expected to be false,
    for tests that are independent or positively dependent, as windows of one market are.

    Raises ValueError for a p outside 0..1. Source: Benjamini and Hochberg 1995.
    """
    given = np.asarray(p_values, dtype=np.float64)
    if not np.all((given >= 0) & (given <= 1)):
        raise ValueError("p-values lie in 0..1; leave tests without one out of the family")
    order = np.argsort(given, kind="stable")
    ranks = np.arange(1, len(given) + 1)
    stepped = given[order] * len(given) / ranks
    adjusted = np.empty(len(given))
    adjusted[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1.0)
    return adjusted
