"""Addresses, titles and words made comparable: what two items are found and matched by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from signals.text import HAN, fold

LETTERS_AT_LEAST = 4
HAN_SHARE = 0.25
# A Han character says about as much as this many Latin letters.
HAN_WEIGHT = 2.5


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


def is_telling(key: str) -> bool:
    """Return whether a title key is long enough to stand for one piece of news."""
    han = len(_HAN_CHAR.findall(key))
    latin = sum(char.isascii() and char.isalnum() for char in key)
    return han >= _MIN_HAN or latin >= _MIN_LATIN


def words(text: str) -> Iterable[str]:
    """Yield what a folded text is compared by: Latin words, and pairs of neighbouring Han.

    Function words are left out; a Han character that stands alone is yielded as it is.
    """
    for found in _LATIN_OR_HAN.finditer(text):
        run = found.group()
        if run[0].isascii() or not _HAN_CHAR.match(run):
            if run not in _PLAIN_WORDS:
                yield run
        elif len(run) == 1:
            yield run
        else:
            yield from map("".join, pairwise(run))


def numbers(text: str) -> frozenset[str]:
    """Return the numbers written in a folded text, without grouping commas."""
    found = (one.replace(",", "").rstrip(".") for one in _NUMBER.findall(text))
    return frozenset(one.lstrip("0") or "0" for one in found)


def language(text: str, given: str | None = None) -> str | None:
    """Return the language as an ISO 639 code: what the source said, else what the script shows.

    Kana make Japanese, Hangul Korean, a quarter of Han by weight Chinese ("DeepSeek 降价了"), else
    English when the letters are mostly ASCII. None for hardly any letters or another script.
    """
    if given and given.strip():
        return given.strip().lower().replace("_", "-").partition("-")[0]
    letters = [char for char in text if char.isalpha()]
    if len(letters) < LETTERS_AT_LEAST:
        return None
    if len(_KANA.findall(text)) >= 2:
        return "ja"
    if len(_HANGUL.findall(text)) / len(letters) >= HAN_SHARE:
        return "ko"
    han = HAN_WEIGHT * len(_HAN_CHAR.findall(text))
    if han / (han + len(letters) - han / HAN_WEIGHT) >= HAN_SHARE:
        return "zh"
    return "en" if sum(map(str.isascii, letters)) / len(letters) >= _ASCII_SHARE else None


def _is_tracking(name: str, value: str) -> bool:
    low = name.lower()
    return low.startswith("utm_") or low in _TRACKING or (low == "f" and value.lower() == "rss")


_MIN_HAN = 6
_MIN_LATIN = 12
_ASCII_SHARE = 0.9
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
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_LATIN_OR_HAN = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+(?:\.\d+)*")
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_PLAIN_WORDS = frozenset(
    (
        "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "have", "in", "is",
        "it", "its", "of", "on", "or", "s", "that", "the", "this", "to", "was", "will", "with",
        "after", "into", "over", "says", "said", "new", "now",
    )
)  # fmt: skip
