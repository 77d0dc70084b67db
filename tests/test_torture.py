"""Fifty kills of a daemon under load: nothing lost, nothing repeated without a word.

`make torture` does the same with five hundred.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.loop import torture

pytestmark = pytest.mark.process

KILLS = 50


def test_kills_lose_no_alert_and_repeat_only_what_was_under_way_and_says_so(
    tmp_path: Path,
) -> None:
    outcome = torture(tmp_path, kills=KILLS, seed=1)

    assert outcome.findings == [], outcome.summary()
    assert outcome.kills == KILLS
    # The load was one: kills did hit attempts, and receivers did get some of those twice.
    assert outcome.counts.interrupted > KILLS // 5
    assert outcome.counts.repeats > 0
    assert outcome.counts.calls > KILLS


def test_without_a_kill_nothing_comes_twice(tmp_path: Path) -> None:
    outcome = torture(tmp_path, kills=0, seed=2, calm_s=6.0)

    assert outcome.findings == [], outcome.summary()
    assert (outcome.counts.interrupted, outcome.counts.repeats) == (0, 0)
    assert outcome.counts.stories > 0
