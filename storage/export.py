r"""Writing tables to files: streamed, whole or not at all, with a manifest beside each.

CSV is RFC 4180 with `\n`. Cells from outside that a spreadsheet would run are guarded; `raw`
leaves every byte as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any

from sqlmodel import Session, select

from storage import coverage, panel, texts
from storage.errors import StorageError
from storage.instants import format_instant, to_ms
from storage.models import Market
from storage.quotes import raw_connection
from storage.records import PriceBasis
from storage.tables import (
    EXPORTS,
    PANEL_COLUMNS,
    QUOTE_COLUMNS,
    TABLES,
    Selection,
    selected_outcomes,
)

SCHEMA_VERSION = 1
CHUNK_ROWS = 5_000
_QUOTES = (
    "SELECT at, bid, ask, last, value, basis, observed_lag, volume_24h FROM quote "
    "WHERE outcome_id = ? AND at >= ? AND at < ? ORDER BY at"
)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: rows without the header, the bytes' hash, and when it was watched."""

    rows: int
    sha256: str
    coverage: Mapping[str, object] | None = None


def columns_of(what: str) -> tuple[str, ...]:
    """Return the fixed columns of an export. Raises StorageError for an unknown one."""
    if what == "quotes":
        return QUOTE_COLUMNS
    if what == "panel":
        return PANEL_COLUMNS
    if what in TABLES:
        return TABLES[what].columns
    raise StorageError(f"{what!r} cannot be exported; choose one of {', '.join(EXPORTS)}")


def market_names(session: Session) -> frozenset[str]:
    """Return every word that a selection's `market` can mean: ids, slugs and series."""
    rows = session.exec(select(Market.venue_id, Market.slug, Market.series))
    return frozenset(name for row in rows for name in row if name)


def text_rows(
    session: Session, what: str, selection: Selection, *, freq: timedelta, raw: bool
) -> Iterator[Sequence[str]]:
    """Yield the cells of each row as they stand in the CSV."""
    if what == "quotes":
        for head, tail, outcome_id in _quote_frames(session, selection, raw=raw):
            for at, *numbers in _quote_texts(session, outcome_id, selection):
                yield (at, *head, *numbers, *tail)
        return
    rows = (
        panel.rows(session, selection, freq=freq)
        if what == "panel"
        else TABLES[what].rows(session, selection)
    )
    for row in rows:
        yield [_cell(value, raw=raw) for value in row]


def write_csv(
    session: Session,
    what: str,
    selection: Selection,
    stream: IO[bytes],
    *,
    freq: timedelta = timedelta(minutes=5),
    raw: bool = False,
    progress: Callable[[int], None] = lambda rows: None,
) -> Exported:
    """Write header and rows to a binary stream in constant memory; `progress` gets row counts."""
    digest = hashlib.sha256()
    written = 0
    _emit(stream, digest, texts.csv_line(columns_of(what)))
    lines = (
        _quote_lines(session, selection, raw=raw)
        if what == "quotes"
        else map(texts.csv_line, text_rows(session, what, selection, freq=freq, raw=raw))
    )
    while chunk := list(islice(lines, CHUNK_ROWS)):
        written += len(chunk)
        _emit(stream, digest, "".join(chunk))
        progress(written)
    return Exported(written, digest.hexdigest(), _watched(session, selection))


def write_json(
    session: Session, what: str, selection: Selection, stream: IO[bytes], *, freq: timedelta
) -> Exported:
    """Write one JSON object a line, keys as the CSV's columns, null for missing."""
    digest = hashlib.sha256()
    names, written = columns_of(what), 0
    for cells in text_rows(session, what, selection, freq=freq, raw=True):
        line = json.dumps(dict(zip(names, (c or None for c in cells), strict=True)))
        _emit(stream, digest, line + "\n")
        written += 1
    return Exported(written, digest.hexdigest(), _watched(session, selection))


