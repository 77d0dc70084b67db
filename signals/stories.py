"""Which items tell one story, and how many publishers tell it on their own.

Merging is careful: a wrong merge hides news, a missed one repeats it. Only an equal canonical
address or an equal, long enough title joins items, within 72 hours, never across disjoint
sets of entities.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from signals.text import HAN, fold

WINDOW = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class StoryKey:
    """What an item is compared by. `at` is its public or observed instant, aware UTC.

    `publisher` is an outlet's name or host; `attributed_to` who the item says it repeats.
    """

    source: str
    guid: str
    title: str
    at: datetime
    url: str | None = None
    publisher: str | None = None
    attributed_to: str | None = None
    entities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that already belongs to a story."""

    story_id: str
    key: StoryKey


def canonical_url(url: str) -> str:
    """Return `url` for comparison: lower-case host, no tracking, fragment or default port.

    What is not an http(s) address comes back stripped, otherwise unchanged.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return text
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not parts.hostname:
        return text
    host = parts.hostname if port in (None, _PORTS[scheme]) else f"{parts.hostname}:{port}"
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = urlencode([(k, v) for k, v in pairs if not _is_tracking(k, v)])
    return urlunsplit((scheme, host, parts.path.rstrip("/"), query, ""))


def title_key(title: str, publisher: str | None = None) -> str:
    """Return the exact normalised title: words only, without a trailing " - Publisher"."""
    text = fold(title)
    name = fold(publisher or "")
    for dash in (" - ", " | ", " -- "):
        if name and text.endswith(dash + name):
            text = text[: -len(dash + name)]
    return " ".join(_WORD.findall(text))


def story_id(source: str, guid: str) -> str:
    """Return the id of a story that begins with this item; stable, never reused."""
    return hashlib.sha256(f"{source}\0{guid}".encode("utf-8", "replace")).hexdigest()[:16]


def same_story(one: StoryKey, other: StoryKey) -> str | None:
    """Return why two items tell one story, or None.

    Items without any known entity may merge by address or title alone; items that both name
    entities must share one.
    """
    if abs(one.at - other.at) > WINDOW:
        return None
    if one.entities and other.entities and one.entities.isdisjoint(other.entities):
        return None
    if one.url and other.url and canonical_url(one.url) == canonical_url(other.url):
        return "same address"
    key = title_key(one.title, one.publisher)
    if _is_telling(key) and key == title_key(other.title, other.publisher):
        return "same title"
    return None


def assign(item: StoryKey, candidates: Iterable[Candidate]) -> tuple[str, str]:
    """Return (story id, reason) for an item: the oldest matching story, else one of its own."""
    for candidate in sorted(candidates, key=lambda c: (c.key.at, c.story_id)):
        reason = same_story(item, candidate.key)
        if reason:
            return candidate.story_id, f"{reason} as {candidate.key.source} {candidate.key.guid}"
    return story_id(item.source, item.guid), "first of its story"


def publisher_family(name_or_host: str) -> str:
    """Return one key for an outlet's name and hosts: "www.theverge.com" and "The Verge"."""
    text = fold(name_or_host)
    if "://" in text:
        text = urlsplit(text).hostname or text
    text = text.split(" · ")[0].split(" (")[0].split("|")[0].strip()
    if text in _FAMILIES:
        return _FAMILIES[text]
    host = _HOST.fullmatch(text)
    if host:
        labels = text.split(".")
        tail = 3 if len(labels) > 2 and ".".join(labels[-2:]) in _TWO_PART_SUFFIXES else 2
        domain = ".".join(labels[-tail:])
        return _FAMILIES.get(domain, labels[-tail])
    squeezed = re.sub(r"[^\w]+", "", text).removeprefix("the")
    return _FAMILIES.get(squeezed, squeezed)


def independent_publishers(items: Iterable[StoryKey]) -> int:
    """Return how many publishers speak for themselves; a copy counts as whom it repeats."""
    voices = {
        publisher_family(item.attributed_to or item.publisher or _host(item.url) or item.source)
        for item in items
    }
    return len(voices - {""})


def attributed_to(text: str, parties: Container[str] = ()) -> str | None:
    """Return the outlet that a text names as its origin ("according to X", 据X报道), or None.

    Known outlets come back under one spelling. Unnamed sources ("people familiar", "company
    disclosures") are nobody, and neither are `parties` (folded names of companies and products:
    they speak for themselves).
    """
    if not _HINT.search(text):
        return None
    for pattern, known_only in _ATTRIBUTIONS:
        for found in pattern.finditer(text):
            name = found.group(1).strip(" \"'“”《》「」,.，。")
            family = publisher_family(name)
            if family in _DISPLAY:
                return _DISPLAY[family]
            if not known_only and name and fold(name) not in parties and not _NOBODY.search(name):
                return name
    return None


def _is_tracking(name: str, value: str) -> bool:
    low = name.lower()
    return low.startswith("utm_") or low in _TRACKING or (low == "f" and value.lower() == "rss")


def _is_telling(key: str) -> bool:
    han = len(_HAN_CHAR.findall(key))
    latin = sum(char.isascii() and char.isalnum() for char in key)
    return han >= _MIN_HAN or latin >= _MIN_LATIN


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None


