from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from signals.study_tests import (
    bmp,
    bootstrap_interval,
    corrado,
    cross_section,
    kolari_pynnonen,
    mean_correlation,
    patell,
    sign_flip,
    standardised,
    t_interval,
)

MOVES = st.lists(st.floats(-0.5, 0.5).map(lambda x: round(x, 3)), min_size=2, max_size=10)


@settings(max_examples=60)
@given(z=MOVES.filter(lambda z: len(set(z)) > 1))
def test_cross_section_is_scipys_one_sample_t(z: list[float]) -> None:
    found, expected = cross_section(z), stats.ttest_1samp(z, 0)

    assert found is not None
    assert found.t == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-12)
    assert found.df == len(z) - 1


@pytest.mark.parametrize("z", [[], [0.03], [0.03, 0.03], [0.0, 0.0, 0.0]])
def test_without_spread_or_a_second_event_there_is_no_t(z: list[float]) -> None:
    assert cross_section(z) is None


@settings(max_examples=60)
@given(z=MOVES)
def test_sign_flip_counts_every_pattern(z: list[float]) -> None:
    observed = abs(sum(z)) - 1e-9
    patterns = [sum(s * v for s, v in zip(signs, z, strict=True))
                for signs in product((1, -1), repeat=len(z))]  # fmt: skip
    found = sign_flip(z)

    assert found is not None
    assert found.exact
    assert found.p == sum(abs(total) >= observed for total in patterns) / len(patterns)


@pytest.mark.parametrize(("n", "smallest"), [(2, 0.5), (5, 0.0625), (6, 0.03125), (8, 0.0078125)])
def test_small_n_has_a_smallest_p(n: int, smallest: float) -> None:
    found = sign_flip([0.01 * (k + 1) for k in range(n)])

    assert found is not None
    assert found.p == found.smallest == smallest


def test_sign_flip_of_forty_events_is_exact_and_of_more_is_drawn() -> None:
    rng = np.random.default_rng(3)
    forty, more = rng.normal(0.3, 1, 40), rng.normal(0.3, 1, 60)

    exact, drawn = sign_flip(forty), sign_flip(more)
    assert exact is not None
    assert drawn is not None
    assert (exact.exact, drawn.exact) == (True, False)
    # Both are close to the normal approximation of the same null.
    for z, found in ((forty, exact), (more, drawn)):
        about = 2 * stats.norm.sf(abs(z.sum()) / np.sqrt((z**2).sum()))
        assert found.p == pytest.approx(about, abs=0.02)


def test_drawn_sign_flip_is_never_zero_and_seeded() -> None:
    z = np.full(60, 0.02)

    found = sign_flip(z)
    assert found is not None
    assert found.p == pytest.approx(1 / 10_001)
    assert found == sign_flip(z)


def test_one_event_has_no_sign_flip() -> None:
    assert sign_flip([0.2]) is None


@settings(max_examples=30)
@given(z=MOVES, seed=st.integers(0, 9))
def test_order_of_the_events_does_not_matter(z: list[float], seed: int) -> None:
    turned = list(np.random.default_rng(seed).permutation(z))
    one, other = sign_flip(z), sign_flip(turned)

    assert one is not None
    assert other is not None
    assert one.p == other.p


def test_t_interval_by_hand() -> None:
    # mean 2, sd 1, n 3: 2 ± 4.3027 / sqrt 3.
    found = t_interval([1, 2, 3])

    assert found is not None
    assert (found.low, found.high) == (
        pytest.approx(-0.4841, abs=5e-5),
        pytest.approx(4.4841, abs=5e-5),
    )
    assert t_interval([1]) is None


def test_bootstrap_interval_is_scipys_within_monte_carlo_error() -> None:
    z = np.random.default_rng(1).gamma(2.0, 1.0, 30)
    expected = stats.bootstrap(
        (z,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval
    found = bootstrap_interval(z)

    assert found is not None
    assert found.low == pytest.approx(expected.low, abs=0.02)
    assert found.high == pytest.approx(expected.high, abs=0.02)
    assert found.method == "bca"


def test_bootstrap_interval_leans_to_the_long_tail_and_is_repeated_by_its_seed() -> None:
    z = [0.0] * 14 + [0.3]

    found = bootstrap_interval(z)
    assert found is not None
    assert found.high - 0.02 > 0.02 - found.low
    assert found == bootstrap_interval(z)


def test_events_without_spread_have_an_interval_without_width() -> None:
    found = bootstrap_interval([0.01] * 20)

    assert found is not None
    assert (found.low, found.high) == (pytest.approx(0.01), pytest.approx(0.01))


def test_standardised_by_hand() -> None:
    # mean 2, s 1, L 3: (5 - 2) / sqrt(4/3).
    assert standardised(5.0, [1, 2, 3]) == pytest.approx(2.5981, abs=5e-5)
    assert standardised(5.0, [1, 1, 1]) is None
    assert standardised(5.0, [1]) is None


def test_patell_of_one_event_divides_by_its_own_spread() -> None:
    # L 5: sqrt(4 / 2).
    assert patell([2.0], [5]) == pytest.approx(2.0 / np.sqrt(2))
    assert patell([], []) is None
    assert patell([2.0], [3]) is None


def test_corrado_ranks_ties_by_their_mean() -> None:
    rows = [[1, 2, 3, 4], [2, 2, 2, 1]]
    ranks = np.array([stats.rankdata([*rows[0], 5]), stats.rankdata([*rows[1], 3])]) / 6 - 0.5
    by_day = ranks.mean(axis=0)

    assert corrado(rows, [5, 3]) == pytest.approx(by_day[-1] / np.sqrt((by_day**2).mean()))
    assert corrado([[1, 1, 1]], [1]) is None


def test_correlated_events_weaken_the_bmp_test() -> None:
    rows = [[1.0, 2.0, 3.0, 5.0], [2.0, 4.0, 6.0, 10.0], [5.0, 3.0, 2.0, 1.0]]
    pairs = [stats.pearsonr(rows[i], rows[j]).statistic for i, j in ((0, 1), (0, 2), (1, 2))]

    assert mean_correlation(rows) == pytest.approx(np.mean(pairs))
    assert mean_correlation(rows[:1]) is None
    assert mean_correlation([[1.0, 1.0], [1.0, 2.0]]) is None
    test = bmp([2.0, 3.0, 2.5])
    assert test is not None
    assert kolari_pynnonen(test.t, 0.0, 3) == test.t
    assert kolari_pynnonen(test.t, 1.0, 3) == 0.0
    assert kolari_pynnonen(test.t, -0.5, 3) is None
