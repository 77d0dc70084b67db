from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from storage import Store, alert_repo, delivery_repo
from storage.alert_repo import Acked, AlertDraft
from storage.delivery_repo import DueMessage, Planned
from storage.models import Alert, Delivery
from storage.tables import TABLES, Selection

NOW = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)
DRAFT = AlertDraft(
    dedup_key="k1",
    escalation=0,
    rule="jump",
    kind="move",
    severity="info",
    at=NOW,
    title="series-x: Alibaba −9.0 pp",
    group_key="move:series-x",
    reason=("moved 9.0 pp",),
    payload={"subject": "polymarket/series-x", "series": ["series-x"]},
    channels=("console", "desk"),
    series="series-x",
    move_ids=("1@12:00",),
    size=0.09,
)


LABELS = {"rule": ("jump",), "theme": ("ai-wearables", "chinese-model-leaderboard")}


def deliveries(session: Session) -> list[tuple[str, str]]:
    return [(row.channel, row.state) for row in session.exec(select(Delivery))]


def claim(session: Session, channel: str, *, now: datetime = NOW) -> DueMessage:
    lease = timedelta(seconds=90)
    (due,) = delivery_repo.claim_due(session, now=now, limit=1, lease=lease, channel=channel)
    return due


def test_an_alert_is_queued_for_each_of_its_channels(store: Store) -> None:
    with store.begin() as session:
        alert_id = alert_repo.add_alert(session, replace(DRAFT, channels=("a", "b", "a")))
    with store.read() as session:
        rows = session.exec(select(Delivery)).all()
        session.expunge_all()
    assert [(row.alert_id, row.channel, row.state, row.attempts) for row in rows] == [
        (alert_id, "a", "queued", 0),
        (alert_id, "b", "queued", 0),
    ]
    assert {row.next_attempt_at for row in rows} == {NOW}


def test_the_same_alert_twice_is_one(store: Store) -> None:
    with store.begin() as session:
        assert alert_repo.add_alert(session, DRAFT) is not None
        assert alert_repo.add_alert(session, DRAFT) is None
    with store.begin() as session:
        assert alert_repo.add_alert(session, DRAFT) is None
        assert alert_repo.add_alert(session, replace(DRAFT, escalation=1)) is not None
        assert len(session.exec(select(Alert)).all()) == 2


