"""`sources list` and `sources check`: what they print, as text and as JSON."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from storage import open_store, source_repo
from storage.models import SourceState
from tests.builders import at
from tests.monitor.cli.conftest import CONFIG, Cli

FEED = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>T</title><ttl>60</ttl>
<item><guid>1</guid><title>Zetacorp shows its glasses</title>
<pubDate>Mon, 02 Mar 2026 12:00:00 GMT</pubDate></item></channel></rss>"""


@pytest.fixture
def place() -> Iterator[str]:
    """Return `host:port` of a feed on loopback."""

    class Feed(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(FEED)))
            self.end_headers()
            self.wfile.write(FEED)

        def log_message(self, *given: object) -> None:
            del given

    server = HTTPServer(("127.0.0.1", 0), Feed)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def change(folder: Path, **values: object) -> None:
    store = open_store(f"sqlite:///{folder / 'signal-monitor.db'}")
    with store.begin() as session:
        state: SourceState = source_repo.load(session, "wire")
        for name, value in values.items():
            setattr(state, name, value)
        session.add(state)
    store.close()


def test_a_list_shows_pace_lag_state_and_what_was_refused(filled: Path, cli: Cli) -> None:
    change(filled, fingerprint={"pace": {"ttl_s": 3600.0}})
    out = cli("sources", "list").out
    assert out.splitlines()[0].split() == [
        "source", "kind", "every", "last", "ok", "next", "due", "lag", "state", "refused", "error",
    ]  # fmt: skip
    wire = next(line for line in out.splitlines() if line.startswith("wire"))
    assert "5m, asks 60 min" in wire
    assert "2026-03-02 13:00Z" in wire
    assert "2 min / 60 s" in wire
    assert "stale" in wire
    quiet = next(line for line in out.splitlines() if line.startswith("quiet"))
    assert "quiet (off)" in quiet


def test_a_list_as_json_has_the_figures(filled: Path, cli: Cli) -> None:
    change(filled, failures=6, last_error="HTTP 503", circuit_until=at(120), next_due=at(120))
    row = cli("sources", "list", "--json").json[0]
    assert (row["source"], row["state"]) == ("wire", "circuit open")
    assert row["circuit_until"] == "2026-03-02T14:00:00.000Z"
    assert row["said"].startswith("HTTP 503; 6 failures since 2026-03-02 13:00Z")
    assert row["rejects"] == {"no title": 1}
    assert (row["expected_lag_s"], row["measured_lag_s"]) == (150.0, 60.0)
    assert "circuit open until 2026-03-02 14:00Z" in cli("sources", "list").out


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"failures": 6, "last_error": "HTTP 503 from there"}, "HTTP 503 from there"),
        ({"failures": 1, "last_error": "HTTP 503 from there"}, "HTTP 503 from there"),
        (
            {"disabled": "HTTP 410 from there", "validators": {"http://127.0.0.1:9/feed": {}}},
            "HTTP 410 from there",
        ),
        (
            {"drift": {"since": "2026-03-02T12:00:00.000Z", "said": {"f": ["items: no rows"]}}},
            "items: no rows",
        ),
    ],
)
def test_status_says_each_trouble_once(
    filled: Path, cli: Cli, values: dict[str, object], problem: str
) -> None:
    change(filled, **values)
    assert cli("status").out.count(problem) == 1


@pytest.mark.usefixtures("filled")
def test_status_says_why_rows_were_refused(cli: Cli) -> None:
    assert "refused from wire: 1 no title\n" in cli("status").out


def test_a_check_shows_what_would_be_stored_and_stores_nothing(
    folder: Path, cli: Cli, place: str
) -> None:
    text = CONFIG.format(database="signal-monitor.db").replace("127.0.0.1:9", place)
    allowed = text.replace("deadline: 5s", f'deadline: 5s, allow_private_hosts: ["{place}"]')
    (folder / "config.yaml").write_text(allowed)
    ran = cli("sources", "check", "wire")
    assert (ran.code, ran.err) == (0, "")
    assert f"http://{place}/feed (" in ran.out
    assert f"{len(FEED)} bytes, 1 rows" in ran.out
    assert "would store: 1 items" in ran.out
    assert "  2026-03-02 12:00Z Zetacorp shows its glasses" in ran.out
    assert "usual look: not known yet" in ran.out
    assert sorted(path.name for path in folder.iterdir()) == ["config.yaml"]


@pytest.mark.usefixtures("filled")
def test_a_check_that_fails_says_why_and_exits_1(cli: Cli) -> None:
    ran = cli("sources", "check", "wire")
    assert ran.code == 1
    assert "refused to connect to 127.0.0.1" in ran.out
    assert cli("sources", "check", "wire", "--json").json["error"]
