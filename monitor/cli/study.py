"""Studies: what a theme's markets did around its signals, all of them taken together."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.arguments import parse_when
from monitor.cli.context import (
    Options,
    chosen,
    counted,
    instant_text,
    pp_text,
    price_text,
    print_json,
    reading,
    utc_now,
)
from monitor.cli.tables import safe, show_rows

if TYPE_CHECKING:
    from rich.console import Console

MINUTE = timedelta(minutes=1)
LONGEST = timedelta(days=1)
SHOWN_MIN = (-120, -60, -30, -15, 0, 5, 15, 30, 60, 120, 240, 360)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(study)


def study(
    context: typer.Context,
    theme: Annotated[str, typer.Argument(help="A theme of the config.")],
    kind: Annotated[str | None, typer.Option(help="Signals of one kind, such as launch.")] = None,
    since: Annotated[
        str | None, typer.Option(help="An instant, or a span back such as 30d. Default: ever.")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="Only what was known at this instant.")] = None,
    window: Annotated[
        str, typer.Option(help="After the signal; the hour is tested, others are described.")
    ] = "1h",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Also draw it, as .svg or .png.")] = None,
) -> None:
    """What prices did around a theme's signals: average, tests, curve, and what n can show."""
    from monitor.reports.study import theme_study

    options: Options = context.obj
    config = options.load_config()
    chosen(theme, [each.name for each in config.themes], "theme")
    if kind is not None:
        _check_kind(kind)
    length, now = _window(window), utc_now()
    if plot is not None:
        from monitor.cli import study_plot

        study_plot.check(plot)
    with reading(config) as session:
        found = theme_study(
            session,
            theme,
            now=now,
            kind=kind,
            since=parse_when(since, now=now, option="--since"),
            as_of=parse_when(as_of, now=now, option="--as-of"),
            window=length,
        )
    if plot is not None:
        study_plot.draw(found, plot)
    if as_json:
        print_json(found)
    else:
        show(options.console(), found)


def show(console: Console, report: dict[str, Any]) -> None:
    """Show a study: what it says first, then the figures, every episode, what was left out."""
    kind = f", {report['kind']} only" if report["kind"] else ""
    since = f" since {instant_text(report['since'])}" if report["since"] else ""
    console.print(
        f"[bold]{safe(report['theme'])}[/]{kind}{since}, as known at "
        f"{instant_text(report['as_of'])}: {counted(report['signals'], 'signal')}",
        soft_wrap=True,
    )
    for reason in report["left_out"].values():
        console.print(f"  without an episode: {reason['signals']} ({reason['why']})")
    for family in report["studies"]:
        console.print()
        _show_family(console, family, report["window_s"])


def _show_family(console: Console, family: dict[str, Any], window_s: int) -> None:
    on = f"{counted(family['episodes'], 'episode')} on {counted(family['days'], 'day')}"
    console.print(
        f"[bold]{family['relation']} markets[/]: {on}, window {_minutes_text(window_s // 60)}"
    )
    for sentence in family["sentences"]:
        console.print(safe(sentence), soft_wrap=True)
    if family["episodes"]:
        _show_figures(console, family)
        _show_curve(console, family["curve"])
        _show_episodes(console, family["observations"])
    if family["not_evaluated"]:
        counts = ", ".join(f"{each['episodes']} {each['why']}"
                           for each in family["excluded"].values())  # fmt: skip
        console.print(f"\nexcluded: {counts}")
        rows = [
            [instant_text(row["at"]), row["reason"], safe(row["title"]), safe(row["why"])]
            for row in family["not_evaluated"]
        ]
        show_rows(console, ("at", "reason", "headline", "result"), rows)


def _show_figures(console: Console, family: dict[str, Any]) -> None:
    from signals.study_sentences import p_words

    tests = family["tests"]
    parts = [
        f"{name} {p_words(tests[key]['p'])}" + ("" if tests[key]["exact"] else " (drawn)")
        for key, name in (("sign_flip", "sign-flip"), ("sign_flip_by_day", "by day"))
        if tests[key]
    ]
    parts += [
        f"{name} {tests[key]['t']:.2f} (df {tests[key]['df']}), {p_words(tests[key]['p'])}"
        for key, name in (("t", "t"), ("bmp", "BMP"))
        if tests[key]
    ]
    if placebo := tests["placebo"]:
        parts.append(
            f"placebo {p_words(placebo['p'])} ({counted(placebo['hours'], 'hour')} on "
            f"{counted(placebo['days'], 'day')} for {counted(placebo['episodes'], 'episode')})"
        )
    console.print(f"tests: {'; '.join(parts) or 'none'}", soft_wrap=True)
    if found := family["interval"]:
        low, high = family["range_pp"]
        console.print(
            f"mean {_signed(family['mean_pp'])} pp, {found['method']} interval "
            f"{_signed(found['low_pp'])} to {_signed(found['high_pp'])}, range {_signed(low)} to "
            f"{_signed(high)}; detectable with 80 % power: {family['detectable_pp']:.1f} pp "
            f"({family['detectable_sd']:.2f} sd)",
            soft_wrap=True,
        )


def _show_curve(console: Console, curve: list[dict[str, Any]]) -> None:
    rows = [
        [
            _minutes_text(row["minutes"]),
            str(row["n"]),
            "–" if row["caam_pp"] is None else f"{_signed(row['caam_pp'])} pp",
            "–"
            if row["placebo_low_pp"] is None
            else f"{_signed(row['placebo_low_pp'])} to {_signed(row['placebo_high_pp'])}",
        ]
        for row in curve
        if row["minutes"] in SHOWN_MIN
    ]
    console.print()
    show_rows(console, ("since t0", "n", "mean move", "placebo 95 %"), rows)


def _show_episodes(console: Console, rows: list[dict[str, Any]]) -> None:
    cells = [
        [
            instant_text(row["at"]),
            safe(row["title"]),
            _leg_text(row),
            safe(row["question"]),
            f"{price_text(row['price_before'])} → {price_text(row['price_after'])}",
            pp_text(row["move_pp"]),
            f"{row['z']:.2f}",
            f"{row['larger_than']} of {row['n_placebo']}" if row["n_placebo"] else "–",
            "thin" if row["thin"] else "",
        ]
        for row in rows
    ]
    names = (
        "at",
        "headline",
        "venue",
        "market",
        "before → after",
        "move",
        "z",
        "above placebo",
        "",
    )
    console.print()
    show_rows(console, names, cells)


def _leg_text(row: dict[str, Any]) -> str:
    """Return the venue of the one leg that stands for an episode, and of how many it was one."""
    legs = row["legs"]
    return safe(row["venue"]) + (f" (1 of {legs} legs)" if legs > 1 else "")


def _signed(points: float) -> str:
    return f"{round(points, 1) + 0.0:+.1f}"  # without a minus before a zero


def _minutes_text(minutes: int) -> str:
    if minutes and minutes % 60 == 0:
        return f"{minutes // 60} h"
    return f"{minutes} min"


def _window(text: str) -> timedelta:
    from monitor.durations import parse_duration

    try:
        length = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--window") from error
    if not MINUTE <= length <= LONGEST:
        raise typer.BadParameter("a window is 1m to 24h long", param_hint="--window")
    return length


def _check_kind(kind: str) -> None:
    from monitor.problems import suggestion
    from storage.tables import KINDS

    if kind not in KINDS:
        raise typer.BadParameter(
            f"no kind of signal {kind!r}{suggestion(kind, KINDS)}; there are {', '.join(KINDS)}",
            param_hint="--kind",
        )
