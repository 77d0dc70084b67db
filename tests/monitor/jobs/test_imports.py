"""History that a file brings gets its moves, however old; none of it is news."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

from monitor.jobs.imports import import_rows
from storage.instants import format_instant
from storage.models import Alert, Move
from tests.builders import NOON
from tests.desk import Desk, StubSource, news, prices

MINUTE = timedelta(minutes=1)
TITLE = "Zetacorp launches Zeta glasses"


def quotes_csv(start: datetime, *mids: float, minutes: int = 1) -> io.StringIO:
    lines = ["at,venue,market_id,outcome_id,bid,ask"]
    for n, mid in enumerate(mids):
        at = format_instant(start + n * minutes * MINUTE)
        lines.append(f"{at},polymarket,zetacorp,zetacorp-yes,{mid - 0.005:.3f},{mid + 0.005:.3f}")
    return io.StringIO("\n".join(lines) + "\n")


def items_csv(published_at: datetime) -> io.StringIO:
    at = format_instant(published_at)
    return io.StringIO(f"source,guid,title,published_at\nwire,old-1,{TITLE},{at}\n")


def read_in(desk: Desk, what: str, stream: io.StringIO) -> None:
    with desk.store.begin() as session:
        import_rows(session, desk.app.topics, what, stream, now=desk.clock.now(), name="a.csv")


async def known(desk: Desk) -> None:
    """Let the market be known and followed from a live poll."""
    await desk.start()
    await desk.poll(prices(desk.clock.now(), {"Zetacorp": "0.400"}))
    desk.process(outcome_ids=None)


async def test_a_jump_of_last_month_is_a_move_and_its_cause_is_found_when_it_comes(
    desk: Desk,
) -> None:
    await known(desk)
    start = NOON - timedelta(days=30)
    desk.after(1)
    read_in(desk, "quotes", quotes_csv(start, *(0.40,) * 10, *(0.50,) * 60))
    (alone,) = desk.current(Move)
    desk.after(1)
    read_in(desk, "items", items_csv(start + 5 * MINUTE))

    (explained,) = desk.current(Move)
    assert (alone.start_at, alone.verdict) == (start + 9 * MINUTE, "no_public_cause_found")
    assert (explained.start_at, explained.verdict) == (alone.start_at, "candidates")
    (found,) = explained.explained_by
    assert (found["minutes_before"], found["order"]) == (4.5, "before")
    assert found["entity_match"] is True
    assert not explained.live


async def test_a_move_that_is_still_pending_when_it_is_imported_is_never_told(
    desk: Desk,
) -> None:
    await known(desk)
    now = desk.after(30)
    read_in(desk, "quotes", quotes_csv(now - 12 * MINUTE, *(0.40,) * 9, 0.50, 0.501, 0.50))

    for _ in range(12):
        now = desk.after(1)
        await desk.poll(prices(now, {"Zetacorp": "0.500"}))
        desk.process(outcome_ids=None)

    (move,) = desk.current(Move)
    assert (move.state, move.live) == ("persisted", False)
    assert desk.rows(Alert) == []


async def test_a_jump_that_a_poll_sees_after_an_import_is_told(desk: Desk) -> None:
    await known(desk)
    now = desk.after(30)
    read_in(desk, "quotes", quotes_csv(now - 10 * MINUTE, *(0.40,) * 10))

    for mid in ("0.400", "0.500", "0.501", "0.500"):
        now = desk.after(1)
        await desk.poll(prices(now, {"Zetacorp": mid}))
        desk.process(outcome_ids=None)

    assert desk.current(Move)[0].live is True
    assert [alert.rule for alert in desk.rows(Alert)] == ["jump"]


async def test_importing_again_changes_no_move(desk: Desk) -> None:
    await known(desk)
    for _ in range(2):
        desk.after(1)
        read_in(desk, "quotes", quotes_csv(NOON - timedelta(days=3), *(0.40,) * 9, *(0.5,) * 60))

    assert len(desk.rows(Move)) == 1


async def test_finer_prices_of_the_past_move_no_beginning_that_was_written(desk: Desk) -> None:
    await known(desk)
    start = NOON - timedelta(days=3)
    desk.after(1)
    read_in(desk, "quotes", quotes_csv(start, *(0.40,) * 3, *(0.50,) * 9, minutes=10))
    (coarse,) = desk.current(Move)
    desk.after(1)
    read_in(desk, "quotes", quotes_csv(start + 25 * MINUTE, 0.42, 0.46, 0.50))

    (finer,) = desk.current(Move)
    assert coarse.start_at == finer.start_at == start + 20 * MINUTE
    assert finer.crossed_at == coarse.crossed_at


async def test_news_of_days_ago_that_arrives_live_amends_an_old_move(desk: Desk) -> None:
    await known(desk)
    await desk.start("wire")
    now = desk.clock.now()
    for mid in ("0.400", "0.500", "0.501", "0.500", "0.500"):
        now = desk.after(1)
        await desk.poll(prices(now, {"Zetacorp": mid}))
        desk.process(outcome_ids=None)
    jumped = now - 3 * MINUTE
    desk.after(45)
    desk.process(outcome_ids=())
    assert desk.current(Move)[0].verdict == "no_public_cause_found"
    desk.after(4 * 24 * 60)

    await desk.poll(news("late", TITLE, published_at=jumped - MINUTE), source=StubSource("wire"))
    desk.process(outcome_ids=())

    assert desk.current(Move)[0].verdict == "candidates"
    assert len(desk.rows(Move, verdict="no_public_cause_found")) == 1
