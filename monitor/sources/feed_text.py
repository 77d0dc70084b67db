"""Feed markup as plain text, in one linear pass.

Not html.parser: its treatment of unclosed comments and tags is quadratic on the Python we run
on. Only names that are HTML elements count as tags, so "List<String>" survives.
"""

from __future__ import annotations

import html
import re


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
_INVISIBLE = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad\ufffe\uffff]"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MARKS = re.compile("[\ue000\ue001]")
_LINK_ON, _LINK_OFF = "\ue000", "\ue001"
_CHROME_HEADS = (
    r"also read|read also|read more|see also|related(?: (?:articles?|stories|posts|reading))?|"
    r"recommended(?: (?:reading|for you))?|more from|you may also like|"
    r"延伸阅读|相关阅读|相关文章|推荐阅读|更多阅读"
)
_CHROME_LINE = re.compile(
    rf"(?:(?:{_CHROME_HEADS})\s*(?:[:：].{{0,300}})?"
    r"|(?:subscribe|sign up|log in|follow us|share (?:this|on)|click here|advertisement|sponsored"
    r"|continue reading|leave a comment|skip to content|all rights reserved|image credits?\b)"
    r".{0,160}"
    r"|the post .{0,300} (?:appeared first on|first appeared on) .{0,100}"
    r"|(?:点击关注|关注我们|点击查看|阅读全文|阅读原文|扫码|责任编辑|广告|版权声明).{0,80})",
    re.IGNORECASE,
)
_CHROME_SENTENCE = re.compile(
    rf"(?:(?:(?<=[.!?。！？])|^)\s*(?:{_CHROME_HEADS})"
    r"|(?-i:\b(?:Also Read|ALSO READ|Read Also|READ ALSO|Read More|READ MORE)))"
    r"\s*[:：][^\n.!?。！？]{0,300}[.!?。！？]?",
    re.IGNORECASE,
)
_MENU_RUN = 4
_MENU_WIDTH = 30


def plain_title(markup: str) -> str:
    """Return a title of at most MAX_TITLE characters on one line, without markup.

    The feed's own escaping is undone before this, and once here: twice in all.
    """
    text = html.unescape(_without_tags(markup[: 8 * MAX_TITLE]))
    return " ".join(_visible(_without_tags(text)).split())[:MAX_TITLE].strip()


def plain_text(markup: str, *, limit: int = MAX_CONTENT) -> str:
    """Return the running text of a summary or article of at most `limit` characters.

    Blocks end lines. Menus, "also read" fragments and the like are left out.
    """
    text = _visible(html.unescape(_without_tags(markup[:_MAX_MARKUP], mark_links=True)))
    lines = [" ".join(line.split()) for line in text.split("\n")]
    kept = [_bare(line) for line in _without_menus([line for line in lines if line])]
    kept = [_CHROME_SENTENCE.sub("", line).strip() for line in kept]
    return "\n".join(line for line in kept if line and not _CHROME_LINE.fullmatch(line))[:limit]


def _visible(text: str) -> str:
    """Return `text` without what no reader sees."""
    return _INVISIBLE.sub("", _CONTROL.sub("", text))


def _without_tags(markup: str, *, mark_links: bool = False) -> str:
    """Return `markup` with its tags as line ends, blanks or nothing. Linear in its length."""
    markup = _MARKS.sub("", markup)
    lowered = markup.lower()
    if len(lowered) != len(markup):
        lowered = markup
    closed_until = {name: lowered.rfind(f"</{name}") for name in _DROPPED}
    last = markup.rfind(">")
    parts: list[str] = []
    position = 0
    while 0 <= (start := markup.find("<", position)) < last:
        parts.append(markup[position:start])
        position, stand_in = _tag_at(markup, lowered, start, closed_until)
        parts.append(stand_in if mark_links else _MARKS.sub("", stand_in))
        if position < 0:
            return "".join(parts)
    return "".join([*parts, markup[position:]])


def _tag_at(markup: str, lowered: str, start: int, closed_until: dict[str, int]) -> tuple[int, str]:
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
    if name == "a":
        return end + 1, _LINK_OFF if closing else _LINK_ON
    if name in _BLOCK:
        return end + 1, "\n"
    return end + 1, " " if name in ("td", "th", "img") else ""


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


def _without_menus(lines: list[str]) -> list[str]:
    """Return `lines` without runs of four and more short lines that are links and nothing else."""
    kept: list[str] = []
    run: list[str] = []
    for line in [*lines, ""]:
        if _is_menu_entry(line):
            run.append(line)
            continue
        if len(run) < _MENU_RUN:
            kept.extend(run)
        run = []
        kept.append(line)
    return kept


def _is_menu_entry(line: str) -> bool:
    if not (line.startswith(_LINK_ON) and line.endswith(_LINK_OFF)):
        return False
    return 0 < len(_bare(line)) <= _MENU_WIDTH


def _bare(line: str) -> str:
    return " ".join(line.replace(_LINK_ON, "").replace(_LINK_OFF, "").split())
