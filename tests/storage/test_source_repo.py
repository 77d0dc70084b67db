from __future__ import annotations

from storage import Store, source_repo
from storage.records import Reject
from tests.builders import at


def test_a_success_keeps_first_and_last_and_counts_rejects_by_reason(store: Store) -> None:
    for minute in (0, 5):
        with store.begin() as session:
            source_repo.record_success(
                session,
                "wire",
                at=at(minute),
                next_due=at(minute + 5),
                validators={f"https://wire.example/{minute}": {"etag": "e"}},
                cursor={"page": minute},
                rejects=[Reject("no title", "<item>"), Reject("no title", "<item>")],
            )
    with store.read() as session:
        state = source_repo.load(session, "wire")
        assert (state.first_ok_at, state.last_ok_at, state.next_due) == (at(0), at(5), at(10))
        assert state.rejects == {"no title": 4}
        assert state.cursor == {"page": 5}
        assert set(state.validators) == {"https://wire.example/5"}, "the newest page's alone"
        assert set(source_repo.load_all(session)) == {"wire"}


def test_failures_are_counted_until_a_success(store: Store) -> None:
    with store.begin() as session:
        for expected in (1, 2):
            failures = source_repo.record_failure(
                session, "wire", at=at(0), next_due=at(1), error="HTTP 503"
            )
            assert failures == expected
        assert source_repo.load(session, "wire").last_error == "HTTP 503"
        source_repo.record_success(
            session, "wire", at=at(1), next_due=at(2), validators={}, cursor={}, rejects=[]
        )
        state = source_repo.load(session, "wire")
        assert (state.failures, state.last_error, state.polls) == (0, None, 3)
