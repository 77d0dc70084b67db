"""Records of a CSV file to import: cells by column, and parsers that say what they refuse."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import IO, TypeVar

from storage.errors import ImportRowError
from storage.export import columns_of
from storage.instants import format_instant, parse_instant
from storage.records import PriceBasis
from storage.texts import unguard

REQUIRED = {
    "quotes": ("at", "venue", "market_id", "outcome_id"),
    "items": ("source", "guid", "title"),
    "standings": ("publish_date", "board", "category", "style_control", "rank", "model", "score"),
}
MAX_CELL = 16 << 20
MAX_NUMBER = 10**15
FUTURE_SLACK = timedelta(minutes=15)
_BASES = {basis.word: basis for basis in PriceBasis}
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Record:
    """One record's cells by column; `line` is where it begins in the file."""

    line: int
    values: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """Return a cell, None when empty or absent."""
        return self.values.get(name) or None

    def parsed(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        """Return a cell as a value; ImportRowError says the line, the column and the text."""
        text = self.get(name)
        if text is None:
            return None
        try:
            return parse(text)
        except (ValueError, ArithmeticError, KeyError) as error:
            raise ImportRowError(
                f"line {self.line}, column {name}: {text[:60]!r} cannot be read ({error})"
            ) from error

    def needed(self, name: str, parse: Callable[[str], Value]) -> Value:
        """Return a cell that may not be empty."""
        value = self.parsed(name, parse)
        if value is None:
            raise ImportRowError(f"line {self.line}: column {name} may not be empty")
        return value


def records(what: str, stream: IO[str], *, raw: bool) -> Iterator[Record]:
    """Yield the records of a file; `raw` leaves cells as they are, else guards are taken off.

    Raises ImportRowError for a header or a record that does not fit.
    """
    if what not in REQUIRED:
        raise ImportRowError(f"{what!r} cannot be imported; choose one of {', '.join(REQUIRED)}")
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(stream, strict=True)
    line = 1  # where a record begins; cells may hold ends of line
    try:
        header = _header(what, next(reader, []))
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) not in (0, len(header)):  # 0 is an empty line, such as the last one
                raise ImportRowError(
                    f"line {line}: {len(cells)} cells where the header has {len(header)}"
                )
            if cells:
                restored = cells if raw else map(unguard, cells)
                yield Record(line, dict(zip(header, restored, strict=True)))
            line = reader.line_num + 1
    except (csv.Error, UnicodeDecodeError) as error:
        raise ImportRowError(f"line {line}: not CSV in UTF-8 ({error})") from error


def number(text: str) -> Decimal:
    """Return a finite number of sane size; raises ValueError."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        raise ValueError("not a number") from None
    if not value.is_finite():
        raise ValueError("not a finite number; leave the cell empty for none")
    if abs(value) > MAX_NUMBER:
        raise ValueError(f"a number lies within {MAX_NUMBER:.0e} of zero")
    return value


def count(text: str) -> int:
    """Return a whole number from 0 up; raises ValueError."""
    value = int(text)
    if not 0 <= value <= MAX_NUMBER:
        raise ValueError(f"a count lies in 0..{MAX_NUMBER:.0e}")
    return value


def past_by(now: datetime) -> Callable[[str], datetime]:
    """Return a parser of instants up to `now`, but for clocks that are a little fast."""

    def past(text: str) -> datetime:
        instant = parse_instant(text)
        if instant > now + FUTURE_SLACK:
            raise ValueError(f"lies in the future; it is {format_instant(now)}")
        return instant

    return past


def basis_of(word: str) -> PriceBasis:
    """Return the basis a word of the CSV names; raises ValueError."""
    if word not in _BASES:
        raise ValueError(f"one of {', '.join(_BASES)} is meant")
    return _BASES[word]


def probability(text: str) -> Decimal:
    """Return a number in 0..1; raises ValueError."""
    value = number(text)
    if not 0 <= value <= 1:
        raise ValueError("a probability lies in 0..1")
    return value


def _header(what: str, cells: list[str]) -> list[str]:
    header = [name.removeprefix("\ufeff").strip() for name in cells]
    faults = {
        "lacks": [name for name in REQUIRED[what] if name not in header],
        "has unknown columns": [name for name in header if name not in columns_of(what)],
        "repeats": sorted({name for name in header if header.count(name) > 1}),
    }
    parts = [f"{fault} {', '.join(names)}" for fault, names in faults.items() if names]
    if parts:
        raise ImportRowError(f"line 1: the header {' and '.join(parts)}")
    return header
