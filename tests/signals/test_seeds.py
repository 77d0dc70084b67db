"""The tagger over the documents that the product grew from."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from signals.tagger import Document, Tagger, Tagging

pytestmark = pytest.mark.recordings


def seed(folder: Path, name: str, headline: int, published_at: datetime | None) -> Document:
    """The document whose title is the `headline`-th line that is not blank."""
    lines = (folder / "seeds" / name).read_text(encoding="utf-8").splitlines()
    place = [i for i, line in enumerate(lines) if line.strip()][headline]
    body = "\n".join(lines[place + 1 :])
    return Document(lines[place], content=body, published_at=published_at)


def kinds(tagging: Tagging) -> dict[str, str | None]:
    return {tag.theme: tag.kind for tag in tagging.themes}


def facts(tagging: Tagging, kind: str) -> set[tuple[object, str]]:
    return {(fact.value, fact.unit) for fact in tagging.facts if fact.kind == kind}


def entities(tagging: Tagging) -> set[str]:
    return {mention.entity for mention in tagging.entities}


@pytest.mark.parametrize("headline", [0, 1])
def test_trend_card_is_a_dated_launch_with_its_price(
    recordings: Path, tagger: Tagger, headline: int
) -> None:
    doc = seed(recordings, "trend-quark-glasses-2025-11.txt", headline, None)

    tagging = tagger.tag(doc)

    assert kinds(tagging) == {"ai-wearables": "launch"}
    assert {"alibaba", "quark-glasses"} <= entities(tagging)
    assert facts(tagging, "date") == {("2025-11-27", "day")}
    assert facts(tagging, "price") == {(Decimal(1899), "CNY")}
    assert {("S1", "quark-glasses"), ("G1", "quark-glasses")} <= facts(tagging, "version")
    assert any(e.at == datetime(2025, 11, 27, tzinfo=UTC) for e in tagging.events)
    assert not tagging.background
    assert doc.content is not None
    chrome = doc.content.index("Also Read")
    stop = doc.content.index("The Quark glasses signal")
    found = [m for m in (*tagging.entities, *tagging.facts) if m.field == "content"]
    assert not [m for m in found if chrome <= m.start < stop]


def test_market_news_is_a_launch_of_that_thursday_at_its_price(
    recordings: Path, tagger: Tagger
) -> None:
    published = datetime(2025, 11, 27, 18, tzinfo=UTC)
    doc = seed(recordings, "market-news-quark-qwen-2025-11.txt", 2, published)

    tagging = tagger.tag(doc)

    assert kinds(tagging)["ai-wearables"] == "launch"
    assert "chinese-model-leaderboard" in kinds(tagging)
    (market,) = tagging.market_names
    assert (market.how, market.text) == (
        "question",
        "Will a Chinese AI model become #1 by June 30?",
    )
    assert {(Decimal(1899), "CNY"), (Decimal(268), "USD")} <= facts(tagging, "price")
    assert facts(tagging, "percent") == set()
    assert tagging.events[0].at == datetime(2025, 11, 27, tzinfo=UTC)
    assert not tagging.background


def test_older_launch_in_the_same_article_is_background(recordings: Path, tagger: Tagger) -> None:
    published = datetime(2025, 11, 27, 18, tzinfo=UTC)
    doc = seed(recordings, "market-news-quark-qwen-2025-11.txt", 2, published)

    older = [e for e in tagger.tag(doc).events if e.at == datetime(2025, 11, 12, tzinfo=UTC)]

    assert [(e.kind, e.background) for e in older] == [("launch", True)]
    assert older[0].entities == ("xiaodu-glasses",)
    assert older[0].themes == ("ai-wearables",)


def test_translated_article_names_its_origin_its_preorder_and_its_background(
    recordings: Path, tagger: Tagger
) -> None:
    published = datetime(2026, 3, 2, 8, tzinfo=UTC)
    doc = seed(recordings, "krasia-qwen-wearables-2026-03.txt", 4, published)

    tagging = tagger.tag(doc)

    assert "ai-wearables" in kinds(tagging)
    assert tagging.attributed_to == "36Kr"
    assert (Decimal("0.8"), "CNY/1M tokens") in facts(tagging, "price")
    found = {(e.kind, e.at.date().isoformat() if e.at else None): e for e in tagging.events}
    assert not found["preorder", "2026-03-02"].background
    roster = next(e for e in tagging.events if e.title.startswith("In 2026"))
    assert (roster.kind, roster.background) == ("rumor", False)
    assert ("3.5 Plus", "qwen") in facts(tagging, "version")
    assert not tagging.background
    model = found["launch", "2026-02-16"]
    assert (model.entities, model.background) == (("qwen",), True)
    assert model.themes == ("chinese-model-leaderboard",)


@pytest.mark.parametrize("headline", [0, 1])
def test_investment_piece_yields_its_sum_and_model_and_is_background(
    recordings: Path, tagger: Tagger, headline: int
) -> None:
    published = datetime(2025, 9, 25, tzinfo=UTC)
    doc = seed(recordings, "alibaba-ai-investment-2025-09.txt", headline, published)

    tagging = tagger.tag(doc)

    assert (Decimal(53_000_000_000), "USD") in facts(tagging, "amount")
    assert ("3-Max", "qwen") in facts(tagging, "version")
    assert {"china-unicom", "quark-glasses"} <= entities(tagging)
    assert tagging.background
    assert all(event.background for event in tagging.events)
    assert "chinese-model-leaderboard" not in kinds(tagging)
    assert max((tag.score for tag in tagging.themes), default=0) < 0.6
