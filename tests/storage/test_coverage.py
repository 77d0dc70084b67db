from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from storage import Store, coverage
from storage.coverage import Span
from tests.builders import at

GAP = timedelta(minutes=3)


def read_at(store: Store, *minutes: float, subject: str = "outcome:1") -> None:
    with store.begin() as session:
        for minute in minutes:
            coverage.extend(session, [subject], at=at(minute), max_gap=GAP)


def spans(store: Store, subject: str = "outcome:1") -> list[Span]:
    """Return the spans; how often each was read is a promise of its own."""
    with store.read() as session:
        return [replace(span, reads=0) for span in coverage.spans(session, subject)]


def test_reads_without_a_pause_are_one_span(store: Store) -> None:
    read_at(store, 0, 1, 4)
    assert spans(store) == [Span(at(0), at(4))]


def test_a_span_knows_how_often_it_was_read(store: Store) -> None:
    read_at(store, 0, 1, 4)
    with store.read() as session:
        assert [span.reads for span in coverage.spans(session, "outcome:1")] == [3]


def test_a_pause_starts_a_new_span_and_says_why_the_old_one_ended(store: Store) -> None:
    read_at(store, 0, 1, 4.1)
    assert spans(store) == [Span(at(0), at(1), coverage.UNEXPLAINED), Span(at(4.1), at(4.1))]


def test_a_gap_keeps_the_reason_that_was_noted(store: Store) -> None:
    read_at(store, 0, 1)
    with store.begin() as session:
        coverage.note_gap(session, ["outcome:1"], reason="HTTP 503")
    read_at(store, 10)
    assert spans(store) == [Span(at(0), at(1), "HTTP 503"), Span(at(10), at(10))]


def test_a_fault_that_passed_in_time_is_no_reason_for_a_later_gap(store: Store) -> None:
    read_at(store, 0, 1)
    with store.begin() as session:
        coverage.note_gap(session, ["outcome:1"], reason="HTTP 503")
    read_at(store, 2, 20)
    assert spans(store)[0] == Span(at(0), at(2), coverage.UNEXPLAINED)


def test_the_first_reason_of_a_gap_stands(store: Store) -> None:
    read_at(store, 0)
    for reason in ("HTTP 503", "the daemon was not running"):
        with store.begin() as session:
            coverage.note_gap(session, ["outcome:1", "outcome:2"], reason=reason)
    assert spans(store) == [Span(at(0), at(0), "HTTP 503")]


def test_a_span_that_ended_before_is_not_explained_by_a_later_stop(store: Store) -> None:
    read_at(store, 0, subject="outcome:1")
    read_at(store, 50, subject="outcome:2")
    with store.begin() as session:
        coverage.note_gap(session, ["outcome:1", "outcome:2"], reason="stopped", since=at(45))
    assert spans(store) == [Span(at(0), at(0))]
    assert spans(store, "outcome:2") == [Span(at(50), at(50), "stopped")]


def test_a_read_told_twice_changes_nothing(store: Store) -> None:
    read_at(store, 0, 1, 1, 0.5)
    assert spans(store) == [Span(at(0), at(1))]


def test_subjects_are_watched_apart(store: Store) -> None:
    read_at(store, 0, 10, subject="outcome:1")
    read_at(store, 0, 1, subject="outcome:11")
    assert len(spans(store, "outcome:1")) == 2
    assert spans(store, "outcome:11") == [Span(at(0), at(1))]


def test_an_imported_span_is_written_once_and_grows_with_its_file(store: Store) -> None:
    for end in (5, 5, 9, 7):
        with store.begin() as session:
            coverage.add_span(
                session, "outcome:1", from_at=at(0), to_at=at(end), reason="end of file"
            )
    assert spans(store) == [Span(at(0), at(9), "end of file")]


def test_overlapping_gives_the_spans_that_touch_a_range(store: Store) -> None:
    read_at(store, 0, 1, 10, 11, 20, 21)
    read_at(store, 10, subject="outcome:2")
    with store.read() as session:
        found = coverage.overlapping(session, [1], since=at(11), until=at(20))
        every = coverage.overlapping(session, [1, 2])
    assert [span.from_at for span in found] == [at(10)]
    assert len(every) == 4


def imported(store: Store, start: float, end: float) -> None:
    with store.begin() as session:
        coverage.add_span(
            session, "outcome:1", from_at=at(start), to_at=at(end), reason="end of file"
        )


def live(store: Store) -> list[tuple[Span, int]]:
    with store.read() as session:
        found = coverage.spans(session, "outcome:1")
    return [(replace(span, reads=0), span.reads) for span in found]


def test_a_read_makes_no_imported_span_longer(store: Store) -> None:
    imported(store, 0, 2)
    read_at(store, 3)
    assert live(store) == [(Span(at(0), at(2), "end of file"), 0), (Span(at(3), at(3)), 1)]


def test_a_live_span_goes_on_past_one_that_was_imported_inside_it(store: Store) -> None:
    read_at(store, 0, 3)
    imported(store, 1, 2)
    read_at(store, 5)
    with store.begin() as session:
        coverage.note_gap(session, ["outcome:1"], reason="HTTP 503")
    assert live(store) == [
        (Span(at(0), at(5), "HTTP 503"), 3),
        (Span(at(1), at(2), "end of file"), 0),
    ]


def test_a_read_at_the_instant_an_imported_span_begins_is_a_read(store: Store) -> None:
    imported(store, 0, 2)
    read_at(store, 0)
    assert live(store) == [(Span(at(0), at(2), "end of file"), 1)]
