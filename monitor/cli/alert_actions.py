"""`alerts ack` and `alerts resend`: what a person says of an alert, beside the running daemon."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.arguments import parse_when
from monitor.cli.beside import sender_words, writing
from monitor.cli.context import Options, chosen, counted, instant_text, utc_now
from monitor.cli.tables import printable
from monitor.errors import MonitorError

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from storage.models import Alert, Delivery

Pair = tuple[int, str]


def register(alerts: typer.Typer) -> None:
    """Add these commands to `alerts`."""
    alerts.command("ack")(alerts_ack)
    alerts.command("resend")(alerts_resend)


def no_alert(alert_id: int) -> str:
    """Return what is said of an id that no alert has."""
    return f"no alert {alert_id}; `signal-monitor alerts list --since 90d` names them"


def alerts_ack(
    context: typer.Context,
    alert_ids: Annotated[
        list[int], typer.Argument(metavar="ID…", help="As `alerts list` prints it.")
    ],
    note: Annotated[str, typer.Option(help="What you want to remember of it.")] = "",
) -> None:
    """Say that you have seen it: no repeat and no follow-up of that thing is told any more.

    What still waits to be sent of it is cancelled. A higher severity or twice the size is still
    told.
    """
    options: Options = context.obj
    config = options.load_config()
    with writing(config) as session:
        said = [
            line
            for alert_id in dict.fromkeys(alert_ids)
            for line in _acked(session, alert_id, printable(note), utc_now())
        ]
    for line in said:
        print(printable(line))


def alerts_resend(
    context: typer.Context,
    alert_id: Annotated[
        int | None, typer.Argument(metavar="[ID]", help="As `alerts list` prints it.")
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Only to this channel.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Everything that was given up.")] = False,
    since: Annotated[
        str | None, typer.Option(help="With --dead: alerts since an instant, or a span back.")
    ] = None,
) -> None:
    """Send again what was given up: one alert, or everything with --dead."""
    options: Options = context.obj
    config = options.load_config()
    if (alert_id is None) == (not dead):
        raise typer.BadParameter("name one alert, or --dead for all that was given up")
    if since is not None and not dead:
        raise typer.BadParameter("goes with --dead", param_hint="--since")
    known = [each.name for each in config.alerts.channels]
    if channel is not None:
        chosen(channel, known, "channel")
    now = utc_now()
    start = parse_when(since, now=now, option="--since")
    with writing(config) as session:
        letters = _letters(session, alert_id, channel, start)
        gone = sorted({letter.channel for _, letter in letters} - set(known))
        again = _resent(session, [each for each in letters if each[1].channel in known], now=now)
        if not again and not gone and alert_id is not None:
            raise MonitorError(_nothing_dead(session, alert_id, channel))
    if gone:
        print(f"left alone, because the config has no such channel: {', '.join(gone)}")
    if not again:
        print("nothing was given up" if not gone else "nothing else was given up")
        return
    for name, ids in _by_channel(again):
        print(f"{name}: {counted(len(ids), 'alert')} queued again: {', '.join(map(str, ids))}")
    print(sender_words(config))


def _acked(session: Session, alert_id: int, note: str, now: datetime) -> list[str]:
    from storage import alert_repo

    found = alert_repo.get(session, alert_id)
    if found is None:
        raise MonitorError(f"{no_alert(alert_id)}; nothing was changed")
    alert, _ = found
    before = alert.acked_at
    done = alert_repo.ack(session, alert_id, note, now=now)
    if not done.alert_ids:
        noted = f": {alert.ack_note}" if alert.ack_note else ""
        return [f"{alert_id} is acknowledged since {instant_text(before)}{noted}; nothing changed"]
    return [
        f"acknowledged {alert_id}: {alert.title}",
        *_with_it(alert_id, done.alert_ids),
        "  kept and not told from now on: its repeats and follow-ups",
        "  still told: a higher severity, or twice the size",
        *(f"  not sent any more: {pairs}" for pairs in _pairs(done.cancelled)),
        *_under_way(session, done.alert_ids),
    ]


def _with_it(alert_id: int, acked: Sequence[int]) -> list[str]:
    others = [str(each) for each in acked if each != alert_id]
    return [f"  with it, of the same thing: {', '.join(others)}"] if others else []


def _under_way(session: Session, alert_ids: Iterable[int]) -> list[str]:
    """Return what is too late to stop: being sent, or tried in a message with others."""
    from storage import alert_repo

    left: list[Pair] = []
    for alert_id in alert_ids:
        found = alert_repo.get(session, alert_id)
        assert found is not None
        left += [(alert_id, each.channel) for each in found[1] if each.state in _OPEN]
    return [f"  too late to stop, tried already: {pairs}" for pairs in _pairs(left)]


def _letters(
    session: Session, alert_id: int | None, channel: str | None, since: datetime | None
) -> list[tuple[Alert, Delivery]]:
    from storage import delivery_repo

    return [
        (alert, letter)
        for alert, letter in delivery_repo.dead_letters(session, limit=_NO_LIMIT)
        if alert_id in (None, alert.id)
        and channel in (None, letter.channel)
        and (since is None or alert.at >= since)
    ]


def _resent(
    session: Session, letters: Sequence[tuple[Alert, Delivery]], *, now: datetime
) -> list[Pair]:
    from storage import delivery_repo

    again: dict[Pair, None] = {}
    for alert, letter in letters:
        assert alert.id is not None
        # It may have been queued with another of its message just before.
        if (alert.id, letter.channel) not in again:
            pairs = delivery_repo.resend(session, alert.id, letter.channel, now=now)
            again.update(dict.fromkeys(pairs))
    return sorted(again)


def _nothing_dead(session: Session, alert_id: int, channel: str | None) -> str:
    from storage import alert_repo

    found = alert_repo.get(session, alert_id)
    if found is None:
        return no_alert(alert_id)
    alert, deliveries = found
    reason = (alert.payload or {}).get("suppressed")
    if reason:
        return f"alert {alert_id} was not told ({reason}); there is nothing to send again"
    states = ", ".join(
        f"{each.channel} {each.state}" for each in deliveries if channel in (None, each.channel)
    )
    return (
        f"nothing of alert {alert_id} was given up: {states or f'it never went to {channel}'}; "
        f"`signal-monitor alerts explain {alert_id}` says more"
    )


def _by_channel(pairs: Sequence[Pair]) -> list[tuple[str, list[int]]]:
    names = sorted({channel for _, channel in pairs})
    return [(name, [each for each, channel in pairs if channel == name]) for name in names]


def _pairs(pairs: Sequence[Pair]) -> list[str]:
    return [", ".join(f"{alert_id} to {channel}" for alert_id, channel in pairs)] if pairs else []


_OPEN = ("queued", "sending")
_NO_LIMIT = 1_000_000
