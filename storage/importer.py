"""Reading files in the export's columns back in: all of a file or nothing, and twice is once.

Markets that a file of quotes names are made when unknown. Imported rows never alert.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import IO

from sqlmodel import Session

from storage import coverage, item_repo, market_repo, quotes, standing_repo
from storage.columns import to_micro
from storage.csv_records import (
    REQUIRED,
    Record,
    basis_of,
    count,
    number,
    past_by,
    probability,
    records,
)
from storage.errors import ImportRowError
from storage.instants import to_ms
from storage.item_repo import ItemKeys
from storage.market_repo import OutcomeKey
from storage.records import (
    ItemRecord,
    MarketRecord,
    MarketStatus,
    Origin,
    OutcomeRecord,
    Precision,
    PriceBasis,
    StandingRecord,
)

IMPORTS = tuple(REQUIRED)
BATCH_ROWS = 5_000
MAX_GAP = timedelta(hours=1)
_INDEX = {"yes": 0, "no": 1}
_KEPT = "SELECT bid, ask, last, value FROM quote WHERE outcome_id = ? AND at = ?"


@dataclass(frozen=True, slots=True)
class Imported:
    """Rows read from the file and rows that were new.

    `differing` of the rest give a price of their outcome and instant that is another than the one
    kept. `markets`: the (venue, id) of those that the file gave prices of.
    """

    read: int
    added: int
    differing: int = 0
    markets: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Tagging:
    """What the caller's tagger knows and an import needs: owners of legs, keys of items."""

    owner_of: Callable[[str], str | None]
    item_keys: Callable[[ItemRecord], ItemKeys]


def read_csv(
    session: Session,
    what: str,
    stream: IO[str],
    tagging: Tagging,
    *,
    now: datetime,
    raw: bool = False,
) -> Imported:
    """Return what importing `stream` (opened with newline="") changed.

    The caller's transaction keeps it whole. `raw` reads a file that `export --raw` wrote, whose
    cells carry no guards. Raises ImportRowError naming line and column; nothing is kept then.
    """
    rows = records(what, stream, raw=raw)
    if what == "quotes":
        return _import_quotes(session, rows, tagging, now=now)
    if what == "items":
        return _import_items(session, rows, tagging, now=now)
    return _import_standings(session, rows, now=now)


def _import_quotes(
    session: Session, rows: Iterable[Record], tagging: Tagging, *, now: datetime
) -> Imported:
    ids: dict[OutcomeKey, int] = {}
    instants: dict[int, list[int]] = {}
    batch: list[quotes.Row] = []
    done: list[tuple[int, int]] = []
    read, past = 0, past_by(now)
    for row in rows:
        key = (
            row.needed("venue", str),
            row.needed("market_id", str),
            row.needed("outcome_id", str),
        )
        if key not in ids:
            ids[key] = _outcome_id(session, key, row, tagging, now=now)
        batch.append(_quote(row, ids[key], past))
        instants.setdefault(ids[key], []).append(batch[-1][1])
        read += 1
        if len(batch) >= BATCH_ROWS:
            done.append(_insert(session, batch))
            batch = []
    done.append(_insert(session, batch))
    for outcome_id, found in instants.items():
        subject = coverage.outcome_subject(outcome_id)
        coverage.add_points(
            session, subject, sorted(found), max_gap=MAX_GAP, of="the imported file"
        )
    added, differing = map(sum, zip(*done, strict=True))
    return Imported(read, added, differing, frozenset(key[:2] for key in ids))


def _insert(session: Session, batch: Sequence[quotes.Row]) -> tuple[int, int]:
    """Return how many rows are new and how many differ from the one kept for their instant."""
    new = quotes.insert_rows(session, batch)
    if new == len(batch):
        return new, 0
    ask = quotes.raw_connection(session).execute
    return new, sum(_differs(row, ask(_KEPT, row[:2]).fetchone()) for row in batch)


def _differs(row: quotes.Row, kept: Sequence[int | None]) -> bool:
    return any(given not in (None, old) for given, old in zip(row[2:6], kept, strict=True))


