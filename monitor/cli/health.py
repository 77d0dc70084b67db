"""How polls, sources and the daemon are doing, on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console

from monitor.cli.context import age_text, instant_text
from monitor.cli.render import market_table
from monitor.cli.tables import new_table, safe, show_rows

Report = dict[str, Any]


def poll(console: Console, reports: Sequence[Any], found: Any) -> None:
    """Show one line for each source and what followed."""
    cells = [
        [
            safe(report.source),
            f"[red]{safe(report.error)}[/]" if report.error else "[green]ok[/]",
            _counts(report.rows),
            str(report.rejects.total() or ""),
            str(report.requests),
        ]
        for report in reports
    ]
    show_rows(console, ("source", "result", "rows", "refused", "requests"), cells)
    console.print(
        f"{found.signals} signals, {found.moves} moves, {found.links} links, {found.alerts} alerts"
    )


def poll_json(reports: Sequence[Any], found: Any) -> Report:
    """Return the same as plain data."""
    return {
        "sources": [
            {
                "source": report.source,
                "error": report.error,
                "rows": dict(report.rows),
                "rejects": dict(report.rejects),
                "requests": report.requests,
                "next_due": report.next_due,
            }
            for report in reports
        ],
        "signals": found.signals,
        "moves": found.moves,
        "links": found.links,
        "alerts": found.alerts,
    }


def status(console: Console, report: Report) -> None:
    """Show the daemon, each theme's open markets, the sources and the problems."""
    daemon = report["daemon"]
    if daemon["running"]:
        console.print(f"daemon: pid {daemon['pid']}, up {age_text(daemon['uptime_s'])}")
    else:
        console.print("daemon: [yellow]not running[/]")
    for theme in report["themes"]:
        console.print(f"\n[bold]{safe(theme['theme'])}[/]: {len(theme['open_markets'])} open")
        if theme["open_markets"]:
            console.print(market_table(theme["open_markets"]))
    console.print()
    sources(console, report["sources"])
    last, database = report["last_alert"], report["database"]
    shown = f"{instant_text(last['at'])} {safe(last['title'])}" if last else "none yet"
    console.print(f"last alert: {shown}; outbox: {report['outbox_pending']} pending")
    size = (database["bytes"] or 0) / 2**20
    console.print(f"database: {safe(database['path'])}, {size:.1f} MiB")
    for problem in report["problems"]:
        console.print(f"[yellow]! {safe(problem)}[/]")


def sources(console: Console, rows: Iterable[Report]) -> None:
    """Show how each source is doing."""
    table = new_table(
        "source", "kind", "every", "last ok", "next due", "failures", "refused", "error"
    )
    for row in rows:
        refused = sum(row["rejects"].values())
        table.add_row(
            safe(row["source"]) if row["enabled"] else f"{safe(row['source'])} (off)",
            row["kind"],
            age_text(row["every_s"]),
            instant_text(row["last_ok_at"]),
            instant_text(row["next_due"]),
            str(row["failures"] or ""),
            str(refused or ""),
            safe(row["last_error"] or ""),
            style="yellow" if row["stale"] else None,
        )
    console.print(table)


def source_check(console: Console, report: Report) -> None:
    """Show what a poll would store."""
    if report["error"]:
        console.print(f"[red]{safe(report['error'])}[/]")
    for page in report["pages"]:
        console.print(f"{safe(page['url'])}: {page['bytes']} bytes")
    console.print("would store: " + (_counts(report["rows"]) or "nothing"))
    for reason, count in report["rejects"].items():
        console.print(f"  refused {count}: {safe(reason)}")
    for sample in report["samples"]:
        console.print(f"  {safe(sample)}")


def _counts(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in rows.items() if count)
