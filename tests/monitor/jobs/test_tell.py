from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from monitor.alerts.deciding.decide import Decision
from monitor.config import AlertsSection
from monitor.jobs.tell import tell
from storage import Store, delivery_repo, open_store
from storage.alert_repo import AlertDraft
from storage.models import Alert, Delivery

NOON = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DRAFT = AlertDraft(
    dedup_key="k1", escalation=0, rule="jump", kind="move", severity="info", at=NOON, title="t",
    group_key="move:series-x", reason=("moved",), payload={"subject": "s", "series": []},
    channels=("desk",),
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


def a_section(rule: dict[str, Any] | None = None, **changes: Any) -> AlertsSection:
    jump = {"name": "jump", "on": "move", "channels": ["desk"], **(rule or {})}
    desk = {"name": "desk", "kind": "console", **changes.pop("desk", {})}
    return AlertsSection.model_validate({"channels": [desk], "rules": [jump], **changes})


def decided(*drafts: AlertDraft, suppressed: tuple[AlertDraft, ...] = ()) -> Decision:
    return Decision(drafts=drafts, suppressed=suppressed, skips=())


def drafts(count: int, first: int = 0) -> tuple[AlertDraft, ...]:
    return tuple(replace(DRAFT, dedup_key=f"k{first + number}") for number in range(count))


def say(store: Store, section: AlertsSection, decision: Decision, now: datetime = NOON) -> int:
    with store.begin() as session:
        return tell(session, decision, section.rules, section, now=now)


def outbox(store: Store) -> list[tuple[datetime, str | None]]:
    with store.read() as session:
        rows = session.exec(select(Delivery).order_by(Delivery.alert_id))  # type: ignore[arg-type]
        return [(row.next_attempt_at, row.bundle) for row in rows]


def test_what_is_told_is_queued_and_what_is_suppressed_is_only_kept(store: Store) -> None:
    quiet = replace(DRAFT, dedup_key="k2", suppressed="silenced by silence 3: lunch")
    count = say(store, a_section(), decided(DRAFT, suppressed=(quiet,)))
    assert count == 1
    assert outbox(store) == [(NOON, None)]
    with store.read() as session:
        kept = session.exec(select(Alert).where(Alert.dedup_key == "k2")).one()
    assert kept.payload["suppressed"] == "silenced by silence 3: lunch"


def test_the_same_decision_twice_is_told_once(store: Store) -> None:
    counts = [say(store, a_section(), decided(DRAFT)) for _ in range(2)]
    assert counts == [1, 0]
    assert len(outbox(store)) == 1


def test_alerts_of_one_decision_join_one_group_and_later_ones_the_next(store: Store) -> None:
    section = a_section({"group_wait": "30s", "group_interval": "5m"})
    say(store, section, decided(*drafts(2)))
    bundle = "group:jump:move:series-x"
    due_at = NOON + timedelta(seconds=30)
    assert outbox(store) == [(due_at, bundle)] * 2

    with store.begin() as session:
        (due,) = delivery_repo.claim_due(session, now=due_at, limit=1, lease=MINUTE)
        delivery_repo.mark_sent(session, due, at=due_at)
    say(store, section, decided(*drafts(1, first=2)), now=NOON + MINUTE)
    assert outbox(store)[-1] == (due_at + 5 * MINUTE, bundle)


def test_a_storm_in_one_decision_is_twenty_messages_and_one_with_the_rest(store: Store) -> None:
    say(store, a_section(), decided(*drafts(500)))
    found = outbox(store)
    assert found == [(NOON, None)] * 20 + [(NOON + 10 * MINUTE, "storm")] * 480
    with store.begin() as session:
        later = NOON + 10 * MINUTE
        sizes = []
        while claimed := delivery_repo.claim_due(session, now=later, limit=1, lease=MINUTE):
            delivery_repo.mark_sent(session, claimed[0], at=later)
            sizes.append(len(claimed[0].members))
    assert sizes == [1] * 20 + [480]


def test_the_sections_own_storm_and_quiet_hours_hold(store: Store) -> None:
    all_day = {"name": "always-late", "times": [{"start_time": "11:00", "end_time": "13:00"}]}
    section = a_section(
        desk={"quiet": ["always-late"]},
        storm={"messages": 1, "per": "2m"},
        time_intervals=[all_day],
    )
    say(store, section, decided(*drafts(1)))
    say(store, section, decided(*drafts(1, first=1)), now=NOON + 90 * MINUTE)
    say(store, section, decided(*drafts(1, first=2)), now=NOON + 90 * MINUTE)
    assert outbox(store) == [
        (NOON + 60 * MINUTE, "quiet:always-late"),
        (NOON + 90 * MINUTE, None),
        (NOON + 92 * MINUTE, "storm"),
    ]


def test_nothing_is_queued_when_the_callers_transaction_fails(store: Store) -> None:
    def fail_late() -> None:
        with store.begin() as session:
            section = a_section()
            tell(session, decided(DRAFT), section.rules, section, now=NOON)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_late()
    assert outbox(store) == []
