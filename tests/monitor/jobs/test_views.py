"""Rules look at what was known at one instant: nothing that came in later is seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from monitor.alerts.views import MoveView, SignalView
from monitor.jobs.views import Viewer
from signals.stories import story_id
from storage import signal_repo
from storage.models import Move, Signal
from storage.records import Batch, MarketStatus, Precision, QuoteRecord
from tests.builders import NOON
from tests.desk import Desk, StubSource, a_story, news, prices

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
OMEGA = "Omegacorp launches Omega glasses for everyone"


async def quote(desk: Desk, mid: str, *, minutes: float = 1, volume: str | None = None) -> datetime:
    """Poll Zetacorp's leg after some minutes and return the instant."""
    now = desk.after(minutes)
    page = prices(now, {"Zetacorp": mid})
    quotes = tuple(_with_volume(each, volume) for each in page.quotes)
    await desk.poll(replace(page, quotes=quotes))
    return now


def _with_volume(record: QuoteRecord, volume: str | None) -> QuoteRecord:
    return replace(record, volume_24h=None if volume is None else Decimal(volume))


async def tell(desk: Desk, *batches: Batch) -> datetime:
    await desk.poll(*batches, source=StubSource("wire"))
    desk.process(outcome_ids=())
    return desk.clock.now()


def seen(desk: Desk, at: datetime, **wanted: Any) -> SignalView:
    """Return the view at an instant of the signal that was known then."""
    with desk.store.read() as session:
        rows = signal_repo.signals(session, themes=["glasses"], as_of=at)
        (row,) = [r for r in rows if all(getattr(r, name) == v for name, v in wanted.items())]
        return Viewer(session, desk.app.topics, now=at).signal(row)


def moved(desk: Desk, at: datetime) -> MoveView:
    with desk.store.read() as session:
        (row,) = signal_repo.moves(session, as_of=at)
        view = Viewer(session, desk.app.topics, now=at).move(row)
    assert view is not None
    return view


async def test_prices_are_those_before_the_story_now_and_a_day_ago(desk: Desk) -> None:
    await desk.start("wire")
    await quote(desk, "0.300")
    await quote(desk, "0.400", minutes=23.5 * 60)
    told = desk.after(30)
    await tell(desk, news(published_at=told - 5 * MINUTE))
    now = await quote(desk, "0.450")

    (price,) = seen(desk, now).prices

    assert (price.label, price.before, price.now, price.day_ago) == ("Zetacorp", 0.4, 0.45, 0.3)


async def test_a_view_of_the_past_shows_the_prices_of_then(desk: Desk) -> None:
    await desk.start("wire")
    await quote(desk, "0.400")
    then = await tell(desk, news(published_at=desk.clock.now()))
    await quote(desk, "0.900")

    (price,) = seen(desk, then).prices
    (later,) = seen(desk, desk.clock.now()).prices

    assert (price.now, later.now) == (0.4, 0.9)


async def test_a_price_that_came_in_later_was_not_known_then(desk: Desk) -> None:
    await desk.start("wire")
    await quote(desk, "0.400")
    then = await tell(desk, news(published_at=desk.after(5)))
    page = prices(then - MINUTE, {"Zetacorp": "0.700"})
    desk.after(30)
    late = tuple(replace(record, observed_at=desk.clock.now()) for record in page.quotes)
    await desk.poll(replace(page, quotes=late))

    (price,) = seen(desk, then).prices

    assert price.now == 0.4


async def test_a_price_that_nobody_confirmed_for_an_hour_is_unknown(desk: Desk) -> None:
    await desk.start("wire")
    await quote(desk, "0.400")
    desk.after(61)
    now = await tell(desk, news(published_at=desk.clock.now()))

    (price,) = seen(desk, now).prices

    assert (price.before, price.now, price.day_ago) == (None, None, None)


async def test_a_date_without_a_time_has_no_price_before_it(desk: Desk) -> None:
    await desk.start("wire")
    await quote(desk, "0.400")
    midnight = NOON.replace(hour=0)
    now = await tell(desk, news(published_at=midnight, precision=Precision.DAY))

    view = seen(desk, now)

    assert (view.published_at, view.precision) == (midnight, "day")
    assert [(price.before, price.now) for price in view.prices] == [(None, 0.4)]


