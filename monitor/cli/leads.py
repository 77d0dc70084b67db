"""Who led: sources against prices, venues against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.arguments import parse_when
from monitor.cli.context import Options, chosen, counted, print_json, reading, utc_now
from monitor.cli.tables import safe, show_rows

if TYPE_CHECKING:
    from rich.console import Console

SOURCE_COLUMNS = (
    "source", "episodes", "moved", "price followed", "price led", "simultaneous or unknown",
    "median", "hit rate (95 %)", "by chance", "requests", "requests/episode",
)  # fmt: skip


def sources_lead(
    context: typer.Context,
    theme: Annotated[str | None, typer.Option(help="One theme only.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="An instant, or a span back such as 30d. Default: ever; of two venues the last "
            "90 days that both have."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Who was first: each source or the price, and which venue; nulls are listed like the rest."""
    from monitor.reports.leads import source_leads
    from monitor.reports.venue_pairs import venue_pairs

    options: Options = context.obj
    config = options.load_config()
    if theme is not None:
        chosen(theme, [each.name for each in config.themes], "theme")
    now = utc_now()
    start = parse_when(since, now=now, option="--since")
    with reading(config) as session:
        found = source_leads(session, config, now=now, theme=theme, since=start)
        found["venue_pairs"] = venue_pairs(session, config, now=now, theme=theme, since=start)
    if as_json:
        print_json(found)
    else:
        show(options.console(), found)


def show(console: Console, report: dict[str, Any]) -> None:
    """Show each source's record, what could not be read, and every pair of venues."""
    rows = [_source_cells(row) for row in report["sources"]]
    show_rows(console, SOURCE_COLUMNS, rows)
    excluded = ", ".join(f"{n} {reason}" for reason, n in report["excluded"].items())
    console.print(
        f"\n{counted(report['episodes'], 'episode')} read; left out: {excluded or 'none'}",
        soft_wrap=True,
    )
    console.print(
        "Minutes from a source's first item to the price's first crossing; below 0 the price was "
        "first. First is not cause. By chance: how often any hour saw such a move. Polls, because "
        "requests are not stored.",
        style="dim",
        soft_wrap=True,
    )
    if not report["venue_pairs"]:
        console.print("no pair of markets that two venues price alike")
        return
    console.print()
    names = ("venues", "span", "changes", "lag", "rho", "p", "q", "result", "market")
    show_rows(console, names, [_pair_cells(row) for row in report["venue_pairs"]])


def _source_cells(row: dict[str, Any]) -> list[str]:
    ends = (row["hit_rate_low"], row["hit_rate_high"])
    return [
        safe(row["source"]),
        str(row["episodes"]),
        str(row["responses"]),
        str(row["price_followed"]),
        str(row["price_led"]),
        str(row["simultaneous_or_unknown"]),
        "–" if row["median_minutes"] is None else f"{row['median_minutes']:+.0f} min",
        "–"
        if row["hit_rate"] is None
        else f"{_percent(row['hit_rate'])} ({_percent(ends[0])}–{_percent(ends[1])})",
        _percent(row["base_rate"]),
        "–" if row["requests"] is None else str(row["requests"]),
        "–" if row["requests_per_episode"] is None else f"{row['requests_per_episode']:.0f}",
    ]


def _pair_cells(row: dict[str, Any]) -> list[str]:
    lag = row["lag_minutes"]
    return [
        " / ".join(row["venues"]),
        "–" if row["from"] is None else f"{row['from']:%Y-%m-%d} to {row['to']:%Y-%m-%d}",
        " / ".join(map(str, row["changes"])),
        "–" if lag is None else f"{lag:+.0f} min",
        "–" if row["rho"] is None else f"{row['rho']:.2f}",
        "–" if row["p_value"] is None else f"{row['p_value']:.3f}",
        "–" if row["q_value"] is None else f"{row['q_value']:.3f}",
        safe(row["verdict"]),
        safe(row["questions"][0]),
    ]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
