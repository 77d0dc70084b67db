from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session, select

from storage import Store, standing_repo
from storage.models import Standing
from storage.records import Origin, StandingRecord
from tests.builders import a_standing, at

KEY = ("arena-text", "text", "overall", "off")
DAY = date(2026, 3, 1)


def add(session: Session, seen: datetime, *records: StandingRecord) -> int:
    return standing_repo.add(session, records, observed_at=seen, origin=Origin.LIVE)


def scores(session: Session, until: datetime | None = None) -> dict[str, str]:
    board = standing_repo.board_at(session, KEY, DAY, until=until)
    return {} if board is None else {row.model: row.score for row in board.rows}


def test_equal_values_add_no_version(store: Store) -> None:
    with store.begin() as session:
        assert add(session, at(0), a_standing("zeta-1", 1), a_standing("yotta-1", 2)) == 2
        assert add(session, at(60), a_standing("zeta-1", 1), a_standing("yotta-1", 2)) == 0
        assert len(session.exec(select(Standing)).all()) == 2


def test_re_fitted_values_are_a_new_version_and_the_old_stays(store: Store) -> None:
    with store.begin() as session:
        add(session, at(0), a_standing("zeta-1", 1), a_standing("yotta-1", 2))
        assert add(session, at(60), a_standing("zeta-1", 1, score=Decimal("1459"))) == 1
        assert scores(session) == {"zeta-1": "1459", "yotta-1": "1460.5"}
        assert scores(session, until=at(59)) == {"zeta-1": "1460.5", "yotta-1": "1460.5"}
        assert scores(session, until=at(-1)) == {}


def test_versions_read_again_in_order_add_none(store: Store) -> None:
    first, second = a_standing(score=Decimal(1460)), a_standing(score=Decimal(1459))
    with store.begin() as session:
        for _ in range(2):
            add(session, at(0), first)
            add(session, at(60), second)
        assert len(session.exec(select(Standing)).all()) == 2


def test_a_model_twice_on_one_page_is_kept_once(store: Store) -> None:
    with store.begin() as session:
        assert add(session, at(0), a_standing("zeta-1", 1), a_standing("zeta-1", 7)) == 1
        board = standing_repo.board_at(session, KEY, DAY)
        assert board is not None
        assert [row.rank for row in board.rows] == [1]


def test_a_board_is_in_order_of_rank_and_knows_its_page(store: Store) -> None:
    with store.begin() as session:
        add(
            session,
            at(0),
            a_standing("yotta-1", 2, page_rows=200),
            a_standing("zeta-1", 1, page_rows=200),
            a_standing("a-tie", 2, page_rows=200),
        )
        board = standing_repo.board_at(session, KEY, DAY)
        assert board is not None
        assert [row.model for row in board.rows] == ["zeta-1", "a-tie", "yotta-1"]
        assert (board.page_rows, board.observed_at) == (200, at(0))


def test_the_latest_board_is_the_newest_publication_known_then(store: Store) -> None:
    later = date(2026, 3, 8)
    with store.begin() as session:
        add(session, at(0), a_standing())
        add(session, at(60), a_standing(publish_date=later))
        newest = standing_repo.latest_board(session, KEY)
        before = standing_repo.latest_board(session, KEY, until=at(30))
        assert newest is not None
        assert before is not None
        assert (newest.publish_date, before.publish_date) == (later, DAY)
        assert standing_repo.latest_board(session, KEY, until=at(-1)) is None
        assert standing_repo.publish_dates(session, KEY) == [(DAY, at(0)), (later, at(60))]


def test_boards_with_and_without_style_control_are_two(store: Store) -> None:
    with store.begin() as session:
        add(session, at(0), a_standing(), a_standing(style_control="on"))
        on = ("arena-text", "text", "overall", "on")
        assert standing_repo.boards(session) == [KEY, on]


def page(day: date, *points: str, **given: Any) -> list[StandingRecord]:
    return [
        a_standing(f"m{place}", place, publish_date=day, score=Decimal(score), **given)
        for place, score in enumerate(points, 1)
    ]


MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)


def test_a_mirror_fills_only_the_dates_the_publisher_did_not_tell(store: Store) -> None:
    with store.begin() as session:
        add(session, at(0), *page(MONDAY, "1500.4", "1490.6"))

        repeated = add(session, at(1), *page(MONDAY, "1500", "1491", adapter="daily"))
        filled = add(session, at(2), *page(TUESDAY, "1501", "1491", adapter="daily"))
        spoken = add(session, at(3), *page(TUESDAY, "1501.2", "1490.9"))
        newest = standing_repo.latest_board(session, KEY)

        assert (repeated, filled, spoken) == (0, 2, 2)
        assert newest is not None
        assert [row.score for row in newest.rows] == ["1501.2", "1490.9"]


def test_an_undated_page_that_shows_the_newest_list_is_no_publication(store: Store) -> None:
    with store.begin() as session:
        add(session, at(0), *page(MONDAY, "1500.4", "1490.6", "1480.0"))

        same = add(session, at(1), *page(TUESDAY, "1500", "1491", is_dated=False))
        other = add(session, at(2), *page(WEDNESDAY, "1502", "1491", is_dated=False))
        newest = standing_repo.latest_board(session, KEY)

        assert (same, other) == (0, 2)
        assert newest is not None
        assert (newest.publish_date, newest.is_dated) == (WEDNESDAY, False)


def test_an_undated_page_steps_back_once_its_publication_is_named(store: Store) -> None:
    with store.begin() as session:
        add(session, at(0), *page(MONDAY, "1500", "1490"))
        add(session, at(1), *page(WEDNESDAY, "1503", is_dated=False))
        before = standing_repo.publish_dates(session, KEY)
        add(session, at(2), *page(TUESDAY, "1503", "1491", "1480"))

        assert before == [(MONDAY, at(0)), (WEDNESDAY, at(1))]
        assert standing_repo.publish_dates(session, KEY) == [(MONDAY, at(0)), (TUESDAY, at(2))]
        assert standing_repo.publish_dates(session, KEY, until=at(1)) == before
