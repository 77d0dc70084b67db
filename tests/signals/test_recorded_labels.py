"""Precision and recall on recorded headlines that nobody tuned the rules on.

`recorded_labels.jsonl` holds ids and labels only, by two raters after the labelling guide; the
headlines stay in the recordings. The part `held` is for this test: it is looked at as a whole.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

from signals.evaluation import Counts, Evaluation, Labelled, evaluate
from signals.tagger import Document, Tagger
from tests.signals.conftest import MODELS, WEARABLES

pytestmark = pytest.mark.recordings

LABELS = Path(__file__).with_name("recorded_labels.jsonl")
THEMES = {theme.name: theme.min_score for theme in (MODELS, WEARABLES)}


def lines(path: Path) -> Iterator[dict[str, Any]]:
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())


def headlines(folder: Path) -> dict[str, Document]:
    """Return the recorded headlines by id; a digest's bullet has the hash of its title."""
    found: dict[str, Document] = {}
    for row in lines(folder / "headlines" / "ai-news-aggregator.2026-03..06.jsonl"):
        published = row.get("published_at")
        found[row["id"]] = Document(
            row["title"],
            source=row["source"],
            published_at=datetime.fromisoformat(published) if published else None,
        )
    for row in lines(folder / "headlines" / "juya-ai-daily.sections.jsonl"):
        name = sha1(row["title"].encode(), usedforsecurity=False).hexdigest()
        found[name] = Document(row["title"], source="juya-ai-daily", lang="zh")
    return found


def part(folder: Path, name: str) -> list[Labelled]:
    known = headlines(folder)
    return [
        Labelled(row["id"], known[row["id"]], frozenset(row["themes"]), row["kind"])
        for row in lines(LABELS)
        if row["part"] == name and row["sure"]
    ]


def show(found: Evaluation, name: str) -> str:
    def line(what: str, counts: Counts) -> str:
        ratios = (
            (counts.precision, counts.precision_interval),
            (counts.recall, counts.recall_interval),
            (counts.f1, counts.f1_interval),
        )
        shown = [
            f"{v:.3f} ({i[0]:.3f}–{i[1]:.3f})" if i and v is not None else "–" for v, i in ratios
        ]
        return f"{what:<28} P {shown[0]} R {shown[1]} F1 {shown[2]}"

    told = [line(theme, counts) for theme, counts in found.themes.items()]
    right, total = found.kind_hits
    told += [line("pooled", found.pooled), f"kinds {right} of {total}, {found.rows} headlines"]
    return f"\n{name}:\n" + "\n".join(f"  {each}" for each in told) + "\n"


def test_every_label_has_its_headline(recordings: Path) -> None:
    assert {row["id"] for row in lines(LABELS)} <= set(headlines(recordings))


def test_headlines_that_no_rule_was_tuned_on_are_read_as_people_read_them(
    recordings: Path, tagger: Tagger, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {name: evaluate(part(recordings, name), tagger, THEMES) for name in ("tune", "held")}

    with capsys.disabled():
        sys.stdout.write("".join(show(each, name) for name, each in found.items()))
    held = found["held"]
    assert held.rows >= 300
    assert (held.pooled.precision or 0) >= 0.95
    assert (held.pooled.recall or 0) >= 0.88
