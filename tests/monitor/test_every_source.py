"""What holds for every kind of source, over real HTTP against one fake upstream.

A repeated poll adds no row; a page cut short, emptied or made of something else is an error or a
refusal and never an exception; an unknown field changes nothing; parsing twice is parsing once.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import ManualClock
from monitor.config import parse_config
from monitor.errors import MonitorError
from monitor.fake_upstream.builders import condition_id, series_event
from monitor.fake_upstream.scenario import BoardRow, Event, Feed, FeedItem, Leg, Price, Scenario
from monitor.fake_upstream.server import FakeUpstream
from monitor.http_client import HttpClient
from monitor.jobs.poll import PollReport, poll_source
from monitor.sources import BUILT_IN
from monitor.sources.base import Page, Source, SourceModel
from monitor.topics import open_topics
from tests.builders import NOON
from tests.desk import Desk, open_desk

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
KINDS = sorted(str(model.model_fields["kind"].default) for model in BUILT_IN)
CONFIG = """
entities:
  - {{id: zetacorp, kind: company, country: US, aliases: [Zetacorp]}}
themes:
  - name: glasses
    entities: [zetacorp]
    markets:
      - {{venue: polymarket, event: zeta-race}}
      - {{venue: kalshi, event: KXRACE-26MAR}}
      - {{venue: manifold, id: MultiMkt01}}
sources:
  - {{name: polymarket, kind: polymarket, gamma_url: "{url}/gamma", clob_url: "{url}/clob",
      data_url: "{url}/data"}}
  - {{name: kalshi, kind: kalshi, api_url: "{url}/kalshi"}}
  - {{name: manifold, kind: manifold, api_url: "{url}/manifold/v0"}}
  - {{name: rss, kind: rss, url: "{url}/feed/wire"}}
  - {{name: google_news, kind: google_news, url: "{url}/news", query: Zetacorp}}
  - {{name: reddit, kind: reddit, url: "{url}/reddit", subreddits: [LocalLLaMA]}}
  - {{name: arxiv, kind: arxiv, url: "{url}/arxiv", query: "all:Zetacorp"}}
  - {{name: github_releases, kind: github_releases, url: "{url}/github", repos: [acme/model]}}
  - {{name: gdelt, kind: gdelt, bulk_url: "{url}/gdelt", mirror_url: "{url}/gdelt",
      doc_url: "{url}/gdelt", terms: [Zetacorp]}}
  - {{name: hackernews, kind: hackernews, api_url: "{url}/hn", queries: [Zetacorp]}}
  - {{name: huggingface, kind: huggingface, api_url: "{url}/hf", authors: [acme]}}
  - {{name: arena, kind: arena, page_url: "{url}/arena", datasets_url: "{url}/datasets",
      daily_url: "{url}/arena-daily", roster_url: "{url}/arena-roster/snapshot.json",
      roster: true}}
  - {{name: csv, kind: csv, path: "{folder}/notes.csv", what: items}}
http: {{allow_private_hosts: ["{host}"]}}
"""
NOTES = "source,guid,title,published_at\ndesk,n1,Zetacorp shows its glasses,2026-03-02T11:00:00Z\n"
FEEDS = {
    "wire": "rss",
    "google-news": "rss",
    "reddit-localllama": "atom",
    "arxiv": "atom",
    "github-acme-model": "atom",
    "gdelt": "rss",
    "hackernews": "rss",
    "huggingface": "rss",
}

GUIDS = {
    "huggingface": "acme/model-{}",
    "arxiv": "http://arxiv.org/abs/2603.0000{}v1",
    "hackernews": "4000000{}",
    "reddit-localllama": "t3_1abcd{}",
}


@dataclass(frozen=True)
class Tried:
    """One kind: its two polls, and the pages that its parser was given."""

    source: Source
    first: PollReport
    again: PollReport
    pages: tuple[Page, ...]


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Tried]]:
    folder, clock = tmp_path_factory.mktemp("all"), ManualClock(NOON)
    (folder / "notes.csv").write_text(NOTES)
    with FakeUpstream(a_scenario(), clock.now) as upstream:
        yield asyncio.run(_tried(folder, clock, upstream.url))


async def _tried(folder: Path, clock: ManualClock, url: str) -> dict[str, Tried]:
    host = url.removeprefix("http://")
    text = CONFIG.format(url=url, host=host, folder=folder)
    config = parse_config(text, name="config.yaml", folder=folder)
    topics = open_topics(config)
    async with open_desk(folder, "{}", clock=clock) as desk:
        desk.app = replace(desk.app, config=config, topics=topics)
        client = HttpClient(
            clock,
            contact="desk@example.org",
            deadline=timedelta(seconds=5),
            max_bytes=1 << 22,
            allow_private_hosts=frozenset({host}),
            sleep=_at_once,
        )
        async with client:
            desk.app = replace(desk.app, http=client)
            sources = [source.following(topics.references()) for source in config.sources]
            found = {}
            for source in sources:
                found[str(source.kind)] = await _try(desk, clock, source)
            return found


async def _try(desk: Desk, clock: ManualClock, source: SourceModel) -> Tried:
    kept: list[Page] = []
    recording = _Recording(source, kept)
    first = await poll_source(desk.app, recording, rng=random.Random(7))
    clock.advance(MINUTE)
    again = await poll_source(desk.app, recording, rng=random.Random(7))
    return Tried(source, first, again, tuple(kept))  # type: ignore[arg-type]


class _Recording:
    """A source that keeps the pages it fetched; all else is the source's own."""

    in_worker = False

    def __init__(self, source: Any, kept: list[Page]) -> None:
        self._source, self._kept = source, kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    async def fetch(self, http: Any, cursor: Any) -> list[Page]:
        pages: list[Page] = await self._source.fetch(http, cursor)
        self._kept += pages
        return pages


