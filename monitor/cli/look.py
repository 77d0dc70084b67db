"""Commands that only read: brief, leaderboard, signals, links, moves, themes."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from monitor.cli import render
from monitor.cli.arguments import parse_when
from monitor.cli.context import Options, chosen, print_json, reading, utc_now
from monitor.cli.marks import one_signal, signals_mark
from monitor.errors import ConfigError, MonitorError

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Since = Annotated[str | None, typer.Option(help="An instant, or a span back such as 30d.")]
AsOf = Annotated[str | None, typer.Option(help="Only what was known at this instant.")]
LINKS = "links"


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (brief, leaderboard, link, moves):
        app.command()(command)
    signals = typer.Typer(help="List signals or show one's card.", no_args_is_help=True)
    signals.command("list")(signals_list)
    signals.command("show")(signals_show)
    signals.command("mark")(signals_mark)
    app.add_typer(signals, name="signals")
    themes = typer.Typer(help="The configured themes.", no_args_is_help=True)
    themes.command("list")(themes_list)
    app.add_typer(themes, name="themes")


def brief(
    context: typer.Context,
    theme: Annotated[str | None, typer.Argument(help="Default: every theme.")] = None,
    since: Annotated[str, typer.Option(help="How far back.")] = "24h",
    as_json: Json = False,
) -> None:
    """Prices with their 24 h change, boards, top signals, moves explained and not, sick sources."""
    from monitor.reports.brief import brief as report_brief

    options: Options = context.obj
    config, topics = options.load_topics()
    _check_theme(config, theme)
    now = utc_now()
    start = parse_when(since, now=now, option="--since")
    assert start is not None
    with reading(config) as session:
        report = report_brief(session, topics, now=now, theme=theme, since=now - start)
    _show(options, report, render.brief, as_json)


def leaderboard(
    context: typer.Context,
    board: Annotated[str, typer.Option(help="The board's name.")] = "text",
    style: Annotated[str | None, typer.Option(help="Style control: off or on.")] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """The top 10, the best Chinese model, the distance, and what settles on it."""
    from monitor.reports.absence import no_markets
    from monitor.reports.leaderboard import leaderboards

    options: Options = context.obj
    config, topics = options.load_topics()
    if style not in (None, "off", "on"):
        raise ConfigError(f"--style is off or on, not {style!r}")
    now = utc_now()
    then = parse_when(as_of, now=now, option="--as-of")
    with reading(config) as session:
        found = leaderboards(session, topics, now=now, board=board, style=style, as_of=then)
        why = no_markets(session, found, then) if then and found and not as_json else None
    _note(options, why)
    if not found and not as_json:
        raise MonitorError(
            f"no standings of board {board!r}{_asked(style, as_of)} are stored; "
            f"{_stored_boards(config)}"
        )
    _show(options, found, render.leaderboards, as_json)


def _asked(style: str | None, as_of: str | None) -> str:
    """Return what narrowed a leaderboard, in words."""
    styled = f" with style control {style}" if style else ""
    return styled + (f" as known at {as_of}" if as_of else "")


def _stored_boards(config: Any) -> str:
    """Return which boards there are instead."""
    from storage import standing_repo

    with reading(config) as session:
        boards = sorted({(board, style) for _, board, _, style in standing_repo.boards(session)})
    named = ", ".join(f"{board} with style control {style}" for board, style in boards)
    return f"there are {named}" if named else "`signal-monitor sources list` says why"


def signals_list(
    context: typer.Context,
    since: Since = "7d",
    theme: Annotated[str | None, typer.Option(help="One theme only.")] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Signals by instant, newest last, with kind, score and title."""
    options: Options = context.obj
    config = options.load_config()
    _check_theme(config, theme)
    found = _rows(config, "signals", since, as_of, theme)
    _show(options, found, render.signals, as_json)


