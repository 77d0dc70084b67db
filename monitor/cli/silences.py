"""`alerts silence`: keep quiet what matches, for a time; list silences; end one early."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from typer.core import TyperGroup

from monitor.cli.arguments import parse_when
from monitor.cli.beside import daemon_pid, writing
from monitor.cli.context import Options, age_text, instant_text, print_json, reading, utc_now
from monitor.cli.tables import printable, safe, show_rows
from monitor.errors import ConfigError, MonitorError

if TYPE_CHECKING:
    from monitor.alerts.rules.matchers import Matcher
    from monitor.config import Config
    from storage.models import Alert

LOOKED_BACK = timedelta(days=7)
NAMED = 8
_STYLES = {"holds": "yellow", "ahead": "cyan", "over": "dim"}


class _AddFirst(TyperGroup):
    """A group in which `silence MATCHER…` is `silence add MATCHER…`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return the arguments with the verb that was left out."""
        is_verb = bool(args) and (args[0].isalpha() or args[0] in ctx.help_option_names)
        if args and not is_verb:
            args = ["add", *args]
        return super().parse_args(ctx, args)


def register(alerts: typer.Typer) -> None:
    """Add these commands to `alerts`."""
    silence = typer.Typer(
        cls=_AddFirst,
        no_args_is_help=True,
        help="Keep quiet what matches, for a time: `alerts silence theme=x --for 2h`; "
        "`list` and `expire ID`.",
    )
    silence.command("add")(silence_add)
    silence.command("list")(silence_list)
    silence.command("expire")(silence_expire)
    alerts.add_typer(silence, name="silence")


def silence_add(
    context: typer.Context,
    matchers: Annotated[
        list[str],
        typer.Argument(metavar="MATCHER", help="As in rule=jump, theme!=x, series=~'ai-.*'."),
    ],
    span: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 7d.")],
    comment: Annotated[str, typer.Option(help="Why; alerts kept back say it.")] = "",
    begin: Annotated[
        str | None, typer.Option("--from", help="When it begins, an instant; default: now.")
    ] = None,
) -> None:
    """Keep and not tell what matches all MATCHERs; `add` may be left out."""
    from monitor.reports import silences as reports
    from storage import silence_repo

    options: Options = context.obj
    config = options.load_config()
    asked = [_matcher(text) for text in matchers]
    now = utc_now()
    starts_at = _begin(begin, now)
    ends_at = starts_at + _span(span)
    if ends_at <= now:
        raise typer.BadParameter("the silence would be over already", param_hint="--from, --for")
    # Read first: the daemon waits for what is written.
    with reading(config) as session:
        lately = reports.labelled(session, since=now - LOOKED_BACK)
    _check_values(asked, config, [alert for alert, _ in lately])
    with writing(config) as session:
        silence_id = silence_repo.add(
            session,
            matchers=[str(matcher) for matcher in asked],
            comment=printable(comment),
            starts_at=starts_at,
            ends_at=ends_at,
            now=now,
        )
    _say_added(silence_id, asked, starts_at, ends_at, now)
    _say_matches(asked, lately)
    if daemon_pid(config) is None:
        print("no daemon runs; the silence holds for the next one")


def silence_list(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Silences that hold or will, with how many alerts each kept back."""
    from monitor.reports.silences import silence_rows

    options: Options = context.obj
    config = options.load_config()
    now = utc_now()
    with reading(config) as session:
        rows = silence_rows(session, now=now, over=everything)
    if as_json:
        print_json(rows)
        return
    if not rows:
        hint = "" if everything else " now; `--all` shows those that are over"
        print(f"no silence{hint}. `signal-monitor alerts silence rule=NAME --for 2h` adds one")
        return
    names = ("id", "state", "from", "until", "left", "kept back", "matchers", "comment")
    show_rows(options.console(), names, (_cells(row, now) for row in rows))


def silence_expire(
    context: typer.Context,
    silence_id: Annotated[int, typer.Argument(metavar="ID", help="As `silence list` prints it.")],
) -> None:
    """End a silence now; what it kept back stays untold."""
    from storage import silence_repo

    options: Options = context.obj
    config = options.load_config()
    now = utc_now()
    with writing(config) as session:
        silence = silence_repo.get(session, silence_id)
        if silence is None:
            raise MonitorError(
                f"no silence {silence_id}; `signal-monitor alerts silence list --all` names them"
            )
        before = silence.ends_at
        ended = silence_repo.expire(session, silence_id, now=now)
        matchers = ", ".join(silence.matchers)
    if not ended:
        print(f"silence {silence_id} is over since {instant_text(before)}; nothing was changed")
        return
    print(printable(f"silence {silence_id} has ended: {matchers}"))
    print("what it kept back stays untold: `signal-monitor alerts list --state suppressed`")


