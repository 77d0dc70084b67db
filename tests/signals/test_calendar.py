from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.calendar import Due, Told, announced

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
GLASSES = ("zeta-glasses",)


def told(
    name: str,
    day: int,
    kind: str = "launch",
    days: tuple[str, ...] = (),
    entities: tuple[str, ...] = GLASSES,
    theme: str = "glasses",
) -> Told:
    instant = datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(days=day - 1)
    return Told(name, instant, kind, entities, days, f"title of {name}", theme)


def one(*signals: Told, now: datetime = NOW) -> Due:
    (due,) = announced(signals, now)
    return due


def test_a_day_to_come_is_open_until_it_ended() -> None:
    signal = told("a", 1, days=("2026-03-12",))

    assert one(signal).state == "open"
    assert one(signal, now=datetime(2026, 3, 13, tzinfo=UTC)).state == "open"
    assert one(signal, now=datetime(2026, 3, 13, 0, 0, 1, tzinfo=UTC)).state == "passed"


def test_a_launch_of_the_entity_near_the_day_meets_it() -> None:
    due = one(told("a", 1, days=("2026-03-08",)), told("b", 8), told("c", 9))

    assert (due.state, due.met_by, due.signal_ids) == ("met", "b", ("a",))


@pytest.mark.parametrize(
    "other",
    [
        told("b", 8, entities=("omega-glasses",)),
        told("b", 8, kind="funding"),
        told("b", 2),
        told("b", 8, days=("2026-03-20",)),
    ],
    ids=["of another entity", "of another kind", "long before", "that only announces"],
)
def test_what_is_not_the_launch_does_not_meet_it(other: Told) -> None:
    found = announced([told("a", 1, days=("2026-03-08",)), other], NOW)

    assert found[0].state == "passed"


def test_several_that_tell_the_same_are_one() -> None:
    due = one(
        told("a", 1, "rumor", ("2026-03-20",)),
        told("b", 2, "preorder", ("2026-03-20",), entities=(*GLASSES, "zeta"), theme="other"),
    )

    assert due.signal_ids == ("a", "b")
    assert due.entities == ("zeta-glasses", "zeta")
    assert due.themes == ("glasses", "other")
    assert due.kind == "rumor"


def test_a_month_is_due_by_its_last_day_and_a_year_says_too_little() -> None:
    due = one(told("a", 1, days=("2026-04", "2026", "2026-02", "2026-03-01", "")))

    assert (due.first, due.last) == (date(2026, 4, 1), date(2026, 4, 30))


def test_days_past_and_days_too_far_are_no_announcement() -> None:
    assert announced([told("a", 5, days=("2026-03-05", "2026-03-01", "2029-01-01"))], NOW) == []


def test_a_kind_that_no_launch_answers_is_met_by_its_own() -> None:
    signal = told("a", 1, "regulation", ("2026-03-08",))

    assert one(signal, told("b", 8)).state == "passed"
    assert one(signal, told("b", 8, "regulation")).met_by == "b"


signals = st.lists(
    st.builds(
        told,
        st.uuids().map(str),
        st.integers(1, 20),
        st.sampled_from(("launch", "rumor", "preorder", "funding")),
        st.lists(st.dates(date(2026, 3, 1), date(2026, 4, 20)).map(str), max_size=2).map(tuple),
        st.sampled_from((GLASSES, ("omega-glasses",), (*GLASSES, "zeta"))),
    ),
    max_size=8,
)


@given(signals, st.randoms())
def test_the_order_of_signals_does_not_matter(found: list[Told], rng: object) -> None:
    shuffled = list(found)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]

    assert announced(shuffled, NOW) == announced(found, NOW)
    assert all(due.last > date(2026, 3, 1) for due in announced(found, NOW))
