from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from storage import Store, alert_repo, delivery_repo
from storage.alert_repo import AlertDraft, add_alert
from storage.delivery_repo import DueMessage, Planned
from storage.models import Attempt, Delivery

NOW = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=90)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def draft(key: str, *channels: str) -> AlertDraft:
    return AlertDraft(
        dedup_key=key, escalation=0, rule="r", kind="signal", severity="info", at=NOW,
        title=key, group_key=key, reason=(), payload={"title": key}, channels=channels,
    )  # fmt: skip


def queue(session: Session, key: str, *channels: str) -> int:
    alert_id = add_alert(session, draft(key, *channels))
    assert alert_id is not None
    return alert_id


def hold(
    session: Session, key: str, bundle: str | None, *, due_at: datetime = NOW, channel: str = "desk"
) -> int:
    alert_id = add_alert(session, draft(key, channel), [Planned(channel, due_at, bundle)])
    assert alert_id is not None
    return alert_id


def claim(
    session: Session, *, now: datetime = NOW, limit: int = 1, channel: str | None = None
) -> list[DueMessage]:
    return delivery_repo.claim_due(session, now=now, limit=limit, lease=LEASE, channel=channel)


def fail(
    session: Session, due: DueMessage, *, until: datetime = NOW, maybe_sent: bool = False
) -> None:
    delivery_repo.mark_retry(
        session, due, at=NOW, next_attempt_at=until, error="no", maybe_sent=maybe_sent
    )


def row(store: Store) -> Delivery:
    with store.read() as session:
        return session.exec(select(Delivery)).one()


def rows(session: Session) -> dict[int, Delivery]:
    return {found.alert_id: found for found in session.exec(select(Delivery))}


def told(due: DueMessage) -> list[str]:
    return [member.dedup_key for member in due.members]


def test_a_claim_counts_and_leases_the_attempt_before_it_is_made(store: Store) -> None:
    with store.begin() as session:
        alert_id = queue(session, "k1", "desk")
        (due,) = claim(session)
    (member,) = due.members
    assert (member.alert_id, due.channel, due.attempts, due.failures) == (alert_id, "desk", 1, 1)
    assert (told(due), member.payload, due.maybe_sent) == (["k1"], {"title": "k1"}, False)
    assert due.message_key == delivery_repo.delivery_key("k1", 0, "desk")
    assert (row(store).state, row(store).lease_until) == ("sending", NOW + LEASE)
    with store.read() as session:
        (attempt,) = alert_repo.attempts(session, alert_id)
    assert (attempt.number, attempt.began_at, attempt.result) == (1, NOW, None)


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


def test_many_claimed_at_once_are_one_for_each_channel(store: Store) -> None:
    with store.begin() as session:
        for key in ("k1", "k2"):
            queue(session, key, "desk", "phone")
        claimed = claim(session, limit=9)
    assert sorted((due.channel, told(due)) for due in claimed) == [
        ("desk", ["k1"]),
        ("phone", ["k1"]),
    ]


def test_older_alerts_go_first_but_a_failed_one_lets_the_others_by(store: Store) -> None:
    with store.begin() as session:
        queue(session, "bad", "desk")
        queue(session, "good", "desk")
        (first,) = claim(session)
        fail(session, first, until=NOW + MINUTE)
        held = claim(session)
        (second,) = claim(session, now=NOW + MINUTE)
    assert told(first) == ["bad"]
    assert held == []
    assert (told(second), second.failures) == (["good"], 2)


def test_a_failure_of_one_channel_holds_no_other(store: Store) -> None:
    with store.begin() as session:
        queue(session, "k1", "desk", "phone")
        (due,) = claim(session, channel="desk")
        fail(session, due, until=NOW + MINUTE)
        assert len(claim(session, channel="phone")) == 1


def test_maybe_sent_is_never_taken_back(store: Store) -> None:
    with store.begin() as session:
        queue(session, "k1", "desk")
        for maybe_sent in (True, False):
            (due,) = claim(session)
            fail(session, due, maybe_sent=maybe_sent)
        (due,) = claim(session)
    assert due.maybe_sent


def test_sent_and_dead_are_never_claimed_again(store: Store) -> None:
    with store.begin() as session:
        sent, dead = queue(session, "k1", "desk"), queue(session, "k2", "desk")
        assert delivery_repo.pending_count(session) == 2
        delivery_repo.mark_sent(session, *claim(session), at=NOW)
        delivery_repo.mark_dead(session, *claim(session), at=NOW, error="x" * 9999)
        assert claim(session, now=NOW + timedelta(days=9)) == []
        assert delivery_repo.pending_count(session) == 0
    with store.read() as session:
        found = rows(session)
    assert (found[sent].state, found[sent].sent_at) == ("sent", NOW)
    assert (found[dead].state, found[dead].last_error) == ("dead", "x" * 500)


