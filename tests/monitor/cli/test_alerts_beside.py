"""What a person says of alerts while the daemon runs: silence, ack and resend take effect there.

One run is played once; each test reads one promise off its record.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from monitor.fake_upstream import FakeUpstream
from monitor.fake_upstream.builders import item, scenario
from monitor.fake_upstream.scenario import Feed
from storage import Store, alert_repo, open_readonly
from storage.models import Alert, Delivery
from tests.processes import Daemon, Receiver, daemon, output, until

pytestmark = pytest.mark.process

SILENCED = "Zetacorp launches Zeta glasses for everyone"
REFUSED = "Zetacorp raises money for its third pair of glasses"
CONFIG = """
storage: {{url: "sqlite:///beside.db"}}
http: {{contact: "beside@example.org", allow_private_hosts: ["{upstream}", "{desk}", "{gone}"]}}
web: {{listen: "127.0.0.1:0"}}
entities:
  - {{id: zetacorp, kind: company, country: US, aliases: [Zetacorp]}}
themes:
  - {{name: makers, entities: [zetacorp], markets: [{{venue: polymarket, id: "516960"}}]}}
sources:
  - {{name: wire, kind: rss, every: 1s, url: "http://{upstream}/feed/wire"}}
  - {{name: post, kind: rss, every: 1s, url: "http://{gone}/feed"}}
alerts:
  channels:
    - {{name: desk, kind: webhook, url: "http://{desk}/hook"}}
    - {{name: flaky, kind: webhook, url: "http://{gone}/hook"}}
  rules:
    - {{name: news, on: signal, channels: [desk, flaky]}}
    - {{name: sick, on: source, states: [disabled], channels: [desk], repeat_interval: 1s}}
