"""What the elements of feeds mean, by namespace and name, as feedparser understands them."""

from __future__ import annotations

from collections.abc import Mapping

REFUSED = "refused"
_PREFIXES = {
    "http://backend.userland.com/rss": "",
    "http://blogs.law.harvard.edu/tech/rss": "",
    "http://purl.org/rss/1.0/": "",
    "http://my.netscape.com/rdf/simple/0.9/": "",
    "http://purl.org/rss/1.0/modules/rss091#": "",
    "http://purl.org/atom/ns#": "",
    "http://www.w3.org/2005/atom": "",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://rssnamespace.org/feedburner/ext/1.0": "feedburner",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://search.yahoo.com/mrss": "media",
    "http://search.yahoo.com/mrss/": "media",
    "http://www.w3.org/1999/xhtml": "xhtml",
}
_STANDARD = frozenset(_PREFIXES.values()) - {""}
_MEANINGS = {
    "title": "title", "dc:title": "title", "media:title": "media-title",
    "link": "link", "guid": "id", "id": "id",
    "description": "summary", "dc:description": "summary", "media:description": "summary",
    "summary": "summary", "itunes:summary": "summary",
    "content": "content", "content:encoded": "content",
    "published": "published", "issued": "published", "pubdate": "published",
    "dcterms:issued": "published",
    "updated": "updated", "modified": "updated", "lastbuilddate": "updated",
    "dc:date": "updated", "dcterms:modified": "updated",
    "created": "created", "dcterms:created": "created",
    "language": "language", "dc:language": "language",
    "feedburner:origlink": "origin", "source": "source", "image": "image",
}  # fmt: skip
# feedparser reads them in ways of their own, or they have no place inside an entry.
_REFUSED = frozenset(
    ("abstract", "body", "xhtml:body", "fullitem", "textinput", "item", "entry", "channel", "feed",
     "rss", "svg", "math")
)  # fmt: skip


def meaning(tag: str, prefixes: Mapping[str, str]) -> str | None:
    """Return what `tag` (`{namespace}name`) says of an entry; None: nothing, REFUSED: unclear.

    `prefixes` tells how the document itself abbreviates each namespace.
    """
    uri, _, name = tag.rpartition("}")
    uri = uri[1:]
    name = name.lower()
    prefix = _prefix(uri, prefixes.get(uri, "").lower())
    if prefix is None:
        return REFUSED
    name = f"{prefix}:{name}" if prefix else name
    return REFUSED if name in _REFUSED else _MEANINGS.get(name)


def _prefix(uri: str, declared: str) -> str | None:
    """Return the usual prefix of a namespace; None when the document lends one to another."""
    if "backend.userland.com/rss" in uri.lower():
        return ""
    usual = _PREFIXES.get(uri.lower())
    if usual is None:
        return None if declared in _STANDARD else declared
    return None if declared in _STANDARD and declared != usual else usual
