"""One poll of one source: fetch, parse, store the rows, and only then remember the validators."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter

import structlog
from sqlmodel import Session

from monitor.app import App
from monitor.errors import MonitorError, ParseError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.http_status import safe_url, walled
from monitor.jobs import circuit, gaps
from monitor.jobs.cadence import RATE_OVER, next_pause
from monitor.jobs.lessons import learn
from monitor.jobs.poll_report import PollReport, observe
from monitor.settlements import settler
from monitor.sources.base import Page, Source
from monitor.sources.pace import addresses, is_auto, is_venue
from signals.stories import canonical_url, title_key
from storage import coverage, history, item_repo, market_repo, quotes, source_repo, standing_repo
from storage.item_repo import ItemKeys
from storage.models import SourceState
from storage.records import Batch, ItemRecord, Origin, Reject

log = structlog.get_logger()

# A poll may ask more than once, and each request has a deadline of its own.
FETCH_DEADLINES = 5
GONE = 410
DISABLED_PAUSE = timedelta(hours=1)


async def poll_source(
    app: App, source: Source, *, rng: random.Random, by_hand: bool = False
) -> PollReport:
    """Return the report of polling `source` once; failures are recorded, never raised.

    A disabled source is asked only `by_hand`, and lives again when that works.
    """
    began = perf_counter()
    state = await app.read(lambda session: source_repo.load(session, source.name))
    if not by_hand and source_repo.is_disabled(state, addresses(source)):
        return left_alone(app, source, f"disabled: {state.disabled}", DISABLED_PAUSE)
    http = _session(app, source, state)
    try:
        pages = await _fetch(app, source, http, state.cursor or {})
        parsed = [await _parse(app, source, page, http) for page in pages]
        if pages and not any(batch is not None for batch, _ in parsed):
            raise ParseError("; ".join(reject.reason for _, reject in parsed if reject))
        report = await app.write(partial(_store, app, source, http, pages, parsed, rng=rng))
    except MonitorError as error:
        report = await app.write(
            partial(_fail, app=app, source=source, error=cause(http, error), http=http, rng=rng)
        )
    observe(report, perf_counter() - began, metrics=app.metrics, clock=app.clock)
    return report


def left_alone(app: App, source: Source, why: str, pause: timedelta) -> PollReport:
    """Return the report of a source that is not asked for now."""
    return PollReport(source.name, app.clock.now() + pause, error=why, pause=pause)


def item_keys(record: ItemRecord) -> ItemKeys:
    """Return what a story is found by: the canonical URL and the normalised title."""
    url = canonical_url(record.url) if record.url else None
    return ItemKeys(url, title_key(record.title, record.publisher))


def _session(app: App, source: Source, state: SourceState) -> SourceSession:
    """Return the network for a poll; the probe of an open circuit asks the original address."""
    probes = circuit.is_open(state.failures)
    return app.http.session(
        source.name,
        validators=state.validators or {},
        spacing_s=float(getattr(source, "spacing_s", 0.0)),
        moved={} if probes else state.moved or {},
        attempts=circuit.attempts(source, state),
    )


async def _fetch(
    app: App, source: Source, http: SourceSession, cursor: Mapping[str, object]
) -> list[Page]:
    limit_s = app.http.deadline.total_seconds() * FETCH_DEADLINES
    try:
        async with asyncio.timeout(limit_s):
            return await source.fetch(http, cursor)
    except MonitorError:
        raise
    except TimeoutError as error:
        raise TransientSourceError(f"the poll was not finished within {limit_s:g} s") from error
    except Exception as error:
        log.exception("source broke", source=source.name)
        raise TransientSourceError(f"the source broke with {_said(error)}") from error


async def _parse(
    app: App, source: Source, page: Page, http: SourceSession
) -> tuple[Batch | None, Reject | None]:
    try:
        return await app.parse(source, page), None
    except Exception as error:
        # Without its validator the page is fetched again in full next time.
        http.validators.pop(page.url, None)
        if isinstance(error, ParseError):
            return None, Reject(str(error), page.url)
        log.exception("source broke", source=source.name, url=page.url)
        return None, Reject(f"the source broke with {_said(error)}", page.url)


def _store(
    app: App,
    source: Source,
    http: SourceSession,
    pages: Sequence[Page],
    parsed: Sequence[tuple[Batch | None, Reject | None]],
    session: Session,
    *,
    rng: random.Random,
) -> PollReport:
    now = app.clock.now()
    state = source_repo.load(session, source.name)
    origin = Origin.FIRST_POLL if state.first_ok_at is None else Origin.LIVE
    report, gap = PollReport(source.name, now, requests=http.requests), gaps.max_gap(source, state)
    rejects = [reject for _, reject in parsed if reject is not None]
    read = [(p, batch) for p, (batch, _) in zip(pages, parsed, strict=True) if batch is not None]
    for page, batch in read:
        rejects += _store_batch(app, session, batch, origin, page.fetched_at, gap, report)
        rejects += batch.rejects
    report.rejects = Counter(reject.reason for reject in rejects)
    coverage.extend(session, [gaps.source_subject(source)], at=now, max_gap=gap)
    prices = {key for _, batch in read for key in batch.read_outcomes}
    gaps.note_unread(session, source, prices, rejects)
    learned, hints = learn(app, source, state, http, read)
    entries = 0
    if is_auto(source) and not is_venue(source):
        entries = source_repo.entries_since(session, source.name, now - RATE_OVER)
    report.pause = next_pause(source, entries=entries, hints=hints, now=now, rng=rng)
    report.next_due = now + report.pause
    source_repo.record_success(
        session,
        source.name,
        at=now,
        next_due=report.next_due,
        validators=http.validators,
        cursor={key: value for _, batch in read for key, value in batch.cursor.items()},
        rejects=rejects,
        learned=learned,
        requests=http.requests,
    )
    return report


def _store_batch(
    app: App,
    session: Session,
    batch: Batch,
    origin: Origin,
    observed_at: datetime,
    gap: timedelta,
    report: PollReport,
) -> list[Reject]:
    """Store a batch, add it to `report` and return what could not be stored."""
    _store_markets(app, session, batch, origin, observed_at)
    priced = [row for rows in (batch.quotes, batch.candles, batch.trades) for row in rows]
    keys = {row.key for row in priced} | set(batch.read_outcomes)
    ids = market_repo.outcome_ids(session, keys)
    changed = quotes.write_polled(session, [q for q in batch.quotes if q.key in ids], ids)
    candles = [candle for candle in batch.candles if candle.key in ids]
    trades = [trade for trade in batch.trades if trade.key in ids]
    subjects = [coverage.outcome_subject(ids[key]) for key in batch.read_outcomes if key in ids]
    # Inside a span the price counts as confirmed, so reads further apart each make their own.
    price_gap = min(gap, coverage.MAX_PRICE_AGE)
    coverage.extend(session, subjects, at=observed_at, max_gap=price_gap)
    added = [_add_item(session, item, observed_at, app.clock.now(), origin) for item in batch.items]
    standings = standing_repo.add(session, batch.standings, observed_at=observed_at, origin=origin)
    report.changed_outcomes += changed
    report.rows.update(
        markets=len(batch.markets),
        quotes=len(changed),
        candles=history.write_candles(session, candles, ids, backfilled=False),
        trades=history.write_trades(session, trades, ids, backfilled=False),
        items=sum(added),
        standings=standings,
    )
    unknown = sum(row.key not in ids for row in priced)
    return [Reject("a price of a market that is not stored", report.source)] * unknown


def _store_markets(
    app: App, session: Session, batch: Batch, origin: Origin, observed_at: datetime
) -> None:
    changes = market_repo.upsert(
        session,
        batch.markets,
        observed_at=observed_at,
        origin=origin,
        owner_of=app.topics.owner_of,
        settle=settler(app.topics, batch.followed),
    )
    followers = app.topics.followers()
    entries = [
        (theme, venue_id, relation, key)
        for _, venue_id, key in batch.followed
        for theme, relation in followers.get(key, ())
    ]
    ids = {change.record.venue_id: change.market_id for change in changes}
    market_repo.follow(session, sorted(set(entries), key=_own_first), ids)


def _own_first(entry: tuple[str, str, str, str]) -> tuple[bool, tuple[str, str, str, str]]:
    return entry[2] != "own", entry


def _add_item(
    session: Session, record: ItemRecord, observed_at: datetime, now: datetime, origin: Origin
) -> bool:
    added = item_repo.add(
        session,
        record,
        item_keys(record),
        observed_at=observed_at,
        stored_at=now,
        origin=origin,
    )
    return added is not None


def _fail(
    session: Session,
    app: App,
    source: Source,
    error: MonitorError,
    http: SourceSession,
    rng: random.Random,
) -> PollReport:
    now = app.clock.now()
    failures = source_repo.load(session, source.name).failures + 1
    pause = circuit.backoff(source, failures, error, rng)
    next_due = now + pause
    source_repo.record_failure(
        session,
        source.name,
        at=now,
        next_due=next_due,
        error=str(error),
        circuit_until=next_due if circuit.holds(error, failures) else None,
        moved=None if circuit.is_open(failures - 1) else http.moved,
        requests=http.requests,
    )
    gaps.note_failure(session, source, str(error))
    # A venue's 410 speaks of one of its resources, and its prices cannot wait for a human.
    if getattr(error, "status", None) == GONE and not is_venue(source):
        log.warning("the source is gone and not polled any more", source=source.name)
        source_repo.disable(session, source.name, reason=str(error), addresses=addresses(source))
    return PollReport(source.name, next_due, error=str(error), requests=http.requests, pause=pause)


def cause(http: SourceSession, error: MonitorError) -> MonitorError:
    """Return what was really wrong: a page for people explains why nothing could be parsed."""
    if not isinstance(error, ParseError) or not http.walls:
        return error
    url, wall = next(iter(http.walls.items()))
    return walled(safe_url(url), wall)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
