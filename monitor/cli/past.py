"""`backfill` and `retag`: the past of sources, and what is made of it, resumable, with a bar."""

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
from monitor.errors import ConfigError, MonitorError

if TYPE_CHECKING:
    from rich.console import Console

    from monitor.config import Config
    from monitor.jobs.backfill import BackfillReport, Progress
    from monitor.topics import Topics
    from storage import Store


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(backfill)
    app.command()(retag)


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


def retag(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option(help="News of this instant or span on: 30d; default: all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Read stored items again after a change of catalog or themes; never alerts.

    What was known before stays known then. Ended early, it goes on where it was; again, it finds
    nothing to do.
    """
    from storage import outdated
    from storage.engine import sqlite_path

    options: Options = context.obj
    options.set_up_logs()
    config, topics = options.load_topics()
    start = parse_when(since, now=utc_now(), option="--since")
    if start is not None and start >= utc_now():
        raise ConfigError("--since must lie in the past, as in 30d or 2026-06-01")
    path = sqlite_path(config.storage.url)
    if path is not None and not path.exists():
        raise MonitorError(f"{path}: no database yet; `signal-monitor run` or `poll` makes it")
    with owning(config, wait=True) as store, _bar(options) as progress:
        found = _retag(store, topics, start, progress)
        with store.read() as session:
            found["left"] = outdated.count(session, topics.version)
    if as_json:
        print_json(found)
    else:
        _show_retagged(options.console(), found)


def _retag(
    store: Store, topics: Topics, since: datetime | None, progress: Progress
) -> dict[str, Any]:
    from monitor.jobs.retag import OUTCOMES, retag
    from storage import outdated

    now, done, links, counts = utc_now(), 0, 0, dict.fromkeys(OUTCOMES, 0)
    with store.read() as session:
        total = outdated.count(session, topics.version, since=since)
    batch, after = None, None
    while batch is None or after is not None:
        progress("items", done, max(total, done))
        with store.begin() as session:
            batch = retag(session, topics, now=now, since=since, after=after)
        after = batch.next
        done, links = done + batch.items, links + batch.links
        counts = {name: count + batch.signals[name] for name, count in counts.items()}
    return {"version": topics.version, "items": done, "signals": counts, "links": links}


def _show_retagged(console: Console, found: dict[str, Any]) -> None:
    if found["items"]:
        counts = ", ".join(f"{count:,} {name}" for name, count in found["signals"].items())
        console.print(f"items read again: {found['items']:,}; signals: {counts}")
    else:
        console.print("nothing to do: every item asked for was read with this catalog")
    if found["left"]:
        console.print(f"older items left as they were: {found['left']:,}; `retag` reads those, too")


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
