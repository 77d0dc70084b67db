"""A day in a minute: sixty sources at virtual time, a third of them failing in every way known.

Healthy sources keep their schedule to the second, failing hosts are asked no more than their
backoff allows, and the process does not grow.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import io
import os
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
import stamina
from sqlmodel import func, select

from monitor.alerts.channels.base import Surroundings
from monitor.app import App, open_app
from monitor.clock import ManualClock
from monitor.config import parse_config
from monitor.fake_upstream.builders import series_event
from monitor.fake_upstream.faults import Fault
from monitor.fake_upstream.scenario import BoardRow, Feed, FeedItem, Price, Scenario
from monitor.fake_upstream.server import FakeUpstream
from monitor.http_session import ATTEMPTS
from monitor.jobs.poll import poll_source
from monitor.jobs.process import process
from storage import open_store
from storage.models import Item, Quote
from tests.builders import NOON

pytestmark = pytest.mark.process

DAY = timedelta(hours=24)
EVERY = timedelta(hours=1)
FEEDS = 58
GROWTH_LIMIT = 40 * 2**20
FAULTS = (
    Fault("status", status=500),
    Fault("status", status=502),
    Fault("status", status=503, retry_after="3600"),
    Fault("status", status=429, retry_after="7200"),
    Fault("status", status=401),
    Fault("status", status=403),
    Fault("status", status=404),
    Fault("status", status=410),
    Fault("hang"),
    Fault("reset"),
    Fault("truncate"),
    Fault("not_json"),
    Fault("html"),
    Fault("bot_wall"),
    Fault("slow", delay_s=0.1),
    Fault("redirect", status=302, location="http://127.0.0.1:9/nowhere"),
    Fault("redirect", status=301, location="ftp://feeds.example/feed"),
    Fault("gzip_bomb"),
    Fault("invalid_payload"),
    Fault("empty"),
)
CONFIG = """
http: {{contact: "desk@example.org", deadline: 1s, allow_private_hosts: ["{host}"]}}
entities:
  - {{id: zetacorp, kind: company, country: US, aliases: [Zetacorp]}}
themes:
  - {{name: glasses, entities: [zetacorp], markets: [{{venue: polymarket, event: zeta-race}}]}}
sources:
  - {{name: polymarket, kind: polymarket, every: 1h, gamma_url: "{url}/gamma",
     clob_url: "{url}/clob", data_url: "{url}/data"}}
  - {{name: arena, kind: arena, every: 1h, adapters: [dataset], datasets_url: "{url}/datasets"}}
{feeds}
"""


@dataclass
class Day:
    """What happened: when each source was polled, how often it failed, what hosts were asked."""

    polls: dict[str, list[datetime]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    memory: list[int] = field(default_factory=list)
    items: int = 0
    quotes: int = 0


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    clock, scenario = ManualClock(NOON), a_scenario()
    with (
        FakeUpstream(scenario, clock.now) as upstream,
        stamina.set_testing(True, attempts=ATTEMPTS, cap=True),
    ):
        for number, fault in enumerate(FAULTS):
            upstream.faults.set(f"feed:feed-{number:02}", fault)
        found = asyncio.run(_played(tmp_path_factory.mktemp("day"), upstream, clock))
    return found


def a_scenario() -> Scenario:
    """Return feeds that bring an item an hour, one series whose price moves, one board."""
    feeds = tuple(Feed(f"feed-{n:02}", f"Feed {n}", items=_items(n)) for n in range(FEEDS))
    race = series_event(
        "zeta-race", "Which company leads?", ["Zetacorp", "Omegacorp"],
        created_at=NOON - DAY, ends=NOON + 9 * DAY,
    )  # fmt: skip
    prices = {leg.token_ids[0]: _prices(place) for place, leg in enumerate(race.legs)}
    day = (NOON - DAY).date()
    row = BoardRow("text", day, NOON - DAY, "zeta-1", Decimal(1400), 1, organization="Zetacorp")
    return Scenario(
        "a day", NOON - DAY, NOON + 2 * DAY, events=(race,), prices=prices, feeds=feeds,
        boards={"text": (row,), "text_style_control": (row,)},
    )  # fmt: skip


def _items(feed: int) -> tuple[FeedItem, ...]:
    hours = [(n, NOON + timedelta(hours=n, minutes=feed)) for n in range(-1, 24)]
    return tuple(
        FeedItem(f"{feed}-{n}", f"Zetacorp launches smart glasses number {feed}-{n}", at, at)
        for n, at in hours
    )


def _prices(place: int) -> tuple[Price, ...]:
    bids = [Decimal(30 + 10 * place + hour % 3) / 100 for hour in range(25)]
    return tuple(
        Price(NOON + timedelta(hours=hour), bid, bid + Decimal("0.01"))
        for hour, bid in enumerate(bids)
    )


async def _played(folder: Path, upstream: FakeUpstream, clock: ManualClock) -> Day:
    lines = [
        f'  - {{name: feed-{n:02}, kind: rss, every: 1h, url: "{upstream.url}/feed/feed-{n:02}"}}'
        for n in range(FEEDS)
    ]
    host = upstream.url.removeprefix("http://")
    text = CONFIG.format(url=upstream.url, host=host, feeds="\n".join(lines))
    config = parse_config(text, name="day.yaml", folder=folder)
    store = open_store(f"sqlite:///{folder / 'day.db'}")
    around = Surroundings({}, str, io.StringIO(), io.StringIO())
    async with open_app(config, store, clock, around=around, sleep=_at_once) as app:
        return await _day_of(app, upstream, clock)


async def _at_once(seconds: float) -> None:
    """Pass the spacing between requests over: the clock here is not the machine's."""


