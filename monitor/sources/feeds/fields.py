"""The fields of one entry as its elements come by, in feedparser's order of precedence."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urljoin
from xml.etree import ElementTree

from monitor.sources.feeds.entry import FeedEntry

Element = ElementTree.Element
_XML = "{http://www.w3.org/XML/1998/namespace}"
_XML_LANG, _XML_BASE = f"{_XML}lang", f"{_XML}base"
RDF_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_SOURCE_PARTS = frozenset(
    ("title", "id", "updated", "link", "subtitle", "rights", "author", "icon", "logo", "category",
     "generator")
)  # fmt: skip
_PLAIN_TYPES = frozenset(("", "text", "plain", "html", "text/plain", "text/html"))
_PAGE_TYPES = frozenset(("html", "text/html", "xhtml", "application/xhtml+xml"))
_SLASHES = re.compile(r"^([A-Za-z][A-Za-z0-9+-.]*://)/+")
_HALF_ENTITY = re.compile(r"&([A-Za-z0-9_]+);")
_C1 = re.compile("[\x80-\x9f]")
_WINDOWS = {
    number: character
    for number in range(0x80, 0xA0)
    if (character := bytes((number,)).decode("cp1252", "ignore"))
}


class RefusedError(Exception):
    """The document says something only the tolerant reader knows how to take."""


def language_of(element: Element, inherited: str | None) -> str | None:
    """Return the language an element names, else the inherited one; None when it unsets it."""
    own = element.get(_XML_LANG, element.get("lang"))
    return inherited if own is None else own or None


@dataclass(frozen=True, slots=True)
class Misread:
    """Traces of a wrong encoding to mend: Windows' characters, UTF-8 that was encoded twice."""

    windows: bool
    twice: bool


