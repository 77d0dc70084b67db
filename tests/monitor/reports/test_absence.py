"""An empty table says why it is empty, and nothing when there is nothing to say."""

from __future__ import annotations

from monitor.reports.absence import no_fresh_links, no_links, no_markets, no_moves
from storage import Store, market_repo, signal_repo
from storage.records import Origin
from storage.tables import Selection
from tests.builders import a_link, a_market, a_signal, at, keep


def test_an_empty_store_has_nothing_to_explain(store: Store) -> None:
    asked = Selection(since=at(0), as_of=at(60))
    with store.read() as session:
        assert no_links(session, asked) is None
        assert no_moves(session, asked) is None
        assert no_fresh_links(session, asked, now=at(60)) is None
        assert no_markets(session, [{"markets": []}], at(60)) is None


def test_links_that_were_known_then_but_lie_further_back_are_named(store: Store) -> None:
    keep(store, [a_market()])
    with store.begin() as session:
        signal_repo.put_signal(session, a_signal(), known_from=at(1))
        signal_repo.put_links(session, [a_link()], known_from=at(70))
    with store.read() as session:
        early = no_links(session, Selection(since=at(300), as_of=at(69)))
        late = no_links(session, Selection(since=at(300), as_of=at(400)))

    assert early is not None
    assert "first known at 2026-03-02T13:10:00.000Z" in early
    assert late == (
        "nothing since 2026-03-02T17:00:00.000Z; the newest signal with a link is of "
        "2026-03-02T12:00:00.000Z: --since 2026-03-02 shows it"
    )


def test_markets_that_came_after_an_instant_are_counted_for_it(store: Store) -> None:
    with store.begin() as session:
        market_repo.upsert(
            session,
            [a_market()],
            observed_at=at(60),
            origin=Origin.IMPORT,
            owner_of=lambda _: None,
        )
        known = market_repo.known(session, "polymarket", "516960")
        assert known is not None
        known.board = "text"
        session.add(known)
    with store.read() as session:
        before = no_markets(session, [{"markets": []}], at(0))
        assert no_markets(session, [{"markets": [{}]}], at(0)) is None
        assert no_markets(session, [{"markets": []}], at(60)) is None

    assert before is not None
    assert "1 now known were first seen from 2026-03-02T13:00:00.000Z on" in before
