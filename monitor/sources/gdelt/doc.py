"""GDELT's DOC 2.0 search: one combined query, answers in not quite JSON.

A bad query is answered with HTTP 200 and a sentence; no hits are `{}`; strings hold control
characters and escapes that JSON does not know; titles are tokenised with blanks round
punctuation. `seendate` is when GDELT saw the page, in steps of 15 minutes.
Source: blog.gdeltproject.org/gdelt-doc-2-0-api-debuts/ (2017), alex9smith/gdelt-doc-api.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from monitor.errors import ParseError
from monitor.sources.base import parse_each
from monitor.sources.feeds.dates import FUTURE_SLACK
from monitor.sources.feeds.text import plain_title
from monitor.sources.gdelt.gkg import is_web, page_identity
from storage.records import Batch, ItemRecord, Precision, Reject

MAX_RECORDS = 250
MAX_QUERY = 800
_SHORTEST = 3
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|\\')
_SEEN = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_LANGUAGES = {
    "english": "en", "chinese": "zh", "japanese": "ja", "korean": "ko", "german": "de",
    "french": "fr", "spanish": "es", "italian": "it", "portuguese": "pt", "russian": "ru",
    "arabic": "ar", "dutch": "nl", "turkish": "tr", "vietnamese": "vi", "indonesian": "id",
    "hindi": "hi", "polish": "pl", "ukrainian": "uk", "swedish": "sv", "thai": "th",
}  # fmt: skip
# In this order: a point inside a number is no full stop.
_JOINED = (
    (re.compile(r"(?<=[0-9]) ([.,:]) (?=[0-9])"), r"\1"),
    (re.compile(r"(?<=\b[A-Z]) \. (?=[A-Z]\b)"), "."),
    (re.compile(r" ([’'])\s?(s|t|re|ve|ll|d|m)\b", re.IGNORECASE), r"\1\2"),
    (re.compile(r"([“‘(\[{«¿¡]) +"), r"\1"),
    (re.compile(r" +([,.;:!?%)\]}”’»…，。；：！？、）】》」』])"), r"\1"),
    (re.compile(r"(?<![^\s(\[])([$£€¥#@]) +(?=\w)"), r"\1"),
    (re.compile(r"(?<=[（【《「『]) +"), ""),
)


def doc_query(terms: Iterable[str]) -> str | None:
    """Return one query that finds any of `terms`; None when none of them can be asked for.

    Latin words of one or two letters are refused upstream and so left out; so is what does not
    fit into MAX_QUERY characters.
    """
    asked: list[str] = []
    for term in dict.fromkeys(" ".join(term.replace('"', " ").split()) for term in terms):
        word = f'"{term}"' if re.search(r"[^A-Za-z0-9]", term) else term
        is_long = len(term) >= _SHORTEST or not term.isascii()
        if term and is_long and len(" OR ".join([*asked, word])) <= MAX_QUERY:
            asked.append(word)
    if not asked:
        return None
    return f"({' OR '.join(asked)})" if len(asked) > 1 else asked[0]


def doc_articles(body: bytes, *, what: str) -> list[object]:
    """Return the articles of an answer, none for `{}`. Raises ParseError for anything else."""
    text = body.decode("utf-8", "replace").strip().removeprefix("\ufeff")
    if not text.startswith("{"):
        raise ParseError(f"{what}: GDELT answers with a sentence: {' '.join(text.split())[:160]!r}")
    answer = _lenient(text, what)
    articles = answer.get("articles") if isinstance(answer, dict) else None
    if not isinstance(articles, list | None):
        raise ParseError(f"{what}: articles is not a list")
    return articles or []


def doc_batch(body: bytes, *, source: str, fetched_at: datetime, what: str) -> Batch:
    """Return the pages of an answer, each once. Raises ParseError as `doc_articles`."""
    articles = doc_articles(body, what=what)
    records, rejects = parse_each(articles, lambda row: _item(row, source, fetched_at))
    unique: dict[str, ItemRecord] = {}
    for record in records:
        if unique.setdefault(record.guid, record) is not record:
            rejects.append(Reject("repeated page", record.guid[:200]))
    if len(articles) >= MAX_RECORDS:
        rejects.append(Reject(f"pages beyond the {MAX_RECORDS} newest were not read", what[:200]))
    return Batch(items=tuple(unique.values()), rejects=tuple(rejects))


def untokenised(title: str) -> str:
    """Return a title without the blanks that GDELT puts round punctuation."""
    for pattern, joined in _JOINED:
        title = pattern.sub(joined, title)
    return " ".join(title.split())


def _lenient(text: str, what: str) -> object:
    def refuse(word: str) -> object:
        raise ValueError(f"{word} is not JSON")

    repaired = _ESCAPE.sub(lambda m: m[0] if len(m[0]) > 1 else r"\\", text)
    try:
        return json.loads(repaired, strict=False, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"{what}: not JSON ({error}); it begins {text[:60]!r}") from error


def _item(row: object, source: str, fetched_at: datetime) -> ItemRecord:
    if not isinstance(row, dict):
        raise ValueError("an article that is not an object")  # noqa: TRY004 - bad data
    url, raw = _text(row, "url"), _text(row, "title")
    if url is None or not is_web(url):
        raise ValueError("an article without a web address")
    title = untokenised(plain_title(raw or ""))
    if not title:
        raise ValueError("an article without a title")
    seen = _seen(row.get("seendate"))
    is_known = seen is not None and seen <= fetched_at + FUTURE_SLACK
    return ItemRecord(
        source=source,
        guid=page_identity(url),
        title=title,
        url=url,
        lang=_LANGUAGES.get((_text(row, "language") or "").casefold()),
        published_at=seen if is_known else None,
        precision=Precision.MINUTE if is_known else Precision.UNKNOWN,
        publisher=(_text(row, "domain") or "").lower()[:200] or None,
        tier=3,
    )


def _text(row: dict[str, object], key: str) -> str | None:
    value = row.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _seen(raw: object) -> datetime | None:
    if not isinstance(raw, str) or not _SEEN.fullmatch(raw):
        return None
    try:
        return datetime.strptime(raw, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
