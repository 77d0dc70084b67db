"""`markets`: the followed ones with their prices, and a live search over all venues."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import render
from monitor.cli.context import Options, chosen, pp_text, price_text, print_json, reading, utc_now
from monitor.cli.tables import safe, show_rows
from monitor.errors import ConfigError, MonitorError

if TYPE_CHECKING:
    from rich.console import Console

    from monitor.jobs.search import FoundLeg, FoundMarket

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
SHOWN_LEGS = 3
MAX_NAME = 24
_FIGURES = ("price", "spread", "volume_24h")
PLAY_MONEY = {"manifold": "mana"}


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    markets = typer.Typer(help="The followed markets, and new ones.", no_args_is_help=True)
    markets.command("list")(markets_list)
    markets.command("search")(markets_search)
    app.add_typer(markets, name="markets")


def markets_list(
    context: typer.Context,
    theme: Annotated[str | None, typer.Option(help="One theme only.")] = None,
    as_json: Json = False,
) -> None:
    """Followed markets that have not resolved, with price and age."""
    from monitor.reports.prices import market_prices

    options: Options = context.obj
    config = options.load_config()
    if theme is not None:
        chosen(theme, [each.name for each in config.themes], "theme")
    now = utc_now()
    names = [each.name for each in config.themes if theme in (None, each.name)]
    with reading(config) as session:
        found = [
            {"theme": name, **row}
            for name in names
            for row in market_prices(session, name, now=now)
        ]
    if as_json:
        print_json(found)
    else:
        render.markets(options.console(), found)


def markets_search(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="TEXT...", help="All of them must occur.")],
    venue: Annotated[str | None, typer.Option(help="One venue only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many a venue.")] = 10,
    as_json: Json = False,
) -> int:
    """Ask every venue for open markets, live; nothing is stored."""
    from monitor.clock import SystemClock
    from monitor.jobs.search import search_markets, searchable

    options: Options = context.obj
    options.set_up_logs()
    config = options.load_config()
    text = " ".join(words).strip()
    if not text:
        raise ConfigError("say what to search for, as in `markets search smart glasses`")
    sources = searchable(config)
    kinds = {source.name: str(getattr(source, "kind", source.name)) for source in sources}
    if venue is not None:
        _check_venue(venue, sorted(set(kinds.values())))
        sources = tuple(source for source in sources if kinds[source.name] == venue)
    report = asyncio.run(search_markets(config, sources, text, SystemClock(), limit=limit))
    for name, why in report.failed.items():
        sys.stderr.write(f"warning: {name} was not searched: {why}\n")
    for name, notes in report.notes.items():
        for note in notes:
            sys.stderr.write(f"note: {name}: {note}\n")
    if len(report.failed) == report.asked:
        raise MonitorError("no venue could be searched")
    if as_json:
        print_json([_plain(market) for market in report.markets])
    else:
        _show(options.console(), report.markets, text)
    return 3 if report.failed else 0


def _check_venue(venue: str, kinds: Sequence[str]) -> None:
    from monitor.problems import suggestion

    if venue not in kinds:
        can = ", ".join(kinds) or "none"
        hint = suggestion(venue, kinds)
        raise ConfigError(f"no venue {venue!r} to search{hint}; there are {can}")


def _show(console: Console, markets: Sequence[FoundMarket], text: str) -> None:
    if not markets:
        console.print(f"no open market names {safe(text)!r}; try fewer words")
        return
    cells = [
        [
            str(number),
            market.venue,
            safe(market.title),
            _prices(market.legs),
            _spread(market.legs),
            _volume(market),
            "" if market.closes_at is None else f"{market.closes_at:%Y-%m-%d}",
        ]
        for number, market in enumerate(markets, 1)
    ]
    show_rows(console, ("#", "venue", "market", "price", "spread", "24 h", "closes"), cells)
    console.print("\nTo follow one, put its line under `markets:` of a theme:")
    for number, market in enumerate(markets, 1):
        console.print(f"  {safe(market.line)}  # {number}", soft_wrap=True)


def _prices(legs: Sequence[FoundLeg]) -> str:
    """Return the dearest legs by name; a lone outcome needs none."""
    if len(legs) == 1:
        return price_text(_number(legs[0].price))
    shown = [
        f"{safe(_cut(leg.name))} {price_text(_number(leg.price))}" for leg in legs[:SHOWN_LEGS]
    ]
    more = f" +{len(legs) - SHOWN_LEGS}" if len(legs) > SHOWN_LEGS else ""
    return ", ".join(shown) + more if shown else price_text(None)


def _spread(legs: Sequence[FoundLeg]) -> str:
    """Return the spread of the dearest leg in points; nothing where there is no book."""
    spread = legs[0].spread if legs else None
    return "" if spread is None else pp_text(float(spread * 100)).lstrip("+")


def _volume(market: FoundMarket) -> str:
    if market.volume_24h is None:
        return ""
    return f"{market.volume_24h:,.0f} {PLAY_MONEY.get(market.venue, 'USD')}"


def _cut(name: str) -> str:
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"


def _number(price: Decimal | None) -> float | None:
    return None if price is None else float(price)


def _plain(market: FoundMarket) -> dict[str, Any]:
    legs = [
        {**asdict(leg), **{key: _number(getattr(leg, key)) for key in _FIGURES}}
        for leg in market.legs
    ]
    return {**asdict(market), "volume_24h": _number(market.volume_24h), "legs": legs}
