"""`calendar`: what is due, what came, what passed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.arguments import parse_when
from monitor.cli.context import Options, chosen, instant_text, print_json, reading, utc_now
from monitor.cli.tables import safe, show_rows

if TYPE_CHECKING:
    from rich.console import Console

_STYLE = {"open": "cyan", "met": "green", "passed": "yellow"}


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(calendar)


def calendar(
    context: typer.Context,
    theme: Annotated[str | None, typer.Argument(help="Default: every theme.")] = None,
    since: Annotated[str, typer.Option(help="An instant, or a span back such as 30d.")] = "7d",
    until: Annotated[
        str | None, typer.Option(help="The end, not included: an instant, or a span ahead.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """What is due: checks and closes of markets, announced launches; open, met or passed."""
    from monitor.reports.calendar import calendar as due_report

    options: Options = context.obj
    config, topics = options.load_topics()
    if theme is not None:
        chosen(theme, [each.name for each in config.themes], "theme")
    now = utc_now()
    start = parse_when(since, now=now, option="--since")
    end = _ahead(until, now)
    if start is not None and end is not None and end <= start:
        raise typer.BadParameter("the range ends before it begins", param_hint="--since, --until")
    with reading(config) as session:
        found = due_report(session, topics, now=now, theme=theme, since=start, until=end)
    if as_json:
        print_json(found)
    else:
        show(options.console(), found)


def show(console: Console, rows: Iterable[dict[str, Any]]) -> None:
    """Show what is due, one a line, with the signal that announced it and the one that met it."""
    cells = [
        [
            _due_text(row),
            f"[{_STYLE[row['state']]}]{row['state']}[/]",
            row["what"],
            safe(row["title"]),
            _source_text(row),
        ]
        for row in rows
    ]
    show_rows(console, ("due", "state", "what", "title", "from"), cells)


def _due_text(row: dict[str, Any]) -> str:
    if row["precision"] == "second":
        return instant_text(row["due"])
    return f"{row['due']:%Y-%m-%d}" if row["precision"] == "day" else f"{row['due']:%Y-%m}"


def _source_text(row: dict[str, Any]) -> str:
    if row["signal_id"] is None:
        count = len(row["markets"])
        return safe(f"{row['venue']}, {count} market{'' if count == 1 else 's'}")
    met = f", met by {row['met_by']}" if row["met_by"] else ""
    return safe(f"{row['signal_id']}{met}")


def _ahead(text: str | None, now: datetime) -> datetime | None:
    """Return an instant; a span counts from now on, for what is due lies ahead."""
    when = parse_when(text, now=now, option="--until")
    if text is None or when is None:
        return None
    from monitor.durations import parse_duration

    try:
        return now + parse_duration(text)
    except ValueError:
        return when
