"""Our own labelled headlines: what they hold, and that the tagger reads them as we do."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from signals.evaluation import Labelled, evaluate
from signals.tagger import Document, Tagger
from tests.signals.conftest import MODELS, WEARABLES

THEMES = {theme.name: theme.min_score for theme in (MODELS, WEARABLES)}
TOLD_BY_TEXTS = {
    "launch", "preorder", "rank_change", "price_change", "funding", "partnership", "regulation",
    "delay_cancel", "rumor", "other",
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    path = Path(__file__).parent.parent / "labels.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_texts_hold_both_languages_both_themes_every_kind_and_near_misses(
    rows: list[dict[str, Any]],
) -> None:
    kinds = {row["kind"] for row in rows if row["themes"]}
    languages = Counter(row["lang"] for row in rows)
    themes = Counter(theme for row in rows for theme in row["themes"])

    assert len(rows) >= 120
    assert kinds == TOLD_BY_TEXTS
    assert min(languages["en"], languages["zh"]) >= 60
    assert set(themes) == set(THEMES)
    assert sum(not row["themes"] for row in rows) * 2 >= len(rows)


def test_ids_and_titles_are_there_once(rows: list[dict[str, Any]]) -> None:
    assert len({row["id"] for row in rows}) == len({row["title"] for row in rows}) == len(rows)


def test_what_is_relevant_has_a_kind_and_what_is_not_has_none(rows: list[dict[str, Any]]) -> None:
    assert all((row["kind"] is not None) == bool(row["themes"]) for row in rows)


def test_the_tagger_reads_them_as_we_do(rows: list[dict[str, Any]], tagger: Tagger) -> None:
    sure = [
        Labelled(
            row["id"],
            Document(row["title"], source=row["source"], lang=row["lang"]),
            frozenset(row["themes"]),
            row["kind"],
        )
        for row in rows
        if row["sure"]
    ]

    found = evaluate(sure, tagger, THEMES)

    assert (found.pooled.precision or 0) >= 0.97, found.mistakes
    assert (found.pooled.recall or 0) >= 0.80, found.mistakes
    assert (found.kind_accuracy or 0) >= 0.85, found.mistakes