def _matcher(text: str) -> Matcher:
    from monitor.alerts.rules.matchers import parse_matcher

    try:
        return parse_matcher(text)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _span(text: str) -> timedelta:
    from monitor.durations import parse_duration

    try:
        span = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from error
    if span <= timedelta(0):
        raise typer.BadParameter("a silence must be longer than 0s", param_hint="--for")
    return span


def _begin(text: str | None, now: datetime) -> datetime:
    from monitor.durations import parse_duration

    if text is None:
        return now
    try:
        parse_duration(text)
    except ValueError:
        pass
    else:
        raise typer.BadParameter(
            f"{text!r} is a span; name the instant, as in {now:%Y-%m-%dT%H:%MZ}",
            param_hint="--from",
        )
    begin = parse_when(text, now=now, option="--from")
    assert begin is not None
    return begin


def _check_values(matchers: Sequence[Matcher], config: Config, alerts: Sequence[Alert]) -> None:
    """Raise ConfigError for a value that no alert can have: a slip would silence nothing, or all.

    Names that were in use lately are known too.
    """
    from monitor.problems import suggestion

    for matcher in matchers:
        known = set(_known(matcher.label, config))
        if not known or matcher.op not in ("=", "!=") or not matcher.value:
            continue
        known.update(value for alert in alerts for value in alert.labels.get(matcher.label, ()))
        if matcher.value not in known:
            close = suggestion(matcher.value, known)
            raise ConfigError(
                f"no alert has {matcher.label} {matcher.value!r}{close}; "
                f"there are {', '.join(sorted(known))}"
            )


def _known(label: str, config: Config) -> Collection[str]:
    """Return all values of a label; nothing when they cannot be known before."""
    from monitor.alerts.rules import models as rule_models
    from monitor.alerts.rules.view_labels import LABELS_OF

    closed: dict[str, Collection[str]] = {
        "rule": [rule.name for rule in config.alerts.rules],
        "theme": [theme.name for theme in config.themes],
        "on": list(LABELS_OF),
        "severity": rule_models.SEVERITIES,
        "direction": get_args(rule_models.Direction),
        "verdict": (*get_args(rule_models.Verdict), *get_args(rule_models.LinkVerdict)),
        "state": (*get_args(rule_models.MarketState), *get_args(rule_models.SourceCondition)),
    }
    return closed.get(label, ())


def _say_added(
    silence_id: int,
    matchers: Sequence[Matcher],
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> None:
    begins = "" if starts_at <= now else f"from {instant_text(starts_at)} "
    left = age_text((ends_at - max(starts_at, now)).total_seconds())
    told = ", ".join(map(str, matchers))
    print(printable(f"silence {silence_id}: {told} {begins}until {instant_text(ends_at)} ({left})"))


def _say_matches(matchers: Sequence[Matcher], lately: Sequence[tuple[Alert, bool]]) -> None:
    """Say what it would have kept back, so that a slip is seen, and what it comes too late for."""
    from monitor.alerts.rules.matchers import matches_all
    from monitor.reports.silences import labels_of

    found = [
        (alert.id, waits)
        for alert, waits in lately
        if matches_all(matchers, labels_of(alert.labels))
    ]
    days = LOOKED_BACK.days
    if not lately:
        return
    if not found:
        print(f"it matches none of the {len(lately)} alerts of the last {days} d")
        return
    print(f"it matches {len(found)} of the {len(lately)} alerts of the last {days} d: "
          f"{_named(name for name, _ in found)}")  # fmt: skip
    if waiting := [name for name, waits in found if waits]:
        print(f"still sent, because decided before: {_named(waiting)}; `alerts ack ID` stops one")


def _named(ids: Iterator[int | None] | Sequence[int | None]) -> str:
    names = [str(name) for name in ids]
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _cells(row: dict[str, Any], now: datetime) -> list[str]:
    state, until = row["state"], row["ends_at"]
    return [
        str(row["silence_id"]),
        f"[{_STYLES[state]}]{state}[/]",
        instant_text(row["starts_at"]),
        instant_text(until),
        "–" if state == "over" else age_text((until - now).total_seconds()),
        str(row["kept_back"]),
        safe(", ".join(row["matchers"])),
        safe(row["comment"]),
    ]
