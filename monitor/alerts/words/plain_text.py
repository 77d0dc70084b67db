"""Text from outside made harmless: on one line, within a length, inert on a terminal or in a chat.

Every function takes any str, lone surrogates included, and returns one.
"""

from __future__ import annotations

import re
import unicodedata

from monitor.joiners import JOINER, lone_joiners, without_lone_joiners

ELLIPSIS = "…"
_BREAKS = re.compile(r"[\s\x00\x1c-\x1f\x85\u2028\u2029]+")
_MENTION = re.compile(r"(?<=@)(?=\w)|(?<=<)(?=[!?@#&/a-zA-Z])")
_ZERO_WIDTH = "\u200b"
_NON_JOINER = "\u200c"
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_READ_AHEAD = 8


def one_line(text: str, limit: int | None = None) -> str:
    """Return `text` with every run of white space and line breaks as one space, cut at `limit`."""
    line = _BREAKS.sub(" ", text).strip()
    return line if limit is None else cut(line, limit)


def clean(text: str, limit: int | None = None) -> str:
    """Return `text` on one line without hidden characters, cut at `limit`; marks stay as they are.

    Control, bidi, zero-width and surrogate characters are left out, but for the joiners inside an
    emoji or a letter. What lies far beyond the limit is never looked at, so a text of any size
    costs little.
    """
    head = text if limit is None else text[: limit * _READ_AHEAD]
    line = one_line(_visible(_BREAKS.sub(" ", head)))
    if limit is None:
        return line
    return cut(f"{line} {ELLIPSIS}".lstrip() if len(head) < len(text) else line, limit)


def cut(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters, ending in … where something was left out.

    Never cuts inside what a reader sees as one character (accents, emoji sequences, flags,
    Hangul syllables). Source: a conservative subset of UAX #29, grapheme cluster boundaries.
    """
    if len(text) <= limit:
        return text
    end = max(limit - len(ELLIPSIS), 0)
    while end > 0 and not _is_boundary(text, end):
        end -= 1
    return (text[:end].rstrip() + ELLIPSIS)[:limit]


def escape(text: str) -> str:
    """Return `text` with control, escape, bidi, zero-width and surrogate characters spelled out.

    A joiner inside an emoji or a letter is part of what one sees, and stays.
    """
    if text.isprintable():
        return text
    lone = lone_joiners(text)
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _HIDDEN and (character != JOINER or index in lone)
        else character
        for index, character in enumerate(text)
    )


def unmentioned(text: str) -> str:
    """Return `text` that calls nobody and marks up nothing: `@name`, `<!channel>`, `<@id>`, tags.

    A zero-width space goes behind the sign; control characters but line breaks are dropped.
    """
    return _MENTION.sub(_ZERO_WIDTH, _visible(text))


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    shown = "".join(
        character
        for character in text
        if character in ("\n", JOINER, _NON_JOINER)
        or unicodedata.category(character) not in _HIDDEN
    )
    return without_lone_joiners(shown)


def _is_boundary(text: str, index: int) -> bool:
    before, after = text[index - 1], text[index]
    if _extends(after) or before == JOINER or (before, after) == ("\r", "\n"):
        return False
    if _is_flag_half(before) and _is_flag_half(after):
        return _flag_halves_before(text, index) % 2 == 0
    return not (_is_hangul(before) and 0x1160 <= ord(after) <= 0x11FF)


def _extends(character: str) -> bool:
    code = ord(character)
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or character in (JOINER, _NON_JOINER)
        or 0x1F3FB <= code <= 0x1F3FF  # skin tones
        or 0xE0020 <= code <= 0xE007F  # tags of regional flags
    )


def _is_flag_half(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _flag_halves_before(text: str, index: int) -> int:
    start = index
    while start > 0 and _is_flag_half(text[start - 1]):
        start -= 1
    return index - start


def _is_hangul(character: str) -> bool:
    return 0x1100 <= ord(character) <= 0x11FF or 0xAC00 <= ord(character) <= 0xD7A3
