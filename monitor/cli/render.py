"""Reports as tables and cards on a terminal. Text from outside is escaped before it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table

from monitor.cli.context import age_text, instant_text, pp_text, price_text
from monitor.cli.settling import settling
from monitor.cli.tables import new_table, safe, show_rows

Report = dict[str, Any]
MAX_ORDER_MIN = 60.0
LINK_COLUMNS = ("at", "headline", "market", "before → after", "move", "verdict")
_VERDICT_STYLE = {
    "moved_up": "green",
    "moved_down": "red",
    "moved_before": "yellow",
    "confounded": "yellow",
    "candidates": "cyan",
    "no_public_cause_found": "magenta",
}


def brief(console: Console, report: Report) -> None:
    """Show the brief."""
    from monitor.reports.leaderboard import headline

    console.print(f"since {instant_text(report['since'])}")
    for board in report["boards"]:
        console.print(safe(headline(board)))
    for theme in report["themes"]:
        console.print(f"\n[bold]{safe(theme['theme'])}[/]")
        if theme["markets"]:
            console.print(market_table(theme["markets"]))
        for found in theme["signals"]:
            console.print(
                f"  {instant_text(found['at'])} {found['kind']} {found['score']:.2f} "
                f"{safe(found['title'])} ({safe(found['source'])})",
                soft_wrap=True,
            )
        for move in theme["moves"]:
            near = f", near: {safe(move['near'][0])}" if move["near"] else ""
            console.print(
                f"  {instant_text(move['start_at'])} {safe(move['label'])} "
                f"{pp_text(move['move_pp'])} {_verdict(move['verdict'])}{near}",
                soft_wrap=True,
            )
    for source in report["sick_sources"]:
        console.print(f"[yellow]! {safe(source['source'])}: {safe(source['error'] or '')}[/]")


def leaderboards(console: Console, reports: Iterable[Report]) -> None:
    """Show each board's head, the distance, and what settles on it."""
    from monitor.reports.leaderboard import headline

    for report in reports:
        console.print(f"[bold]{safe(headline(report))}[/]")
        console.print(
            f"published {report['publish_date']}, seen {instant_text(report['seen_at'])} "
            f"({age_text(report['age_s'])} ago), {report['page_rows']} rows"
        )
        table = new_table("#", "model", "organization", "score", "interval", "votes", "")
        for row in report["top"]:
            ends = [row["ci_low"], row["ci_high"]]
            interval = "" if None in ends else "{:g}–{:g}".format(*ends)
            table.add_row(
                str(row["rank"]),
                safe(row["model"]),
                safe(row["organization"] or ""),
                f"{row['score']:g}",
                interval,
                str(row["votes"] or ""),
                "Chinese" if row["chinese"] else "",
            )
        console.print(table)
        settling(console, report["markets"], report["elsewhere"])


def signals(console: Console, rows: Iterable[Report]) -> None:
    """Show signals, one a line."""
    cells = [
        [
            row["signal_id"],
            instant_text(row["at"]),
            row["theme"],
            row["kind"] + (" (background)" if row["background"] else ""),
            f"{row['score']:.2f}",
            "" if row["novelty"] is None else f"{row['novelty']:.2f}",
            str(row["publishers"]),
            safe(row["title"]),
        ]
        for row in rows
    ]
    show_rows(console, ("id", "at", "theme", "kind", "score", "novelty", "pub", "title"), cells)


def links(console: Console, rows: Iterable[Report]) -> None:
    """Show what prices did after signals."""
    show_rows(console, LINK_COLUMNS, map(_link_cells, rows))


def links_with_stats(console: Console, rows: Iterable[Report]) -> None:
    """Show the same with the figures behind each verdict."""
    cells = [
        [
            *_link_cells(row),
            age_text(row["window_s"]),
            _number(row["z"]),
            _number(row["p_value"]),
            _number(row["q_value"]),
            str(row["n_updates"] or 0),
            age_text(row["quote_age_s"]),
            "thin" if row["thin"] else "",
        ]
        for row in rows
    ]
    names = (*LINK_COLUMNS, "window", "z", "p", "q", "updates", "age", "thin")
    show_rows(console, names, cells)


def moves(console: Console, rows: Iterable[Report]) -> None:
    """Show moves and what was near them."""
    cells = [
        [
            instant_text(row["start_at"]),
            safe(row["question"]),
            f"{price_text(row['price_from'])} → {price_text(row['price_to'])}",
            pp_text(row["move_pp"]),
            _verdict(row["verdict"]),
            "; ".join(
                f"{safe(found['title'])} ({_minutes(found)})"
                for found in (row["explained_by"] or ())[:2]
            ),
        ]
        for row in rows
    ]
    show_rows(console, ("start", "market", "from → to", "move", "verdict", "near"), cells)


def themes(console: Console, rows: Iterable[Report]) -> None:
    """Show themes, each with what it watches."""
    for row in rows:
        console.print(f"[bold]{safe(row['theme'])}[/], min score {row['min_score']:g}")
        console.print(f"  entities: {safe(', '.join(row['entities']))}", soft_wrap=True)
        for key in row["markets"] or ["none of its own"]:
            console.print(f"  market: {safe(key)}", soft_wrap=True)
        for key in row["related_markets"]:
            console.print(f"  related: {safe(key)}", soft_wrap=True)


def markets(console: Console, rows: Sequence[Report]) -> None:
    """Show followed markets, theme by theme."""
    for theme, found in groupby(rows, key=lambda row: row["theme"]):
        console.print(f"[bold]{safe(theme)}[/]")
        console.print(market_table(found))


def alerts(console: Console, rows: Iterable[Report]) -> None:
    """Show alerts with their deliveries."""
    names = ("id", "at", "rule", "title", "channel", "state", "attempts")
    cells = [
        [
            str(row["alert_id"]), instant_text(row["at"]), row["rule"], safe(row["title"]),
            row["channel"], row["state"], str(row["attempts"]),
        ]
        for row in rows
    ]  # fmt: skip
    show_rows(console, names, cells)


def market_table(rows: Iterable[Report]) -> Table:
    """Return markets under their series, with price, change, age of the last read and close."""
    table = new_table("market", "price", "24 h", "read", "closes", "")
    for _, found in groupby(rows, key=lambda row: (row["venue"], row["series"])):
        legs = list(found)
        table.add_row(safe(legs[0]["series_title"] or legs[0]["series"]), style="dim")
        for row in legs:
            table.add_row(
                f"  {safe(row['label'])}",
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
        safe(row["title"]),
        safe(row["question"]),
        f"{before} → {after}",
        "–" if row["verdict"].startswith("not_evaluated") else pp_text(row["move_pp"]),
        _verdict(row["verdict"]),
    ]


def _minutes(found: Report) -> str:
    """Return how long before the move; the clocks may not be able to tell the order."""
    before, error = found["minutes_before"], found["clock_error_min"]
    if abs(before) <= error:
        return "the same day, order unknown" if error > MAX_ORDER_MIN else "at the same time"
    side = "before" if before >= 0 else "after"
    return f"{abs(before):.0f} min {side}"


def _verdict(verdict: str) -> str:
    style = _VERDICT_STYLE.get(verdict)
    return f"[{style}]{verdict}[/]" if style else verdict


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
