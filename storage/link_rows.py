"""Links as rows: the columns of the export, and what a person asks of a link beyond them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from storage.link_families import q_values
from storage.models import Market, Outcome, Signal

LINK_COLUMNS = (
    "signal_id", "at", "theme", "kind", "title", "venue", "series", "market_id", "outcome_id",
    "outcome", "question", "focal", "relation", "window_s", "price_before", "price_after",
    "pre_move_pp", "move_pp", "abnormal_move_pp", "z", "p_value", "q_value", "n_placebo",
    "placebo_days", "n_updates", "quote_age_s", "thin", "verdict", "episode", "confounded_by",
)  # fmt: skip
SHAPE_COLUMNS = (
    "log_odds_move", "room_share", "response_after_s", "response_by_s", "half_after_s",
    "half_by_s", "reversal", "reason",
)  # fmt: skip


def link_rows(
    links: Sequence[Any],
    signals: Mapping[str, Signal],
    named: Mapping[int | None, tuple[Market, Outcome]],
) -> Iterator[tuple[Any, ...]]:
    """Yield LINK_COLUMNS and SHAPE_COLUMNS of each of `links` that is of these signals, sorted.

    A link is a row of the table, or anything with its columns.

    Moves are in points, times in seconds since the signal. q is over the tests among them.
    """
    found = [k for k in links if k.signal_id in signals and k.outcome_id in named]
    q = q_values(found)
    for k in sorted(
        found, key=lambda k: (signals[k.signal_id].at, k.signal_id, k.outcome_id, k.window_s)
    ):
        s, (m, o) = signals[k.signal_id], named[k.outcome_id]
        yield (
            *(s.signal_id, s.at, s.theme, s.kind, s.title, m.venue, m.series, m.venue_id),
            *(o.venue_outcome_id, o.name, m.question, k.focal, k.relation, k.window_s),
            *(k.price_before, k.price_after, points(k.pre_move), points(k.move)),
            *(points(k.abnormal_move), k.z, k.p_value, q.get(k.id), k.n_placebo, k.placebo_days),
            *(k.n_updates, k.quote_age_s, k.thin, k.verdict, k.episode, k.confounded_by),
            *(k.log_odds_move, k.room_share, k.response_after_s, k.response_by_s),
            *(k.half_after_s, k.half_by_s, k.reversal, k.reason),
        )


def points(move: float | None) -> float | None:
    """Return a move in percentage points."""
    return None if move is None else move * 100
