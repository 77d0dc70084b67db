"""Below a leaderboard: the open markets that it decides, by series, with price and distance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from rich.console import Console

from monitor.cli.context import instant_text, price_text
from monitor.cli.tables import new_table, safe

Report = dict[str, Any]
MAX_LEGS = 6
_ORDINALS = {1: "first place", 2: "second place", 3: "third place"}


def settling(console: Console, rows: Iterable[Report], elsewhere: Mapping[str, int]) -> None:
    """Show what settles on a board; when nothing does, on which other lists markets settle."""
    rows = list(rows)
    if not rows and elsewhere:
        others = "; ".join(f"{name} ({count} series)" for name, count in elsewhere.items())
        console.print(f"no open market settles here, but on {safe(others)}", soft_wrap=True)
    for _, group in groupby(rows, key=lambda row: (row["venue"], row["series"])):
        legs = list(group)
        console.print(f"settles here: {safe(legs[0]['series_title'])}", soft_wrap=True)
        console.print(f"  {safe(', '.join(_terms(legs[0])))}", soft_wrap=True)
        table = new_table("", "leg", "price", "lead", "near")
        for row in legs[:MAX_LEGS]:
            price = "no price" if row["price"] is None else price_text(row["price"])
            table.add_row("", safe(row["label"]), price, _gap(row), safe(_near(row)))
        console.print(table)
        if len(legs) > MAX_LEGS:
            console.print(f"  and {len(legs) - MAX_LEGS} legs more")


def _terms(row: Report) -> Iterator[str]:
    if row["threshold"] is not None:
        yield f"a score of {row['threshold']:g}"
    else:
        yield _ORDINALS.get(row["place"], "no place was read from the rules")
    if row["universe"] not in (None, "all"):
        yield f"among {row['universe']}"
    style = row["style_control"]
    yield f"style control {style}" if style in ("on", "off") else "style control unstated: either"
    if row["check_at"] is not None:
        yield f"{row['when'] or 'at'} {instant_text(row['check_at'])}"
    if row["days_left"] is not None:
        yield f"{row['days_left']:.1f} days left" if row["days_left"] > 0 else "the check is over"
    if row["tie_rule"]:
        yield {"yes": "a tie is enough", "alphabetical": "ties go by the alphabet"}.get(
            row["tie_rule"], f"ties: {row['tie_rule']}"
        )


def _gap(row: Report) -> str:
    if row["gap"] is None:
        return ""
    before = row["gap_before"]
    was = "" if before is None or before == row["gap"] else f" (was {before:+.1f})"
    return f"{row['gap']:+.1f}{was}"


def _near(row: Report) -> str:
    if row["reason"]:
        return str(row["reason"])
    overlap = {True: ", intervals overlap", False: ", intervals apart", None: ""}
    rival = f" to {row['rival']}" if row["rival"] else ""
    return f"#{row['rank']} {row['model']}{rival}{overlap[row['intervals_overlap']]}"
