"""Another catalog or other themes: items are read again, and what was known then stays known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from monitor.config import parse_config
from monitor.jobs import retag as job
from monitor.jobs.retag import Retagged, retag
from monitor.topics import open_topics
from storage import outdated, signal_repo
from storage.models import Alert, Link, Signal, Tag
from storage.records import Batch, ItemRecord
from tests.builders import NOON, a_link
from tests.desk import CONFIG, Desk, a_story, open_desk, prices

ZETA = "Zetacorp launches Zeta glasses"
OMEGA = "Omegacorp launches Omega glasses for everyone"
LATER = NOON + timedelta(days=2)
# Zetacorp is no more news for `glasses`.
NARROW = CONFIG.replace("entities: [zetacorp, omegacorp]", "entities: [omegacorp]")
STRICT = CONFIG.replace("- name: glasses\n", "- name: glasses\n    min_score: 0.99\n")


async def told(desk: Desk, *records: ItemRecord) -> None:
    await desk.poll(Batch(items=records))
    desk.process()


@asynccontextmanager
async def after_change(folder: Path, text: str, *, now: datetime = LATER) -> AsyncIterator[Desk]:
    """Yield the same newsroom two days later, with another config."""
    async with open_desk(folder, text) as desk:
        desk.clock.set(now)
        yield desk


def run(desk: Desk, **given: Any) -> Retagged:
    """Retag until nothing is left; return the sum."""
    items, links, signals, after = 0, 0, Retagged(0, None).signals, None
    while True:
        with desk.session() as session:
            done = retag(session, desk.app.topics, now=desk.clock.now(), after=after, **given)
        items, links, after = items + done.items, links + done.links, done.next
        signals.update(done.signals)
        if after is None:
            return Retagged(items, None, signals, links)


def waiting(desk: Desk) -> int:
    with desk.session() as session:
        return outdated.count(session, desk.app.topics.version)


def version(text: str) -> str:
    return open_topics(parse_config(text, name="config.yaml", folder=Path())).version


@pytest.mark.parametrize("changed", [
    CONFIG.replace("aliases: [Zetacorp]", "aliases: [Zetacorp, Zeta Group]"),
    NARROW,
    STRICT,
    CONFIG.replace("- name: glasses\n", "- name: glasses\n    cues: [glasses]\n"),
    CONFIG.replace("- name: glasses\n", "- name: glasses\n    blocks: [rumor]\n"),
    CONFIG.replace("- name: glasses\n", "- name: glasses\n    kinds: [launch]\n"),
    CONFIG.replace("  - {name: models, entities: [qwen, deepseek]}\n", ""),
])  # fmt: skip
def test_whatever_decides_about_a_text_is_part_of_the_version(changed: str) -> None:
    assert changed != CONFIG
    assert version(changed) != version(CONFIG)


def test_markets_and_rules_are_no_part_of_the_version() -> None:
    other = CONFIG.replace("event: zeta-race", "event: omega-race").replace(
        "min_pp: 5", "min_pp: 9"
    )
    assert other != CONFIG
    assert version(other) == version(CONFIG)


async def test_the_daemon_leaves_items_of_older_themes_to_retag(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await told(desk, a_story("z", ZETA))
    async with after_change(tmp_path, NARROW) as desk:
        before = desk.rows(Tag)

        desk.process()

        assert waiting(desk) == 1
        assert desk.rows(Tag) == before


async def test_a_signal_that_no_longer_holds_is_closed_and_known_then(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await told(desk, a_story("z", ZETA))
        assert {signal.theme for signal in desk.current(Signal)} == {"glasses", "wearables"}
    async with after_change(tmp_path, NARROW) as desk:
        done = run(desk)

        assert done.items == 1
        assert (done.signals["closed"], done.signals["unchanged"], done.signals["new"]) == (1, 1, 0)
        assert [signal.theme for signal in desk.current(Signal)] == ["wearables"]
        with desk.session() as session:
            then = signal_repo.signals(session, as_of=NOON + timedelta(days=1))
        assert {signal.theme for signal in then} == {"glasses", "wearables"}


async def test_what_prices_did_after_a_closed_signal_is_closed_with_it(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.poll(prices(NOON, {"Zetacorp": "0.40"}))
        await told(desk, a_story("z", ZETA))
        (signal,) = desk.current(Signal, theme="glasses")
        with desk.session() as session:
            link = a_link(signal.signal_id, desk.outcome("zetacorp"))
            signal_repo.put_link(session, link, known_from=NOON)
    async with after_change(tmp_path, NARROW) as desk:
        run(desk)

        assert {link.known_to for link in desk.rows(Link, signal_id=signal.signal_id)} == {LATER}


async def test_a_new_signal_is_known_from_now_on_and_never_alerts(tmp_path: Path) -> None:
    async with open_desk(tmp_path, NARROW) as desk:
        await desk.start()
        await told(desk, a_story("z", ZETA))
        told_before = len(desk.rows(Alert))
    async with after_change(tmp_path, CONFIG) as desk:
        done = run(desk)
        desk.process()

        assert done.signals["new"] == 1
        (signal,) = desk.current(Signal, theme="glasses")
        assert (signal.at, signal.known_from, signal.alertable) == (NOON, LATER, False)
        assert len(desk.rows(Alert)) == told_before


async def test_a_signal_that_holds_as_it_was_gets_no_row(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await told(desk, a_story("o", OMEGA))
        before = desk.rows(Signal)
    async with after_change(tmp_path, NARROW) as desk:
        done = run(desk)

        assert done.signals == {"unchanged": 1}
        assert desk.rows(Signal) == before


async def test_news_that_came_later_does_not_make_an_older_signal_less_new(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await told(desk, a_story("o1", OMEGA))
        early = NOON - timedelta(hours=3)
        await told(desk, a_story("o2", "Omegacorp launches a ring called Loop", published_at=early))
        before = desk.current(Signal)
        assert len(before) == 2
    async with after_change(tmp_path, NARROW) as desk:
        run(desk)

        assert desk.current(Signal) == before


async def test_tags_are_closed_and_written_anew_with_the_version_that_read_them(
    tmp_path: Path,
) -> None:
    async with open_desk(tmp_path) as desk:
        await told(desk, a_story("z", ZETA))
        first = desk.app.topics.version
    async with after_change(tmp_path, NARROW) as desk:
        run(desk)

        old = desk.rows(Tag, catalog_version=first)
        new = desk.rows(Tag, catalog_version=desk.app.topics.version)
        assert {tag.theme for tag in old} == {"glasses", "wearables"}
        assert {(tag.known_from, tag.known_to) for tag in old} == {(NOON, LATER)}
        assert {(tag.theme, tag.known_from, tag.known_to) for tag in new} == {
            ("wearables", LATER, None)
        }


async def test_again_there_is_nothing_to_do(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await told(desk, a_story("z", ZETA), a_story("r", "Rain is expected on Tuesday"))
    async with after_change(tmp_path, NARROW) as desk:
        assert run(desk).items == 2
        tags, signals = desk.rows(Tag), desk.rows(Signal)

        again = run(desk)

        assert (again.items, again.signals, waiting(desk)) == (0, {}, 0)
        assert (desk.rows(Tag), desk.rows(Signal)) == (tags, signals)


async def test_what_ended_early_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "BATCH_ITEMS", 1)
    async with open_desk(tmp_path) as desk:
        for minute, name in enumerate(("Alpha", "Beta", "Gamma")):
            desk.clock.set(NOON + timedelta(minutes=minute))
            await told(desk, a_story(name, f"Zetacorp launches its {name} glasses"))
    async with after_change(tmp_path, NARROW) as desk:
        with desk.session() as session:
            retag(session, desk.app.topics, now=LATER)
        left = waiting(desk)
    async with after_change(tmp_path, NARROW, now=LATER + timedelta(hours=1)) as desk:
        done = run(desk)

        assert done.items == left > 0
        assert waiting(desk) == 0
        assert desk.current(Signal, theme="glasses") == []


async def test_a_story_is_read_as_one_whatever_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "BATCH_ITEMS", 1)
    async with open_desk(tmp_path) as desk:
        await told(desk, a_story("a", OMEGA, publisher="The Wire"))
        desk.after(5)
        await told(desk, a_story("b", OMEGA, source="post", publisher="The Post"))
        before = desk.rows(Signal)
    async with after_change(tmp_path, NARROW) as desk:
        with desk.session() as session:
            done = retag(session, desk.app.topics, now=LATER)

        assert done.items == 2
        assert desk.rows(Signal) == before


async def test_older_news_is_left_as_it_was(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        old = a_story("old", "Zetacorp unveils its first frame", published_at=NOON - timedelta(9))
        await told(desk, old, a_story("z", ZETA))
    async with after_change(tmp_path, NARROW) as desk:
        done = run(desk, since=NOON - timedelta(days=1))

        assert (done.items, waiting(desk)) == (1, 1)
        titles = {signal.title for signal in desk.current(Signal, theme="glasses")}
        assert titles <= {"Zetacorp unveils its first frame"}


async def test_what_a_machine_saw_follows_the_themes_too(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await told(desk, a_story("hf", "deepseek-ai/DeepSeek-V9", seen_as="release"))
        assert [signal.theme for signal in desk.current(Signal)] == ["models"]
    without = CONFIG.replace("entities: [qwen, deepseek]", "entities: [qwen]")
    async with after_change(tmp_path, without) as desk:
        done = run(desk)

        assert (done.items, done.signals["closed"]) == (1, 1)
        assert desk.current(Signal) == []
    async with after_change(tmp_path, CONFIG, now=LATER + timedelta(days=1)) as desk:
        assert run(desk).signals["new"] == 1
        (signal,) = desk.current(Signal)
        assert (signal.kind, signal.alertable) == ("release", False)


async def test_the_latest_wording_is_read(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await told(desk, a_story("z", "Rain is expected on Tuesday"))
        desk.after(5)
        await desk.poll(Batch(items=(a_story("z", ZETA),)))
    async with after_change(tmp_path, NARROW) as desk:
        run(desk)

        assert [signal.theme for signal in desk.current(Signal)] == ["wearables"]
        with desk.session() as session:
            known = session.exec(select(Tag).where(Tag.known_to.is_(None))).all()  # type: ignore[union-attr]
        assert [tag.theme for tag in known] == ["wearables"]
