"""Moves of one series in the same minutes are one line; `as_of` shows what was said then."""

from __future__ import annotations

from typing import Any

from monitor.reports.moves import series_moves
from storage import Store, market_repo, signal_repo
from storage.records import MarketRecord, Origin, OutcomeRecord
from storage.tables import Selection
from tests.builders import a_market, a_move, at, keep

NEAR = {
    "signal_id": "sig-1", "title": "Zetacorp shows its glasses", "url": None,
    "minutes_before": 3.0, "clock_error_min": 1.0, "days_before": None, "rank_score": 0.7,
}  # fmt: skip


def leg(label: str, **given: Any) -> MarketRecord:
    values: dict[str, Any] = {
        "question": f"Will {label} win?", "series": "race", "series_title": "Who wins?",
        "label": label, "outcomes": (OutcomeRecord(f"{label}-yes", "Yes", 0),), **given,
    }  # fmt: skip
    return a_market(label.lower(), **values)


def put(store: Store, label: str, minute: float, move: float, **given: Any) -> None:
    ids = keep(store, [leg(label)])
    values = a_move(
        next(iter(ids.values())), at(minute), **{"move": move, "state": "persisted", **given}
    )
    with store.begin() as session:
        signal_repo.put_move(session, values, known_from=at(minute + 60))


def rows(store: Store, **narrow: Any) -> list[dict[str, Any]]:
    with store.read() as session:
        return series_moves(session, Selection(**narrow))


def test_legs_that_crossed_within_a_quarter_of_an_hour_are_one_move(store: Store) -> None:
    put(store, "Alibaba", 0, -0.09, verdict="no_public_cause_found")
    put(store, "Moonshot", 10, 0.30, verdict="candidates", explained_by=[NEAR])

    (row,) = rows(store)

    assert (row["series"], row["move_pp"], row["verdict"]) == ("race", 30.0, "candidates")
    assert [(found["label"], found["move_pp"]) for found in row["legs"]] == [
        ("Moonshot", 30.0),
        ("Alibaba", -9.0),
    ]
    assert (row["start_at"], row["end_at"]) == (at(0), at(20))
    assert [found["signal_id"] for found in row["explained_by"]] == ["sig-1"]


def test_legs_of_another_hour_or_series_stand_alone(store: Store) -> None:
    put(store, "Alibaba", 0, -0.09)
    put(store, "Moonshot", 20, 0.30)
    ids = keep(store, [leg("Other", series="another")])
    with store.begin() as session:
        signal_repo.put_move(session, a_move(next(iter(ids.values())), at(1)), known_from=at(60))

    assert [len(row["legs"]) for row in rows(store)] == [1, 1, 1]


def test_a_leg_that_came_back_speaks_for_no_other(store: Store) -> None:
    put(store, "Alibaba", 0, -0.09, state="reverted")
    put(store, "Moonshot", 0, 0.05, verdict="no_public_cause_found")
    put(store, "Zeta", 300, 0.05, state="reverted")

    both, alone = rows(store)

    assert (both["verdict"], both["lasted"]) == ("no_public_cause_found", True)
    assert (alone["verdict"], alone["lasted"]) == ("pending", False)


def test_what_was_said_then_stays_with_the_question_as_it_was_then(store: Store) -> None:
    put(store, "Alibaba", 0, -0.09, verdict="no_public_cause_found")
    reworded = leg("Alibaba", question="Will Alibaba be first?")
    with store.begin() as session:
        market_repo.upsert(
            session, [reworded], observed_at=at(90), origin=Origin.LIVE, owner_of=lambda name: None
        )
        (move,) = signal_repo.moves(session)
        values = a_move(
            move.outcome_id, at(0), move=-0.09, state="persisted", verdict="candidates",
            explained_by=[NEAR],
        )  # fmt: skip
        signal_repo.put_move(session, values, known_from=at(100))

    (then,), (now,) = rows(store, as_of=at(80)), rows(store)

    assert (then["verdict"], now["verdict"]) == ("no_public_cause_found", "candidates")
    assert then["legs"][0]["question"] == "Will Alibaba win?"
    assert now["legs"][0]["question"] == "Will Alibaba be first?"
    assert rows(store, as_of=at(59)) == []
