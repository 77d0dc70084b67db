"""Text made comparable, without losing where each character came from.

Matching runs on a normalised copy; every span that leaves this package points into the
original. The copy is NFKC + casefold, with zero-width characters removed, dashes and quotes
made plain, traditional characters made simplified (`眼鏡` and `眼镜`), and blanks between Han and
Latin dropped (`AI 眼镜` and `AI眼镜` are one spelling).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from signals.han import SIMPLIFIED

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"


@dataclass(frozen=True, slots=True)
class Normal:
    """A normalised text and, per character, the half-open span it came from.

    `starts` and `ends` are None when positions are those of the original.
    """

    original: str
    text: str
    starts: tuple[int, ...] | None = None
    ends: tuple[int, ...] | None = None

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original behind `text[start:end]`; the span is not empty."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def normalize(text: str) -> Normal:
    """Return the normalised copy of `text` with its map back; equal for NFC and NFD input."""
    plain = text if text.isascii() else _CHANGING.sub(_plain_char, text)
    folded = plain.casefold()
    if plain.isascii() or _keeps_places(plain, folded):
        normal = Normal(text, _plain_blanks(folded))
    else:
        normal = _fold_clusters(text, plain)
    return _glue_scripts(normal)


def fold(text: str) -> str:
    """Return the normalised text alone, stripped."""
    return normalize(text).text.strip()


def hide_chrome(text: str) -> str:
    """Return `text` with page furniture ("Also Read: ...") blanked; length and places stay."""
    return _CHROME.sub(lambda found: " " * len(found.group()), text)


def segments(text: str, *, prose: bool) -> tuple[tuple[int, int], ...]:
    """Return spans of a normalised text that speak of one happening each.

    Prose splits at sentence ends, a title at full stops within each of its digest parts.
    """
    if prose:
        return tuple(_split(text, _SENTENCE_END))
    parts = digest_parts(text)
    return tuple(s for start, end in parts for s in _split(text[:end], _TITLE_STOP, start))


def digest_parts(text: str) -> tuple[tuple[int, int], ...]:
    """Return spans of a title that belong to different stories: `;`, `|`, long slashed parts."""
    if not _DIGEST_MARK.search(text):
        return ((0, len(text)),) if text.strip() else ()
    spans = tuple(_split(text, _DIGEST_BREAK))
    return tuple(part for span in spans for part in _split_slashes(text, *span))


def clauses(text: str, start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Return the comma-level spans within `text[start:end]`; numbers and clock times hold."""
    return tuple(_split(text[:end], _CLAUSE_BREAK, start))


def _plain_char(found: re.Match[str]) -> str:
    return _PLAIN[ord(found.group())]


def _plain_blanks(text: str) -> str:
    return text.translate(_BLANKS) if _BLANK.search(text) else text


def _keeps_places(plain: str, folded: str) -> bool:
    return (
        len(folded) == len(plain)
        and unicodedata.is_normalized("NFKC", plain)
        and not _INVISIBLE.search(plain)
    )


def _fold_clusters(text: str, plain: str) -> Normal:
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(plain):
        piece = unicodedata.normalize("NFKC", _INVISIBLE.sub("", plain[start:end])).casefold()
        piece = _CHANGING.sub(_plain_char, unicodedata.normalize("NFKC", piece))
        out.append(piece)
        starts.extend([start] * len(piece))
        ends.extend([end] * len(piece))
    folded = _plain_blanks("".join(out))
    return Normal(text, folded, tuple(starts), tuple(ends))


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or not _joins_previous(text[place]):
            if text:
                yield start, place
            start = place


def _joins_previous(char: str) -> bool:
    return unicodedata.combining(char) != 0 or "\u1160" <= char <= "\u11ff"