"""


@dataclass
class Played:
    """The record of the run."""

    told_sick: int = 0
    said: dict[str, str] = field(default_factory=dict)
    alerts: list[tuple[Alert, list[Delivery]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    resent_after_s: float = 0.0

    def of(self, rule: str) -> list[tuple[Alert, list[Delivery]]]:
        return [found for found in self.alerts if found[0].rule == rule]

    def about(self, title: str) -> tuple[Alert, list[Delivery]]:
        (found,) = [each for each in self.of("news") if title in each[0].payload["headline"]]
        return found


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("beside")
    record = Played()
    with Receiver() as desk, gone() as (place, accepted), upstream() as wire:
        config = folder / "config.yaml"
        config.write_text(
            CONFIG.format(upstream=wire.url.removeprefix("http://"), desk=desk.place, gone=place),
            encoding="utf-8",
        )
        with daemon(config) as running:
            until(lambda: len(running.events("polled", source="wire")) > 1, "it polled", running)
            store = open_readonly(f"sqlite:///{folder}/beside.db")
            acknowledge(record, running, config, store, wire)
            silence(record, running, config, store, wire)
            send_again(record, running, config, store, wire, accepted)
            record.alerts = stored(store)
            record.texts = [call.text for call in desk.calls]
            store.close()
    return record


def acknowledge(
    record: Played, running: Daemon, config: Path, store: Store, wire: FakeUpstream
) -> None:
    def sick() -> list[Alert]:
        return [alert for alert, _ in stored(store) if alert.rule == "sick"]

    nudged(running, wire, lambda: len(sick()) > 1, "a state that lasts was told again")
    record.said["ack"] = output(config, "alerts", "ack", str(sick()[0].id), "--note", "I know")
    acked = "a repeat was kept and not told"
    nudged(running, wire, lambda: any(is_kept(one, "acknowledged") for one in sick()), acked)


def silence(
    record: Played, running: Daemon, config: Path, store: Store, wire: FakeUpstream
) -> None:
    record.said["silence"] = output(
        config, "alerts", "silence", "theme=makers", "--for", "1h", "--comment", "moving house"
    )
    tell(wire, SILENCED)
    held = "silenced by silence 1: moving house"
    until(
        lambda: any(is_kept(alert, held) for alert, _ in stored(store)),
        "the next alert was held back", running,
    )  # fmt: skip
    record.said["expire"] = output(config, "alerts", "silence", "expire", "1")


def send_again(
    record: Played,
    running: Daemon,
    config: Path,
    store: Store,
    wire: FakeUpstream,
    accepted: list[float],
) -> None:
    tell(wire, REFUSED)
    until(
        lambda: any(each.state == "dead" for _, sent in stored(store) for each in sent),
        "the receiver that is gone was given up", running,
    )  # fmt: skip
    record.said["dead"] = output(config, "alerts", "list", "--state", "dead")
    accepted.append(time.monotonic())
    record.said["resend"] = output(config, "alerts", "resend", "--dead")
    asked = time.monotonic()
    until(lambda: len(accepted) > 1, "the dead letter was sent again", running)
    record.resent_after_s = accepted[1] - asked
    until(
        lambda: all(each.state != "sending" for _, sent in stored(store) for each in sent),
        "the answer was recorded", running,
    )  # fmt: skip


def test_a_silence_of_another_process_holds_the_next_alert_back(played: Played) -> None:
    alert, deliveries = played.about(SILENCED)

    assert alert.payload["suppressed"] == "silenced by silence 1: moving house"
    assert deliveries == []
    assert not [text for text in played.texts if SILENCED in text]


def test_what_comes_after_the_silence_ended_is_told(played: Played) -> None:
    alert, deliveries = played.about(REFUSED)

    assert "suppressed" not in alert.payload
    assert {each.channel: each.state for each in deliveries}["desk"] == "sent"
    assert "silence 1 has ended" in played.said["expire"]


def test_an_ack_of_another_process_stops_the_repeats(played: Played) -> None:
    sick = [alert for alert, _ in played.of("sick")]
    acked_at = max(alert.acked_at for alert in sick if alert.acked_at)
    later = [alert for alert in sick if alert.at > acked_at]

    assert later
    assert all(is_kept(alert, f"acknowledged: {sick[0].title} (told ") for alert in later)
    assert "its repeats and follow-ups" in played.said["ack"]


def test_a_dead_letter_is_sent_by_the_daemon_within_seconds(played: Played) -> None:
    _, deliveries = played.about(REFUSED)

    assert "flaky dead" in played.said["dead"]
    assert "HTTP 410" in played.said["dead"]
    assert "flaky: 1 alert queued again" in played.said["resend"]
    assert "sends it within seconds" in played.said["resend"]
    assert {each.channel: each.state for each in deliveries} == {"desk": "sent", "flaky": "sent"}
    assert played.resent_after_s < 10.0


@contextmanager
def gone() -> Iterator[tuple[str, list[float]]]:
    """Yield a place that answers 410, and calls it took; a first entry lets it take calls."""
    accepted: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(410)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if accepted:
                accepted.append(time.monotonic())
            self._answer(200 if accepted else 410)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", accepted
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def upstream() -> Iterator[FakeUpstream]:
    now = datetime.now(UTC)
    start = now - timedelta(hours=1)
    old = item("old", "Weather in the hills", now - timedelta(minutes=5))
    feed = Feed("wire", "The wire", link="https://wire.example/", items=(old,))
    built = scenario(start, now + timedelta(days=1), feeds=[feed])
    with FakeUpstream(built, lambda: datetime.now(UTC)) as running:
        yield running


def nudged(running: Daemon, wire: FakeUpstream, condition: Callable[[], bool], what: str) -> None:
    """Wait as `until`, with news of no theme coming in, which is what makes the daemon look."""
    last = [0.0]

    def looked() -> bool:
        if time.monotonic() - last[0] > 1.0:
            last[0] = time.monotonic()
            tell(wire, f"Weather in the hills at {last[0]:.3f}")
        return condition()

    until(looked, what, running)


def tell(wire: FakeUpstream, title: str) -> None:
    guid = title.replace(" ", "-")
    url = f"https://wire.example/{guid}"
    wire.patch({"items": [{"feed": "wire", "guid": guid, "title": title, "url": url}]})


def stored(store: Store) -> list[tuple[Alert, list[Delivery]]]:
    with store.read() as session:
        return alert_repo.list_alerts(session)


def is_kept(alert: Any, reason: str) -> bool:
    return str((alert.payload or {}).get("suppressed", "")).startswith(reason)
