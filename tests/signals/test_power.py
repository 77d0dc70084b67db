from __future__ import annotations

import pytest
from statsmodels.stats.power import TTestPower

from signals.power import detectable, detectable_normal, power


@pytest.mark.parametrize(("n", "normal", "t"), [
    (3, 1.62, 3.10), (5, 1.25, 1.66), (8, 0.99, 1.15), (12, 0.81, 0.89), (20, 0.63, 0.66),
])  # fmt: skip
def test_smallest_detectable_effect_is_the_references(n: int, normal: float, t: float) -> None:
    assert detectable_normal(n) == pytest.approx(normal, abs=0.005)
    assert detectable(n) == pytest.approx(t, abs=0.005)


@pytest.mark.parametrize(("n", "expected"), [
    (1, 0.08), (5, 0.20), (10, 0.35), (20, 0.61), (50, 0.94),
])  # fmt: skip
def test_power_of_one_percent_against_two_is_mackinlays(n: int, expected: float) -> None:
    assert power(0.01, 0.02, n) == pytest.approx(expected, abs=0.005)


def test_without_an_effect_power_is_the_level_of_the_test() -> None:
    assert power(0.0, 1.0, 10) == pytest.approx(0.05)


def test_the_detectable_effect_is_found_with_the_power_asked_for() -> None:
    # At n = 20 the probability on the far side is below 1e-6.
    assert power(detectable_normal(20), 1.0, 20) == pytest.approx(0.80, abs=1e-6)


@pytest.mark.parametrize("n", [8, 12, 20, 40])
def test_the_approximation_is_near_the_noncentral_t(n: int) -> None:
    exact = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8, alternative="two-sided")

    assert detectable(n) == pytest.approx(exact, rel=0.02)


def test_one_event_detects_nothing_of_unknown_spread() -> None:
    assert detectable(1) is None
    assert detectable(0) is None


def test_nothing_to_test_is_refused() -> None:
    with pytest.raises(ValueError, match="an event and a spread"):
        power(0.01, 0.0, 5)
    with pytest.raises(ValueError, match="without an event"):
        detectable_normal(0)
