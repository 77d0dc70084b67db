"""Paired measurements: ours and a reference by turns in one process, CPU time, medians."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `ratio` is what `goal` speaks of."""

    name: str
    ours: str
    reference: str
    ratio: str
    goal: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Median CPU seconds of both sides, and the median over pairs of reference / ours."""

    ours: float
    reference: float
    ratio: float


def paired(ours: Callable[[], object], reference: Callable[[], object], *, rounds: int) -> Pair:
    """Return what `rounds` turns of both took; who goes first changes from turn to turn."""
    times: list[tuple[float, float]] = []
    for turn in range(rounds):
        if turn % 2:
            theirs, mine = cpu_seconds(reference), cpu_seconds(ours)
        else:
            mine, theirs = cpu_seconds(ours), cpu_seconds(reference)
        times.append((mine, theirs))
    return Pair(
        median(mine for mine, _ in times),
        median(theirs for _, theirs in times),
        median(theirs / mine for mine, theirs in times),
    )


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of this process while `work` ran, kernel time included."""
    gc.collect()
    before = time.process_time()
    work()
    return time.process_time() - before


def speed(name: str, pair: Pair, rows: int, *, at_least: float) -> Figure:
    """Return the line of a case that must be at least `at_least` times as fast."""
    return Figure(
        name,
        f"{pair.ours / rows * 1e6:.2f} us/row",
        f"{pair.reference / rows * 1e6:.2f} us/row",
        f"{pair.ratio:.2f}x",
        f">= {at_least:g}x",
        pair.ratio >= at_least,
    )


def table(figures: Sequence[Figure]) -> str:
    """Return figures as lines of text, columns aligned."""
    head = ("name", "ours", "reference", "ratio", "goal", "")
    rows = [
        (f.name, f.ours, f.reference, f.ratio, f.goal, "ok" if f.is_met else "MISSED")
        for f in figures
    ]
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )
