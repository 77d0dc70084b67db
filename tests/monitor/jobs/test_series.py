from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np

from monitor.jobs import series
from storage import Store, coverage, market_repo
from storage.instants import to_ms
from storage.records import PriceBasis
from tests.builders import a_market, a_quote, at, keep
from tests.desk import Desk


def watched(store: Store) -> series.Watched:
    """Return a market whose history was read for the first hour and whose book since."""
    history = [
        a_quote(at(n), None, None, basis=PriceBasis.VENUE_HISTORY, value=Decimal("0.30"))
        for n in range(0, 60, 10)
    ]
    book = [a_quote(at(60 + n), "0.40", "0.42") for n in range(0, 60, 10)]
    keep(store, [a_market()], [*history, *book])
    with store.begin() as session:
        market = market_repo.known(session, "polymarket", "516960")
        assert market is not None
        entry = ("glasses", "516960", "own", "x")
        market_repo.follow(session, [entry], {"516960": market.id or 0})
        (leg,) = market_repo.legs(session)
        return series.load(session, leg, since=at(0))


async def test_the_basis_in_force_at_an_instant_speaks_for_its_windows(desk: Desk) -> None:
    found = watched(desk.store)

    early = series.on_basis_at(found, to_ms(at(30)))
    late = series.on_basis_at(found, to_ms(at(90)))

    assert (early.basis, set(early.price)) == ("venue_history", {0.30})
    assert (late.basis, set(late.price.round(6))) == ("book", {0.41})
    assert found.series.basis == "book"
    assert series.on_basis_at(found, to_ms(at(-30))).basis == "venue_history"


async def test_the_price_in_force_is_the_same_however_little_is_loaded(desk: Desk) -> None:
    keep(desk.store, [a_market()], [a_quote(at(0)), a_quote(at(10)), a_quote(at(9000))])
    with desk.store.begin() as session:
        market = market_repo.known(session, "polymarket", "516960")
        assert market is not None
        market_repo.follow(session, [("glasses", "516960", "own", "x")], {"516960": market.id or 0})
        (leg,) = market_repo.legs(session)
        # 76 h before lie between the second row and the third
        late = series.load(session, leg, since=at(76 * 60 + 20))
        soon = series.load(session, leg, since=at(0))

    assert late.series.at.tolist() == soon.series.at.tolist()[1:]


async def test_a_past_that_was_told_confirms_only_its_rows(desk: Desk) -> None:
    leg = watched(desk.store).leg
    subject = coverage.outcome_subject(leg.outcome_id)
    with desk.store.begin() as session:
        for start, reason in ((0, "end of the imported file"), (200, coverage.WHOLE_PAST)):
            coverage.add_span(
                session, subject, from_at=at(start), to_at=at(start + 100), reason=reason
            )
        coverage.extend(session, [subject], at=at(400), max_gap=timedelta(minutes=5))
        coverage.extend(session, [subject], at=at(404), max_gap=timedelta(minutes=5))
        found = series.load(session, leg, since=at(0)).coverage

    assert found.read is not None
    assert found.from_at.tolist() == [to_ms(at(n)) for n in (0, 200, 400)]
    assert found.read.from_at.tolist() == [to_ms(at(n)) for n in (200, 400)]


async def test_windows_get_the_rows_from_76_hours_before_to_26_after_and_the_one_in_force(
    desk: Desk,
) -> None:
    prices = series.on_basis_at(watched(desk.store), to_ms(at(90)))
    minute = 60_000

    near = series.around(prices, to_ms(at(75)) + 76 * 60 * minute)
    far = series.around(prices, to_ms(at(60)) - 26 * 60 * minute)

    np.testing.assert_array_equal(near.at, prices.at[1:])  # the row at 70 min was in force at 75
    np.testing.assert_array_equal(far.at, prices.at[:1])
