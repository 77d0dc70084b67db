"""Whose models win a market, and among whose models the place is counted."""

from __future__ import annotations

import re
from collections.abc import Callable

from signals.settlement_texts import CONTRADICTED, Part, Texts, agreed

OwnerOf = Callable[[str], str | None]

EVERYBODY = "all"
LISTED = "list"
COUNTRY = "country:"

_COUNTRIES = {
    "chinese": "CN", "american": "US", "us-based": "US", "u.s.": "US", "french": "FR",
    "british": "GB", "korean": "KR", "japanese": "JP", "russian": "RU", "indian": "IN",
    "israeli": "IL", "german": "DE", "canadian": "CA",
}  # fmt: skip
_NATION = "|".join(re.escape(word) for word in _COUNTRIES)
_KIND = r"(?:ai |llm |language |open[- ]source )*(?:model|company|companies|lab|firm|llm)s?"
_OF_NATION = re.compile(
    rf"\b(?:an?|any)(?: model (?:owned|made|developed) by an?)? ({_NATION})"
    rf"(?:[- ](?:developed|owned|made))? {_KIND}\b",
    re.I,
)
_TITLE_UNIVERSE = re.compile(
    rf"(?:best|top|#[123]|leading|highest[- ](?:ranked|scoring))[- ]({_NATION})\b", re.I
)
_RULE_UNIVERSE = re.compile(
    rf"\bthe ({_NATION}) {_KIND}\b|"
    rf"\b(?:highest|best|top|second|third)\b[^.]{{0,60}}\b(?:among|of all|amongst)\b[^.]{{0,40}}"
    rf"\b({_NATION})\b|"
    rf"\bhighest[- ](?:ranked|scoring) ({_NATION})\b",
    re.I,
)
_OPEN_WEIGHTS = re.compile(
    r"(?:best|top|highest|leading)[- ](?:\w+ )?open[- ](?:source|weights?)\b", re.I
)
_LISTED = re.compile(r"\bamong (?:the |these )?(?:listed|following|named)\b", re.I)
_SUBJECT = re.compile(
    r"^will (?:the )?(.+?)(?:'s)? (?:have|be|become|own|hold|reach|score|hit|top|lead|rank|finish|"
    r"get|debut)\b",
    re.I,
)
_RULE_SUBJECT = re.compile(
    r"\b(?:owned|made|developed) by (.+?) (?:has|have|holds|hold|is|reaches|ranks)\b|"
    r"\bif (?!any|the|a\b|an\b|at\b)(\S.{0,40}?) (?:is|has|owns|holds) the\b",
    re.I,
)
_NOBODY = re.compile(
    r"^(?:other|others|(?:an|any)?other (?:company|model|lab)|another .*|none|field|"
    r"a company not .*)\b",
    re.I,
)
_PLACEHOLDER = re.compile(r"^(?:company|model|lab|person|option) (?:[a-z]|\d{1,2})$", re.I)
_ANYBODY = re.compile(r"^any (?:ai |llm |language )?(?:model|company|lab|llm)$", re.I)
_ONE_MODEL = re.compile(r"^any (.+?) model$", re.I)
_IS_THE_MODEL = re.compile(
    r"^will (.+?) (?:be|become) (?:the )?(?:best|top|#[123]|first|second|third)\b[^?]*\bmodel\b",
    re.I,
)
_SCORE_LABEL = re.compile(r"^[≥><]? ?\d|^#\d|^top \d|^yes$|^no$", re.I)


def read_universe(texts: Texts) -> Part[str]:
    """Return `all`, ISO countries with commas, or `list`; None where the board cannot tell."""
    if _OPEN_WEIGHTS.search(texts.titles) or _OPEN_WEIGHTS.search(texts.main):
        return Part(None, 0.0, "only open models count, and the board does not say which are")
    titles, rules = _nation(_TITLE_UNIVERSE, texts.titles), _nation(_RULE_UNIVERSE, texts.main)
    if titles is None and rules is None and _LISTED.search(texts.main):
        return Part(LISTED, 1.0)
    return agreed(titles, rules, silent="") if titles or rules else Part(EVERYBODY, 1.0)


def read_owners(texts: Texts, owner_of: OwnerOf, *, for_score: bool) -> Part[tuple[str, ...]]:
    """Return the entities whose models win; `country:CN` any of a country, `all` anybody's."""
    label = "" if _SCORE_LABEL.match(texts.label) else texts.label
    subject = _found(_SUBJECT, texts.question)
    named = label or subject
    if (nation := _nation(_OF_NATION, texts.question)) or (
        nation := _nation(_OF_NATION, texts.titles) if not label else None
    ):
        return Part((COUNTRY + nation,), 1.0)
    if not named or _ANYBODY.match(named):
        if for_score and not texts.question.lower().startswith("which"):
            return Part((EVERYBODY,), 1.0)
        return Part((), 0.0, "the title names nobody; its legs do")
    if _NOBODY.match(named) or _NOBODY.match(subject):
        return Part((), 0.0, "the leg is everybody whom no other leg names")
    if _PLACEHOLDER.match(named):
        return Part((), 0.0, f"{named!r} is a placeholder")
    one = (
        _ONE_MODEL.match(named) or _ONE_MODEL.match(subject) or _IS_THE_MODEL.match(texts.question)
    )
    if one is not None:
        return Part((), 0.0, f"only {one.group(1)!r} counts, not every model of its owner")
    return _agreeing(texts, named, owner_of)


def _agreeing(texts: Texts, named: str, owner_of: OwnerOf) -> Part[tuple[str, ...]]:
    owner = owner_of(named)
    if owner is None:
        return Part((), 0.0, f"nobody known is called {named[:40]!r}")
    told = _found(_RULE_SUBJECT, texts.main)
    other = owner_of(told) if told and len(told) < 60 else None
    if _PLACEHOLDER.match(told) or (other is not None and other != owner):
        conflict = f"the leg is {named!r}, the rules still say {told!r}; the leg counts"
        return Part((owner,), CONTRADICTED, conflict=conflict)
    return Part((owner,), 1.0)


def _nation(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    if found is None:
        return None
    return _COUNTRIES[next(group for group in found.groups() if group).lower()]


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return next((group for group in found.groups() if group), "").strip() if found else ""