_MIN_HAN = 6
_MIN_LATIN = 12
_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
_TRACKING = frozenset(
    (
        "oc", "ref", "ref_src", "ref_url", "spm", "scm", "fbclid", "gclid", "dclid", "msclkid",
        "igshid", "mc_cid", "mc_eid", "cmpid", "cmp", "smid", "ncid", "ito", "guccounter",
        "guce_referrer", "share_token", "from_source", "feature", "srnd", "taid",
    )
)  # fmt: skip
_WORD = re.compile(r"[^\W_]+(?:\.\d+)*")
_HAN_CHAR = re.compile(f"[{HAN}]")
_HOST = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}")
_TWO_PART_SUFFIXES = frozenset(
    ("co.uk", "com.cn", "com.au", "co.jp", "co.kr", "com.hk", "org.uk", "net.cn")
)
_DISPLAY: Mapping[str, str] = {
    "36kr": "36Kr",
    "reuters": "Reuters",
    "bloomberg": "Bloomberg",
    "ft": "Financial Times",
    "wsj": "Wall Street Journal",
    "nytimes": "New York Times",
    "theinformation": "The Information",
    "cnbc": "CNBC",
    "scmp": "South China Morning Post",
    "theverge": "The Verge",
    "techcrunch": "TechCrunch",
    "engadget": "Engadget",
    "ithome": "IT Home",
    "caixin": "Caixin",
    "yicai": "Yicai",
    "latepost": "LatePost",
    "nikkei": "Nikkei",
    "cls": "Cailian Press",
    "krasia": "KrASIA",
    "qbitai": "QbitAI",
    "jiqizhixin": "Synced",
    "wired": "Wired",
    "axios": "Axios",
    "semafor": "Semafor",
    "thepaper": "The Paper",
    "apnews": "AP",
    "huxiu": "Huxiu",
    "pandaily": "Pandaily",
    "xinhuanet": "Xinhua",
    "techmeme": "Techmeme",
}
_FAMILIES: Mapping[str, str] = {
    "36氪": "36kr", "36氪pro": "36kr", "36kr.com": "36kr", "36 kr": "36kr",
    "reuters.com": "reuters", "reut.rs": "reuters", "路透社": "reuters", "路透": "reuters",
    "bloomberg news": "bloomberg", "彭博社": "bloomberg", "彭博": "bloomberg",
    "financial times": "ft", "financialtimes": "ft", "金融时报": "ft", "ft.com": "ft",
    "wall street journal": "wsj", "the wall street journal": "wsj", "wallstreetjournal": "wsj",
    "华尔街日报": "wsj", "wsj.com": "wsj", "new york times": "nytimes", "newyorktimes": "nytimes",
    "the new york times": "nytimes", "nyt": "nytimes", "纽约时报": "nytimes",
    "the information": "theinformation", "information": "theinformation",
    "south china morning post": "scmp", "southchinamorningpost": "scmp", "南华早报": "scmp",
    "the verge": "theverge", "verge": "theverge", "theverge.com": "theverge",
    "it之家": "ithome", "it home": "ithome", "财新": "caixin", "第一财经": "yicai",
    "晚点": "latepost", "晚点latepost": "latepost", "nikkei asia": "nikkei",
    "nikkeiasia": "nikkei", "日经亚洲": "nikkei", "日经": "nikkei", "财联社": "cls",
    "量子位": "qbitai", "机器之心": "jiqizhixin", "澎湃新闻": "thepaper", "澎湃": "thepaper",
    "associated press": "apnews", "associatedpress": "apnews", "ap": "apnews", "ap news": "apnews",
    "虎嗅": "huxiu", "新华社": "xinhuanet", "xinhua": "xinhuanet", "kr-asia.com": "krasia",
    "kr-asia": "krasia", "news.ycombinator.com": "hackernews", "hacker news": "hackernews",
}  # fmt: skip
_PROPER = r"((?:[Tt]he )?[A-Z0-9][\w&'-]*(?:\.\w+)*(?: [A-Z][\w&'-]*){0,3})"
_ORIGINAL = re.compile(rf"(?:originally|first) (?:published|reported) (?:by|in|on) {_PROPER}")
_ACCORDING = re.compile(rf"[Aa]ccording to (?:a report (?:by|from|in) )?{_PROPER}")
_REPORTED = re.compile(rf"{_PROPER},? (?:first )?reported\b")
_CREDIT = re.compile(r"(?:\((?:[^()/]{2,60}/\s?)?|[Vv]ia )([A-Z0-9][\w.& ]{1,40})\)?$")
_HAN_REPORT = re.compile(
    r"据\s?[《「]?([^\s,，。《》「」]{2,14}?)[》」]?\s?(?:的)?(?:报道|消息|获悉|独家)"
)
_HAN_SOURCE = re.compile(r"(?:来源|转自|首发于|原载)\s?[:：于]?\s?([^\s,，。;；]{2,14})")
_ATTRIBUTIONS = (
    (_ORIGINAL, False),
    (_ACCORDING, False),
    (_HAN_REPORT, False),
    (_REPORTED, True),
    (_HAN_SOURCE, True),
    (_CREDIT, True),
)
_HINT = re.compile(r"ccording|eported|ublished|[Vv]ia |\)$|据|来源|转自|首发于|原载")
_NOBODY = re.compile(
    r"^(?:The|Sources?|Reports?|Media|People|Insiders?|Analysts?|One|Two|Its|Their|His|Her|This|That"
    r"|Monday|Tuesday|Wednesday|Thursday|Friday)\b|人士|外媒|媒体|市场|业内|官方|公司|内部|多方|最新|分析|网友|悉"
)
