from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.app import Topics
from monitor.reports.brief import brief, brief_lines
from monitor.reports.facts import fact_texts
from storage import Store, signal_repo, source_repo
from tests.builders import a_market, a_move, a_quote, a_signal, at
from tests.monitor.reports.conftest import follow


def test_the_brief_has_the_best_signals_first_and_no_background(
    store: Store, topics: Topics
) -> None:
    with store.begin() as session:
        for number in range(7):
            given = a_signal(f"s{number}", at(number), origin_id=f"o{number}", score=number / 10)
            signal_repo.put_signal(session, given, known_from=at(number))
        old = a_signal("old", at(1), origin_id="x", score=0.99, background=True)
        signal_repo.put_signal(session, old, known_from=at(1))
    with store.read() as session:
        (theme,) = brief(session, topics, now=at(60))["themes"]
    assert [signal["signal_id"] for signal in theme["signals"]] == ["s6", "s5", "s4", "s3", "s2"]


def test_only_moves_that_persisted_are_told_and_what_was_near_them(
    store: Store, topics: Topics
) -> None:
    outcome = follow(store, a_market(label="Zetacorp"), a_quote(at(0), "0.40", "0.42"))
    near = [{"title": "A launch"}]
    with store.begin() as session:
        for minute, state in ((0, "persisted"), (120, "faded")):
            given = a_move(
                outcome, at(minute), state=state, verdict="candidates", explained_by=near
            )
            signal_repo.put_move(session, given, known_from=at(minute))
    with store.read() as session:
        (theme,) = brief(session, topics, now=at(200))["themes"]
        lines = brief_lines(session, topics, now=at(200))
    (move,) = theme["moves"]
    assert (move["label"], move["move_pp"], move["near"]) == ("Zetacorp", 6.0, ["A launch"])
    assert "  Zetacorp +6.0 pp, candidates" in lines
    assert "  Zetacorp: 41.0 %" in lines


def test_what_is_older_than_asked_is_left_out(store: Store, topics: Topics) -> None:
    with store.begin() as session:
        signal_repo.put_signal(session, a_signal(), known_from=at(1))
    with store.read() as session:
        for since, count in ((timedelta(hours=2), 1), (timedelta(minutes=30), 0)):
            report = brief(session, topics, now=at(60), since=since, theme="glasses")
            assert len(report["themes"][0]["signals"]) == count


def test_a_source_that_was_never_read_is_sick_at_once(store: Store, topics: Topics) -> None:
    with store.begin() as session:
        source_repo.record_failure(session, "wire", at=at(0), next_due=at(5), error="no answer")
    with store.read() as session:
        lines = brief_lines(session, topics, now=at(1))

    assert lines[-1] == "wire failed once and was never read: no answer"


def test_a_source_is_sick_from_its_third_failure_in_a_row(store: Store, topics: Topics) -> None:
    with store.begin() as session:
        source_repo.record_success(
            session, "wire", at=at(-9), next_due=at(0), validators={}, cursor={}, rejects=[]
        )
    for failures, names in ((2, []), (1, ["wire"])):
        for _ in range(failures):
            with store.begin() as session:
                source_repo.record_failure(
                    session, "wire", at=at(0), next_due=at(5), error="no answer"
                )
        with store.read() as session:
            report = brief(session, topics, now=at(1))
            assert [source["source"] for source in report["sick_sources"]] == names
    with store.read() as session:
        assert brief_lines(session, topics, now=at(1))[-1] == "wire failed 3 times: no answer"


@pytest.mark.parametrize(("fact", "text"), [
    ({"kind": "price", "value": "1899", "unit": "CNY"}, "CNY 1,899"),
    ({"kind": "price", "value": "299.50", "unit": "USD"}, "USD 299.5"),
    ({"kind": "rank", "value": "1", "unit": None}, "#1"),
    ({"kind": "score", "value": "1486", "unit": ""}, "score 1,486"),
    ({"kind": "percent", "value": "12.5", "unit": "%"}, "12.5 %"),
    ({"kind": "date", "value": "2026-03-02", "unit": ""}, "2026-03-02"),
])  # fmt: skip
def test_facts_are_told_as_people_write_them(fact: dict[str, str], text: str) -> None:
    assert fact_texts([fact, fact]) == [text]


def test_facts_that_say_nothing_to_a_person_are_left_out() -> None:
    assert fact_texts([{"kind": "version", "value": "4", "unit": "qwen"}]) == []
    assert fact_texts([{"kind": "price", "value": "cheap", "unit": "USD"}]) == []
    assert len(fact_texts([{"kind": "rank", "value": str(n), "unit": ""} for n in range(9)])) == 4
