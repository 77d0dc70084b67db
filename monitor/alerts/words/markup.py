"""Text from outside put into a form that others read as markup, so that it stays text.

Every function takes any str and returns one that its reader shows as it was, character for
character, but for hidden characters and a zero-width space where a chat would call or link.
"""

from __future__ import annotations

import html
import re
from urllib.parse import quote

from monitor.alerts.words.plain_text import clean, unmentioned

_ADDRESS = re.compile(r"(?i)(?<=://)(?=\S)|(?<=\bwww\.)(?=\w)")
_MARKS = re.compile(r"[\\`*_\[\]<>~]|\|(?=\|)|(?<=\|)\||&(?=#?\w+;)")
_LINE_START = re.compile(r"^(?:[#+=\-]|\d+(?=[.)](?:\s|$)))")
_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b", re.ASCII)
_NUMBER = re.compile(r"^\d+$")
_ZERO_WIDTH = "\u200b"
# What may stand in a link as it is; the rest would end it, call somebody or mark up.
_IN_LINKS = "%/:?#=&;,+!$'-._~"


def chat_text(text: str) -> str:
    """Return `text` on one line that calls nobody and becomes no link in a chat."""
    return _ADDRESS.sub(_ZERO_WIDTH, unmentioned(clean(text)))


def markdown_text(text: str) -> str:
    """Return `text` as CommonMark that shows it literally, wherever on a line it stands.

    Source: CommonMark 0.31, 2.4 backslash escapes (any ASCII punctuation may be escaped).
    """
    marked = _MARKS.sub(lambda found: "\\" + found[0], chat_text(text))
    return _LINE_START.sub(_escaped_start, marked)


def html_text(text: str) -> str:
    """Return `text` for an HTML text or quoted attribute."""
    return html.escape(clean(text), quote=True)


def html_days_whole(text: str) -> str:
    """Return `text` as `html_text` does, with no day broken over two lines at its hyphens."""
    return _DAY.sub(r'<span style="white-space:nowrap">\g<0></span>', html_text(text))


def link_target(url: str) -> str:
    """Return `url` as a chat or Markdown link takes it: `@`, brackets and the like encoded.

    The resource is the same. Source: RFC 3986, 2.1 and 6.2.2.
    """
    return quote(url, safe=_IN_LINKS)


def _escaped_start(found: re.Match[str]) -> str:
    # A digit cannot be escaped; the sign after it is what makes a list.
    return found[0] + "\\" if _NUMBER.match(found[0]) else "\\" + found[0]
