"""Storing one chunk of the past: its rows, what they cover, and that it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from sqlmodel import Session

from monitor.app import App
from monitor.jobs.poll import item_keys
from monitor.sources.base import MAX_EXCERPT, Chunk, Page, Source
from storage import (
    backfill_repo,
    coverage,
    history,
    item_repo,
    market_repo,
    quotes,
    standing_repo,
)
from storage.instants import from_ms
from storage.market_repo import OutcomeKey
from storage.records import (
    Batch,
    CandleRecord,
    ItemRecord,
    Origin,
    QuoteRecord,
    Reject,
    TradeRecord,
)

# What an upstream tells of the last minutes may still change.
SETTLED_AFTER = timedelta(hours=1)
MAX_GAP = timedelta(hours=1)

Priced = TypeVar("Priced", QuoteRecord, CandleRecord, TradeRecord)


@dataclass(slots=True)
class Stored:
    """What storing a chunk added, by kind, and what it refused."""

    rows: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)


def store_chunk(
    app: App,
    session: Session,
    source: Source,
    chunk: Chunk,
    batches: Sequence[tuple[Page, Batch]],
) -> Stored:
    """Return what was new; the chunk is done once its end is long enough ago to be settled."""
    stored, now = Stored(), app.clock.now()
    instants: dict[int, set[int]] = {}
    for page, batch in batches:
        _store_batch(app, session, page, batch, stored, instants)
    _store_coverage(session, source, chunk, instants, now=now)
    if chunk.until <= now - SETTLED_AFTER:
        backfill_repo.mark_done(
            session,
            source.name,
            chunk.key,
            from_at=chunk.since,
            to_at=chunk.until,
            rows=stored.rows.total(),
            done_at=now,
        )
    return stored


def _store_batch(
    app: App,
    session: Session,
    page: Page,
    batch: Batch,
    stored: Stored,
    instants: dict[int, set[int]],
) -> None:
    stored.rejects += batch.rejects
    market_repo.upsert(
        session,
        batch.markets,
        observed_at=page.fetched_at,
        origin=Origin.BACKFILL,
        owner_of=app.topics.owner_of,
    )
    keys = {r.key for rows in (batch.quotes, batch.candles, batch.trades) for r in rows}
    ids = market_repo.outcome_ids(session, keys)
    candles, trades = _known(batch.candles, ids, stored), _known(batch.trades, ids, stored)
    stored.rows.update(
        items=sum(_add_item(app, session, item, page.fetched_at) for item in batch.items),
        standings=standing_repo.add(
            session, batch.standings, observed_at=page.fetched_at, origin=Origin.BACKFILL
        ),
        quotes=_store_quotes(session, _known(batch.quotes, ids, stored), ids, instants),
        candles=history.write_candles(session, candles, ids, backfilled=True),
        trades=history.write_trades(session, trades, ids, backfilled=True),
    )


def _add_item(app: App, session: Session, record: ItemRecord, observed_at: datetime) -> bool:
    added = item_repo.add(
        session,
        record,
        item_keys(record),
        observed_at=observed_at,
        stored_at=app.clock.now(),
        origin=Origin.BACKFILL,
    )
    return added is not None


def _store_quotes(
    session: Session,
    records: Iterable[QuoteRecord],
    ids: Mapping[OutcomeKey, int],
    instants: dict[int, set[int]],
) -> int:
    """Return how many quotes were new; where we watched ourselves, our own reading stands.

    Like polled ones, a quote that repeats the last is kept as a sign of life only.
    """
    rows = sorted((quotes.as_row(record, ids) for record in records), key=lambda row: row[:2])
    watched = {
        outcome_id: [
            span
            for span in coverage.spans(session, coverage.outcome_subject(outcome_id))
            if span.reads
        ]
        for outcome_id in {row[0] for row in rows}
    }
    unwatched = []
    for row in rows:
        at = from_ms(row[1])
        if not any(span.from_at <= at <= span.to_at for span in watched[row[0]]):
            unwatched.append(row)
            instants.setdefault(row[0], set()).add(row[1])
    return quotes.insert_rows(session, quotes.thinned(unwatched))


def _store_coverage(
    session: Session,
    source: Source,
    chunk: Chunk,
    instants: Mapping[int, set[int]],
    *,
    now: datetime,
) -> None:
    ends, of = min(chunk.until, now), "the venue's history"
    if chunk.is_complete or chunk.target is None:
        subject = _subject(session, source, chunk)
        if subject is not None and chunk.since < ends:
            reason = coverage.WHOLE_PAST if chunk.is_complete else f"end of {of}"
            coverage.add_span(session, subject, from_at=chunk.since, to_at=ends, reason=reason)
        return
    for outcome_id, found in instants.items():
        subject = coverage.outcome_subject(outcome_id)
        coverage.add_points(session, subject, sorted(found), max_gap=MAX_GAP, of=of)


def _subject(session: Session, source: Source, chunk: Chunk) -> str | None:
    if chunk.target is None:
        return f"source:{source.name}"
    venue = str(getattr(source, "kind", ""))
    key = (venue, chunk.target.venue_id, chunk.target.venue_outcome_id)
    outcome_id = market_repo.outcome_ids(session, [key]).get(key)
    return None if outcome_id is None else coverage.outcome_subject(outcome_id)


def _known(
    records: Iterable[Priced], ids: Mapping[OutcomeKey, int], stored: Stored
) -> list[Priced]:
    given = list(records)
    known = [record for record in given if record.key in ids]
    for record in given:
        if record.key not in ids:
            what = "a price of a market that is not stored"
            stored.rejects.append(Reject(what, record.venue_id[:MAX_EXCERPT]))
    return known
