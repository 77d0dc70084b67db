"""Feed markup as plain text, in one linear pass.

Not html.parser: its treatment of unclosed comments and tags is quadratic on the Python we run
on. Only names that are HTML elements count as tags, so "List<String>" survives.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from monitor.sources.feeds.chrome import LINK_OFF, LINK_ON, MARKS, visible, without_chrome


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


MAX_CONTENT = 20_000
MAX_TITLE = 1_000
# Markup is a few times longer than its text; beyond this nobody reads on.
_MAX_MARKUP = 400_000
_BLOCK = _names(
    "address article blockquote br caption dd details div dl dt fieldset figcaption figure h1 h2 "
    "h3 h4 h5 h6 hr li main ol p pre section summary table tbody tfoot thead tr ul body html "
    "header center"
)
_INLINE = _names(
    "a abbr acronym audio b bdi bdo big cite code col colgroup data del dfn em embed font i img "
    "input ins kbd label link mark meta meter object output param picture progress q rp rt ruby s "
    "samp small source span strike strong sub sup td th time title tt u var video wbr track area "
    "map base head"
)
# Their content is page furniture or code, never the story.
_DROPPED = _names(
    "script style noscript template iframe svg math form nav aside footer button select textarea "
    "canvas"
)
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9:-]{0,40})(?=[\s/>])")
_SIMPLE = re.compile(r"<(/?[A-Za-z][A-Za-z0-9]{0,15})(?:\s[^<>]*)?/?>")
_NAMES = {
    **dict.fromkeys(_INLINE, ""),
    **dict.fromkeys(("td", "th", "img"), " "),
    **dict.fromkeys(_BLOCK, "\n"),
}
_STAND_INS = {**_NAMES, **{f"/{name}": text for name, text in _NAMES.items()}}
_MARKED = {**_STAND_INS, "a": LINK_ON, "/a": LINK_OFF}


def plain_title(markup: str) -> str:
    """Return a title of at most MAX_TITLE characters on one line, without markup.

    The feed's own escaping is undone before this, and once here: twice in all.
    """
    text = markup[: 8 * MAX_TITLE]
    if "<" in text or "&" in text:
        text = _without_tags(html.unescape(_without_tags(text)))
    return " ".join(visible(text).split())[:MAX_TITLE].strip()


def plain_text(markup: str, *, limit: int = MAX_CONTENT) -> str:
    """Return the running text of a summary or article of at most `limit` characters.

    Blocks end lines. Menus, "also read" fragments and the like are left out.
    """
    text = markup[:_MAX_MARKUP]
    if LINK_ON in text or LINK_OFF in text:
        text = MARKS.sub("", text)
    if "<" in text or "&" in text:
        text = html.unescape(_without_tags(text, _MARKED))
    return without_chrome(text)[:limit]


def _without_tags(markup: str, stand_ins: Mapping[str, str] = _STAND_INS) -> str:
    """Return `markup` with its tags as line ends, blanks or nothing. Linear in its length."""
    # Nearly all tags are simple ones and gone in one pass; a "<![" must see its own ">" first.
    if "<![" not in markup:

        def stand_in(match: re.Match[str]) -> str:
            found = stand_ins.get(match[1])
            return stand_ins.get(match[1].lower(), match[0]) if found is None else found

        markup = _SIMPLE.sub(stand_in, markup)
    if "<" not in markup:
        return markup
    lowered = markup.lower()
    if len(lowered) != len(markup):
        lowered = markup
    closed_until = {name: lowered.rfind(f"</{name}") for name in _DROPPED}
    last = markup.rfind(">")
    parts: list[str] = []
    position = 0
    while 0 <= (start := markup.find("<", position)) < last:
        parts.append(markup[position:start])
        position, text = _tag_at(markup, lowered, start, closed_until, stand_ins)
        parts.append(text)
        if position < 0:
            return "".join(parts)
    return "".join([*parts, markup[position:]])


def _tag_at(
    markup: str,
    lowered: str,
    start: int,
    closed_until: Mapping[str, int],
    stand_ins: Mapping[str, str],
) -> tuple[int, str]:
    """Return where reading goes on after `start` (-1: nowhere) and what stands for the tag."""
    if markup.startswith("<!--", start):
        end = markup.find("-->", start + 4)
        return (end + 3 if end >= 0 else -1), ""
    if markup.startswith(("<!", "<?"), start):
        return markup.find(">", start) + 1, ""
    match = _TAG.match(markup, start)
    name = match[1].lower() if match else ""
    if match is None or not (
        name in _BLOCK or name in _INLINE or name in _DROPPED or "-" in name or ":" in name
    ):
        return start + 1, "<"
    end = markup.find(">", match.end(1))
    closing = markup[start + 1] == "/"
    if name in _DROPPED and not closing:
        return _after_dropped(lowered, name, end, closed_until[name]), " "
    return end + 1, stand_ins.get(f"/{name}" if closing else name, "")


def _after_dropped(lowered: str, name: str, end: int, closed_until: int) -> int:
    """Return where a dropped element ends; its own tag alone when it is never closed.

    An unclosed script or style swallows the rest: code must not pass for text.
    """
    if lowered[end - 1] == "/":
        return end + 1
    if closed_until < end:
        return -1 if name in ("script", "style") else end + 1
    after = lowered.find(">", lowered.find(f"</{name}", end))
    return after + 1 if after >= 0 else -1
