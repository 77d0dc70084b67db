from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from monitor.app import Topics
from monitor.jobs.distances import measure
from monitor.reports.leaderboard import headline, leaderboards
from monitor.settlements import settler
from storage import Store, market_repo, standing_repo
from storage.quotes import as_row, insert_rows
from storage.records import MarketRecord, MarketStatus, Origin, OutcomeRecord, StandingRecord
from tests.builders import NOON, a_market, a_quote, a_standing, at


def stored(store: Store, *rows: StandingRecord, minute: float = 0) -> None:
    with store.begin() as session:
        standing_repo.add(session, rows, observed_at=at(minute), origin=Origin.LIVE)


def reports(store: Store, topics: Topics, **asked: Any) -> list[dict[str, Any]]:
    now: datetime = asked.pop("now", at(60))
    with store.read() as session:
        return leaderboards(session, topics, now=now, **asked)


def west(**given: Any) -> StandingRecord:
    return a_standing("zeta-1", 1, **{"organization": "Zetacorp", **given})


def east(score: str = "1440.5", **given: Any) -> StandingRecord:
    return a_standing(
        "qwen9-max", 2, **{"organization": "Alibaba", "score": Decimal(score), **given}
    )


def test_the_headline_says_who_leads_and_how_far_the_best_chinese_model_is(
    store: Store, topics: Topics
) -> None:
    stored(store, west(ci_low=Decimal(1455)), east(ci_high=Decimal(1450)))
    (report,) = reports(store, topics)
    assert headline(report) == (
        "text, style control off: #1 zeta-1 (Zetacorp) 1460.5; best Chinese #2 qwen9-max 1440.5, "
        "20 points behind (intervals apart)"
    )
    assert (report["gap"], report["intervals_overlap"], report["age_s"]) == (20.0, False, 3600.0)


def test_a_chinese_model_in_front_is_said_to_be_one(store: Store, topics: Topics) -> None:
    stored(store, east("1470"), west())
    (report,) = reports(store, topics)
    assert headline(report) == (
        "text, style control off: #2 qwen9-max (Alibaba) 1470, a Chinese model"
    )


def test_a_board_without_a_chinese_model_or_a_makers_name_says_so(
    store: Store, topics: Topics
) -> None:
    stored(store, west(organization=None, page_rows=60))
    (report,) = reports(store, topics)
    assert headline(report) == (
        "text, style control off: #1 zeta-1 (maker unknown) 1460.5; no Chinese model among the 60 "
        "rows shown"
    )


def test_boards_are_chosen_by_name_style_and_what_was_known_then(
    store: Store, topics: Topics
) -> None:
    stored(store, west(), minute=0)
    stored(store, west(publish_date=date(2026, 3, 5)), minute=30)
    stored(store, west(style_control="on"), minute=0)
    assert len(reports(store, topics)) == 2
    assert len(reports(store, topics, style="on")) == 1
    assert reports(store, topics, board="webdev") == []
    (then,) = reports(store, topics, style="off", as_of=at(10))
    assert (then["publish_date"], then["age_s"]) == (date(2026, 3, 1), 600.0)
    assert reports(store, topics, as_of=at(-1)) == []
    assert reports(store, topics, now=NOON, style="off")[0]["publish_date"] == date(2026, 3, 5)


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


def listed(store: Store, topics: Topics, *markets: MarketRecord) -> None:
    """Store markets as a poll does, all of them followed, each quoted at 40 to 42 %."""
    with store.begin() as session:
        changes = market_repo.upsert(
            session,
            markets,
            observed_at=NOON,
            origin=Origin.LIVE,
            owner_of=topics.owner_of,
            settle=settler(topics, ()),
        )
        ids = {change.record.venue_id: change.market_id for change in changes}
        entries = [("glasses", venue_id, "own", "event") for venue_id in ids]
        market_repo.follow(session, entries, ids)
        keys = [("polymarket", m.venue_id, m.outcomes[0].venue_outcome_id) for m in markets]
        outcomes = market_repo.outcome_ids(session, keys)
        quotes = [a_quote(venue_id=venue_id, venue_outcome_id=token) for _, venue_id, token in keys]
        insert_rows(session, [as_row(quote, outcomes) for quote in quotes])


def test_what_settles_on_a_board_is_listed_with_price_and_distance(
    store: Store, topics: Topics
) -> None:
    stored(store, west(ci_low=Decimal(1455), ci_high=Decimal(1466)), east())
    listed(store, topics, race("Zetacorp"), race("Alibaba"), race("Nobody"))

    (report,) = reports(store, topics)

    rows = {row["label"]: row for row in report["markets"]}
    assert {label: row["gap"] for label, row in rows.items()} == {
        "Zetacorp": 20.0,
        "Alibaba": -20.0,
        "Nobody": None,
    }
    assert rows["Zetacorp"]["price"] == 0.41
    assert (rows["Alibaba"]["model"], rows["Alibaba"]["rival"]) == ("qwen9-max", "zeta-1")
    assert rows["Nobody"]["reason"] == "nobody on the board is known to be its owner"
    # From 13:00 UTC on 2 March to 16:00 UTC on the 31st.
    assert rows["Zetacorp"]["days_left"] == 29.125
    assert report["elsewhere"] == {}


