"""From publication to the webhook: how long until a story that appears upstream is told.

A daemon of its own process polls a fake upstream every second; stories appear at random phases of
that second. The goal is the interval and 300 ms for 99 of 100, by the wall clock: the wait for
the next poll is most of it, and unlike CPU time it cannot be measured otherwise.
"""

from __future__ import annotations

import math
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from benchmarks.measure import Figure
from monitor.fake_upstream import FakeUpstream, Scenario
from monitor.fake_upstream.builders import scenario
from monitor.fake_upstream.scenario import Feed

EVERY_S = 1.0
ALLOWED_S = 0.3
PUBLICATIONS = 200
PAUSE_S = (0.15, 0.6)
MANY = 20
START_S = 60.0
LAST_S = 15.0
_SYLLABLES = (
    "bra", "dun", "fel", "gor", "hax", "jil", "kur", "lom", "nup", "pez", "qui", "rov", "sul",
    "tam", "vek", "wob", "yar", "zin",
)  # fmt: skip
_STORY = re.compile(rb"https://wire-\d+\.example/(story-\d+)")
CONFIG = """
storage: {{url: "sqlite:///{folder}/bench.db"}}
http: {{contact: "bench@example.org", allow_private_hosts: ["{upstream}", "{receiver}"{dead}]}}
web: {{listen: "127.0.0.1:0"}}
entities: [{{id: zetacorp, kind: company, country: US, aliases: [Zetacorp]}}]
themes: [{{name: press, entities: [zetacorp]}}]
sources:
{sources}
alerts:
  storm: {{messages: 0}}
  channels: [{channels}]
  rules: [{{name: news, on: signal, channels: [{names}]}}]
"""


def figures(folder: Path) -> list[Figure]:
    """Return the delay with one source, and with many of them beside a channel that is dead."""
    return [
        _figure("publication to webhook, 1 source", _delays(folder / "one", 1, beside_dead=False)),
        _figure(
            f"publication to webhook, {MANY} sources and a dead channel",
            _delays(folder / "many", MANY, beside_dead=True),
        ),
    ]


def _figure(name: str, delays: list[float]) -> Figure:
    allowed = EVERY_S + ALLOWED_S
    p99 = sorted(delays)[math.ceil(len(delays) * 0.99) - 1]
    return Figure(
        name,
        f"median {median(delays):.2f} s, p99 {p99:.2f} s",
        f"poll {EVERY_S:g} s + {ALLOWED_S:g} s",
        f"{p99 / allowed:.2f}x",
        "<= 1x",
        p99 <= allowed,
    )


def _delays(folder: Path, sources: int, *, beside_dead: bool) -> list[float]:
    """Return the seconds from publication to receipt of each story.

    Raises AssertionError when one never came or came twice.
    """
    folder.mkdir()
    rng = random.Random(7)
    with (
        _receiver() as (place, received),
        _mute() as dead,
        FakeUpstream(_scenario(sources), lambda: datetime.now(UTC)) as upstream,
    ):
        config = _config(folder, upstream, place, sources, dead if beside_dead else None)
        with _daemon(config):
            published = _publish(upstream, sources, rng)
            deadline = time.monotonic() + LAST_S
            while len(received) < len(published) and time.monotonic() < deadline:
                time.sleep(0.05)
    if missing := set(published) - set(received):
        raise AssertionError(f"{len(missing)} stories were not told")
    return [received[story] - at for story, at in published.items()]


def _publish(upstream: FakeUpstream, sources: int, rng: random.Random) -> dict[str, float]:
    """Return when each story was published, on the monotonic clock."""
    published: dict[str, float] = {}
    for number in range(PUBLICATIONS):
        time.sleep(rng.uniform(*PAUSE_S))
        words = ("".join(rng.choices(_SYLLABLES, k=4)).capitalize() for _ in range(4))
        feed, story = f"wire-{rng.randrange(sources)}", f"story-{number}"
        item = {
            "feed": feed,
            "guid": story,
            "title": f"Zetacorp launches {' '.join(words)}",
            "url": f"https://{feed}.example/{story}",
        }
        published[story] = time.monotonic()
        upstream.patch({"items": [item]})
    return published


def _scenario(sources: int) -> Scenario:
    now = datetime.now(UTC)
    feeds = [
        Feed(f"wire-{n}", f"Wire {n}", link=f"https://wire-{n}.example/", shows=30)
        for n in range(sources)
    ]
    return scenario(now - timedelta(hours=1), now + timedelta(days=1), feeds=feeds)


def _config(
    folder: Path, upstream: FakeUpstream, receiver: str, sources: int, dead: str | None
) -> Path:
    channels = [f'{{name: desk, kind: webhook, url: "http://{receiver}/desk"}}']
    if dead:
        channels.append(f'{{name: dead, kind: webhook, url: "http://{dead}/dead"}}')
    text = CONFIG.format(
        folder=folder,
        upstream=upstream.url.removeprefix("http://"),
        receiver=receiver,
        dead=f', "{dead}"' if dead else "",
        sources="\n".join(
            f'  - {{name: wire-{n}, kind: rss, every: 1s, url: "{upstream.url}/feed/wire-{n}"}}'
            for n in range(sources)
        ),
        channels=", ".join(channels),
        names="desk, dead" if dead else "desk",
    )
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def _daemon(config: Path) -> Iterator[None]:
    """Run the daemon; the block begins once every source was read."""
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", "-c", str(config), "run"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    polled: set[bytes] = set()
    sources = config.read_bytes().count(b"kind: rss")
    all_polled = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            if b'"event": "polled"' in line and (found := re.search(rb'"source": "([^"]+)"', line)):
                polled.add(found[1])
            if len(polled) == sources:
                all_polled.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        if not all_polled.wait(START_S):
            raise AssertionError(f"{sources} sources, {len(polled)} were read in {START_S:g} s")
        yield
    finally:
        process.kill()
        process.wait()
        reader.join(5)
        process.stderr.close()


@contextmanager
def _receiver() -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the receiver's address and when it first got each story."""
    received: dict[str, float] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            at = time.monotonic()
            body = self.rfile.read(int(self.headers["content-length"]))
            for story in _STORY.findall(body):
                received.setdefault(story.decode(), at)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as place:
        yield place, received


@contextmanager
def _mute() -> Iterator[str]:
    """Yield the address of a receiver that takes every call and never answers."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            ended.wait(LAST_S * 10)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as place:
        try:
            yield place
        finally:
            ended.set()


@contextmanager
def _serving(server: ThreadingHTTPServer) -> Iterator[str]:
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
