"""Speed as ratios: `python -m benchmarks` prints one table; exit 1 when a goal is missed.

Ours and the reference run by turns in one process and are measured in CPU time, so that other
work on the machine disturbs both alike; only the ratios mean something elsewhere.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import feeds, http, quote_cases, stories
from benchmarks.measure import Figure

CASES = (quote_cases.figures, http.figures, feeds.figures, stories.figures)


def main() -> int:
    """Run every case and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="signal-monitor-bench-") as folder:
        figures = [figure for case in CASES for figure in case(Path(folder))]
    print(_table(figures))
    return 0 if all(figure.is_met for figure in figures) else 1


def _table(figures: list[Figure]) -> str:
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


if __name__ == "__main__":
    sys.exit(main())
