"""The prediction markets that a text names: by address, by slug or by the question itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from signals.text import fold


@dataclass(frozen=True, slots=True)
class MarketName:
    """A market named in a text. `how` is url, slug or question.

    `text` is the path behind the host for an address ("event/some-slug"), the slug, or the
    question as written. `venue` is polymarket, kalshi or manifold, None when only asked.
    """

    how: str
    text: str
    venue: str | None = None


def find_market_names(*texts: str | None) -> tuple[MarketName, ...]:
    """Return the markets named in the texts, each once, addresses first.

    A question counts only in the words markets use ("Will ... by June 30?", "Which company has
    the best AI model ...?"); whether such a market exists is for the caller to say.
    """
    found: dict[tuple[str, str], MarketName] = {}
    for read in (_addresses, _questions):
        for text in texts:
            for name in read(text) if text and _HINT.search(text) else ():
                found.setdefault((name.how, fold(name.text)), name)
    return tuple(found.values())


def _addresses(text: str) -> list[MarketName]:
    names = [
        MarketName("url", match["path"].rstrip("/.,)"), match["venue"].lower())
        for match in _URL.finditer(text)
    ]
    names += [MarketName("slug", match.group(), None) for match in _SLUG.finditer(text)]
    return names


def _questions(text: str) -> list[MarketName]:
    if "?" not in text:
        return []
    return [MarketName("question", " ".join(m["asked"].split())) for m in _ASKED.finditer(text)]


_HINT = re.compile(r"\?|[Pp]olymarket|[Kk]alshi|[Mm]anifold|will-|which-")
_URL = re.compile(
    r"(?:https?://)?(?:www\.)?(?P<venue>polymarket|kalshi|manifold)\.(?:com|markets)/"
    r"(?P<path>[\w./%-]{3,200})",
    re.IGNORECASE,
)
_SLUG = re.compile(r"(?<![\w/-])(?:will|which)(?:-[a-z0-9]+){4,24}(?![\w-])")
_ASKED = re.compile(
    r"(?:^|(?<=[\n.!?:])|(?<=Market))\s*(?P<asked>(?:Will|Which|What|Who)\b(?=[^\n?]*"
    r"(?:\bby\b|\bbefore\b|\bend of\b|\bin 20\d\d\b|\bon [A-Z]|#1|\bbest\b))[^\n?]{8,160}\?)",
    re.MULTILINE,
)
