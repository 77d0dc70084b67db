"""`python -m tests.torture`: kill a daemon under load many times; exit 1 when a promise broke."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.torture.loop import Outcome, torture

SHOWN = 40
# Then another database: weeks of news in minutes would make each start slower than the kills are.
A_NEWSROOM = 50


def main() -> int:
    """Run the loop and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where configs, databases and logs stay")
    chosen = parser.parse_args()
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="signal-monitor-torture-") as made:
        for number, left in enumerate(range(chosen.kills, 0, -A_NEWSROOM)):
            folder = (chosen.keep or Path(made)) / str(number)
            folder.mkdir(parents=True)
            played = torture(folder, kills=min(left, A_NEWSROOM), seed=chosen.seed + number)
            _say(played.summary())
            outcome += played
    _say(f"in all: {outcome.summary()}")
    for finding in outcome.findings[:SHOWN]:
        _say(f"BROKEN: {finding}")
    if len(outcome.findings) > SHOWN:
        _say(f"BROKEN: and {len(outcome.findings) - SHOWN} more")
    return 1 if outcome.findings else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
