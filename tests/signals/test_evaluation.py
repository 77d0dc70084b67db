"""Measured against labels: every figure here can be counted by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.evaluation import Counts, Evaluation, Labelled, evaluate, wilson
from signals.tagger import Document, EntityMention, Tagging
from signals.weighing import ThemeTag

THEMES = {"models": 0.5, "glasses": 0.6}


@dataclass(frozen=True)
class Scripted:
    """A tagger that says what it is told by title: themes with their kind, and those below."""

    says: Mapping[str, Mapping[str, str | None]]
    below: Mapping[str, tuple[ThemeTag, ...]] = field(default_factory=dict)
    named: tuple[EntityMention, ...] = ()

    def tag(self, doc: Document) -> Tagging:
        themes = tuple(
            ThemeTag(theme, 0.7, kind, (), (f"title names it in {doc.title!r} +0.70",))
            for theme, kind in self.says.get(doc.title, {}).items()
        )
        below = self.below.get(doc.title, ())
        return Tagging(themes, below, self.named, (), {}, False, (), None, ())


def row(name: str, *themes: str, kind: str | None = None, **more: object) -> Labelled:
    """Return a labelled text whose title is its id."""
    return Labelled(name, Document(name), frozenset(themes), kind, **more)  # type: ignore[arg-type]


def measure(rows: list[Labelled], tagger: Scripted, **more: int) -> Evaluation:
    return evaluate(rows, tagger, THEMES, **more)


def test_each_pair_of_text_and_theme_is_a_hit_a_false_alarm_a_miss_or_nothing() -> None:
    tagger = Scripted({"a": {"models": "launch"}, "b": {"models": "launch", "glasses": "rumor"}})
    rows = [
        row("a", "models", kind="launch"),
        row("b", "models", kind="launch"),
        row("c", "glasses"),
    ]

    found = measure(rows, tagger)

    assert found.rows == 3
    assert found.themes == {"models": Counts(tp=2), "glasses": Counts(fp=1, fn=1)}
    assert found.pooled == Counts(tp=2, fp=1, fn=1)


def test_ratios_are_what_a_hand_gets() -> None:
    counts = Counts(tp=6, fp=2, fn=4)

    assert (counts.precision, counts.recall) == (0.75, 0.6)
    assert counts.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)


def test_a_ratio_of_nothing_is_missing_and_never_zero() -> None:
    nothing = Counts()

    assert (nothing.precision, nothing.recall, nothing.f1) == (None, None, None)
    assert nothing.precision_interval is nothing.recall_interval is nothing.f1_interval is None
    assert Counts(fn=1).recall == 0
    assert Counts(fn=1).precision is None


@pytest.mark.parametrize(("hits", "total", "low", "high"), [
    (81, 263, 0.2553, 0.3662),
    (10, 10, 0.7225, 1.0),
    (0, 10, 0.0, 0.2775),
    (1, 2, 0.0945, 0.9055),
])  # fmt: skip
def test_wilson_intervals_match_published_ones(
    hits: int, total: int, low: float, high: float
) -> None:
    found = wilson(hits, total)

    assert found is not None
    assert found == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 500), st.integers(1, 500))
@settings(max_examples=60)
def test_a_wilson_interval_lies_within_0_and_1_and_holds_its_share(hits: int, more: int) -> None:
    low, high = wilson(hits, hits + more) or (1, 0)

    assert 0 <= low <= hits / (hits + more) <= high <= 1


def test_the_interval_of_f1_holds_f1_and_narrows_with_more_rows() -> None:
    few, many = Counts(9, 1, 2), Counts(900, 100, 200)

    for counts in (few, many):
        low, high = counts.f1_interval or (1, 0)
        assert counts.f1 is not None
        assert low < counts.f1 < high
    assert (many.f1_interval or (0, 1))[0] > (few.f1_interval or (0, 1))[0]


def test_a_kind_is_hit_only_where_the_theme_is_right_too() -> None:
    says = {
        "hit": {"models": "launch"},
        "other kind": {"models": "rumor"},
        "false alarm": {"models": "launch"},
    }
    rows = [
        row("hit", "models", kind="launch"),
        row("other kind", "models", kind="launch"),
        row("false alarm"),
        row("missed", "models", kind="launch"),
    ]

    found = measure(rows, Scripted(says))

    assert found.kinds == {"launch": Counts(tp=1, fp=1, fn=2), "rumor": Counts(fp=1)}
    assert found.confusion == {("launch", "launch"): 1, ("launch", "rumor"): 1}
    assert (found.kind_hits, found.kind_accuracy) == ((1, 2), 0.5)


def test_a_kind_that_is_only_known_to_be_wrong_counts_while_it_is_still_said() -> None:
    marked = row("a", "models", wrong_kind="launch")

    still = measure([marked], Scripted({"a": {"models": "launch"}}))
    no_more = measure([marked], Scripted({"a": {"models": "rumor"}}))

    assert (still.kind_hits, [each.what for each in still.mistakes]) == ((0, 1), ["wrong kind"])
    assert (no_more.kind_hits, no_more.mistakes) == ((0, 0), ())
    assert no_more.kind_accuracy is None


def test_only_the_themes_that_a_person_judged_are_counted() -> None:
    judged = row("a", judged=frozenset({"models"}))

    found = measure([judged], Scripted({"a": {"models": "launch", "glasses": "launch"}}))

    assert found.themes == {"models": Counts(fp=1), "glasses": Counts()}


def test_an_error_says_what_was_found_and_how_far_it_came() -> None:
    near = ThemeTag("glasses", 0.4, None, (), ("title names glasses +0.40",))
    tagger = Scripted({"alarm": {"models": "launch"}}, {"near": (near,)})
    rows = [row("near", "glasses", kind="rumor"), row("alarm")]

    alarm, missed = measure(rows, tagger).mistakes

    assert (alarm.what, alarm.theme, alarm.said, alarm.right) == (
        "false alarm", "models", "launch", None,
    )  # fmt: skip
    assert alarm.reasons == ("title names it in 'alarm' +0.70",)
    assert (missed.what, missed.right, missed.score, missed.min_score) == (
        "missed", "rumor", 0.4, 0.6,
    )  # fmt: skip
    assert missed.reasons == ("title names glasses +0.40",)


def test_a_miss_that_was_not_even_weighed_says_what_was_named_instead() -> None:
    named = EntityMention("zetacorp", "title", 0, 4, "Zeta", "strong")
    rows = [row("a", "models")]

    (known,) = measure(rows, Scripted({}, named=(named, named))).mistakes
    (unknown,) = measure(rows, Scripted({})).mistakes

    assert known.reasons == ("nothing that the theme watches is named, only zetacorp",)
    assert unknown.reasons == ("no name is known",)
    assert unknown.score is None


def test_false_alarms_come_before_misses_and_wrong_kinds() -> None:
    tagger = Scripted({"kind": {"models": "launch"}, "alarm": {"models": "launch"}})
    rows = [row("kind", "models", kind="rumor"), row("missed", "models"), row("alarm")]

    assert [each.what for each in measure(rows, tagger).mistakes] == [
        "false alarm", "missed", "wrong kind",
    ]  # fmt: skip


@given(st.lists(st.text(max_size=6), unique=True, max_size=30), st.integers(1, 7))
@settings(max_examples=40)
def test_folds_share_the_rows_and_sum_to_the_whole_in_any_order(
    names: list[str], folds: int
) -> None:
    rows = [row(name, "models") for name in names]

    found = measure(rows, Scripted({}), folds=folds)
    again = measure(rows[::-1], Scripted({}), folds=folds)

    assert len(found.folds) == folds
    assert sum(found.folds, Counts()) == found.pooled
    assert found.folds == again.folds


def test_no_rows_give_no_figures() -> None:
    found = measure([], Scripted({}))

    assert found.pooled.f1 is None
    assert found.kinds == {}
    assert found.mistakes == ()


def test_less_than_one_fold_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one fold"):
        measure([], Scripted({}), folds=0)
