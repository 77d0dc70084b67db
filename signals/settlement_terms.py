"""What a market asks of a leaderboard: a place or a score, of models or companies, and on a tie."""

from __future__ import annotations

import re
from decimal import Decimal

from signals.settlement_texts import ASSUMED, CONTRADICTED, TITLE_ONLY, Part, Texts, agreed

MAX_TIE_TEXT = 80
_LOWEST_SCORE, _HIGHEST_SCORE = Decimal(500), Decimal(4000)

_RANKED = (
    r"(?:ai|llm|chinese|text|code|coding|math|webdev|vision|search|image|video|document|model|lab|"
    r"company|language|open)"
)
_PLACES = (
    (2, r"second|2nd|#2|no\. 2|number two|runner-up"),
    (3, r"third|3rd|#3|no\. 3|number three"),
    (1, r"best|top|highest|first|1st|#1|no\. 1|number one|leading"),
)
_TITLE_PLACE = tuple(
    (
        place,
        re.compile(
            rf"(?<!\w)(?:{words})\b(?=[- ](?:best |highest |top |ranked )?\W?{_RANKED}\b)", re.I
        ),
    )
    for place, words in _PLACES
)
_RULE_PLACE = re.compile(
    r"\b(?:(second|2nd)|(third|3rd))?[- ]?(?:highest|best|top)\b(?=[- ](?:scoring|ranked|ranking|"
    r"overall|text|arena|score|model|chinese|placed|rated)|\b.{0,20}(?:arena )?score)|"
    r"(?:rank|ranked|ranks|position|place)\w*[ \"'(]*#?(1|2|3)\b|(?<!\w)#(1|2|3)\b|"
    r"\b(first|second|third) place\b",
    re.I,
)
_BARE_PLACE = re.compile(
    r"(?<!\w)#([123])\b|\bnumber (one|two|three)\b|\b(lead)s?\b(?=.*\b(?:arena|leaderboard)\b)",
    re.I,
)
_ORDINALS = {"one": 1, "two": 2, "three": 3, "first": 1, "second": 2, "third": 3, "lead": 1}
_OTHER_PLACE = re.compile(r"(?<!\w)(?:#(?![123]\b)|top[- ](?!1\b))(\d{1,3})\b", re.I)
_AI_MAKERS = re.compile(
    r"\bai (?:models?|compan(?:y|ies)|labs?|agents?|end|on|by|at|in)\b|\bai\W*$|\bllms?\b", re.I
)
_OPEN_PLACE = re.compile(r"\btop _+", re.I)
_REACH = re.compile(r"\b(?:reach|hit|exceed|surpass|score|scores)\b|\bscore on\b", re.I)
_SCORE = re.compile(
    r"\b(?:reach(?:es)?|hits?|exceeds?|surpass(?:es)?|scores?(?: of)?|at least|above|over)"
    r"(?: at least| of| a score of| an arena score of)* (\d{3,4}(?:\.\d+)?)\b",
    re.I,
)
_LABEL_SCORE = re.compile(r"^[≥>]? ?(\d{3,4}(?:\.\d+)?) ?\+?$")
_BLANK = re.compile(r"_{2,}|\bspecified\b|\blisted score\b", re.I)
_DEBUT = re.compile(r"\bdebut\b", re.I)
_BY_RANK = re.compile(
    r"[\"'(]rank[\"')]|\brank (?:column|section|field)\b|\bcolumn [\"']?rank\b|\bhighest rank", re.I
)
_BY_SCORE = re.compile(
    r"\barena score\b|\bhighest[- ](?:arena |overall |text )?(?:score|scoring)|\bscore\b", re.I
)
_COMPANY_RANKED = re.compile(
    r"(?:best|top|#[123]|highest|second|third)[- ](?:best )?(?:[\w.]+[ -]){0,5}?(?:company|lab)\b",
    re.I,
)
_MODEL_RANKED = re.compile(
    r"(?:best|top|#[123]|highest|second|third|any)[- ](?:best )?(?:[\w.]+[ -]){0,5}?"
    r"(?:models?|agents?|llms?)\b",
    re.I,
)
_MODEL_RULES = re.compile(
    r"\bmodel\b[^.]{0,40}\b(?:highest|arena score|score of|rank)|\bany [\w ]*model\b", re.I
)
_ALPHABETICAL = re.compile(r"\balphabetical", re.I)
_TIE_IS_YES = re.compile(
    r"suffic|is enough|counts? as|(?:will|shall)(?: also)? resolve to \"?yes|qualif", re.I
)


def asks_for_score(texts: Texts) -> bool:
    """Return whether the market asks for a score to be reached instead of a place."""
    if _LABEL_SCORE.match(texts.label) or _SCORE.search(texts.titles):
        return True
    return bool(_REACH.search(texts.titles) and _BLANK.search(texts.titles)) or bool(
        re.search(r"\bscore on\b", texts.titles, re.I)
    )


