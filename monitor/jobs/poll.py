"""One poll of one source: fetch, parse, store the rows, and only then remember the validators."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter

import structlog
from sqlmodel import Session

from monitor.app import App
from monitor.errors import MonitorError, ParseError, PermanentSourceError, TransientSourceError
from monitor.http_session import SourceSession
from monitor.sources.base import MAX_EXCERPT, Page, Source, interval
from signals.stories import canonical_url, title_key
from storage import coverage, item_repo, market_repo, quotes, source_repo, standing_repo
from storage.item_repo import ItemKeys
from storage.records import Batch, ItemRecord, Origin, Reject

log = structlog.get_logger()

MIN_COVERAGE_GAP = timedelta(minutes=5)
MAX_BACKOFF = timedelta(hours=6)
PERMANENT_BACKOFF = timedelta(hours=1)
# A poll may ask more than once, and each request has a deadline of its own.
FETCH_DEADLINES = 5


@dataclass(slots=True)
class PollReport:
    """What one poll did. `error` None means it worked.

    `next_due` is when to come again after a restart, `pause` how long to wait until then.
    """

    source: str
    next_due: datetime
    error: str | None = None
    rows: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    changed_outcomes: list[int] = field(default_factory=list)
    requests: int = 0
    pause: timedelta = timedelta(0)

    @property
    def brought_news(self) -> bool:
        """Return whether anything is left for `process` to look at."""
        return bool(self.rows["items"] or self.rows["standings"] or self.changed_outcomes)


async def poll_source(app: App, source: Source, *, rng: random.Random) -> PollReport:
    """Return the report of polling `source` once; failures are recorded, never raised."""
    began = perf_counter()
    state = await app.read(lambda session: source_repo.load(session, source.name))
    http = app.http.session(
        source.name,
        validators=state.validators or {},
        spacing_s=float(getattr(source, "spacing_s", 0.0)),
    )
    try:
        pages = await _fetch(app, source, http, state.cursor or {})
        parsed = [await _parse(source, page, http) for page in pages]
        if pages and not any(batch is not None for batch, _ in parsed):
            raise ParseError("; ".join(reject.reason for _, reject in parsed if reject))
        report = await app.write(lambda session: _store(app, session, source, http, pages, parsed))
    except MonitorError as error:
        report = await app.write(
            partial(_fail, app=app, source=source, error=error, requests=http.requests, rng=rng)
        )
    _observe(app, report, perf_counter() - began)
    return report


def backoff(source: Source, failures: int, error: MonitorError, rng: random.Random) -> timedelta:
    """Return the pause after `failures` in a row: doubling with jitter, Retry-After honoured."""
    usual = interval(source)
    pause: timedelta = max(min(usual * 2 ** min(failures - 1, 16), MAX_BACKOFF), usual)
    pause = pause * (0.9 + 0.2 * rng.random())
    if isinstance(error, PermanentSourceError):
        pause = max(pause, PERMANENT_BACKOFF)
    if isinstance(error, TransientSourceError) and error.retry_after_s:
        pause = max(pause, timedelta(seconds=error.retry_after_s))
    return pause


def item_keys(record: ItemRecord) -> ItemKeys:
    """Return what a story is found by: the canonical URL and the normalised title."""
    url = canonical_url(record.url) if record.url else None
    return ItemKeys(url, title_key(record.title, record.publisher))


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


def _not_kept(batch: Batch) -> list[Reject]:
    """Return a refusal for each record that a poll cannot store yet, so that it is counted."""
    kinds = {"candles": batch.candles, "trades": batch.trades}
    return [
        Reject(f"{kind} are not stored from polls", repr(record)[:MAX_EXCERPT])
        for kind, records in kinds.items()
        for record in records
    ]


async def _parse(
    source: Source, page: Page, http: SourceSession
) -> tuple[Batch | None, Reject | None]:
    try:
        return await asyncio.to_thread(source.parse, page), None
    except Exception as error:
        # Without its validator the page is fetched again in full next time.
        http.validators.pop(page.url, None)
        if isinstance(error, ParseError):
            return None, Reject(str(error), page.url)
        log.exception("source broke", source=source.name, url=page.url)
        return None, Reject(f"the source broke with {_said(error)}", page.url)


def _store(
    app: App,
    session: Session,
    source: Source,
    http: SourceSession,
    pages: list[Page],
    parsed: list[tuple[Batch | None, Reject | None]],
) -> PollReport:
    now = app.clock.now()
    state = source_repo.load(session, source.name)
    origin = Origin.FIRST_POLL if state.first_ok_at is None else Origin.LIVE
    pause = interval(source)
    report = PollReport(source.name, now + pause, requests=http.requests, pause=pause)
    cursor: dict[str, object] = {}
    rejects = [reject for _, reject in parsed if reject is not None]
    for page, (batch, _) in zip(pages, parsed, strict=True):
        if batch is not None:
            rejects += _store_batch(app, session, source, batch, origin, page.fetched_at, report)
            cursor.update(batch.cursor)
            rejects.extend(batch.rejects)
            rejects.extend(_not_kept(batch))
    report.rejects = Counter(reject.reason for reject in rejects)
    coverage.extend(session, [f"source:{source.name}"], at=now, max_gap=_coverage_gap(source))
    source_repo.record_success(
        session,
        source.name,
        at=now,
        next_due=report.next_due,
        validators=http.validators,
        cursor=cursor,
        rejects=rejects,
    )
    return report


def _store_batch(
    app: App,
    session: Session,
    source: Source,
    batch: Batch,
    origin: Origin,
    observed_at: datetime,
    report: PollReport,
) -> list[Reject]:
    """Store a batch, add it to `report` and return what could not be stored."""
    _store_markets(app, session, batch, origin, observed_at)
    keys = {(q.venue, q.venue_id, q.venue_outcome_id) for q in batch.quotes}
    ids = market_repo.outcome_ids(session, keys | set(batch.read_outcomes))
    known = [q for q in batch.quotes if (q.venue, q.venue_id, q.venue_outcome_id) in ids]
    changed = quotes.write_polled(session, known, ids)
    subjects = [coverage.outcome_subject(ids[key]) for key in batch.read_outcomes if key in ids]
    coverage.extend(session, subjects, at=observed_at, max_gap=_coverage_gap(source))
    added = [_add_item(session, item, observed_at, app.clock.now(), origin) for item in batch.items]
    standings = standing_repo.add(session, batch.standings, observed_at=observed_at, origin=origin)
    report.changed_outcomes += changed
    report.rows.update(
        markets=len(batch.markets), quotes=len(changed), items=sum(added), standings=standings
    )
    unknown = len(batch.quotes) - len(known)
    return [Reject("a price of a market that is not stored", source.name)] * unknown


def _store_markets(
    app: App, session: Session, batch: Batch, origin: Origin, observed_at: datetime
) -> None:
    changes = market_repo.upsert(
        session,
        batch.markets,
        observed_at=observed_at,
        origin=origin,
        owner_of=app.topics.owner_of,
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
    requests: int,
    rng: random.Random,
) -> PollReport:
    now = app.clock.now()
    failures = source_repo.load(session, source.name).failures + 1
    pause = backoff(source, failures, error, rng)
    next_due = now + pause
    source_repo.record_failure(session, source.name, at=now, next_due=next_due, error=str(error))
    coverage.note_gap(session, _subjects(session, source), reason=str(error)[:200])
    return PollReport(source.name, next_due, error=str(error), requests=requests, pause=pause)


def _subjects(session: Session, source: Source) -> Iterable[str]:
    yield f"source:{source.name}"
    kind = getattr(source, "kind", None)
    for leg in market_repo.legs(session):
        if leg.venue == kind:
            yield coverage.outcome_subject(leg.outcome_id)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _coverage_gap(source: Source) -> timedelta:
    return max(interval(source) * 2.5, MIN_COVERAGE_GAP)


def _observe(app: App, report: PollReport, seconds: float) -> None:
    name, metrics = report.source, app.metrics
    metrics.polls.labels(name, "failed" if report.error else "ok").inc()
    metrics.poll_seconds.labels(name).observe(seconds)
    metrics.requests.labels(name).inc(report.requests)
    for kind, count in report.rows.items():
        metrics.rows.labels(name, kind).inc(count)
    metrics.rejects.labels(name).inc(report.rejects.total())
    if report.error:
        log.warning(
            "poll failed", source=name, error=report.error, next_due=report.next_due.isoformat()
        )
        return
    metrics.last_ok.labels(name).set(app.clock.now().timestamp())
    log.info(
        "polled",
        source=name,
        duration_s=round(seconds, 3),
        requests=report.requests,
        rejects=report.rejects.total(),
        **report.rows,
    )
