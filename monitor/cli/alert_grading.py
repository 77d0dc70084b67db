"""`alerts replay` and `alerts grades`: what the rules would have said, and what came of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.arguments import parse_when
from monitor.cli.context import (
    Options,
    instant_text,
    pp_text,
    price_text,
    print_json,
    reading,
    utc_now,
)
from monitor.cli.tables import safe, show_rows
from monitor.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from monitor.jobs.grades import GradedAlert, Grades, Progress

OVERALL = "all rules"
TRADED = ("trade", "venue_history")
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Since = Annotated[str, typer.Option(help="An instant, or a span back: 30d.")]


def register(alerts: typer.Typer) -> None:
    """Add these commands to `alerts`."""
    alerts.command("replay")(alerts_replay)
    alerts.command("grades")(alerts_grades)


def alerts_replay(
    context: typer.Context,
    since: Since = "30d",
    rules: Annotated[
        Path | None,
        typer.Option(help="A YAML file with `rules:`, or a whole config; default: the config."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What the rules would have told over the history as it was known then, and its grades."""
    from monitor.jobs import grade_targets, grades
    from monitor.jobs.alert_replay import replay
    from monitor.rules_file import load_rules

    options: Options = context.obj
    config, topics = options.load_topics()
    asked = config.alerts if rules is None else load_rules(rules, config, os.environ)
    now = utc_now()
    start = _start(since, now)
    with reading(config) as session, _bars(options) as bar:
        found = replay(
            session, topics, asked, since=start, now=now,
            as_live=rules is None, progress=bar("runs"),
        )  # fmt: skip
        told = [grade_targets.of_draft(draft) for draft in (*found.drafts, *found.suppressed)]
        graded = grades.grades(
            session, topics, told, since=start, now=now,
            themes=_themes(asked.rules), progress=bar("alerts graded"),
        )  # fmt: skip
    left_out = {"runs": found.runs, "not_replayed": dict(found.not_replayed)}
    _show(options, graded, as_json=as_json, head=_replay_words(found), more=left_out)


def alerts_grades(context: typer.Context, since: Since = "30d", as_json: AsJson = False) -> None:
    """How the alerts that were told did: precision, base rate, lift, recall, lead, money."""
    from monitor.jobs import grades

    options: Options = context.obj
    config, topics = options.load_topics()
    now = utc_now()
    start = _start(since, now)
    with reading(config) as session, _bars(options) as bar:
        told = grades.stored(session, since=start)
        graded = grades.grades(
            session, topics, told, since=start, now=now,
            themes=_themes(config.alerts.rules), progress=bar("alerts graded"),
        )  # fmt: skip
    head = f"{_counted(len(told), 'alert')} since {instant_text(start)}"
    _show(options, graded, as_json=as_json, head=[head], more={})


def alert_rows(alerts: Sequence[GradedAlert]) -> list[dict[str, Any]]:
    """Return each alert with what it was graded on, oldest first; None where nothing can be said.

    Prices 0..1, changes in points; `grade` is hit, miss, or the reason why there is none, as its
    rule's row counts it, and `grade_of_all` as the row of all rules does.
    """
    return [_alert_row(each) for each in alerts]


def _alert_row(each: GradedAlert) -> dict[str, Any]:
    told, graded, found = each.told, each.graded, each.graded.outcome
    leg = each.target.leg if each.target else None
    return {
        "at": told.at,
        "rule": told.rule,
        "kind": told.kind,
        "title": told.title,
        "alert_id": told.alert_id,
        "suppressed": told.suppressed,
        "venue": leg.venue if leg else None,
        "series": leg.series if leg else None,
        "market_id": leg.venue_id if leg else None,
        "question": leg.question if leg else None,
        "label": leg.label if leg else None,
        "direction": graded.direction,
        "entry": found.entry,
        "exit": found.exit,
        "change_pp": _points(found.change),
        "spread_pp": _points(found.spread),
        "threshold_pp": _points(found.threshold),
        "lead_min": None if graded.lead_ms is None else graded.lead_ms / 60_000,
        "money_pp": _points(graded.money),
        "basis": found.basis,
        "grade": graded.word,
        "grade_of_all": each.overall.word,
    }


