"""Who speaks: outlets under all their names, houses that reprint each other, and copies."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from urllib.parse import urlsplit

from signals.text import fold


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


def publisher_house(name_or_host: str) -> str:
    """Return one key for outlets of one house that print each other's pieces, in any language."""
    family = publisher_family(name_or_host)
    return _HOUSES.get(family, family)


def is_outlet(name: str) -> bool:
    """Return whether `name` is an outlet that we know."""
    return publisher_family(name) in _DISPLAY


def speaker(publisher: str | None, url: str | None, source: str, attributed_to: str | None) -> str:
    """Return who speaks in an item: whom it repeats, else its outlet, its host, its source."""
    return publisher_house(attributed_to or publisher or _host(url) or source)


def voices(speakers: Iterable[str]) -> int:
    """Return how many of `speakers` speak for themselves.

    Portals reprint agencies without saying so: beside a newsroom they add no voice, and
    several portals alone are one.
    """
    said = set(speakers) - {""}
    newsrooms = said - _PORTALS
    return len(newsrooms) or min(len(said), 1)


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


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None


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
    "9to5mac": "9to5Mac",
    "9to5google": "9to5Google",
    "arstechnica": "Ars Technica",
    "businessinsider": "Business Insider",
    "theguardian": "The Guardian",
    "washingtonpost": "Washington Post",
    "venturebeat": "VentureBeat",
    "bbc": "BBC",
    "cnn": "CNN",
    "forbes": "Forbes",
    "fortune": "Fortune",
    "jiemian": "Jiemian",
    "ifanr": "ifanr",
    "sina": "Sina",
    "chinadaily": "China Daily",
    "globaltimes": "Global Times",
    "cctv": "CCTV",
    "digitimes": "DigiTimes",
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
    "界面新闻": "jiemian", "界面": "jiemian", "爱范儿": "ifanr", "新浪科技": "sina",
    "新浪财经": "sina", "腾讯新闻": "tencentnews", "网易": "163", "网易科技": "163",
    "搜狐": "sohu", "凤凰网": "ifeng", "今日头条": "toutiao", "央视": "cctv", "央视新闻": "cctv",
    "guardian": "theguardian", "the guardian": "theguardian", "the washington post":
    "washingtonpost", "bbc.co.uk": "bbc", "bbc news": "bbc", "google news": "google",
    "news.google.com": "google", "yahoo finance": "yahoo", "yahoofinance": "yahoo",
    "yahoo news": "yahoo", "yahoo tech": "yahoo", "msn.com": "msn", "microsoft start": "msn",
    "insider": "businessinsider", "bloomberg.com": "bloomberg", "cls.cn": "cls",
    "kr-asia": "krasia", "news.ycombinator.com": "hackernews", "hacker news": "hackernews",
}  # fmt: skip
_HOUSES: Mapping[str, str] = {
    # The English edition translates the Chinese one.
    "krasia": "36kr", "qq": "tencentnews",
    "barrons": "wsj", "marketwatch": "wsj", "dowjones": "wsj",
    "9to5google": "9to5mac", "electrek": "9to5mac", "9to5toys": "9to5mac",
    "arstechnica": "wired",
    "tomshardware": "techradar", "tomsguide": "techradar", "laptopmag": "techradar",
    "windowscentral": "techradar", "androidcentral": "techradar",
    "zdnet": "cnet", "mashable": "cnet", "pcmag": "cnet",
    "androidpolice": "xda-developers", "howtogeek": "xda-developers",
    "chinastarmarket": "cls", "科创板日报": "cls", "cailianpress": "cls", "jiemian": "cls",
}  # fmt: skip
_PORTALS = frozenset(
    (
        "msn", "yahoo", "aol", "google", "flipboard", "newsbreak", "smartnews", "toutiao", "163",
        "sina", "sohu", "ifeng", "baijiahao", "qq", "tencentnews", "hackernews", "reddit",
        "techmeme", "readhub", "investing", "biztoc",
    )
)  # fmt: skip
_PROPER = r"((?:[Tt]he )?[A-Z0-9][\w&'-]*(?:\.\w+)*(?: [A-Z][\w&'-]*){0,3})"
_ORIGINAL = re.compile(
    rf"(?:originally|first) (?:published|reported|appeared)(?: by| in| on|:) {_PROPER}"
)
_REWORKED = re.compile(rf"(?:[Tt]ranslated|[Rr]epublished|[Aa]dapted) from {_PROPER}")
_ACCORDING = re.compile(rf"[Aa]ccording to (?:a report (?:by|from|in) )?{_PROPER}")
_REPORTED = re.compile(rf"{_PROPER},? (?:first )?reported\b")
_CREDIT = re.compile(r"(?:\((?:[^()/]{2,60}/\s?)?|[Vv]ia )([A-Z0-9][\w.& ]{1,40})\)?$")
_HAN_REPORT = re.compile(
    r"据\s?[《「]?([^\s,，。《》「」]{2,14}?)[》」]?\s?(?:的)?(?:报道|消息|获悉|独家)"
)
_HAN_SOURCE = re.compile(
    r"(?:来源|转自|转载自|编译自|本文来自|首发于|原载)\s?[:：于]?\s?([^\s,，。;；]{2,14})"
)
_ATTRIBUTIONS = (
    (_ORIGINAL, False),
    (_REWORKED, True),
    (_ACCORDING, False),
    (_HAN_REPORT, False),
    (_REPORTED, True),
    (_HAN_SOURCE, True),
    (_CREDIT, True),
)
_HINT = re.compile(
    r"ccording|eported|ublished|ppeared|lated from|dapted from|[Vv]ia |\)$|据|来源|自|首发于|原载"
)
_NOBODY = re.compile(
    r"^(?:The|Sources?|Reports?|Media|People|Insiders?|Analysts?|One|Two|Its|Their|His|Her|This|That"
    r"|Monday|Tuesday|Wednesday|Thursday|Friday)\b|人士|外媒|媒体|市场|业内|官方|公司|内部|多方|最新|分析|网友|悉"
)
