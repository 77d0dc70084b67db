from __future__ import annotations

from typing import Any

from sqlmodel import Session, select

from storage import Store, signal_repo
from storage.models import Signal
from tests.builders import a_link, a_market, a_move, a_signal, at, keep


def due(session: Session, minute: float = 60) -> list[str]:
    found = signal_repo.unlinked(
        session, now=at(minute), horizon=at(-60), windows_s=[900, 3600, 86_400]
    )
    return [signal.signal_id for signal in found]


def test_first_sight_stays_first_and_later_items_do_not_make_it_alert(store: Store) -> None:
    with store.begin() as session:
        given = a_signal(observed_at=at(1), alertable=False)
        signal_repo.put_signal(session, given, known_from=at(1))
        later = a_signal(observed_at=at(9), alertable=True, publishers=2)
        row, changed = signal_repo.put_signal(session, later, known_from=at(9))
        assert changed
        assert (row.observed_at, row.alertable, row.publishers) == (at(1), False, 2)


def test_the_callers_values_are_left_as_they_are(store: Store) -> None:
    keep(store, [a_market()])
    with store.begin() as session:
        for put, given in (
            (signal_repo.put_signal, a_signal()),
            (signal_repo.put_link, a_link()),
            (signal_repo.put_move, a_move()),
        ):
            before = dict(given)
            put(session, given, known_from=at(1))
            assert given == before


def test_an_equal_signal_adds_no_version(store: Store) -> None:
    for minute in (1, 2):
        with store.begin() as session:
            _, changed = signal_repo.put_signal(session, a_signal(), known_from=at(minute))
            assert changed == (minute == 1)
    with store.read() as session:
        assert len(session.exec(select(Signal)).all()) == 1


def test_signals_are_read_as_known_then(store: Store) -> None:
    with store.begin() as session:
        signal_repo.put_signal(session, a_signal(score=0.6), known_from=at(1))
        signal_repo.put_signal(session, a_signal(score=0.9), known_from=at(5))
        then, now = (signal_repo.signals(session, as_of=moment) for moment in (at(3), None))
        assert [s.score for s in then] == [0.6]
        assert [s.score for s in now] == [0.9]
        assert signal_repo.signals(session, as_of=at(0)) == []
        current = signal_repo.signal(session, "sig-1")
        assert current is not None
        assert current.score == 0.9


def test_signals_are_narrowed_by_instant_and_theme(store: Store) -> None:
    with store.begin() as session:
        for n, theme in enumerate(("glasses", "boards", "glasses")):
            values = a_signal(f"sig-{n}", at(n), theme=theme)
            signal_repo.put_signal(session, values, known_from=at(9))

        def found(**narrow: Any) -> list[str]:
            return [s.signal_id for s in signal_repo.signals(session, **narrow)]

        assert found() == ["sig-0", "sig-1", "sig-2"]
        assert found(since=at(1), until=at(2)) == ["sig-1"]
        assert found(themes=["glasses"]) == ["sig-0", "sig-2"]


def test_a_signal_without_a_link_is_due_and_with_a_final_one_is_done(store: Store) -> None:
    keep(store, [a_market()])
    with store.begin() as session:
        signal_repo.put_signal(session, a_signal(), known_from=at(1))
        assert due(session, 1) == ["sig-1"]
        signal_repo.put_link(session, a_link(final=True), known_from=at(70))
        assert due(session, 9_999) == []


def test_a_signal_with_an_open_window_is_due_again_when_that_window_has_closed(
    store: Store,
) -> None:
    keep(store, [a_market()])
    with store.begin() as session:
        signal_repo.put_signal(session, a_signal(), known_from=at(1))
        for window_s in (3600, 86_400):
            open_link = a_link(window_s=window_s, final=False)
            signal_repo.put_link(session, open_link, known_from=at(2))
        assert due(session, 59) == []
        assert due(session, 60) == ["sig-1"]
        signal_repo.put_link(session, a_link(window_s=3600, final=True), known_from=at(61))
        assert due(session, 62) == []
        assert due(session, 24 * 60) == ["sig-1"]