async def test_the_market_of_a_theme_is_named_with_its_venue_and_last_known_volume(
    desk: Desk,
) -> None:
    await desk.start("wire")
    await quote(desk, "0.400", volume="1500.25")
    then = await quote(desk, "0.410")  # a price alone says nothing of volume
    await tell(desk, news(published_at=then))
    await quote(desk, "0.420", volume="9000")

    view = seen(desk, then)

    assert (view.venues, view.markets) == (("polymarket",), ("zetacorp",))
    assert view.series == ("zeta-race",)
    assert view.volume_24h == 1500.25
    assert seen(desk, desk.clock.now()).volume_24h == 9000


async def test_a_volume_of_yesterday_is_unknown_today(desk: Desk) -> None:
    await desk.start("wire")
    await quote(desk, "0.400", volume="1500")
    now = await quote(desk, "0.410", minutes=24 * 60 + 1)
    await tell(desk, news(published_at=now))

    assert seen(desk, now).volume_24h is None


async def test_a_market_first_seen_later_was_not_there_then(desk: Desk) -> None:
    await desk.start("wire")
    then = await tell(desk, news(published_at=desk.clock.now()))
    now = await quote(desk, "0.400")

    before, after = seen(desk, then), seen(desk, now)

    assert (before.series, before.markets, before.prices) == ((), (), ())
    assert (after.series, after.markets) == (("zeta-race",), ("zetacorp",))


async def test_a_market_that_resolved_later_was_open_then(desk: Desk) -> None:
    await desk.start("wire")
    await quote(desk, "0.400")
    then = await tell(desk, news(published_at=desk.clock.now()))
    over = desk.after(10)
    await desk.poll(
        prices(over, {"Zetacorp": "0.400"}, status=MarketStatus.RESOLVED, resolved_at=over)
    )

    assert len(seen(desk, then).prices) == 1
    assert seen(desk, over).prices == ()


async def test_publishers_are_those_seen_by_then_and_a_copy_is_its_origin(desk: Desk) -> None:
    await desk.start("wire")
    title = "Zetacorp launches Zeta glasses in March"
    then = await tell(desk, news("a", title, publisher="Reuters", published_at=desk.clock.now()))
    desk.after(10)
    await tell(
        desk,
        Batch(
            items=(
                a_story("b", title, publisher="The Verge", published_at=desk.clock.now()),
                a_story("c", title, publisher="Reuters", published_at=desk.clock.now()),
            )
        ),
    )

    assert seen(desk, then).publisher_names == ("Reuters",)
    assert seen(desk, desk.clock.now()).publisher_names == ("Reuters", "The Verge")


async def test_an_event_told_beside_the_headline_was_published_when_its_story_was(
    desk: Desk,
) -> None:
    await desk.start("wire")
    text = "Omegacorp raised funding on February 27, 2026."
    now = await tell(desk, news(title=OMEGA, summary=text, published_at=NOON))

    headline, beside = (seen(desk, now, event_no=number) for number in (0, 1))

    assert (headline.published_at, headline.precision) == (NOON, "second")
    assert (beside.published_at, beside.precision) == (NOON, "second")


async def test_what_has_no_date_of_its_own_was_only_seen(desk: Desk) -> None:
    await desk.start("wire")
    now = await tell(desk, news(published_at=None, precision=Precision.UNKNOWN))

    view = seen(desk, now)

    assert (view.published_at, view.observed_at) == (None, now)


async def test_a_story_names_what_was_merged_into_it_by_then(desk: Desk) -> None:
    await desk.start("wire")
    first = "Omegacorp launches two three four five"
    second = "Omegacorp launches five six seven eight"
    await tell(desk, news("a", first, published_at=desk.clock.now()))
    desk.after(1)
    apart = await tell(desk, news("b", second, published_at=desk.clock.now()))
    desk.after(1)
    both = "Omegacorp launches two three four five six seven eight"
    merged = await tell(desk, news("c", both, published_at=desk.clock.now()))

    old, young = story_id("wire", "a"), story_id("wire", "b")
    before, after = (seen(desk, at, origin_id=old) for at in (apart, merged))

    assert (before.story_id, before.merged) == (old, ())
    assert (after.story_id, after.merged) == (old, (young,))


