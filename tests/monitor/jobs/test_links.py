"""A signal is tested once on each outcome it may move; everything else is described."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from storage import signal_repo
from storage.models import Link, Signal
from storage.records import Batch, ItemRecord, Precision
from tests.builders import NOON
from tests.desk import OTHERS, Desk, StubSource, a_story, joined, prices

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
T0 = NOON + 2.5 * HOUR
OMEGA = "Omegacorp launches Omega glasses for everyone"
ZETA = "Zetacorp launches Zeta glasses"


def page(at: datetime, zeta: str = "0.400", omega: str = "0.300", other: str = "0.200") -> Batch:
    """Return a race of two companies and another race of Zetacorp alone."""
    return joined(
        prices(at, {"Zetacorp": zeta, "Omegacorp": omega}),
        prices(at, {"Zeta-other": other}, key=OTHERS, series="other-race"),
    )


async def watch(desk: Desk, until: datetime, *, step: float = 10, **mids: str) -> None:
    """Poll every `step` minutes up to `until`."""
    while desk.clock.now() < until:
        await desk.poll(page(desk.after(step), **mids))


async def tell(desk: Desk, *records: ItemRecord) -> None:
    await desk.poll(Batch(items=records), source=StubSource("wire"))
    desk.process(outcome_ids=())


async def played(desk: Desk, *records: ItemRecord, after: str = "0.300") -> None:
    """Watch 3 h, tell `records` at T0, let Omegacorp go to `after` 10 min later, watch 2 h on."""
    await watch(desk, T0)
    await tell(desk, *records)
    await watch(desk, T0 + 2 * HOUR, omega=after)
    desk.process(outcome_ids=())


def omega(guid: str = "o1", **given: Any) -> ItemRecord:
    return a_story(guid, OMEGA, **{"published_at": T0, **given})


def primary(desk: Desk) -> list[Link]:
    return desk.current(Link, window_s=3600)


async def test_the_leg_of_the_named_company_is_tested(desk: Desk) -> None:
    await played(desk, omega(), after="0.400")

    (link,) = primary(desk)
    assert link.outcome_id == desk.outcome("omegacorp")
    assert (link.verdict, link.focal, link.relation) == ("moved_up", True, "own")
    assert (link.price_before, link.price_after, link.move) == (0.3, 0.4, 0.1)
    assert link.final


async def test_a_window_is_open_until_it_has_closed(desk: Desk) -> None:
    await watch(desk, T0)
    await tell(desk, omega())
    await watch(desk, T0 + 50 * MINUTE)
    desk.process(outcome_ids=())
    (before,) = primary(desk)
    await watch(desk, T0 + 70 * MINUTE)
    desk.process(outcome_ids=())
    (after,) = primary(desk)

    assert (before.verdict, before.final) == ("not_evaluated:open_window", False)
    assert (after.verdict, after.final) == ("no_detectable_move", True)
    with desk.store.read() as session:
        then = signal_repo.links(session, as_of=T0 + HOUR)
    assert {link.verdict for link in then if link.window_s == 3600} == {"not_evaluated:open_window"}


async def test_other_windows_are_described_and_not_tested(desk: Desk) -> None:
    await watch(desk, T0, step=5)
    await tell(desk, omega())
    await watch(desk, T0 + 2 * HOUR, step=5, omega="0.400")
    desk.process(outcome_ids=())

    described = {link.window_s: (link.verdict, link.final) for link in desk.current(Link)}
    assert described == {
        900: ("described", True),
        3600: ("moved_up", True),
        21_600: ("not_evaluated:open_window", False),
        86_400: ("not_evaluated:open_window", False),
    }


async def test_another_leg_gets_a_row_only_when_it_moved(desk: Desk) -> None:
    await watch(desk, T0)
    await tell(desk, omega())
    await watch(desk, T0 + 2 * HOUR, omega="0.400", zeta="0.300")
    desk.process(outcome_ids=())

    rows = {link.outcome_id: (link.verdict, link.focal) for link in primary(desk)}
    assert rows == {
        desk.outcome("omegacorp"): ("moved_up", True),
        desk.outcome("zetacorp"): ("moved_down", False),
    }


async def test_a_story_of_two_themes_is_tested_once_on_an_outcome(desk: Desk) -> None:
    await played(desk, a_story(title=ZETA, published_at=T0))

    rows = {(link.outcome_id, link.relation) for link in primary(desk)}
    assert rows == {
        (desk.outcome("zetacorp"), "own"),
        (desk.outcome("zeta-other"), "own"),
    }
    assert len(primary(desk)) == 2


async def test_two_events_of_one_story_test_an_outcome_once_by_the_headline(desk: Desk) -> None:
    text = "Omegacorp raised funding on February 27, 2026."

    await played(desk, omega(summary=text))

    (link,) = primary(desk)
    with desk.store.read() as session:
        signal = signal_repo.signal(session, link.signal_id)
    assert signal is not None
    assert signal.event_no == 0
    assert link.verdict == "no_detectable_move"


async def test_related_markets_are_told_apart_from_own_ones(desk: Desk) -> None:
    await played(desk, a_story(title="Sigmacorp launches Sigma glasses", published_at=T0))

    relations = {link.outcome_id: link.relation for link in primary(desk)}
    assert relations == {
        desk.outcome("zeta-other"): "own",
        desk.outcome("zetacorp"): "related",  # no leg is Sigmacorp's: the highest mid at t0
    }


async def test_a_date_without_a_time_makes_an_imprecise_link(desk: Desk) -> None:
    desk.clock.set(NOON + 9.5 * HOUR)  # 21:30, so that midnight is watched
    await watch(desk, NOON + 14 * HOUR)
    await tell(desk, omega(published_at=NOON + 12 * HOUR, precision=Precision.DAY))
    await watch(desk, NOON + 15 * HOUR)
    desk.process(outcome_ids=())

    (link,) = primary(desk)
    assert link.verdict == "not_evaluated:imprecise_time"


async def test_a_second_story_within_the_window_confounds_and_is_named(desk: Desk) -> None:
    await watch(desk, T0)
    await tell(desk, omega("a"))
    await watch(desk, T0 + 30 * MINUTE, omega="0.400")
    other = a_story("b", "Zetacorp and nobody else raises funding", published_at=T0 + 25 * MINUTE)
    await tell(desk, other)
    await watch(desk, T0 + 2 * HOUR, omega="0.400")
    desk.process(outcome_ids=())

    links = {(link.outcome_id, link.verdict): link for link in primary(desk)}
    assert (desk.outcome("omegacorp"), "moved_up") in links  # another leg is another outcome

    await tell(
        desk,
        a_story("c", "Omegacorp raises funding for its robots", published_at=T0 - 90 * MINUTE),
        a_story("d", "Omegacorp delays its old watch", published_at=T0 - 4 * HOUR),
    )
    await watch(desk, T0 + 7 * HOUR, omega="0.400")
    desk.process(outcome_ids=())

    with desk.store.read() as session:
        names = {s.title: s.signal_id for s in signal_repo.signals(session, themes=["glasses"])}
    (link,) = [link for link in primary(desk) if link.signal_id == names[OMEGA]]
    assert link.verdict == "confounded"
    assert link.confounded_by == [names["Omegacorp raises funding for its robots"]]


async def test_a_signal_that_gets_an_earlier_t0_is_judged_again(desk: Desk) -> None:
    await played(desk, omega("a", published_at=T0 + MINUTE / 2), after="0.400")
    before = primary(desk)[0].verdict

    # The same news had been public before the price went up an hour earlier than we thought.
    await tell(desk, omega("b", published_at=T0 - 70 * MINUTE))

    (link,) = primary(desk)
    assert before == "moved_up"
    assert link.verdict == "no_detectable_move"


async def test_a_story_that_comes_in_late_confounds_what_was_judged_before_it(desk: Desk) -> None:
    await watch(desk, T0)
    await tell(desk, omega("a"))
    await watch(desk, T0 + 27 * HOUR, step=20, omega="0.400")
    desk.process(outcome_ids=())
    judged_at = desk.clock.now()
    (before,) = primary(desk)
    assert {link.final for link in desk.current(Link)} == {True}

    desk.after(1)
    other = "Omegacorp raises funding for its robots"
    await tell(desk, a_story("c", other, published_at=T0 - 90 * MINUTE))

    with desk.store.read() as session:
        names = {s.title: s.signal_id for s in signal_repo.signals(session, themes=["glasses"])}
        then = signal_repo.links(session, signal_ids=[names[OMEGA]], as_of=judged_at)
    after = {link.signal_id: link for link in primary(desk)}
    assert before.verdict == "moved_up"
    assert after[names[OMEGA]].verdict == "confounded"
    assert after[names[OMEGA]].confounded_by == [names[other]]
    assert [link.verdict for link in then if link.window_s == 3600] == ["moved_up"]


async def test_a_later_signal_close_to_an_earlier_one_takes_none_of_its_hours_away(
    desk: Desk,
) -> None:
    for n in range(3 * 80):  # every 20 min for 80 h, another price each time
        await desk.poll(page(desk.after(20), omega=f"0.30{n % 2}"))
    t0 = desk.clock.now()
    await tell(desk, omega("a", published_at=t0))
    await watch(desk, t0 + 8 * HOUR, step=20)
    desk.process(outcome_ids=())
    before = {link.window_s: link.n_updates for link in desk.current(Link) if link.final}

    title = "Omegacorp raises funding for its robots"
    await tell(desk, a_story("b", title, published_at=desk.clock.now() - 20 * MINUTE))

    first = min(desk.current(Signal), key=lambda signal: signal.at).signal_id
    after = {
        link.window_s: link.n_updates
        for link in desk.current(Link)
        if link.final and link.signal_id == first
    }
    assert before[3600] == 3 * 70 - 1  # the changes from 72 h to 2 h before
    assert after == before


async def test_a_link_is_compared_with_the_hours_before(desk: Desk) -> None:
    await watch(desk, NOON + 30 * HOUR, step=20)
    t0 = desk.clock.now()
    await tell(desk, omega("a", published_at=t0))
    await watch(desk, t0 + 2 * HOUR, omega="0.400")
    desk.process(outcome_ids=())

    (link,) = primary(desk)
    # the hours that begin 4 to 26 h before; earlier ones lack an hour to know the noise by
    assert (link.n_placebo, link.placebo_days) == (23, 2)
    assert link.p_value == round(1 / 24, 9)
    assert link.verdict == "moved_up"
    assert (link.response_after_s, link.response_by_s) == (0.0, 600.0)
    assert link.reversal is None
    others = [row for row in desk.current(Link) if row.window_s != 3600]
    assert {row.p_value for row in others} == {None}


async def test_the_day_says_what_was_taken_back_of_the_hour(desk: Desk) -> None:
    await watch(desk, T0)
    await tell(desk, omega())
    await watch(desk, T0 + 3 * HOUR, omega="0.400")
    await watch(desk, T0 + 25 * HOUR, step=20, omega="0.330")
    desk.process(outcome_ids=())

    left = {link.window_s: link.reversal for link in desk.current(Link) if link.focal}
    assert left[900] is None
    assert left[3600] is None
    assert left[21_600] == 0.7


async def test_background_news_is_tested_on_nothing(desk: Desk) -> None:
    await played(desk, a_story(title="Omegacorp launched Omega glasses in 2019", published_at=T0))

    assert desk.rows(Link) == []


async def test_a_second_run_changes_nothing(desk: Desk) -> None:
    await played(desk, omega(), a_story("z", ZETA, published_at=T0), after="0.400")
    rows = len(desk.rows(Link))

    found = desk.process(outcome_ids=None)

    assert found.links == 0
    assert len(desk.rows(Link)) == rows


async def test_links_are_found_by_query_after_a_kill(desk: Desk) -> None:
    await watch(desk, T0)
    await desk.poll(Batch(items=(omega(),)), source=StubSource("wire"))
    await watch(desk, T0 + 2 * HOUR, omega="0.400")  # never processed until now

    desk.process(outcome_ids=None)

    assert [link.verdict for link in primary(desk)] == ["moved_up"]
