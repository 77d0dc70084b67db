"""The bytes of a feed made safe for feedparser, and the refusal of what is no feed.

feedparser hands a declared encoding to `codecs.lookup`, expands what a DTD declares, and falls
back to a slow tolerant parser over whatever is malformed. So the text is decoded here by a list
of known encodings, entity declarations are refused, and the common flaws are mended first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html.entities import html5
from xml.parsers import expat

from monitor.errors import ParseError

MAX_ITEMS = 2_000
MAX_TOLERANT = 1024 * 1024
_MAX_DEPTH = 200
_MAX_ATTRIBUTES = 200
_HEAD = 4_096
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_WIDE_STARTS = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
# gb2312 and gbk are what Chinese servers declare when they send their superset gb18030.
_ENCODINGS = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8",
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "big5hkscs",
    "shift_jis": "cp932", "euc-jp": "euc_jp", "euc-kr": "cp949",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "iso-8859-15": "iso8859_15",
    "windows-1250": "cp1250", "windows-1251": "cp1251", "windows-1252": "cp1252",
    "koi8-r": "koi8_r",
}  # fmt: skip
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ILLEGAL_REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,9}));")
_FIRST_ELEMENT = re.compile(r"<([A-Za-z_][\w.:-]*)")
_ROOT = re.compile(r"<((?:[A-Za-z][\w-]{0,20}:)?(?:rss|feed|RDF|channel))(?=[\s>])", re.IGNORECASE)
_ENTITY = re.compile(r"&(?!#[0-9]+;|#x[0-9a-fA-F]+;|(?:amp|lt|gt|quot|apos);)(\w{2,31};)?")
_ITEM = re.compile(r"<(item|entry)(?=[\s>])")
DATE_TAG = re.compile(
    r"<(?:pubDate|dc:date|published|updated|dcterms:issued)>([^<]{1,80})</", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FeedDocument:
    """A feed as UTF-8 XML. `dropped` counts items beyond the newest MAX_ITEMS; `cut_off` says
    that the end was missing and only whole items were kept, `is_malformed` that it stays no XML.
    """

    xml: bytes
    dropped: int = 0
    cut_off: bool = False
    is_malformed: bool = False


def feed_document(
    body: bytes, *, charset: str | None, what: str, newest_first: Callable[[str], float]
) -> FeedDocument:
    """Return `body` ready to parse. `charset` is what HTTP said.

    `newest_first` gives the sort key of one item's markup, small for new; it is asked only when
    there are too many. Raises ParseError when `body` is no feed or declares entities.
    """
    if not body.strip(b"\0 \t\r\n"):
        raise ParseError(f"{what}: an empty body, not a feed")
    text = _ILLEGAL.sub("", decoded(body, charset)).lstrip("\ufeff \t\r\n")
    text = from_root(text, what)
    text, cut_off = _whole(text, what)
    text, dropped = _newest(text, newest_first)
    xml = ('<?xml version="1.0" encoding="utf-8"?>' + _mended(text)).encode()
    is_malformed = _check_shape(xml, what)
    return FeedDocument(xml, dropped=dropped, cut_off=cut_off, is_malformed=is_malformed)


def decoded(body: bytes, charset: str | None) -> str:
    """Return the text of `body`: by BOM, else UTF-8 if valid, else HTTP, else the declaration.

    An unknown or lying encoding gives replacement characters, never an exception.
    """
    for bom, encoding in (*_BOMS, *_WIDE_STARTS):
        if body.startswith(bom):
            return body.decode(encoding, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        declared = _DECLARED.search(body[:_HEAD])
        names = [charset or "", declared[1].decode("ascii") if declared else ""]
    for name in names:
        encoding = _ENCODINGS.get(name.strip().strip("\"'").lower(), "")
        if encoding not in ("", "utf-8"):
            return body.decode(encoding, "replace")
    return body.decode("utf-8" if _mostly_utf8(body) else "cp1252", "replace")


def _mostly_utf8(body: bytes) -> bool:
    damaged = body.decode("utf-8", "replace").count("\ufffd")
    high = sum(byte > 0x7F for byte in body[:100_000])
    return damaged * 10 < high


def from_root(text: str, what: str) -> str:
    """Return `text` from its root element on, the prolog checked and left out."""
    if text[:1] in ("{", "["):
        raise ParseError(f"{what}: JSON, not an RSS or Atom feed")
    first = _FIRST_ELEMENT.search(text)
    root = _ROOT.search(text, 0, (first.start() if first else 0) + _HEAD)
    if first is None or root is None or first[1].lower() in ("html", "head", "body", "opml", "svg"):
        begins = " ".join(text[:60].split())
        raise ParseError(f"{what}: not a feed; it begins {begins!r}")
    prolog = text[: root.start()]
    if "<!entity" in prolog.lower():
        raise ParseError(f"{what}: refused: the document declares XML entities")
    return text[root.start() :]


def _whole(text: str, what: str) -> tuple[str, bool]:
    """Return the text up to the end of its root; a cut one closed after its last whole item."""
    name = _ROOT.match(text)
    assert name is not None
    root = name[1]
    end = text.rfind(f"</{root}>")
    if end >= 0:
        return text[: end + len(root) + 3], False
    if re.match(rf"<{re.escape(root)}[^>]*/>", text):
        return text, False
    last = max(text.rfind("</item>") + 7, text.rfind("</entry>") + 8)
    if last < 8:
        raise ParseError(f"{what}: cut off before its first item ended")
    inside = "</channel>" if root.lower() == "rss" else ""
    return f"{text[:last]}{inside}</{root}>", True


def _newest(text: str, newest_first: Callable[[str], float]) -> tuple[str, int]:
    """Return the text with its MAX_ITEMS newest items, in their order, and how many went."""
    spans = _item_spans(text)
    surplus = len(spans) - MAX_ITEMS
    if surplus <= 0:
        return text, 0
    ranked = sorted(spans, key=lambda span: newest_first(text[span[0] : span[1]]))
    parts, position = [], 0
    for start, end in sorted(ranked[MAX_ITEMS:]):
        parts.append(text[position:start])
        position = end
    return "".join([*parts, text[position:]]), surplus


def _item_spans(text: str) -> list[tuple[int, int]]:
    spans = []
    position = 0
    while (match := _ITEM.search(text, position)) is not None:
        closing = f"</{match[1]}>"
        end = text.find(closing, match.end())
        if end < 0:
            break
        position = end + len(closing)
        spans.append((match.start(), position))
    return spans


def _mended(text: str) -> str:
    """Return `text` with HTML entities as characters and bare ampersands escaped.

    What stands in CDATA is left alone: there an ampersand is just that.
    """
    text = _ILLEGAL_REFERENCE.sub(_legal_reference, text)
    parts: list[str] = []
    position = 0
    # Not a lazy regex: one that never finds its end starts over at every "<![CDATA[".
    while (start := text.find("<![CDATA[", position)) >= 0:
        end = text.find("]]>", start)
        if end < 0:
            break
        parts += [_ENTITY.sub(_character, text[position:start]), text[start : end + 3]]
        position = end + 3
    return "".join([*parts, _ENTITY.sub(_character, text[position:])])


def _character(match: re.Match[str]) -> str:
    name = match[1]
    if name and name in html5:
        return "".join(f"&#{ord(character)};" for character in html5[name])
    return f"&amp;{name or ''}"


def _legal_reference(match: re.Match[str]) -> str:
    number = int(match[1], 16) if match[1] else int(match[2])
    legal = (
        number in (9, 10, 13)
        or 0x20 <= number < 0xD800
        or 0xE000 <= number < 0xFFFE
        or 0x10000 <= number < 0x110000
    )
    return match[0] if legal else "\ufffd"


def _check_shape(xml: bytes, what: str) -> bool:
    """Return whether `xml` is malformed. Raises ParseError when it is large as well.

    Also for depths and attribute counts that no feed has and that feedparser takes minutes over.
    """
    depth = 0

    def opened(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH or len(attributes) > _MAX_ATTRIBUTES:
            raise ParseError(f"{what}: refused: <{name[:40]}> is nested or attributed beyond sense")

    def closed(name: str) -> None:
        nonlocal depth
        del name
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        if len(xml) > MAX_TOLERANT:
            raise ParseError(
                f"{what}: malformed XML and too large to guess at ({error})"
            ) from error
        return True
    return False
