"""Distance to flip: points that a market's owners lead by, or lack, and why there is no number."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.settlement import Settlement
from signals.settlement_distance import Distance, distance, settles_on
from signals.standings import Board, BoardRow

NOW = datetime(2026, 7, 25, tzinfo=UTC)
CHINESE = {"kappa", "lambda"}


def row(model: str, score: float, half: float | None = 5.0, rank: int = 1) -> BoardRow:
    low, high = (None, None) if half is None else (score - half, score + half)
    return BoardRow(rank, model, model.split("-")[0], score, low, high)


BOARD = (
    row("zeta-2", 1500, rank=1),
    row("zeta-1", 1496, rank=2),
    row("omega-1", 1490, rank=3),
    row("kappa-1", 1480, rank=4),
    row("lambda-1", 1478, rank=5),
    row("kappa-0", 1470, rank=6),
)


def far(spec: Settlement, *rows: BoardRow, closes_at: datetime | None = None) -> Distance:
    shown = rows or BOARD
    return distance(
        spec,
        Board("text", "overall", "off", date(2026, 7, 21), len(shown), shown),
        belongs=lambda owner, each: (
            owner == "all"
            or owner == each.organization
            or (owner == "country:CN" and each.organization in CHINESE)
        ),
        maker_of=lambda each: each.organization,
        now=NOW,
        closes_at=closes_at,
    )


def spec(*owners: str, **given: Any) -> Settlement:
    values = {"board": "text", "category": "overall", "place": 1, "universe": "all", **given}
    return Settlement(owners=owners, **{"unit": "model", **values})


def test_a_leader_leads_the_best_row_of_others() -> None:
    found = far(spec("zeta"))
    assert (found.gap, found.model, found.rival) == (10.0, "zeta-2", "omega-1")
    assert found.intervals_overlap is True


def test_a_follower_lacks_the_points_to_the_holder() -> None:
    found = far(spec("country:CN"))
    assert (found.gap, found.model, found.rival) == (-20.0, "kappa-1", "zeta-2")
    assert (found.rank, found.intervals_overlap) == (4, False)


def test_the_place_is_counted_in_the_named_universe() -> None:
    assert far(spec("kappa", universe="CN")).gap == 2.0
    assert far(spec("lambda", universe="CN")).gap == -2.0
    assert far(spec("zeta", universe="CN")).reason == "none of zeta is among the 6 rows shown"


def test_models_and_companies_are_counted_apart() -> None:
    by_model = far(spec("zeta", place=2))
    by_company = far(spec("zeta", place=2, unit="company"))
    assert (by_model.gap, by_model.model, by_model.rival) == (6.0, "zeta-1", "omega-1")
    assert (by_company.gap, by_company.model, by_company.rival) == (-10.0, "zeta-2", "omega-1")


def test_who_holds_a_lower_place_can_lose_it_upwards_too() -> None:
    held = far(spec("omega", place=2, unit="company"))
    assert (held.gap, held.rival) == (10.0, "zeta-2")
    third = far(spec("kappa", place=3, unit="company"))
    assert (third.gap, third.rival) == (2.0, "lambda-1")


def test_a_score_is_reached_or_missed_by_points() -> None:
    by_all = far(spec("all", place=None, threshold=Decimal(1503)))
    assert (by_all.gap, by_all.model, by_all.rival) == (-3.0, "zeta-2", None)
    assert by_all.intervals_overlap is True
    assert far(spec("omega", place=None, threshold=Decimal(1450))).gap == 40.0
    assert far(spec("all", place=None, threshold=Decimal(1450))).intervals_overlap is False


@pytest.mark.parametrize(("tie_rule", "gap"), [("yes", 0.0), ("alphabetical", -0.0)])
def test_equal_points_hold_the_place_where_a_tie_is_enough(tie_rule: str, gap: float) -> None:
    rows = (row("zeta-1", 1490), row("kappa-1", 1490), row("omega-1", 1480))
    found = far(spec("kappa", tie_rule=tie_rule), *rows)
    assert (found.gap, found.rival) == (gap, "zeta-1")


def test_without_intervals_nothing_is_said_of_their_overlap() -> None:
    rows = (row("zeta-1", 1490, half=None), row("kappa-1", 1480))
    assert far(spec("zeta"), *rows).intervals_overlap is None


def test_days_are_left_to_the_check_else_to_the_close() -> None:
    check = NOW + timedelta(days=6, hours=12)
    assert far(spec("zeta", check_at=check)).days_left == 6.5
    assert far(spec("zeta"), closes_at=NOW + timedelta(days=2)).days_left == 2.0
    assert far(spec("zeta")).days_left is None
    assert far(spec("zeta", check_at=NOW - timedelta(days=1))).days_left == -1.0


@pytest.mark.parametrize(
    ("unparsed", "reason"),
    [
        (spec("zeta", place=None), "no place and no score was read from the rules"),
        (spec(), "nobody on the board is known to be its owner"),
        (spec("zeta", universe=None), "the rules leave open whose models count"),
        (spec("zeta", universe="list"), "only the listed companies count, and the list was not"),
        (spec("zeta", place=2, unit=None), "the rules leave open whether models or companies"),
        (spec("sigma"), "none of sigma is among the 6 rows shown"),
        (spec("country:FR"), "none of FR is among the 6 rows shown"),
        (spec("kappa", universe="CN", place=3, unit="company"), "fewer than 3 rows count"),
    ],
)
def test_what_is_not_known_gives_a_reason_and_no_number(unparsed: Settlement, reason: str) -> None:
    found = far(unparsed)
    assert found.gap is None
    assert reason in (found.reason or "")


def test_alone_on_the_board_there_is_nobody_to_lead() -> None:
    found = far(spec("zeta"), row("zeta-1", 1490))
    assert (found.gap, found.reason) == (None, "nobody else is shown")


def test_an_unstated_style_settles_on_either_board() -> None:
    def on(style: str, stated: str | None, category: str = "overall") -> bool:
        named = spec("zeta", style_control=stated)
        return settles_on(named, board="text", category=category, style_control=style)

    assert on("off", "off")
    assert not on("on", "off")
    assert on("on", "unstated")
    assert on("off", None)
    assert not on("off", "off", category="coding")


@given(
    scores=st.lists(st.integers(1300, 1600), min_size=2, max_size=12, unique=True),
    mine=st.integers(0, 11),
    place=st.integers(1, 3),
)
def test_exactly_the_holder_of_a_place_is_ahead(scores: list[int], mine: int, place: int) -> None:
    ordered = sorted(scores, reverse=True)
    rows = tuple(row(f"m{n}-1", score) for n, score in enumerate(ordered))
    found = far(spec(f"m{mine}", place=place), *rows)
    if mine < len(rows) and place <= len(rows):
        assert found.gap is not None
        assert (found.gap > 0) == (mine == place - 1)
    else:
        assert found.gap is None
