"""Precision and recall over labelled headlines: a floor, measured, not a promise about others."""

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


def labelled(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "headlines" / "labels-dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["sure"]]


def measure(tagger: Tagger, rows: list[dict[str, Any]]) -> tuple[Counter[str], Counter[bool]]:
    """Return hits and misses over all (headline, theme) pairs, and kinds right or wrong."""
    counts: Counter[str] = Counter()
    kinds: Counter[bool] = Counter()
    for row in rows:
        published = datetime.fromisoformat(row["published_at"])
        doc = Document(row["title"], source=row["source"], published_at=published)
        found = {tag.theme: tag.kind for tag in tagger.tag(doc).themes}
        for theme in THEMES:
            said, true = theme in found, theme in row["themes"]
            counts[f"{'+' if said else '-'}{'+' if true else '-'}"] += 1
            if said and true:
                kinds[found[theme] == row["kind"]] += 1
    return counts, kinds


def test_precision_and_recall_stay_above_the_floor(
    recordings: Path, tagger: Tagger, record_property: pytest.RecordProperty
) -> None:
    counts, kinds = measure(tagger, labelled(recordings))

    precision = counts["++"] / (counts["++"] + counts["+-"])
    recall = counts["++"] / (counts["++"] + counts["-+"])
    right = kinds[True] / kinds.total()
    record_property("precision", round(precision, 3))
    record_property("recall", round(recall, 3))
    record_property("kind_accuracy", round(right, 3))
    assert precision >= 0.97, f"precision {precision:.3f}, recall {recall:.3f}"
    assert recall >= 0.95, f"precision {precision:.3f}, recall {recall:.3f}"
    assert right >= 0.85, f"kinds {right:.3f}"
