"""Trying one source: what a poll would store, storing nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from monitor.clock import Clock
from monitor.config import Config
from monitor.errors import MonitorError, ParseError
from monitor.http_client import HttpClient
from monitor.http_session import SourceSession
from monitor.http_status import safe_url
from monitor.jobs.poll import FETCH_DEADLINES, cause
from monitor.sources import fingerprint
from monitor.sources.base import Page, SourceModel
from monitor.sources.pace import hints_of, to_plain
from monitor.topics import Topics
from storage.models import SourceState
from storage.records import Batch, QuoteRecord

SAMPLE = 5


@dataclass(slots=True)
class _Tried:
    """What one try brought; `errors` by the URL of the page that could not be read."""

    pages: list[Page] = field(default_factory=list)
    read: list[tuple[Page, Batch]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    error: str | None = None


async def check_source(
    config: Config,
    topics: Topics,
    source: SourceModel,
    clock: Clock,
    *,
    state: SourceState | None = None,
    **http_options: Any,
) -> dict[str, Any]:
    """Return what one live fetch of everything would store, with samples and what was refused.

    `error` says why nothing could be read. `state` is what is stored of the source: its pages
    are compared with their usual look, and `drift` is None when that is not known.
    """
    async with HttpClient(
        clock,
        contact=config.http.contact,
        deadline=config.http.deadline,
        max_bytes=config.http.max_bytes,
        allow_private_hosts=frozenset(config.http.allow_private_hosts),
        **http_options,
    ) as http:
        session = http.session(source.name, spacing_s=source.spacing_s)
        limit_s = config.http.deadline.total_seconds() * FETCH_DEADLINES
        tried = await _try(source.following(topics.references()), session, limit_s)
    batches = [batch for _, batch in tried.read]
    rows = {kind: sum(len(getattr(batch, kind)) for batch in batches) for kind in fingerprint.KINDS}
    return {
        "source": source.name,
        "kind": str(getattr(source, "kind", "")),
        "error": tried.error,
        "requests": session.requests,
        "pages": [_page(page, tried) for page in tried.pages],
        "rows": {kind: count for kind, count in rows.items() if count},
        "samples": {kind: lines for kind, lines in _samples(batches) if lines},
        "rejects": _rejects(batches),
        "asks": to_plain(hints_of(batches, session.fresh_for, None)) or {},
        "moved": {safe_url(old): safe_url(new) for old, new in session.redirected_to.items()},
        "drift": _drift(tried.read, state),
    }


async def _try(source: Any, http: SourceSession, limit_s: float) -> _Tried:
    tried = _Tried()
    try:
        async with asyncio.timeout(limit_s):
            tried.pages = await source.fetch(http, {})
        for page in tried.pages:
            try:
                tried.read.append((page, source.parse(page)))
            except ParseError as error:
                tried.errors[page.url] = str(cause(http, error))
    except MonitorError as error:
        tried.error = str(cause(http, error))
    except TimeoutError:
        tried.error = f"the poll was not finished within {limit_s:g} s"
    except Exception as error:  # noqa: BLE001 - what breaks a source is what is to be shown
        tried.error = f"the source broke with {type(error).__name__}: {error}"
    if tried.pages and not tried.read and tried.error is None:
        tried.error = next(iter(tried.errors.values()))
    return tried


def _page(page: Page, tried: _Tried) -> dict[str, Any]:
    batch = next((batch for read, batch in tried.read if read is page), Batch())
    return {
        "url": safe_url(page.url),
        "shape": page.shape,
        "bytes": len(page.body),
        "rows": sum(len(getattr(batch, kind)) for kind in fingerprint.KINDS),
        "error": tried.errors.get(page.url),
    }


def _rejects(batches: Sequence[Batch]) -> list[dict[str, Any]]:
    """Return each reason with its count, the most frequent first, and one excerpt."""
    rejects = [reject for batch in batches for reject in batch.rejects]
    excerpts = {reject.reason: reject.excerpt for reject in reversed(rejects)}
    counted = Counter(reject.reason for reject in rejects).most_common()
    return [
        {"reason": reason, "count": count, "excerpt": excerpts[reason]} for reason, count in counted
    ]


def _drift(read: Sequence[tuple[Page, Batch]], state: SourceState | None) -> list[str] | None:
    known = ((state.fingerprint if state else None) or {}).get("shapes")
    if not known or not read:
        return None
    found = fingerprint.findings(known, fingerprint.looks((p.shape, batch) for p, batch in read))
    return [word for words in found.values() for word in words] if found else None


def _samples(batches: Sequence[Batch]) -> Iterator[tuple[str, list[str]]]:
    names = {
        (market.venue, market.venue_id): market.question
        for batch in batches
        for market in batch.markets
    }

    def lines(kind: str, line: Any) -> tuple[str, list[str]]:
        rows = [row for batch in batches for row in getattr(batch, kind)]
        return kind, [line(row) for row in rows[:SAMPLE]]

    def name(row: Any) -> str:
        return names.get((row.venue, row.venue_id)) or str(row.venue_id)

    yield lines("markets", _market_line)
    yield lines("quotes", lambda row: f"{name(row)}: {_quote_text(row)}")
    yield lines(
        "candles",
        lambda row: (
            f"{name(row)}: {row.at:%Y-%m-%d %H:%M}Z, {row.step_s} s, "
            f"{_price(row.open)} → {_price(row.close)}"
        ),
    )
    yield lines(
        "trades",
        lambda row: f"{name(row)}: {row.at:%Y-%m-%d %H:%M:%S}Z, {row.size} at {_price(row.price)}",
    )
    yield lines("items", _item_line)
    yield lines(
        "standings",
        lambda row: (
            f"#{row.rank} {row.model} {row.score} ({row.board}, style control "
            f"{row.style_control}, {row.publish_date})"
        ),
    )


def _market_line(row: Any) -> str:
    closes = f", closes {row.closes_at:%Y-%m-%d}" if row.closes_at else ""
    return f"{row.question} ({row.status}{closes})"


def _item_line(row: Any) -> str:
    if row.published_at is None:
        return f"(no date) {row.title}"
    form = "%Y-%m-%d" if row.precision == "day" else "%Y-%m-%d %H:%MZ"
    return f"{row.published_at:{form}} {row.title}"


def _quote_text(quote: QuoteRecord) -> str:
    if quote.value is not None:
        return f"{_price(quote.value)} ({quote.basis.name.lower()})"
    return f"bid {_price(quote.bid)}, ask {_price(quote.ask)}, last {_price(quote.last)}"


def _price(price: Decimal | None) -> str:
    return "–" if price is None else f"{price * 100:.1f} %"
