"""Speed as ratios: `python -m benchmarks` prints one table; exit 1 when a goal is missed.

Ours and the reference run by turns in one process and are measured in CPU time, so that other
work on the machine disturbs both alike; only the ratios mean something elsewhere.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import alerts, feeds, http, links, quote_cases, stories
from benchmarks.measure import table

CASES = (
    quote_cases.figures,
    http.figures,
    feeds.figures,
    stories.figures,
    links.figures,
    alerts.figures,
)


def main() -> int:
    """Run every case and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="signal-monitor-bench-") as folder:
        figures = [figure for case in CASES for figure in case(Path(folder))]
    print(table(figures))
    return 0 if all(figure.is_met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
