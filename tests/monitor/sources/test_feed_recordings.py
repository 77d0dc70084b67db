"""Recorded feeds: the fast reader against feedparser, and the digest split into its headlines."""

from __future__ import annotations

import io
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import feedparser
import pytest

from monitor.sources.feeds.dates import read_date
from monitor.sources.feeds.document import decoded, feed_document, from_root
from monitor.sources.feeds.entry import FeedEntry
from monitor.sources.feeds.fast import fast_feed
from monitor.sources.feeds.tolerant import tolerant_feed
from monitor.sources.rss import RssSource
from tests.recorded import NOW, Recorded, parse_recording, show

pytestmark = pytest.mark.recordings

FAMILIES = ("rss", "google-news", "arxiv")
DIGEST = "rss/juya-ai-daily.2026-04-29.4.xml"


def files(recordings: Path) -> list[Path]:
    return [file for name in FAMILIES for file in sorted((recordings / name).glob("*.xml"))]


def read(file: Path) -> list[FeedEntry]:
    fast = fast_feed(from_root(decoded(file.read_bytes(), None).lstrip("\ufeff \r\n"), file.name))
    assert fast is not None, f"{file.name} was refused"
    return fast[0]


def by_feedparser(file: Path) -> list[dict[str, Any]]:
    parsed = feedparser.parse(
        io.BytesIO(file.read_bytes()), sanitize_html=False, resolve_relative_uris=False
    )
    return list(parsed["entries"])


def test_every_recorded_feed_takes_the_fast_path_and_gives_what_the_tolerant_gives(
    recordings: Path,
) -> None:
    found = files(recordings)

    for file in found:
        document = feed_document(
            file.read_bytes(), charset=None, what=file.name, newest_first=lambda _: 0.0
        )
        assert read(file) == tolerant_feed(document.xml, file.name)[0], file.name
    assert len(found) == 17


def test_entries_are_equal_to_feedparsers_own_on_the_bytes_as_they_came(recordings: Path) -> None:
    for file in files(recordings):
        for entry, theirs in zip(read(file), by_feedparser(file), strict=True):
            contents = [part["value"] for part in theirs.get("content", ())]
            raw_date = dict.get(theirs, "published") or dict.get(theirs, "updated")
            assert (
                entry.id,
                entry.title,
                entry.link,
                entry.date,
                entry.summary,
                entry.content,
            ) == (
                theirs.get("id"),
                theirs.get("title"),
                theirs.get("link"),
                raw_date,
                theirs.get("summary"),
                max(contents, key=len, default=None),
            ), file.name


def test_dates_are_the_instants_feedparser_reads(recordings: Path) -> None:
    for file in files(recordings):
        for entry, theirs in zip(read(file), by_feedparser(file), strict=True):
            stamp = dict.get(theirs, "published_parsed") or dict.get(theirs, "updated_parsed")
            ours = read_date(entry.date, zone=UTC, fetched_at=NOW)
            assert ours.at == datetime(*stamp[:6], tzinfo=UTC), (file.name, entry.date)


@pytest.fixture(scope="module")
def digests(recordings: Path) -> dict[str, Recorded]:
    source = RssSource(name="digest", url="https://digest.example/rss", digest=True)
    found = sorted((recordings / "rss").glob("juya-*.xml"))
    parsed = [parse_recording(source, file, "feed", {}, root=recordings) for file in found]
    return {each.name: each for each in parsed}


def test_the_recorded_digest_splits_into_the_headlines_its_publisher_lists(
    digests: dict[str, Recorded], recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(digests.values(), capsys)
    sections = recordings / "headlines" / "juya-ai-daily.sections.jsonl"
    rows = [json.loads(line) for line in sections.read_text(encoding="utf-8").splitlines()]
    days = {item.published_at.date().isoformat() for item in digests[DIGEST].batch.items
            if item.published_at}  # fmt: skip
    listed = {_bare(row["title"]) for row in rows if row["date"] in days}
    got = {_bare(item.title) for item in digests[DIGEST].batch.items}

    assert len(listed) > 900
    assert len(listed - got) / len(listed) < 0.02


def test_recorded_headlines_have_their_own_guid_link_and_text(
    digests: dict[str, Recorded],
) -> None:
    for recorded in digests.values():
        items = recorded.batch.items
        assert recorded.rejects == Counter()
        assert all("#" in item.guid and item.published_at and item.url for item in items)
        assert all(len(item.content or "") > 20 for item in items)
        assert len({item.url for item in items}) > len(items) * 0.9


def test_a_headline_keeps_its_guid_from_one_version_of_the_digest_to_the_next(
    digests: dict[str, Recorded],
) -> None:
    older, newer = (
        {item.guid for item in digests[f"rss/juya-ai-daily.{name}.xml"].batch.items}
        for name in ("2026-05-31.1", "2026-06-01.0")
    )

    assert len(older & newer) > 80


def _bare(title: str) -> str:
    return "".join(character for character in title if character.isalnum())
