"""The recorded answers of the news sources go through their parsers, and the outcome is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.sources.arxiv import ArxivSource
from monitor.sources.base import Source
from monitor.sources.google_news import GoogleNewsSource
from monitor.sources.reddit import RedditSource
from storage.records import Precision
from tests.recorded import Recorded, not_covered, parse_recording, show

pytestmark = pytest.mark.recordings

NEWS = GoogleNewsSource(name="news", query="recorded")
PLAN: dict[str, tuple[Source, str, dict[str, object]]] = {
    "google-news/search.xml": (NEWS, "google-news", {"edition": "en"}),
    "handmade/zeus-kim-googlenews.xml": (NEWS, "google-news", {"edition": "en"}),
    "reddit/reddit_response.json": (
        RedditSource(name="reddit", subreddits=("LocalLLaMA",)),
        "reddit-json",
        {"place": "LocalLLaMA"},
    ),
    "arxiv/arxiv-cs.xml": (ArxivSource(name="papers", query="recorded"), "arxiv", {}),
}
EXPLAINED = ("same article under another id",)


@pytest.fixture(scope="module")
def outcomes(recordings: Path) -> dict[str, Recorded]:
    found = []
    for folder in sorted({name.partition("/")[0] for name in PLAN}):
        for file in sorted((recordings / folder).glob("*.*")):
            planned = PLAN.get(str(file.relative_to(recordings)))
            if planned is not None:
                source, shape, context = planned
                found.append(parse_recording(source, file, shape, context, root=recordings))
            elif file.suffix != ".md":
                found.append(not_covered(file, root=recordings, why="of another kind of source"))
    return {outcome.name: outcome for outcome in found}


def test_every_recording_is_parsed_and_shown(
    outcomes: dict[str, Recorded], capsys: pytest.CaptureFixture[str]
) -> None:
    show(outcomes.values(), capsys)

    assert {name: outcomes[name].rows["items"] for name in PLAN} == {
        "google-news/search.xml": 90,
        "handmade/zeus-kim-googlenews.xml": 2,
        "reddit/reddit_response.json": 3,
        "arxiv/arxiv-cs.xml": 25,
    }


def test_no_reject_is_unexplained(outcomes: dict[str, Recorded]) -> None:
    unexplained = {
        (outcome.name, reason)
        for outcome in outcomes.values()
        for reason in outcome.rejects
        if reason not in EXPLAINED
    }

    assert unexplained == set()
    assert not [outcome.name for outcome in outcomes.values() if "refused" in outcome.note]


def test_recorded_headlines_are_free_of_their_outlets(outcomes: dict[str, Recorded]) -> None:
    items = outcomes["google-news/search.xml"].batch.items

    assert not [item.title for item in items if item.title.endswith(f"- {item.publisher}")]
    assert all(item.publisher and item.published_at and item.summary is None for item in items)
    assert all(item.guid.startswith("CBMi") and item.guid in (item.url or "") for item in items)
    assert len([item for item in items if item.publisher and " - " in item.publisher]) == 2


def test_recorded_papers_are_dated_by_the_day_and_lose_their_version(
    outcomes: dict[str, Recorded],
) -> None:
    papers = outcomes["arxiv/arxiv-cs.xml"].batch.items

    assert {paper.precision for paper in papers} == {Precision.DAY}
    assert not [paper.guid for paper in papers if "v" in paper.guid]
    assert all(paper.content and paper.content.startswith("Authors: ") for paper in papers)


def test_recorded_posts_lead_to_their_threads(outcomes: dict[str, Recorded]) -> None:
    posts = outcomes["reddit/reddit_response.json"].batch.items

    assert {post.publisher for post in posts} == {"r/LocalLLaMA"}
    assert all("/comments/" in (post.url or "") for post in posts)
    assert [bool(post.summary) for post in posts] == [True, False, True]
