"""Feed parsing against lxml by hand and feedparser, on feeds made here: 30 entries, 30 KB.

The hand-written reference knows the feed's shape beforehand and trusts it: no encoding to guess,
no entities to refuse, no quirks, no chrome, no dates that lie. feedparser runs as it comes.
Recordings, where RECORDINGS_DIR names them, are measured too.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from xml.sax.saxutils import escape

import feedparser
import lxml.html
from lxml import etree

from benchmarks.measure import Figure, Pair, paired
from monitor.sources.base import Page
from monitor.sources.feeds.items import newest_first
from monitor.sources.feeds.reading import read_feed
from monitor.sources.feeds.text import plain_text
from monitor.sources.rss import RssSource
from monitor.worker import ParseWorker

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ENTRIES = 30
FEEDS = 30
ROUNDS = 15
_ATOM = "{http://www.w3.org/2005/Atom}"
_ENCODED = "{http://purl.org/rss/1.0/modules/content/}encoded"
_SOURCE = RssSource(name="bench", url="https://bench.example/feed")
_NEWEST = newest_first(UTC, NOW)
Fields = tuple[str | None, ...]


def figures(folder: Path) -> list[Figure]:
    """Return the lines of all feed cases; `folder` is not used."""
    del folder
    bodies = [_atom(ENTRIES) if n % 3 == 0 else _rss(ENTRIES) for n in range(FEEDS)]
    _check(bodies)
    found = [
        *_reading("30 KB", bodies),
        _items(bodies),
        _text(),
        _unchanged(bodies),
        _linear(),
        _worker(bodies),
    ]
    recorded = _recorded()
    return [*found, *(_reading("recorded", recorded) if recorded else [])]


def _reading(name: str, bodies: list[bytes]) -> list[Figure]:
    """Measure bytes to entries: our whole way with its checks, against bare readers."""
    entries = sum(len(by_hand(body)) for body in bodies)

    def ours() -> None:
        for body in bodies:
            _read(body)

    def hand() -> None:
        for body in bodies:
            by_hand(body)

    def tolerant() -> None:
        for body in bodies:
            feedparser.parse(io.BytesIO(body))

    return [
        _per_entry(f"read {name} feeds / lxml by hand", paired(ours, hand, rounds=ROUNDS),
                   entries, at_least=0.5),
        _per_entry(f"read {name} feeds / feedparser", paired(ours, tolerant, rounds=3),
                   entries, at_least=12),
    ]  # fmt: skip


def _items(bodies: list[bytes]) -> Figure:
    """Measure bytes to items: clean text, dates, identity, against the same by hand with lxml."""
    pages = [Page("feed", "https://bench.example/feed", body, NOW) for body in bodies]

    def ours() -> None:
        for page in pages:
            _SOURCE.parse(page)

    def hand() -> None:
        for body in bodies:
            for _, title, _, date, summary, content in by_hand(body):
                lxml.html.fromstring(title or "x").text_content()
                lxml.html.fromstring(summary or "x").text_content()
                lxml.html.fromstring(content or "x").text_content()
                _date(date or "")

    pair = paired(ours, hand, rounds=ROUNDS)
    return _per_entry(
        "feed to items / lxml, text_content", pair, len(bodies) * ENTRIES, at_least=0.5
    )


def _text() -> Figure:
    """Measure markup to text alone; the reference leaves chrome and menus in."""
    markup = _article(40)
    pair = paired(
        lambda: [plain_text(markup) for _ in range(100)],
        lambda: [lxml.html.fromstring(markup).text_content() for _ in range(100)],
        rounds=ROUNDS,
    )
    return _per_entry("article to text / lxml text_content", pair, 100, at_least=0.15)


def _unchanged(bodies: list[bytes]) -> Figure:
    """Measure the skip of a body that is known: its hash, against parsing it."""
    pages = [Page("feed", "https://bench.example/feed", body, NOW) for body in bodies]
    pair = paired(
        lambda: [hashlib.blake2b(body, digest_size=16).hexdigest() for body in bodies],
        lambda: [_SOURCE.parse(page) for page in pages],
        rounds=ROUNDS,
    )
    return _per_entry("unchanged feed / parse", pair, len(bodies) * ENTRIES, at_least=10)


def _linear() -> Figure:
    """Measure an entry of a feed of 1,500 against one of a feed of 30."""
    small, large = _rss(ENTRIES), _rss(ENTRIES * 50)
    pair = paired(lambda: _read(large), lambda: [_read(small) for _ in range(50)], rounds=ROUNDS)
    return _per_entry("entry of 1,500 / entry of 30", pair, ENTRIES * 50, at_least=0.7)


def _worker(bodies: list[bytes]) -> Figure:
    """Measure what a page costs the daemon's own process by the worker, against a thread."""
    pages = [Page("feed", "https://bench.example/feed", body, NOW) for body in bodies]
    worker = ParseWorker()

    def ours() -> None:
        async def all_pages() -> None:
            for page in pages:
                await worker.parse(_SOURCE, page)

        asyncio.run(all_pages())

    def threads() -> None:
        async def all_pages() -> None:
            for page in pages:
                await asyncio.to_thread(_SOURCE.parse, page)

        asyncio.run(all_pages())

    try:
        ours()
        pair = paired(ours, threads, rounds=7)
    finally:
        worker.close()
    return _per_entry(
        "daemon CPU by worker / in a thread", pair, len(bodies) * ENTRIES, at_least=1.5
    )


