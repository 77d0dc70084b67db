from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

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
