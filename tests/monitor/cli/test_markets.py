"""`markets list` and `markets search`, the latter against the fake upstream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from monitor.clock import ManualClock
from monitor.fake_upstream import FakeUpstream, Fault
from monitor.fake_upstream.builders import binary_event, price, scenario, series_event
from tests.monitor.cli.conftest import Cli

T0 = datetime.now(UTC).replace(microsecond=0)
END = T0 + timedelta(days=30)
RACE = series_event(
    "maker-race", "Which maker leads the board?", ["Ada", "Bo"], created_at=T0, ends=END
)
MANA_RACE = replace(
    series_event(
        "mana-maker-race",
        "Which maker leads the mana board?",
        ["Ada", "Bo", "Cy", "Di"],
        created_at=T0,
        ends=END,
    ),
    id="MultiMkt01",
    venue="manifold",
)
RAIN = replace(
    binary_event("rain-on-mars", "Rain on Mars?", created_at=T0, ends=END),
    id="Bin0ryMkt1",
    venue="manifold",
)
SOURCES = """\
http: {{contact: "tests@example.org", deadline: 5s, allow_private_hosts: ["127.0.0.1:{port}"]}}
sources:
  - {{name: poly, kind: polymarket, gamma_url: "{url}/gamma", clob_url: "{url}/clob",
     data_url: "{url}/data"}}
  - {{name: mana, kind: manifold, api_url: "{url}/manifold/v0"}}
  - {{name: kalshi, kind: kalshi, enabled: false}}
"""


@pytest.fixture(scope="module")
def _running() -> Iterator[FakeUpstream]:
    prices = [(leg, price(T0, "0.24", "0.26", volume_24h="1200.5")) for leg in RACE.legs[:1]]
    prices += [(leg, price(T0, last=f"0.{n}")) for n, leg in enumerate(MANA_RACE.legs, 1)]
    prices += [(RAIN.legs[0], price(T0, last="0.05", volume_24h="65"))]
    played = scenario(T0, END, events=[RACE, MANA_RACE, RAIN], prices=prices)
    with FakeUpstream(played, ManualClock(T0 + timedelta(hours=1)).now) as upstream:
        yield upstream


@pytest.fixture
def venues(_running: FakeUpstream, folder: Path) -> FakeUpstream:
    _running.faults.clear()
    _running.requests.clear()
    port = _running.url.rpartition(":")[2]
    (folder / "config.yaml").write_text(SOURCES.format(url=_running.url, port=port))
    return _running


@pytest.mark.usefixtures("venues")
def test_a_search_shows_every_venues_markets_with_the_line_to_paste(cli: Cli) -> None:
    ran = cli("markets", "search", "maker", "leads")

    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].split() == ["#", "venue", "market", "price", "spread", "24", "h", "closes"]
    assert "Which maker leads the board?" in lines[1]
    assert "Ada 25.0 %" in lines[1]
    assert "2.0 pp" in lines[1]
    assert "1,200 USD" in lines[1]
    assert "Di 40.0 %, Cy 30.0 %, Bo 20.0 % +1" in lines[2]
    assert "  - {venue: polymarket, event: maker-race}  # 1" in lines
    assert "  - {venue: manifold, id: MultiMkt01}  # 2" in lines


@pytest.mark.usefixtures("venues")
def test_the_pasted_lines_are_a_themes_markets(cli: Cli, folder: Path) -> None:
    shown = cli("markets", "search", "maker").out
    lines = [line for line in shown.splitlines() if line.strip().startswith("- {")]
    theme = "themes:\n  - name: race\n    entities: [qwen]\n    markets:\n"
    config = (folder / "config.yaml").read_text() + theme
    (folder / "config.yaml").write_text(config + "\n".join(f"    {line}" for line in lines))

    ran = cli("themes", "list", "--json")

    assert ran.json[0]["markets"] == ["polymarket/event:maker-race", "manifold/id:MultiMkt01"]


@pytest.mark.usefixtures("venues")
def test_a_search_stores_nothing_and_needs_no_database(cli: Cli, folder: Path) -> None:
    (found,) = cli("markets", "search", "mars", "--json").json

    assert found["venue"] == "manifold"
    assert found["legs"][0] == {
        "outcome_id": "YES",
        "name": "Yes",
        "price": 0.05,
        "spread": None,
        "volume_24h": 65.0,
    }
    assert found["volume_24h"] == 65.0
    assert yaml.safe_load(found["line"]) == [{"venue": "manifold", "id": "Bin0ryMkt1"}]
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]


@pytest.mark.usefixtures("venues")
def test_one_venue_can_be_chosen_and_the_finds_of_each_limited(cli: Cli) -> None:
    only = cli("markets", "search", "a", "--venue", "manifold", "--json")
    assert {market["venue"] for market in only.json} <= {"manifold"}
    ran = cli("markets", "search", "maker", "--venue", "manifol")
    assert (ran.code, ran.out) == (2, "")
    assert "no venue 'manifol' to search (did you mean manifold?)" in ran.err
    assert cli("markets", "search", "maker", "--limit", "0").code == 2


def test_a_venue_that_fails_is_a_warning_and_all_of_them_a_failure(
    cli: Cli, venues: FakeUpstream
) -> None:
    venues.faults.set("manifold", Fault("status", status=400))
    some = cli("markets", "search", "maker")
    venues.faults.set("gamma", Fault("status", status=403))
    none = cli("markets", "search", "maker")

    assert some.code == 3
    assert some.err.startswith("warning: mana was not searched: ")
    assert "maker-race" in some.out
    assert (none.code, none.out) == (1, "")
    assert none.err.endswith("signal-monitor: no venue could be searched\n")


@pytest.mark.usefixtures("venues")
def test_nothing_found_is_said(cli: Cli) -> None:
    ran = cli("markets", "search", "unheard-of")

    assert ran.code == 0
    assert "no open market names 'unheard-of'" in ran.out
    assert cli("markets", "search", "unheard-of", "--json").json == []
    assert cli("markets", "search", " ").code == 2


@pytest.mark.usefixtures("filled")
def test_followed_markets_are_listed_theme_by_theme(cli: Cli) -> None:
    (row,) = cli("markets", "list", "--json").json

    assert (row["theme"], row["market_id"], row["price"]) == ("glasses", "516960", 0.47)
    assert cli("markets", "list", "--theme", "models", "--json").json == []
    assert cli("markets", "list", "--theme", "nope").code == 2
