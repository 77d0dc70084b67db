"""The demonstration, whole: what it injects the links find, what it does not they leave alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from monitor.demo.run import Shown, run_demo
from monitor.demo.simulated import EXPECTED, EXPECTED_UNEXPLAINED, FEED, SLUG
from monitor.reports.leaderboard import leaderboards
from storage import signal_repo
from storage.models import Alert, Delivery, Item, Link, Market, Move, Outcome, Signal

PRIMARY_WINDOW_S = 3600


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder: Path = tmp_path_factory.mktemp("demo")
    finished = asyncio.run(run_demo(folder, lambda share: None))
    yield finished
    finished.store.close()


@pytest.fixture
def session(shown: Shown) -> Iterator[Session]:
    with shown.store.read() as session:
        yield session


def outcomes_of(session: Session, series: str) -> set[int]:
    query = select(Outcome.id).join(Market).where(Market.series == series)
    return {outcome_id for outcome_id in session.exec(query) if outcome_id is not None}


def simulated_links(session: Session) -> dict[str, Link]:
    guids = {
        item.story_id: item.guid for item in session.exec(select(Item).where(Item.source == FEED))
    }
    signals = {signal.signal_id: signal for signal in signal_repo.signals(session)}
    return {
        guids[signals[link.signal_id].origin_id]: link
        for link in signal_repo.links(session)
        if link.window_s == PRIMARY_WINDOW_S
        and link.outcome_id in outcomes_of(session, SLUG)
        and signals[link.signal_id].origin_id in guids
    }


def test_each_injected_effect_gets_its_verdict_and_the_placebo_none(session: Session) -> None:
    found = simulated_links(session)

    assert {guid: link.verdict for guid, link in found.items()} == dict(EXPECTED)
    assert not any(link.thin for link in found.values())
    assert all(link.final for link in found.values())


def test_the_first_effect_is_measured_in_points(session: Session) -> None:
    link = simulated_links(session)[EXPECTED[0][0]]

    assert link.move == pytest.approx(0.09, abs=0.005)
    # None of the 74 comparable hours of the four days before moved as much.
    assert (link.n_placebo, link.p_value) == (74, pytest.approx(1 / 75))
    assert link.z is not None
    assert link.z > 4


def test_the_silent_jump_has_no_public_cause(session: Session) -> None:
    moves = signal_repo.moves(session, outcome_ids=sorted(outcomes_of(session, SLUG)))

    at, verdict = EXPECTED_UNEXPLAINED
    last = moves[-1]
    assert abs((last.crossed_at - at).total_seconds()) <= 12 * 60
    assert last.verdict == verdict


def test_sparse_real_prices_allow_description_only(session: Session) -> None:
    real = outcomes_of(session, "best-chinese-ai-company-end-of-july")
    verdicts = {
        link.verdict
        for link in signal_repo.links(session)
        if link.window_s == PRIMARY_WINDOW_S and link.focal and link.outcome_id in real
    }

    assert verdicts
    assert all(verdict.startswith("not_evaluated:") for verdict in verdicts)


def test_the_board_knows_who_is_first_and_how_far_the_best_chinese_model_is(
    shown: Shown, session: Session
) -> None:
    (board,) = leaderboards(session, shown.topics, now=shown.now)

    assert board["top"][0]["model"] == "claude-fable-5"
    assert board["best_chinese"]["model"] == "kimi-k3"
    assert (board["best_chinese"]["rank"], board["best_chinese"]["score"]) == (10, 1486)
    assert board["gap"] == 21


def test_noise_is_not_tagged(session: Session) -> None:
    stories = {signal.origin_id for signal in session.exec(select(Signal))}
    items = session.exec(select(Item)).all()
    untagged = [item.title for item in items if item.story_id not in stories]

    assert len(untagged) >= 3
    assert not any("Kimi K3" in title for title in untagged)


def test_one_story_from_two_outlets_is_told_once(session: Session) -> None:
    told = session.exec(select(Alert).where(Alert.rule == "new-signal")).all()
    launch = [
        alert for alert in told if alert.payload["headline"].startswith("Moonshot AI launches")
    ]

    assert len(launch) == 1
    published = [s for s in signal_repo.signals(session) if s.title.startswith("Moonshot AI l")]
    assert {signal.publishers for signal in published} == {2}


def test_every_alert_was_delivered_once_with_its_reason(shown: Shown, session: Session) -> None:
    deliveries = session.exec(select(Delivery)).all()

    assert deliveries
    assert {(delivery.state, delivery.attempts) for delivery in deliveries} == {("sent", 1)}
    first_lines = [line for line in shown.told.splitlines() if line and not line.startswith(" ")]
    assert len(first_lines) == len(deliveries)
    assert all(alert.reason for alert in session.exec(select(Alert)))


def test_legs_of_one_series_are_one_message(session: Session) -> None:
    jumps = session.exec(select(Alert).where(Alert.rule == "jump")).all()
    both = [a for a in jumps if "Moonshot" in a.title and "Alibaba" in a.title]

    assert len(both) == 1
    assert len(both[0].move_ids) == 2


def test_a_move_after_a_told_story_shares_its_group(session: Session) -> None:
    story, move = session.exec(select(Alert).order_by(Alert.id)).all()[:2]  # type: ignore[arg-type]

    assert (story.rule, move.rule) == ("new-signal", "jump")
    assert move.group_key == story.group_key


def test_no_move_was_written_before_it_could_be_known(session: Session) -> None:
    for move in session.exec(select(Move)):
        assert move.known_from >= move.crossed_at


def test_what_can_be_graded_when_it_ends_has_its_grade(shown: Shown, session: Session) -> None:
    alerts = session.exec(select(Alert)).all()
    passed = [each for each in alerts if each.at <= shown.now - timedelta(hours=6)]

    assert passed
    assert all(each.grade for each in passed)
    assert {each.grade for each in alerts} >= {"hit", "miss", "stale"}
    assert all(each.grade is None for each in alerts if each not in passed)
