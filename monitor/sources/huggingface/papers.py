"""Hugging Face's daily papers: what people there found worth reading, as items.

Dates are days: the hub writes them as midnights, and the outer copy as 20:00 of the day before.
Source: huggingface.co/api/daily_papers as recorded 2026-08-02.
"""

from __future__ import annotations

import re
from datetime import datetime

from monitor.errors import ParseError
from monitor.http_response import load_json
from monitor.http_status import safe_url
from monitor.sources.base import Page, parse_each
from monitor.sources.feeds.text import plain_text, plain_title
from monitor.sources.instants import instant_or_none
from storage.records import Batch, ItemRecord, Precision, Reject

MAX_SUMMARY = 2_000
_ID = re.compile(r"[0-9]{4}\.[0-9]{4,6}|[A-Za-z0-9._-]{1,80}")


def papers_batch(page: Page, *, source: str, base_url: str) -> Batch:
    """Return the papers of an answer, each once. Raises ParseError when it is no list."""
    what = safe_url(page.url)
    answer = load_json(page.body, what=what)
    if isinstance(answer, dict) and "error" in answer:
        raise ParseError(f"{what}: the answer is an error: {answer['error']!r:.120}")
    if not isinstance(answer, list):
        raise ParseError(f"{what}: expected a list of papers")
    records, rejects = parse_each(answer, lambda row: _item(row, source, base_url, page.fetched_at))
    unique: dict[str, ItemRecord] = {}
    for record in records:
        if unique.setdefault(record.guid, record) is not record:
            rejects.append(Reject("repeated paper", record.guid))
    return Batch(items=tuple(unique.values()), rejects=tuple(rejects))


def _item(row: object, source: str, base_url: str, fetched_at: datetime) -> ItemRecord:
    paper = row.get("paper") if isinstance(row, dict) else None
    if not isinstance(paper, dict):
        raise ValueError("a row without a paper")  # noqa: TRY004 - bad data
    guid, raw = paper.get("id"), paper.get("title")
    if not isinstance(guid, str) or not _ID.fullmatch(guid):
        raise ValueError("a paper without an id")
    title = plain_title(raw) if isinstance(raw, str) else ""
    if not title:
        raise ValueError("a paper without a title")
    summary = paper.get("summary")
    at = _day(paper.get("publishedAt")) or _day(paper.get("submittedOnDailyAt"))
    is_known = at is not None and at <= fetched_at
    return ItemRecord(
        source=source,
        guid=guid,
        title=title,
        url=f"{base_url}/papers/{guid}",
        summary=plain_text(summary)[:MAX_SUMMARY] or None if isinstance(summary, str) else None,
        lang="en",
        published_at=at if is_known else None,
        precision=Precision.DAY if is_known else Precision.UNKNOWN,
        tier=3,
    )


def _day(raw: object) -> datetime | None:
    try:
        at = instant_or_none(raw)
    except ValueError:
        return None
    return at and at.replace(hour=0, minute=0, second=0, microsecond=0)
