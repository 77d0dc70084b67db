from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import power
from signals.prices import HOUR_MS, MINUTE_MS
from signals.study_placebo import DAY_MS
from signals.study_result import Excluded, Exclusion, Observation, PlaceboTest, Study
from signals.study_sentences import p_words, sentences, why_excluded
from signals.study_tests import bootstrap_interval, cross_section, sign_flip, t_interval

FORBIDDEN = re.compile(r"nearly|almost|trend|borderline|p = 0\.000|[▲▼↑↓]|caused|proves", re.I)


def observed(n: int, move: float, **given: int) -> Observation:
    one = Observation(f"e{n}", n * DAY_MS, 0.4, 0.4 + move, move, 0.0, 100 * move, 99, 60, 20, 30)
    return replace(one, **given)


def a_study(*moves: float, window_ms: int = HOUR_MS, **given: object) -> Study:
    """A study of `moves`, one a day, whose tests are what the moves give."""
    n, factor = len(moves), power.detectable(len(moves))
    sd = float(cross_section(moves) is not None and _sd(moves)) if n > 1 else None
    tested = window_ms == HOUR_MS
    values = {
        "window_ms": window_ms,
        "observations": tuple(observed(i, move) for i, move in enumerate(moves)),
        "excluded": (),
        "curve": (),
        "mean": sum(moves) / n if n else None,
        "sd": sd,
        "interval": bootstrap_interval(moves) if n >= 15 else t_interval(moves),
        "flip": sign_flip(moves) if tested else None,
        "day_flip": None,
        "t": None,
        "bmp": None,
        "placebo": PlaceboTest(0.02, n, 60 * n, 80) if n > 1 and tested else None,
        "detectable": None if factor is None or sd is None else factor * sd,
        "detectable_sd": factor,
    }
    return Study(**{**values, **given})  # type: ignore[arg-type]


def _sd(moves: tuple[float, ...]) -> float:
    middle = sum(moves) / len(moves)
    return float((sum((m - middle) ** 2 for m in moves) / (len(moves) - 1)) ** 0.5)


def left_out(reason: Exclusion, age_ms: int | None = None) -> Excluded:
    return Excluded("e", 0, reason, age_ms, 40 * MINUTE_MS)


def test_few_events_are_described_with_what_they_cannot_show() -> None:
    # The reference's first example: four signals, +1.2 pp on average, from -2 to +5.
    assert sentences(a_study(0.05, -0.02, 0.008, 0.01)) == (
        "Average move +1.2 pp in the hour after 4 signals (range -2.0 to +5.0).",
        "Four events cannot show significance at 5 %. Smaller than about 2.1 sd would be missed.",
        "Treat as description.",
    )


def test_a_null_says_what_it_could_have_missed_and_that_it_shows_nothing() -> None:
    moves = (0.02, -0.02, 0.01, -0.01, 0.015, -0.009)
    said = sentences(a_study(*moves, placebo=PlaceboTest(0.4, 6, 360, 60)))

    assert said[0].startswith("No detectable average reaction: average move +0.1 pp in the hour")
    assert "exact sign-flip p = " in said[0]
    assert re.fullmatch(r"A mean below about 2\.\d pp \(1\.4 sd\) would be missed .*", said[1])
    assert said[2] == "This is absence of evidence, not evidence of no effect."


def test_moves_in_both_directions_are_no_null_when_placebo_hours_are_calm() -> None:
    moves = (0.08, -0.08, 0.04, -0.04, 0.06, -0.04)
    said = sentences(a_study(*moves, placebo=PlaceboTest(0.019, 6, 360, 60)))

    assert said[0].startswith("Average move +0.3 pp in the hour after 6 signals")
    assert said[1].endswith("(placebo p = 0.019): prices moved, but in no common direction.")
    assert "No detectable" not in " ".join(said)
    assert said[-1] == "Treat as description."


def test_a_result_has_its_interval_and_claims_no_cause() -> None:
    said = sentences(a_study(*[0.02, 0.03, 0.04] * 3))

    assert said[0] == (
        "Average move +3.0 pp in the hour after 9 signals (95 % interval +2.3 to +3.7); "
        "exact sign-flip p = 0.004."
    )
    assert said[-1] == "What came first is not thereby the cause."


