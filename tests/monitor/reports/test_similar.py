"""What earlier signals did is said with how many they were, and never more than they carry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from monitor.reports.similar import NEWEST, Similar, similar_sentence
from storage import Store, market_repo, signal_repo
from storage.models import Link
from tests.builders import NOON, a_link, a_market, a_signal, at
from tests.monitor.reports.conftest import follow

DAY = timedelta(days=1)


def did(*moves: float, verdict: str = "no_detectable_move") -> list[Link]:
    return [Link(**a_link(f"s{n}", move=move, verdict=verdict)) for n, move in enumerate(moves)]


def said(links: Sequence[Link], **given: Any) -> str:
    return similar_sentence(links, kind="price_change", **given)


def test_without_any_response_it_says_that_there_is_none() -> None:
    assert said([]) == "No earlier price change signal of this theme has a measured response."
    assert said([], unused=2) == (
        "No earlier price change signal of this theme has a measured response "
        "(2 not evaluated or confounded)."
    )


def test_one_event_has_a_move_and_no_test() -> None:
    assert said(did(0.012, verdict="moved_up")) == (
        "+1.2 pp in the hour after one earlier price change signal: 1 moved up, 0 down, "
        "0 not detectably. One event cannot be tested."
    )


def test_few_events_are_a_description_with_what_they_would_miss() -> None:
    links = [*did(-0.02, 0.05), *did(0.018, 0.0, verdict="moved_up")]

    assert said(links) == (
        "Average move +1.2 pp in the hour after 4 earlier price change signals "
        "(range -2.0 to +5.0): 2 moved up, 0 down, 2 not detectably. "
        "Four events cannot show significance at 5 %; smaller than about 2.1 sd would be missed. "
        "Treat as description."
    )


@pytest.mark.parametrize("n", range(6))
def test_no_p_is_said_of_events_that_could_not_pass(n: int) -> None:
    assert "p =" not in said(did(*[0.05] * n))


def test_six_alike_pass_the_exact_test_and_more_is_not_claimed() -> None:
    text = said(did(0.02, 0.03, 0.04, 0.02, 0.03, 0.04, verdict="moved_up"))

    assert "Exact sign-flip p = 0.031, 95 % interval of the mean" in text
    assert text.endswith("What came first is not thereby the cause.")


def test_a_null_is_said_to_be_the_absence_of_evidence() -> None:
    text = said(did(0.02, -0.02, 0.01, -0.01, 0.03, -0.03))

    assert "No detectable average reaction: exact sign-flip p = 1" in text
    assert text.endswith("This is absence of evidence, not evidence of no effect.")


def test_of_many_only_the_newest_speak() -> None:
    text = said(did(*[0.9] * 5, *[0.01] * NEWEST))

    assert "Average move +1.0 pp in the hour after the last 20 earlier" in text


@pytest.fixture
def outcome(store: Store) -> int:
    return follow(store, a_market(series="zeta-race", label="Zetacorp"))


def tell(store: Store, name: str, day: int, outcome: int, move: float | None, **given: Any) -> None:
    """Store a signal of some days ago with its link, known an hour later."""
    instant = NOON + day * DAY
    link = {name: given.pop(name) for name in ("verdict", "final", "relation", "episode")
            if name in given}  # fmt: skip
    values = a_signal(name, instant, **{"origin_id": f"story-{name}", **given})
    verdict = {"verdict": "no_detectable_move", "episode": name, **link}
    with store.begin() as session:
        signal_repo.put_signal(session, values, known_from=instant)
        signal_repo.put_link(
            session,
            a_link(name, outcome, move=move, n_updates=40, **verdict),
            known_from=instant + timedelta(hours=1),
        )


def sentence(store: Store, name: str, *, hours: float = 0) -> str:
    """Return what is said of a signal so long after its instant."""
    with store.read() as session:
        row = signal_repo.signal(session, name)
        assert row is not None
        legs = {leg.outcome_id: leg for leg in market_repo.legs(session)}
        return Similar(session, now=row.at + timedelta(hours=hours)).sentence(row, legs)


def test_only_earlier_signals_of_the_theme_and_kind_count(store: Store, outcome: int) -> None:
    tell(store, "one", 0, outcome, 0.02)
    tell(store, "rumor", 1, outcome, 0.5, kind="rumor")
    tell(store, "other", 1, outcome, 0.5, theme="wearables")
    tell(store, "past", 1, outcome, 0.5, background=True)
    tell(store, "related", 1, outcome, 0.5, relation="related")
    tell(store, "mine", 2, outcome, 0.5)
    tell(store, "later", 3, outcome, 0.5)

    assert sentence(store, "mine").startswith(
        "+2.0 pp in the hour after one earlier launch signal:"
    )


def test_what_was_judged_later_was_not_known_then(store: Store, outcome: int) -> None:
    tell(store, "one", 0, outcome, 0.02)
    with store.begin() as session:
        values = a_signal("mine", at(30), origin_id="story-mine")
        signal_repo.put_signal(session, values, known_from=at(30))

    assert sentence(store, "mine").startswith("No earlier launch signal")
    assert sentence(store, "mine", hours=0.6).startswith("+2.0 pp")


def test_a_story_in_two_events_or_an_episode_of_two_stories_is_one(
    store: Store, outcome: int
) -> None:
    tell(store, "one", 0, outcome, 0.02)
    tell(store, "same-story", 0, outcome, 0.9, origin_id="story-one", episode="same-story")
    tell(store, "same-episode", 0, outcome, 0.9, episode="one")
    tell(store, "mine", 2, outcome, None)

    assert sentence(store, "mine").startswith("+2.0 pp in the hour after one earlier")


def test_what_could_not_be_measured_is_counted(store: Store, outcome: int) -> None:
    tell(store, "stale", 0, outcome, None, verdict="not_evaluated:stale")
    tell(store, "near", 1, outcome, 0.3, verdict="confounded")
    tell(store, "open", 1, outcome, 0.3, final=False)
    tell(store, "mine", 2, outcome, None)

    assert sentence(store, "mine").endswith("response (2 not evaluated or confounded).")
