"""Precision and recall over labelled headlines: a floor, measured, not a promise about others.

Nothing here is trained on them, so a fold is only a fifth of the rows: it shows how much chance
is in the figures. docs/tagging.md records them and lists what is still missed.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from signals.tagger import Document, Tagger

pytestmark = pytest.mark.recordings

THEMES = ("chinese-model-leaderboard", "ai-wearables")
FOLDS = 5


def labelled(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "headlines" / "labels-dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["sure"]]


Counts = Counter[tuple[str, bool, bool]]


def measure(tagger: Tagger, rows: list[dict[str, Any]]) -> tuple[Counts, Counter[bool]]:
    """Return counts of (theme, said, true) over all headlines, and kinds right or wrong."""
    counts: Counts = Counter()
    kinds: Counter[bool] = Counter()
    for row in rows:
        published = datetime.fromisoformat(row["published_at"])
        doc = Document(row["title"], source=row["source"], published_at=published)
        found = {tag.theme: tag.kind for tag in tagger.tag(doc).themes}
        for theme in THEMES:
            said, true = theme in found, theme in row["themes"]
            counts[theme, said, true] += 1
            if said and true:
                kinds[found[theme] == row["kind"]] += 1
    return counts, kinds


def precision_and_recall(counts: Counts, *themes: str) -> tuple[float, float]:
    """Return both for some themes together; 1.0 where nothing could go wrong."""
    hits = sum(counts[theme, True, True] for theme in themes)
    false = sum(counts[theme, True, False] for theme in themes)
    missed = sum(counts[theme, False, True] for theme in themes)
    return hits / ((hits + false) or 1), hits / ((hits + missed) or 1)


def test_precision_recall_and_kinds_stay_above_the_floor(
    recordings: Path, tagger: Tagger, record_property: pytest.RecordProperty
) -> None:
    counts, kinds = measure(tagger, labelled(recordings))

    precision, recall = precision_and_recall(counts, *THEMES)
    right = kinds[True] / kinds.total()
    record_property("precision", round(precision, 3))
    record_property("recall", round(recall, 3))
    record_property("kind_accuracy", round(right, 3))
    said = f"precision {precision:.3f}, recall {recall:.3f}, kinds {right:.3f}"
    assert precision >= 0.97, said
    assert recall >= 0.97, said
    assert right >= 0.90, said


@pytest.mark.parametrize("theme", THEMES)
def test_no_theme_is_left_behind(recordings: Path, tagger: Tagger, theme: str) -> None:
    counts, _ = measure(tagger, labelled(recordings))

    precision, recall = precision_and_recall(counts, theme)

    assert precision >= 0.95, f"precision {precision:.3f}"
    assert recall >= 0.95, f"recall {recall:.3f}"


@pytest.mark.parametrize("fold", range(FOLDS))
def test_no_fifth_of_the_rows_is_much_worse(
    recordings: Path, tagger: Tagger, fold: int, record_property: pytest.RecordProperty
) -> None:
    counts, kinds = measure(tagger, labelled(recordings)[fold::FOLDS])

    precision, recall = precision_and_recall(counts, *THEMES)
    right = kinds[True] / kinds.total()
    said = f"precision {precision:.3f}, recall {recall:.3f}, kinds {right:.3f}"
    record_property("fold", said)
    assert min(precision, recall) >= 0.88, said
    assert right >= 0.80, said