def test_a_result_that_placebo_hours_deny_is_fragile() -> None:
    denied = a_study(*[0.03] * 8, placebo=PlaceboTest(0.30, 8, 480, 80))
    too_few = a_study(*[0.03, 0.02] * 4, placebo=PlaceboTest(0.14, 8, 480, 6))

    assert "fragile" in sentences(denied)[1]
    said = " ".join(sentences(too_few))
    assert "fragile" not in said
    assert "The placebo hours lie on 6 days, too few to support p = 0.05." in said


def test_one_event_gets_its_rank_and_no_p() -> None:
    small = a_study(0.01)
    large = replace(small, observations=(observed(0, 0.01, larger_than=58, n_placebo=58),))
    alone = replace(small, observations=(observed(0, 0.01, larger_than=0, n_placebo=0),))

    assert sentences(small) == (
        "No detectable reaction: +1.0 pp in the hour after one signal; 30 of 60 comparable "
        "placebo hours on 20 days moved as far.",
        "One event cannot be tested.",
        "This is absence of evidence, not evidence of no effect.",
    )
    assert sentences(large)[0] == (
        "+1.0 pp in the hour after one signal, larger than 58 of 58 comparable placebo hours on "
        "20 days."
    )
    assert sentences(alone)[0] == "+1.0 pp in the hour after one signal; no comparable hours."


@pytest.mark.parametrize(("larger", "n"), [(14, 14), (3, 14), (0, 1), (19, 19)])
def test_a_handful_of_hours_denies_no_reaction_and_shows_none(larger: int, n: int) -> None:
    one = observed(0, 0.088, larger_than=larger, n_placebo=n, placebo_days=1)

    assert sentences(replace(a_study(0.088), observations=(one,))) == (
        f"+8.8 pp in the hour after one signal, larger than {larger} of {n} comparable placebo "
        "hours on 1 day; too few hours to say more.",
        "One event cannot be tested.",
        "Treat as description.",
    )


def test_other_windows_say_that_they_are_not_tested() -> None:
    said = sentences(a_study(*[0.03, 0.02] * 4, window_ms=6 * HOUR_MS))

    assert said == (
        "Average move +2.5 pp in the 6 h after 8 signals (range +2.0 to +3.0).",
        "The 6 h window is described; only the hour is tested.",
        "Treat as description.",
    )


@pytest.mark.parametrize(("excluded", "said"), [
    (left_out("stale", 9 * HOUR_MS), "Not evaluated: last price 9 h before the signal."),
    (left_out("coverage"), "Not evaluated: price not watched for 40 min."),
    (left_out("wide_book"), "Not evaluated: bid and ask more than 10 pp apart."),
    (left_out("confounded"), "Not evaluated: another signal too near."),
])  # fmt: skip
def test_what_was_not_evaluated_says_why(excluded: Excluded, said: str) -> None:
    assert why_excluded(excluded) == said
    assert sentences(a_study(excluded=(excluded,))) == (said,)


def test_nothing_at_all_is_counted_by_reason() -> None:
    out = (left_out("stale", HOUR_MS), left_out("coverage"), left_out("coverage"))

    assert sentences(a_study(excluded=out)) == (
        "Not evaluated: none of 3 episodes (2 price not watched throughout, 1 price too old).",
    )
    assert sentences(a_study()) == ("Not evaluated: no signal had a market to be measured on.",)


@pytest.mark.parametrize(("p", "said"), [
    (0.125, "p = 0.125"), (0.0009, "p < 0.001"), (1e-12, "p < 0.001"), (1.0, "p = 1"),
    (0.001, "p = 0.001"),
])  # fmt: skip
def test_p_is_never_zero(p: float, said: str) -> None:
    assert p_words(p) == said


@settings(max_examples=80)
@given(
    moves=st.lists(st.floats(-0.4, 0.4).map(lambda x: round(x, 4)), max_size=20),
    days=st.integers(1, 60),
    p=st.floats(0.001, 1.0),
)
def test_nothing_forbidden_is_ever_said(moves: list[float], days: int, p: float) -> None:
    placebo = PlaceboTest(max(p, 1 / (1 + days)), len(moves), 60, days) if len(moves) > 1 else None
    said = sentences(a_study(*moves, placebo=placebo))

    assert said
    assert not [sentence for sentence in said if FORBIDDEN.search(sentence)]
    assert all(sentence.endswith(".") for sentence in said)
    assert len(moves) != 1 or not any("p = " in sentence for sentence in said)
    assert all("-0.0 pp" not in sentence for sentence in said)
