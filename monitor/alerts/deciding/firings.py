"""What a rule says of one subject, with the words and keys that deciding needs.

Rules and views are matched in story_firings (stories, boards, links), move_firings and
state_firings (markets, sources). What matched and may not be told is said as a `Skip`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from monitor.alerts.rules import Rule, matches
from monitor.alerts.views import View
from monitor.alerts.words.payload import Payload
from storage.alert_repo import PastAlert

MAX_AGE = timedelta(hours=6)
TOGETHER = timedelta(hours=1)
_Seen = TypeVar("_Seen", bound=View)
_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a move began. `candidates` are names of each signal that may have led to it, best first.

    `is_open`: no candidate is known yet. `entities` are whom its legs are about; none: unknown.
    """

    start_at: datetime
    candidates: tuple[frozenset[str], ...] = ()
    is_open: bool = False
    entities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Firing:
    """One rule on one subject. `keys` are dedup keys, its own first, then those it grew from.

    `abouts` name what it tells of, equal over all rules, and `aliases` the same under former
    names; `stage` is what was known of it. `quiet` is what a cooldown is counted for. `follows`
    are the abouts of what it tells more of; `beginning` is what a move may have come from.
    `lasting` says what still holds, for a state that may be told again; None for what happened
    once. `size` is what may double, 0..1.
    """

    rule: Rule
    keys: tuple[str, ...]
    abouts: tuple[str, ...]
    quiet: str
    group_key: str
    why: tuple[str, ...]
    payload: Payload
    stage: str = ""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    theme: str | None = None
    series: tuple[str, ...] = ()
    signal_ids: tuple[str, ...] = ()
    move_ids: tuple[str, ...] = ()
    size: float | None = None
    aliases: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    lasting: str | None = None
    beginning: Beginning | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """Return what is told one by one: the legs of a move, the markets in a state."""
        return self.move_ids or self.abouts

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name of what it tells of: its parts, its abouts, its former names."""
        return (*self.parts, *self.abouts, *self.aliases)


@dataclass(frozen=True, slots=True)
class Due:
    """A firing that is news: of something new, or `again`, why what `previous` told is told now.

    `is_repeat`: nothing changed but time.
    """

    firing: Firing
    previous: PastAlert | None = None
    again: str | None = None
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """A rule that matched and does not tell, with the reason."""

    rule: str
    subject: str
    reason: str


def dedup_key(rule: str, *subject: str) -> str:
    """Return the hash of a rule's name and its subject, 32 hex digits."""
    return hashlib.sha256("\0".join((rule, *subject)).encode()).hexdigest()[:32]


def matched(rule: Rule, views: Iterable[_Seen]) -> list[_Seen]:
    """Return the views that `rule` fires on."""
    return [view for view in views if matches(rule, view) is not None]


def grouped(views: Iterable[_Seen], key: Callable[[_Seen], _Key]) -> dict[_Key, list[_Seen]]:
    """Return the views by their key, in the order in which each was first met."""
    groups: dict[_Key, list[_Seen]] = defaultdict(list)
    for view in views:
        groups[key(view)].append(view)
    return groups


def allowed(
    rule: Rule,
    subject: str,
    views: Sequence[_Seen],
    refusal: Callable[[_Seen], str | None],
    skips: list[Skip],
) -> list[_Seen]:
    """Return the views that may be told; the reasons of the others go to `skips`."""
    refusals = [refusal(view) for view in views]
    reasons = sorted({reason for reason in refusals if reason is not None})
    skips.extend(Skip(rule.name, subject, reason) for reason in reasons)
    return [view for view, reason in zip(views, refusals, strict=True) if reason is None]
