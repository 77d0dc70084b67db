"""Two CSVs of one's own and no daemon: prices and news in, moves and links out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.instants import format_instant
from tests.monitor.cli.conftest import Cli

START = datetime(2026, 1, 5, tzinfo=UTC)
JUMP = START + timedelta(hours=75)
MINUTE = timedelta(minutes=1)


def quotes_file(folder: Path) -> Path:
    """Write 80 h of two markets that jump at JUMP; the config names the first one only."""
    lines = ["at,venue,market_id,outcome_id,outcome,bid,ask,question"]
    for n in range(80 * 6):
        at = START + n * 10 * MINUTE
        for market, before, after in (("516960", 0.24, 0.33), ("516961", 0.60, 0.51)):
            mid = (after if at >= JUMP else before) + (0.0005 if n % 2 else -0.0005)
            prices = f"{mid - 0.005:.4f},{mid + 0.005:.4f}"
            lines.append(
                f"{format_instant(at)},polymarket,{market},{market}-yes,Yes,{prices},Will {market}?"
            )
    path = folder / "q.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def items_file(folder: Path, before: int = 15) -> Path:
    at = format_instant(JUMP - before * MINUTE)
    path = folder / "i.csv"
    path.write_text(
        "source,guid,title,published_at\n"
        f"wire,one,Zetacorp launches Zeta glasses on January 20 2026,{at}\n"
    )
    return path


def test_two_files_give_moves_links_and_a_calendar(cli: Cli, folder: Path) -> None:
    for what, path in (("quotes", quotes_file(folder)), ("items", items_file(folder))):
        assert cli("import", what, path).code == 0

    since = ("--since", "2026-01-01", "--json")
    (move,) = cli("moves", *since).json
    (link,) = [row for row in cli("link", *since).json if row["verdict"] == "moved_up"]
    due = cli("calendar", *since).json

    assert move["move_pp"] > 8.5
    assert move["verdict"] == "candidates"
    assert [leg["market_id"] for leg in move["legs"]] == ["516960"]
    (near,) = move["explained_by"]
    # the price was read as it had been 5 min after the item, and as it became 15 min after
    assert (near["order"], near["minutes_before"]) == ("before", 10.0)
    assert 5 < near["clock_error_min"] < 7.1
    assert link["market_id"] == "516960"
    assert [row["state"] for row in due if row["signal_id"]] == ["passed"]


def test_what_was_imported_now_was_not_known_before(cli: Cli, folder: Path) -> None:
    cli("import", "quotes", quotes_file(folder))

    assert cli("moves", "--since", "2026-01-01", "--as-of", "2026-02-01", "--json").json == []


def test_a_link_and_a_move_tell_the_same_order(cli: Cli, folder: Path) -> None:
    for what, path in (("quotes", quotes_file(folder)), ("items", items_file(folder, before=15))):
        cli("import", what, path)

    since = ("--since", "2026-01-01", "--json")
    (link,) = [row for row in cli("link", *since).json if row["verdict"] == "moved_up"]
    (near,) = cli("moves", *since).json[0]["explained_by"]

    assert (link["response_after_s"], link["response_by_s"]) == (300, 900)
    middle, half = (300 + 900) / 2 / 60, (900 - 300) / 2 / 60
    assert near["minutes_before"] == middle
    assert half <= near["clock_error_min"] <= half + 2  # the stamps' own errors


def test_a_date_alone_is_told_in_days(cli: Cli, folder: Path) -> None:
    path = items_file(folder)
    path.write_text(
        "source,guid,title,published_at,observed_at\n"
        f"wire,one,Zetacorp launches Zeta glasses,{JUMP:%Y-%m-%d},\n"
    )
    for what, file in (("quotes", quotes_file(folder)), ("items", path)):
        assert cli("import", what, file).code == 0

    (near,) = cli("moves", "--since", "2026-01-01", "--json").json[0]["explained_by"]

    assert (near["minutes_before"], near["clock_error_min"]) == (None, None)
    assert (near["days_before"], near["order"]) == (0, "unknown")
    assert "(the same day, by date only)" in cli("moves", "--since", "2026-01-01").out


def test_moves_say_when_the_clocks_cannot_tell(cli: Cli, folder: Path) -> None:
    for what, path in (("quotes", quotes_file(folder)), ("items", items_file(folder, before=9))):
        cli("import", what, path)

    out = cli("moves", "--since", "2026-01-01").out

    assert "simultaneous, within" in out
    assert "candidates" in out
    calendar = cli("calendar", "--since", "2026-01-01", "--until", "2026-02-01").out
    assert "2026-01-20  passed  rumor" in calendar
    assert cli("calendar", "nope").code == 2