async def _day_of(app: App, upstream: FakeUpstream, clock: ManualClock) -> Day:
    found, rng = Day(), random.Random(7)
    due = [(NOON, number) for number in range(len(app.sources))]
    hour = NOON + timedelta(hours=1)
    while due[0][0] < NOON + DAY:
        at, number = heapq.heappop(due)
        while hour <= at:
            clock.set(hour)
            await _each_hour(app, upstream, found, hour)
            hour += timedelta(hours=1)
        clock.set(at)
        source = app.sources[number]
        report = await poll_source(app, source, rng=rng)
        if report.requests:
            found.polls.setdefault(source.name, []).append(at)
            found.failures[source.name] += report.error is not None
        heapq.heappush(due, (at + report.pause, number))
    await _each_hour(app, upstream, found, hour)
    found.items = await app.read(lambda s: s.exec(select(func.count()).select_from(Item)).one())
    found.quotes = await app.read(lambda s: s.exec(select(func.count()).select_from(Quote)).one())
    return found


async def _each_hour(app: App, upstream: FakeUpstream, found: Day, now: datetime) -> None:
    await app.write(lambda session: process(session, app.topics, (), now=now))
    seen = list(upstream.requests)
    del upstream.requests[: len(seen)]
    found.requests.update(request.route for request in seen)
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1])  # noqa: ASYNC240 - a counter
    found.memory.append(resident * os.sysconf("SC_PAGE_SIZE"))


def _name(number: int) -> str:
    return f"feed-{number:02}"


SICK = [_name(number) for number in range(len(FAULTS))]


def test_the_day_in_figures(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    sick = [name for name in day.polls if day.failures[name]]
    polls = sum(map(len, day.polls.values()))
    megabytes = [size / 2**20 for size in day.memory]
    with capsys.disabled():
        sys.stdout.write(
            f"\na day of {len(day.polls)} sources, {len(sick)} failing: {polls} polls, "
            f"{day.requests.total()} requests, {day.items} items, {day.quotes} quotes; memory "
            f"{megabytes[2]:.0f} MB after 3 h, {megabytes[-1]:.0f} MB after 24 h\n"
        )

    assert sick == SICK


def test_every_healthy_source_is_polled_on_schedule_all_day(day: Day) -> None:
    schedule = [NOON + n * EVERY for n in range(24)]
    healthy = {name: polls for name, polls in day.polls.items() if name not in SICK}

    assert len(healthy) == 40
    assert all(polls == schedule for polls in healthy.values())
    assert not any(day.failures[name] for name in healthy)


def test_everything_the_healthy_feeds_said_is_stored_once(day: Day) -> None:
    said = {
        (number, hour)
        for number in range(len(FAULTS), FEEDS)
        for hour in range(-1, 24)
        if NOON + timedelta(hours=hour, minutes=number) <= NOON + 23 * EVERY
    }

    assert day.items == len(said)


@pytest.mark.parametrize("name", SICK)
def test_a_failing_host_is_left_alone_longer_each_time(day: Day, name: str) -> None:
    polls = day.polls[name]
    pauses = [later - earlier for earlier, later in pairwise(polls)]

    assert day.failures[name] == len(polls)
    # 1 h, doubled each time up to 6 h, a tenth of jitter: at 0, 1, 3, 7, 13 and 19 h
    assert len(polls) <= 7
    assert all(pause >= EVERY * 0.9 for pause in pauses)
    assert all(pause >= timedelta(hours=5) for pause in pauses[3:])
    assert day.requests[f"feed:{name}"] <= len(polls) * ATTEMPTS


def test_a_host_that_names_a_pause_gets_it(day: Day) -> None:
    for number, fault in enumerate(FAULTS):
        if fault.retry_after is not None:
            polls = day.polls[_name(number)]
            pauses = [later - earlier for earlier, later in pairwise(polls)]
            assert all(pause >= timedelta(seconds=int(fault.retry_after)) for pause in pauses)


def test_memory_is_flat_over_the_day(day: Day) -> None:
    assert max(day.memory[12:]) - day.memory[2] < GROWTH_LIMIT
