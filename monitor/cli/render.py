"""Reports as tables and cards on a terminal. Text from outside is escaped before it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table

from monitor.cli.context import age_text, instant_text, pp_text, price_text
from monitor.cli.settling import settling
from monitor.cli.tables import new_table, safe, show_rows

Report = dict[str, Any]
LASTED = ("moved_up", "moved_down", "confounded", "described")
LINK_COLUMNS = ("at", "headline", "market", "before → after", "move", "verdict")
_STATE_STYLE = {
    "sent": "green", "queued": "yellow", "sending": "yellow", "dead": "red", "cancelled": "dim",
    "suppressed": "dim",
}  # fmt: skip
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
    """Show the same with the figures behind each verdict and the shape of each response."""
    cells = [
        [
            *_link_cells(row),
            age_text(row["window_s"]),
            row["relation"],
            _number(row["z"]),
            _chance(row["p_value"]),
            _chance(row["q_value"]),
            _compared(row),
            str(row["n_updates"] or 0),
            age_text(row["quote_age_s"]),
            "thin" if row["thin"] else "",
            _shape_words(row),
        ]
        for row in rows
    ]
    figures = ("window", "family", "z", "p", "q", "compared", "updates", "age", "thin", "result")
    show_rows(console, (*LINK_COLUMNS, *figures), cells)


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


def alerts(console: Console, rows: Iterable[Report], *, now: datetime) -> None:
    """Show alerts, what each channel has of them, and why one was not told or did not arrive."""
    cells = [
        [
            str(row["alert_id"]), instant_text(row["at"]), row["rule"], _told(row),
            safe(row["title"]), safe(_result(row, now)),
        ]
        for row in rows
    ]  # fmt: skip
    show_rows(console, ("id", "at", "rule", "told", "title", "result"), cells)


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


def _told(row: Report) -> str:
    """Return each channel with its state; an alert that was not told has none."""
    told = []
    for each in row["deliveries"]:
        words = " ".join(filter(None, (each["channel"], each["state"])))
        told.append(f"[{_STATE_STYLE.get(each['state'], 'dim')}]{words}[/]")
    return ", ".join(told)


def _result(row: Report, now: datetime) -> str:
    """Return why it was not told, what is still to come, what went wrong."""
    from monitor.reports.deliveries import outcome_words

    several = len(row["deliveries"]) > 1
    said = [row["not_told"]] if row["not_told"] else []
    for each in row["deliveries"]:
        if words := outcome_words(each, now=now):
            said.append(f"{each['channel']}: {words}" if several else words)
    if row["escalation"] and row["reason"]:
        said.append(row["reason"][-1])
    if row["acked_at"]:
        said.append(f"acknowledged{': ' + row['ack_note'] if row['ack_note'] else ''}")
    return "; ".join(dict.fromkeys(said))


def _verdict(verdict: str) -> str:
    style = _VERDICT_STYLE.get(verdict)
    return f"[{style}]{verdict}[/]" if style else verdict


def _compared(row: Report) -> str:
    """Return with how many windows of how many days a response was compared."""
    if row["n_placebo"] is None:
        return "–"
    days = row["placebo_days"]
    return f"{row['n_placebo']} h of {days} day{'' if days == 1 else 's'}"


def _shape_words(row: Report) -> str:
    """Return when a response came, how much of the room it used, what is left of it."""
    first = _span(row["response_after_s"], row["response_by_s"])
    half = _span(row["half_after_s"], row["half_by_s"])
    words = [safe(row["reason"] or "")]
    words += [f"began {first}"] if first else []
    words += [f"half of it {half}"] if half else []
    if row["room_share"] and row["verdict"] in LASTED:
        words.append(f"{abs(row['room_share']):.0%} of the room")
    if row["log_odds_move"] is not None and row["verdict"] in LASTED:
        words.append(f"{row['log_odds_move']:+.2f} log-odds")
    if row["reversal"] is not None:
        words.append(f"{row['reversal']:.0%} of the first hour taken back")
    return "; ".join(word for word in words if word)


def _span(after_s: float | None, by_s: float | None) -> str:
    """Return between which two updates it happened, in minutes after the signal."""
    if after_s is None or by_s is None:
        return ""
    return f"between {after_s / 60:+.0f} and {by_s / 60:+.0f} min"


def _chance(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
