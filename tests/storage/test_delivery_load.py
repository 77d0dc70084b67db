from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlmodel import Session

from storage import Store, delivery_repo
from storage.alert_repo import AlertDraft, add_alert
from storage.delivery_load import Load, load
from storage.delivery_repo import DueMessage, Planned

NOW = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=90)


def hold(
    session: Session, key: str, bundle: str | None = None, *, due_at: datetime = NOW,
    channel: str = "desk",
) -> None:  # fmt: skip
    draft = AlertDraft(
        dedup_key=key, escalation=0, rule="r", kind="signal", severity="info", at=NOW,
        title=key, group_key=key, reason=(), payload={}, channels=(channel,),
    )  # fmt: skip
    assert add_alert(session, draft, [Planned(channel, due_at, bundle)]) is not None


def claim(session: Session, now: datetime = NOW) -> DueMessage:
    (due,) = delivery_repo.claim_due(session, now=now, limit=1, lease=LEASE)
    return due


def send(session: Session, at: datetime = NOW) -> None:
    delivery_repo.mark_sent(session, claim(session, at), at=at)


def seen(session: Session, *, now: datetime = NOW, since: datetime = NOW - 10 * MINUTE) -> Load:
    return load(session, ["desk"], now=now, since=since)


def test_nothing_waits_in_an_empty_outbox(store: Store) -> None:
    with store.read() as session:
        assert seen(session) == Load()


def test_a_bundle_is_one_message_and_open_until_it_is_tried(store: Store) -> None:
    due_at = NOW + 5 * MINUTE
    with store.begin() as session:
        for key in ("k1", "k2", "k3"):
            hold(session, key, "storm", due_at=due_at)
        waits = seen(session)
        claim(session, due_at)
        tried = seen(session, now=due_at)
    assert waits == Load({("desk", "storm"): due_at}, {}, {"desk": (due_at,)})
    assert tried == Load({}, {("desk", "storm"): due_at}, {"desk": (due_at,)})


def test_what_was_sent_lately_counts_by_message_and_older_does_not(store: Store) -> None:
    with store.begin() as session:
        hold(session, "old")
        send(session, NOW)
        for key in ("k1", "k2"):
            hold(session, key, "group:r:x")
        send(session, NOW + 9 * MINUTE)
        hold(session, "alone")
        send(session, NOW + 10 * MINUTE)
        found = seen(session, now=NOW + 11 * MINUTE, since=NOW + MINUTE)
    assert found == Load(
        {},
        {("desk", "group:r:x"): NOW + 9 * MINUTE},
        {"desk": (NOW + 9 * MINUTE, NOW + 10 * MINUTE)},
    )


def test_what_a_failure_holds_back_counts_as_sent_now(store: Store) -> None:
    later = NOW + 3 * MINUTE
    with store.begin() as session:
        hold(session, "k1")
        hold(session, "k2")
        delivery_repo.mark_retry(
            session, claim(session), at=NOW, next_attempt_at=NOW + 60 * MINUTE, error="no",
            maybe_sent=False,
        )  # fmt: skip
        assert seen(session, now=later) == Load({}, {}, {"desk": (later, later)})


def test_what_is_dead_or_of_another_channel_weighs_nothing(store: Store) -> None:
    with store.begin() as session:
        hold(session, "k1", "storm")
        delivery_repo.mark_dead(session, claim(session), at=NOW, error="no")
        hold(session, "k2", "storm", channel="phone")
        assert seen(session) == Load()


def test_a_send_from_the_future_of_a_clock_set_back_is_left_out(store: Store) -> None:
    with store.begin() as session:
        hold(session, "k1", "storm")
        send(session, NOW)
        assert seen(session, now=NOW - timedelta(days=9), since=NOW - timedelta(days=9)) == Load()
