"""`alerts`: what was told and why, what did not arrive, and a test message to one channel."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import alert_actions, alert_card, alert_grading, render, silences
from monitor.cli.arguments import parse_when
from monitor.cli.context import (
    Options,
    chosen,
    instant_text,
    print_json,
    reading,
    utc_now,
)
from monitor.errors import ConfigError, DeliveryError, MonitorError

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.config import Config
    from monitor.reports.alert_list import Wanted

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    alerts = typer.Typer(
        help="What was told, to whom, and whether it arrived.", no_args_is_help=True
    )
    alerts.command("list")(alerts_list)
    alerts.command("explain")(alerts_explain)
    alert_actions.register(alerts)
    silences.register(alerts)
    alerts.command("test")(alerts_test)
    alert_grading.register(alerts)
    app.add_typer(alerts, name="alerts")


def alerts_list(
    context: typer.Context,
    since: Annotated[str | None, typer.Option(help="An instant, or a span back: 30d.")] = "7d",
    rule: Annotated[str | None, typer.Option(help="Only those of this rule.")] = None,
    state: Annotated[
        str | None,
        typer.Option(help="queued, sending, sent, dead, cancelled, or suppressed (not told)."),
    ] = None,
    theme: Annotated[str | None, typer.Option(help="Only those of this theme.")] = None,
    as_json: AsJson = False,
) -> None:
    """Alerts told and not told, oldest first, with where they went and why not."""
    from monitor.reports.alert_list import Wanted, alert_rows, flat_rows, known_rules
    from monitor.reports.deliveries import STATES

    options: Options = context.obj
    config = options.load_config()
    now = utc_now()
    _check_state(state, STATES)
    if theme is not None:
        chosen(theme, [each.name for each in config.themes], "theme")
    wanted = Wanted(parse_when(since, now=now, option="--since"), rule, theme, state)
    with reading(config) as session:
        if rule is not None:
            names = [each.name for each in config.alerts.rules]
            chosen(rule, list(dict.fromkeys((*names, *known_rules(session)))), "rule")
        rows = alert_rows(session, config.alerts.rules, wanted, now=now)
    if as_json:
        print_json(flat_rows(rows))
    elif rows:
        render.alerts(options.console(), rows, now=now)
    else:
        print(_nothing(wanted, config, now))


def alerts_explain(
    context: typer.Context,
    alert_id: Annotated[int, typer.Argument(metavar="ID", help="As `alerts list` prints it.")],
    as_json: AsJson = False,
) -> None:
    """Why an alert was told or not, what it rests on then and now, where it went, what is next."""
    from monitor.reports.alert_explained import explained

    options: Options = context.obj
    config = options.load_config()
    now = utc_now()
    with reading(config) as session:
        report = explained(session, config.alerts, alert_id, now=now)
    if report is None:
        raise MonitorError(alert_actions.no_alert(alert_id))
    if as_json:
        print_json(report)
        return
    alert_card.show(options.console(), report, now=now)


def alerts_test(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="A channel of the config.")],
) -> None:
    """Send a message marked [TEST] to one channel, now; exit 1 when it was not taken."""
    options: Options = context.obj
    options.set_up_logs()
    config = options.load_config()
    known = {each.name: each for each in config.alerts.channels}
    kind = known[chosen(channel, list(known), "channel")].kind
    took_s, error = asyncio.run(_send_test(options, config, channel))
    if error is not None:
        raise MonitorError(_not_taken(channel, kind, error, took_s)) from error
    print(f"{channel}: taken, kind {kind}, in {_span(took_s)}")
    if kind == "feed":
        print(
            "a feed shows what the daemon tells it, and no test: "
            f"http://{config.web.listen}/alerts/{channel}.atom"
        )


async def _send_test(
    options: Options, config: Config, channel: str
) -> tuple[float, DeliveryError | None]:
    """Return how many seconds the channel took, and what went wrong."""
    from monitor.alerts.words import message as messages
    from monitor.cli.operate import surroundings
    from monitor.clock import SystemClock
    from monitor.http_client import HttpClient
    from monitor.jobs.process import test_payload

    now = utc_now()
    key = f"test-{now.timestamp():.0f}"
    message = messages.render(test_payload(channel, now=now), now=now, key=key)
    model = next(each for each in config.alerts.channels if each.name == channel)
    async with HttpClient(
        SystemClock(),
        contact=config.http.contact,
        deadline=config.http.deadline,
        max_bytes=config.http.max_bytes,
        allow_private_hosts=frozenset(config.http.allow_private_hosts),
    ) as http:
        ready = model.resolve(surroundings(options))
        began, failed = time.monotonic(), None
        try:
            await ready.send(message, http)
        except DeliveryError as error:
            failed = error
        return time.monotonic() - began, failed


def _not_taken(channel: str, kind: str, error: DeliveryError, took_s: float) -> str:
    ends = [
        "the daemon would try again" if error.recoverable else "the daemon would give it up at once"
    ]
    if error.maybe_sent:
        ends.append("it may have arrived")
    return f"{channel}: not taken, kind {kind}, after {_span(took_s)}: {error} ({', '.join(ends)})"


def _span(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _check_state(state: str | None, states: Sequence[str]) -> None:
    from monitor.problems import suggestion

    if state is not None and state not in states:
        raise ConfigError(
            f"--state {state!r} is none{suggestion(state, states)}; "
            f"choose one of {', '.join(states)}"
        )


def _nothing(wanted: Wanted, config: Config, now: datetime) -> str:
    """Return that there is nothing, and where to look instead."""
    asked: dict[str, Any] = {
        "of rule": wanted.rule, "of theme": wanted.theme, "in state": wanted.state,
    }  # fmt: skip
    which = "".join(f" {word} {value}" for word, value in asked.items() if value)
    since = "" if wanted.since is None else f" since {instant_text(wanted.since)}"
    hints = ["`--since 90d` looks further back"] if wanted.since else []
    if not config.alerts.rules:
        hints.append("the config has no rule under alerts.rules")
    elif not which:
        hints.append("`signal-monitor status` shows whether all is watched")
        hints.append("`signal-monitor alerts replay` what your rules would have told")
    return f"no alert{which}{since}" + (f"; {'; '.join(hints)}" if hints else "")
