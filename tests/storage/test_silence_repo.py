from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session

from storage import Store, silence_repo

NOW = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def silence(
    session: Session,
    *,
    matchers: Sequence[str] = ("rule=jump",),
    starts_at: datetime = NOW,
    ends_at: datetime = NOW + HOUR,
) -> int:
    return silence_repo.add(
        session, matchers=matchers, comment="lunch", starts_at=starts_at, ends_at=ends_at, now=NOW
    )


def test_a_silence_holds_from_its_start_up_to_its_end(store: Store) -> None:
    with store.begin() as session:
        silence_id = silence(session, starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR)
        held = [
            [found.id for found in silence_repo.active(session, at)]
            for at in (NOW, NOW + HOUR, NOW + 2 * HOUR - timedelta(seconds=1), NOW + 2 * HOUR)
        ]
        kept = silence_repo.get(session, silence_id)
    assert held == [[], [silence_id], [silence_id], []]
    assert kept is not None
    assert (kept.matchers, kept.comment, kept.created_at) == (["rule=jump"], "lunch", NOW)


def test_silences_to_come_are_listed_and_those_over_only_with_everything(store: Store) -> None:
    with store.begin() as session:
        over = silence(session)
        later = silence(session, starts_at=NOW + 5 * HOUR, ends_at=NOW + 9 * HOUR)
        now_ = silence(session, ends_at=NOW + 3 * HOUR)
        at = NOW + 2 * HOUR
        unexpired = [found.id for found in silence_repo.unexpired(session, at)]
        everything = [found.id for found in silence_repo.everything(session)]
    assert unexpired == [now_, later]
    assert everything == [now_, later, over]


def test_an_expired_silence_holds_no_longer_and_is_kept(store: Store) -> None:
    with store.begin() as session:
        silence_id = silence(session)
        later = silence(session, starts_at=NOW + 5 * HOUR, ends_at=NOW + 9 * HOUR)
        assert silence_repo.expire(session, silence_id, now=NOW + HOUR / 2)
        assert silence_repo.expire(session, later, now=NOW)
        assert not silence_repo.expire(session, silence_id, now=NOW + HOUR / 2)
        assert not silence_repo.expire(session, 99, now=NOW)
        assert silence_repo.active(session, NOW + HOUR / 2) == []
        assert silence_repo.active(session, NOW + 6 * HOUR) == []
        assert len(silence_repo.everything(session)) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"matchers": ()}, "at least one matcher"),
        ({"ends_at": NOW}, "must end after it begins"),
        ({"starts_at": NOW - 2 * HOUR, "ends_at": NOW - HOUR}, "not in the past"),
    ],
)
def test_a_silence_of_nothing_or_everything_is_refused(
    store: Store, changes: dict[str, object], said: str
) -> None:
    with store.begin() as session, pytest.raises(ValueError, match=said):
        silence(session, **changes)  # type: ignore[arg-type]
