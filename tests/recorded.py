"""Recorded answers through their parsers: what each file gave, shown as one table."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.errors import ParseError
from monitor.sources.base import Page, Source
from storage.records import Batch

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KINDS = ("markets", "quotes", "candles", "trades", "items", "standings")


@dataclass
class Recorded:
    """What one recorded file gave."""

    name: str
    shape: str
    rows: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    note: str = ""
    batch: Batch = field(default_factory=Batch)


def parse_recording(
    source: Source, file: Path, shape: str, context: Mapping[str, object], *, root: Path
) -> Recorded:
    """Return what `source` makes of a file, named relative to `root`; a refusal is its note."""
    page = Page(shape, f"https://recorded.example/{file.name}", file.read_bytes(), NOW, context)
    recorded = Recorded(str(file.relative_to(root)), shape)
    try:
        recorded.batch = source.parse(page)
    except ParseError as error:
        recorded.note = f"refused: {error}"
        return recorded
    for kind in KINDS:
        if count := len(getattr(recorded.batch, kind)):
            recorded.rows[kind] = count
    recorded.rejects.update(reject.reason for reject in recorded.batch.rejects)
    return recorded


def not_covered(file: Path, *, root: Path, why: str) -> Recorded:
    """Return the line of a file that is not parsed, with the reason."""
    return Recorded(str(file.relative_to(root)), "-", note=f"not covered: {why}")


def show(found: Iterable[Recorded], capsys: pytest.CaptureFixture[str]) -> None:
    """Print rows and rejects of each file past pytest's capture."""
    with capsys.disabled():
        sys.stdout.write(f"\n{'recording':<86} {'shape':<15} rows; rejects; note\n")
        for each in found:
            rows = " ".join(f"{count} {noun}" for noun, count in each.rows.items()) or "0"
            rejects = " ".join(f"{n}x {reason!r}" for reason, n in each.rejects.items()) or "none"
            line = f"{each.name[-86:]:<86} {each.shape:<15} {rows}; {rejects}; {each.note[:80]}"
            sys.stdout.write(f"{line.rstrip()}\n")
