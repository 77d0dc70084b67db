"""Markets that an import brought are followed by the themes that name them."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import select

from monitor.config import parse_config
from monitor.jobs.follow import follow_known
from monitor.topics import open_topics
from storage import Store, market_repo, open_store
from storage.models import Market, ThemeMarket
from storage.records import MarketRecord, Origin, OutcomeRecord
from tests.builders import NOON

CONFIG = """
themes:
  - name: by-id
    entities: [qwen]
    markets: [{venue: polymarket, id: "7"}]
  - name: by-series
    entities: [kimi]
    markets: [{venue: polymarket, event: best-model}, {venue: polymarket, search: "anything"}]
    related_markets: [{theme: by-id}]
  - name: by-pattern
    entities: [glm]
    markets: [{venue: polymarket, event_pattern: "best-*"}]
"""


def a_stored_market(
    store: Store, venue_id: str, series: str | None, venue: str = "polymarket"
) -> None:
    outcome = OutcomeRecord(f"token-{venue_id}", "Yes", 0)
    record = MarketRecord(venue, venue_id, "Will it?", (outcome,), series=series)
    with store.begin() as session:
        market_repo.upsert(
            session, [record], observed_at=NOON, origin=Origin.IMPORT, owner_of=lambda text: None
        )


def test_stored_markets_are_followed_by_id_series_and_pattern(tmp_path: Path) -> None:
    topics = open_topics(parse_config(CONFIG, name="config.yaml", folder=tmp_path))
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    a_stored_market(store, "7", None)
    a_stored_market(store, "8", "best-model")
    a_stored_market(store, "9", "other")

    for _ in range(2):
        with store.begin() as session:
            follow_known(session, topics)

    with store.read() as session:
        rows = {(r.theme, r.market_id, r.relation) for r in session.exec(select(ThemeMarket))}
    store.close()
    assert rows == {
        ("by-id", 1, "own"),
        ("by-series", 1, "related"),
        ("by-series", 2, "own"),
        ("by-pattern", 2, "own"),
    }


def test_another_venues_market_of_the_same_id_is_not_followed(tmp_path: Path) -> None:
    topics = open_topics(parse_config(CONFIG, name="config.yaml", folder=tmp_path))
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    for venue in ("foo", "polymarket", "manifold"):
        a_stored_market(store, "7", None, venue)

    with store.begin() as session:
        follow_known(session, topics)

    with store.read() as session:
        rows = session.exec(select(ThemeMarket.theme, Market.venue).join(Market)).all()
    store.close()
    assert sorted(rows) == [("by-id", "polymarket"), ("by-series", "polymarket")]
