"""Standings: what changed between two publications of one leaderboard, and what it shows now.

Pages are often cut short. A model that is not on a page has not left the board, and nothing is
compared below the shorter one of two pages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal

from signals.renames import renamed

IsChinese = Callable[[str, str | None], bool]
Kind = Literal["new_number_one", "best_chinese_rank", "best_chinese_score", "new_model"]

COMPLETE_ROWS = 200
MAX_HOLES = 1


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One model on one page. `rank` as printed (ties share it); `ci_*` are absolute scores."""

    rank: int
    model: str
    organization: str | None
    score: float
    ci_low: float | None = None
    ci_high: float | None = None
    votes: int | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """One page of one leaderboard in one style state, best score first.

    `page_rows` is how many rows the page held, also when fewer are handed over. Raises ValueError
    when scores do not descend or a model stands twice.
    """

    board: str
    category: str
    style_control: str
    publish_date: date | None
    page_rows: int
    rows: tuple[BoardRow, ...]

    def __post_init__(self) -> None:
        scores = [row.score for row in self.rows]
        if any(later > earlier for earlier, later in pairwise(scores)):
            raise ValueError(f"{self.name}: rows must descend by score; sort them first")
        if len({row.model for row in self.rows}) < len(self.rows):
            raise ValueError(f"{self.name}: a model stands twice; keep the row with more votes")

    @property
    def name(self) -> str:
        """Return the board in words, with its category unless that is `overall`."""
        category = "" if self.category == "overall" else f", {self.category}"
        return f"Arena {self.board}{category} (style control {self.style_control})"

    @property
    def depth(self) -> int:
        """Return how many rows from the top are known."""
        return min(len(self.rows), self.page_rows)

    @property
    def is_complete(self) -> bool:
        """Return whether absence means anything: a whole board has hundreds of rows."""
        return self.depth >= COMPLETE_ROWS


@dataclass(frozen=True, slots=True)
class StandingChange:
    """One fact that differs between two pages; scores in the board's points.

    `previous_rank` and `previous_score` are None where the earlier page does not show the model.
    `details` holds names and numbers for the alert's reason.
    """

    kind: Kind
    model: str
    organization: str | None
    rank: int
    previous_rank: int | None
    score: float
    previous_score: float | None
    gap_to_first: float
    title: str
    details: dict[str, object]


@dataclass(frozen=True, slots=True)
class BoardSummary:
    """The top row, the best Chinese row if one is visible, and how far apart they are.

    `gap` in points, `intervals_overlap` None where an interval is missing.
    """

    top: BoardRow | None
    best_chinese: BoardRow | None
    gap: float | None
    intervals_overlap: bool | None


def changes(
    previous: Board | None,
    current: Board,
    *,
    is_chinese: IsChinese,
    known: Collection[str] = (),
) -> list[StandingChange]:
    """Return what `current` shows that `previous` did not, most important first.

    Nothing for a first page, for equal rows whatever their dates say, and for a page with holes
    (`missing_inside`): keep `previous` as the base then, until a sound page comes or the same
    holes come again. A renamed model is the same model.
    `new_model` needs a rank within both depths, absence from `known` (names seen on any earlier
    page of this board) and, when the earlier page was cut short, a score that stays above that
    page's last one after half the interval (about one standard error) is taken off: nearer to it
    the model may have stood there unseen.

    Raises ValueError for pages of different boards, categories or style states.
    """
    if previous is None or previous.rows == current.rows or not current.rows:
        return []
    if missing_inside(previous, current):
        return []
    names = _renamed(previous, current)
    return [
        *_new_number_one(previous, current, names),
        *_best_chinese(previous, current, names, is_chinese),
        *_new_models(previous, current, names, frozenset(known)),
    ]


def missing_inside(previous: Board, current: Board) -> tuple[str, ...]:
    """Return the models that make `current` a page with holes; empty for a sound page.

    A page cut short can lose models over its end only. Two or more gone, not renamed, whose
    earlier lower bound is above the page's last score, are a damaged page. On a complete board
    models do retire, so it always is sound.

    Raises ValueError for pages of different boards, categories or style states.
    """
    _require_same_board(previous, current)
    if current.is_complete or not current.rows:
        return ()
    names = _renamed(previous, current)
    shown = {row.model for row in current.rows}
    end = current.rows[-1].score
    gone = tuple(
        row.model
        for row in previous.rows[: current.depth]
        if row.model not in shown and row.model not in names and _low(row) > end
    )
    return gone if len(gone) > MAX_HOLES else ()