def _glue_scripts(normal: Normal) -> Normal:
    text = normal.text
    if " " not in text or not _SCRIPT_GAP.search(text):
        return normal
    gaps = {i for found in _SCRIPT_GAP.finditer(text) for i in range(*found.span())}
    kept = [i for i in range(len(text)) if i not in gaps]
    places = [normal.origin(i, i + 1) for i in kept]
    glued = "".join([text[i] for i in kept])
    return Normal(normal.original, glued, tuple(p[0] for p in places), tuple(p[1] for p in places))


def _split(text: str, at: re.Pattern[str], start: int = 0) -> Iterator[tuple[int, int]]:
    for found in at.finditer(text, start):
        if text[start : found.end()].strip():
            yield start, found.end()
        start = found.end()
    if text[start:].strip():
        yield start, len(text)


def _split_slashes(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    part = text[start:end]
    # Where all slashes stand between Latin words they join names: "Pro/Omni", "AI/AR", "$/token".
    pieces = part.split("/") if _SLASH.search(part) else [part]
    # Short parts are dates, shares and pairs of names ("1/4", "音频/视频"), not a digest.
    if len(pieces) < 2 or min(len(piece.strip()) for piece in pieces) < _DIGEST_PART:
        yield start, end
        return
    for piece in pieces:
        yield start, min(start + len(piece) + 1, end)
        start += len(piece) + 1


_DIGEST_PART = 7
_SLASH = re.compile(r"(?<![a-z0-9])/|/(?![a-z0-9])")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_PLAIN: dict[int, str] = (
    {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    | dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")
    | dict.fromkeys([0x2018, 0x2019, 0x201B, 0x02BC], "'")
    | dict.fromkeys([0x201C, 0x201D, 0x201F], '"')
    | dict.fromkeys([0x00A0, 0x3000, *range(0x2000, 0x200B), 0x202F, 0x205F], " ")
    | {0x2026: "\u3002", 0xFFE5: "\u00a5", 0x2028: "\n", 0x2029: "\n", 0x4E28: "|"}
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
    | SIMPLIFIED
)
_CHANGING = re.compile(f"[{''.join(re.escape(chr(code)) for code in sorted(_PLAIN))}]")
_BLANK = re.compile("[\t\v\f\r]")
_BLANKS = {9: " ", 11: " ", 12: " ", 13: "\n"}
_SCRIPT_GAP = re.compile(f"(?<=[{HAN}]) +(?=[a-z0-9])|(?<=[a-z0-9]) +(?=[{HAN}])")
_DIGEST_MARK = re.compile(r"[;|/]")
_DIGEST_BREAK = re.compile(r"[;|]+")
_TITLE_STOP = re.compile(r"[\u3002\n]+|(?<![0-9.])(?<!\bvs)(?<!\bno)\.(?=\s|$)")
_SENTENCE_END = re.compile(
    r"[!?;|\u3002\n]+|(?<!\b[a-z])(?<!\b(?:mr|ms|dr|vs|no|co|st))(?<!\b(?:inc|ltd|jan|feb|mar|apr"
    r"|jun|jul|aug|sep|oct|nov|dec|est|etc))(?<!\bsept)(?<!\bapprox)\.+(?=[\s\"')\]]|$)"
)
_CLAUSE_BREAK = re.compile(
    r"\n|(?<![0-9]),|,(?![0-9])|(?<![0-9]):|:(?![0-9])|[!?\u3002;]+|\.{2,}| --? | - "
)
_CHROME = re.compile(
    r"(?im:^\s*(?:related market\(s\)|related(?: articles| stories)?|read more|see also|read next"
    r"|you may also like|recommended|trending|more from|share this)\s*:.*$)"
    r"|(?i:also read\s*:)(?:(?!also read\s*:).)*?(?=(?i:also read\s*:)|[.!?](?:\s|$)|\n|$)"
    r"|(?m:^\s*(?:相关阅读|推荐阅读|延伸阅读|相关文章|猜你喜欢|更多阅读)\s*[:：].*$)"
    r"|(?m:^\s*[+-]?\d+(?:\.\d+)?[%¢]\s*$)"
    r"|(?m:^(?:[A-Z][a-z]+)?Will [^\n?]{5,160}\?\s*$)"
)
