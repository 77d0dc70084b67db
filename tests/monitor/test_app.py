"""The opened daemon: one thread writes, whole transactions or nothing; topics know who is who."""

from __future__ import annotations

import io
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from monitor.alerts.channels.base import Surroundings
from monitor.app import open_app
from monitor.clock import ManualClock
from monitor.config import parse_config
from monitor.errors import ConfigError
from monitor.sources.polymarket import PolymarketSource
from monitor.topics import open_topics
from storage import StorageError, open_store, source_repo
from storage.models import SourceState
from tests.builders import NOON
from tests.desk import CONFIG, OTHERS, RACE, Desk, open_desk

SOURCES = """
sources:
  - {name: venue, kind: polymarket, every: 1m}
  - {name: wire, kind: rss, url: "https://wire.example/feed"}
  - {name: off, kind: rss, url: "https://off.example/feed", enabled: false}
"""
SECRET = """
alerts:
  channels: [{name: desk, kind: webhook, url: "https://desk.example/", secret_env: DESK_SECRET}]
"""


def around(**environ: str) -> Surroundings:
    return Surroundings(environ, lambda name: "", io.StringIO(), io.StringIO())


def note(session: Session) -> None:
    source_repo.record_failure(session, "wire", at=NOON, next_due=NOON, error="down")


def known(session: Session) -> list[SourceState]:
    return list(session.exec(select(SourceState)))


async def test_what_write_did_is_committed(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.app.write(note)
        states = await desk.app.read(known)

    assert [state.last_error for state in states] == ["down"]


async def test_nothing_of_a_write_is_kept_when_it_raises(tmp_path: Path) -> None:
    def fail(session: Session) -> None:
        note(session)
        session.flush()
        raise ValueError("half way")

    async with open_desk(tmp_path) as desk:
        with pytest.raises(ValueError, match="half way"):
            await desk.app.write(fail)

        assert await desk.app.read(known) == []


async def test_all_transactions_run_in_one_thread(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        app = desk.app
        threads = {
            await app.write(lambda session: threading.get_ident()),
            await app.read(lambda session: threading.get_ident()),
            await app.in_store_thread(threading.get_ident),
        }

    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_only_enabled_sources_are_opened_and_follow_the_themes_markets(
    tmp_path: Path,
) -> None:
    config = parse_config(CONFIG + SOURCES, name="config.yaml", folder=tmp_path)
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")

    async with open_app(config, store, ManualClock(NOON), around=around()) as app:
        venue, wire = app.sources

    assert isinstance(venue, PolymarketSource)
    assert [ref.key for ref in venue.follow] == [RACE, OTHERS]
    assert wire.name == "wire"
    assert list(app.channels) == ["console"]
    assert app.http.deadline == timedelta(seconds=20)


async def test_leaving_closes_the_store_also_after_an_error(tmp_path: Path) -> None:
    config = parse_config(CONFIG, name="config.yaml", folder=tmp_path)
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")

    with pytest.raises(StorageError, match="full"):
        async with open_app(config, store, ManualClock(NOON), around=around()) as app:
            raise StorageError("the disk is full")

    with pytest.raises(RuntimeError, match="shutdown"):
        await app.read(known)


async def test_a_missing_secret_is_said_before_anything_starts(tmp_path: Path) -> None:
    config = parse_config(SECRET, name="config.yaml", folder=tmp_path)
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")

    with pytest.raises(ConfigError, match="DESK_SECRET is not set"):
        async with open_app(config, store, ManualClock(NOON), around=around()):
            pass
    store.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


async def test_a_market_of_another_theme_is_followed_as_related(desk: Desk) -> None:
    assert desk.app.topics.followers() == {
        RACE: [("glasses", "own"), ("wearables", "related")],
        OTHERS: [("wearables", "own")],
    }


async def test_each_reference_is_asked_for_once(desk: Desk) -> None:
    assert [ref.key for ref in desk.app.topics.references()] == [RACE, OTHERS]


async def test_only_themes_of_models_watch_the_leaderboards(desk: Desk) -> None:
    assert desk.app.topics.model_themes == ("models",)


async def test_owners_are_known_by_label_and_by_entity(desk: Desk) -> None:
    topics = desk.app.topics

    assert topics.owner_of("Zetacorp") == "zetacorp"
    assert topics.owner_of("Nobody at all") is None
    assert topics.owners(["qwen", "left-the-catalog"]) == {"qwen", "alibaba"}
    assert topics.owners(None) == set()


async def test_a_leaderboards_row_is_chinese_by_its_model_or_organization(desk: Desk) -> None:
    topics = desk.app.topics

    assert topics.is_chinese("qwen-4-max", None)
    assert not topics.is_chinese("zeta-1", "Zetacorp")


def test_topics_need_no_theme() -> None:
    topics = open_topics(parse_config("{}", name="config.yaml", folder=Path()))

    assert (topics.references(), topics.followers(), topics.model_themes) == ((), {}, ())
