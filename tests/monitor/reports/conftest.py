"""A store with one followed market, and the topics that follow it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from monitor.app import Topics, open_topics
from monitor.config import Config, parse_config
from storage import Store, market_repo, open_store
from storage.models import Market
from storage.records import MarketRecord, QuoteRecord
from tests.builders import keep

CONFIG = """
storage: {url: "sqlite:///sm.db", max_size: 1MiB}
http: {contact: "tests@example.org"}
entities:
  - {id: zetacorp, kind: company, country: US, aliases: [Zetacorp]}
themes:
  - {name: glasses, entities: [zetacorp], markets: [{venue: polymarket, event: zeta-race}]}
sources:
  - {name: wire, kind: rss, url: "https://news.example/feed", every: 5m}
  - {name: slow, kind: rss, url: "https://news.example/slow", every: 2h}
  - {name: quiet, kind: rss, url: "https://news.example/quiet", enabled: false}
"""


@pytest.fixture(scope="session")
def config() -> Config:
    return parse_config(CONFIG, name="config.yaml", folder=Path("/srv"))


@pytest.fixture(scope="session")
def topics(config: Config) -> Topics:
    return open_topics(config)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/sm.db")
    yield opened
    opened.close()


def follow(store: Store, market: MarketRecord, *quotes: QuoteRecord) -> int:
    """Store a market that the theme follows, and return its first outcome's id."""
    ids = keep(store, [market], quotes)
    with store.begin() as session:
        found = session.exec(select(Market).where(Market.venue_id == market.venue_id)).one()
        entry = ("glasses", market.venue_id, "own", "polymarket/event:zeta-race")
        market_repo.follow(session, [entry], {market.venue_id: found.id or 0})
    return next(iter(ids.values()))
