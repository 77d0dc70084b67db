"""The feed channel: an Atom feed on this machine of what was told, for any feed reader.

Nothing is sent anywhere. An alert that this channel took is in the feed from then on, because the
feed is a query over the deliveries; `monitor.web` serves it as `/alerts/NAME.atom`.
Source: RFC 4287, The Atom Syndication Format.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from xml.etree import ElementTree

from pydantic import Field
from sqlmodel import Session

from monitor import __version__
from monitor.alerts.channels.base import ChannelModel, Poster, Surroundings, is_address
from monitor.alerts.words.forms import Form, Template
from monitor.alerts.words.message import Message, render
from storage import told_repo
from storage.told_repo import Told

ATOM = "http://www.w3.org/2005/Atom"
MAX_CONTENT = 20_000
# What XML 1.0 has no way to write, escaped or not. Source: https://www.w3.org/TR/xml/#charsets
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "https://signal-monitor.invalid/alerts")


class FeedChannel(ChannelModel):
    """Settings of `kind: feed`; the newest `keep` messages are shown."""

    kind: Literal["feed"]
    keep: int = Field(default=100, ge=1, le=1000)

    def resolve(self, around: Surroundings) -> Feed:
        """Return the channel."""
        return Feed(self.name, self.keep, self.read_template(around))


@dataclass(frozen=True, slots=True)
class Feed:
    """Takes every alert; being taken is what puts it into the feed."""

    name: str
    keep: int = 100
    template: Template | None = None

    async def send(self, message: Message, http: Poster) -> None:
        """Take `message`."""
        del message, http

    def entries(self, session: Session) -> list[FeedEntry]:
        """Return what the feed holds now, newest first."""
        found = told_repo.told(session, self.name, keep=self.keep)
        return [_entry(told, self.template) for told in found]


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One message of a feed, when it came in, and its text, HTML or plain."""

    message: Message
    sent_at: datetime
    content: str
    is_html: bool = True


def atom(name: str, entries: Sequence[FeedEntry], *, url: str, since: datetime) -> bytes:
    """Return the Atom document of `entries`, newest first, as read at `url`.

    `since` (aware) stands for its last change while there is no entry.
    """
    ElementTree.register_namespace("", ATOM)
    feed = ElementTree.Element(f"{{{ATOM}}}feed")
    _add(feed, "id", _id(name))
    _add(feed, "title", f"Signal Monitor: {name}")
    _add(feed, "updated", _instant(entries[0].sent_at if entries else since))
    _add(feed, "link", rel="self", type="application/atom+xml", href=url)
    _add(feed, "generator", "Signal Monitor", version=__version__)
    _add(_add(feed, "author"), "name", "Signal Monitor")
    for entry in entries:
        _add_entry(_add(feed, "entry"), name, entry)
    text: str = ElementTree.tostring(feed, "unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _entry(told: Told, template: Template | None) -> FeedEntry:
    message = render(told.payloads, now=told.sent_at, key=told.key, bundle=told.bundle)
    form = template.form if template else Form.HTML
    content = message.written(form, MAX_CONTENT, template)
    return FeedEntry(message, told.sent_at, content, is_html=form is Form.HTML)


def _add_entry(node: ElementTree.Element, name: str, entry: FeedEntry) -> None:
    message = entry.message
    _add(node, "id", _id(f"{name}/{message.key}"))
    _add(node, "title", message.title)
    _add(node, "updated", _instant(entry.sent_at))
    _add(node, "published", _instant(message.at))
    for term, scheme in (
        (message.rule, "rule"), (message.kind, "kind"), (message.severity, "severity")
    ):  # fmt: skip
        _add(node, "category", term=term, scheme=f"urn:signal-monitor:{scheme}")
    for address in dict.fromkeys(str(each.get("generatorURL", "")) for each in message.alerts):
        if is_address(address):
            # One link that stands for the entry; the others are in its text.
            _add(node, "link", rel="alternate", href=address)
            break
    _add(node, "summary", "\n".join(line for line in message.phone if line), type="text")
    _add(node, "content", entry.content, type="html" if entry.is_html else "text")


def _add(
    parent: ElementTree.Element, tag: str, text: str | None = None, **attributes: str
) -> ElementTree.Element:
    written = {name: _UNWRITABLE.sub("\ufffd", value) for name, value in attributes.items()}
    node = ElementTree.SubElement(parent, f"{{{ATOM}}}{tag}", written)
    node.text = None if text is None else _UNWRITABLE.sub("\ufffd", text)
    return node


def _id(of: str) -> str:
    return uuid.uuid5(_IDS, of).urn


def _instant(at: datetime) -> str:
    """Return `at` as RFC 3339 asks for it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
