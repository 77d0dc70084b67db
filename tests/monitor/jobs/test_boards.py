"""A new publication of a leaderboard is told where models are watched, and only when seen live."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from storage.models import Alert, Signal
from storage.records import Batch, StandingRecord
from tests.builders import a_standing
from tests.desk import Desk, StubSource

MONDAY, TUESDAY, WEDNESDAY = date(2026, 2, 23), date(2026, 2, 24), date(2026, 2, 25)
ORGANIZATIONS = {"qwen-9": "Alibaba", "zeta-1": "Zetacorp", "omega-2": "Omegacorp"}


def board(day: date, **scores: str) -> Batch:
    """Return a page of the text board; `scores` by model, best first, dashes as underscores."""
    models = [(name.replace("_", "-"), Decimal(score)) for name, score in scores.items()]
    return Batch(standings=tuple(_row(day, rank, *one) for rank, one in enumerate(models, 1)))


def _row(day: date, rank: int, model: str, score: Decimal) -> StandingRecord:
    return a_standing(
        model, rank, publish_date=day, score=score, organization=ORGANIZATIONS[model], page_rows=3
    )


async def publish(desk: Desk, page: Batch) -> list[Signal]:
    """Poll one page, process it, and return the standing signals that are current."""
    desk.after(60)
    await desk.poll(page, source=StubSource("arena-text"))
    desk.process()
    return desk.current(Signal, origin_kind="standing")


async def test_a_new_number_one_is_a_signal_of_the_theme_that_watches_models(desk: Desk) -> None:
    await publish(desk, board(MONDAY, zeta_1="1460", qwen_9="1450"))

    signals = await publish(desk, board(TUESDAY, qwen_9="1470", zeta_1="1460"))

    assert {(s.theme, s.kind) for s in signals} == {("models", "rank_change")}
    first = next(s for s in signals if s.facts[0]["change"] == "new_number_one")
    assert (first.facts[0]["model"], first.facts[0]["rank"]) == ("qwen-9", 1)
    assert (first.at.date(), first.precision) == (TUESDAY, "day")
    assert "qwen" in first.entities


async def test_a_change_that_a_live_poll_saw_is_told_once(desk: Desk) -> None:
    await publish(desk, board(MONDAY, zeta_1="1460", qwen_9="1450"))
    await publish(desk, board(TUESDAY, qwen_9="1470", zeta_1="1460"))
    told = {(a.rule, a.title) for a in desk.rows(Alert)}
    await publish(desk, board(TUESDAY, qwen_9="1470", zeta_1="1460"))

    assert {rule for rule, _ in told} == {"board"}
    assert {(a.rule, a.title) for a in desk.rows(Alert)} == told


async def test_two_publications_of_a_first_poll_are_a_signal_that_is_not_told(desk: Desk) -> None:
    both = Batch(
        standings=(
            *board(MONDAY, zeta_1="1460", qwen_9="1450").standings,
            *board(TUESDAY, qwen_9="1470", zeta_1="1460").standings,
        )
    )

    signals = await publish(desk, both)

    assert signals
    assert not any(signal.alertable for signal in signals)
    assert desk.rows(Alert) == []


async def test_a_first_publication_is_no_change(desk: Desk) -> None:
    await desk.start("arena-text")

    assert await publish(desk, board(MONDAY, zeta_1="1460", qwen_9="1450")) == []


async def test_an_equal_publication_is_no_change(desk: Desk) -> None:
    await publish(desk, board(MONDAY, zeta_1="1460", qwen_9="1450"))

    assert await publish(desk, board(TUESDAY, zeta_1="1460", qwen_9="1450")) == []


async def test_a_refit_of_a_known_day_does_not_tell_it_again(desk: Desk) -> None:
    await publish(desk, board(MONDAY, zeta_1="1460", qwen_9="1450"))
    await publish(desk, board(TUESDAY, qwen_9="1470", zeta_1="1460"))
    alerts = len(desk.rows(Alert))

    signals = await publish(desk, board(TUESDAY, qwen_9="1471", zeta_1="1460"))

    assert len(desk.rows(Alert)) == alerts
    assert {s.facts[0]["score"] for s in signals if s.facts[0]["model"] == "qwen-9"} == {1471.0}


async def test_a_board_that_was_not_polled_is_not_looked_at(desk: Desk) -> None:
    await publish(desk, board(MONDAY, zeta_1="1460", qwen_9="1450"))
    desk.after(60)
    await desk.poll(board(TUESDAY, qwen_9="1470", zeta_1="1460"), source=StubSource("arena-text"))

    assert desk.process(boards=False).signals == 0
    assert desk.process(boards=True).signals > 0
