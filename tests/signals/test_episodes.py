from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from signals.episodes import Occurrence, episodes
from signals.prices import HOUR_MS, MINUTE_MS


def kimi(signal_id: str, minutes: int, story: str | None = None) -> Occurrence:
    return Occurrence(signal_id, minutes * MINUTE_MS, story, frozenset({"kimi"}))


def test_signals_of_one_entity_within_an_hour_are_one_episode_named_by_the_first() -> None:
    assert episodes([kimi("b", 60), kimi("a", 0)]) == {"a": "a", "b": "a"}


def test_more_than_an_hour_apart_are_two() -> None:
    assert episodes([kimi("a", 0), kimi("b", 61)]) == {"a": "a", "b": "b"}


def test_unrelated_signals_at_the_same_instant_are_two() -> None:
    qwen = Occurrence("q", 0, None, frozenset({"qwen"}))

    assert episodes([kimi("k", 0), qwen]) == {"k": "k", "q": "q"}


def test_same_story_joins_without_a_shared_entity() -> None:
    first = Occurrence("a", 0, "story", frozenset({"kimi"}))
    second = Occurrence("b", 1000, "story", frozenset({"moonshot"}))

    assert episodes([first, second]) == {"a": "a", "b": "a"}


def test_signals_without_story_and_entities_stay_alone() -> None:
    assert episodes([Occurrence("a", 0), Occurrence("b", 0)]) == {"a": "a", "b": "b"}


def test_chain_stops_six_hours_after_its_first() -> None:
    found = episodes(kimi(f"{n:02}", 50 * n) for n in range(10))

    # 0..350 min belong to the first, 400 min is beyond 360
    assert [found[f"{n:02}"] for n in range(10)] == ["00"] * 8 + ["08"] * 2


def test_signal_that_touches_two_episodes_joins_the_older_and_merges_none() -> None:
    qwen = Occurrence("q", 5 * MINUTE_MS, None, frozenset({"qwen"}))
    both = Occurrence("z", 10 * MINUTE_MS, None, frozenset({"qwen", "kimi"}))

    assert episodes([kimi("k", 0), qwen, both]) == {"k": "k", "q": "q", "z": "k"}


many = st.lists(
    st.builds(lambda t, e: (t, e), st.integers(0, 12 * HOUR_MS), st.sets(st.sampled_from("abc"))),
    max_size=20,
)


@settings(max_examples=50, deadline=None)
@given(many, st.randoms(use_true_random=False))
def test_input_order_and_later_signals_change_nothing(
    rows: list[tuple[int, set[str]]], chance: random.Random
) -> None:
    signals = [
        Occurrence(n, t, None, frozenset(e)) for n, (t, e) in enumerate(sorted(rows, key=str))
    ]
    shuffled = list(signals)
    chance.shuffle(shuffled)
    found = episodes(signals)
    early = sorted(signals, key=lambda one: (one.t0, str(one.signal_id)))[: len(signals) // 2]

    assert episodes(shuffled) == found
    assert episodes(early) == {one.signal_id: found[one.signal_id] for one in early}
