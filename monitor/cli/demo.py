"""What the demonstration prints: first what an analyst wants to know, then the files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from monitor.cli import render
from monitor.cli.moves import moves
from monitor.demo.run import DATABASE, Shown, run_demo
from monitor.errors import ConfigError
from monitor.reports.leaderboard import leaderboards
from monitor.reports.moves import series_moves
from storage import export
from storage.tables import TABLES, Selection

PRIMARY_WINDOW_S = 3600
FILES = ("quotes", "markets", "items", "signals", "standings", "links", "moves", "alerts", "panel")


def show(folder: Path, console: Console) -> int:
    """Run the demonstration into `folder`, print what it found, and return the exit code."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--dir {folder}: cannot be made: {error.strerror}") from error
    if any(folder.iterdir()) and not (folder / DATABASE).exists():
        raise ConfigError(
            f"--dir {folder}: holds files that no demonstration wrote; name an empty folder"
        )
    began = time.monotonic()
    shown = _run(folder)
    console.print(f"[bold]{escape(shown.scenario.title)}[/], and one SIMULATED market")
    console.print(escape(shown.scenario.notes), style="dim")
    with shown.store.read() as session:
        _boards(console, shown, session)
        _signals(console, session)
        _links(console, session)
        _moves(console, session)
    _alerts(console, shown.told)
    _files(console, shown, folder)
    console.print(
        f"\n{shown.requests} requests to the fake upstream in {time.monotonic() - began:.0f} s; "
        f"look further with: signal-monitor -c {folder}/config.yaml signals list --since 2026-07-01"
    )
    shown.store.close()
    return 0


def _run(folder: Path) -> Shown:
    columns = (TextColumn("playing July 2026"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        return asyncio.run(run_demo(folder, lambda share: bar.update(task, completed=share)))


def _boards(console: Console, shown: Shown, session: Any) -> None:
    console.rule("Who is #1, and how far is the best Chinese model")
    reports = leaderboards(session, shown.topics, now=shown.now)
    render.leaderboards(console, reports)
    if not any(report["style_control"] == "off" for report in reports):
        console.print("style control off: no figures of that month were recorded", style="dim")


def _signals(console: Console, session: Any) -> None:
    console.rule("Signals, with the reason for each")
    for row in _rows(session, "signals"):
        console.print(
            f"{row['at']:%m-%d %H:%M} [bold]{row['kind']}[/] {row['score']:.2f} "
            f"{escape(row['title'])} ({row['publishers']} pub.)"
        )
        console.print(f"    {escape('; '.join(row['reason'][:4]))}", style="dim", soft_wrap=True)


def _links(console: Console, session: Any) -> None:
    console.rule("What prices did in the hour after them (moved after, never caused)")
    tested = [
        row
        for row in _rows(session, "links")
        if row["focal"] and row["window_s"] == PRIMARY_WINDOW_S
    ]
    evaluated = [row for row in tested if not row["verdict"].startswith("not_evaluated")]
    render.links(console, evaluated)
    console.print("\nNot evaluated, and why (stale: the last known price was too old):")
    refused = (row for row in tested if row not in evaluated)
    for title, rows in groupby(refused, key=lambda row: row["title"]):
        why = "; ".join(f"{_short(row['question'])} {_reason(row)}" for row in rows)
        console.print(f"  {escape(title)}", soft_wrap=True)
        console.print(f"    {escape(why)}", style="dim", soft_wrap=True)


def _short(question: str) -> str:
    return "SIMULATED" if question.startswith("SIMULATED") else question.split(" ")[1]


def _reason(row: dict[str, Any]) -> str:
    return str(row["verdict"]).partition(":")[2].replace("_", " ")


def _moves(console: Console, session: Any) -> None:
    console.rule("Price moves, and what was public near them")
    moves(console, series_moves(session, Selection()))
    console.print(
        "The real markets' prices are known on few days: their moves have the hour of the next "
        "known price.",
        style="dim",
    )


def _alerts(console: Console, told: str) -> None:
    console.rule("Alerts, as the console got them (first lines)")
    for line in told.splitlines():
        if line and not line.startswith(" "):
            console.print(escape(line))


def _files(console: Console, shown: Shown, folder: Path) -> None:
    console.rule("Files")
    with shown.store.read() as session:
        for what in FILES:
            path = folder / f"{what}.csv"

            def write(stream: Any, name: str = what) -> export.Exported:
                return export.write_csv(
                    session, name, Selection(), stream, freq=timedelta(minutes=30)
                )

            exported = export.write_file(path, write)
            export.write_manifest(path, what, Selection(), exported)
            console.print(f"{path}: {exported.rows} rows")
    console.print(f"{folder / DATABASE}: the database behind them")


def _rows(session: Any, what: str) -> list[dict[str, Any]]:
    names = TABLES[what].columns
    rows: Iterable[tuple[Any, ...]] = TABLES[what].rows(session, Selection())
    return [dict(zip(names, row, strict=True)) for row in rows]