def test_alert_and_deliveries_commit_together_or_not_at_all(store: Store) -> None:
    def fail_late() -> None:
        with store.begin() as session:
            alert_repo.add_alert(session, DRAFT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_late()
    with store.read() as session:
        assert session.exec(select(Alert)).all() == []
        assert deliveries(session) == []


def test_a_suppressed_alert_is_kept_and_not_delivered(store: Store) -> None:
    with store.begin() as session:
        alert_repo.add_alert(session, replace(DRAFT, suppressed="cooldown"))
    with store.read() as session:
        known = alert_repo.history(session, ["k1"], since=NOW)
        assert deliveries(session) == []
    assert known.previous["k1"].suppressed == "cooldown"


def test_history_gives_the_last_escalation_of_any_age_and_all_that_is_recent(
    store: Store,
) -> None:
    with store.begin() as session:
        alert_repo.add_alert(session, replace(DRAFT, at=NOW - timedelta(days=40)))
        alert_repo.add_alert(session, replace(DRAFT, at=NOW - timedelta(days=39), escalation=1))
        alert_repo.add_alert(session, replace(DRAFT, dedup_key="k2"))
    with store.read() as session:
        known = alert_repo.history(session, ["k1", "k9"], since=NOW - timedelta(hours=1))
    assert {key: past.escalation for key, past in known.previous.items()} == {"k1": 1}
    (recent,) = known.recent
    assert (recent.dedup_key, recent.subject, recent.series) == (
        "k2",
        "polymarket/series-x",
        ("series-x",),
    )
    assert (recent.move_ids, recent.size, recent.at) == (("1@12:00",), 0.09, NOW)


def test_history_takes_any_number_of_keys(store: Store) -> None:
    with store.begin() as session:
        alert_repo.add_alert(session, DRAFT)
    with store.read() as session:
        keys = [f"k{number}" for number in range(1201)]
        assert set(alert_repo.history(session, keys, since=NOW).previous) == {"k1"}


def test_alerts_are_listed_newest_first_with_their_deliveries(store: Store) -> None:
    with store.begin() as session:
        alert_repo.add_alert(session, DRAFT)
        later = replace(DRAFT, dedup_key="k2", at=NOW + timedelta(minutes=1), channels=())
        alert_repo.add_alert(session, later)
    with store.read() as session:
        listed = alert_repo.list_alerts(session)
        since = alert_repo.list_alerts(session, since=NOW + timedelta(seconds=1))
        session.expunge_all()
    assert [(alert.dedup_key, len(rows)) for alert, rows in listed] == [("k2", 0), ("k1", 2)]
    assert [alert.dedup_key for alert, _ in since] == ["k2"]


def test_an_alert_goes_where_and_when_it_was_planned(store: Store) -> None:
    later = NOW + timedelta(hours=1)
    with store.begin() as session:
        alert_id = alert_repo.add_alert(session, DRAFT, [Planned("desk", later, "digest:jump")])
        assert alert_id is not None
        found = alert_repo.get(session, alert_id)
        assert alert_repo.get(session, 99) is None
    assert found is not None
    alert, (delivery,) = found
    assert alert.title == DRAFT.title
    assert (delivery.channel, delivery.next_attempt_at, delivery.bundle) == (
        "desk",
        later,
        "digest:jump",
    )


def test_what_an_alert_is_about_comes_back(store: Store) -> None:
    whole = replace(
        DRAFT, about="move:polymarket/series-x:12:00", stage="candidates", labels=LABELS
    )
    with store.begin() as session:
        alert_repo.add_alert(session, whole)
        (past,) = alert_repo.history(session, [], since=NOW).recent
        row = session.exec(select(Alert)).one()
    assert (past.about, past.stage) == ("move:polymarket/series-x:12:00", "candidates")
    assert past.labels == LABELS
    assert (past.channels, past.told_at, past.acked) == (("console", "desk"), None, False)
    assert row.labels == {name: list(values) for name, values in LABELS.items()}


def test_history_knows_who_was_told_and_when_last(store: Store) -> None:
    with store.begin() as session:
        alert_repo.add_alert(session, replace(DRAFT, channels=("a", "b", "c", "d")))
        for channel, minutes in (("a", 1), ("b", 7)):
            at = NOW + timedelta(minutes=minutes)
            delivery_repo.mark_sent(session, claim(session, channel), at=at)
        delivery_repo.mark_dead(session, claim(session, "c"), at=NOW, error="HTTP 410")
        past = alert_repo.history(session, ["k1"], since=NOW).previous["k1"]
    assert (past.channels, past.told_at) == (("a", "b", "d"), NOW + timedelta(minutes=7))


def test_an_ack_marks_all_of_the_group_and_stops_what_waits(store: Store) -> None:
    with store.begin() as session:
        first = alert_repo.add_alert(session, DRAFT)
        second = alert_repo.add_alert(session, replace(DRAFT, escalation=1, channels=("desk",)))
        alert_repo.add_alert(session, replace(DRAFT, dedup_key="k2", group_key="move:series-y"))
        assert first is not None
        assert second is not None
        delivery_repo.mark_sent(session, claim(session, "console"), at=NOW)
        acked = alert_repo.ack(session, second, "on it", now=NOW)
        again = alert_repo.ack(session, second, "on it", now=NOW)
        unknown = alert_repo.ack(session, 99, "on it", now=NOW)
        history = alert_repo.history(session, [], since=NOW)
        found = alert_repo.get(session, first)
    assert acked == Acked((first, second), ((first, "desk"), (second, "desk")))
    assert again == unknown == Acked(())
    assert [past.acked for past in history.recent] == [True, True, False]
    assert found is not None
    alert, deliveries_ = found
    assert (alert.acked_at, alert.ack_note) == (NOW, "on it")
    assert [(each.state, each.last_error) for each in deliveries_] == [
        ("sent", None),
        ("cancelled", "acknowledged: on it"),
    ]


def test_an_ack_of_a_story_takes_its_response_along_and_no_move_that_followed(
    store: Store,
) -> None:
    abouts = ("story:s1", "link:s1:polymarket/x", "move:polymarket/x:12:00", "link:s10:a/b")
    with store.begin() as session:
        ids = [
            alert_repo.add_alert(
                session, replace(DRAFT, dedup_key=about, about=about, group_key="story:s1")
            )
            for about in abouts
        ]
        assert ids[0] is not None
        acked = alert_repo.ack(session, ids[0], "seen", now=NOW)
    assert acked.alert_ids == tuple(ids[:2])
    assert {alert_id for alert_id, _ in acked.cancelled} == set(ids[:2])


def test_an_alert_that_is_not_told_is_a_row_of_the_export(store: Store) -> None:
    with store.begin() as session:
        alert_repo.add_alert(session, replace(DRAFT, suppressed="cooldown"))
        alert_repo.add_alert(session, replace(DRAFT, dedup_key="k2"))
    with store.read() as session:
        table = TABLES["alerts"]
        rows = [
            dict(zip(table.columns, row, strict=True)) for row in table.rows(session, Selection())
        ]
    names = ("alert_id", "channel", "state", "attempts", "sent_at")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (1, "", "suppressed", 0, None),
        (2, "console", "queued", 0, None),
        (2, "desk", "queued", 0, None),
    ]