async def _at_once(seconds: float) -> None:
    """Pass the spacing between requests over."""


def a_scenario() -> Scenario:
    """Return something for every kind to read: a race at each venue, an item in each feed."""
    ends = NOON + 20 * DAY
    races = [
        series_event(
            "zeta-race", "Who leads?", ["Zetacorp", "Omegacorp"], created_at=NOON - DAY, ends=ends
        ),
        _race("kalshi", "KXRACE-26MAR", "kxrace-26mar", ends),
        _race("manifold", "MultiMkt01", "maker-race", ends),
    ]
    prices = {
        leg.token_ids[0]: (Price(NOON - HOUR, Decimal("0.40"), Decimal("0.42"), Decimal("0.41")),)
        for race in races
        for leg in race.legs
    }
    rows = tuple(
        BoardRow("text", (NOON - DAY).date(), NOON - HOUR, name, score, rank, organization="Zeta")
        for rank, (name, score) in enumerate(
            [("zeta-1", Decimal("1400.5")), ("zeta-0", Decimal("1390.1"))], 1
        )
    )
    feeds = tuple(
        Feed(name, name, format=form, items=tuple(_items(name))) for name, form in FEEDS.items()
    )
    return Scenario(
        "every kind", NOON - DAY, ends, events=tuple(races), prices=prices, feeds=feeds,
        boards={"text": rows, "text_style_control": rows},
    )  # fmt: skip


def _items(feed: str) -> Iterator[FeedItem]:
    for number in range(3):
        at = NOON - 10 * MINUTE + number * MINUTE
        guid = GUIDS.get(feed, feed + "-{}").format(number)
        url = f"https://news.example/zetacorp-{feed}-{number}"
        yield FeedItem(guid, f"Zetacorp shows its glasses, part {number}", at, at, url=url)


def _race(venue: str, event_id: str, slug: str, ends: Any) -> Event:
    legs = tuple(
        Leg(
            id=f"{event_id}-{label.upper()}",
            condition_id=condition_id(f"{venue} {label}"),
            token_ids=(f"{event_id}-{label.upper()}:yes", f"{event_id}-{label.upper()}:no"),
            question=f"Will {label} lead?",
            label=label,
            rules=f"Resolves Yes when {label} leads.",
            ends=ends,
            slug=f"{slug}-{label.lower()}",
        )
        for label in ("Zetacorp", "Omegacorp")
    )
    return Event(event_id, slug, "Who leads?", NOON - DAY, ends, legs, neg_risk=True, venue=venue)


@pytest.mark.parametrize("kind", KINDS)
def test_a_poll_reads_and_a_repeated_poll_adds_no_row(tried: dict[str, Tried], kind: str) -> None:
    first, again = tried[kind].first, tried[kind].again

    assert (first.error, again.error) == (None, None)
    # Hugging Face's first reading is the baseline: it compares, and stores nothing.
    assert first.rows.total() > 0 or kind == "huggingface"
    added = {name: n for name, n in again.rows.items() if n and name != "markets"}
    assert added == {}


@pytest.mark.parametrize("kind", KINDS)
def test_parsing_twice_gives_equal_records(tried: dict[str, Tried], kind: str) -> None:
    source = tried[kind].source

    assert tried[kind].pages
    assert all(source.parse(page) == source.parse(page) for page in tried[kind].pages)


@pytest.mark.parametrize("share", [0, 1, 30, 60, 90, 99])
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_cut_short_is_refused_or_read_in_part(
    tried: dict[str, Tried], kind: str, share: int
) -> None:
    for page in tried[kind].pages:
        whole = _rows(tried[kind].source, page)
        cut = replace(page, body=page.body[: len(page.body) * share // 100])
        assert _rows(tried[kind].source, cut) <= whole


@pytest.mark.parametrize(
    "body", [b"", b" ", b"null", b"[]", b"{}", b"[null]", b'"x"', b"0", b"<html><body>hello</body>"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_something_else_gives_no_row(
    tried: dict[str, Tried], kind: str, body: bytes
) -> None:
    for page in tried[kind].pages:
        if page.shape != "notice":
            assert _rows(tried[kind].source, replace(page, body=body)) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_field_changes_nothing(tried: dict[str, Tried], kind: str) -> None:
    source = tried[kind].source
    for page in tried[kind].pages:
        try:
            payload = json.loads(page.body)
        except ValueError:
            continue
        grown = replace(page, body=json.dumps(_with_strangers(payload)).encode())
        assert _records(source.parse(grown)) == _records(source.parse(page))


def _with_strangers(value: Any) -> Any:
    """Return JSON with a field that nobody knows in every object of a list."""
    if isinstance(value, list):
        return [_with_strangers(each) for each in value]
    if isinstance(value, dict):
        grown = {key: _with_strangers(each) for key, each in value.items()}
        return (
            {**grown, "zz_new_field": {"deep": [1]}} if "id" in value or "row" in value else grown
        )
    return value


def _records(batch: Any) -> tuple[Any, ...]:
    return (batch.markets, batch.quotes, batch.trades, batch.items, batch.standings)


def _rows(source: Source, page: Page) -> int:
    """Return how many records a page gives; a refused page gives none."""
    try:
        return sum(len(rows) for rows in _records(source.parse(page)))
    except MonitorError:
        return 0
