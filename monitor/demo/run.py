"""The demonstration: the recorded case and the simulated market through the real pipeline.

The fake upstream serves them on loopback; the clock is turned by hand, twelve minutes to two
hours at a time; each turn polls what is due and runs the daemon's own jobs.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from monitor.alerts.channels.base import Surroundings
from monitor.app import App, open_app
from monitor.clock import ManualClock
from monitor.config import Config, parse_config
from monitor.daemon import run_round
from monitor.demo.case import demo_scenario
from monitor.demo.simulated import FIRST_QUOTE, HEADLINES, JUMPS, SLUG
from monitor.demo.simulated import LAST_QUOTE as SIMULATED_END
from monitor.demo.upstream import Upstream, demo_upstream
from monitor.fake_upstream import Scenario
from monitor.jobs.grades import grade_due
from monitor.topics import Topics
from storage import Store, open_store

END = datetime(2026, 7, 22, 2, tzinfo=UTC)
EFFECTS = tuple(headline.at for headline in HEADLINES) + tuple(jump.at for jump in JUMPS)
# Where the real case happened and prices are known: looked at every half hour, else every two.
WATCHED = (
    (FIRST_QUOTE - timedelta(minutes=30), SIMULATED_END + timedelta(hours=1)),
    (datetime(2026, 7, 16, 16, tzinfo=UTC), datetime(2026, 7, 17, 1, tzinfo=UTC)),
    (datetime(2026, 7, 19, 10, tzinfo=UTC), datetime(2026, 7, 21, 14, tzinfo=UTC)),
)
FEEDS = {
    "simulated-wire": "12m",
    "arena-news": "1h",
    "vendor-moonshot": "1h",
    "vendor-qwen": "3h",
    "wire-en": "1h",
    "wire-zh": "1h",
}
DATABASE = "demo.db"


@dataclass(frozen=True)
class Shown:
    """What a finished demonstration leaves: the store, its topics, and what the console got."""

    config: Config
    topics: Topics
    store: Store
    scenario: Scenario
    now: datetime
    told: str
    requests: int


async def run_demo(folder: Path, progress: Callable[[float], None]) -> Shown:
    """Return the finished demonstration; `progress` gets the share done, 0..1.

    The folder's database is made anew.
    """
    _clear(folder)
    scenario = demo_scenario()
    clock = ManualClock(next(turns()))
    told = io.StringIO()
    with demo_upstream(clock.now()) as upstream:
        config = demo_config(upstream.url, folder)
        around = Surroundings({}, lambda name: "", told, told)
        store = open_store(config.storage.url)
        async with open_app(config, store, clock, around=around) as app:
            requests = await _turn(app, clock, upstream, progress)
            await app.write(lambda session: grade_due(session, app.topics, now=clock.now()))
            topics = app.topics
    return Shown(
        config,
        topics,
        open_store(config.storage.url),
        scenario,
        clock.now(),
        told.getvalue(),
        requests,
    )


def demo_config(url: str, folder: Path) -> Config:
    """Return the demonstration's config against an upstream at `url`, left in `folder` too."""
    feeds = "\n".join(
        f'  - {{name: {name}, kind: rss, every: {every}, url: "{url}/feed/{name}"}}'
        for name, every in FEEDS.items()
    )
    template = resources.files("monitor.demo").joinpath("config.yaml").read_text(encoding="utf-8")
    text = template.format(
        url=url,
        host=url.removeprefix("http://"),
        database=folder.resolve() / DATABASE,
        simulated=SLUG,
        feeds=feeds,
    )
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return parse_config(text, name="config.yaml", folder=folder.resolve())


def turns() -> Iterator[datetime]:
    """Yield the instants the clock is set to: close around the effects, wide where little is."""
    now = WATCHED[0][0]
    while now <= END:
        yield now
        if any(at - timedelta(minutes=150) <= now < at + timedelta(hours=2) for at in EFFECTS):
            now += timedelta(minutes=12)
        elif any(start <= now < end for start, end in WATCHED):
            now += timedelta(minutes=30)
        else:
            now += timedelta(hours=2)


def _clear(folder: Path) -> None:
    for leftover in folder.glob(DATABASE + "*"):
        leftover.unlink(missing_ok=True)


async def _turn(
    app: App, clock: ManualClock, upstream: Upstream, progress: Callable[[float], None]
) -> int:
    """Return how many requests it took to play every turn."""
    rng = random.Random(7)  # noqa: S311  jitter of backoffs, not a secret
    due = {source.name: clock.now() for source in app.sources}
    instants, requests = list(turns()), 0
    for number, instant in enumerate(instants):
        clock.set(instant)
        upstream.set(instant)
        names = [name for name, at in due.items() if at <= instant]
        reports, _ = await run_round(app, names, rng=rng)
        due.update((report.source, report.next_due) for report in reports)
        requests += sum(report.requests for report in reports)
        progress((number + 1) / len(instants))
    return requests