def is_debut(texts: Texts) -> bool:
    """Return whether the market asks how a model begins on a board."""
    return bool(_DEBUT.search(texts.titles))


def asks_for_place(text: str) -> bool:
    """Return whether a title asks who stands where among AI models or their makers."""
    ways = (_OPEN_PLACE, _BARE_PLACE, _OTHER_PLACE, *(pattern for _, pattern in _TITLE_PLACE))
    return any(way.search(text) for way in ways) and bool(_AI_MAKERS.search(text))


def read_place(texts: Texts) -> Part[int]:
    """Return 1, 2 or 3."""
    if is_debut(texts):
        return Part(None, 0.0, "a debut: what is asked for stands in its legs")
    titles, other = _title_place(texts.titles), _OTHER_PLACE.search(texts.titles)
    rules = _rule_place(texts.main)
    if titles is None and (other or _OPEN_PLACE.search(texts.titles)):
        asked = f"the first {other.group(1)}" if other else "places that stand in its legs"
        return Part(None, 0.0, f"asks for {asked}, not for one place of 1 to 3")
    return agreed(titles, rules, silent="no place is named")


def read_threshold(texts: Texts) -> Part[Decimal]:
    """Return the score to reach; None with a reason where only the legs name it."""
    label, titles = _score(_LABEL_SCORE, texts.label), _score(_SCORE, texts.titles)
    rules = _score(_SCORE, texts.main)
    named = titles if titles is not None else label
    if titles is not None and label is not None and titles != label:
        conflict = f"the question says {titles}, the leg says {label}; the leg counts"
        return Part(label, CONTRADICTED, conflict=conflict)
    return agreed(named, rules, silent="the score to reach stands in its legs")


def read_quantity(texts: Texts, *, for_score: bool) -> Part[str]:
    """Return `score` or `rank`: the column of the board that decides."""
    rules = "rank" if _BY_RANK.search(texts.main) else None
    if rules and re.search(r"[\"']arena score[\"']", texts.main, re.I):
        conflict = "the rules name the rank and the score column; the rank decides"
        return Part("rank", CONTRADICTED, conflict=conflict)
    if rules is None and _BY_SCORE.search(texts.main):
        rules = "score"
    titles = "score" if for_score else None
    return agreed(titles, rules, silent="score or rank is not said")


def read_unit(texts: Texts) -> Part[str]:
    """Return what is put in order: `model`, or `company` (each by its best model)."""
    titles = None
    if _COMPANY_RANKED.search(texts.titles):
        titles = "company"
    elif _MODEL_RANKED.search(texts.titles):
        titles = "model"
    if titles is not None:
        return Part(titles, 1.0 if texts.rules else TITLE_ONLY)
    if _MODEL_RULES.search(texts.main) or _REACH.search(texts.titles) or is_debut(texts):
        return Part("model", ASSUMED)
    return Part(None, 0.0, "models or companies is not said")


def read_tie_rule(texts: Texts) -> Part[str]:
    """Return `alphabetical`, `yes` (a tie is enough), or the start of what the rules say."""
    if not texts.ties:
        return Part(None, 0.0, "nothing is said of ties" if texts.rules else "there are no rules")
    text = " ".join(texts.ties)
    if _ALPHABETICAL.search(text):
        return Part("alphabetical", 1.0)
    if _TIE_IS_YES.search(text):
        return Part("yes", 1.0)
    return Part(texts.ties[0][:MAX_TIE_TEXT], ASSUMED)


def _title_place(text: str) -> int | None:
    found = next((place for place, pattern in _TITLE_PLACE if pattern.search(text)), None)
    bare = _BARE_PLACE.search(text)
    if found is not None or bare is None:
        return found
    word = next(group for group in bare.groups() if group).lower()
    return int(word) if word.isdigit() else _ORDINALS[word]


def _rule_place(text: str) -> int | None:
    found = _RULE_PLACE.search(text)
    if found is None:
        return None
    second, third, *numbers, ordinal = found.groups()
    if number := next((n for n in numbers if n), None):
        return int(number)
    if ordinal:
        return _ORDINALS[ordinal.lower()]
    return 2 if second else 3 if third else 1


def _score(pattern: re.Pattern[str], text: str) -> Decimal | None:
    for found in pattern.finditer(text):
        score = Decimal(found.group(1))
        if _LOWEST_SCORE <= score <= _HIGHEST_SCORE and not _is_year(found.group(1), found, text):
            return score
    return None


def _is_year(digits: str, found: re.Match[str], text: str) -> bool:
    """Return whether "over 2025" is a year: nothing of a score stands around it."""
    is_like = digits.startswith("20") and len(digits) == 4
    return is_like and not re.search(r"score|arena|\+", text[found.start() : found.end() + 1], re.I)
