from __future__ import annotations

from storage import Store, item_repo, source_repo
from storage.item_repo import ItemKeys
from storage.records import Origin, Reject
from storage.source_repo import Learned
from tests.builders import an_item, at


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


def test_a_success_ends_a_pause_and_keeps_what_was_learned(store: Store) -> None:
    learned = Learned(moved={"a": "b"}, fingerprint={"shapes": {}}, drift=None)
    with store.begin() as session:
        source_repo.record_failure(
            session, "wire", at=at(0), next_due=at(9), error="busy", circuit_until=at(9)
        )
        assert source_repo.load(session, "wire").circuit_until == at(9)
        source_repo.record_success(
            session, "wire", at=at(1), next_due=at(2), validators={}, cursor={}, rejects=[],
            learned=learned,
        )  # fmt: skip
    with store.read() as session:
        state = source_repo.load(session, "wire")
        assert (state.circuit_until, state.moved, state.drift) == (None, {"a": "b"}, None)


def test_a_failure_forgets_only_the_homes_it_is_told_to(store: Store) -> None:
    for moved, kept in (({"a": "b"}, {"a": "b"}), (None, {"a": "b"}), ({}, None)):
        with store.begin() as session:
            source_repo.record_failure(
                session, "wire", at=at(0), next_due=at(1), error="down", moved=moved
            )
        with store.read() as session:
            assert source_repo.load(session, "wire").moved == kept


def test_a_disabled_source_lives_again_with_other_addresses(store: Store) -> None:
    with store.begin() as session:
        source_repo.disable(session, "wire", reason="HTTP 410", addresses=("x", "y"))
    with store.read() as session:
        state = source_repo.load(session, "wire")
        assert source_repo.is_disabled(state, ("y", "x"))
        assert not source_repo.is_disabled(state, ("x", "z"))
        assert not source_repo.is_disabled(source_repo.load(session, "other"), ())


def test_entries_are_counted_by_publication_and_undated_ones_by_sight(store: Store) -> None:
    dates = {"new": at(-10), "old": at(-99), "undated": None}
    with store.begin() as session:
        for guid, published_at in dates.items():
            item_repo.add(
                session, an_item(guid, published_at=published_at), ItemKeys(None, guid),
                observed_at=at(0), stored_at=at(0), origin=Origin.LIVE,
            )  # fmt: skip
        assert source_repo.entries_since(session, "wire", at(-60)) == 2
        assert source_repo.entries_since(session, "wire", at(1)) == 0
        assert source_repo.entries_since(session, "post", at(-60)) == 0
