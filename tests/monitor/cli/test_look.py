"""Commands that read: what they print, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.monitor.cli.conftest import Cli

SINCE = ("--since", "2026-03-01")
READING = [
    ("status",), ("brief",), ("leaderboard",), ("signals", "list"), ("signals", "show", "sig-1"),
    ("link",), ("moves",), ("markets", "list"), ("sources", "list"), ("alerts", "list"),
    ("export", "quotes"),
]  # fmt: skip


@pytest.mark.parametrize("command", READING)
def test_reading_needs_a_database_and_never_makes_one(
    folder: Path, cli: Cli, command: tuple[str, ...]
) -> None:
    ran = cli(*command)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"signal-monitor: {folder}/signal-monitor.db: no database yet; `signal-monitor run` or "
        "`poll` makes it\n"
    )
    assert sorted(path.name for path in folder.iterdir()) == ["config.yaml"]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("command", [*READING[:-1], ("themes", "list"), ("config", "show")])
def test_every_table_is_also_json(cli: Cli, command: tuple[str, ...]) -> None:
    ran = cli(*command, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) is not None


@pytest.mark.usefixtures("filled")
def test_signals_are_listed_with_their_id_score_and_title(cli: Cli) -> None:
    ran = cli("signals", "list", *SINCE)
    assert ran.code == 0
    header, row = ran.out.splitlines()
    assert header.split() == ["id", "at", "theme", "kind", "score", "novelty", "pub", "title"]
    assert row.split("  ")[:2] == ["sig-1", "2026-03-02 12:00Z"]
    assert row.rstrip().endswith("Zetacorp shows its glasses")
    assert cli("signals", "list", "--since", "2026-03-03", "--json").json == []
    assert cli("signals", "list", *SINCE, "--theme", "models", "--json").json == []
    assert cli("signals", "list", *SINCE, "--as-of", "2026-03-02T11:00Z", "--json").json == []


@pytest.mark.usefixtures("filled")
def test_json_has_instants_and_numbers_as_the_files_have_them(cli: Cli) -> None:
    row = cli("signals", "list", *SINCE, "--json").json[0]
    assert row["at"] == "2026-03-02T12:00:00.000Z"
    assert row["score"] == 0.8
    assert row["entities"] == ["zetacorp"]
    assert row["background"] is False


@pytest.mark.usefixtures("filled")
def test_a_card_has_its_six_parts_and_says_what_each_market_did(cli: Cli) -> None:
    ran = cli("signals", "show", "sig-1")
    assert ran.code == 0
    titles = [line for line in ran.out.splitlines() if not line.startswith(" ")]
    assert titles == [
        "Headline:", "Context:", "Evidence:", "Reasons:", "Key points:", "What to watch:",
    ]  # fmt: skip
    assert "  - Zetacorp, 60 min: 41.0 % → 47.0 %, +6.0 pp, moved_up; moved up by 6.0 pp" in ran.out
    assert "https://news.example/zeta" in ran.out
    assert cli("signals", "show", "sig-1", "--md").out.startswith("## Headline\n\nZetacorp shows")
    assert cli("signals", "show", "sig-1", "--json").json["evidence"][0]["verdict"] == "moved_up"


@pytest.mark.usefixtures("filled")
def test_an_unknown_signal_is_a_failure_that_says_where_ids_are(cli: Cli) -> None:
    ran = cli("signals", "show", "nope")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "signal-monitor: no signal 'nope'; `signal-monitor signals list` names them\n"


@pytest.mark.usefixtures("filled")
def test_a_leaderboard_shows_the_head_the_best_chinese_model_and_the_gap(cli: Cli) -> None:
    ran = cli("leaderboard")
    assert ran.code == 0
    assert ran.out.startswith(
        "text, style control off: #1 zeta-1 (Zetacorp) 1460.5; best Chinese #2 qwen9-max 1440.5, "
        "20 points behind (intervals unknown)"
    )
    assert "Chinese" in ran.out.splitlines()[-1]
    assert cli("leaderboard", "--style", "on", "--json").json == []
    assert cli("leaderboard", "--as-of", "2026-03-02T12:04Z", "--json").json == []


@pytest.mark.usefixtures("filled")
def test_a_board_that_is_not_stored_is_a_failure_and_a_bad_style_a_usage_error(cli: Cli) -> None:
    assert cli("leaderboard", "--board", "webdev").code == 1
    assert "no standings of board 'webdev'" in cli("leaderboard", "--board", "webdev").err
    assert cli("leaderboard", "--style", "maybe").code == 2


@pytest.mark.usefixtures("filled")
def test_links_show_what_the_price_did_and_figures_behind_stats(cli: Cli) -> None:
    plain, stats = cli("link", *SINCE).out, cli("link", *SINCE, "--stats").out
    assert "41.0 % → 47.0 %  +6.0 pp  moved_up" in plain
    assert "6.00" not in plain
    assert "6.00" in stats
    assert "updates" in stats


@pytest.mark.usefixtures("filled")
def test_moves_show_what_was_near(cli: Cli) -> None:
    out = cli("moves", *SINCE).out
    assert "40.0 % → 46.0 %  +6.0 pp  candidates" in out
    assert "Zetacorp shows its glasses (3 min before)" in out


@pytest.mark.usefixtures("filled")
def test_a_price_that_nobody_confirmed_for_a_day_has_no_change(cli: Cli) -> None:
    (row,) = cli("markets", "list", "--json").json
    assert row["price"] == 0.47
    assert row["change_24h_pp"] is None
    lines = cli("markets", "list").out.splitlines()
    assert lines[0] == "glasses"
    assert lines[2].strip() == "zeta-race"
    assert lines[3].split()[:5] == ["Zetacorp", "47.0", "%", "–", lines[3].split()[4]]


@pytest.mark.usefixtures("filled")
def test_the_brief_covers_boards_markets_signals_and_moves(cli: Cli) -> None:
    out = cli("brief", "--since", "2026-03-01").out
    for part in ("text, style control off", "zeta-race", "launch 0.80 Zetacorp shows", "+6.0 pp"):
        assert part in out
    only = cli("brief", "models", "--json").json
    assert [theme["theme"] for theme in only["themes"]] == ["models"]


@pytest.mark.usefixtures("filled")
def test_status_names_every_problem_and_check_makes_it_the_exit_code(cli: Cli) -> None:
    report = cli("status", "--json").json
    assert report["daemon"] == {"running": False, "pid": None, "uptime_s": None}
    assert "source wire is stale: last read 2026-03-02 13:00Z" in report["problems"]
    assert "theme models has no open market" in report["problems"]
    assert not [problem for problem in report["problems"] if "quiet" in problem]
    assert report["outbox_pending"] == 1
    text = cli("status")
    assert text.code == 0
    assert "daemon: not running" in text.out
    assert "quiet (off)" in text.out
    assert cli("status", "--check").code == 1


@pytest.mark.usefixtures("filled")
def test_alerts_are_listed_with_where_they_went(cli: Cli) -> None:
    row = cli("alerts", "list", *SINCE).out.splitlines()[1]
    assert "console queued" in row


def test_themes_are_listed_without_a_database(cli: Cli) -> None:
    out = cli("themes", "list").out
    assert "glasses, min score 0.5\n  entities: zetacorp\n  market: polymarket/id:516960\n" in out
    assert "  related: theme glasses\n  related: polymarket/event:some-race\n" in out


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("columns", ["60", "100", "160"])
def test_ids_instants_and_figures_stay_whole_at_any_width(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    shown = {
        ("signals", "list"): ("sig-1", "2026-03-02 12:00Z", "0.80", "Zetacorp shows its glasses"),
        ("link",): ("2026-03-02 12:00Z", "41.0 % → 47.0 %", "+6.0 pp", "moved_up"),
        ("link", "--stats"): ("41.0 % → 47.0 %", "+6.0 pp", "moved_up", "6.00", "60 min"),
        ("moves",): ("2026-03-02 12:00Z", "40.0 % → 46.0 %", "candidates"),
        ("alerts", "list"): ("2026-03-02 12:00Z", "console", "queued", "Zetacorp · launch"),
    }
    for command, parts in shown.items():
        out = cli(*command, *SINCE).out
        assert not [part for part in parts if part not in out], (command, out)


@pytest.mark.usefixtures("filled")
def test_control_characters_from_outside_never_reach_the_terminal(cli: Cli) -> None:
    for command in READING[:-1]:
        assert "\x1b" not in cli(*command).out
    assert "\x1b" not in cli("signals", "show", "sig-1", "--md").out


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("command", "word"), [
    (("signals", "list", "--theme", "glases"), "unknown theme 'glases' (did you mean glasses?)"),
    (("brief", "nope"), "unknown theme 'nope'; the config has glasses, models"),
    (("markets", "list", "--theme", "nope"), "unknown theme 'nope'"),
    (("poll", "wir"), "unknown source 'wir' (did you mean wire?); the config has wire, quiet"),
    (("poll", "quiet"), "source 'quiet' is off"),
    (("sources", "check", "nope"), "unknown source 'nope'"),
    (("alerts", "test", "phone"), "unknown channel 'phone'; the config has console"),
    (("signals", "list", "--since", "garbage"), "--since: 'garbage' is neither an instant"),
    (("moves", "--as-of", "2026-02-30"), "--as-of: '2026-02-30' is neither an instant"),
    (("brief", "--since", "99999999d"), "--since: '99999999d' is neither"),
    (("link", "--since", "0001-01-01T00:00+05:00"), "--since: '0001-01-01T00:00+05:00' is neith"),
])  # fmt: skip
def test_a_name_or_instant_that_is_not_there_is_a_usage_error(
    cli: Cli, command: tuple[str, ...], word: str
) -> None:
    ran = cli(*command)
    assert (ran.code, ran.out) == (2, "")
    assert word in ran.err
    assert ran.err.count("\n") == 1
