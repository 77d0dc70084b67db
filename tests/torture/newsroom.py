"""The load: stories and price jumps that are published all the time, and the config over them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from monitor.fake_upstream import FakeUpstream, Scenario
from monitor.fake_upstream.builders import price, scenario, series_event
from monitor.fake_upstream.scenario import Feed

SOURCES = frozenset({"venue", "wire", "post"})
SLOW = {"slow": 0.5}
CHANNELS = ("desk", "slow", "group", "gathered")
LEGS_A_RACE = 12
FEED_LENGTH = 150
TICK_S = 0.3
TICKS_A_LOOK = 8
JUMPING = 8
_SYLLABLES = (
    "bra", "dun", "fel", "gor", "hax", "jil", "kur", "lom", "nup", "pez", "qui", "rov", "sul",
    "tam", "vek", "wob", "yar", "zin",
)  # fmt: skip
CONFIG = """
storage: {{url: "sqlite:///{database}"}}
http: {{contact: "torture@example.org", allow_private_hosts: ["{upstream}", "{receiver}"]}}
web: {{listen: "127.0.0.1:0"}}
entities:
  - {{id: zetacorp, kind: company, country: US, aliases: [Zetacorp]}}
  - {{id: omegacorp, kind: company, country: US, aliases: [Omegacorp]}}
  - {{id: kappacorp, kind: company, country: US, aliases: [Kappacorp]}}
themes:
  - {{name: makers, entities: [zetacorp], markets: [{markets}]}}
  - {{name: press, entities: [omegacorp, kappacorp]}}
sources:
  - {{name: venue, kind: polymarket, every: 1s, gamma_url: "http://{upstream}/gamma",
     clob_url: "http://{upstream}/clob", data_url: "http://{upstream}/data"}}
  - {{name: wire, kind: rss, every: 1s, url: "http://{upstream}/feed/wire"}}
  - {{name: post, kind: rss, every: 1s, url: "http://{upstream}/feed/post"}}
alerts:
  storm: {{messages: 15, per: 5s}}
  channels:
{channels}
  rules:
    - {{name: news, on: signal, channels: [desk]}}
    - {{name: launches, on: signal, channels: [slow], matchers: ["entity=omegacorp"],
       severity: warning}}
    - {{name: grouped, on: signal, channels: [group], group_by: [entity], group_wait: 1s,
       group_interval: 2s}}
    - {{name: gathered, on: signal, channels: [gathered], themes: [press], digest: 3s}}
    - {{name: jump, on: move, channels: [desk, group], min_pp: 5}}
