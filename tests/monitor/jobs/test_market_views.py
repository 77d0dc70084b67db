"""A market's own news is one view a market and state; a closing one is seen until it closes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from monitor.alerts.views import MarketView
from monitor.jobs.views import Viewer
from storage import market_repo, signal_repo
from storage.instants import format_instant
from storage.records import Batch, MarketRecord, MarketStatus, Origin
from tests.builders import NOON, a_market
from tests.desk import OTHERS, RACE, Desk, a_leg, joined, prices

OLD = "The race is over when the judges say so on March 31, 2026."
NEW = "The race is over when the judges say so on April 30, 2026."
CLOSES = NOON + timedelta(hours=30)
DAY = timedelta(hours=24)


def page(*labels: str, key: str = RACE, **given: Any) -> Batch:
    """Return a page with a leg for each label, without prices."""
    given = {"series_title": "The race", "rules": OLD, **given}
    legs = tuple(a_leg(label, **given) for label in labels)
    return Batch(markets=legs, followed=tuple((leg.venue, leg.venue_id, key) for leg in legs))


async def show(desk: Desk, *batches: Batch, minutes: float = 1) -> datetime:
    """Poll after some minutes, process, and return the instant."""
    desk.after(minutes)
    await desk.poll(*batches)
    desk.process()
    return desk.clock.now()


def happened(desk: Desk, at: datetime) -> list[MarketView]:
    """Return the views at an instant of the market signals known then."""
    with desk.store.read() as session:
        rows = [r for r in signal_repo.signals(session, as_of=at) if r.origin_kind == "market"]
        return Viewer(session, desk.app.topics, now=at).markets(rows)


def disputed(desk: Desk, at: datetime) -> list[str]:
    with desk.store.read() as session:
        return [view.market_id for view in Viewer(session, desk.app.topics, now=at).disputed()]


def closing(desk: Desk, at: datetime, within: timedelta = DAY) -> list[MarketView]:
    with desk.store.read() as session:
        return Viewer(session, desk.app.topics, now=at).closing(at + within)


async def test_each_leg_of_a_signal_is_a_view_with_its_own_names(desk: Desk) -> None:
    await show(desk, page("Zetacorp", "Omegacorp"))
    now = await show(desk, page("Zetacorp", "Omegacorp", rules=NEW))

    views = happened(desk, now)

    assert [(v.market_id, v.label, v.state, v.series) for v in views] == [
        ("zetacorp", "Zetacorp", "rules_changed", "zeta-race"),
        ("omegacorp", "Omegacorp", "rules_changed", "zeta-race"),
    ]
    assert {v.state_id for v in views} == {format_instant(now)}
    assert all(v.alertable and v.observed_at == now for v in views)
    assert views[0].said == "Rules changed: judges say so on [-March 31,-] {+April 30,+} 2026."
    assert views[0].settles == NEW


async def test_a_market_of_two_themes_is_one_view_that_names_both(desk: Desk) -> None:
    both = joined(page("Zetacorp"), page("Zetacorp", key=OTHERS))
    await show(desk, both)
    changed = joined(page("Zetacorp", rules=NEW), page("Zetacorp", key=OTHERS, rules=NEW))
    now = await show(desk, changed)

    (view,) = happened(desk, now)

    assert view.themes == ("glasses", "wearables")


async def test_a_leg_that_a_poll_found_is_listed(desk: Desk) -> None:
    await show(desk, page("Zetacorp"))
    now = await show(desk, page("Zetacorp", "Omegacorp"))

    (view,) = happened(desk, now)

    assert (view.market_id, view.state, view.said) == ("omegacorp", "listed", "New leg")


async def test_a_resolved_market_says_what_it_was_resolved_to(desk: Desk) -> None:
    given = {"status": MarketStatus.RESOLVED, "resolved_at": NOON}
    await show(desk, page("Zetacorp", "Omegacorp"))
    over = joined(
        page("Zetacorp", resolution="Yes", **given), page("Omegacorp", resolution="No", **given)
    )
    now = await show(desk, over)

    views = happened(desk, now)

    assert [(v.market_id, v.state, v.said) for v in views] == [
        ("zetacorp", "resolved", "Resolved: Yes"),
        ("omegacorp", "resolved", "Resolved: No"),
    ]


async def test_a_dispute_stands_until_the_oracle_says_something_else(desk: Desk) -> None:
    await show(desk, page("Zetacorp", oracle="proposed"))
    began = await show(desk, page("Zetacorp", oracle="disputed"))
    later = await show(desk, page("Zetacorp", oracle="disputed"), minutes=600)
    settled = await show(desk, page("Zetacorp", oracle="proposed"))

    (view,) = happened(desk, began)

    assert view.said == "Resolution disputed: the oracle says disputed, before: proposed"
    stands = [disputed(desk, at) for at in (began, later, settled)]
    assert stands == [["zetacorp"], ["zetacorp"], []]


async def test_a_resolution_that_was_taken_back_stands_until_there_is_another(desk: Desk) -> None:
    given = {"status": MarketStatus.RESOLVED, "resolved_at": NOON, "resolution": "Yes"}
    await show(desk, page("Zetacorp", **given))
    back = await show(desk, page("Zetacorp"))
    later = await show(desk, page("Zetacorp"), minutes=60)
    again = await show(desk, page("Zetacorp", **given))

    assert [disputed(desk, at) for at in (back, later, again)] == [["zetacorp"], ["zetacorp"], []]


async def test_an_open_market_closes_soon_from_a_day_before_until_then(desk: Desk) -> None:
    await show(desk, page("Zetacorp", "Omegacorp", closes_at=CLOSES))

    early, soon, over = (
        closing(desk, CLOSES - span) for span in (DAY + timedelta(minutes=1), DAY, timedelta(0))
    )

    assert (early, over) == ([], [])
    assert [view.market_id for view in soon] == ["zetacorp", "omegacorp"]
    assert {(v.state, v.state_id, v.closes_at) for v in soon} == {
        ("closing", format_instant(CLOSES), CLOSES)
    }
    assert soon[0].said == "closes at 2026-03-03 18:00 UTC"
    assert (soon[0].themes, soon[0].entities) == (("glasses",), ("zetacorp",))
    assert all(view.alertable for view in soon)


async def test_a_close_that_was_moved_later_was_near_before(desk: Desk) -> None:
    before = await show(desk, page("Zetacorp", closes_at=NOON + timedelta(hours=5)))
    after = await show(desk, page("Zetacorp", closes_at=NOON + timedelta(hours=50)))

    assert [view.market_id for view in closing(desk, before)] == ["zetacorp"]
    assert closing(desk, after) == []


async def test_a_resolved_or_merely_related_market_does_not_close(desk: Desk) -> None:
    over = {"status": MarketStatus.RESOLVED, "resolved_at": NOON, "resolution": "Yes"}
    now = await show(desk, page("Zetacorp", closes_at=CLOSES, **over))
    _add(desk, a_market("elsewhere", closes_at=CLOSES), relation="related")

    assert closing(desk, now, timedelta(days=2)) == []


async def test_what_only_an_import_brought_may_not_be_told(desk: Desk) -> None:
    _add(desk, a_market("brought", closes_at=CLOSES), relation="own")
    desk.after(1)

    (view,) = closing(desk, desk.clock.now(), timedelta(days=2))

    assert (view.market_id, view.alertable) == ("brought", False)


async def test_a_price_and_a_volume_are_shown_as_of_then(desk: Desk) -> None:
    then = desk.after(1)
    await desk.poll(prices(then, {"Zetacorp": "0.400"}, closes_at=CLOSES))
    await desk.poll(prices(desk.after(30), {"Zetacorp": "0.900"}, closes_at=CLOSES))

    (view,) = closing(desk, then, timedelta(days=2))
    (later,) = closing(desk, desk.clock.now(), timedelta(days=2))

    assert (view.price, later.price) == (0.4, 0.9)


async def test_answers_of_one_question_are_one_market_without_a_price_of_its_own(
    desk: Desk,
) -> None:
    leg = a_leg("Who", series="who", closes_at=CLOSES)
    outcomes = tuple(replace(leg.outcomes[0], venue_outcome_id=n, name=n, index=i)
                     for i, n in enumerate(("one", "two")))  # fmt: skip
    question = replace(leg, venue="manifold", venue_id="who", label=None, outcomes=outcomes)
    now = desk.after(1)
    await desk.poll(Batch(markets=(question,), followed=(("manifold", "who", RACE),)))

    (view,) = closing(desk, now, timedelta(days=2))

    assert (view.venue, view.market_id, view.label, view.price) == ("manifold", "who", None, None)


def _add(desk: Desk, market: MarketRecord, *, relation: str) -> None:
    """Store a market as an import does, and let a theme follow it."""
    with desk.session() as session:
        (change,) = market_repo.upsert(
            session, [market], observed_at=NOON, origin=Origin.IMPORT, owner_of=lambda text: None
        )
        entry = ("glasses", market.venue_id, relation, RACE)
        market_repo.follow(session, [entry], {market.venue_id: change.market_id})
