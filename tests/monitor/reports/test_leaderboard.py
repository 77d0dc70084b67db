from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from monitor.app import Topics
from monitor.reports.leaderboard import headline, leaderboards
from storage import Store, standing_repo
from storage.records import Origin, StandingRecord
from tests.builders import NOON, a_standing, at


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


def test_at_most_ten_rows_are_shown(store: Store, topics: Topics) -> None:
    rows = [a_standing(f"zeta-{n}", n, score=Decimal(1500 - n)) for n in range(1, 15)]
    stored(store, *rows)
    (report,) = reports(store, topics)
    assert [row["rank"] for row in report["top"]] == list(range(1, 11))
