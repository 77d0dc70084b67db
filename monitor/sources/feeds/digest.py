"""A digest's headlines one by one: a feed that has one entry a day which mentions everything.

Taken as a whole such an entry would be tagged with each subject it holds. A headline is a heading
with a text of its own, else a list entry, else a numbered or bulleted line.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass

from monitor.sources.feeds.text import plain_text, plain_title

MAX_BULLETS = 200
_FEWEST = 2
_LONGEST_TITLE = 160
_SHORTEST_TITLE = 6
_SHORTEST_TEXT = 20
_HEADING = re.compile(r"<h([1-6])(?:\s[^<>]*)?>", re.IGNORECASE)
_ENTRY = re.compile(r"<li(?:\s[^<>]*)?>", re.IGNORECASE)
_ENTRY_END = re.compile(r"</(?:li|ul|ol)\s*>|<(?:ul|ol)[\s>]", re.IGNORECASE)
_LIST_ENTRY = re.compile(r"<li(?:\s[^<>]*)?>[^\n]{0,2000}?</li\s*>", re.IGNORECASE)
_RULE = re.compile(r"<hr(?:\s[^<>]*)?/?>", re.IGNORECASE)
_LINE = re.compile(
    r"<br\s*/?>|</?(?:p|div|section|tr|blockquote|ul|ol|li)(?:\s[^<>]*)?/?>|\n", re.IGNORECASE
)
_HREF = re.compile(r"<a\s[^<>]*?href\s*=\s*[\"']?([^\"'\s<>]{1,2000})", re.IGNORECASE)
_NUMBER = re.compile(
    r"\s*(?:[0-9]{1,2}\s*(?:[、)）]|[.．:：](?![0-9]))|[【\[(（][0-9]{1,2}[】\])）]|[①-⑳]|[•●▪■◆◇▶►★])\s*"
)
_TRAILING = re.compile(r"(?:\s*(?:[↗→»🔗]|#[0-9]{1,3}|\[[0-9]{1,3}\]))+\s*$")
_SENTENCE_END = re.compile(r"[。！？!?；]|\.(?=\s)")
_BARE_ADDRESS = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class Bullet:
    """One headline of a digest, plain; `text` is its paragraph, "" when it has none."""

    title: str
    text: str
    link: str | None


def bullets(markup: str) -> list[Bullet]:
    """Return the headlines of a digest in their order, at most MAX_BULLETS.

    Empty when fewer than two can be told apart: then it is no digest.
    """
    for split in (_by_headings, _by_list, _by_lines):
        found = [bullet for bullet in split(markup) if _is_headline(bullet.title)]
        if len(found) >= _FEWEST:
            return found[:MAX_BULLETS]
    return []


def _is_headline(title: str) -> bool:
    return len(title) >= _SHORTEST_TITLE and not _BARE_ADDRESS.fullmatch(title)


def _by_headings(markup: str) -> list[Bullet]:
    """Return the headings of the level at which most have a text under them."""
    matches = list(_HEADING.finditer(markup))
    ends = [*(match.start() for match in matches), len(markup)][1:]
    found: list[tuple[str, Bullet]] = []
    for match, end in zip(matches, ends, strict=True):
        head, _, body = markup[match.end() : end].partition("</h")
        # The closing tag's rest.
        body = body.partition(">")[2]
        text = _paragraphs(body)
        # A heading over nothing but a list is a section of the table of contents.
        if len(_paragraphs(_LIST_ENTRY.sub(" ", body))) >= _SHORTEST_TEXT:
            link = _link(head) or _link(body)
            found.append((match[1], Bullet(_title(plain_title(head)), text, link)))
    levels = Counter(level for level, _ in found)
    most = max(levels.values(), default=0)
    level = min((level for level, count in levels.items() if count == most), default="")
    return [bullet for own, bullet in found if own == level]


def _paragraphs(body: str) -> str:
    """Return the text before a rule that follows it: after that comes the digest's own foot."""
    text = plain_text(_RULE.split(body, maxsplit=1)[0]) or plain_text(body)
    return "\n".join(line for line in text.split("\n") if not _BARE_ADDRESS.fullmatch(line))


def _by_list(markup: str) -> list[Bullet]:
    found = []
    for piece in _ENTRY.split(markup)[1:]:
        inside = _ENTRY_END.split(piece, maxsplit=1)[0]
        text = plain_text(inside)
        if text:
            found.append(_bullet(text, _link(inside)))
    return found


def _by_lines(markup: str) -> list[Bullet]:
    """Return the lines that begin with a number or a bullet, with the lines up to the next."""
    found: list[Bullet] = []
    for piece in _LINE.split(markup):
        text = plain_text(piece)
        if not text:
            continue
        if _NUMBER.match(text):
            found.append(_bullet(text, _link(piece)))
        elif found:
            last = found[-1]
            more = f"{last.text}\n{text}".lstrip("\n")
            found[-1] = Bullet(last.title, more, last.link or _link(piece))
    return found


def _bullet(text: str, link: str | None) -> Bullet:
    first, _, rest = text.partition("\n")
    title = _title(first)
    if len(title) > _LONGEST_TITLE:
        end = _SENTENCE_END.search(title)
        short = title[: end.start()] if end else title[:_LONGEST_TITLE]
        return Bullet(short[:_LONGEST_TITLE].strip(), text, link)
    return Bullet(title, rest, link)


def _title(text: str) -> str:
    return _TRAILING.sub(
        "", _NUMBER.sub("", text, count=1) if _NUMBER.match(text) else text
    ).strip()


def _link(markup: str) -> str | None:
    match = _HREF.search(markup)
    return html.unescape(match[1]) if match else None
