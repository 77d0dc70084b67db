"""`backfill`: the past of sources, in resumable chunks, with a bar."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.arguments import parse_when
from monitor.cli.context import Options, chosen, owning, print_json, utc_now
from monitor.cli.tables import safe, show_rows
from monitor.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from monitor.config import Config
    from monitor.jobs.backfill import BackfillReport, Progress
    from storage import Store


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("backfill")(backfill)


def backfill(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]...")] = None,
    since: Annotated[str, typer.Option(help="An instant, or a span back: 30d.")] = "30d",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> int:
    """Read the past of sources that tell it; what is stored already is not asked again."""
    options: Options = context.obj
    options.set_up_logs()
    config = options.load_config()
    wanted = [
        chosen(name, [each.name for each in config.sources], "source") for name in names or ()
    ]
    start = parse_when(since, now=utc_now(), option="--since")
    if start is None or start >= utc_now():
        raise ConfigError("--since must lie in the past, as in 30d or 2026-06-01")
    with owning(config, wait=True) as store, _bar(options) as progress:
        reports = asyncio.run(_read(options, config, store, wanted, start, progress))
    if as_json:
        print_json([_plain(report) for report in reports])
    else:
        _show(options.console(), reports)
    failed = sum(report.error is not None for report in reports)
    return 0 if not failed else 1 if failed == len(reports) else 3


async def _read(
    options: Options,
    config: Config,
    store: Store,
    wanted: list[str],
    since: datetime,
    progress: Progress,
) -> list[BackfillReport]:
    from monitor.app import open_app
    from monitor.cli.operate import surroundings
    from monitor.clock import SystemClock
    from monitor.jobs.backfill import backfill_source, follow_up
    from monitor.sources.base import Backfilling

    async with open_app(config, store, SystemClock(), around=surroundings(options)) as app:
        reports = [
            await backfill_source(app, source, since=since, progress=progress)
            for source in app.sources
            if source.name in wanted or (not wanted and isinstance(source, Backfilling))
        ]
        await follow_up(app)
    return reports


@contextmanager
def _bar(options: Options) -> Iterator[Progress]:
    """Yield a function that moves a bar on stderr; on no terminal it says nothing."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, no_color=options.plain)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, disable=options.quiet or not console.is_terminal
    ) as bars:
        tasks: dict[str, Any] = {}

        def move(source: str, done: int, total: int) -> None:
            if source not in tasks:
                tasks[source] = bars.add_task(safe(source), total=total)
            bars.update(tasks[source], completed=done, total=total)

        yield move


def _show(console: Console, reports: list[BackfillReport]) -> None:
    cells = [
        [
            safe(report.source),
            f"[red]{safe(report.error)}[/]" if report.error else "[green]ok[/]",
            str(report.chunks),
            str(report.known or ""),
            str(report.failed or ""),
            ", ".join(f"{count} {kind}" for kind, count in report.rows.items() if count),
            str(report.rejects.total() or ""),
            str(report.requests),
        ]
        for report in reports
    ]
    headings = ("source", "result", "chunks", "known", "failed", "new rows", "refused", "requests")
    show_rows(console, headings, cells)
    for report in reports:
        for reason, count in report.rejects.most_common(5):
            console.print(f"  {safe(report.source)}: refused {count}: {safe(reason)}")


def _plain(report: BackfillReport) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(report)
