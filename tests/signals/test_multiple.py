from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from signals.multiple import q_values

# Benjamini and Hochberg 1995, section 3.2.
PUBLISHED = (
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
    0.5719, 0.6528, 0.7590, 1.0,
)  # fmt: skip


def test_four_of_the_fifteen_published_tests_are_kept_at_five_percent() -> None:
    q = q_values(PUBLISHED)

    assert np.count_nonzero(q <= 0.05) == 4
    assert sum(p <= 0.05 / 15 for p in PUBLISHED) == 3  # Bonferroni keeps one less
    assert q[:5] == pytest.approx([0.0015, 0.0030, 0.0095, 0.035625, 0.0603])


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_q_is_scipys_adjusted_p(p_values: list[float]) -> None:
    assert q_values(p_values) == pytest.approx(false_discovery_control(p_values))


@given(st.permutations(PUBLISHED))
def test_the_order_of_the_tests_is_of_no_account(shuffled: list[float]) -> None:
    found = dict(zip(shuffled, q_values(shuffled), strict=True))

    assert [found[p] for p in PUBLISHED] == pytest.approx(list(q_values(PUBLISHED)))


def test_one_test_is_its_own_family_and_none_is_none() -> None:
    assert list(q_values([0.03])) == [0.03]
    assert len(q_values([])) == 0


@pytest.mark.parametrize("wrong", [1.01, -0.1, float("nan")])
def test_what_is_no_p_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"p-values lie in 0\.\.1"):
        q_values([0.5, wrong])