def write_file(path: Path, write: Callable[[IO[bytes]], Exported]) -> Exported:
    """Write a whole file through a temporary one beside it; a failure leaves nothing behind."""
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as temporary:
            try:
                exported = write(temporary)
                temporary.flush()
                os.fsync(temporary.fileno())
                Path(temporary.name).replace(path)
            except BaseException:
                Path(temporary.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from error
    return exported


def write_manifest(path: Path, what: str, selection: Selection, exported: Exported) -> None:
    """Write FILE.manifest.json: schema version, rows, hash, query and coverage."""
    query = {
        name: format_instant(value) if hasattr(value, "astimezone") else value
        for name, value in asdict(selection).items()
        if value is not None
    }
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "what": what,
        "rows": exported.rows,
        "sha256": exported.sha256,
        "query": query,
        "coverage": exported.coverage,
    }
    target = path.with_name(path.name + ".manifest.json")
    data = (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()

    def write(stream: IO[bytes]) -> Exported:
        stream.write(data)
        return exported

    write_file(target, write)


def _quote_frames(
    session: Session, selection: Selection, *, raw: bool
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], int]]:
    """Yield the cells before and after an outcome's numbers, and its id."""
    for market, outcome in selected_outcomes(session, selection):
        assert outcome.id is not None
        ids = (market.venue, market.venue_id, outcome.venue_outcome_id, outcome.name)
        head = tuple(_cell(text, raw=raw) for text in ids)
        yield head, (_cell(market.question, raw=raw),), outcome.id


def _quote_lines(session: Session, selection: Selection, *, raw: bool) -> Iterator[str]:
    for head, tail, outcome_id in _quote_frames(session, selection, raw=raw):
        before, after = texts.csv_line(head).rstrip("\n"), texts.csv_line(tail)
        for at, bid, ask, last, mid, spread, volume, seen, basis in _quote_texts(
            session, outcome_id, selection
        ):
            yield f"{at},{before},{bid},{ask},{last},{mid},{spread},{volume},{seen},{basis},{after}"


def _quote_texts(
    session: Session, outcome_id: int, selection: Selection
) -> Iterator[tuple[str, str, str, str, str, str, str, str, str]]:
    """Yield the cells that differ from row to row: `at`, then `bid` to `price_basis`."""
    micro, decimal, ms_text = texts.micro_text, texts.decimal_text, texts.ms_text
    words = {int(basis): basis.word for basis in PriceBasis}
    low = to_ms(selection.since) if selection.since else -(1 << 62)
    high = to_ms(selection.until) if selection.until else 1 << 62
    for at, bid, ask, last, value, basis, lag, volume in raw_connection(session).execute(
        _QUOTES, (outcome_id, low, high)
    ):
        mid, spread = micro(value), ""
        if basis == 0 and bid is not None and ask is not None:
            mid, spread = micro((bid + ask) * 5, 7), micro(ask - bid)
        seen = at_text = ms_text(at)
        if lag:
            seen = ms_text(at + lag)
        yield (
            *(at_text, micro(bid), micro(ask), micro(last), mid, spread, decimal(volume, 2)),
            *(seen, words[basis]),
        )


def _cell(value: Any, *, raw: bool) -> str:
    text = texts.cell_text(value)
    return text if raw or not isinstance(value, str) else texts.guard(text)


def _watched(session: Session, selection: Selection) -> dict[str, object] | None:
    """Return from, to and number of the spans in which the selection's outcomes were watched."""
    ids = [outcome.id for _, outcome in selected_outcomes(session, selection) if outcome.id]
    spans = coverage.overlapping(session, ids, since=selection.since, until=selection.until)
    if not spans:
        return None
    return {
        "from": format_instant(min(span.from_at for span in spans)),
        "to": format_instant(max(span.to_at for span in spans)),
        "spans": len(spans),
    }


def _emit(stream: IO[bytes], digest: Any, text: str) -> None:
    data = text.encode()
    stream.write(data)
    digest.update(data)
