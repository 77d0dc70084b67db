from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from storage import Store, delivery_repo, open_store
from storage.alert_repo import AlertDraft, add_alert
from storage.delivery_repo import DueDelivery
from storage.models import Delivery

NOW = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=90)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


def queue(session: Session, key: str, *channels: str) -> int:
    draft = AlertDraft(
        dedup_key=key, escalation=0, rule="r", kind="signal", severity="info", at=NOW,
        title=key, group_key=key, reason=(), payload={"title": key}, channels=channels,
    )  # fmt: skip
    alert_id = add_alert(session, draft)
    assert alert_id is not None
    return alert_id


def claim(
    session: Session, *, now: datetime = NOW, limit: int = 1, channel: str | None = None
) -> list[DueDelivery]:
    return delivery_repo.claim_due(session, now=now, limit=limit, lease=LEASE, channel=channel)


def row(store: Store) -> Delivery:
    with store.read() as session:
        found = session.exec(select(Delivery)).one()
        session.expunge(found)
        return found


def test_a_claim_counts_and_leases_the_attempt_before_it_is_made(store: Store) -> None:
    with store.begin() as session:
        alert_id = queue(session, "k1", "desk")
        (due,) = claim(session)
    assert (due.alert_id, due.channel, due.attempts, due.failures) == (alert_id, "desk", 1, 1)
    assert (due.dedup_key, due.payload, due.maybe_sent) == ("k1", {"title": "k1"}, False)
    assert (row(store).state, row(store).lease_until) == ("sending", NOW + LEASE)


def test_what_is_being_sent_is_claimed_again_only_after_its_lease_and_marked(
    store: Store,
) -> None:
    with store.begin() as session:
        queue(session, "k1", "desk")
        claim(session)
        before = claim(session, now=NOW + LEASE - MINUTE)
        (after,) = claim(session, now=NOW + LEASE)
    assert before == []
    assert (after.maybe_sent, after.attempts) == (True, 2)


def test_a_channel_with_an_attempt_under_way_gives_nothing_and_another_does(
    store: Store,
) -> None:
    with store.begin() as session:
        queue(session, "k1", "desk", "phone")
        queue(session, "k2", "desk")
        claim(session, channel="desk")
        assert claim(session, channel="desk") == []
        assert [due.channel for due in claim(session, channel="phone")] == ["phone"]


def test_older_alerts_go_first_but_a_failed_one_lets_the_others_by(store: Store) -> None:
    with store.begin() as session:
        bad, good = queue(session, "k1", "desk"), queue(session, "k2", "desk")
        (first,) = claim(session)
        delivery_repo.mark_retry(
            session, bad, "desk", next_attempt_at=NOW + MINUTE, error="no", maybe_sent=False
        )
        held = claim(session)
        (second,) = claim(session, now=NOW + MINUTE)
    assert first.alert_id == bad
    assert held == []
    assert (second.alert_id, second.failures) == (good, 2)


def test_a_failure_of_one_channel_holds_no_other(store: Store) -> None:
    with store.begin() as session:
        alert_id = queue(session, "k1", "desk", "phone")
        claim(session, channel="desk")
        delivery_repo.mark_retry(
            session, alert_id, "desk", next_attempt_at=NOW + MINUTE, error="no", maybe_sent=False
        )
        assert len(claim(session, channel="phone")) == 1


def test_maybe_sent_is_never_taken_back(store: Store) -> None:
    with store.begin() as session:
        alert_id = queue(session, "k1", "desk")
        for maybe_sent in (True, False):
            claim(session)
            delivery_repo.mark_retry(
                session, alert_id, "desk", next_attempt_at=NOW, error="no", maybe_sent=maybe_sent
            )
        (due,) = claim(session)
    assert due.maybe_sent


def test_sent_and_dead_are_never_claimed_again(store: Store) -> None:
    with store.begin() as session:
        sent, dead = queue(session, "k1", "desk"), queue(session, "k2", "desk")
        assert delivery_repo.pending_count(session) == 2
        delivery_repo.mark_sent(session, sent, "desk", at=NOW)
        delivery_repo.mark_dead(session, dead, "desk", error="x" * 9999)
        assert claim(session, now=NOW + timedelta(days=9)) == []
        assert delivery_repo.pending_count(session) == 0
    with store.read() as session:
        rows = {found.state: found for found in session.exec(select(Delivery))}
        session.expunge_all()
    assert rows["sent"].sent_at == NOW
    assert rows["dead"].last_error == "x" * 500


def test_a_dead_delivery_can_be_queued_again(store: Store) -> None:
    with store.begin() as session:
        alert_id = queue(session, "k1", "desk")
        assert not delivery_repo.requeue_dead(session, alert_id, "desk", now=NOW)
        delivery_repo.mark_dead(session, alert_id, "desk", error="no", maybe_sent=True)
        assert delivery_repo.requeue_dead(session, alert_id, "desk", now=NOW)
        (due,) = claim(session)
    assert due.maybe_sent


def test_attempts_a_dead_process_left_are_due_at_once_and_marked(store: Store) -> None:
    with store.begin() as session:
        queue(session, "k1", "desk")
        claim(session)
    with store.begin() as session:
        assert delivery_repo.requeue_interrupted(session, now=NOW) == 1
        (due,) = claim(session)
    assert due.maybe_sent


def test_what_waits_for_an_unknown_channel_is_buried_with_the_reason(store: Store) -> None:
    with store.begin() as session:
        queue(session, "k1", "gone")
        queue(session, "k2", "desk")
        assert delivery_repo.bury_unknown(session, ["desk"]) == 1
    with store.read() as session:
        rows = {found.channel: found for found in session.exec(select(Delivery))}
        session.expunge_all()
    assert (rows["gone"].state, rows["desk"].state) == ("dead", "queued")
    assert rows["gone"].last_error == "no channel of this name is configured"


@pytest.mark.parametrize("state", ["queued", "sending"])
def test_a_clock_set_back_by_a_year_strands_nothing(store: Store, state: str) -> None:
    with store.begin() as session:
        alert_id = queue(session, "k1", "desk")
        claim(session)
        if state == "queued":
            delivery_repo.mark_retry(
                session, alert_id, "desk", next_attempt_at=NOW, error="no", maybe_sent=False
            )
        assert len(claim(session, now=NOW - timedelta(days=365))) == 1
