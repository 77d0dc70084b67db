"""Moves on a terminal: a series a line, its legs in it, and what was public near them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console

from monitor.cli.context import instant_text, pp_text, price_text
from monitor.cli.tables import safe, show_rows
from signals.causes import date_words

Report = dict[str, Any]
MAX_LEGS = 6
MAX_NEAR = 2
_STYLE = {"candidates": "cyan", "no_public_cause_found": "magenta"}


def moves(console: Console, rows: Iterable[Report]) -> None:
    """Show moves, with the two best candidates of each."""
    cells = [
        [
            instant_text(row["start_at"]),
            _what(row),
            f"{price_text(row['price_from'])} → {price_text(row['price_to'])}",
            pp_text(row["move_pp"]),
            _verdict(row),
            "; ".join(
                f"{safe(found['title'])} ({_minutes(found)})"
                for found in row["explained_by"][:MAX_NEAR]
            ),
        ]
        for row in rows
    ]
    show_rows(console, ("start", "market", "from → to", "move", "verdict", "near"), cells)


def _what(row: Report) -> str:
    """Return the question that moved, or the series with each leg's change."""
    legs = row["legs"]
    if len(legs) == 1:
        return safe(legs[0]["question"])
    told = [f"{leg['label']} {pp_text(leg['move_pp'])}" for leg in legs[:MAX_LEGS]]
    more = [f"and {len(legs) - MAX_LEGS} more"] if len(legs) > MAX_LEGS else []
    return safe(f"{row['series_title'] or row['series']}: {', '.join([*told, *more])}")


def _verdict(row: Report) -> str:
    if row["lasted"] is False:
        return "did not last"
    style = _STYLE.get(row["verdict"])
    return f"[{style}]{row['verdict']}[/]" if style else str(row["verdict"])


def _minutes(found: Report) -> str:
    """Return how long before the move; the clocks may not be able to tell the order."""
    if found["days_before"] is not None:
        return f"{date_words(-found['days_before'])}, by date only"
    before, error = found["minutes_before"], found["clock_error_min"]
    if abs(before) <= error:
        return f"simultaneous, within {error:.0f} min"
    return f"{abs(before):.0f} min {'before' if before > 0 else 'after'}"
