"""`alerts grades` and `alerts replay`: tables and JSON, honest about what cannot be graded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from storage import coverage, open_store, signal_repo
from storage.models import Alert
from storage.quotes import as_row, insert_rows
from tests.builders import TOKEN, a_move, a_quote, at
from tests.monitor.cli.conftest import Cli

EVER = ("--since", "2026-03-01")
RULES = """\
rules:
  - {name: eager, on: signal, themes: [glasses], min_score: 0.5, channels: [console]}
  - {name: picky, on: signal, min_score: 0.9, channels: [console]}
  - {name: jump, on: move, min_pp: 5, channels: [console]}
  - {name: morning, on: schedule, at: "08:00", channels: [console]}
"""


@pytest.fixture
def told(filled: Path) -> Path:
    """Return the working folder, its alert told when its signal was known, its move in full."""
    with _session(filled) as session:
        alert = session.exec(select(Alert)).one()
        alert.at = at(1)
        session.add(alert)
        move = a_move(1, state="persisted", verdict="candidates", explained_by=[])
        signal_repo.put_move(session, move, known_from=at(40))
    return filled


@pytest.fixture
def watched(told: Path) -> Path:
    """Return the same; the market was read for two days and rose to 55 % after an hour."""
    quotes = [a_quote(at(minute), bid, ask) for minute, bid, ask in (
        (70, "0.50", "0.52"), (80, "0.54", "0.56"), (400, "0.55", "0.57"),
    )]  # fmt: skip
    key = ("polymarket", "516960", TOKEN)
    with _session(told) as session:
        insert_rows(session, [as_row(quote, {key: 1}) for quote in quotes])
        subject = coverage.outcome_subject(1)
        whole = coverage.WHOLE_PAST
        coverage.add_span(session, subject, from_at=at(1), to_at=at(2880), reason=whole)
    return told


@contextmanager
def _session(folder: Path) -> Iterator[Session]:
    store = open_store(f"sqlite:///{folder}/signal-monitor.db")
    try:
        with store.begin() as session:
            yield session
    finally:
        store.close()


@pytest.mark.usefixtures("watched")
def test_grades_say_how_what_was_told_did(cli: Cli) -> None:
    ran = cli("alerts", "grades", *EVER)

    assert (ran.code, ran.err) == (0, "")
    # 41 % in force at the alert; 56 % is stored at minute 400, the horizon ends at 361.
    assert "41.0 % → 55.0 %" in ran.out
    assert "1 of 1 alerts, 1 of them in either direction" in ran.out
    assert "no test: n=1" in ran.out
    assert "No money check: no alert stated a direction." in ran.out
    assert "What came first is not thereby the cause." in ran.out
    assert "caused" not in ran.out


@pytest.mark.usefixtures("watched")
def test_grades_as_json_have_every_figure(cli: Cli) -> None:
    found = cli("alerts", "grades", *EVER, "--json").json

    assert (found["horizon_h"], found["since"]) == (6, "2026-03-01T00:00:00.000Z")
    (alert,) = found["alerts"]
    assert (alert["rule"], alert["grade"], alert["change_pp"]) == ("news", "hit", 14.0)
    assert (alert["market_id"], alert["direction"], alert["money_pp"]) == ("516960", None, None)
    overall = found["overall"]
    assert (overall["n"], overall["hits"], overall["precision"]) == (1, 1, 1.0)
    assert overall["precision_interval"] == pytest.approx([0.2065, 1.0], abs=1e-4)
    # Told at minute 1; the stored move crossed at minute 3.
    assert (overall["lead_min"], overall["moves"], overall["moves_told"]) == (2.0, 1, 1)
    assert (overall["p"], overall["q"]) == (None, None)
    assert [row["rule"] for row in found["rules"]] == ["news"]


@pytest.mark.usefixtures("told")
def test_what_nobody_watched_is_counted_and_not_graded(cli: Cli) -> None:
    ran = cli("alerts", "grades", *EVER)

    assert "No alert graded. Left out: 1 price too old." in ran.out


def test_a_replay_runs_the_rules_of_a_file_over_the_past(cli: Cli, watched: Path) -> None:
    (watched / "mine.yaml").write_text(RULES)

    ran = cli("alerts", "replay", *EVER, "--rules", "mine.yaml")
    found = cli("alerts", "replay", *EVER, "--rules", "mine.yaml", "--json").json

    assert ran.code == 0
    assert "not replayed: rule morning: briefs, which say nothing to grade" in ran.out
    assert [(row["rule"], row["grade"]) for row in found["alerts"]] == [
        ("eager", "hit"), ("jump", "hit"),
    ]  # fmt: skip
    assert [row["grade_of_all"] for row in found["alerts"]] == ["hit", "same_episode"]
    assert [(row["rule"], row["n"]) for row in found["rules"]] == [("eager", 1), ("jump", 1)]
    assert (found["overall"]["n"], found["overall"]["excluded"]) == (1, {"same_episode": 1})


def test_the_grades_listed_of_a_rule_add_up_to_its_row(cli: Cli, watched: Path) -> None:
    (watched / "mine.yaml").write_text(RULES)

    found = cli("alerts", "replay", *EVER, "--rules", "mine.yaml", "--json").json
    ran = cli("alerts", "replay", *EVER, "--rules", "mine.yaml")

    def counted(rows: list[dict[str, Any]], name: str) -> Counter[str]:
        return Counter(row[name] for row in rows)

    def row_of(report: dict[str, Any]) -> Counter[str]:
        n, hits = report["n"], report["hits"]
        return Counter({"hit": hits, "miss": n - hits, **report["excluded"]})

    for rule in found["rules"]:
        listed = [row for row in found["alerts"] if row["rule"] == rule["rule"]]
        assert +row_of(rule) == counted(listed, "grade")
    assert +row_of(found["overall"]) == counted(found["alerts"], "grade_of_all")
    assert "hit, counted once over all rules" in " ".join(ran.out.split())


@pytest.mark.usefixtures("watched")
def test_a_replay_without_a_file_runs_the_configs_rules(cli: Cli) -> None:
    found = cli("alerts", "replay", *EVER, "--json").json

    assert [row["rule"] for row in found["alerts"]] == ["news"]
    assert cli("alerts", "replay", "--since", "2026-03-05", "--json").json["alerts"] == []


def test_a_whole_config_gives_its_own_rules(cli: Cli, watched: Path) -> None:
    text = (watched / "config.yaml").read_text().replace("name: news", "name: other")
    (watched / "other.yaml").write_text(text)

    found = cli("alerts", "replay", *EVER, "--rules", "other.yaml", "--json").json

    assert [row["rule"] for row in found["alerts"]] == ["other"]


@pytest.mark.parametrize(("text", "said"), [
    ("rules: []", "mine.yaml:1:1: rules: must not be empty"),
    ("rules:\n  - {name: a, on: signal, channels: [consol]}",
     "mine.yaml:2:38: rules.0.channels.0: unknown channel 'consol' (did you mean console?)"),
    ("rules:\n  - {name: a, on: signal, channels: [console], themes: [glases]}",
     "unknown theme 'glases' (did you mean glasses?)"),
    ("rules:\n  - {name: a, on: move, min_p: 4, channels: [console]}",
     "mine.yaml:2:25: rules.0.min_p: unknown key (did you mean min_pp?)"),
    ("rule: []", "mine.yaml:1:1: rule: unknown key (did you mean rules?)"),
    ("- a", "must hold `key: value` lines"),
])  # fmt: skip
@pytest.mark.usefixtures("filled")
def test_a_file_that_is_wrong_is_refused_with_its_line(
    cli: Cli, filled: Path, text: str, said: str
) -> None:
    (filled / "mine.yaml").write_text(text + "\n")

    ran = cli("alerts", "replay", "--rules", "mine.yaml")

    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.parametrize(("arguments", "said"), [
    (("replay", "--since", "2999-01-01"), "--since must lie in the past"),
    (("grades", "--since", "yore"), "neither an instant"),
    (("replay", "--rules", "gone.yaml"), "gone.yaml: cannot be read: No such file"),
])  # fmt: skip
@pytest.mark.usefixtures("filled")
def test_bad_arguments_say_what_to_write(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    ran = cli("alerts", *arguments)

    assert ran.code == 2
    assert said in ran.err


@pytest.mark.usefixtures("folder")
def test_reading_makes_no_database(cli: Cli, folder: Path) -> None:
    for verb in ("replay", "grades"):
        assert cli("alerts", verb).code == 1
    assert not (folder / "signal-monitor.db").exists()
