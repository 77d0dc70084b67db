"""`study` and `sources lead` on two CSV files, without a daemon."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from storage.instants import format_instant
from tests.monitor.cli.conftest import Cli

START = datetime(2026, 3, 2, tzinfo=UTC)
FIRST = START + timedelta(hours=74)
APART = timedelta(hours=15)
STEP = timedelta(minutes=10)
PRODUCTS = ("glasses", "ring", "watch", "pin", "lens", "band", "camera", "speaker")


@pytest.fixture
def imported(folder: Path, cli: Cli) -> Path:
    """Import eight launches 15 h apart; after each the price goes up by 2 or 3 points."""
    launches = [FIRST + n * APART for n in range(len(PRODUCTS))]
    quotes = ["at,venue,market_id,outcome_id,outcome,bid,ask,price_basis,question"]
    for n in range(int((launches[-1] - START) / STEP) + 50):
        at = START + n * STEP
        mid = 0.24 + sum(0.02 + 0.01 * (i % 2) for i, t in enumerate(launches) if at > t + STEP)
        mid += 0.0005 if n % 7 < 3 else -0.0005
        quotes.append(
            f"{format_instant(at)},polymarket,516960,zeta-yes,Yes,{mid - 0.005:.4f},"
            f"{mid + 0.005:.4f},book,Zeta?"
        )
    items = ["source,guid,title,published_at"]
    for n, (name, at) in enumerate(zip(PRODUCTS, launches, strict=True)):
        items.append(f"wire,w{n},Zetacorp launches the Zeta {name},{format_instant(at)}")
    for what, lines in (("quotes", quotes), ("items", items)):
        (folder / f"{what}.csv").write_text("\n".join(lines) + "\n")
        assert cli("import", what, f"{what}.csv").code == 0
    return folder


@pytest.mark.usefixtures("imported")
def test_a_study_of_two_files_says_what_happened_and_how_sure_it_is(cli: Cli) -> None:
    ran = cli("study", "glasses")

    assert (ran.code, ran.err) == (0, "")
    assert "own markets: 8 episodes on 5 days, window 1 h" in ran.out
    assert "Average move +2.5 pp in the hour after 8 signals (95 % interval " in ran.out
    # 2 / 2^8: all eight went up.
    assert "exact sign-flip p = 0.008." in ran.out
    assert "The 8 episodes lie on 5 days." in ran.out
    assert "placebo 95 %" in ran.out
    assert ran.out.count("Zetacorp launches the Zeta") == 8


@pytest.mark.usefixtures("imported")
def test_json_has_the_curve_the_tests_and_every_episode(cli: Cli) -> None:
    report = cli("study", "glasses", "--kind", "launch", "--json").json

    (own,) = report["studies"]
    assert (report["theme"], report["kind"], report["window_s"]) == ("glasses", "launch", 3600)
    assert len(own["curve"]) == 97
    assert set(own["curve"][0]) == {
        "minutes", "n", "caam_pp", "placebo_low_pp", "placebo_high_pp",
    }  # fmt: skip
    assert own["tests"]["sign_flip"]["p"] == 2 / 2**8
    assert len(own["observations"]) == 8
    assert own["observations"][0]["at"] == format_instant(FIRST)
    assert cli("study", "glasses", "--json", "--kind", "funding").json["signals"] == 0


@pytest.mark.usefixtures("imported")
def test_windows_starts_and_instants_narrow(cli: Cli) -> None:
    since = format_instant(FIRST + 5.5 * APART)

    (own,) = cli("study", "glasses", "--since", since, "--json").json["studies"]
    assert own["episodes"] == 2
    (own,) = cli("study", "glasses", "--window", "15m", "--json").json["studies"]
    assert own["tests"]["sign_flip"] is None
    # Nothing of the files was known before they were imported.
    assert cli("study", "glasses", "--as-of", "2026-03-09", "--json").json["signals"] == 0


@pytest.mark.usefixtures("imported")
def test_a_study_without_episodes_says_so(cli: Cli) -> None:
    ran = cli("study", "models")

    assert ran.code == 0
    assert "Not evaluated: no signal had a market to be measured on." in ran.out


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("arguments", "said"), [
    (("glases",), "unknown theme 'glases' (did you mean glasses?)"),
    (("glasses", "--kind", "lunch"), "no kind of signal 'lunch' (did you mean launch?)"),
    (("glasses", "--window", "2d"), "a window is 1m to 24h long"),
    (("glasses", "--window", "soon"), "'soon' is not a duration"),
    (("glasses", "--since", "soon"), "neither an instant"),
    (("glasses", "--plot", "a.pdf"), "'a.pdf' is neither .svg nor .png"),
])  # fmt: skip
def test_what_cannot_be_meant_is_a_usage_error(
    cli: Cli, arguments: tuple[str, ...], said: str
) -> None:
    ran = cli("study", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.replace("│", " ").split())


@pytest.mark.usefixtures("imported")
def test_a_picture_has_the_curve_the_band_and_the_sentence(folder: Path, cli: Cli) -> None:
    pytest.importorskip("matplotlib")
    ran = cli("study", "glasses", "--plot", "study.svg")
    first = (folder / "study.svg").read_bytes()
    cli("study", "glasses", "--plot", "study.svg")
    cli("study", "glasses", "--plot", "study.png")

    assert ran.code == 0
    assert ET.fromstring(first).tag.endswith("svg")
    assert (folder / "study.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "study.svg").read_bytes() == first
    assert not list(folder.glob(".*.part"))


@pytest.mark.usefixtures("imported")
def test_one_of_anything_is_said_in_the_singular(cli: Cli) -> None:
    ran = cli("study", "glasses", "--since", format_instant(FIRST + 6.5 * APART))

    assert "1 signal\n" in ran.out
    assert "own markets: 1 episode on 1 day, window 1 h" in ran.out
    lead = cli("sources", "lead", "--since", format_instant(FIRST + 6.5 * APART))
    assert "1 episode read" in lead.out


@pytest.mark.usefixtures("imported")
def test_each_episode_names_the_venue_it_was_measured_on(cli: Cli) -> None:
    out = cli("study", "glasses").out
    head = next(line for line in out.splitlines() if "before → after" in line)

    assert "venue" in head
    assert out.count("polymarket") == 8


def test_of_a_question_on_two_venues_the_chosen_leg_is_named(imported: Path, cli: Cli) -> None:
    config = imported / "config.yaml"
    both = '{venue: polymarket, id: "516960"}, {venue: kalshi, id: "516960"}'
    config.write_text(config.read_text().replace('{venue: polymarket, id: "516960"}', both))
    quotes = (imported / "quotes.csv").read_text()
    (imported / "kalshi.csv").write_text(quotes.replace("polymarket", "kalshi"))
    assert cli("import", "quotes", "kalshi.csv").err == ""

    out = cli("study", "glasses").out
    assert "own markets: 8 episodes" in out
    assert out.count("(1 of 2 legs)") == 8


def words_of(file: Path) -> str:
    """Return what an SVG of matplotlib says; it notes each text beside its glyphs."""
    return " ".join(re.findall(r"<!-- (.*?) -->", file.read_text()))


def height_of(file: Path) -> float:
    return float(ET.fromstring(file.read_bytes()).attrib["height"].removesuffix("pt")) / 72


@pytest.mark.usefixtures("imported")
def test_a_family_without_episodes_is_a_sentence_and_no_empty_picture(
    folder: Path, cli: Cli
) -> None:
    pytest.importorskip("matplotlib")
    # `models` has related markets only.
    ran = cli("study", "models", "--plot", "none.svg")
    since = format_instant(FIRST + 6.5 * APART)
    cli("study", "glasses", "--since", since, "--plot", "one.svg")

    assert ran.code == 0
    assert "Not evaluated: no signal had a market to be measured on." in words_of(
        folder / "none.svg"
    )
    assert height_of(folder / "none.svg") < 1
    assert "mean of 1 episode" in words_of(folder / "one.svg")
    assert "mean of 1 episodes" not in words_of(folder / "one.svg")


@pytest.mark.usefixtures("filled")
def test_a_picture_without_its_library_says_how_to_get_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    ran = cli("study", "glasses", "--plot", "study.svg")
    assert (ran.code, ran.out) == (1, "")
    assert "pip install signal-monitor[plot]" in ran.err


@pytest.mark.usefixtures("filled")
def test_a_picture_into_no_folder_is_refused_before_anything_is_computed(cli: Cli) -> None:
    ran = cli("study", "glasses", "--plot", "nowhere/study.svg")

    assert ran.code == 1
    assert "no such folder" in ran.err


@pytest.mark.usefixtures("imported")
def test_sources_lead_lists_every_source_and_no_claim_without_clocks(cli: Cli) -> None:
    ran = cli("sources", "lead")
    report = cli("sources", "lead", "--json", "--theme", "glasses", "--since", "2026-03-01").json

    assert (ran.code, ran.err) == (0, "")
    assert [row["source"] for row in report["sources"]] == ["wire", "quiet"]
    wire = report["sources"][0]
    assert wire["episodes"] == report["episodes"] == 8
    # Every second launch moved the price by 3 points, the least that is called a move, at
    # +20 min; 10 min between the rows, 5 min of polls.
    assert (wire["responses"], wire["price_followed"], wire["median_minutes"]) == (4, 4, 20.0)
    assert (wire["hit_rate"], wire["hit_rate_low"]) == (0.5, pytest.approx(0.2152, abs=5e-5))
    assert report["venue_pairs"] == []
    assert "no pair of markets that two venues price alike" in ran.out
    assert "50 % (22 %–78 %)" in ran.out


def test_reading_needs_a_database(folder: Path, cli: Cli) -> None:
    for command in (("study", "glasses"), ("sources", "lead")):
        ran = cli(*command)
        assert (ran.code, ran.out) == (1, "")
        assert "no database yet" in ran.err
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]