def summary(board: Board, is_chinese: IsChinese) -> BoardSummary:
    """Return the head of the board and the best Chinese row with its distance to the head."""
    top = board.rows[0] if board.rows else None
    best = _best(board.rows, is_chinese)
    if top is None or best is None:
        return BoardSummary(top, best, None, None)
    overlap = None
    if top.ci_low is not None and best.ci_high is not None:
        overlap = best.ci_high >= top.ci_low
    return BoardSummary(top, best, top.score - best.score, overlap)


def _require_same_board(previous: Board, current: Board) -> None:
    for field in ("board", "category", "style_control"):
        before, after = getattr(previous, field), getattr(current, field)
        if before != after:
            raise ValueError(f"cannot compare {field} {before!r} with {after!r}")


def _renamed(previous: Board, current: Board) -> dict[str, str]:
    return renamed(previous.rows, current.rows, min(previous.depth, current.depth))


def _new_number_one(
    previous: Board, current: Board, names: dict[str, str]
) -> Iterator[StandingChange]:
    if not previous.rows:
        return
    first, former = current.rows[0], previous.rows[0]
    if _now(former, names) == first.model:
        return
    before = _before(previous, names, first)
    words = f"takes #{first.rank} from {_who(former)} with {first.score:.0f}"
    details: dict[str, object] = {"former": former.model, "former_score": former.score}
    yield _change("new_number_one", current, first, before, words, details)


def _best_chinese(
    previous: Board, current: Board, names: dict[str, str], is_chinese: IsChinese
) -> Iterator[StandingChange]:
    depth = min(previous.depth, current.depth)
    best = _best(current.rows[:depth], is_chinese)
    if best is None:
        return
    former = _best(previous.rows, is_chinese)
    same = former is not None and _now(former, names) == best.model
    details: dict[str, object] = {
        "former": None if former is None else former.model,
        "former_score": None if former is None else former.score,
        "compared_rows": depth,
    }
    if former is None or former.rank != best.rank or not same:
        since = _since(previous, former, same)
        words = f"is the best Chinese model at #{best.rank} with {best.score:.0f} ({since})"
        yield _change("best_chinese_rank", current, best, former, words, details)
    if former is not None and round(former.score) != round(best.score):
        words = f"sets the best Chinese score at {best.score:.0f} (was {former.score:.0f})"
        yield _change("best_chinese_score", current, best, former, words, details)


def _since(previous: Board, former: BoardRow | None, same: bool) -> str:
    if former is None:
        return f"none was in the top {previous.depth}"
    return f"was #{former.rank}" if same else f"before: {former.model} at #{former.rank}"


def _new_models(
    previous: Board, current: Board, names: dict[str, str], known: frozenset[str]
) -> Iterator[StandingChange]:
    if not previous.rows:
        return
    depth = min(previous.depth, current.depth)
    seen = known | {row.model for row in previous.rows} | set(names.values())
    hidden = -math.inf if previous.is_complete else previous.rows[previous.depth - 1].score
    for row in current.rows[:depth]:
        if row.model not in seen and (row.score + _low(row)) / 2 > hidden:
            words = f"enters at #{row.rank} with {row.score:.0f}"
            yield _change("new_model", current, row, None, words, {"compared_rows": depth})


def _change(
    kind: Kind,
    board: Board,
    row: BoardRow,
    before: BoardRow | None,
    words: str,
    details: dict[str, object],
) -> StandingChange:
    return StandingChange(
        kind=kind,
        model=row.model,
        organization=row.organization,
        rank=row.rank,
        previous_rank=None if before is None else before.rank,
        score=row.score,
        previous_score=None if before is None else before.score,
        gap_to_first=board.rows[0].score - row.score,
        title=f"{board.name}: {_who(row)} {words}",
        details=details,
    )


def _best(rows: Sequence[BoardRow], is_chinese: IsChinese) -> BoardRow | None:
    return next((row for row in rows if is_chinese(row.model, row.organization)), None)


def _before(previous: Board, names: dict[str, str], row: BoardRow) -> BoardRow | None:
    return next((old for old in previous.rows if _now(old, names) == row.model), None)


def _now(row: BoardRow, names: dict[str, str]) -> str:
    return names.get(row.model, row.model)


def _who(row: BoardRow) -> str:
    return row.model if row.organization is None else f"{row.model} ({row.organization})"


def _low(row: BoardRow) -> float:
    return row.score if row.ci_low is None else row.ci_low
