"""The entries of a feed as items: who they are, where they lie, when they were published."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from urllib.parse import urljoin, urlsplit

from monitor.sources.base import MAX_EXCERPT, parse_each
from monitor.sources.feeds.dates import FeedDate, read_date
from monitor.sources.feeds.digest import Bullet, bullets
from monitor.sources.feeds.entry import FeedEntry, FeedReading
from monitor.sources.feeds.text import plain_text, plain_title
from storage.records import Batch, ItemRecord, Precision, Reject

MAX_SUMMARY = 2_000
MAX_GUID = 500
MAX_URL = 2_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Dated = tuple[FeedEntry, FeedDate]


@dataclass(frozen=True, slots=True)
class Outlet:
    """What the config says of a feed; `lang` stands above what the feed says."""

    source: str
    tier: int
    lang: str | None
    zone: tzinfo
    digest: bool = False


def feed_batch(reading: FeedReading, outlet: Outlet, *, url: str, fetched_at: datetime) -> Batch:
    """Return the items of `reading`, each once. `url` is where the document came from."""
    entries = reading.entries
    dates = _as_days(
        [read_date(entry.date, zone=outlet.zone, fetched_at=fetched_at) for entry in entries]
    )
    shared = Counter(entry.id for entry in entries)
    dated = list(zip(entries, dates, strict=True))
    found, rejects = parse_each(dated, lambda pair: _items(pair, reading, outlet, url, shared))
    items, repeated = _each_once(item for group in found for item in group)
    suspects = [
        Reject(
            f"{date.suspect}; the item is kept without a date"[:MAX_EXCERPT],
            entry.excerpt[:MAX_EXCERPT],
        )
        for entry, date in dated
        if date.suspect
    ]
    return Batch(
        items=tuple(items),
        rejects=(*reading.rejects, *rejects, *repeated, *suspects),
        pace=reading.pace,
    )


def newest_first(zone: tzinfo, fetched_at: datetime) -> Callable[[str | None], float]:
    """Return a sort key of raw dates: newest first, undated last."""

    def key(raw: str | None) -> float:
        date = read_date(raw, zone=zone, fetched_at=fetched_at)
        return -(date.at or _EPOCH).timestamp()

    return key


def _items(
    pair: _Dated, reading: FeedReading, outlet: Outlet, base: str, shared: Counter[str | None]
) -> list[ItemRecord]:
    """Return the entry as its item, or as one item a headline when it is a digest."""
    entry, date = pair
    item = _item(entry, date, reading, outlet, base, shared)
    if not outlet.digest:
        return [item]
    headlines = bullets(entry.content or entry.summary or "")
    return [_part(item, bullet, base) for bullet in headlines] or [item]


def _item(
    entry: FeedEntry,
    date: FeedDate,
    reading: FeedReading,
    outlet: Outlet,
    base: str,
    shared: Counter[str | None],
) -> ItemRecord:
    summary = plain_text(entry.summary or "")
    content = summary if entry.content == entry.summary else plain_text(entry.content or "")
    title = plain_title(entry.title or "") or summary[:120] or content[:120]
    if not title:
        raise ValueError("an item without a title or a text")
    url = _entry_url(entry, base)
    lang = outlet.lang or entry.lang or reading.lang
    return ItemRecord(
        source=outlet.source,
        guid=_identity(entry.id, url, title, content or summary, shared),
        title=" ".join(title.split()),
        url=url,
        summary=summary[:MAX_SUMMARY] or None,
        content=content or (summary if len(summary) > MAX_SUMMARY else None),
        lang=lang.split("-")[0].split("_")[0].lower()[:8] if lang else None,
        published_at=date.at,
        precision=date.precision,
        publisher=(plain_title(entry.publisher)[:200] or None) if entry.publisher else None,
        tier=outlet.tier,
    )


def _part(item: ItemRecord, bullet: Bullet, base: str) -> ItemRecord:
    guid = f"{item.guid}#{_digest(bullet.title)[:16]}"
    return replace(
        item,
        guid=guid if len(guid) <= MAX_GUID else f"hash:{_digest(guid)}",
        title=bullet.title,
        url=(_web_address(bullet.link, item.url or base) if bullet.link else None) or item.url,
        summary=None,
        content=bullet.text or None,
    )


def _as_days(dates: Sequence[FeedDate]) -> list[FeedDate]:
    """Return the dates, midnights as days when most of several dates are midnights.

    Generated feeds write a bare day as 00:00:00 +0000; read as an instant it would claim to lead
    everything that happened that day.
    """
    known = [date for date in dates if date.at is not None]
    if len(known) < 2 or sum(date.is_midnight for date in known) * 2 < len(known):
        return list(dates)
    return [replace(date, precision=Precision.DAY) if date.is_midnight else date for date in dates]


def _identity(
    guid: str | None, url: str | None, title: str, text: str, shared: Counter[str | None]
) -> str:
    """Return guid, else link, else a hash; a guid that several items share is told by its link."""
    if guid and shared[guid] > 1 and url and url != guid:
        guid = f"{guid}|{url}"
    identity = guid or url or f"hash:{_digest(title + text)}"
    return identity if len(identity) <= MAX_GUID else f"hash:{_digest(identity)}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _entry_url(entry: FeedEntry, base: str) -> str | None:
    """Return the item's page; None when what the feed gives is no web address."""
    raw = entry.origin_link or entry.link
    if raw is None:
        return None
    if raw == entry.id and not raw.lower().startswith(("http://", "https://")):
        # A guid without isPermaLink="false" stands for the link, also where it is opaque.
        return None
    return _web_address(raw, base)


def _web_address(raw: str, base: str) -> str | None:
    if len(raw) > MAX_URL:
        return None
    try:
        url = urljoin(base, "".join(raw.split()))
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    return url


def _each_once(records: Iterable[ItemRecord]) -> tuple[list[ItemRecord], list[Reject]]:
    first: dict[str, ItemRecord] = {}
    rejects = []
    for record in records:
        if first.setdefault(record.guid, record) is not record:
            rejects.append(Reject("repeated item", record.guid[:MAX_EXCERPT]))
    return list(first.values()), rejects
