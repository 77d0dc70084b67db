"""Reports as tables and cards on a terminal. Text from outside is escaped before it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from monitor.cli.context import age_text, instant_text, pp_text, price_text

Report = dict[str, Any]
_VERDICT_STYLE = {
    "moved_up": "green",
    "moved_down": "red",
    "moved_before": "yellow",
    "confounded": "yellow",
    "candidates": "cyan",
    "no_public_cause_found": "magenta",
}


def poll(console: Console, reports: Sequence[Any], found: Any) -> None:
    """Show one line for each source and what followed."""
    table = _table("source", "result", "rows", "refused", "requests")
    for report in reports:
        rows = ", ".join(f"{count} {kind}" for kind, count in report.rows.items() if count)
        result = f"[red]{_safe(report.error)}[/]" if report.error else "[green]ok[/]"
        table.add_row(
            report.source, result, rows, str(report.rejects.total() or ""), str(report.requests)
        )
    console.print(table)
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
        console.print(f"\n[bold]{_safe(theme['theme'])}[/]: {len(theme['open_markets'])} open")
        if theme["open_markets"]:
            console.print(_market_table(theme["open_markets"]))
    console.print()
    sources(console, report["sources"])
    last, database = report["last_alert"], report["database"]
    shown = f"{instant_text(last['at'])} {_safe(last['title'])}" if last else "none yet"
    console.print(f"last alert: {shown}; outbox: {report['outbox_pending']} pending")
    size = (database["bytes"] or 0) / 2**20
    console.print(f"database: {_safe(database['path'])}, {size:.1f} MiB")
    for problem in report["problems"]:
        console.print(f"[yellow]! {_safe(problem)}[/]")


def sources(console: Console, rows: Iterable[Report]) -> None:
    """Show how each source is doing."""
    table = _table("source", "kind", "every", "last ok", "next due", "failures", "refused", "error")
    for row in rows:
        refused = sum(row["rejects"].values())
        table.add_row(
            row["source"] if row["enabled"] else f"{row['source']} (off)",
            row["kind"],
            age_text(row["every_s"]),
            instant_text(row["last_ok_at"]),
            instant_text(row["next_due"]),
            str(row["failures"] or ""),
            str(refused or ""),
            _safe(row["last_error"] or ""),
            style="yellow" if row["stale"] else None,
        )
    console.print(table)


def source_check(console: Console, report: Report) -> None:
    """Show what a poll would store."""
    if report["error"]:
        console.print(f"[red]{_safe(report['error'])}[/]")
    for page in report["pages"]:
        console.print(f"{_safe(page['url'])}: {page['bytes']} bytes")
    console.print("would store: " + (_counts(report["rows"]) or "nothing"))
    for reason, count in report["rejects"].items():
        console.print(f"  refused {count}: {_safe(reason)}")
    for sample in report["samples"]:
        console.print(f"  {_safe(sample)}")


def brief(console: Console, report: Report) -> None:
    """Show the brief."""
    from monitor.reports.leaderboard import headline

    console.print(f"since {instant_text(report['since'])}")
    for board in report["boards"]:
        console.print(_safe(headline(board)))
    for theme in report["themes"]:
        console.print(f"\n[bold]{_safe(theme['theme'])}[/]")
        if theme["markets"]:
            console.print(_market_table(theme["markets"]))
        for found in theme["signals"]:
            console.print(
                f"  {instant_text(found['at'])} {found['kind']} {found['score']:.2f} "
                f"{_safe(found['title'])} ({_safe(found['source'])})"
            )
        for move in theme["moves"]:
            near = f", near: {_safe(move['near'][0])}" if move["near"] else ""
            console.print(
                f"  {instant_text(move['start_at'])} {_safe(move['label'])} "
                f"{pp_text(move['move_pp'])} {_verdict(move['verdict'])}{near}"
            )
    for source in report["sick_sources"]:
        console.print(f"[yellow]! {_safe(source['source'])}: {_safe(source['error'] or '')}[/]")


def leaderboards(console: Console, reports: Iterable[Report]) -> None:
    """Show each board's head and the distance."""
    from monitor.reports.leaderboard import headline

    for report in reports:
        console.print(f"[bold]{_safe(headline(report))}[/]")
        console.print(
            f"published {report['publish_date']}, seen {instant_text(report['seen_at'])} "
            f"({age_text(report['age_s'])} ago), {report['page_rows']} rows"
        )
        table = _table("#", "model", "organization", "score", "interval", "votes", "")
        for row in report["top"]:
            interval = "" if row["ci_low"] is None else f"{row['ci_low']:g}–{row['ci_high']:g}"
            table.add_row(
                str(row["rank"]),
                _safe(row["model"]),
                _safe(row["organization"] or ""),
                f"{row['score']:g}",
                interval,
                str(row["votes"] or ""),
                "Chinese" if row["chinese"] else "",
            )
        console.print(table)


def signals(console: Console, rows: Iterable[Report]) -> None:
    """Show signals, one a line."""
    table = _table("id", "at", "theme", "kind", "score", "novelty", "pub", "title")
    for row in rows:
        table.add_row(
            row["signal_id"],
            instant_text(row["at"]),
            row["theme"],
            row["kind"] + (" (background)" if row["background"] else ""),
            f"{row['score']:.2f}",
            "" if row["novelty"] is None else f"{row['novelty']:.2f}",
            str(row["publishers"]),
            _safe(row["title"]),
        )
    console.print(table)


