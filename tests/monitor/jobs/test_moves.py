"""A lasting change of a price is a move; what explains it may be known later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from storage import signal_repo
from storage.models import Alert, Move, Signal
from storage.records import Batch, Precision
from tests.builders import NOON
from tests.desk import Desk, StubSource, a_story, news, prices

MINUTE = timedelta(minutes=1)
TITLE = "Omegacorp launches Omega glasses for everyone"


async def quote(
    desk: Desk, zeta: str | None, omega: str | None = "0.300", minutes: float = 1
) -> int:
    """Turn the clock, poll both legs and return how many moves `process` changed."""
    now = desk.after(minutes)
    report = await desk.poll(prices(now, {"Zetacorp": zeta, "Omegacorp": omega}))
    return desk.process(outcome_ids=report.changed_outcomes).moves


async def jump(desk: Desk) -> datetime:
    """Let Zetacorp rise from 40 to 50 at one poll and stay; return when the jump was read."""
    await desk.start()
    await quote(desk, "0.400")
    await quote(desk, "0.401")
    await quote(desk, "0.500")
    return desk.clock.now()


async def test_a_jump_is_pending_until_two_further_reads(desk: Desk) -> None:
    await jump(desk)
    states = [desk.current(Move)[0].state]
    await quote(desk, "0.501")
    states.append(desk.current(Move)[0].state)
    await quote(desk, "0.500")
    states.append(desk.current(Move)[0].state)

    assert states == ["pending", "pending", "persisted"]


async def test_a_move_is_told_once_it_persisted(desk: Desk) -> None:
    at = await jump(desk)
    assert desk.rows(Alert) == []
    await quote(desk, "0.501")
    await quote(desk, "0.500")
    await quote(desk, "0.501")

    (alert,) = desk.rows(Alert)
    (move,) = desk.current(Move)
    assert alert.rule == "jump"
    assert (move.start_at, move.crossed_at) == (at - MINUTE, at)
    assert (move.price_from, move.price_to, move.live) == (0.4, 0.5, True)


async def test_a_move_that_stands_still_persists_by_the_clock(desk: Desk) -> None:
    await jump(desk)

    for _ in range(11):
        await quote(desk, "0.500")

    assert desk.current(Move)[0].state == "persisted"
    assert len(desk.rows(Alert)) == 1


async def test_a_spike_is_no_move_and_is_not_told(desk: Desk) -> None:
    await jump(desk)
    await quote(desk, "0.400")
    await quote(desk, "0.401")

    assert [move.state for move in desk.current(Move)] == ["reverted"]
    assert desk.rows(Alert) == []


async def test_two_legs_of_a_series_in_one_poll_are_one_alert(desk: Desk) -> None:
    await desk.start()
    for zeta, omega in (("0.400", "0.500"), ("0.500", "0.400"), ("0.501", "0.401")):
        await quote(desk, zeta, omega)
    await quote(desk, "0.500", "0.400")

    (alert,) = desk.rows(Alert)
    assert len(alert.move_ids) == 2
    assert len(alert.payload["alerts"]) == 2


async def test_a_jump_over_hours_that_nobody_watched_is_no_move(desk: Desk) -> None:
    await desk.start()
    await quote(desk, "0.400")
    await quote(desk, "0.600", minutes=180)
    for _ in range(3):
        await quote(desk, "0.600")

    assert desk.rows(Move) == []


async def test_a_move_without_news_has_no_public_cause_after_half_an_hour(desk: Desk) -> None:
    await jump(desk)
    verdicts = []
    for _ in range(5):
        await quote(desk, "0.500", minutes=10)
        verdicts.append(desk.current(Move)[0].verdict)

    assert (
        verdicts == ["pending", "pending", "no_public_cause_found"] + ["no_public_cause_found"] * 2
    )


async def test_a_later_arriving_item_amends_the_verdict_and_the_old_one_stays(desk: Desk) -> None:
    jumped = await jump(desk)
    for _ in range(4):
        await quote(desk, "0.500", minutes=10)
    unexplained = desk.clock.now()
    desk.after(20)

    await desk.poll(
        news("late", TITLE, published_at=jumped - 10 * MINUTE), source=StubSource("wire")
    )
    desk.process(outcome_ids=())

    (now,) = desk.current(Move)
    with desk.store.read() as session:
        (then,) = signal_repo.moves(session, as_of=unexplained)
    assert (then.verdict, now.verdict) == ("no_public_cause_found", "candidates")
    (candidate,) = now.explained_by
    # the price jumped between the read of 9 min after the item and that of 10
    assert (candidate["minutes_before"], candidate["clock_error_min"]) == (9.5, 1.6)
    assert now.start_at == then.start_at


async def test_a_date_alone_is_so_many_days_away_and_never_minutes(desk: Desk) -> None:
    desk.clock.set(NOON + 13.5 * 60 * MINUTE)  # 01:30
    jumped = await jump(desk)
    day = NOON.replace(hour=0)
    dated = a_story("d", TITLE, published_at=day, precision=Precision.DAY)

    await desk.poll(Batch(items=(dated,)), source=StubSource("wire"))
    await quote(desk, "0.501")
    await quote(desk, "0.500")

    (move,) = desk.current(Move)
    (found,) = move.explained_by
    assert jumped.date() == day.date() + timedelta(days=1)
    assert (found["order"], found["days_before"]) == ("unknown", 1)
    assert abs(found["minutes_before"]) <= found["clock_error_min"]


async def test_news_in_the_middle_of_what_nobody_read_came_zero_minutes_before(desk: Desk) -> None:
    jumped = await jump(desk)
    await desk.poll(news("m", TITLE, published_at=jumped - MINUTE / 2), source=StubSource("wire"))
    await quote(desk, "0.501")
    await quote(desk, "0.500")

    (found,) = desk.current(Move)[0].explained_by
    assert (str(found["minutes_before"]), found["order"]) == ("0.0", "simultaneous")


async def test_news_of_another_theme_explains_nothing(desk: Desk) -> None:
    jumped = await jump(desk)
    await desk.poll(
        news("m", "Qwen 4 launches", published_at=jumped - MINUTE), source=StubSource("wire")
    )
    for _ in range(4):
        await quote(desk, "0.500", minutes=10)

    assert [signal.theme for signal in desk.current(Signal)] == ["models"]
    assert desk.current(Move)[0].verdict == "no_public_cause_found"


async def test_a_vaguely_dated_event_does_not_stop_the_search_for_causes(desk: Desk) -> None:
    await desk.start("wire")
    text = "Zetacorp launches Zeta glasses. Omegacorp raised funding in March 2026."
    await desk.poll(news("v", summary=text), source=StubSource("wire"))

    await jump(desk)
    await quote(desk, "0.501")
    await quote(desk, "0.500")

    (move,) = desk.current(Move)
    assert move.verdict == "candidates"


async def test_a_settled_move_is_not_computed_again_without_news(desk: Desk) -> None:
    await jump(desk)
    for _ in range(4):
        await quote(desk, "0.500", minutes=10)

    found = desk.process(outcome_ids=())

    assert found.moves == 0
    assert len(desk.current(Move)) == 1


async def test_a_move_found_only_after_a_restart_is_found(desk: Desk) -> None:
    await desk.start()
    for mid in ("0.400", "0.500", "0.501", "0.500"):
        now = desk.after(1)
        await desk.poll(prices(now, {"Zetacorp": mid}))

    found = desk.process(outcome_ids=None)

    assert found.moves == 1
    assert [alert.rule for alert in desk.rows(Alert)] == ["jump"]


async def test_a_backfilled_jump_is_kept_and_not_told(desk: Desk) -> None:
    await desk.start()
    for minute, mid in enumerate(("0.400", "0.500", "0.501", "0.500")):
        page = prices(NOON + minute * MINUTE, {"Zetacorp": mid})
        late = tuple(replace(quote, observed_at=NOON + 60 * MINUTE) for quote in page.quotes)
        await desk.poll(replace(page, quotes=late))
    desk.after(60)

    desk.process(outcome_ids=None)

    (move,) = desk.current(Move)
    assert (move.state, move.live) == ("persisted", False)
    assert desk.rows(Alert) == []
