"""`python -m tests.torture`: kill a daemon under load many times; exit 1 when a promise broke."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.torture.loop import torture

SHOWN = 40


def main() -> int:
    """Run the loop and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calm", type=float, default=0.0, help="seconds of load before the first")
    parser.add_argument("--keep", type=Path, help="where config and database stay")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="signal-monitor-torture-") as made:
        folder = chosen.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        outcome = torture(
            folder, kills=chosen.kills, seed=chosen.seed, calm_s=chosen.calm, say=_say
        )
    _say(outcome.summary())
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
