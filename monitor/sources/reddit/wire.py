"""Reddit's posts in its two wire shapes, the Atom feed and the JSON listing.

Atom: ids `t3_…`; the content is the post's own text between two comments, then "submitted by" and
the links. JSON: `data.children[].data`, a listing recorded 2026-04-26.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import cast
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

from monitor.errors import ParseError
from monitor.http_status import safe_url
from monitor.sources.base import MAX_EXCERPT, Page, parse_each
from monitor.sources.feeds.elements import attribute_of, elements_by_id, text_of
from monitor.sources.feeds.text import plain_text, plain_title
from monitor.sources.instants import instant_from_s
from storage.records import Batch, ItemRecord, Precision, Reject

MAX_SUMMARY = 2_000
_SITE = "https://www.reddit.com"
_POST = re.compile(r"t3_[0-9a-z]{1,13}")
_OWN_FROM = "<!-- SC_OFF -->"
_OWN_TO = "<!-- SC_ON -->"
_LINK = re.compile(r"<a\s[^>]{0,40}href=\"([^\"<>]{1,2000})\"[^>]{0,40}>\s*\[link\]", re.IGNORECASE)
_ADULT = re.compile(r"[\[(]\s*nsfw\s*[\])]", re.IGNORECASE)
_GONE = frozenset({"[deleted]", "[removed]", "[ removed by reddit ]", "[deleted by user]"})
_OWN_HOSTS = ("reddit.com", "redd.it", "redditmedia.com", "redditstatic.com")


def parse_atom(page: Page, batch: Batch, place: str) -> Batch:
    """Return the posts of a feed that was read as `batch`; `place` is the subreddit asked for."""
    elements = elements_by_id(page.body)
    items, rejects = parse_each(
        batch.items, lambda item: _from_entry(item, elements.get(item.guid), place)
    )
    return replace(batch, items=tuple(items), rejects=(*batch.rejects, *rejects))


def parse_listing(page: Page, *, source: str, lang: str | None, tier: int) -> Batch:
    """Return the posts of a JSON listing. Raises ParseError when it is none."""
    found: dict[str, ItemRecord] = {}
    repeated: list[Reject] = []
    records, rejects = parse_each(
        _children(page), lambda row: _from_json(row, source=source, lang=lang, tier=tier)
    )
    for record in records:
        if found.setdefault(record.guid, record) is not record:
            repeated.append(Reject("repeated post", record.guid))
    return Batch(items=tuple(found.values()), rejects=(*rejects, *repeated))


def _from_entry(item: ItemRecord, element: Element | None, place: str) -> ItemRecord:
    _check_id(item.guid)
    markup = text_of(element, "content") if element is not None else ""
    own, _, chrome = markup.partition(_OWN_FROM)[2].rpartition(_OWN_TO)
    text = plain_text(own)
    _check_wanted(item.title, text)
    label = attribute_of(element, "category", "label") if element is not None else ""
    link = _LINK.search(chrome or markup)
    return replace(
        item,
        url=_elsewhere(html.unescape(link[1])) or item.url if link else item.url,
        summary=text[:MAX_SUMMARY] or None,
        content=text if len(text) > MAX_SUMMARY else None,
        publisher=label or (f"r/{place}" if place else "Reddit"),
    )


def _children(page: Page) -> list[object]:
    what = safe_url(page.url)
    try:
        payload = json.loads(page.body)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"{what}: not JSON: {error}"[:MAX_EXCERPT]) from error
    if not isinstance(payload, dict):
        raise ParseError(f"{what}: not a listing of Reddit")
    data = payload.get("data")
    children = data.get("children") if isinstance(data, dict) else None
    if isinstance(children, list):
        return children
    said = payload.get("message") or payload.get("reason") or "no data.children"
    raise ParseError(f"{what}: not a listing of Reddit: {str(said)[:120]}")


def _from_json(row: object, *, source: str, lang: str | None, tier: int) -> ItemRecord:
    data = row.get("data") if isinstance(row, dict) else None
    if not isinstance(data, dict):
        raise ValueError("a child without data")  # noqa: TRY004 - bad data, not a bad call
    post = cast("Mapping[str, object]", data)
    guid = _text(post, "name") or f"t3_{_text(post, 'id')}"
    _check_id(guid)
    title, text = plain_title(_text(post, "title")), _own_text(post)
    if not title:
        raise ValueError("a post without a title")
    _check_wanted(title, text, is_adult=post.get("over_18") is True)
    if post.get("removed_by_category"):
        raise ValueError("a removed post")
    if post.get("stickied") is True:
        raise ValueError("a post pinned by its moderators")
    published_at = instant_from_s(post.get("created_utc"))
    place = _text(post, "subreddit_name_prefixed") or f"r/{_text(post, 'subreddit')}"
    return ItemRecord(
        source=source,
        guid=guid,
        title=title,
        url=_address(post),
        summary=text[:MAX_SUMMARY] or None,
        content=text if len(text) > MAX_SUMMARY else None,
        lang=lang.split("-")[0].lower() if lang else None,
        published_at=published_at,
        precision=Precision.SECOND if published_at else Precision.UNKNOWN,
        publisher=place if place != "r/" else "Reddit",
        tier=tier,
    )


def _check_id(guid: str) -> None:
    if _POST.fullmatch(guid) is None:
        raise ValueError("not a post; comments, users and subreddits are left out")


def _check_wanted(title: str, text: str, *, is_adult: bool = False) -> None:
    if title.strip().lower() in _GONE or text.strip().lower() in _GONE:
        raise ValueError("a removed post")
    if is_adult or _ADULT.search(title):
        raise ValueError("a post for adults")


def _own_text(post: Mapping[str, object]) -> str:
    markup = html.unescape(_text(post, "selftext_html"))
    return plain_text(markup or _text(post, "selftext"))


def _address(post: Mapping[str, object]) -> str | None:
    """Return where a link post leads; the thread for a post that is its own text or picture."""
    permalink = _text(post, "permalink")
    thread = urljoin(_SITE, permalink) if permalink.startswith("/") else None
    if post.get("is_self") is True or post.get("is_reddit_media_domain") is True:
        return thread
    linked = _text(post, "url_overridden_by_dest") or _text(post, "url")
    return _elsewhere(html.unescape(linked)) or thread


def _elsewhere(url: str) -> str | None:
    """Return `url` when it leads out of Reddit to a web page."""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    is_own = any(host == own or host.endswith(f".{own}") for own in _OWN_HOSTS)
    return None if is_own else url.strip()


def _text(post: Mapping[str, object], key: str) -> str:
    value = post.get(key)
    return value.strip() if isinstance(value, str) else ""
