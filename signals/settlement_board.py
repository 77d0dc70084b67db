"""Which leaderboard a market names: its board, category and style-control state.

Board and category are the words of the Arena's dataset (`text`, `webdev`, `text_to_image`;
`overall`, `coding`). Source: page addresses `arena.ai/leaderboard/<board>/<category>`, where a
category `overall-no-style-control` also names the style state.
"""

from __future__ import annotations

import re

from signals.settlement_texts import ASSUMED, CONTRADICTED, Part, Texts, agreed

OVERALL = "overall"

_PAGE = re.compile(
    r"\b(?:lm)?arena\.(?:ai|com)/(?:\w\w/)?leaderboard/([a-z0-9-]+)(?:/([a-z0-9-]+))?", re.I
)
_HOST = re.compile(r"\b(?:lm)?arena\.(?:ai|com)\b|\blm\s?arena\b", re.I)
_NAMED = re.compile(
    r"\blm\s?arena\b|\barena\.ai\b|\blmsys\b|\b(?:chatbot|text|code|coding|math|webdev|vision|"
    r"search|image|video|agent|document) arena\b|\barena (?:score|llm|leaderboard|rank)",
    re.I,
)
_PAGE_BOARDS = {"code": "webdev", "chat": "text", "llm": "text"}
# The first that is found speaks; `code arena` before `text`, since its rules may name both.
_BOARD_WORDS = (
    (re.compile(r"\bcode arena\b|\bweb\s?dev\b", re.I), "webdev"),
    (re.compile(r"\bimage edit(?:ing)?\b", re.I), "image_edit"),
    (re.compile(r"\bimage[- ]to[- ]video\b", re.I), "image_to_video"),
    (
        re.compile(r"\btext[- ]to[- ]video\b|\bvideo (?:arena|ai|generation)\b", re.I),
        "text_to_video",
    ),
    (
        re.compile(r"\btext[- ]to[- ]image\b|\bimage (?:arena|ai|generation)\b", re.I),
        "text_to_image",
    ),
    (re.compile(r"\bvision (?:arena|ai|leaderboard)\b", re.I), "vision"),
    (re.compile(r"\bsearch (?:arena|ai|leaderboard)\b", re.I), "search"),
    (re.compile(r"\bdocument arena\b", re.I), "document"),
    (re.compile(r"\bagent arena\b|\bai agent\b", re.I), "agent"),
    (re.compile(r"\btext arena\b|\bchatbot arena llm\b|\bllm leaderboard\b", re.I), "text"),
)
_TEXT_BY_CUSTOM = re.compile(r"\bchatbot arena\b|\blmsys\b|\boverall arena\b|\bmath arena\b", re.I)
_CODING_ARENA = re.compile(r"\bcoding arena\b", re.I)
_CATEGORIES = (
    "coding|math|creative writing|hard prompts|instruction following|multi-?turn|longer query|"
    "expert|occupational"
)
_TITLE_CATEGORY = re.compile(rf"\b({_CATEGORIES}|overall)\b", re.I)
_RULE_CATEGORY = re.compile(
    rf"\b({_CATEGORIES}|overall)\b[\"')]* (?:category|leaderboard|arena|board|list|tab)\b|"
    rf"\b(?:category|tab|filter)\b[^.;]{{0,25}}?\b({_CATEGORIES}|overall)\b|"
    rf"\barena(?: leaderboard)?,? \(?\"?({_CATEGORIES}|overall)\b",
    re.I,
)
_STYLE = re.compile(
    r"\bstyle[- ]control\)?(?: (?:is|was|set|to|toggle|option|filter|box|turned|being|being set|"
    r"remains|button))*[ :=\"'(]*(on|off|un-?checked|checked|un-?ticked|ticked|enabled|disabled|"
    r"removed)\b",
    re.I,
)
_STYLE_OFF = re.compile(
    r"\b(?:without|no|no-)[ -]?style[- ]control\b|"
    r"\b(?:disabl|remov|un-?check|un-?tick|turn off)\w* (?:the )?\"?style[- ]control\b",
    re.I,
)
_ON_WORDS = frozenset({"on", "checked", "ticked", "enabled"})


def names_arena(text: str) -> bool:
    """Return whether a text names the Arena or one of its boards."""
    return bool(_NAMED.search(text))


def read_board(texts: Texts) -> Part[str]:
    """Return the board; None where a title alone leaves it to custom."""
    rules = _page(texts.rules)[0] or _board_word(texts.rules)
    titles = _page(texts.titles)[0] or _board_word(texts.titles)
    if rules is None and titles is None:
        return _customary(texts)
    # "Best AI agent" names a board; rules that only say "LLM leaderboard" do not take it back.
    return agreed(titles, rules, silent="")


def read_category(texts: Texts, board: str | None) -> Part[str]:
    """Return the category; `overall` where a named board is shown without a choice."""
    titles = _category(_TITLE_CATEGORY, texts.titles)
    rules = _page(texts.rules)[1] or _category(_RULE_CATEGORY, texts.main)
    if titles is None and rules is None:
        if board is None:
            return Part(None, 0.0, "no list of a board is named")
        return Part(OVERALL, ASSUMED)
    return agreed(titles, rules, silent="")


def read_style(texts: Texts) -> Part[str]:
    """Return `on`, `off` or `unstated`."""
    rules, titles = _styles(texts.rules), _styles(texts.titles)
    if len(rules) > 1 or len(titles) > 1:
        both = rules if len(rules) > 1 else titles
        one = (titles if len(rules) > 1 else rules) & both
        value = next(iter(one), "unstated") if len(one) == 1 else "unstated"
        return Part(value, CONTRADICTED, conflict="the text says both on and off")
    found = agreed(next(iter(titles), None), next(iter(rules), None), silent="")
    if found.value is not None:
        return found
    if texts.rules:
        return Part("unstated", CONTRADICTED, "the rules do not say; either state may count")
    return Part("unstated", 0.0, "the title does not say, and there are no rules")


def _customary(texts: Texts) -> Part[str]:
    for text in (texts.rules, texts.titles):
        if _TEXT_BY_CUSTOM.search(text) or (text is texts.rules and _HOST.search(text)):
            return Part("text", ASSUMED)
    if _CODING_ARENA.search(texts.titles):
        return Part(None, 0.0, "'Coding Arena' may be the Code Arena or the text board's coding")
    what = "the rules name" if texts.rules else "the title names"
    return Part(None, 0.0, f"{what} no board (by custom the text board)")


def _board_word(text: str) -> str | None:
    return next((board for pattern, board in _BOARD_WORDS if pattern.search(text)), None)


def _page(text: str) -> tuple[str | None, str | None]:
    """Return board and category of the most telling page address."""
    pages = [
        (found.group(1).lower(), (found.group(2) or "").lower()) for found in _PAGE.finditer(text)
    ]
    if not pages:
        return None, None
    board, category = max(pages, key=lambda page: len(page[1]))
    if board == "code" and category in ("", "webdev"):
        return "webdev", None
    category = re.sub(r"-?no-style-control$", "", category).replace("-", "_")
    return _PAGE_BOARDS.get(board, board.replace("-", "_")), category or None


def _category(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    if found is None:
        return None
    word = next(group for group in found.groups() if group)
    return re.sub(r"[ -]+", "_", word.lower()).replace("multiturn", "multi_turn")


def _styles(text: str) -> set[str]:
    words = {found.group(1).lower() for found in _STYLE.finditer(text)}
    styles = {"on" if word in _ON_WORDS else "off" for word in words}
    return styles | ({"off"} if _STYLE_OFF.search(text) else set())
