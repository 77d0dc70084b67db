"""`python -m monitor.fake_upstream SCENARIO_DIR`: the fake upstream by hand; prints its URL."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.clock import SystemClock
from monitor.errors import ConfigError
from monitor.fake_upstream.loading import load_scenario
from monitor.fake_upstream.scenario import Scenario
from monitor.fake_upstream.server import FakeUpstream


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. Return 0, or 2 when the scenario cannot be read."""
    options = _options(arguments)
    try:
        scenario = load_scenario(Path(options.scenario))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with FakeUpstream(scenario, _virtual_time(options, scenario), port=options.port) as upstream:
        sys.stdout.write(f"{upstream.url}\n")
        sys.stdout.flush()
        stop.wait()
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m monitor.fake_upstream", description=__doc__)
    parser.add_argument("scenario", metavar="SCENARIO_DIR", help="a folder with scenario.yaml")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    time = parser.add_mutually_exclusive_group()
    time.add_argument("--now", help="stand still at this instant, or 'wall': follow this machine")
    time.add_argument("--speed", type=float, help="run from the scenario's start, X times as fast")
    return parser.parse_args(arguments)


def _virtual_time(options: argparse.Namespace, scenario: Scenario) -> Callable[[], datetime]:
    clock = SystemClock()
    if options.now == "wall":
        return clock.now
    if options.speed is not None:
        speed, began = float(options.speed), clock.monotonic()
        return lambda: scenario.start + timedelta(seconds=(clock.monotonic() - began) * speed)
    instant = scenario.start if options.now is None else _instant(options.now)
    return lambda: instant


def _instant(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
