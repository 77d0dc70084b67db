"""`alerts`: what was told, and a test message to one channel."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from monitor.cli import render
from monitor.cli.arguments import parse_when
from monitor.cli.context import Options, chosen, print_json, reading, utc_now


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    alerts = typer.Typer(
        help="What was told, to whom, and whether it arrived.", no_args_is_help=True
    )
    alerts.command("list")(alerts_list)
    alerts.command("test")(alerts_test)
    app.add_typer(alerts, name="alerts")


def alerts_list(
    context: typer.Context,
    since: Annotated[str | None, typer.Option(help="An instant, or a span back: 30d.")] = "7d",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Alerts and their deliveries, oldest first."""
    from storage.tables import TABLES, Selection

    options: Options = context.obj
    config = options.load_config()
    with reading(config) as session:
        selection = Selection(since=parse_when(since, now=utc_now(), option="--since"))
        rows = list(TABLES["alerts"].rows(session, selection))
    found = [dict(zip(TABLES["alerts"].columns, row, strict=True)) for row in rows]
    if as_json:
        print_json(found)
        return
    render.alerts(options.console(), found)


def alerts_test(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="A channel of the config.")],
) -> None:
    """Send a message marked [TEST] to one channel, now; exit 1 when it was not taken."""
    from monitor.alerts import message as messages
    from monitor.cli.operate import surroundings
    from monitor.clock import SystemClock
    from monitor.http_client import HttpClient
    from monitor.jobs.process import test_payload

    options: Options = context.obj
    options.set_up_logs()
    config = options.load_config()
    known = {each.name: each for each in config.alerts.channels}
    chosen(channel, list(known), "channel")
    now = utc_now()
    key = f"test-{now.timestamp():.0f}"
    message = messages.render(test_payload(channel, now=now), now=now, key=key)

    async def send() -> None:
        async with HttpClient(
            SystemClock(),
            contact=config.http.contact,
            deadline=config.http.deadline,
            max_bytes=config.http.max_bytes,
            allow_private_hosts=frozenset(config.http.allow_private_hosts),
        ) as http:
            await known[channel].resolve(surroundings(options)).send(message, http)

    asyncio.run(send())
    print(f"{channel}: taken")
