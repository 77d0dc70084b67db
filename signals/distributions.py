"""The normal and Student's t distribution, as far as small samples need them."""

from __future__ import annotations

import math
from statistics import NormalDist

NORMAL = NormalDist()
_TINY = 1e-300
_PRECISION = 1e-15
_MAX_TERMS = 500
_HALVINGS = 200


def student_p(t: float, df: float) -> float:
    """Return the two-sided p of a t statistic: P(|T| >= |t|) with `df` degrees of freedom.

    Raises ValueError for df <= 0.
    """
    if df <= 0:
        raise ValueError(f"degrees of freedom must be above 0, got {df}")
    return _regularised_beta(df / (df + t * t), t * t / (df + t * t), df / 2, 0.5)


def student_quantile(share: float, df: float) -> float:
    """Return the t below which `share` of the distribution lies; 0 < share < 1.

    Raises ValueError outside of it.
    """
    if not 0 < share < 1:
        raise ValueError(f"a quantile is asked for a share between 0 and 1, got {share}")
    tail = 2 * min(share, 1 - share)
    low, high = 0.0, 1.0
    while student_p(high, df) > tail:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if student_p(middle, df) > tail else (low, middle)
    return high if share > 0.5 else -high


def _regularised_beta(x: float, rest: float, a: float, b: float) -> float:
    """Return I_x(a, b), 0..1; `rest` is 1 - x, given apart because the difference loses digits."""
    if x <= 0 or rest <= 0:
        return float(rest <= 0)
    logs = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(logs + a * math.log(x) + b * math.log(rest))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(rest, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method.

    Source: NIST Digital Library of Mathematical Functions, 8.17.22.
    """
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            found *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return found


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
