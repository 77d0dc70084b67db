"""The daemon as a process between a fake upstream and a webhook receiver, killed in the middle.

One run is played once; each test reads one promise off its record. The course: a backlog is
polled, a story is told, both prices jump, a second story is held by the receiver while a third
waits behind it, the process is killed, a second one takes over and is stopped by SIGTERM.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import math
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from monitor.fake_upstream import FakeUpstream, Scenario
from monitor.fake_upstream.builders import item, price, scenario, series_event
from monitor.fake_upstream.scenario import Feed
from storage import export, open_readonly
from storage.tables import Selection
from tests.processes import (
    PATIENCE_S,
    SECRET,
    Call,
    Daemon,
    Receiver,
    daemon,
    get,
    output,
    refused,
    until,
)

pytestmark = pytest.mark.process

SERIES = "maker-race"
SOURCES = ("venue", "wire", "post")
BACKLOG = "Omegacorp raises funding before anybody watched"
STORY = "Zetacorp launches Zeta glasses for everyone"
HELD = "Omegacorp delays Omega glasses once more"
WAITING = "Zetacorp delays its second pair of glasses"
FREQ = timedelta(seconds=5)
CONFIG = """
storage: {{url: "sqlite:///data/end.db"}}
http: {{contact: "end-to-end@example.org", allow_private_hosts: ["{upstream}", "{receiver}"]}}
web: {{listen: "127.0.0.1:0"}}
entities:
  - {{id: zetacorp, kind: company, country: US, aliases: [Zetacorp]}}
  - {{id: omegacorp, kind: company, country: US, aliases: [Omegacorp]}}
themes:
  - name: makers
    entities: [zetacorp, omegacorp]
    markets: [{{venue: polymarket, event: maker-race}}]
sources:
  - name: venue
    kind: polymarket
    every: 1s
    gamma_url: "http://{upstream}/gamma"
    clob_url: "http://{upstream}/clob"
    data_url: "http://{upstream}/data"
  - {{name: wire, kind: rss, every: 1s, url: "http://{upstream}/feed/wire"}}
  - {{name: post, kind: rss, every: 1s, url: "http://{upstream}/feed/post"}}
alerts:
  channels:
    - {{name: desk, kind: webhook, url: "http://{receiver}/hook", secret_env: DESK_SECRET}}
  rules:
    - {{name: news, on: signal, channels: [desk]}}
    - {{name: jump, on: move, min_pp: 5, channels: [desk]}}
