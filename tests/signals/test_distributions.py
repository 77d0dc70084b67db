from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from signals.distributions import student_p, student_quantile

DF = st.integers(1, 400)


@settings(max_examples=150)
@given(t=st.floats(-60, 60), df=DF)
def test_two_sided_p_is_scipys(t: float, df: int) -> None:
    assert student_p(t, df) == pytest.approx(2 * stats.t.sf(abs(t), df), rel=1e-9, abs=1e-14)


@settings(max_examples=100)
@given(share=st.floats(1e-4, 1 - 1e-4), df=DF)
def test_quantile_is_scipys_and_undoes_p(share: float, df: int) -> None:
    found = student_quantile(share, df)

    assert found == pytest.approx(stats.t.ppf(share, df), rel=1e-8, abs=1e-9)
    assert student_p(found, df) == pytest.approx(2 * min(share, 1 - share), rel=1e-8)


def test_one_degree_of_freedom_is_cauchys_which_has_a_closed_form() -> None:
    # P(|T| >= 1) = 1 - 2/pi * atan(1) = 1/2.
    assert student_p(1.0, 1) == pytest.approx(0.5)
    assert student_quantile(0.75, 1) == pytest.approx(1.0)


def test_no_t_is_no_evidence_and_the_middle_is_zero() -> None:
    assert student_p(0.0, 7) == 1.0
    assert student_quantile(0.5, 7) == pytest.approx(0.0, abs=1e-12)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        student_p(1.0, 0)
    for share in (0.0, 1.0):
        with pytest.raises(ValueError, match="between 0 and 1"):
            student_quantile(share, 3)
