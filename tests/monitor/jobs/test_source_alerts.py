"""A source that is down, stale, changed or gone is told once, and again only when it is new."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.alerts.rules import SourceRule
from monitor.alerts.views import Views
from monitor.alerts.words.message import render
from monitor.config import parse_config
from monitor.errors import ConfigError, PermanentSourceError, TransientSourceError
from monitor.jobs.alerting import tell_views
from monitor.jobs.source_alerts import source_views
from storage import source_repo
from storage.models import Alert, Delivery
from tests.builders import NOON, at
from tests.desk import Desk, StubSource, open_desk

DOWN = TransientSourceError("HTTP 503")
ALL = ("down", "stale", "drift", "disabled", "recovered")


def a_rule(name: str = "sick", **given: object) -> SourceRule:
    return SourceRule(name=name, on="source", channels=("console",), **given)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path, sources=[StubSource("wire", kind="rss")]) as opened:
        opened.stub = opened.app.sources[0]  # type: ignore[assignment]
        yield opened


def told(desk: Desk, *rules: SourceRule, since: datetime | None = NOON) -> list[str]:
    """Raise alerts and return the titles of those that are new."""
    before = len(desk.rows(Alert))
    given = rules or (a_rule(),)
    with desk.session() as session:
        views = source_views(
            session, given, desk.app.sources, now=desk.clock.now(), watched_since=since
        )
        count = tell_views(
            session,
            given,
            Views(sources=views),
            section=desk.app.config.alerts,
            now=desk.clock.now(),
        )
    titles = [row.title for row in desk.rows(Alert)][before:]
    assert len(titles) >= count
    return titles


async def fail(desk: Desk, times: int, error: Exception = DOWN) -> None:
    for _ in range(times):
        await desk.poll(error=error)


async def test_an_outage_is_told_once_with_its_error_since_when_and_the_next_try(
    desk: Desk,
) -> None:
    await desk.poll()
    desk.after(1)
    await fail(desk, 4)
    assert told(desk) == []

    await fail(desk, 1)
    assert told(desk) == [
        "source wire is down: HTTP 503; 5 failures since 2026-03-02 12:00Z, "
        "next try 2026-03-02 12:16Z"
    ]
    await fail(desk, 1)
    assert told(desk) == []


async def test_the_next_outage_is_another_one(desk: Desk) -> None:
    await desk.poll()
    await fail(desk, 5)
    assert len(told(desk)) == 1
    desk.after(60)
    await desk.poll()
    await fail(desk, 5)
    assert len(told(desk)) == 1


async def test_a_cooldown_keeps_a_flapping_source_quiet(desk: Desk) -> None:
    rule = a_rule(cooldown="6h")
    for _ in range(3):
        desk.after(10)
        await desk.poll()
        await fail(desk, 5)
        told(desk, rule)

    assert len(desk.rows(Alert)) == 3
    assert len(desk.rows(Delivery)) == 1


async def test_what_nobody_polled_is_stale_only_once_we_have_watched_long_enough(
    desk: Desk,
) -> None:
    await desk.poll()
    desk.after(600)
    assert told(desk, since=desk.clock.now() - timedelta(minutes=10)) == []
    assert told(desk, since=None) == []
    assert told(desk, since=desk.clock.now() - timedelta(minutes=16)) == [
        "source wire is stale: last read 2026-03-02 12:00Z"
    ]


async def test_a_drift_says_what_changed(desk: Desk) -> None:
    await desk.poll()
    with desk.session() as session:
        state = source_repo.load(session, "wire")
        words = ["items: summary vanished (was in 98 %)"]
        state.drift = {"since": "2026-03-02T12:00:00.000Z", "said": {"feed/items": words}}
        session.add(state)

    assert told(desk) == [
        "source wire has drifted: items: summary vanished (was in 98 %), since 2026-03-02 12:00Z"
    ]
    assert told(desk) == []


async def test_a_source_that_is_gone_is_told_as_disabled(desk: Desk) -> None:
    await desk.poll(error=PermanentSourceError("the feed: HTTP 410", status=410))

    assert told(desk) == ["source wire is disabled: the feed: HTTP 410"]


async def test_recovery_is_told_only_where_it_is_asked_for_and_once(desk: Desk) -> None:
    both, quiet = a_rule("both", states=ALL), a_rule("quiet")
    await desk.poll()
    await fail(desk, 5)
    assert len(told(desk, both, quiet)) == 2
    desk.after(30)
    await desk.poll()

    assert told(desk, both, quiet) == [
        "source wire has recovered: read again at 2026-03-02 12:30Z, was down"
    ]
    desk.after(1)
    assert told(desk, both, quiet) == []


async def test_a_rule_may_name_sources_and_states(desk: Desk) -> None:
    await desk.poll()
    await fail(desk, 5)

    assert told(desk, a_rule(sources=("other",)), a_rule("drifts", states=("drift",))) == []
    assert len(told(desk, a_rule(sources=("wire",), states=("down",)))) == 1


async def test_the_message_can_be_read_alone(desk: Desk) -> None:
    await desk.poll()
    await fail(desk, 5)
    told(desk, a_rule(severity="warning"))

    message = render(desk.rows(Alert)[0].payload, now=at(90))

    assert message.lines[1:] == (
        "A source of kind rss. Last read 2026-03-02 12:00:00 UTC, 1 hour ago",
        "Rule sick (warning): source wire; state down",
    )
    assert message.alerts[0]["labels"] == {
        "alertname": "sick", "severity": "warning", "source": "wire", "kind": "rss",
        "state": "down",
    }  # fmt: skip


async def test_without_such_a_rule_nothing_is_asked(desk: Desk) -> None:
    await fail(desk, 5)
    with desk.session() as session:
        found = source_views(
            session, desk.app.rules, desk.app.sources, now=NOON, watched_since=NOON
        )
    assert found == []


def test_the_config_takes_such_a_rule_and_knows_its_sources() -> None:
    text = """
sources: [{name: wire, kind: rss, url: "https://a.example/feed"}]
alerts:
  channels: [{name: console, kind: console}]
  rules: [{name: sick, on: source, sources: [wir], states: [down, gone], channels: [console]}]
"""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, name="config.yaml", folder=Path())

    lines = str(caught.value).splitlines()
    assert [line.split(": ", 1)[0] for line in lines] == ["config.yaml:5:46", "config.yaml:5:67"]
    assert "unknown source 'wir' (did you mean wire?)" in lines[0]
