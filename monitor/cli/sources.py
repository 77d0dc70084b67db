"""Sources: how they are doing, and trying one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import health
from monitor.cli.context import Options, chosen, print_json, reading, utc_now
from monitor.cli.leads import sources_lead

if TYPE_CHECKING:
    from monitor.config import Config

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    sources = typer.Typer(help="List sources or try one.", no_args_is_help=True)
    sources.command("list")(sources_list)
    sources.command("check")(sources_check)
    sources.command("lead")(sources_lead)
    app.add_typer(sources, name="sources")


def sources_list(context: typer.Context, as_json: Json = False) -> None:
    """Sources with their pace, how they are doing, and their expected and measured lag."""
    from monitor.reports.sources import source_rows

    options: Options = context.obj
    config = options.load_config()
    with reading(config) as session:
        found = source_rows(session, config, now=utc_now())
    if as_json:
        print_json(found)
    else:
        health.sources(options.console(), found)


def sources_check(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A source of the config.")],
    as_json: Json = False,
) -> int:
    """Fetch one source live and print what it would store; nothing is stored."""
    from monitor.clock import SystemClock
    from monitor.jobs.check import check_source

    options: Options = context.obj
    options.set_up_logs()
    config, topics = options.load_topics()
    known = {source.name: source for source in config.sources}
    source = known[chosen(name, list(known), "source")]
    state = _stored_state(config, name)
    found = asyncio.run(check_source(config, topics, source, SystemClock(), state=state))
    if as_json:
        print_json(found)
    else:
        health.source_check(options.console(), found)
    return 1 if found["error"] else 0


def _stored_state(config: Config, name: str) -> Any:
    """Return what is stored of a source; None when there is no database to read."""
    from storage import StorageError, source_repo

    with contextlib.suppress(StorageError), reading(config) as session:
        return source_repo.load(session, name)
    return None
