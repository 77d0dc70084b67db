from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from storage import Store, versions
from storage.models import Signal
from tests.builders import a_signal, at

KEY = {
    name: value
    for name, value in a_signal().items()
    if name in ("signal_id", "origin_kind", "origin_id", "theme", "event_no")
}


def put(session: Session, known_from: datetime, **given: Any) -> bool:
    values = {name: value for name, value in a_signal(**given).items() if name not in KEY}
    return versions.put(session, Signal, key=KEY, values=values, known_from=known_from)[1]


def rows(session: Session) -> list[tuple[float, datetime, datetime | None]]:
    found = session.exec(select(Signal).order_by(col(Signal.known_from)))
    return [(row.score, row.known_from, row.known_to) for row in found]


def test_an_equal_value_writes_nothing(store: Store) -> None:
    with store.begin() as session:
        assert put(session, at(0))
    with store.begin() as session:
        assert not put(session, at(1))
        assert rows(session) == [(0.8, at(0), None)]


def test_a_whole_number_equals_the_float_it_comes_back_as(store: Store) -> None:
    with store.begin() as session:
        put(session, at(0), score=1)
    with store.begin() as session:
        assert not put(session, at(1), score=1)


def test_a_tuple_equals_the_list_it_comes_back_as(store: Store) -> None:
    with store.begin() as session:
        put(session, at(0), entities=("zetacorp", "yotta"))
    with store.begin() as session:
        assert not put(session, at(1), entities=("zetacorp", "yotta"))


def test_a_change_closes_the_row_and_adds_one(store: Store) -> None:
    with store.begin() as session:
        put(session, at(0), score=0.5)
        assert put(session, at(5), score=0.9)
        assert rows(session) == [(0.5, at(0), at(5)), (0.9, at(5), None)]


def test_a_second_change_at_one_instant_leaves_one_version_of_it(store: Store) -> None:
    with store.begin() as session:
        put(session, at(0), score=0.5)
        put(session, at(5), score=0.6)
        assert put(session, at(5), score=0.7)
        assert rows(session) == [(0.5, at(0), at(5)), (0.7, at(5), None)]


def test_what_was_known_then_is_answered_at_every_instant(store: Store) -> None:
    with store.begin() as session:
        put(session, at(0), score=0.5)
        put(session, at(5), score=0.9)

        def known(minute: float) -> list[float]:
            query = select(Signal).where(versions.known_at(Signal, at(minute)))
            return [row.score for row in session.exec(query)]

        assert known(-1) == []
        assert known(0) == [0.5]
        assert known(4.9) == [0.5]
        assert known(5) == [0.9]
        assert known(999) == [0.9]


def test_a_version_that_ends_as_it_begins_leaves_no_trace(store: Store) -> None:
    begun = at(0).replace(microsecond=123_456)
    with store.begin() as session:
        put(session, begun)
    with store.begin() as session:
        row = versions.current_row(session, Signal, KEY)
        assert row is not None
        versions.close(session, row, at=begun)
        assert rows(session) == []
        assert put(session, begun)


def test_a_change_within_a_millisecond_amends_the_version_also_in_a_later_session(
    store: Store,
) -> None:
    begun = at(0).replace(microsecond=123_456)
    with store.begin() as session:
        put(session, begun, score=0.5)
    with store.begin() as session:
        assert put(session, begun, score=0.9)
        assert [score for score, _, _ in rows(session)] == [0.9]