def by_hand(body: bytes) -> list[Fields]:
    """Return id, title, link, date, summary and content of each entry, read with bare lxml."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    root = etree.fromstring(body, parser)
    if root.tag == f"{_ATOM}feed":
        return [_atom_by_hand(entry) for entry in root.iterfind(f"{_ATOM}entry")]
    return [
        (
            item.findtext("guid"),
            item.findtext("title"),
            item.findtext("link"),
            item.findtext("pubDate"),
            item.findtext("description"),
            item.findtext(_ENCODED),
        )
        for item in root.iter("item")
    ]


def _atom_by_hand(entry: etree._Element) -> Fields:
    link = entry.find(f"{_ATOM}link")
    return (
        entry.findtext(f"{_ATOM}id"),
        entry.findtext(f"{_ATOM}title"),
        None if link is None else link.get("href"),
        entry.findtext(f"{_ATOM}published"),
        entry.findtext(f"{_ATOM}summary"),
        entry.findtext(f"{_ATOM}content"),
    )


def _read(body: bytes) -> list[Fields]:
    reading = read_feed(body, charset="utf-8", what="bench", newest_first=_NEWEST)
    return [(e.id, e.title, e.link, e.date, e.summary, e.content) for e in reading.entries]


def _feedparser(body: bytes) -> list[Fields]:
    parsed = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    return [
        (
            entry.get("id"),
            entry.get("title"),
            entry.get("link"),
            dict.get(entry, "published"),
            entry.get("summary"),
            max((part["value"] for part in entry.get("content", ())), key=len, default=None),
        )
        for entry in parsed["entries"]
    ]


def _check(bodies: list[bytes]) -> None:
    """Raise when the three readers do not agree: then there is nothing to compare."""
    for body in bodies[:2]:
        if not _read(body) == by_hand(body) == _feedparser(body):
            raise AssertionError("the readers of the benchmark do not agree")


def _recorded() -> list[bytes]:
    folder = os.environ.get("RECORDINGS_DIR")
    if not folder:
        return []
    return [file.read_bytes() for file in sorted((Path(folder) / "rss").glob("*.xml"))]


def _per_entry(name: str, pair: Pair, entries: int, *, at_least: float) -> Figure:
    return Figure(
        name,
        f"{pair.ours / entries * 1e6:.2f} us/entry",
        f"{pair.reference / entries * 1e6:.2f} us/entry",
        f"{pair.ratio:.2f}x",
        f">= {at_least:g}x",
        pair.ratio >= at_least,
    )


def _date(raw: str) -> datetime:
    return datetime.fromisoformat(raw) if raw[:4].isdecimal() else parsedate_to_datetime(raw)


def _article(paragraphs: int) -> str:
    paragraph = (
        '<p>Acme and <a href="https://acme.example/{0}">Zeta</a> said the <b>example ring</b> of '
        "model {0} costs &#36;{0}, less than 示例公司 asks &amp; a little more than last year.</p>"
    )
    return "".join(paragraph.format(n) for n in range(paragraphs))


def _rss(entries: int) -> bytes:
    items = "".join(
        f"<item><title>Headline {n} of Acme &amp;amp; Zeta</title>"
        f"<link>https://bench.example/{n}?a=1&amp;b=2</link>"
        f'<guid isPermaLink="false">tag:bench.example,2026:{n}</guid>'
        f"<pubDate>Mon, 01 Jun 2026 08:{n % 60:02}:05 GMT</pubDate>"
        f"<dc:creator>A. Writer</dc:creator><category>rings</category>"
        f"<description>{escape(_article(1))}</description>"
        f"<content:encoded><![CDATA[{_article(3)}]]></content:encoded></item>"
        for n in range(entries)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Bench</title>'
        f"<link>https://bench.example</link><ttl>60</ttl>{items}</channel></rss>"
    ).encode()


def _atom(entries: int) -> bytes:
    items = "".join(
        f"<entry><id>tag:bench.example,2026:{n}</id><title>Headline {n} of Acme</title>"
        f'<link rel="alternate" href="https://bench.example/{n}"/>'
        f"<published>2026-06-01T08:{n % 60:02}:05Z</published>"
        f"<author><name>A. Writer</name></author><summary>Summary {n}</summary>"
        f'<content type="html">{escape(_article(3))}</content></entry>'
        for n in range(entries)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>Bench</title><id>tag:bench.example,2026:feed</id>{items}</feed>"
    ).encode()