"""


@dataclass
class Played:
    """The record of the run."""

    calls: list[Call] = field(default_factory=list)
    before_news: list[Call] = field(default_factory=list)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    first_pid: int = 0
    status: dict[str, Any] = field(default_factory=dict)
    quotes: str = ""
    second_run: tuple[int, str] = (0, "")
    stopped: tuple[int, float] = (0, 0.0)
    signals: list[dict[str, str]] = field(default_factory=list)
    moves: list[dict[str, str]] = field(default_factory=list)
    panel: list[dict[str, str]] = field(default_factory=list)
    alerts: list[dict[str, str]] = field(default_factory=list)

    def told(self, title: str) -> list[Call]:
        return [call for call in self.calls if call.rule == "news" and title in call.text]

    def jumps(self) -> list[Call]:
        return [call for call in self.calls if call.rule == "jump"]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("end")
    record = Played()
    with Receiver() as receiver, FakeUpstream(a_scenario(), lambda: datetime.now(UTC)) as upstream:
        config = folder / "config.yaml"
        config.write_text(
            CONFIG.format(upstream=upstream.url.removeprefix("http://"), receiver=receiver.place),
            encoding="utf-8",
        )
        with daemon(config) as first:
            first_half(record, first, config, upstream, receiver)
            first.send(signal.SIGKILL)
            first.end()
        receiver.holding = False
        receiver.release.set()
        with daemon(config) as second:
            until(lambda: len(receiver.calls) >= 5, "the held and the waiting one came", second)
            until(lambda: least(second, "polled") >= 2, "every source was polled twice", second)
            second.send(signal.SIGTERM)
            record.stopped = second.end()
        record.calls = list(receiver.calls)
    step = f"{int(FREQ.total_seconds())}s"
    record.panel = rows_of(output(config, "export", "panel", "--out", "-", "--freq", step))
    for name in ("signals", "moves", "alerts"):
        setattr(record, name, stored(folder / "data" / "end.db", name))
    return record


def first_half(
    record: Played, first: Daemon, config: Path, upstream: FakeUpstream, receiver: Receiver
) -> None:
    """Play up to the instant of the kill."""
    record.first_pid, url = first.pid, first.url
    until(lambda: least(first, "polled") >= 2, "every source was polled twice", first)
    record.before_news = list(receiver.calls)
    record.answers = {path: get(url + path) for path in ("/healthz", "/readyz", "/metrics")}
    with ThreadPoolExecutor() as beside:
        status = beside.submit(output, config, "status", "--json")
        quotes = beside.submit(output, config, "export", "quotes", "--out", "-")
        record.second_run = refused(config)
    record.status, record.quotes = json.loads(status.result()), quotes.result()

    tell(upstream, "story", STORY, "wire", "post")
    until(lambda: len(receiver.calls) == 1, "the story was told", first)
    with ticking(upstream):
        until(lambda: len(receiver.calls) == 2, "the jump was told", first)

        receiver.holding = True
        tell(upstream, "held", HELD, "wire")
        until(lambda: len(receiver.calls) == 3, "the receiver holds one", first)
        tell(upstream, "waiting", WAITING, "wire")
        until(lambda: decided(first) == 4, "another one waits behind it", first)


def test_the_backlog_of_the_first_poll_is_never_told(played: Played) -> None:
    assert played.before_news == []
    assert played.told(BACKLOG) == []
    assert {row["title"] for row in played.signals} >= {BACKLOG}


def test_a_story_that_two_feeds_carry_is_told_once(played: Played) -> None:
    assert len(played.told(STORY)) == 1
    (row,) = [row for row in played.signals if row["title"] == STORY]
    assert row["publishers"] == "2"


def test_a_jump_of_both_legs_is_one_follow_up_under_the_storys_group_key(played: Played) -> None:
    (jump,) = played.jumps()
    (story,) = played.told(STORY)
    assert jump.message["groupKey"] == story.message["groupKey"]
    assert len(jump.message["alerts"]) == 2
    assert STORY in jump.text


def test_each_alert_says_why_it_was_told(played: Played) -> None:
    reasons = {row["rule"]: row["reason"] for row in played.alerts}

    assert "theme makers" in reasons["news"]
    assert "the move persisted" in reasons["jump"]
    assert all("theme makers" in call.text for call in played.told(STORY))
    assert all("the move persisted" in call.text for call in played.jumps())


def test_every_call_is_signed_with_the_secret(played: Played) -> None:
    for call in played.calls:
        digest = hmac.new(SECRET.encode(), call.body, hashlib.sha256).hexdigest()
        assert call.headers["x-signal-monitor-signature"] == f"sha256={digest}"


def test_a_kill_loses_no_alert(played: Played) -> None:
    answered = Counter(call.key for call in played.calls if call.answered)

    assert len(played.told(HELD)) == 2
    assert len(played.told(WAITING)) == 1
    assert set(answered) == {call.key for call in played.calls}
    assert {row["state"] for row in played.alerts} == {"sent"}


def test_a_kill_repeats_nothing_that_was_confirmed(played: Played) -> None:
    answered = Counter(call.key for call in played.calls if call.answered)

    assert set(answered.values()) == {1}


def test_only_the_attempt_in_flight_at_the_kill_is_repeated_and_says_so(played: Played) -> None:
    held, repeated = played.told(HELD)

    assert (held.answered, held.may_repeat) == (False, False)
    assert (repeated.answered, repeated.may_repeat) == (True, True)
    assert repeated.key == held.key
    assert [call.may_repeat for call in played.calls if call.key != held.key] == [False] * 3


def test_health_readiness_and_metrics_answer(played: Played) -> None:
    (health, body), (ready, fresh), (counted, text) = (
        played.answers[path] for path in ("/healthz", "/readyz", "/metrics")
    )

    assert (health, body["status"], body["late"]) == (200, "ok", [])
    assert (ready, fresh["fresh"], fresh["sick"]) == (200, ["post", "venue", "wire"], {})
    assert counted == 200
    assert 'signal_monitor_polls_total{outcome="ok",source="venue"}' in text


def test_status_works_beside_the_daemon(played: Played) -> None:
    assert played.status["daemon"]["running"] is True
    assert played.status["daemon"]["pid"] == played.first_pid
    assert [source["last_error"] for source in played.status["sources"]] == [None] * 3
    assert played.status["problems"] == []


def test_export_works_beside_the_daemon(played: Played) -> None:
    assert {row["mid"] for row in rows_of(played.quotes)} == {"0.4", "0.3"}


def test_a_second_daemon_is_refused_and_told_who_runs(played: Played) -> None:
    code, said = played.second_run

    assert code == 75
    assert f"pid {played.first_pid}" in said
    assert "Traceback" not in said


def test_sigterm_ends_it_in_order_within_five_seconds(played: Played) -> None:
    code, seconds = played.stopped

    assert code == 0
    assert seconds < 5.0


def test_the_panel_has_the_signal_in_its_bucket_and_in_no_earlier_one(played: Played) -> None:
    (story,) = [row for row in played.signals if row["title"] == STORY]
    zeta = [row for row in played.panel if "Zetacorp" in row["question"]]
    told = [row for row in zeta if int(row["signals_launch"]) > 0]

    assert bucket(story["observed_at"]) == instant(told[0]["at"])
    assert told[0]["signals_launch"] == "1"
    assert told[0]["mid"] != ""


def test_the_panel_has_the_jump_after_the_signal_and_not_before(played: Played) -> None:
    (story,) = [row for row in played.signals if row["title"] == STORY]
    zeta = [row for row in played.panel if "Zetacorp" in row["question"]]
    before = [row for row in zeta if instant(row["at"]) < bucket(story["observed_at"])]
    jumped = [row for row in zeta if row["mid"] and float(row["mid"]) > 0.45]

    assert {row["mid"] for row in before if row["mid"]} == {"0.4"}
    assert instant(jumped[0]["at"]) >= bucket(story["observed_at"])
    assert max(float(row["move_pp"]) for row in zeta if row["move_pp"]) > 9.0


def test_the_moves_are_kept_with_the_story_as_their_candidate(played: Played) -> None:
    assert {row["verdict"] for row in played.moves} == {"candidates"}
    assert len(played.moves) == 2
    assert all(STORY in row["explained_by"] for row in played.moves)


def test_an_upstream_that_is_down_at_the_start_stops_nothing(tmp_path: Path) -> None:
    with Receiver() as receiver, FakeUpstream(a_scenario(), lambda: datetime.now(UTC)) as gone:
        place = gone.url.removeprefix("http://")
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(upstream=place, receiver=receiver.place), encoding="utf-8")

    with daemon(config) as started:
        url = started.url
        until(lambda: least(started, "poll failed") >= 1, "every source failed", started)
        health, _ = get(url + "/healthz")
        ready, body = get(url + "/readyz")
        failures = [started.events("poll failed", source=name)[0] for name in SOURCES]
        started.send(signal.SIGINT)
        code, seconds = started.end()

    assert health == 200
    assert (ready, body["status"], body["fresh"]) == (503, "no source works", [])
    assert set(body["sick"]) == set(SOURCES)
    assert all("ConnectError" in failure["error"] for failure in failures)
    assert all(failure["next_due"] > failure["ts"][:19] for failure in failures)
    assert code == 0
    assert seconds < 5.0


def a_scenario() -> Scenario:
    """Return a race of two makers, its prices, and two feeds with a fresh story as backlog."""
    now = datetime.now(UTC)
    start, end = now - timedelta(hours=1), now + timedelta(days=30)
    race = series_event(
        SERIES, "Which maker leads?", ["Zetacorp", "Omegacorp"], created_at=start, ends=end
    )
    zeta, omega = race.legs
    feeds = [
        Feed(
            name,
            f"The {name}",
            link=f"https://{name}.example/",
            items=(item("old", BACKLOG, now - timedelta(minutes=5)),),
        )
        for name in ("wire", "post")
    ]
    return scenario(
        start,
        end,
        events=[race],
        prices=[(zeta, price(start, "0.395", "0.405")), (omega, price(start, "0.295", "0.305"))],
        feeds=feeds,
    )


def tell(upstream: FakeUpstream, guid: str, title: str, *feeds: str) -> None:
    items = [
        {
            "feed": feed,
            "guid": f"{guid}-{feed}",
            "title": title,
            "url": f"https://{feed}.example/{guid}",
        }
        for feed in feeds
    ]
    upstream.patch({"items": items})


@contextmanager
def ticking(upstream: FakeUpstream) -> Iterator[None]:
    """Let both prices jump by 10 pp and then change by a tick at every poll.

    Four changes a second in a cycle of five: polls a second apart never see one price twice.
    """
    ended = threading.Event()

    def tick() -> None:
        for mid in cycle(range(500, 505)):
            legs = {"Zetacorp": mid, "Omegacorp": 700 - mid}
            upstream.patch(
                {
                    "prices": [
                        {
                            "event": SERIES,
                            "leg": name,
                            "bid": f"0.{level - 5}",
                            "ask": f"0.{level + 5}",
                        }
                        for name, level in legs.items()
                    ]
                }
            )
            if ended.wait(0.25):
                return

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(PATIENCE_S)


def least(running: Daemon, event: str) -> int:
    """Return how often the source with the fewest such events had one."""
    return min(len(running.events(event, source=name)) for name in SOURCES)


def decided(running: Daemon) -> int:
    """Return how many alerts were decided on."""
    return sum(line["alerts"] for line in running.events("processed"))


def stored(database: Path, what: str) -> list[dict[str, str]]:
    store, stream = open_readonly(f"sqlite:///{database}"), io.BytesIO()
    with store.read() as session:
        export.write_csv(session, what, Selection(), stream, freq=FREQ, raw=False)
    store.close()
    return rows_of(stream.getvalue().decode())


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def bucket(text: str) -> datetime:
    """Return the end of the bucket (at - FREQ, at] that an instant falls in."""
    step = FREQ.total_seconds()
    return datetime.fromtimestamp(math.ceil(instant(text).timestamp() / step) * step, UTC)
