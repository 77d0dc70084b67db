"""Rows in the export's columns as records, each row on its own: a bad one costs one.

The meaning of the columns is that of `import`, whose readers are used.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar

from monitor.errors import ParseError
from monitor.sources.base import MAX_EXCERPT
from monitor.sources.instants import instant_or_none
from storage.csv_records import (
    FUTURE_SLACK,
    Record,
    basis_of,
    count,
    number,
    probability,
    records,
)
from storage.errors import ImportRowError
from storage.records import (
    Batch,
    ItemRecord,
    MarketRecord,
    OutcomeRecord,
    Precision,
    PriceBasis,
    QuoteRecord,
    Reject,
    StandingRecord,
)
from storage.texts import unguard

MAX_ROWS = 200_000
MAX_TITLE = 1_000
MAX_SUMMARY = 2_000
MAX_CONTENT = 20_000
_COLUMN = re.compile(r"column ([a-z_0-9]{1,30})")
_INDEX = {"yes": 0, "no": 1}
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class RowDefaults:
    """What holds for every row: what the source is set to, and when the file was read.

    A price since `fresh_since` counts as one that was watched.
    """

    source: str
    fetched_at: datetime
    fresh_since: datetime
    lang: str | None = None
    tier: int = 2


def read_rows(what: str, text: str, defaults: RowDefaults, *, raw: bool, where: str) -> Batch:
    """Return the records of `items`, `standings` or `quotes`, each once, and what was refused.

    Raises ParseError naming `where` when the header does not fit.
    """
    rejects: list[Reject] = []
    try:
        rows = _records(what, text, rejects, raw=raw)
    except ImportRowError as error:
        raise ParseError(f"{where}: {error}") from error
    if what == "items":
        items = _once(rows, lambda row: _item(row, defaults), lambda i: (i.source, i.guid), rejects)
        items = [_undated_if_future(item, defaults, rejects) for item in items]
        return Batch(items=tuple(items), rejects=tuple(rejects))
    if what == "standings":
        standings = _once(rows, lambda row: _standing(row, defaults), _standing_key, rejects)
        return Batch(standings=tuple(standings), rejects=tuple(rejects))
    names: dict[tuple[str, str, str], Record] = {}
    quotes = _once(rows, lambda row: _quote(row, defaults, names), _quote_key, rejects)
    quotes.sort(key=lambda quote: quote.at)
    fresh = {_outcome_of(quote): None for quote in quotes if quote.at >= defaults.fresh_since}
    return Batch(
        markets=tuple(_markets(names)),
        quotes=tuple(quotes),
        read_outcomes=tuple(fresh),
        rejects=tuple(rejects),
    )


def _records(what: str, text: str, rejects: list[Reject], *, raw: bool) -> Iterator[Record]:
    """Return the rows of a file whose header fits; those that cannot be read go to `rejects`.

    Raises ImportRowError for a wrong header. The reader of `import` gives up at the first row that
    does not fit, so only its check of the header is used.
    """
    top = io.StringIO(text, newline="").readline()
    next(records(what, io.StringIO(top, newline=""), raw=raw), None)
    header = [name.strip() for name in next(csv.reader([top]))]
    return _rows_below(header, text, rejects, raw=raw)


def _rows_below(
    header: list[str], text: str, rejects: list[Reject], *, raw: bool
) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    next(reader)
    kept = 0
    while kept < MAX_ROWS:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            rejects.append(Reject("a row that is not CSV", f"line {line}: {error}"[:MAX_EXCERPT]))
            continue
        if len(cells) == len(header):
            kept += 1
            restored = cells if raw else map(unguard, cells)
            yield Record(line, dict(zip(header, restored, strict=True)))
        elif cells:
            reason = "a row with more or fewer cells than the header"
            rejects.append(Reject(reason, f"line {line}: {cells!r}"[:MAX_EXCERPT]))
    rejects.append(Reject(f"rows beyond the first {MAX_ROWS}", f"line {reader.line_num + 1}"))


def _once(
    rows: Iterable[Record],
    read: Callable[[Record], Kept],
    key_of: Callable[[Kept], Hashable],
    rejects: list[Reject],
) -> list[Kept]:
    """Return what the rows hold, the first of those that share a key."""
    found: dict[Hashable, Kept] = {}
    for row in rows:
        try:
            record = read(row)
        except ImportRowError as error:
            rejects.append(Reject(_reason(str(error)), str(error)[:MAX_EXCERPT]))
        except ValueError as error:
            rejects.append(Reject(str(error)[:MAX_EXCERPT], f"line {row.line}"))
        else:
            if found.setdefault(key_of(record), record) is not record:
                rejects.append(Reject("repeated row", f"line {row.line}"))
    return list(found.values())


def _reason(said: str) -> str:
    """Return what is wrong with a row without its line and its text, so that equals add up."""
    column = _COLUMN.search(said)
    if column is None:
        return said[:MAX_EXCERPT]
    missing = said.endswith("may not be empty")
    return f"column {column[1]} {'may not be empty' if missing else 'cannot be read'}"


def _item(row: Record, defaults: RowDefaults) -> ItemRecord:
    published_at = row.parsed("published_at", _instant)
    precision = Precision.SECOND if published_at else Precision.UNKNOWN
    if published_at and len(row.get("published_at") or "") == len("2026-11-22"):
        precision = Precision.DAY
    return ItemRecord(
        source=row.needed("source", str),
        guid=row.needed("guid", str),
        title=row.needed("title", _one_line),
        url=row.parsed("url", _web_page) or None,
        summary=(row.get("summary") or "")[:MAX_SUMMARY] or None,
        content=(row.get("content") or "")[:MAX_CONTENT] or None,
        lang=row.get("lang") or defaults.lang,
        published_at=published_at,
        precision=precision,
        tier=defaults.tier,
    )


def _undated_if_future(
    item: ItemRecord, defaults: RowDefaults, rejects: list[Reject]
) -> ItemRecord:
    if item.published_at is None or item.published_at <= defaults.fetched_at + FUTURE_SLACK:
        return item
    reason = "published_at lies in the future; the item is kept without a date"
    rejects.append(Reject(reason, item.guid[:MAX_EXCERPT]))
    return replace(item, published_at=None, precision=Precision.UNKNOWN)


def _standing(row: Record, defaults: RowDefaults) -> StandingRecord:
    return StandingRecord(
        source=row.get("source") or defaults.source,
        board=row.needed("board", str),
        category=row.needed("category", str),
        style_control=row.needed("style_control", str),
        publish_date=row.needed("publish_date", date.fromisoformat),
        model=row.needed("model", str),
        organization=row.get("organization"),
        rank=row.needed("rank", _rank),
        score=row.needed("score", number),
        ci_low=row.parsed("ci_low", number),
        ci_high=row.parsed("ci_high", number),
        votes=row.parsed("votes", count),
    )


def _standing_key(row: StandingRecord) -> Hashable:
    return (row.source, row.board, row.category, row.style_control, row.publish_date, row.model)


def _quote(
    row: Record, defaults: RowDefaults, names: dict[tuple[str, str, str], Record]
) -> QuoteRecord:
    at = row.needed("at", _instant)
    if at > defaults.fetched_at + FUTURE_SLACK:
        raise ValueError("a price of the future")
    bid, ask, last, mid = (row.parsed(n, probability) for n in ("bid", "ask", "last", "mid"))
    basis = row.parsed("price_basis", basis_of)
    if basis is None:
        is_book = bid is not None or ask is not None
        basis = PriceBasis.BOOK if is_book else PriceBasis.VENUE_HISTORY
    value = None if basis is PriceBasis.BOOK else mid
    if bid is None and ask is None and last is None and value is None:
        raise ValueError("a row without a price")
    if bid is not None and ask is not None and bid > ask:
        raise ValueError("a crossed book: bid above ask")
    quote = QuoteRecord(
        venue=row.needed("venue", str),
        venue_id=row.needed("market_id", str),
        venue_outcome_id=row.needed("outcome_id", str),
        at=at,
        observed_at=row.parsed("observed_at", _instant) or defaults.fetched_at,
        basis=basis,
        bid=bid,
        ask=ask,
        last=last,
        value=value,
        volume_24h=row.parsed("volume_24h", number),
    )
    names.setdefault(_outcome_of(quote), row)
    return quote


def _outcome_of(quote: QuoteRecord) -> tuple[str, str, str]:
    return quote.venue, quote.venue_id, quote.venue_outcome_id


def _quote_key(quote: QuoteRecord) -> Hashable:
    return (*_outcome_of(quote), quote.at)


def _markets(names: Mapping[tuple[str, str, str], Record]) -> Iterator[MarketRecord]:
    """Yield the markets that rows name, with the outcomes they name, in the order of the file."""
    rows: dict[tuple[str, str], list[tuple[str, Record]]] = {}
    for (venue, venue_id, outcome_id), row in names.items():
        rows.setdefault((venue, venue_id), []).append((outcome_id, row))
    for (venue, venue_id), found in rows.items():
        outcomes = []
        for place, (outcome_id, row) in enumerate(found):
            name = row.get("outcome") or "Yes"
            outcomes.append(OutcomeRecord(outcome_id, name, _INDEX.get(name.lower(), place)))
        question = next((row.get("question") for _, row in found if row.get("question")), None)
        yield MarketRecord(
            venue=venue,
            venue_id=venue_id,
            question=question or venue_id,
            outcomes=tuple(outcomes),
            is_named_only=True,
        )


def _instant(text: str) -> datetime:
    at = instant_or_none(text)
    if at is None:
        raise ValueError("an instant is meant")
    return at


def _rank(text: str) -> int:
    rank = count(text)
    if rank < 1:
        raise ValueError("ranks begin at 1")
    return rank


def _one_line(text: str) -> str:
    line = " ".join(text.split())[:MAX_TITLE]
    if not line:
        raise ValueError("nothing but blanks")
    return line


def _web_page(text: str) -> str:
    """Return an address that may be shown as a link, "" for any other."""
    return text.strip() if text.strip().lower().startswith(("https://", "http://")) else ""
