from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.app import Topics
from monitor.reports.calendar import calendar
from storage import Store, signal_repo
from storage.records import MarketStatus, OutcomeRecord
from tests.builders import NOON, a_market, a_signal, at
from tests.monitor.reports.conftest import follow

APRIL = datetime(2026, 4, 1, 16, tzinfo=UTC)


def rows(store: Store, topics: Topics, **asked: Any) -> list[dict[str, Any]]:
    with store.read() as session:
        return calendar(session, topics, **{"now": at(60), **asked})


def fact(day: str, field: str = "title") -> dict[str, Any]:
    return {"kind": "date", "value": day, "unit": "day", "text": day, "field": field}


def put(store: Store, *signals: dict[str, Any]) -> None:
    with store.begin() as session:
        for values in signals:
            signal_repo.put_signal(session, values, known_from=values["observed_at"])


def test_a_series_is_due_once_and_met_when_all_of_it_resolved(store: Store, topics: Topics) -> None:
    legs = [
        a_market(
            name, series="race", series_title="Who wins?", closes_at=APRIL,
            outcomes=(OutcomeRecord(name, "Yes", 0),),
        )
        for name in ("a", "b")
    ]  # fmt: skip
    for leg in legs:
        follow(store, leg)

    (row,) = rows(store, topics)
    assert (row["due"], row["what"], row["state"]) == (APRIL, "close", "open")
    assert (row["title"], row["markets"]) == ("Who wins?", ["a", "b"])
    assert rows(store, topics, now=APRIL + timedelta(1))[0]["state"] == "passed"

    for leg in legs:
        follow(store, replace(leg, status=MarketStatus.RESOLVED, resolved_at=APRIL))
    assert rows(store, topics, now=APRIL + timedelta(1))[0]["state"] == "met"


def test_an_announced_launch_is_listed_with_its_signal_and_what_met_it(
    store: Store, topics: Topics
) -> None:
    put(
        store,
        a_signal("sig-1", kind="rumor", facts=[fact("2026-03-05"), fact("2026-03-09", "content")]),
        a_signal("sig-2", NOON + timedelta(days=3), origin_id="story-2"),
    )

    (row,) = rows(store, topics, now=NOON + timedelta(days=4))

    assert (row["due"], row["precision"]) == (datetime(2026, 3, 5, tzinfo=UTC), "day")
    assert (row["state"], row["signal_id"], row["met_by"]) == ("met", "sig-1", "sig-2")


def test_background_other_themes_and_the_past_announce_nothing(
    store: Store, topics: Topics
) -> None:
    day = [fact("2026-03-05")]
    put(
        store,
        a_signal("old", background=True, facts=day),
        a_signal("second", event_no=1, origin_id="s2", facts=day),
        a_signal("strange", theme="nobody", origin_id="s3", facts=day),
        a_signal("past", origin_id="s4", facts=[fact("2026-03-01")]),
    )

    assert rows(store, topics) == []


def test_the_range_narrows_by_what_is_due(store: Store, topics: Topics) -> None:
    put(store, a_signal("sig-1", facts=[fact("2026-03-05"), fact("2026-03-20")]))

    after = rows(store, topics, since=datetime(2026, 3, 10, tzinfo=UTC))
    before = rows(store, topics, until=datetime(2026, 3, 10, tzinfo=UTC))

    assert [row["due"].day for row in after] == [20]
    assert [row["due"].day for row in before] == [5]
    assert len(rows(store, topics, theme="glasses")) == 2