def signals_show(
    context: typer.Context,
    signal_id: Annotated[str, typer.Argument(help="As `signals list` prints it.")],
    markdown: Annotated[bool, typer.Option("--md", help="Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """The card: headline, context, evidence, reasons, key points, what to watch."""
    from monitor.cli import cards
    from monitor.reports.card import card

    options: Options = context.obj
    config, topics = options.load_topics()
    with reading(config) as session:
        name = one_signal(session, signal_id).signal_id
        found = card(session, topics, name, now=utc_now())
    assert found is not None  # of the same snapshot
    if as_json:
        print_json(found)
    elif markdown:
        print(cards.card_markdown(found))
    else:
        cards.card(options.console(), found)


def link(
    context: typer.Context,
    since: Since = "7d",
    as_of: AsOf = None,
    all_windows: Annotated[
        bool, typer.Option("--all", help="Every window and leg, not only the tested ones.")
    ] = False,
    stats: Annotated[bool, typer.Option("--stats", help="With z, p, q and counts.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Judge anew from the stored prices, as of --as-of.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What prices did after signals: time, headline, before → after, points, verdict."""
    from monitor.reports.absence import no_fresh_links, no_links

    options: Options = context.obj
    config, given, now = options.load_config(), _selection(since, as_of), utc_now()
    if fresh:
        from monitor.cli.replay import fresh_links

        rows = fresh_links(options, since=given.since, now=given.as_of or now)
    else:
        rows = _rows(config, LINKS, since, as_of)
    if not rows and not as_json:
        with reading(config) as session:
            why = no_fresh_links(session, given, now=now) if fresh else no_links(session, given)
        _note(options, why)
    if not all_windows:
        rows = [row for row in rows if row["focal"] and row["window_s"] == 3600]
    _show(options, rows, render.links_with_stats if stats else render.links, as_json)


def moves(
    context: typer.Context, since: Since = "7d", as_of: AsOf = None, as_json: Json = False
) -> None:
    """Price moves and what was public near them; often nothing."""
    from monitor.cli.moves import moves as draw
    from monitor.reports.absence import no_moves
    from monitor.reports.moves import series_moves

    options: Options = context.obj
    config = options.load_config()
    selection = _selection(since, as_of)
    with reading(config) as session:
        found = series_moves(session, selection)
        why = None if found or as_json else no_moves(session, selection)
    _note(options, why)
    _show(options, found, draw, as_json)


def themes_list(context: typer.Context, as_json: Json = False) -> None:
    """Themes with their entities and market references."""
    from monitor.config import RelatedTheme

    options: Options = context.obj
    config = options.load_config()
    found = [
        {
            "theme": theme.name,
            "min_score": theme.min_score,
            "entities": list(theme.entities),
            "markets": [ref.key for ref in theme.markets],
            "related_markets": [
                f"theme {ref.theme}" if isinstance(ref, RelatedTheme) else ref.key
                for ref in theme.related_markets
            ],
        }
        for theme in config.themes
    ]
    _show(options, found, render.themes, as_json)


def _rows(
    config: Any, what: str, since: str | None, as_of: str | None, theme: str | None = None
) -> list[dict[str, Any]]:
    from storage.tables import LINKS_IN_FULL, TABLES

    selection = _selection(since, as_of, theme)
    table = LINKS_IN_FULL if what == LINKS else TABLES[what]
    with reading(config) as session:
        rows = list(table.rows(session, selection))
    return [dict(zip(table.columns, row, strict=True)) for row in rows]


def _selection(since: str | None, as_of: str | None, theme: str | None = None) -> Any:
    from storage.tables import Selection

    now = utc_now()
    then = parse_when(as_of, now=now, option="--as-of")
    # A span back is counted from the instant that is looked at.
    start = parse_when(since, now=then or now, option="--since")
    return Selection(since=start, as_of=then, theme=theme)


def _check_theme(config: Any, theme: str | None) -> None:
    if theme is not None:
        chosen(theme, [each.name for each in config.themes], "theme")


def _note(options: Options, text: str | None) -> None:
    if text is not None and not options.quiet:
        sys.stderr.write(f"signal-monitor: {text}\n")


def _show(options: Options, value: Any, draw: Any, as_json: bool) -> None:
    if as_json:
        print_json(value)
    else:
        draw(options.console(), value)
