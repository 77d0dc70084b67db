"""What a study of n events could have found at all, before it is said that it found nothing."""

from __future__ import annotations

from math import sqrt

from signals.distributions import NORMAL, student_quantile

ALPHA = 0.05
POWER = 0.80


def power(effect: float, sd: float, n: int, *, alpha: float = ALPHA) -> float:
    """Return the chance that a two-sided test of n events shows a true mean of `effect`.

    `sd` is that of one event, in the unit of `effect`. Raises ValueError for n < 1 or sd <= 0.
    Source: MacKinlay (1997), normal approximation.
    """
    if n < 1 or sd <= 0:
        raise ValueError(f"power needs an event and a spread, got n={n} and sd={sd}")
    critical, shift = NORMAL.inv_cdf(1 - alpha / 2), effect * sqrt(n) / sd
    return NORMAL.cdf(-critical - shift) + 1 - NORMAL.cdf(critical - shift)


def detectable_normal(n: int, *, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return the smallest mean, in sd of one event, found with chance `power`; sd known.

    Raises ValueError for n < 1.
    """
    if n < 1:
        raise ValueError("nothing can be detected without an event")
    return (NORMAL.inv_cdf(1 - alpha / 2) + NORMAL.inv_cdf(power)) / sqrt(n)


def detectable(n: int, *, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """Return the same when the sd is estimated from the n events themselves; None for n < 2.

    Source: sum of the quantiles of Student's t with n - 1 degrees of freedom, an approximation of
    the noncentral t.
    """
    if n < 2:
        return None
    df = n - 1
    return (student_quantile(1 - alpha / 2, df) + student_quantile(power, df)) / sqrt(n)
