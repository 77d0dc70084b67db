"""How polls, sources and the daemon are doing, on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console

from monitor.cli.context import age_text, instant_text
from monitor.cli.render import market_table
from monitor.cli.tables import safe, show_rows

Report = dict[str, Any]
MAX_REASONS = 5
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


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
    _show_sources(console, report["sources"], ("source", "every", "last ok", "next due", "state"))
    _sick(console, report["sources"])
    _refused(console, report["sources"])
    last, database = report["last_alert"], report["database"]
    shown = f"{instant_text(last['at'])} {safe(last['title'])}" if last else "none yet"
    console.print(f"last alert: {shown}; outbox: {report['outbox_pending']} pending")
    size = (database["bytes"] or 0) / 2**20
    console.print(f"database: {safe(database['path'])}, {size:.1f} MiB")
    if report["outdated_items"]:
        console.print(
            f"items tagged under an older catalog or older themes: {report['outdated_items']:,}; "
            "`signal-monitor retag` reads them again",
            soft_wrap=True,
        )
    for problem in report["problems"]:
        console.print(f"[yellow]! {safe(problem)}[/]")


def sources(console: Console, rows: Iterable[Report]) -> None:
    """Show how each source is doing: pace, lag, state and what is wrong."""
    names = (
        "source", "kind", "every", "last ok", "next due", "lag", "state", "refused", "error",
    )  # fmt: skip
    _show_sources(console, rows, names)


def source_check(console: Console, report: Report) -> None:
    """Show what a poll would store."""
    if report["error"]:
        console.print(f"[red]{safe(report['error'])}[/]", soft_wrap=True)
    for page in report["pages"]:
        told = f"[red]{safe(page['error'])}[/]" if page["error"] else f"{page['rows']} rows"
        line = f"{safe(page['url'])} ({safe(page['shape'])}): {page['bytes']} bytes, {told}"
        console.print(line, soft_wrap=True)
    for old, new in report["moved"].items():
        console.print(f"{safe(old)} has moved for good to {safe(new)}", soft_wrap=True)
    if report["asks"]:
        console.print(f"the publisher asks: {safe(_asks(report['asks']))}")
    console.print("would store: " + (_counts(report["rows"]) or "nothing"))
    for kind, lines in report["samples"].items():
        console.print(f"[bold]{kind}[/]")
        for line in lines:
            console.print(f"  {safe(line)}", soft_wrap=True)
    for reject in report["rejects"]:
        count = f"refused {reject['count']}: {safe(reject['reason'])}"
        console.print(f"{count}\n  {safe(reject['excerpt'])}", soft_wrap=True)
    console.print(_drift(report["drift"]), soft_wrap=True)


def _show_sources(console: Console, rows: Iterable[Report], names: Sequence[str]) -> None:
    show_rows(console, names, [[_cell(row, name) for name in names] for row in rows])


def _cell(row: Report, name: str) -> str:
    if name == "source":
        return safe(row["source"]) if row["enabled"] else f"{safe(row['source'])} (off)"
    if name == "kind":
        return safe(row["kind"])
    if name == "every":
        return _every(row)
    if name == "state":
        style = {"ok": "green", "off": "dim", "new": "dim"}.get(row["state"], "yellow")
        return f"[{style}]{_state(row)}[/]"
    if name == "lag":
        expected, measured = (_lag(row[key]) for key in ("expected_lag_s", "measured_lag_s"))
        return f"{expected or 'by publish'} / {measured or '–'}"
    if name == "refused":
        return str(row["refused"] or "")
    if name == "error":
        return safe(row["said"])
    return instant_text(row["last_ok_at" if name == "last ok" else "next_due"])


def _every(row: Report) -> str:
    """Return the pace, and what the publisher asks where that is slower."""
    pace = row["every"] if row["every"] != "auto" else f"auto ({age_text(row['every_s'])})"
    asks = row["asks_s"]
    return f"{pace}, asks {age_text(asks)}" if asks and asks > row["every_s"] else str(pace)


def _state(row: Report) -> str:
    if row["state"] == "circuit open":
        return f"circuit open until {instant_text(row['circuit_until'])}"
    return f"failing {row['failures']}x" if row["state"] == "failing" else str(row["state"])


def _lag(seconds: float | None) -> str | None:
    return None if seconds is None else age_text(seconds)


def _sick(console: Console, rows: Iterable[Report]) -> None:
    """Show what fails and is no problem yet; problems are told in words of their own."""
    for row in rows:
        if row["said"] and not row["problems"]:
            console.print(f"{safe(row['source'])}: {safe(row['said'])}", soft_wrap=True)


def _refused(console: Console, rows: Iterable[Report]) -> None:
    for row in rows:
        worst = sorted(row["rejects"].items(), key=lambda each: -each[1])
        if worst:
            said = "; ".join(f"{count} {safe(reason)}" for reason, count in worst[:MAX_REASONS])
            more = len(worst) - MAX_REASONS
            rest = f"; and {more} more reasons" if more > 0 else ""
            console.print(f"refused from {safe(row['source'])}: {said}{rest}", soft_wrap=True)


def _asks(asks: Report) -> str:
    parts = [
        f"{what} {age_text(asks[key])}"
        for key, what in (("ttl_s", "ttl"), ("fresh_s", "unchanged for"))
        if key in asks
    ]
    days = [DAYS[day] for day in asks.get("skip_days", ())]
    parts += [f"skip hours {asks['skip_hours']}"] if asks.get("skip_hours") else []
    return ", ".join([*parts, *([f"skip {' '.join(days)}"] if days else [])])


def _drift(drift: Sequence[str] | None) -> str:
    if drift is None:
        return "usual look: not known yet"
    return "[yellow]drift: " + safe("; ".join(drift)) + "[/]" if drift else "looks as usual"


def _counts(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in rows.items() if count)
