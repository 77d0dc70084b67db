"""Distance to flip: how far a market's owners stand from the place or score that pays.

A leaderboard and a settlement in, one value out; what is not known gives no number but a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from signals.settlement import Settlement
from signals.settlement_owners import EVERYBODY, LISTED
from signals.standings import Board, BoardRow

DAY_S = 86_400.0

# Whether a row belongs to `google`, `country:CN` or `all`; and the maker of a row.
Belongs = Callable[[str, BoardRow], bool]
MakerOf = Callable[[BoardRow], str | None]


@dataclass(frozen=True, slots=True)
class Distance:
    """Points of score: positive by how much the market would pay now, negative what is missing.

    `model` is the owners' row that counts, `rival` the row it is measured against (None for a
    score to reach). `intervals_overlap` None where an interval is missing. `days_left` to the
    check, or to the venue's close when no check is known. `reason` says why `gap` is None.
    """

    gap: float | None = None
    intervals_overlap: bool | None = None
    days_left: float | None = None
    model: str | None = None
    rank: int | None = None
    rival: str | None = None
    reason: str | None = None


def settles_on(spec: Settlement, *, board: str, category: str, style_control: str) -> bool:
    """Return whether the market is decided by this list; an unstated style matches both."""
    same = (spec.board, spec.category) == (board, category)
    return same and spec.style_control in (style_control, "unstated", None)


def distance(
    spec: Settlement,
    board: Board,
    *,
    belongs: Belongs,
    maker_of: MakerOf,
    now: datetime,
    closes_at: datetime | None = None,
) -> Distance:
    """Return how far the best of the owners is from flipping the market on `board`.

    For a place the owners hold: the lead over the nearest row of others. For one they do not: the
    points between its holder and their nearest row, negative. For a score: the best row's points
    above it. With unit `company` each maker counts by its best model.
    """
    end = spec.check_at or closes_at
    days_left = None if end is None else (end - now).total_seconds() / DAY_S
    reason = _unparsed(spec)
    if reason:
        return Distance(days_left=days_left, reason=reason)
    rows = _universe(spec, board.rows, belongs)
    mine = [row for row in rows if any(belongs(owner, row) for owner in spec.owners)]
    if not mine:
        shown = f"none of {_names(spec)} is among the {len(board.rows)} rows shown"
        return Distance(days_left=days_left, reason=shown)
    if spec.threshold is not None:
        return _to_score(float(spec.threshold), mine[0], days_left)
    if spec.unit == "company":
        rows = _best_of_each(rows, maker_of)
        mine = [row for row in rows if any(belongs(owner, row) for owner in spec.owners)]
    assert spec.place is not None
    if len(rows) < spec.place:
        return Distance(days_left=days_left, reason=f"fewer than {spec.place} rows count")
    return _to_place(spec, rows, mine, days_left)


def _unparsed(spec: Settlement) -> str | None:
    if spec.place is None and spec.threshold is None:
        return "no place and no score was read from the rules"
    if not spec.owners:
        return "nobody on the board is known to be its owner"
    if spec.universe is None:
        return "the rules leave open whose models count"
    if spec.universe == LISTED:
        return "only the listed companies count, and the list was not read"
    if spec.unit is None and spec.place not in (None, 1):
        return "the rules leave open whether models or companies are counted"
    return None


def _universe(spec: Settlement, rows: Sequence[BoardRow], belongs: Belongs) -> list[BoardRow]:
    if spec.universe in (None, EVERYBODY):
        return list(rows)
    owners = [f"country:{country.strip()}" for country in str(spec.universe).split(",")]
    return [row for row in rows if any(belongs(owner, row) for owner in owners)]


def _best_of_each(rows: Sequence[BoardRow], maker_of: MakerOf) -> list[BoardRow]:
    """Return each maker's best row; a row without a known maker stands for itself."""
    best: dict[str, BoardRow] = {}
    for row in rows:
        best.setdefault(maker_of(row) or f"model {row.model}", row)
    return list(best.values())


def _to_score(threshold: float, best: BoardRow, days_left: float | None) -> Distance:
    overlap = None
    if best.ci_low is not None and best.ci_high is not None:
        overlap = best.ci_low <= threshold <= best.ci_high
    gap = round(best.score - threshold, 6)
    return Distance(gap, overlap, days_left, best.model, best.rank)


def _to_place(
    spec: Settlement, rows: Sequence[BoardRow], mine: Sequence[BoardRow], days_left: float | None
) -> Distance:
    assert spec.place is not None
    holder = rows[spec.place - 1]
    own = {row.model for row in mine}
    others = [row for row in rows if row.model not in own]
    # Where a tie is enough, equal points hold the place whatever the order of the rows.
    tied = spec.tie_rule == "yes" and any(row.score == holder.score for row in mine)
    if holder.model in own or tied:
        best = holder if holder.model in own else next(r for r in mine if r.score == holder.score)
        below = [row for row in others if row.score <= best.score]
        above = [row for row in others if row.score > best.score] if spec.place > 1 else []
        near = [*above[-1:], *below[:1]]
        if not near:
            return Distance(
                None, None, days_left, best.model, best.rank, reason="nobody else is shown"
            )
        rival = min(near, key=lambda row: abs(row.score - best.score))
        gap = abs(best.score - rival.score)
    else:
        rival, best = holder, min(mine, key=lambda row: abs(row.score - holder.score))
        gap = -abs(best.score - rival.score)
    return Distance(
        round(gap, 6), _overlap(best, rival), days_left, best.model, best.rank, rival.model
    )


def _overlap(a: BoardRow, b: BoardRow) -> bool | None:
    if a.ci_low is None or a.ci_high is None or b.ci_low is None or b.ci_high is None:
        return None
    return a.ci_low <= b.ci_high and b.ci_low <= a.ci_high


def _names(spec: Settlement) -> str:
    return ", ".join(owner.removeprefix("country:") for owner in spec.owners)
