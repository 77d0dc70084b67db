"""As known then: whatever comes later, what was shown of an instant stays as it was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.reports.leaderboard import leaderboards
from monitor.reports.moves import series_moves
from storage.records import Batch, MarketStatus
from storage.tables import LINKS_IN_FULL, TABLES, Selection
from tests.builders import a_standing
from tests.desk import CONFIG, Desk, StubSource, joined, news, open_desk, prices

RULES = (
    "The company whose model has the highest arena score on lmarena.ai/leaderboard/text with the "
    "style control off wins when it is checked on March {day}, 2026, 12:00 PM ET."
)
LABELS = ("Zetacorp", "Omegacorp")
TITLES = (
    "Zetacorp launches Zeta glasses",
    "Omegacorp launches Omega glasses for everyone",
    "Zetacorp raises 300 million dollars in funding",
)


@dataclass(frozen=True)
class Step:
    """What comes `minutes` after the one before: news, prices, a page of the board, or history."""

    kind: str
    minutes: int
    number: int


steps = st.lists(
    st.builds(
        Step,
        st.sampled_from(("price", "price", "price", "news", "board", "rules", "close", "history")),
        st.integers(2, 25),
        st.integers(0, 30),
    ),
    min_size=4,
    max_size=14,
)


@settings(max_examples=6, deadline=None)
@given(before=steps, after=steps)
async def test_what_comes_later_changes_nothing_that_was_known_before(
    before: list[Step], after: list[Step]
) -> None:
    with TemporaryDirectory() as folder:
        async with open_desk(Path(folder), CONFIG) as desk:
            await desk.start("stub", "wire")
            for number, step in enumerate([*JUMP, *before]):
                await take(desk, step, number)
            then = desk.clock.now()
            shown = view(desk, then)

            for number, step in enumerate(after, start=100):
                await take(desk, step, number)
                assert view(desk, then) == shown


async def test_the_views_that_are_compared_are_not_empty(tmp_path: Path) -> None:
    async with open_desk(tmp_path, CONFIG) as desk:
        await desk.start("stub", "wire")
        for number, step in enumerate(JUMP):
            await take(desk, step, number)

        found = view(desk, desk.clock.now())

    assert found["moves"]
    assert found["links"]
    assert found["signals"]
    assert found["distance"]
    assert found["leaderboards"][0]["markets"]


JUMP = (
    Step("board", 5, 3), *(Step("price", 5, 0),) * 4, Step("news", 3, 0),
    *(Step("price", 5, 20),) * 16,
)  # fmt: skip


async def take(desk: Desk, step: Step, number: int) -> None:
    """Let one step happen and run the jobs."""
    now = desk.after(step.minutes)
    if step.kind == "news":
        late = timedelta(minutes=step.number * 4)
        batch = news(f"n{number}", TITLES[step.number % 3], published_at=now - late)
        await desk.poll(batch, source=StubSource("wire"))
    elif step.kind == "board":
        await desk.poll(page(step.number), source=StubSource("wire"))
    else:
        await desk.poll(books(step, now))
    desk.process(outcome_ids=None)


def books(step: Step, now: datetime) -> Batch:
    mid = f"{0.40 + step.number / 100:.3f}"
    given: dict[str, Any] = {"rules": RULES.format(day=20), "series_title": "Best AI model?"}
    if step.kind == "rules":
        given |= {"rules": RULES.format(day=20 + step.number % 11)}
    if step.kind == "close":
        given |= {"status": MarketStatus.CLOSED}
    batch = prices(now, dict.fromkeys(LABELS, mid), **given)
    if step.kind == "history":
        past = prices(now - timedelta(minutes=step.number + 1), dict.fromkeys(LABELS, "0.9"))
        late = tuple(replace(quote, observed_at=now) for quote in past.quotes)
        return joined(batch, Batch(quotes=late))
    return batch


def page(number: int) -> Batch:
    day = date(2026, 3, 1) + timedelta(days=number % 5)
    rows = (
        a_standing("zeta-1", 1, organization="Zetacorp", publish_date=day),
        a_standing(
            "omega-1", 2, organization="Omegacorp", publish_date=day, score=Decimal(1400 + number)
        ),
    )
    return Batch(standings=rows)


def view(desk: Desk, then: datetime) -> dict[str, Any]:
    """Return all that can be shown as of `then`."""
    selection = Selection(as_of=then)
    with desk.store.read() as session:
        shown: dict[str, Any] = {
            name: list(TABLES[name].rows(session, selection))
            for name in ("links", "moves", "signals", "distance")
        }
        shown["links in full"] = list(LINKS_IN_FULL.rows(session, selection))
        shown["series moves"] = series_moves(session, selection)
        shown["leaderboards"] = leaderboards(
            session, desk.app.topics, now=desk.clock.now(), as_of=then
        )
    return shown