def test_signals_of_the_future_or_beyond_the_horizon_are_not_due(store: Store) -> None:
    with store.begin() as session:
        for name, minute in (("old", -61), ("now", 60), ("future", 61)):
            signal_repo.put_signal(session, a_signal(name, at(minute)), known_from=at(61))
        assert due(session) == ["now"]


def test_after_history_came_in_old_signals_without_a_link_are_due_again(store: Store) -> None:
    late = 60 * 24
    with store.begin() as session:
        signal_repo.put_signal(session, a_signal(), known_from=at(1))
        assert due(session, late) == []
        found = signal_repo.unlinked(
            session, now=at(late), horizon=at(-60), windows_s=[3600], patience=None
        )
        assert [signal.signal_id for signal in found] == ["sig-1"]


def test_links_in_bulk_are_what_they_are_one_by_one(store: Store) -> None:
    keep(store, [a_market()])
    with store.begin() as session:
        first = [a_link(f"sig-{n}", z=float(n), confounded_by=["sig-9"]) for n in range(3)]
        assert signal_repo.put_links(session, first, known_from=at(1)) == 3
        assert signal_repo.put_links(session, first, known_from=at(2)) == 0
        second = [first[0], {**first[1], "z": 9.0}, a_link("sig-1", window_s=900)]
        assert signal_repo.put_links(session, second, known_from=at(3)) == 2
        now = signal_repo.links(session)
        then = signal_repo.links(session, as_of=at(2))
        assert sorted((link.signal_id, link.window_s, link.z) for link in now) == [
            ("sig-0", 3600, 0.0),
            ("sig-1", 900, None),
            ("sig-1", 3600, 9.0),
            ("sig-2", 3600, 2.0),
        ]
        assert [link.z for link in then] == [0.0, 1.0, 2.0]
        assert now[0].confounded_by == ["sig-9"]
        assert signal_repo.put_links(session, [], known_from=at(4)) == 0


def test_focal_signals_are_told_by_outcome_with_the_relation(store: Store) -> None:
    keep(store, [a_market()])
    with store.begin() as session:
        for n, focal in enumerate((True, False, True)):
            values = a_signal(f"sig-{n}", at(-n))
            signal_repo.put_signal(session, values, known_from=at(1))
            link = a_link(f"sig-{n}", focal=focal, relation="related")
            signal_repo.put_link(session, link, known_from=at(70))
        found = signal_repo.focal(session, [1, 2], window_s=3600, since=at(-60))
        recent = signal_repo.focal(session, [1], window_s=3600, since=at(-1))
        assert [(how, s.signal_id) for how, s in found[1]] == [
            ("related", "sig-2"),
            ("related", "sig-0"),
        ]
        assert [s.signal_id for _, s in recent[1]] == ["sig-0"]


def test_links_and_moves_are_versions_too(store: Store) -> None:
    keep(store, [a_market()])
    with store.begin() as session:
        assert signal_repo.put_link(session, a_link(z=2.5), known_from=at(1))
        assert not signal_repo.put_link(session, a_link(z=2.5), known_from=at(2))
        assert signal_repo.put_link(session, a_link(z=3.0), known_from=at(3))
        assert [link.z for link in signal_repo.links(session, as_of=at(2))] == [2.5]
        assert [link.z for link in signal_repo.links(session, signal_ids=["sig-1"])] == [3.0]
        signal_repo.put_move(session, a_move(), known_from=at(13))
        quiet = a_move(verdict="no_public_cause_found")
        signal_repo.put_move(session, quiet, known_from=at(40))
        then, now = (signal_repo.moves(session, as_of=moment) for moment in (at(20), None))
        assert [move.verdict for move in then] == ["pending"]
        assert [move.verdict for move in now] == ["no_public_cause_found"]
        assert signal_repo.moves(session, since=at(1)) == []
        assert signal_repo.moves(session, outcome_ids=[99]) == []