def links(console: Console, rows: Iterable[Report]) -> None:
    """Show what prices did after signals."""
    table = _table("at", "headline", "market", "before → after", "move", "verdict")
    for row in rows:
        table.add_row(*_link_cells(row))
    console.print(table)


def links_with_stats(console: Console, rows: Iterable[Report]) -> None:
    """Show the same with the figures behind each verdict."""
    names = ("at", "headline", "market", "before → after", "move", "verdict")
    table = _table(*names, "window", "z", "p", "q", "updates", "age", "thin")
    for row in rows:
        table.add_row(
            *_link_cells(row),
            age_text(row["window_s"]),
            _number(row["z"]),
            _number(row["p_value"]),
            _number(row["q_value"]),
            str(row["n_updates"] or 0),
            age_text(row["quote_age_s"]),
            "thin" if row["thin"] else "",
        )
    console.print(table)


def moves(console: Console, rows: Iterable[Report]) -> None:
    """Show moves and what was near them."""
    table = _table("start", "market", "from → to", "move", "verdict", "near")
    for row in rows:
        near = [
            f"{_safe(found['title'])} ({_minutes(found['minutes_before'])})"
            for found in (row["explained_by"] or ())[:2]
        ]
        table.add_row(
            instant_text(row["start_at"]),
            _safe(row["question"]),
            f"{price_text(row['price_from'])} → {price_text(row['price_to'])}",
            pp_text(row["move_pp"]),
            _verdict(row["verdict"]),
            "; ".join(near),
        )
    console.print(table)


def themes(console: Console, rows: Iterable[Report]) -> None:
    """Show themes."""
    table = _table("theme", "min score", "entities", "markets")
    for row in rows:
        table.add_row(
            row["theme"], str(row["min_score"]), ", ".join(row["entities"]),
            "\n".join(map(_safe, row["markets"])),
        )  # fmt: skip
    console.print(table)


def markets(console: Console, rows: Sequence[Report]) -> None:
    """Show followed markets."""
    console.print(_market_table(rows))


def card(console: Console, report: Report) -> None:
    """Show one signal's card."""
    for line in card_lines(report):
        console.print(_safe(line))


def card_markdown(report: Report) -> str:
    """Return the card as Markdown."""
    return "\n".join(
        f"## {line[:-1]}" if line.endswith(":") and not line.startswith(" ") else line.strip()
        for line in card_lines(report)
    )


def card_lines(report: Report) -> Iterable[str]:
    """Yield the card's plain lines, section by section."""
    yield "Headline:"
    yield f"  {report['headline']}"
    yield (
        f"  {report['theme']}, {report['kind']}, score {report['score']:.2f}, "
        f"public {instant_text(report['at'])} ({report['precision']}), "
        f"seen {instant_text(report['observed_at'])}"
    )
    yield "Context:"
    for item in report["context"]:
        origin = f", repeating {item['attributed_to']}" if item["attributed_to"] else ""
        yield f"  - {instant_text(item['published_at'])} {item['source']}{origin}: {item['title']}"
        if item["url"]:
            yield f"    {item['url']}"
    yield "Evidence:"
    if not report["evidence"]:
        yield "  no market was evaluated for this signal"
    for link in report["evidence"]:
        tested = "" if link["window_s"] == 3600 and link["focal"] else " (described, not tested)"
        yield (
            f"  - {link['market']}, {age_text(link['window_s'])}: "
            f"{price_text(link['price_before'])} → {price_text(link['price_after'])} "
            f"{pp_text(link['move_pp'])}, {link['verdict']}{tested}; {link['reason']}"
        )
    yield "Reasons:"
    yield from (f"  - {reason}" for reason in report["reasons"])
    yield "Key points:"
    points = [*report["entities"], *report["key_points"]]
    yield from (f"  - {point}" for point in points)
    yield "What to watch:"
    yield from (f"  - {line}" for line in report["watch"])


def _market_table(rows: Iterable[Report]) -> Table:
    table = _table("series", "market", "price", "24 h", "read", "closes", "")
    for row in rows:
        table.add_row(
            _safe(row["series"]),
            _safe(row["label"]),
            price_text(row["price"]),
            pp_text(row["change_24h_pp"]),
            "never" if row["age_s"] is None else f"{age_text(row['age_s'])} ago",
            "" if row["closes_at"] is None else f"{row['closes_at']:%Y-%m-%d}",
            "" if row["relation"] == "own" else row["relation"],
        )
    return table


def _link_cells(row: Report) -> list[str]:
    before, after = price_text(row["price_before"]), price_text(row["price_after"])
    return [
        instant_text(row["at"]),
        _safe(row["title"]),
        _safe(row["question"]),
        f"{before} → {after}",
        pp_text(row["move_pp"]),
        _verdict(row["verdict"]),
    ]


def _minutes(before: float) -> str:
    side = "before" if before >= 0 else "after"
    return f"{abs(before):.0f} min {side}"


def _verdict(verdict: str) -> str:
    style = _VERDICT_STYLE.get(verdict)
    return f"[{style}]{verdict}[/]" if style else verdict


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _counts(rows: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in rows.items())


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _safe(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in str(text))
    return escape(printable)