@dataclass(slots=True)
class EntryFields:
    """Collects one entry. `base` is what its links are relative to, `lang` what it inherits."""

    base: str
    lang: str | None
    misread: Misread
    id: str | None = None
    title: str | None = None
    link: str | None = None
    origin: str | None = None
    published: str | None = None
    updated: str | None = None
    created: str | None = None
    summary: str | None = None
    contents: list[str] = field(default_factory=list)
    publisher: str | None = None
    language: str | None = None
    _langs: dict[str, str | None] = field(default_factory=dict)
    _title_depth: int = -1
    _title_at: int | None = None
    _summary_at: int | None = None
    _has_content: bool = False

    def take(self, means: str, element: Element, depth: int) -> None:
        """Note what `element` says; `depth` 0 is a child of the entry. Raises RefusedError."""
        if depth and means not in ("media-title", "summary"):
            raise RefusedError(f"{means} inside something else")
        if means != "source" and len(element):
            raise RefusedError(f"{means} with markup inside")
        _TAKE[means](self, element, depth)

    def entry(self) -> FeedEntry:
        """Return what was collected."""
        langs = self._langs
        lang = next((langs[key] for key in ("title", "summary", "content") if key in langs), None)
        return FeedEntry(
            id=self.id or None,
            title=self.title or None,
            link=self.link or None,
            origin_link=self.origin or None,
            date=self.published or self.updated or self.created or None,
            summary=self.summary or None,
            content=max(self.contents, key=len, default="") or None,
            publisher=self.publisher or None,
            lang=self.language or lang,
        )

    def _text(self, element: Element) -> str:
        return self._mended((element.text or "").strip())

    def _mended(self, text: str) -> str:
        if text.isascii():
            return text
        if self.misread.twice:
            with suppress(UnicodeError):
                return text.encode("latin-1").decode("utf-8").translate(_WINDOWS)
        return text.translate(_WINDOWS) if self.misread.windows and _C1.search(text) else text

    def _marked(self, element: Element, key: str) -> str:
        """Return text that may hold escaped markup, and note its language."""
        for name, value in element.attrib.items():
            plain = name.rpartition("}")[2].lower()
            if plain == "type" and value.lower() not in _PLAIN_TYPES:
                raise RefusedError(f"text of type {value[:40]}")
            if plain == "mode" and value == "base64":
                raise RefusedError("text in base64")
        lang = language_of(element, self.lang)
        self._langs[key] = lang.replace("_", "-") if lang else None
        return self._text(element)

    def _take_title(self, element: Element, depth: int, *, is_media: bool = False) -> None:
        counts = not -1 < self._title_depth <= depth
        text = self._marked(element, "title" if counts else "another title")
        if counts and (self._title_at is None or depth <= self._title_at):
            self.title, self._title_at = text, depth
        if text and not is_media:
            self._title_depth = depth

    def _take_media_title(self, element: Element, depth: int) -> None:
        self._take_title(element, depth, is_media=True)

    def _take_summary(self, element: Element, depth: int) -> None:
        if self.summary is not None and not self._has_content:
            # A second description counts as the content, whoever says it.
            self._has_content = True
            self.contents.append(self._marked(element, "content"))
            return
        text = self._marked(element, "summary")
        if self._summary_at is None or depth <= self._summary_at:
            self.summary, self._summary_at = text, depth

    def _take_content(self, element: Element, depth: int) -> None:
        del depth
        self._has_content = True
        text = self._marked(element, "content")
        self.contents.append(text)
        if self.summary is None:
            self.summary = text

    def _take_id(self, element: Element, depth: int) -> None:
        del depth
        is_link = all(
            value == "true" for name, value in element.items() if name.lower() == "ispermalink"
        )
        text = (element.text or "").strip()
        text = self._mended(self._resolved(element, text) if is_link and text else text)
        self.id = text
        if is_link and self.link is None:
            self.link = text

    def _take_link(self, element: Element, depth: int) -> None:
        del depth
        if not element.attrib:
            self.link = self._address(element)
            return
        attributes = {name.lower(): value for name, value in element.attrib.items()}
        if any(name.startswith("{") and not name.startswith(_XML) for name in attributes):
            raise RefusedError("a link with foreign attributes")
        href = attributes.get("url", attributes.get("uri", attributes.get("href")))
        if href is None:
            self.link = self._address(element)
        elif not href:
            raise RefusedError("a link to nowhere")
        elif (
            attributes.get("rel", "alternate").lower() == "alternate"
            and attributes.get("type", "text/html").lower() in _PAGE_TYPES
        ):
            self.link = self._resolved(element, href)

    def _address(self, element: Element) -> str:
        text = self._mended(self._resolved(element, (element.text or "").strip()))
        return _HALF_ENTITY.sub(r"&\1", text.replace("&amp;", "&")) if "&" in text else text

    def _resolved(self, element: Element, address: str) -> str:
        if _XML_BASE in element.attrib or "base" in element.attrib:
            raise RefusedError("an address with a base of its own")
        if ":///" in address:
            address = _SLASHES.sub(r"\1", address)
        try:
            return urljoin(self.base, address) if self.base and address else address
        except ValueError:
            return ""

    def _take_origin(self, element: Element, depth: int) -> None:
        del depth
        self.origin = None if element.attrib else self._text(element)

    def _take_published(self, element: Element, depth: int) -> None:
        del depth
        self.published = self._text(element)

    def _take_updated(self, element: Element, depth: int) -> None:
        del depth
        self.updated = self._text(element)

    def _take_created(self, element: Element, depth: int) -> None:
        del depth
        self.created = self._text(element)

    def _take_language(self, element: Element, depth: int) -> None:
        del depth
        self.language = self._text(element)

    def _take_image(self, element: Element, depth: int) -> None:
        del element, depth
        self._title_depth = -1

    def _take_source(self, element: Element, depth: int) -> None:
        del depth
        title = ""
        for part in element:
            name = part.tag.rpartition("}")[2]
            if name not in _SOURCE_PARTS or (name == "title" and len(part)):
                raise RefusedError("a source that says more than whence")
            if name == "title" and not title:
                title = self._text(part)
        if len(element) and any((part.tail or "").strip() for part in element):
            raise RefusedError("a source with text between its parts")
        self._title_depth = 1 if title else -1
        self.publisher = self._text(element) or title


_TAKE: dict[str, Callable[[EntryFields, Element, int], None]] = {
    "title": EntryFields._take_title,
    "media-title": EntryFields._take_media_title,
    "summary": EntryFields._take_summary,
    "content": EntryFields._take_content,
    "id": EntryFields._take_id,
    "link": EntryFields._take_link,
    "origin": EntryFields._take_origin,
    "published": EntryFields._take_published,
    "updated": EntryFields._take_updated,
    "created": EntryFields._take_created,
    "language": EntryFields._take_language,
    "image": EntryFields._take_image,
    "source": EntryFields._take_source,
}
