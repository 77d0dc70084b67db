"""The Atom feed holds what its channel took, reads as RFC 4287 asks, and keeps text text."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from monitor.alerts.channels.base import Poster, Surroundings
from monitor.alerts.channels.console import Console
from monitor.alerts.channels.feed import ATOM, Feed, FeedChannel, FeedEntry, atom
from monitor.alerts.words.message import Message
from monitor.daemon import Daemon
from storage import open_store
from storage.models import Alert, Delivery
from tests.desk import open_desk

NOON = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)
SELF = "http://127.0.0.1:8321/alerts/feed.atom"
BuildMessage = Callable[..., Message]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    store = open_store(f"sqlite:///{tmp_path}/feed.db")
    with store.begin() as session:
        yield session
    store.close()


def entry(message: Message, **changes: Any) -> FeedEntry:
    values: dict[str, Any] = {"sent_at": NOON, "content": message.html()}
    return FeedEntry(message, **{**values, **changes})


def document(*entries: FeedEntry, name: str = "feed") -> bytes:
    return atom(name, entries, url=SELF, since=NOON)


def payload(title: str) -> dict[str, Any]:
    """What a brief stores; the kind of alert with the fewest facts."""
    return {
        "rule": "morning", "kind": "schedule", "severity": "info", "title": title,
        "why": ["it is eight"], "at": "2025-11-27T12:00:00.000Z", "group_key": "morning",
        "lines": ["nothing new"], "alerts": [],
    }  # fmt: skip


def told(session: Session, number: int, **delivery: Any) -> None:
    """Store one alert and its delivery to the channel `feed`, sent unless said otherwise."""
    at = NOON + timedelta(minutes=number)
    alert = Alert(
        dedup_key=f"k{number}", escalation=0, rule="morning", kind="schedule", severity="info",
        at=at, title=f"brief {number}", payload=payload(f"brief {number}"), group_key="morning",
    )  # fmt: skip
    session.add(alert)
    session.flush()
    values = {
        "alert_id": alert.id, "channel": "feed", "state": "sent", "attempts": 1, "sent_at": at,
        "next_attempt_at": at, "maybe_sent": False, "message_key": f"m{number}",
    }  # fmt: skip
    session.add(Delivery(**{**values, **delivery}))
    session.flush()


def titles(session: Session, **settings: Any) -> list[str]:
    return [each.message.title for each in Feed("feed", **settings).entries(session)]


async def test_sending_takes_every_alert(a_message: BuildMessage) -> None:
    channel = FeedChannel(name="feed", kind="feed").resolve(
        Surroundings({}, str, None, None)  # type: ignore[arg-type]
    )

    await channel.send(a_message(), cast(Poster, None))

    assert (channel.name, channel.keep) == ("feed", 100)


def test_the_feed_holds_what_its_channel_took_newest_first(session: Session) -> None:
    told(session, 1)
    told(session, 2)
    told(session, 3, channel="phone")
    told(session, 4, state="queued", sent_at=None)
    told(session, 5, state="dead", sent_at=None)

    assert titles(session) == ["brief 2", "brief 1"]
    assert titles(session, keep=1) == ["brief 2"]


def test_alerts_that_went_out_as_one_message_are_one_entry(session: Session) -> None:
    told(session, 1)
    for number in (2, 3):
        told(session, number, sent_at=NOON, message_key="d1", bundle="digest:morning")

    found = Feed("feed").entries(session)

    assert [each.message.count for each in found] == [1, 2]
    assert found[1].message.held == "digest"
    assert "brief 2" in found[1].content
    assert "brief 3" in found[1].content


def test_equal_deliveries_make_an_equal_document(session: Session) -> None:
    told(session, 1)
    first, again = (document(*Feed("feed").entries(session)) for _ in range(2))

    assert first == again


def test_a_feed_reader_understands_it(a_message: BuildMessage) -> None:
    read = feedparser.parse(document(entry(a_message(headline="夸克AI眼镜发布"))))

    assert (read.bozo, read.version, read.feed.title) == (False, "atom10", "Signal Monitor: feed")
    assert [(link.rel, link.href) for link in read.feed.links] == [("self", SELF)]
    assert read.feed.updated == "2025-11-27T12:00:00.000Z"
    (found,) = read.entries
    assert found.title == "series-x: Alibaba −9.0 pp"
    assert found.summary == "series-x: Alibaba −9.0 pp\n夸克AI眼镜发布"
    assert (found.updated, found.published) == ("2025-11-27T12:00:00.000Z",) * 2
    assert found.link == "https://venue.example/m/1"
    assert [tag.term for tag in found.tags] == ["jump", "move", "info"]
    assert found.content[0].type == "text/html"


def test_it_has_all_that_the_standard_asks_for(a_message: BuildMessage) -> None:
    """RFC 4287, 4.1.1 and 4.1.2: id, title, updated; author; self link; unique ids."""
    tree = ElementTree.fromstring(
        document(entry(a_message(key="a")), entry(a_message(key="b", alerts=())))
    )
    ids = [node.text or "" for node in tree.iter(f"{{{ATOM}}}id")]

    for node in (tree, *tree.iter(f"{{{ATOM}}}entry")):
        assert all(
            len(node.findall(f"{{{ATOM}}}{name}")) == 1 for name in ("id", "title", "updated")
        )
    assert tree.find(f"{{{ATOM}}}author/{{{ATOM}}}name") is not None
    assert len(set(ids)) == 3
    assert all(each.startswith("urn:uuid:") for each in ids)


def test_ids_depend_on_the_message_and_its_feed_only(a_message: BuildMessage) -> None:
    def ids(text: bytes) -> list[str]:
        return [each.id for each in feedparser.parse(text).entries]

    message = a_message()
    later = entry(message, sent_at=NOON + timedelta(hours=1))

    assert ids(document(entry(message))) == ids(document(later))
    assert ids(document(entry(message))) != ids(document(entry(message), name="other"))


def test_an_empty_feed_is_valid_and_dated() -> None:
    read = feedparser.parse(document())

    assert (read.bozo, read.entries, read.feed.updated) == (False, [], "2025-11-27T12:00:00.000Z")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "", "//x"])
def test_only_addresses_of_pages_become_links(a_message: BuildMessage, url: str) -> None:
    alerts = ({**a_message().alerts[0], "generatorURL": url},)

    tree = ElementTree.fromstring(document(entry(a_message(alerts=alerts))))

    assert tree.find(f"{{{ATOM}}}entry/{{{ATOM}}}link") is None


def test_hostile_text_stays_text(a_message: BuildMessage) -> None:
    hostile = "</title><script>alert(1)</script> ]]> &lt;b&gt; \x1b[2J \x00 \ud800 \ufffe"
    message = a_message(
        title=hostile, first_line=hostile, headline=hostile, lines=(hostile, hostile)
    )

    tree = ElementTree.fromstring(document(entry(message)))

    (found,) = tree.findall(f"{{{ATOM}}}entry")
    title = found.findtext(f"{{{ATOM}}}title") or ""
    assert title.startswith("</title><script>alert(1)</script> ]]> &lt;b&gt; ")
    assert "<script" not in (found.findtext(f"{{{ATOM}}}content") or "")
    assert not list(tree.iter("script"))


@settings(max_examples=60)
@given(st.text(st.characters(), max_size=30))
def test_any_text_makes_a_document_that_can_be_read(text: str) -> None:
    message = Message(
        rule=text, kind="move", severity="info", title=text, first_line=text, lines=(text,),
        at=NOON, said_at=NOON, group_key=text, key=text,
    )  # fmt: skip

    ElementTree.fromstring(document(entry(message, content=text), name="feed"))


async def test_the_daemon_serves_its_feed_channels_only(tmp_path: Path) -> None:
    async with open_desk(tmp_path, sources=()) as desk:
        daemon = Daemon(desk.app, rng=random.Random(7))
        desk.app.channels = {"feed": Feed("feed"), "desk": Console("desk", io.StringIO())}
        empty = await daemon.feed("feed", url=SELF)
        await desk.app.write(lambda session: told(session, 1))
        found = await daemon.feed("feed", url=SELF)

        assert await daemon.feed("desk", url=SELF) is None
        assert await daemon.feed("nobody", url=SELF) is None
    assert empty is not None
    assert found is not None
    assert feedparser.parse(empty[0]).entries == []
    assert [each.title for each in feedparser.parse(found[0]).entries] == ["brief 1"]
    assert found[1] == NOON + timedelta(minutes=1)


def test_a_template_of_text_is_shown_as_text(session: Session) -> None:
    told(session, 1)
    model = FeedChannel(name="feed", kind="feed", template=Path("mine.j2"))
    around = Surroundings({}, lambda name: "<b>{{ title }}", None, None)  # type: ignore[arg-type]

    (found,) = feedparser.parse(document(*model.resolve(around).entries(session))).entries

    assert (found.content[0].type, found.content[0].value) == ("text/plain", "<b>brief 1")
