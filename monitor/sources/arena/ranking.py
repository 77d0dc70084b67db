"""Scored rows of one leaderboard list as standings: duplicates settled, ranks counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from storage.records import Reject, StandingRecord


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """One model's row before it is ranked.

    `rank` is the list's own, where it is believed; `listed` only settles equal scores.
    """

    model: str
    score: Decimal
    organization: str | None = None
    ci_low: Decimal | None = None
    ci_high: Decimal | None = None
    votes: int | None = None
    rank: int | None = None
    listed: int | None = None


@dataclass(frozen=True, slots=True)
class ListOf:
    """Which list the rows are of, who told it, and whether the date is the publisher's own."""

    source: str
    board: str
    category: str
    style_control: str
    publish_date: date | None = None
    adapter: str | None = None
    is_dated: bool = True

    def on(self, publish_date: date | None) -> ListOf:
        """Return the list as published on `publish_date`."""
        return replace(self, publish_date=publish_date)

    def marked(self, adapter: str, *, is_dated: bool = True) -> ListOf:
        """Return the list as told by `adapter`; without a date of its own it was seen that day."""
        return replace(self, adapter=adapter, is_dated=is_dated)


def ranked(rows: Iterable[ScoredRow], listed: ListOf) -> tuple[list[StandingRecord], list[Reject]]:
    """Return the standings of one whole list by descending score, and what was refused.

    Of a repeated model the row with the most votes stays. The rank is the place by score, equal
    scores in the list's own order, as the page shows it. Without a publish date every row is
    refused: a fetch date would make a new publication out of every fetch.
    """
    given = list(rows)
    if listed.publish_date is None:
        return [], [Reject("no publish date", row.model[:200]) for row in given]
    kept, rejects = _one_each(given)
    kept.sort(key=lambda row: (-row.score, row.listed or len(kept), row.model))
    standings = [
        _standing(row, listed, listed.publish_date, position, len(kept))
        for position, row in enumerate(kept, start=1)
    ]
    return standings, rejects


def _one_each(rows: Iterable[ScoredRow]) -> tuple[list[ScoredRow], list[Reject]]:
    best: dict[str, ScoredRow] = {}
    rejects = []
    for row in rows:
        other = best.get(row.model)
        if other is None:
            best[row.model] = row
            continue
        winner, loser = (row, other) if (row.votes or 0) > (other.votes or 0) else (other, row)
        best[row.model] = winner
        reason = f"repeated model, kept the row with {winner.votes or 0} votes"
        rejects.append(Reject(reason, f"{loser.model[:120]} {loser.score}"))
    return list(best.values()), rejects


def _standing(
    row: ScoredRow, listed: ListOf, publish_date: date, rank: int, page_rows: int
) -> StandingRecord:
    low, high = row.ci_low, row.ci_high
    if low is not None and high is not None and low > high:
        low = high = None
    return StandingRecord(
        source=listed.source,
        board=listed.board,
        category=listed.category,
        style_control=listed.style_control,
        publish_date=publish_date,
        model=row.model[:200],
        rank=row.rank if row.rank is not None else rank,
        score=row.score,
        organization=row.organization,
        ci_low=low,
        ci_high=high,
        votes=row.votes,
        page_rows=page_rows,
        adapter=listed.adapter,
        is_dated=listed.is_dated,
    )
