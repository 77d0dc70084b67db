"""The common feed at the speed of expat: well-formed RSS, RDF and Atom.

Gives entry by entry what feedparser gives, its quirks included, and refuses whatever it does not
know for certain (inline markup, base64, odd namespaces): the tolerant reader takes those.
Source: feedparser's `mixin.py` and `namespaces/`, RSS 2.0, RSS 1.0, RFC 4287.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, cast
from xml.etree import ElementTree

from monitor.sources.feeds.entry import FeedEntry
from monitor.sources.feeds.fields import (
    RDF_ABOUT,
    Element,
    EntryFields,
    Misread,
    RefusedError,
    language_of,
)
from monitor.sources.feeds.names import REFUSED, meaning

# Beyond this an element tree takes a hundred megabytes and more; no feed has as many tags.
_MAX_TAGS = 200_000
_MAX_DEPTH = 50
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_ENTRIES = ("item", "entry")
_ROOTS = ("rss", "RDF", "feed")
# feedparser takes these for a base, and for the link and date of a format long dead (CDF).
_FOREIGN = ("base", "href", "lastmod")
_C1 = re.compile(rb"\xc2[\x80-\x9f]")
_NUMBERED = re.compile(rb"&#(?:0*(?:1[2-9][0-9]|2[0-9][0-9]);|[xX]0*[89a-fA-F][0-9a-fA-F];)")


def fast_feed(text: str) -> tuple[list[FeedEntry], str | None] | None:
    """Return the entries of `text` and the feed's language; None when it is not for this reader.

    `text` begins with its root element: a document type, and with it every entity declaration,
    is gone. None also for a feed without entries.
    """
    if text.count("<") > _MAX_TAGS:
        return None
    xml = text.encode("utf-8", "surrogatepass")
    try:
        root, prefixes = _tree(xml)
        entries = _entries(root, cache(lambda tag: meaning(tag, prefixes)), _misread(xml))
    except (ElementTree.ParseError, RefusedError):
        return None
    return (entries, _language(root)) if entries else None


def _tree(xml: bytes) -> tuple[Element, dict[str, str]]:
    """Return the root and which prefix each namespace was given."""
    prefixes: dict[str, str] = {}
    uris: dict[str, str] = {}
    events = ElementTree.iterparse(io.BytesIO(xml), events=("start-ns",))  # noqa: S314 - no DTD
    for _, (prefix, uri) in events:
        if prefix and uris.setdefault(prefix, uri) != uri:
            raise RefusedError("a prefix with two meanings")
        if prefix or uri not in prefixes:
            prefixes.setdefault(uri, prefix)
            prefixes[uri] = prefixes[uri] or prefix
    root: Element = cast("Any", events).root  # documented, and missing in the types
    return root, prefixes


def _misread(xml: bytes) -> Misread:
    """Return which traces of a wrong encoding the document may hold."""
    numbered = _NUMBERED.search(xml) is not None
    return Misread(
        windows=numbered or _C1.search(xml) is not None,
        twice=numbered or b"\xc2" in xml,
    )


def _entries(root: Element, mean: Callable[[str], str | None], misread: Misread) -> list[FeedEntry]:
    if root.tag.rpartition("}")[2] not in _ROOTS:
        raise RefusedError("a root that is none of the three")
    base, lang = _based("", root), language_of(root, None)
    found = []
    for holder, element in _items(root):
        own_base, own_lang = base, lang
        for part in (holder, element):
            if part.attrib:
                own_base, own_lang = _based(own_base, part), language_of(part, own_lang)
        fields = EntryFields(own_base, own_lang, misread, element.get(RDF_ABOUT))
        _walk(element, fields, mean, 0)
        found.append(fields.entry())
    return found


def _items(root: Element) -> Iterator[tuple[Element, Element]]:
    """Yield each entry with its holder: the channel, or the root in RDF and Atom."""
    for child in root:
        name = child.tag.rpartition("}")[2]
        if name in _ENTRIES:
            yield root, child
        elif name == "channel":
            for item in child:
                if item.tag.rpartition("}")[2] in _ENTRIES:
                    yield child, item


def _walk(
    element: Element, fields: EntryFields, mean: Callable[[str], str | None], depth: int
) -> None:
    """Tell `fields` what the children of an entry say; containers without a meaning are entered."""
    if depth > _MAX_DEPTH:
        raise RefusedError("nested beyond sense")
    for child in element:
        means = mean(child.tag)
        if means is None:
            if len(child):
                if language_of(child, None) is not None:
                    raise RefusedError("a container in a language of its own")
                _walk(child, fields, mean, depth + 1)
        elif means == REFUSED:
            raise RefusedError(child.tag)
        else:
            fields.take(means, child, depth)


def _based(base: str, element: Element) -> str:
    own = element.get(_XML_BASE)
    if any(name in element.attrib for name in _FOREIGN):
        raise RefusedError("a base without its namespace, or an entry of the CDF format")
    if own is None:
        return base
    if not own.startswith(("http://", "https://")):
        raise RefusedError("a base that is no web address")
    return own


def _language(root: Element) -> str | None:
    """Return the feed's language: its own element, else xml:lang of the root."""
    for holder in (*root.iterfind("{*}channel"), root):
        for child in holder:
            if child.tag.rpartition("}")[2].lower() == "language" and (child.text or "").strip():
                return (child.text or "").strip()
    lang = language_of(root, None)
    return lang.replace("_", "-") if lang else None
