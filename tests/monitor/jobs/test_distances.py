"""Each publication of a list gives each leg it decides a distance, once, as it was known then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from monitor.config import parse_config
from monitor.jobs.distances import UNNAMED, measure
from monitor.settlements import settler
from monitor.topics import Topics, open_topics
from storage import Store, distance_repo, frames, market_repo, open_store, standing_repo
from storage.models import Distance
from storage.quotes import as_row, insert_rows
from storage.records import MarketRecord, Origin, OutcomeRecord, StandingRecord
from tests.builders import NOON, a_market, a_quote, a_standing, at
from tests.desk import CONFIG

DAY = 24 * 60


@pytest.fixture(scope="module")
def topics() -> Topics:
    return open_topics(parse_config(CONFIG, name="config.yaml", folder=Path()))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/sm.db")
    yield opened
    opened.close()


def race(label: str, style: str = "with the style control off", **given: Any) -> MarketRecord:
    values: dict[str, Any] = {
        "question": f"Will {label} have the best AI model at the end of March?",
        "series": "best-in-march",
        "series_title": "Best AI model in March?",
        "label": label,
        "outcomes": (OutcomeRecord(f"{label}-yes", "Yes", 0),),
        "rules": (
            "The company whose model has the highest arena score on lmarena.ai/leaderboard/text "
            f"{style} wins when it is checked on March 31, 2026, 12:00 PM ET."
        ),
        **given,
    }
    return a_market(label.lower(), **values)


def listed(store: Store, topics: Topics, *markets: MarketRecord, minute: float = 0) -> None:
    with store.begin() as session:
        changes = market_repo.upsert(
            session,
            markets,
            observed_at=at(minute),
            origin=Origin.LIVE,
            owner_of=topics.owner_of,
            settle=settler(topics, ()),
        )
        ids = {change.record.venue_id: change.market_id for change in changes}
        entries = [("models", venue_id, "own", "event") for venue_id in ids]
        market_repo.follow(session, entries, ids)


def published(
    store: Store,
    east: str,
    day: int = 1,
    minute: float = 0,
    origin: Origin = Origin.LIVE,
    **given: Any,
) -> None:
    rows: list[StandingRecord] = [
        a_standing("zeta-1", 1, organization="Zetacorp", score=Decimal("1460.5")),
        a_standing("qwen9-max", 2, organization="Alibaba", score=Decimal(east)),
    ]
    rows = [replace(row, publish_date=date(2026, 3, day), **given) for row in rows]
    with store.begin() as session:
        standing_repo.add(session, rows, observed_at=at(minute), origin=origin)


def measured(store: Store, topics: Topics, minute: float) -> int:
    with store.begin() as session:
        return measure(session, topics, now=at(minute))


def gaps(store: Store, as_of: datetime | None = None) -> dict[str, list[tuple[datetime, float]]]:
    frame = frames.distance(store, as_of=as_of)
    found: dict[str, list[tuple[datetime, float]]] = {}
    for row in frame.itertuples():
        found.setdefault(str(row.market_id), []).append((row.at.to_pydatetime(), row.gap))
    return found


def test_each_publication_is_a_row_of_each_leg(store: Store, topics: Topics) -> None:
    listed(store, topics, race("Zetacorp"), race("Alibaba"))
    published(store, "1440.5", minute=5)
    published(store, "1450.5", day=2, minute=2 * DAY)

    assert measured(store, topics, 2 * DAY) == 4
    assert gaps(store) == {
        "alibaba": [(at(5), -20.0), (at(2 * DAY), -10.0)],
        "zetacorp": [(at(5), 20.0), (at(2 * DAY), 10.0)],
    }
    row = frames.distance(store).iloc[0]
    assert (row["board"], row["style_control"], row["place"]) == ("text", "off", 1)
    assert (row["best_model"], row["against_model"]) == ("qwen9-max", "zeta-1")
    # from 12:05 UTC on 2 March to 16:00 UTC on the 31st
    assert row["days_left"] == pytest.approx(29.163, abs=0.001)


def test_measuring_again_adds_nothing(store: Store, topics: Topics) -> None:
    listed(
        store,
        topics,
        race("Zetacorp"),
        race("Alibaba"),
        race("Nobody", rules="The best AI model wins."),
    )
    published(store, "1440.5", minute=5)
    measured(store, topics, 6)

    assert measured(store, topics, 7) == 0


def test_a_refit_of_one_publication_is_a_row_of_its_own(store: Store, topics: Topics) -> None:
    listed(store, topics, race("Alibaba"))
    published(store, "1440.5", minute=5)
    published(store, "1445.5", minute=65)
    measured(store, topics, 65)

    assert gaps(store) == {"alibaba": [(at(5), -20.0), (at(65), -15.0)]}


def test_what_came_in_later_counts_from_the_end_of_its_day(store: Store, topics: Topics) -> None:
    listed(store, topics, race("Alibaba"))
    with store.begin() as session:
        ids = market_repo.outcome_ids(session, [("polymarket", "alibaba", "Alibaba-yes")])
        early = a_quote(
            NOON - timedelta(days=5), venue_id="alibaba", venue_outcome_id="Alibaba-yes"
        )
        insert_rows(session, [as_row(early, ids)])
    published(store, "1440.5", day=1, minute=30, origin=Origin.BACKFILL)
    measured(store, topics, 31)

    # the end of 1 March is 12 hours before noon on the 2nd
    assert gaps(store) == {"alibaba": [(at(-12 * 60), -20.0)]}
    assert gaps(store, as_of=at(30)) == {}


def test_a_leg_begins_with_the_publication_in_force(store: Store, topics: Topics) -> None:
    for day in (1, 2, 3):
        published(store, f"144{day}.5", day=day, minute=day * DAY)
    listed(store, topics, race("Alibaba"), minute=2 * DAY + 60)
    measured(store, topics, 3 * DAY)

    assert gaps(store) == {"alibaba": [(at(2 * DAY), -18.0), (at(3 * DAY), -17.0)]}


def test_an_unstated_style_is_measured_on_both_lists_and_the_smaller_holds(
    store: Store, topics: Topics
) -> None:
    listed(store, topics, race("Alibaba", style="as it is shown"))
    published(store, "1440.5", minute=5)
    published(store, "1430.5", minute=5, style_control="on")
    measured(store, topics, 6)

    with store.read() as session:
        ((_, rows),) = distance_repo.series(session).items()
    assert {row.style_control: row.gap for row in rows} == {"off": -20.0, "on": -30.0}
    assert distance_repo.held(rows, at(6)) == -30.0
    assert distance_repo.held(rows, at(4)) is None


def test_what_the_rules_leave_open_is_empty_with_the_reason(store: Store, topics: Topics) -> None:
    listed(
        store,
        topics,
        race("Nobody"),
        race(
            "Alibaba", rules="Resolves by an Arena leaderboard.", series_title="Best on the Arena?"
        ),
        race("Sigma", rules="A jury decides.", question="Will Sigma win?", series_title=None),
    )
    published(store, "1440.5", minute=5)
    measured(store, topics, 6)

    frame = frames.distance(store).set_index("market_id")
    assert frame["gap"].isna().all()
    assert frame.loc["nobody", "reason"] == "nobody on the board is known to be its owner"
    assert "sigma" not in frame.index
    assert frame.loc["alibaba", "reason"] == UNNAMED


def test_new_rules_begin_a_row_and_leave_what_was(store: Store, topics: Topics) -> None:
    listed(store, topics, race("Alibaba"))
    published(store, "1440.5", minute=5)
    measured(store, topics, 6)
    second = race("Alibaba").rules or ""
    listed(
        store,
        topics,
        race("Alibaba", rules=second.replace("March 31", "March 30")),
        minute=60,
    )
    measured(store, topics, 61)

    frame = frames.distance(store)
    assert [row.to_pydatetime() for row in frame["at"]] == [at(5), at(60)]
    # a day less, and 55 minutes
    assert frame["days_left"].diff().iloc[1] == pytest.approx(-1 - 55 / DAY, abs=0.002)


def test_another_reading_gives_every_row_a_version_and_keeps_the_old(
    store: Store, topics: Topics
) -> None:
    listed(store, topics, race("Nobody"))
    published(store, "1440.5", minute=5)
    published(store, "1450.5", day=2, minute=DAY)
    measured(store, topics, DAY)
    unread = gaps(store)
    with store.begin() as session:
        market = market_repo.known(session, "polymarket", "nobody")
        assert market is not None
        market.owners = ["qwen"]
        session.add(market)
    measured(store, topics, 2 * DAY)

    assert [gap for _, gap in gaps(store)["nobody"]] == [-20.0, -10.0]
    assert str(gaps(store, as_of=at(DAY))) == str(unread)
    with store.read() as session:
        assert len(session.exec(select(Distance)).all()) == 4


def test_a_publication_after_the_end_is_not_measured(store: Store, topics: Topics) -> None:
    listed(store, topics, race("Alibaba", resolved_at=at(60)))
    published(store, "1440.5", minute=5)
    published(store, "1450.5", day=2, minute=90)
    measured(store, topics, 91)

    assert gaps(store)["alibaba"][0][0] == at(5)
