"""One market's first sight, or the difference of two of its wordings, in words and facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitor.topics import Topics
from signals.settlement import SPEC_FIELDS
from signals.wording import changed_words, same_words, word_diff
from storage.instants import format_instant
from storage.market_news import Revised
from storage.models import Market, MarketRevision
from storage.records import MarketStatus

TITLE_DIFF = 140
# Pages of one poll are read within moments.
TOGETHER = timedelta(seconds=30)
DISPUTED = frozenset({"disputed", "challenged"})
RESOLVED = MarketStatus.RESOLVED.value


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened to one market at `at`, when a poll saw it.

    Legs of a series with equal `likeness` tell one story. `before_at` is since when the former
    wording was known, None for a first sight.
    """

    kind: str
    market: Market
    at: datetime
    headline: str
    details: str = ""
    likeness: tuple[object, ...] = ()
    facts: tuple[dict[str, Any], ...] = ()
    reason: tuple[str, ...] = ()
    result: str | None = None
    before_at: datetime | None = None
    is_new_series: bool = False


def listing(market: Market, series_since: datetime | None) -> Happening:
    """Return the first sight of a market; a leg of a series we knew before is said to be one."""
    is_known = series_since is not None and market.first_seen_at - series_since > TOGETHER
    return Happening(
        "market_listed",
        market,
        market.first_seen_at,
        "New leg" if is_known else "New market",
        likeness=(is_known,),
        is_new_series=not is_known,
        reason=(f"{market.venue} was polled before and did not show it",),
    )


def revisions(topics: Topics, revised: Revised) -> Iterator[Happening]:
    """Yield what a new wording or state of a market says that the one before did not."""
    before, after = revised.before, revised.after
    if after.status == RESOLVED and before.status != RESOLVED:
        yield _of(revised, "market_resolved", "Resolved", result=after.resolution)
        return
    if before.status == RESOLVED and after.status != RESOLVED:
        yield _of(revised, "dispute", "Resolution taken back", reason="the venue opened it again")
    elif after.oracle in DISPUTED and before.oracle not in DISPUTED:
        reason = f"the oracle says {after.oracle}, before: {before.oracle or 'nothing'}"
        yield _of(revised, "dispute", "Resolution disputed", reason=reason)
    yield from _reworded(topics, revised)


def _reworded(topics: Topics, revised: Revised) -> Iterator[Happening]:
    changes = list(_changes(revised.before, revised.after))
    if not changes:
        return
    settles = list(_settles_otherwise(topics, revised))
    shown = "; ".join(f"{f['field']} {f['before']} → {f['after']}" for f in settles)
    yield _of(
        revised,
        "rule_change",
        ", ".join(change.said for change in changes).capitalize(),
        details=(shown or changes[0].details)[:TITLE_DIFF],
        likeness=tuple(change.likeness for change in changes),
        facts=[*(change.fact for change in changes), *settles],
        reason="; ".join(change.details for change in changes),
    )


@dataclass(frozen=True, slots=True)
class _Change:
    """One thing that a new wording changed: what is said of it, and how it is alike elsewhere."""

    said: str
    details: str
    likeness: object
    fact: dict[str, Any]


def _changes(before: MarketRevision, after: MarketRevision) -> Iterator[_Change]:
    if before.rules and after.rules and not same_words(before.rules, after.rules):
        diff = word_diff(before.rules, after.rules)
        fact = {"kind": "rule_change", "field": "rules", "diff": diff}
        yield _Change("rules changed", diff, changed_words(before.rules, after.rules), fact)
    old, new = before.question, after.question
    if not same_words(old, new):
        likeness = changed_words(old, new)
        yield _Change("renamed", word_diff(old, new), likeness, _moved("question", old, new))
    if closes := _moved_close(before, after):
        details = " → ".join(f"{instant[:10]} {instant[11:16]} UTC" for instant in closes)
        yield _Change("close moved", details, closes, _moved("closes_at", *closes))


def _settles_otherwise(topics: Topics, revised: Revised) -> Iterator[dict[str, Any]]:
    """Yield the fields of the settlement that are read otherwise from the new wording."""
    market = revised.market
    old, new = (
        topics.read_settlement(
            each.question, market.series_title, each.rules, market.label, each.closes_at
        )
        for each in (revised.before, revised.after)
    )
    for name in SPEC_FIELDS:
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            yield {**_moved(name, _plain(was), _plain(now)), "kind": "settles_otherwise"}


def _moved_close(before: MarketRevision, after: MarketRevision) -> tuple[str, str] | None:
    # A venue also moves the close when it ends a market; that is no change of its rules.
    if after.status != MarketStatus.OPEN or before.closes_at is None or after.closes_at is None:
        return None
    if before.closes_at == after.closes_at:
        return None
    return format_instant(before.closes_at), format_instant(after.closes_at)


def _of(
    revised: Revised,
    kind: str,
    headline: str,
    *,
    details: str = "",
    likeness: tuple[object, ...] = (),
    facts: list[dict[str, Any]] | None = None,
    reason: str | None = None,
    result: str | None = None,
) -> Happening:
    return Happening(
        kind,
        revised.market,
        revised.after.observed_at,
        headline,
        details,
        likeness or (headline,),
        tuple(facts or ()),
        (reason,) if reason else (),
        result,
        revised.before.observed_at,
    )


def _moved(field: str, before: str, after: str) -> dict[str, Any]:
    return {"kind": "rule_change", "field": field, "before": before, "after": after}


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "nobody"
    return "unsaid" if value is None else str(value)