async def test_a_story_that_was_merged_later_has_its_own_time_in_the_past(desk: Desk) -> None:
    await desk.start("wire")
    await tell(desk, news("a", "Omegacorp launches two three four five", published_at=NOON))
    apart = desk.after(20)
    title = "Omegacorp launches five six seven eight"
    await tell(desk, news("b", title, published_at=apart - MINUTE))
    desk.after(1)
    both = "Omegacorp launches two three four five six seven eight"
    await tell(desk, news("c", both, published_at=desk.clock.now()))

    view = seen(desk, apart, origin_id=story_id("wire", "b"))

    assert view.published_at == apart - MINUTE


async def test_a_move_shows_when_it_crossed_its_price_now_its_book_and_its_rule(
    desk: Desk,
) -> None:
    await desk.start()
    for mid in ("0.400", "0.401", "0.500", "0.501"):
        await quote(desk, mid, volume="2000")
    then = await quote(desk, "0.500", volume="2000")
    desk.process()
    desk.after(1)
    page = prices(desk.clock.now(), {"Zetacorp": "0.410"}, rules="Paid when Zetacorp wins.")
    await desk.poll(page)

    view, later = moved(desk, then), moved(desk, desk.clock.now())

    (row,) = desk.current(Move)
    assert (view.crossed_at, view.now, view.spread) == (row.crossed_at, 0.5, 0.01)
    assert (view.volume_24h, view.market_id, view.rules_text) == (2000, "zetacorp", None)
    assert (later.now, later.rules_text) == (0.41, "Paid when Zetacorp wins.")


async def test_a_move_names_the_stories_of_its_candidates_and_whom_its_leg_is_about(
    desk: Desk,
) -> None:
    await desk.start("wire")
    for mid in ("0.400", "0.401"):
        await quote(desk, mid)
    await tell(desk, news(published_at=desk.clock.now()))
    for mid in ("0.500", "0.501", "0.501"):
        await quote(desk, mid)
    desk.process()

    view = moved(desk, desk.clock.now())

    (story,) = desk.current(Signal, theme="glasses")
    assert [(near.signal_id, near.story_id, near.merged) for near in view.explained_by] == [
        (story.signal_id, story.origin_id, ())
    ]
    assert view.entities == ("zetacorp",)


async def test_a_venue_s_own_news_bears_on_its_own_market_alone(desk: Desk) -> None:
    await desk.start()
    for series, label in (("a-race", "Zetacorp"), ("z-race", "Omegacorp")):
        await desk.poll(prices(desk.after(1), {label: "0.400"}, series=series))
    wording = {"series": "z-race", "rules": "Paid when Omegacorp wins."}
    await desk.poll(prices(desk.after(1), {"Omegacorp": "0.400"}, **wording))
    reworded = {**wording, "rules": "Paid when Omegacorp wins it all."}
    await desk.poll(prices(desk.after(1), {"Omegacorp": "0.400"}, **reworded))
    desk.process()

    view = seen(desk, desk.clock.now(), kind="rule_change")

    assert (view.series, view.markets) == (("z-race",), ("omegacorp",))
    assert [price.label for price in view.prices] == ["Omegacorp"]


async def test_every_field_of_a_live_signal_is_filled(desk: Desk) -> None:
    await desk.start("wire")
    await quote(desk, "0.300", volume="100")
    await quote(desk, "0.400", minutes=24 * 60)
    page = prices(desk.after(1), {"Zetacorp": "0.400"}, rules="Paid when Zetacorp wins it all.")
    await desk.poll(page)
    item = a_story(url="https://news.example/1", lang="en", publisher="Reuters")
    now = await tell(desk, Batch(items=(replace(item, published_at=desk.clock.now()),)))

    view = seen(desk, now)

    empty = {name for name in view.__dataclass_fields__ if getattr(view, name) in (None, (), "")}
    assert empty == {"facts", "merged", "volume_24h"}
    assert view.prices[0].settles == "Paid when Zetacorp wins it all."
    assert view.similar == "No earlier launch signal of this theme has a measured response."
    (row,) = desk.current(Signal, theme="glasses")
    assert view.novelty == row.novelty == 1.0
