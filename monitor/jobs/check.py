"""Trying one source: what a poll would store, storing nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from monitor.clock import Clock
from monitor.config import Config
from monitor.errors import MonitorError
from monitor.http_client import HttpClient
from monitor.http_status import safe_url
from monitor.sources.base import SourceModel
from monitor.topics import Topics

SAMPLE = 5


async def check_source(
    config: Config, topics: Topics, source: SourceModel, clock: Clock
) -> dict[str, Any]:
    """Return counts, samples and rejects of one live fetch; `error` says why there is none."""
    report: dict[str, Any] = {"source": source.name, "error": None, "pages": [], "samples": []}
    counts: Counter[str] = Counter()
    rejects: Counter[str] = Counter()
    async with HttpClient(
        clock,
        contact=config.http.contact,
        deadline=config.http.deadline,
        max_bytes=config.http.max_bytes,
        allow_private_hosts=frozenset(config.http.allow_private_hosts),
    ) as http:
        session = http.session(source.name, validators={}, spacing_s=0.0)
        following: Any = source.following(topics.references())
        try:
            for page in await following.fetch(session, {}):
                batch = following.parse(page)
                report["pages"].append({"url": safe_url(page.url), "bytes": len(page.body)})
                for kind in ("markets", "quotes", "candles", "trades", "items", "standings"):
                    counts[kind] += len(getattr(batch, kind))
                rejects.update(reject.reason for reject in batch.rejects)
                report["samples"] += _samples(batch)
        except MonitorError as error:
            report["error"] = str(error)
    report["samples"] = report["samples"][:SAMPLE]
    return {**report, "rows": dict(+counts), "rejects": dict(rejects)}


def _samples(batch: Any) -> list[str]:
    return [
        *(f"item {item.published_at} {item.title}" for item in batch.items[:SAMPLE]),
        *(f"market {market.question}" for market in batch.markets[:SAMPLE]),
        *(
            f"standing #{row.rank} {row.model} {row.score} ({row.board}, style {row.style_control})"
            for row in batch.standings[:SAMPLE]
        ),
    ]