def _show(
    options: Options,
    graded: Grades,
    *,
    as_json: bool,
    head: Sequence[str],
    more: Mapping[str, Any],
) -> None:
    from monitor.reports.grades import HORIZON_H, grade_rows

    (overall,) = grade_rows({OVERALL: graded.overall})
    rows = grade_rows(graded.by_rule)
    alerts = alert_rows(graded.alerts)
    if as_json:
        print_json(
            {
                "since": graded.since,
                "until": graded.until,
                "horizon_h": HORIZON_H,
                **more,
                "overall": overall,
                "rules": rows,
                "alerts": alerts,
            }
        )
        return
    console = options.console()
    for line in head:
        console.print(safe(line), soft_wrap=True)
    if alerts:
        _show_alerts(console, alerts)
        _show_rules(console, [*rows, overall] if len(rows) > 1 else rows)


def _show_alerts(console: Console, alerts: Sequence[Mapping[str, Any]]) -> None:
    cells = [
        [
            instant_text(row["at"]),
            safe(row["rule"]),
            safe(row["title"]),
            safe(row["label"] or row["question"] or "–"),
            {1: "up", -1: "down", None: "either"}[row["direction"]],
            f"{price_text(row['entry'])} → {price_text(row['exit'])}" if row["entry"] else "–",
            pp_text(row["change_pp"]),
            _grade_text(row),
        ]
        for row in alerts
    ]
    names = ("at", "rule", "title", "leg", "way", "first quote → 6 h", "move", "grade")
    console.print()
    show_rows(console, names, cells)


def _grade_text(row: Mapping[str, Any]) -> str:
    """Return the grade as the rule's row counts it, and what the row of all rules makes of it."""
    said = [row["grade"].replace("_", " ")]
    if row["basis"] in TRADED:
        said.append("on trades")
    if row["grade"] != row["grade_of_all"]:
        said.append("counted once over all rules")
    return ", ".join(said)


def _show_rules(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    from monitor.reports.grades import share_text

    cells = [
        [
            safe(row["rule"]),
            str(row["n"]),
            str(row["hits"]),
            share_text(row["precision"], row["precision_interval"]),
            share_text(row["base_rate"]),
            "–" if row["lift"] is None else f"{row['lift']:.1f}",
            share_text(row["recall"], row["recall_interval"]),
            "–" if row["lead_min"] is None else f"{row['lead_min']:.0f} min",
            pp_text(row["money_pp"]),
        ]
        for row in rows
    ]
    names = ("rule", "n", "hits", "precision", "base", "lift", "recall", "lead", "money")
    console.print()
    show_rows(console, names, cells)
    for row in rows:
        console.print()
        console.print(f"[bold]{safe(row['rule'])}[/]: {safe(' '.join(row['words']))}",
                      soft_wrap=True)  # fmt: skip
    console.print("\nWhat came first is not thereby the cause.")


def _replay_words(found: Any) -> list[str]:
    lines = [
        f"{_counted(found.runs, 'run')} since {instant_text(found.since)}: "
        f"{_counted(len(found.drafts), 'alert')}, {len(found.suppressed)} kept quiet"
    ]
    why = Counter(str(draft.suppressed) for draft in found.suppressed)
    lines += [f"  kept quiet: {count} {reason}" for reason, count in why.most_common()]
    lines += [f"  not replayed: {reason} ({n})" for reason, n in found.not_replayed.items()]
    return lines


def _themes(rules: Sequence[Any]) -> dict[str, Sequence[str]]:
    return {rule.name: getattr(rule, "themes", ()) for rule in rules}


def _start(text: str, now: datetime) -> datetime:
    start = parse_when(text, now=now, option="--since")
    if start is None or start >= now:
        raise ConfigError("--since must lie in the past, as in 30d or 2026-06-01")
    return start


def _points(move: float | None) -> float | None:
    return None if move is None else round(100 * move, 6)


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")


@contextmanager
def _bars(options: Options) -> Iterator[Any]:
    """Yield a maker of functions that move a bar on stderr; on no terminal they say nothing."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    console = Console(stderr=True, no_color=options.plain)
    with Bars(console=console, disable=options.quiet or not console.is_terminal) as bars:

        def bar(what: str) -> Progress:
            task = bars.add_task(what, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield bar