def test_an_unstated_style_is_listed_on_both_boards_and_another_one_is_named(
    store: Store, topics: Topics
) -> None:
    stored(store, west(), west(style_control="on"))
    listed(
        store,
        topics,
        race("Zetacorp", style="as it is shown", series="either"),
        race("Alibaba", style="with the style control on", series="on"),
        race("Omega", series="off", status=MarketStatus.CLOSED),
        race("Sigma", rules="A jury decides.", question="Will Sigma win?", series_title=None),
    )

    off, on = reports(store, topics)

    assert [(row["series"], row["style_control"]) for row in off["markets"]] == [
        ("either", "unstated")
    ]
    assert off["elsewhere"] == {"text, style control on": 1}
    assert sorted(row["series"] for row in on["markets"]) == ["either", "on"]


def test_a_board_as_of_then_lists_what_was_open_then(store: Store, topics: Topics) -> None:
    stored(store, west(), east())
    over = {"status": MarketStatus.RESOLVED, "resolved_at": at(30), "resolution": "Yes"}
    listed(store, topics, race("Zetacorp", **over))

    assert reports(store, topics)[0]["markets"] == []
    assert len(reports(store, topics, as_of=at(10))[0]["markets"]) == 1
    assert reports(store, topics, as_of=at(0))[0]["markets"][0]["price"] == 0.41


def test_an_answer_of_a_question_with_several_is_measured_by_its_own_owner(
    store: Store, topics: Topics
) -> None:
    stored(store, west(), east())
    question = replace(
        race("several", venue="manifold", series="several"),
        label=None,
        question="Which company has the best AI model at the end of March?",
        outcomes=(OutcomeRecord("a", "Zetacorp", 0), OutcomeRecord("b", "Alibaba", 1)),
    )
    with store.begin() as session:
        changes = market_repo.upsert(
            session,
            [question],
            observed_at=NOON,
            origin=Origin.LIVE,
            owner_of=topics.owner_of,
            settle=settler(topics, ()),
        )
        ids = {"several": changes[0].market_id}
        market_repo.follow(session, [("glasses", "several", "own", "id")], ids)

    (report,) = reports(store, topics)

    assert {row["label"]: row["gap"] for row in report["markets"]} == {
        "Zetacorp": 20.0,
        "Alibaba": -20.0,
    }


def test_a_board_as_of_then_reads_the_rules_state_and_price_of_then(
    store: Store, topics: Topics
) -> None:
    stored(store, west(), east())
    listed(store, topics, race("Alibaba"))
    rules = (race("Alibaba").rules or "").replace("March 31", "March 30")
    with store.begin() as session:
        market_repo.upsert(
            session,
            [race("Alibaba", rules=rules, status=MarketStatus.CLOSED)],
            observed_at=at(30),
            origin=Origin.LIVE,
            owner_of=topics.owner_of,
            settle=settler(topics, ()),
        )
        ids = market_repo.outcome_ids(session, [("polymarket", "alibaba", "Alibaba-yes")])
        late = a_quote(
            at(5), "0.70", "0.72", venue_id="alibaba", venue_outcome_id="Alibaba-yes",
            observed_at=at(40),
        )  # fmt: skip
        insert_rows(session, [as_row(late, ids)])

    (then,) = reports(store, topics, as_of=at(20))[0]["markets"]
    assert (then["check_at"], then["price"]) == (datetime(2026, 3, 31, 16, tzinfo=UTC), 0.41)
    assert reports(store, topics)[0]["markets"] == []


def test_the_distance_on_the_publication_before_stands_beside_it(
    store: Store, topics: Topics
) -> None:
    listed(store, topics, race("Alibaba"))
    stored(store, west(), east(), minute=5)
    later = {"publish_date": date(2026, 3, 2)}
    stored(store, west(**later), east("1450.5", **later), minute=50)
    with store.begin() as session:
        measure(session, topics, now=at(55))

    (now,), (then,) = (reports(store, topics, as_of=t)[0]["markets"] for t in (None, at(20)))

    assert (now["gap"], now["gap_before"], now["date_before"]) == (-10.0, -20.0, date(2026, 3, 1))
    assert (then["gap"], then["gap_before"]) == (-20.0, None)


def test_at_most_ten_rows_are_shown(store: Store, topics: Topics) -> None:
    rows = [a_standing(f"zeta-{n}", n, score=Decimal(1500 - n)) for n in range(1, 15)]
    stored(store, *rows)
    (report,) = reports(store, topics)
    assert [row["rank"] for row in report["top"]] == list(range(1, 11))
