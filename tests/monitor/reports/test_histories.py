"""What was known of a price at an instant."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from monitor.reports.histories import history
from storage import Store, coverage
from storage.instants import to_ms
from storage.records import MarketRecord, OutcomeRecord, PriceBasis, QuoteRecord
from tests.builders import a_market, a_quote, at
from tests.monitor.reports.conftest import follow

START, END = at(-60), at(600)
HOUR = timedelta(hours=1)


def leg(name: str) -> MarketRecord:
    return a_market(name, label=name, outcomes=(OutcomeRecord(f"{name}-yes", "Yes", 0),))


def book(name: str, instant: datetime, mid: float, **given: Any) -> QuoteRecord:
    return a_quote(
        instant, f"{mid - 0.005:.4f}", f"{mid + 0.005:.4f}", venue_id=name,
        venue_outcome_id=f"{name}-yes", **given,
    )  # fmt: skip


def test_quotes_that_came_later_are_not_known_then(store: Store) -> None:
    outcome = follow(
        store,
        leg("m1"),
        book("m1", at(0), 0.40),
        book("m1", at(10), 0.50, observed_at=at(90)),
        book("m1", at(20), 0.45),
    )
    with store.begin() as session:
        subject = coverage.outcome_subject(outcome)
        coverage.add_span(session, subject, from_at=at(0), to_at=at(20), reason="end of file")
    with store.read() as session:
        early = history(session, outcome, since=START, known_at=at(15))
        late = history(session, outcome, since=START, known_at=at(90))

    assert early.quotes.at.tolist() == [to_ms(at(0))]
    # A stretch that nobody watched live is known as far as its rows are.
    assert early.coverage.to_at.tolist() == [to_ms(at(0))]
    assert late.quotes.at.tolist() == [to_ms(at(0)), to_ms(at(10)), to_ms(at(20))]
    assert (late.pause_ms, len(late.live.from_at)) == (None, 0)
    # Between its rows nobody read the price.
    rows = late.quotes.at
    assert late.coverage.reads(rows).last_read_before(to_ms(at(19))) == to_ms(at(10))


def test_of_no_quotes_there_is_no_basis_and_no_price(store: Store) -> None:
    outcome = follow(store, leg("m1"))
    with store.read() as session:
        found = history(session, outcome, since=START, known_at=END)

    assert found.basis_at(to_ms(END)) is None
    assert len(found.series(None).at) == 0


def test_live_reads_say_how_far_apart_they_were(store: Store) -> None:
    outcome = follow(store, leg("m1"), book("m1", at(0), 0.40))
    with store.begin() as session:
        for minute in (0, 2, 4, 6):
            coverage.extend(
                session, [coverage.outcome_subject(outcome)], at=at(minute), max_gap=HOUR
            )
    with store.read() as session:
        found = history(session, outcome, since=START, known_at=at(60))

    assert found.pause_ms == 120_000
    assert found.live.to_at.tolist() == [to_ms(at(6))]


def test_each_episode_is_read_on_the_basis_of_its_time(store: Store) -> None:
    past = [
        book("m1", at(m), 0.40, basis=PriceBasis.VENUE_HISTORY) for m in range(0, 100, 10)
    ]  # fmt: skip
    outcome = follow(store, leg("m1"), *past, book("m1", at(500), 0.60))
    with store.read() as session:
        found = history(session, outcome, since=START, known_at=END)

    then, later = found.basis_at(to_ms(at(60))), found.basis_at(to_ms(at(520)))
    assert (then, later) == (PriceBasis.VENUE_HISTORY, PriceBasis.BOOK)
    assert len(found.series(then).at) == 10
    assert found.series(later).at.tolist() == [to_ms(at(500))]
