from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from storage import Store, alert_repo, open_store
from storage.alert_repo import AlertDraft
from storage.models import Alert, Delivery

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


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


def deliveries(session: Session) -> list[tuple[str, str]]:
    return [(row.channel, row.state) for row in session.exec(select(Delivery))]


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
