"""The past of a source, chunk by chunk: asked once, stored with what it covers, then remembered.

Each chunk commits as one, so killing the process anywhere and starting again is correct. What
comes this way is flagged `backfilled` and never alerts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from monitor.app import App
from monitor.errors import MonitorError, PermanentSourceError
from monitor.http_session import SourceSession
from monitor.jobs.past import store_chunk
from monitor.jobs.process import process
from monitor.sources.base import Backfilling, Chunk, Source, Target
from monitor.sources.pace import addresses
from storage import backfill_repo, market_repo, source_repo
from storage.instants import format_instant
from storage.models import SourceState

log = structlog.get_logger()

PATIENCE = 3
EVER = timedelta(days=36_500)

Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class BackfillReport:
    """What one source's past gave. `chunks` were stored now, `known` already before.

    `error` says why the reading ended early; `failed` chunks are asked again next time.
    """

    source: str
    chunks: int = 0
    known: int = 0
    failed: int = 0
    requests: int = 0
    error: str | None = None
    rows: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)


async def backfill_source(
    app: App, source: Source, *, since: datetime, progress: Progress
) -> BackfillReport:
    """Return what reading [since, now) of `source` stored; failures are reported, not raised.

    A source that keeps failing is left after PATIENCE chunks in a row.
    """
    report = BackfillReport(source.name)
    if not isinstance(source, Backfilling):
        report.error = "this kind of source tells nothing of the past"
        return report
    state = await app.read(lambda session: source_repo.load(session, source.name))
    report.error = _held(source, state, app.clock.now())
    if report.error is not None:
        return report
    spacing_s = float(getattr(source, "spacing_s", 0.0))
    http = app.http.session(source.name, validators={}, spacing_s=spacing_s)
    now = app.clock.now()
    try:
        targets = await app.read(lambda session: _targets(session, source, since))
        chunks = await source.chunks(http, targets, since=since, until=now)
        done = await app.read(lambda session: backfill_repo.done_keys(session, source.name))
    except MonitorError as error:
        report.error, report.requests = str(error), http.requests
        return report
    todo = [chunk for chunk in chunks if chunk.key not in done]
    report.known = len(chunks) - len(todo)
    await _read_chunks(app, source, http, todo, report, progress)
    report.requests = http.requests
    return report


def _held(source: Source, state: SourceState, now: datetime) -> str | None:
    """Return why nothing may be asked of a source now; a backfill is no way round a pause."""
    if source_repo.is_disabled(state, addresses(source)):
        return f"disabled: {state.disabled}"
    if state.circuit_until is not None and state.circuit_until > now:
        return f"its circuit is open until {format_instant(state.circuit_until)}"
    return None


async def follow_up(app: App) -> None:
    """Tag what was stored and find its signals, links and moves; nothing is told."""
    more = True
    while more:
        found = await app.write(
            lambda session: process(session, app.topics, (), now=app.clock.now(), link_horizon=EVER)
        )
        more = found.more


async def _read_chunks(
    app: App,
    source: Source,
    http: SourceSession,
    todo: list[Chunk],
    report: BackfillReport,
    progress: Progress,
) -> None:
    in_a_row = 0
    for number, chunk in enumerate(todo):
        progress(source.name, number, len(todo))
        try:
            await _read_chunk(app, source, http, chunk, report)
            in_a_row = 0
        except MonitorError as error:
            report.failed += 1
            report.error = f"{chunk.key}: {error}"
            log.warning("chunk failed", source=source.name, chunk=chunk.key, error=str(error))
            # One market that is gone says nothing of the next one.
            in_a_row += not isinstance(error, PermanentSourceError)
            if in_a_row >= PATIENCE:
                report.failed += len(todo) - number - 1
                break
    progress(source.name, len(todo), len(todo))


async def _read_chunk(
    app: App, source: Source, http: SourceSession, chunk: Chunk, report: BackfillReport
) -> None:
    assert isinstance(source, Backfilling)
    pages = await source.fetch_chunk(http, chunk)
    batches = [(page, await app.parse(source, page)) for page in pages]
    stored = await app.write(lambda session: store_chunk(app, session, source, chunk, batches))
    report.chunks += 1
    report.rows.update(stored.rows)
    report.rejects.update(reject.reason for reject in stored.rejects)


def _targets(session: Session, source: Source, since: datetime) -> list[Target]:
    """Return the followed legs of the source's venue that were open at or after `since`."""
    venue = getattr(source, "kind", None)
    return [
        Target(leg.venue_id, leg.venue_outcome_id, leg.series)
        for leg in market_repo.legs(session)
        if leg.venue == venue and (leg.resolved_at is None or leg.resolved_at >= since)
    ]