def test_an_answer_after_another_attempt_arrived_changes_nothing(store: Store) -> None:
    with store.begin() as session:
        queue(session, "k1", "desk")
        (slow,) = claim(session)
        (quick,) = claim(session, now=NOW + LEASE)
        delivery_repo.mark_sent(session, quick, at=NOW + LEASE)
        fail(session, slow, until=NOW + HOUR)
    assert row(store).state == "sent"


def test_attempts_a_dead_process_left_are_due_at_once_and_marked(store: Store) -> None:
    with store.begin() as session:
        alert_id = queue(session, "k1", "desk")
        claim(session)
    with store.begin() as session:
        assert delivery_repo.requeue_interrupted(session, now=NOW) == 1
        (due,) = claim(session)
        left, again = alert_repo.attempts(session, alert_id)
    assert due.maybe_sent
    assert (left.result, left.ended_at) == ("retry", None)
    assert left.error == "the program stopped during this attempt; it may have arrived"
    assert (again.number, again.may_repeat, again.result) == (2, True, None)


def test_what_waits_for_an_unknown_channel_is_buried_with_the_reason(store: Store) -> None:
    with store.begin() as session:
        gone, desk = queue(session, "k1", "gone"), queue(session, "k2", "desk")
        assert delivery_repo.bury_unknown(session, ["desk"]) == 1
        found = rows(session)
    assert (found[gone].state, found[desk].state) == ("dead", "queued")
    assert found[gone].last_error == "no channel of this name is configured"


@pytest.mark.parametrize("state", ["queued", "sending"])
def test_a_clock_set_back_by_a_year_strands_nothing(store: Store, state: str) -> None:
    with store.begin() as session:
        queue(session, "k1", "desk")
        (due,) = claim(session)
        if state == "queued":
            fail(session, due)
        assert len(claim(session, now=NOW - timedelta(days=365))) == 1


def test_a_clock_set_back_strands_no_digest_and_a_long_wait_is_no_such_clock(
    store: Store,
) -> None:
    monday = NOW + timedelta(days=3)
    with store.begin() as session:
        hold(session, "k1", "quiet:weekend", due_at=monday)
        assert claim(session) == []
        assert len(claim(session, now=NOW - timedelta(days=365))) == 1


def test_all_that_waits_under_one_bundle_is_one_message(store: Store) -> None:
    with store.begin() as session:
        for key in ("k1", "k2", "k3"):
            hold(session, key, "digest:r", due_at=NOW + HOUR)
        hold(session, "other", "digest:s", due_at=NOW + HOUR)
        hold(session, "phone", "digest:r", due_at=NOW + HOUR, channel="phone")
        assert claim(session) == []
        (due,) = claim(session, now=NOW + HOUR, channel="desk")
        delivery_repo.mark_sent(session, due, at=NOW + HOUR)
        found = rows(session)
    assert (told(due), due.bundle) == (["k1", "k2", "k3"], "digest:r")
    states = [found[alert_id].state for alert_id in sorted(found)]
    assert states == ["sent", "sent", "sent", "queued", "queued"]
    assert len({found[member.alert_id].message_key for member in due.members}) == 1


def test_a_retry_holds_the_same_alerts_and_newcomers_wait_for_the_next(store: Store) -> None:
    with store.begin() as session:
        hold(session, "k1", "storm")
        hold(session, "k2", "storm")
        (first,) = claim(session)
        hold(session, "k3", "storm")
        fail(session, first)
        (newcomer,) = claim(session)
        delivery_repo.mark_sent(session, newcomer, at=NOW)
        (again,) = claim(session)
    assert (told(first), told(again)) == (["k1", "k2"], ["k1", "k2"])
    assert first.message_key == again.message_key != newcomer.message_key
    assert told(newcomer) == ["k3"]


def test_a_crash_keeps_the_message_whole_and_marks_it(store: Store) -> None:
    with store.begin() as session:
        hold(session, "k1", "storm")
        hold(session, "k2", "storm")
        (first,) = claim(session)
    with store.begin() as session:
        hold(session, "k3", "storm")
        assert delivery_repo.requeue_interrupted(session, now=NOW) == 2
        claimed = [*claim(session)]
        delivery_repo.mark_sent(session, *claimed, at=NOW)
        claimed += claim(session)
    by_key = {due.message_key: (told(due), due.maybe_sent) for due in claimed}
    assert by_key[first.message_key] == (["k1", "k2"], True)
    assert sorted(by_key.values()) == [(["k1", "k2"], True), (["k3"], False)]


def test_a_message_of_many_counts_as_one_failure(store: Store) -> None:
    with store.begin() as session:
        for number in range(30):
            hold(session, f"k{number}", "storm")
        (due,) = claim(session)
        fail(session, due)
        (again,) = claim(session)
    assert (len(due.members), due.failures, again.failures) == (30, 1, 2)


