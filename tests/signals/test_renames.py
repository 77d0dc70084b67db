from __future__ import annotations

import pytest

from signals.renames import renamed, same_family
from signals.standings import BoardRow


def row(model: str, score: float = 1475.0, organization: str | None = "Lab") -> BoardRow:
    return BoardRow(1, model, organization, score, score - 5, score + 5)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kimi-k3", "kimi-k3-max"),
        ("ernie-5.1-preview", "ernie-5.1"),
        ("glm-5.2", "glm-5.2 (max)"),
        ("claude-opus-4-6", "Claude Opus 4-6 (Thinking)"),
        ("dola-seed-2.0-preview", "dola-seed-2.0-pro"),
        ("gpt-5.2-chat-latest", "gpt-5.2-chat-latest-20260210"),
    ],
)
def test_suffix_drift_is_one_family(old: str, new: str) -> None:
    assert same_family(old, new)
    assert same_family(new, old)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("qwen3.5-max-preview", "qwen3.7-max-preview"),
        ("kimi-k2", "kimi-k3"),
        ("glm-5", "glm-5.1"),
        ("claude-opus-4-6", "claude-sonnet-4-6"),
        ("gpt-5.4", "gpt-5.4-mini"),
        ("gpt-5", "gpt-5-2"),
        ("qwen3.6-27b", "qwen3.6-35b-a3b"),
        ("ernie-5.1", "glm-5.1"),
    ],
)
def test_another_version_or_size_is_another_model(old: str, new: str) -> None:
    assert not same_family(old, new)


def test_rename_needs_the_same_organization() -> None:
    assert renamed([row("kimi-k3")], [row("kimi-k3-max")], 1) == {"kimi-k3": "kimi-k3-max"}
    assert renamed([row("kimi-k3")], [row("kimi-k3-max", organization="Other")], 1) == {}
    assert renamed([row("kimi-k3")], [row("kimi-k3-max", organization=None)], 1) != {}


def test_rename_needs_overlapping_intervals() -> None:
    assert renamed([row("kimi-k3", 1475)], [row("kimi-k3-max", 1485)], 1) != {}
    assert renamed([row("kimi-k3", 1475)], [row("kimi-k3-max", 1486)], 1) == {}


def test_model_that_is_still_there_was_not_renamed() -> None:
    after = [row("kimi-k3-max"), row("kimi-k3")]

    assert renamed([row("kimi-k3")], after, 1) == {}


def test_closest_score_is_the_renamed_one() -> None:
    after = [row("flash-3.5-high", 1477), row("flash-3.5-low", 1471)]

    assert renamed([row("flash-3.5", 1476)], after, 2) == {"flash-3.5": "flash-3.5-high"}


def test_names_below_the_compared_depth_are_not_paired() -> None:
    before = [row("a-1", 1500), row("kimi-k3", 1475)]

    assert renamed(before, [row("kimi-k3-max", 1475)], 1) == {}
