"""The documents of Google News, Reddit, arXiv and GitHub, made from a feed's items.

Their shapes follow recorded and published answers; only what readers look at is there.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape, quoteattr

from monitor.fake_upstream.scenario import FeedItem

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ATOM = 'xmlns="http://www.w3.org/2005/Atom"'


def google_news(items: Iterable[FeedItem], lang: str, now: datetime) -> str:
    """Return a search's RSS: each title ends with its outlet, each link leads to Google."""
    return (
        f'{_HEAD}<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel>'
        "<generator>NFE/5.0</generator><title>Google News</title>"
        f"<link>https://news.google.com/search</link><language>{escape(lang)}</language>"
        f"<lastBuildDate>{format_datetime(now, usegmt=True)}</lastBuildDate>"
        f"{''.join(map(_google_item, items))}</channel></rss>"
    )


def reddit(items: Iterable[FeedItem], place: str) -> str:
    """Return a subreddit's newest posts; `place` is its name as Reddit writes it."""
    return reddit_mixed([(item, place) for item in items])


def reddit_mixed(posts: Iterable[tuple[FeedItem, str]]) -> str:
    """Return posts of several subreddits, each with its place."""
    entries = "".join(_reddit_entry(item, place.removeprefix("r/")) for item, place in posts)
    return f"{_HEAD}<feed {_ATOM}><title>new</title><id>/r/new/.rss</id>{entries}</feed>"


def arxiv(items: Iterable[FeedItem], versions: Mapping[str, int], total: int, now: datetime) -> str:
    """Return a query's papers; a paper's id carries its version."""
    entries = "".join(_arxiv_entry(item, max(versions.get(item.guid, 1), 1)) for item in items)
    return (
        f'{_HEAD}<feed {_ATOM} xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
        'xmlns:arxiv="http://arxiv.org/schemas/atom"><title>arXiv Query</title>'
        f"<id>https://arxiv.org/api/fake</id><updated>{now:%Y-%m-%dT00:00:00Z}</updated>"
        f"<opensearch:totalResults>{total}</opensearch:totalResults>"
        f"<opensearch:startIndex>0</opensearch:startIndex>{entries}</feed>"
    )


def arxiv_error(message: str) -> str:
    """Return arXiv's way to refuse a query: a feed of one entry called Error."""
    return (
        f"{_HEAD}<feed {_ATOM}><title>arXiv Query</title><id>https://arxiv.org/api/fake</id>"
        f"<entry><id>https://arxiv.org/api/errors#{quote(message)}</id><title>Error</title>"
        f"<summary>{escape(message)}</summary></entry></feed>"
    )


def github(items: Iterable[FeedItem], name: str) -> str:
    """Return releases of `name`, or an organization's events; an edit moves `updated`."""
    entries = "".join(_github_entry(item, name) for item in items)
    return f'{_HEAD}<feed {_ATOM} xml:lang="en-US"><title>{escape(name)}</title>{entries}</feed>'


def _google_item(item: FeedItem) -> str:
    article = "CBMi" + base64.urlsafe_b64encode(item.guid.encode()).decode().rstrip("=")
    host = (urlsplit(item.url or "").hostname or "outlet.example").removeprefix("www.")
    link = f"https://news.google.com/rss/articles/{article}?oc=5"
    cluster = f'<ol><li><a href="{link}">{escape(item.title)}</a></li></ol>'
    return (
        f"<item><title>{escape(item.title)} - {escape(host)}</title><link>{link}</link>"
        f'<guid isPermaLink="false">{article}</guid>'
        f"<pubDate>{format_datetime(_instant(item.published), usegmt=True)}</pubDate>"
        f"<description>{escape(cluster)}</description>"
        f'<source url="https://{escape(host)}">{escape(host)}</source></item>'
    )


def _reddit_entry(item: FeedItem, place: str) -> str:
    post = item.guid.removeprefix("t3_")
    thread = f"https://www.reddit.com/r/{place}/comments/{quote(post)}/post/"
    own = f'<!-- SC_OFF --><div class="md"><p>{escape(item.summary or "")}</p></div><!-- SC_ON -->'
    content = (
        f"{own if item.summary else ''} &#32; submitted by &#32; "
        '<a href="https://www.reddit.com/user/someone"> /u/someone </a><br/> '
        f"<span><a href={quoteattr(item.url or thread)}>[link]</a></span> &#32; "
        f'<span><a href="{thread}">[comments]</a></span>'
    )
    stamp = f"{_instant(item.published):%Y-%m-%dT%H:%M:%S+00:00}"
    return (
        "<entry><author><name>/u/someone</name></author>"
        f"<category term={quoteattr(place)} label={quoteattr(f'r/{place}')}/>"
        f'<content type="html">{escape(content)}</content><id>t3_{escape(post)}</id>'
        f'<link href="{thread}"/><updated>{stamp}</updated><published>{stamp}</published>'
        f"<title>{escape(item.title)}</title></entry>"
    )


def _arxiv_entry(item: FeedItem, version: int) -> str:
    address = f"arxiv.org/abs/{item.guid}v{version}"
    return (
        f"<entry><id>http://{escape(address)}</id><title>{escape(item.title)}</title>"
        f"<updated>{item.visible_at:%Y-%m-%dT%H:%M:%SZ}</updated>"
        f'<link href="https://{escape(address)}" rel="alternate" type="text/html"/>'
        f"<summary>{escape(item.summary or item.title)}</summary>"
        '<category term="cs.CL" scheme="http://arxiv.org/schemas/atom"/>'
        f"<published>{_instant(item.published):%Y-%m-%dT%H:%M:%SZ}</published>"
        '<arxiv:primary_category term="cs.CL"/><author><name>A. Author</name></author></entry>'
    )


def _github_entry(item: FeedItem, name: str) -> str:
    given = item.guid if item.guid.startswith("tag:") else ""
    tag = re.sub(r"[^A-Za-z0-9._-]+", "-", item.guid)
    link = item.url or f"https://github.com/{name}/releases/tag/{tag}"
    return (
        f"<entry><id>{escape(given or f'tag:github.com,2008:Repository/1/{tag}')}</id>"
        f"<updated>{item.visible_at:%Y-%m-%dT%H:%M:%SZ}</updated>"
        f'<link rel="alternate" type="text/html" href={quoteattr(link)}/>'
        f"<title>{escape(item.title)}</title>"
        f'<content type="html">{escape(f"<p>{escape(item.summary)}</p>") if item.summary else ""}'
        "</content></entry>"
    )


def _instant(published: datetime | date) -> datetime:
    if isinstance(published, datetime):
        return published.astimezone(UTC)
    return datetime.combine(published, time(), UTC)
