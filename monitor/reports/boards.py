"""Stored leaderboards as the pure functions read them."""

from __future__ import annotations

from signals.standings import Board, BoardRow
from storage.standing_repo import BoardVersion


def as_board(version: BoardVersion) -> Board:
    """Return a stored publication as the pure functions read it, best score first."""
    _, board, category, style = version.key
    rows = sorted(
        (
            BoardRow(
                rank=row.rank,
                model=row.model,
                organization=row.organization,
                score=float(row.score),
                ci_low=None if row.ci_low is None else float(row.ci_low),
                ci_high=None if row.ci_high is None else float(row.ci_high),
                votes=row.votes,
            )
            for row in version.rows
        ),
        key=lambda row: (-row.score, row.rank, row.model),
    )
    return Board(board, category, style, version.publish_date, version.page_rows, tuple(rows))