"""


@dataclass(frozen=True)
class Published:
    """One story; `rules` are those that are to tell it."""

    guid: str
    title: str
    rules: frozenset[str]


class Newsroom:
    """Publishes a story every tick on one or both feeds, and lets a leg jump now and then.

    A context manager around its thread. It waits while more stories than half a feed holds are
    unread (`read` says how many were): what falls out of a feed is lost to everybody. Price jumps
    need some further polls until they count as moves, so prices tick on after `quiet`, which ends
    the stories and starts no further jump.
    """

    def __init__(
        self,
        upstream: FakeUpstream,
        rng: random.Random,
        legs: int,
        *,
        jump_every_s: float,
        read: Callable[[], int],
    ) -> None:
        self.stories: list[Published] = []
        self.jumped: list[str] = []
        self._upstream, self._rng, self._legs, self._read = upstream, rng, legs, read
        self._words, self._ticks_a_jump = _words(rng), round(jump_every_s / TICK_S)
        self._quiet, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(10)

    def quiet(self) -> None:
        """Publish no more stories and start no more jumps."""
        self._quiet.set()

    def _work(self) -> None:
        tick, unread = 0, 0
        while not self._ended.wait(TICK_S * self._rng.uniform(0.5, 1.5)):
            items: list[dict[str, object]] = []
            if tick % TICKS_A_LOOK == 0:
                unread = len(self.stories) - self._read()
            if not self._quiet.is_set():
                items = self._story() if unread < FEED_LENGTH // 2 else []
                if tick % self._ticks_a_jump == 0 and len(self.jumped) < self._legs:
                    self.jumped.append(_leg_name(len(self.jumped)))
            self._upstream.patch({"items": items, "prices": list(self._prices(tick))})
            tick += 1

    def _story(self) -> list[dict[str, object]]:
        number = len(self.stories)
        company = "Zetacorp" if number % 10 == 0 else ("Omegacorp", "Kappacorp")[number % 2]
        words = [next(self._words) for _ in range(4)]
        title = f"{company} launches {words[0]} {words[1]} with {words[2]} {words[3]}"
        rules = {"news", "grouped"}
        if company == "Omegacorp":
            rules.add("launches")
        if company != "Zetacorp":
            rules.add("gathered")
        self.stories.append(Published(f"story-{number}", title, frozenset(rules)))
        feeds = self._rng.choice((("wire",), ("post",), ("wire", "post")))
        return [
            {
                "feed": feed,
                "guid": f"story-{number}",
                "title": title,
                "url": f"https://{feed}.example/story-{number}",
            }
            for feed in feeds
        ]

    def _prices(self, tick: int) -> Iterator[dict[str, object]]:
        """Yield the books of the legs that jumped, each a tick off where it was."""
        ticking = len(self.jumped) if self._quiet.is_set() else JUMPING
        for number, name in list(enumerate(self.jumped))[-ticking:]:
            mid = 500 + (tick + number) % 5
            yield {
                "event": f"race-{number // LEGS_A_RACE}",
                "leg": name,
                "bid": f"0.{mid - 5}",
                "ask": f"0.{mid + 5}",
            }


def write_config(folder: Path, upstream: FakeUpstream, receiver: str, legs: int) -> Path:
    """Return the config's path; its database is `torture.db` beside it."""
    path = folder / "config.yaml"
    markets = ", ".join(f"{{venue: polymarket, event: race-{n}}}" for n in range(_races(legs)))
    channels = "\n".join(
        f'    - {{name: {name}, kind: webhook, url: "http://{receiver}/{name}", deadline: 5s}}'
        for name in CHANNELS
    )
    path.write_text(
        CONFIG.format(
            database=folder / "torture.db",
            upstream=upstream.url.removeprefix("http://"),
            receiver=receiver,
            markets=markets,
            channels=channels,
        ),
        encoding="utf-8",
    )
    return path


def a_scenario(legs: int) -> Scenario:
    """Return races of LEGS_A_RACE legs at 40 % and two feeds that have nothing to say yet."""
    now = datetime.now(UTC)
    start, end = now - timedelta(hours=1), now + timedelta(days=30)
    races = [
        series_event(
            f"race-{race}",
            f"Which rider leads race {race}?",
            [_leg_name(race * LEGS_A_RACE + n) for n in range(LEGS_A_RACE)],
            created_at=start,
            ends=end,
        )
        for race in range(_races(legs))
    ]
    return scenario(
        start,
        end,
        events=races,
        prices=[(leg, price(start, "0.395", "0.405")) for race in races for leg in race.legs],
        feeds=[
            Feed(name, f"The {name}", link=f"https://{name}.example/", shows=FEED_LENGTH)
            for name in ("wire", "post")
        ],
    )


def _races(legs: int) -> int:
    return -(-legs // LEGS_A_RACE)


def _leg_name(number: int) -> str:
    return f"Rider {number}"


def _words(rng: random.Random) -> Iterator[str]:
    """Yield made-up names, none twice, so that no two stories are alike."""
    known: set[str] = set()
    while True:
        word = "".join(rng.choice(_SYLLABLES) for _ in range(4)).capitalize()
        if word not in known:
            known.add(word)
            yield word
