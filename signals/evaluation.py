"""How well a tagger does on labelled texts: counts, intervals, and every error with its reason."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from signals.tagger import Document, Tagging

Z95 = 1.959963984540054
MISTAKES = ("false alarm", "missed", "wrong kind")
Interval = tuple[float, float]


class Tags(Protocol):
    """What is measured: anything that tags like a Tagger."""

    def tag(self, doc: Document) -> Tagging:
        """Return the tags of `doc`."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text with what a person says of it.

    `themes`: those it belongs to; `kind`: what happened, None when that is not said. `judged`:
    the themes the person looked at, None for all; the others are left out of the count.
    `wrong_kind`: a kind that it surely is not. `sure`: whether the person is.
    """

    id: str
    document: Document
    themes: frozenset[str]
    kind: str | None = None
    sure: bool = True
    judged: frozenset[str] | None = None
    wrong_kind: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Hits (`tp`), false alarms (`fp`) and misses (`fn`). A ratio of nothing is None, never 0."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float | None:
        """Return the share of what was tagged that is right."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """Return the share of what is right that was tagged."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        """Return the harmonic mean of precision and recall."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def precision_interval(self) -> Interval | None:
        """Return the 95 % Wilson interval of the precision."""
        return wilson(self.tp, self.tp + self.fp)

    @property
    def recall_interval(self) -> Interval | None:
        """Return the 95 % Wilson interval of the recall."""
        return wilson(self.tp, self.tp + self.fn)

    @property
    def f1_interval(self) -> Interval | None:
        """Return a 95 % interval of F1.

        F1 is no share of anything, but J = tp / (tp + fp + fn) is, and F1 = 2J / (1 + J) grows
        with it; so the ends of J's Wilson interval are mapped.
        """
        found = wilson(self.tp, self.tp + self.fp + self.fn)
        return None if found is None else (_f1_of(found[0]), _f1_of(found[1]))


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong answer. `what`: one of MISTAKES.

    `score` of the theme, None when nothing of it was found; `reasons`: what was found in the text,
    each with its points.
    """

    id: str
    title: str
    theme: str
    what: str
    said: str | None
    right: str | None
    score: float | None
    min_score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured on `rows` texts.

    `themes` and `kinds`: counts by name. A kind is hit when theme and kind are right.
    `confusion`: (right kind, said kind) over the hits of themes whose kind is labelled. `folds`:
    the pooled counts of each part of the rows. `mistakes`: in the order of MISTAKES.
    """

    rows: int
    themes: Mapping[str, Counts]
    kinds: Mapping[str, Counts]
    confusion: Mapping[tuple[str, str], int]
    folds: tuple[Counts, ...]
    mistakes: tuple[Mistake, ...]
    wrong_kinds: int = 0

    @property
    def pooled(self) -> Counts:
        """Return the counts of all themes together."""
        return sum(self.themes.values(), Counts())

    @property
    def kind_hits(self) -> tuple[int, int]:
        """Return how many kinds are right, of how many that could be compared."""
        right = sum(n for (label, said), n in self.confusion.items() if label == said)
        return right, sum(self.confusion.values()) + self.wrong_kinds

    @property
    def kind_accuracy(self) -> float | None:
        """Return the share of right kinds among the hits whose kind is labelled."""
        return _ratio(*self.kind_hits)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the tagger and the person say of one text and one theme. Kinds: None when not told."""

    row: Labelled
    theme: str
    is_said: bool
    said: str | None
    tagging: Tagging

    @property
    def is_right(self) -> bool:
        return self.theme in self.row.themes


def evaluate(
    rows: Sequence[Labelled], tagger: Tags, themes: Mapping[str, float], *, folds: int = 1
) -> Evaluation:
    """Return how `tagger` does on `rows` for `themes` (name to min_score).

    Nothing is trained on the rows, so the folds show how much the figures vary: a row's fold
    follows from its id alone. Raises ValueError for less than one fold.
    """
    if folds < 1:
        raise ValueError("there must be at least one fold")
    by_theme = {theme: Counts() for theme in themes}
    by_fold = [Counts()] * folds
    answers = [answer for row in rows for answer in _answers(row, tagger, themes)]
    for answer in answers:
        count = _count(answer.is_said, answer.is_right)
        by_theme[answer.theme] += count
        by_fold[_fold(answer.row.id, folds)] += count
    hits = [a for a in answers if a.is_said and a.is_right]
    mistakes = [m for a in answers if (m := _mistake(a, themes[a.theme])) is not None]
    return Evaluation(
        rows=len(rows),
        themes=by_theme,
        kinds=_by_kind(answers),
        confusion=Counter((a.row.kind, a.said or "none") for a in hits if a.row.kind),
        folds=tuple(by_fold),
        mistakes=tuple(sorted(mistakes, key=lambda mistake: MISTAKES.index(mistake.what))),
        wrong_kinds=sum(a.row.kind is None and _is_wrong_kind(a) for a in hits),
    )


def wilson(hits: int, total: int, z: float = Z95) -> Interval | None:
    """Return the Wilson score interval of a share, 0..1; None of nothing.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    JASA 22 (1927), 209–212.
    """
    if not total:
        return None
    share, square = hits / total, z * z
    middle = share + square / (2 * total)
    reach = z * math.sqrt(share * (1 - share) / total + square / (4 * total * total))
    scale = 1 + square / total
    # At the ends rounding would leave the interval a hair beside the share itself.
    low = 0.0 if hits == 0 else (middle - reach) / scale
    high = 1.0 if hits == total else (middle + reach) / scale
    return low, high


def _answers(row: Labelled, tagger: Tags, themes: Iterable[str]) -> Iterator[_Answer]:
    tagging = tagger.tag(row.document)
    said = {tag.theme: tag.kind for tag in tagging.themes}
    for theme in themes:
        if row.judged is None or theme in row.judged:
            yield _Answer(row, theme, theme in said, said.get(theme), tagging)


def _by_kind(answers: Sequence[_Answer]) -> dict[str, Counts]:
    """Return counts of each kind; answers whose right kind nobody told are left out."""
    found: dict[str, Counts] = {}
    for answer in answers:
        label = answer.row.kind if answer.is_right else None
        if answer.is_right and label is None:
            continue
        said = (answer.said or "none") if answer.is_said else None
        for kind in {kind for kind in (label, said) if kind is not None}:
            found[kind] = found.get(kind, Counts()) + _count(said == kind, label == kind)
    return dict(sorted(found.items()))


def _mistake(answer: _Answer, min_score: float) -> Mistake | None:
    row, tagging = answer.row, answer.tagging
    if answer.is_said != answer.is_right:
        what = "false alarm" if answer.is_said else "missed"
    elif answer.is_said and _is_wrong_kind(answer):
        what = "wrong kind"
    else:
        return None
    tags = (*tagging.themes, *tagging.below)
    tag = next((tag for tag in tags if tag.theme == answer.theme), None)
    return Mistake(
        id=row.id,
        title=row.document.title,
        theme=answer.theme,
        what=what,
        said=answer.said,
        right=row.kind if answer.is_right else None,
        score=tag.score if tag else None,
        min_score=min_score,
        reasons=tag.reasons if tag else (_nothing(tagging),),
    )


def _nothing(tagging: Tagging) -> str:
    """Return why a theme was not even weighed."""
    names = ", ".join(dict.fromkeys(mention.entity for mention in tagging.entities))
    return f"nothing that the theme watches is named, only {names}" if names else "no name is known"


def _is_wrong_kind(answer: _Answer) -> bool:
    if answer.row.kind is not None:
        return answer.said != answer.row.kind
    return answer.row.wrong_kind is not None and answer.said == answer.row.wrong_kind


def _count(said: bool, right: bool) -> Counts:
    return Counts(tp=int(said and right), fp=int(said and not right), fn=int(right and not said))


def _fold(identifier: str, folds: int) -> int:
    digest = hashlib.sha1(identifier.encode("utf-8", "replace"), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8]) % folds


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _f1_of(share: float) -> float:
    return 2 * share / (1 + share)