def test_every_attempt_of_every_alert_is_kept(store: Store) -> None:
    with store.begin() as session:
        first, second = hold(session, "k1", "storm"), hold(session, "k2", "storm")
        fail(session, *claim(session), maybe_sent=True)
        (due,) = claim(session, now=NOW + MINUTE)
        delivery_repo.mark_sent(session, due, at=NOW + 2 * MINUTE)
        kept = {
            alert_id: [
                (tried.number, tried.began_at, tried.ended_at, tried.result, tried.error)
                for tried in alert_repo.attempts(session, alert_id)
            ]
            for alert_id in (first, second)
        }
        repeats = [tried.may_repeat for tried in alert_repo.attempts(session, first)]
    assert kept[first] == kept[second]
    assert kept[first] == [
        (1, NOW, NOW, "retry", "no"),
        (2, NOW + MINUTE, NOW + 2 * MINUTE, "sent", None),
    ]
    assert repeats == [False, True]
    assert due.first_at == NOW


def test_a_dead_letter_is_listed_and_can_be_queued_again(store: Store) -> None:
    with store.begin() as session:
        alert_id = queue(session, "k1", "desk", "phone")
        assert delivery_repo.resend(session, alert_id, now=NOW) == []
        (due,) = claim(session, channel="desk")
        delivery_repo.mark_dead(session, due, at=NOW, error="no", maybe_sent=True)
        listed = delivery_repo.dead_letters(session)
        assert [(alert.id, row.channel, row.last_error) for alert, row in listed] == [
            (alert_id, "desk", "no")
        ]
        assert delivery_repo.resend(session, alert_id, "phone", now=NOW) == []
        assert delivery_repo.resend(session, alert_id, "desk", now=NOW) == [(alert_id, "desk")]
        (again,) = claim(session, now=NOW + HOUR, channel="desk")
        numbers = [tried.number for tried in alert_repo.attempts(session, alert_id)]
    assert (again.maybe_sent, again.message_key) == (True, due.message_key)
    assert (again.attempts, again.failures, again.first_at) == (1, 1, NOW + HOUR)
    assert numbers == [1, 2]


def test_a_dead_message_of_several_is_sent_again_whole(store: Store) -> None:
    with store.begin() as session:
        first, second = hold(session, "k1", "storm"), hold(session, "k2", "storm")
        (due,) = claim(session)
        delivery_repo.mark_dead(session, due, at=NOW, error="HTTP 410")
        hold(session, "k3", "storm", due_at=NOW + HOUR)
        again = delivery_repo.resend(session, second, now=NOW)
        (resent,) = claim(session)
    assert again == [(first, "desk"), (second, "desk")]
    assert (told(resent), resent.message_key) == (["k1", "k2"], due.message_key)


def test_a_resend_of_what_was_never_tried_takes_no_digest_along(store: Store) -> None:
    with store.begin() as session:
        buried = hold(session, "k1", "storm")
        delivery_repo.bury_unknown(session, [])
        hold(session, "k2", "storm", due_at=NOW + HOUR)
        delivery_repo.resend(session, buried, now=NOW)
        (due,) = claim(session)
    assert told(due) == ["k1"]


def test_what_waits_can_be_cancelled_and_what_was_tried_with_others_not(store: Store) -> None:
    with store.begin() as session:
        waits = hold(session, "k1", "digest:r", due_at=NOW + HOUR)
        hold(session, "k2", "digest:r", due_at=NOW + HOUR)
        tried, _ = hold(session, "k3", "storm"), hold(session, "k4", "storm")
        fail(session, *claim(session), until=NOW + HOUR)
        assert delivery_repo.cancel(session, waits, reason="seen") == ["desk"]
        assert delivery_repo.cancel(session, tried, reason="seen") == []
        assert delivery_repo.cancel(session, waits, reason="seen") == []
        claimed = claim(session, now=NOW + HOUR)
        delivery_repo.mark_sent(session, *claimed, at=NOW + HOUR)
        claimed += claim(session, now=NOW + HOUR)
        found = rows(session)
    assert sorted(told(due) for due in claimed) == [["k2"], ["k3", "k4"]]
    assert (found[waits].state, found[waits].last_error) == ("cancelled", "seen")


def test_a_retry_of_one_alone_can_be_cancelled_but_not_what_is_under_way(store: Store) -> None:
    with store.begin() as session:
        alert_id = queue(session, "k1", "desk")
        (due,) = claim(session)
        under_way = delivery_repo.cancel(session, alert_id, reason="seen")
        fail(session, due)
        assert (under_way, delivery_repo.cancel(session, alert_id, reason="seen")) == ([], ["desk"])
        assert claim(session) == []


def test_a_delivery_tried_before_attempts_were_kept_goes_on_counting(store: Store) -> None:
    with store.begin() as session:
        alert_id = queue(session, "k1", "desk")
        old = session.exec(select(Delivery)).one()
        old.attempts = 3
        session.add(old)
        session.flush()
        (due,) = claim(session)
        (tried,) = session.exec(select(Attempt)).all()
    assert (due.attempts, due.first_at, tried.alert_id, tried.number) == (4, NOW, alert_id, 4)