def _quote(row: Record, outcome_id: int, past: Callable[[str], datetime]) -> quotes.Row:
    at = to_ms(row.needed("at", past))
    prices = {n: to_micro(row.parsed(n, probability)) for n in ("bid", "ask", "last", "mid")}
    basis = row.parsed("price_basis", basis_of)
    if basis is None:
        has_book = prices["bid"] is not None or prices["ask"] is not None
        basis = PriceBasis.BOOK if has_book else PriceBasis.VENUE_HISTORY
    value = None if basis is PriceBasis.BOOK else prices["mid"]
    _check_prices(row, (prices["bid"], prices["ask"], prices["last"], value))
    observed_at = row.parsed("observed_at", past)
    volume = row.parsed("volume_24h", number)
    return (
        *(outcome_id, at, prices["bid"], prices["ask"], prices["last"], value, int(basis)),
        to_ms(observed_at) - at if observed_at else 0,
        None,
        None if volume is None else round(volume * 100),
    )


def _check_prices(row: Record, prices: tuple[int | None, ...]) -> None:
    """Raise ImportRowError for what no venue's reader keeps either: no price, a crossed book."""
    bid, ask, *_ = prices
    if all(price is None for price in prices):
        asked = "bid, ask or last" if row.get("mid") else "bid, ask, last or mid"
        raise ImportRowError(f"line {row.line}: no price; the row needs {asked}, or leave it out")
    if bid is not None and ask is not None and bid > ask:
        crossed = f"bid {row.get('bid')} above ask {row.get('ask')}"
        raise ImportRowError(f"line {row.line}: crossed book: {crossed}; correct or leave it out")


def _outcome_id(
    session: Session, key: OutcomeKey, row: Record, tagging: Tagging, *, now: datetime
) -> int:
    known = market_repo.outcome_ids(session, [key])
    if key in known:
        return known[key]
    venue, venue_id, venue_outcome_id = key
    name = row.get("outcome") or "Yes"
    siblings = market_repo.outcome_count(session, venue, venue_id)
    market = market_repo.known(session, venue, venue_id)
    record = MarketRecord(
        venue=venue,
        venue_id=venue_id,
        question=market.question if market else row.get("question") or venue_id,
        status=MarketStatus(market.status) if market else MarketStatus.OPEN,
        outcomes=(OutcomeRecord(venue_outcome_id, name, _INDEX.get(name.lower(), siblings)),),
    )
    market_repo.upsert(
        session, [record], observed_at=now, origin=Origin.IMPORT, owner_of=tagging.owner_of
    )
    return market_repo.outcome_ids(session, [key])[key]


def _import_items(
    session: Session, rows: Iterable[Record], tagging: Tagging, *, now: datetime
) -> Imported:
    read = added = 0
    past = past_by(now)
    for row in rows:
        published = row.parsed("published_at", past)
        precision = Precision.SECOND if published else Precision.UNKNOWN
        if published and len(row.get("published_at") or "") == len("2026-11-22"):
            precision = Precision.DAY
        record = ItemRecord(
            source=row.needed("source", str),
            guid=row.needed("guid", str),
            title=row.needed("title", str),
            url=row.get("url"),
            summary=row.get("summary"),
            content=row.get("content"),
            lang=row.get("lang"),
            published_at=published,
            precision=precision,
        )
        item = item_repo.add(
            session,
            record,
            tagging.item_keys(record),
            observed_at=row.parsed("observed_at", past) or now,
            stored_at=now,
            origin=Origin.IMPORT,
        )
        read += 1
        added += item is not None
    return Imported(read, added)


def _import_standings(session: Session, rows: Iterable[Record], *, now: datetime) -> Imported:
    groups: dict[datetime, list[StandingRecord]] = {}
    read, past = 0, past_by(now)
    for row in rows:
        record = StandingRecord(
            source=row.get("source") or "import",
            board=row.needed("board", str),
            category=row.needed("category", str),
            style_control=row.needed("style_control", str),
            publish_date=row.needed("publish_date", date.fromisoformat),
            model=row.needed("model", str),
            organization=row.get("organization"),
            rank=row.needed("rank", count),
            score=row.needed("score", number),
            ci_low=row.parsed("ci_low", number),
            ci_high=row.parsed("ci_high", number),
            votes=row.parsed("votes", count),
        )
        groups.setdefault(row.parsed("observed_at", past) or now, []).append(record)
        read += 1
    added = sum(
        standing_repo.add(session, group, observed_at=at, origin=Origin.IMPORT)
        for at, group in sorted(groups.items(), key=lambda pair: pair[0])
    )
    return Imported(read, added)
