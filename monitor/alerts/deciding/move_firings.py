"""Rules on moves: the legs of one series that began within an hour are told as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from monitor.alerts.deciding.escalation import louder
from monitor.alerts.deciding.firings import (
    MAX_AGE,
    TOGETHER,
    Due,
    Firing,
    Skip,
    allowed,
    dedup_key,
    grouped,
    matched,
)
from monitor.alerts.deciding.following import beginning
from monitor.alerts.deciding.labels import labels_of
from monitor.alerts.deciding.past import Past
from monitor.alerts.rules import MoveRule, Rule, matches
from monitor.alerts.views import MoveView
from monitor.alerts.words.payload import move_payload
from monitor.durations import format_duration
from storage.instants import format_instant, parse_instant

_PENDING = "pending"
_UNEXPLAINED = "no_public_cause_found"
_WAITING = "waits until the other legs have a verdict"


def due_moves(
    rules: Iterable[Rule],
    views: Sequence[MoveView],
    past: Past,
    now: datetime,
    skips: list[Skip],
) -> list[Due]:
    """Return what of the moves is news to each rule: whole moves, legs that came later, growth."""
    moves = _moves(views, past)
    found = []
    for rule in rules:
        if not isinstance(rule, MoveRule):
            continue
        refusal = partial(_refusal, rule, now=now)
        for about, legs in moves:
            told = allowed(rule, about, matched(rule, legs), refusal, skips)
            if told and _is_early(rule, legs, told, now):
                skips.append(Skip(rule.name, about, _WAITING))
            elif told:
                found += _due(rule, about, told, past, skips)
    return found


def leg_keys(rule: Rule, leg: MoveView) -> tuple[str, str]:
    """Return the dedup keys that `leg` has when its move began with it, and as a later leg."""
    start = format_instant(leg.start_at)
    return (
        dedup_key(rule.name, leg.subject, start),
        dedup_key(rule.name, leg.subject, start, leg.move_key),
    )


def _moves(views: Sequence[MoveView], past: Past) -> list[tuple[str, list[MoveView]]]:
    """Return the moves by name, their legs together whatever a rule asks of each.

    A move keeps the name under which it was first told, when a leg that began earlier turns up.
    """
    moves: dict[str, list[MoveView]] = {}
    for subject, found in grouped(views, lambda view: view.subject).items():
        for legs in _clusters(leg for leg in found if leg.live and leg.persisted):
            moves.setdefault(_about(subject, legs, past), []).extend(legs)
        if stray := [leg for leg in found if not (leg.live and leg.persisted)]:
            moves.setdefault(f"move:{subject}", []).extend(stray)
    return [(about, sorted(legs, key=_largest_first)) for about, legs in moves.items()]


def _clusters(legs: Iterable[MoveView]) -> list[list[MoveView]]:
    clusters: list[list[MoveView]] = []
    for leg in sorted(legs, key=lambda leg: (leg.start_at, leg.move_key)):
        if clusters and leg.start_at - clusters[-1][0].start_at <= TOGETHER:
            clusters[-1].append(leg)
        else:
            clusters.append([leg])
    return clusters


def _about(subject: str, legs: Sequence[MoveView], past: Past) -> str:
    head, start = f"move:{subject}:", legs[0].start_at
    known = past.moves_of(subject)
    names = {leg.move_key for leg in legs}
    for alert in known:
        if names & set(alert.move_ids):
            return alert.about
    for alert in known:
        if abs(parse_instant(alert.about.removeprefix(head)) - start) <= TOGETHER:
            return alert.about
    return head + format_instant(start)


def _due(
    rule: MoveRule, about: str, legs: Sequence[MoveView], past: Past, skips: list[Skip]
) -> list[Due]:
    told = [alert for leg in legs if (alert := past.of_part(rule.name, leg.move_key))]
    fresh = [leg for leg in legs if past.of_part(rule.name, leg.move_key) is None]
    if not told:
        return [Due(_firing(rule, about, legs, past))]
    first = max(told, key=lambda alert: (alert.size or 0.0, alert.at, alert.dedup_key))
    whole = _firing(rule, about, legs, past)
    if again := louder(whole, first):
        return [Due(whole, first, again)]
    if not fresh:
        skips.append(Skip(rule.name, about, "already told"))
        return []
    return [Due(replace(_firing(rule, about, fresh, past), group_key=first.group_key))]


def _firing(rule: MoveRule, about: str, legs: Sequence[MoveView], past: Past) -> Firing:
    first = min(legs, key=lambda leg: (leg.start_at, leg.move_key))
    # Legs polled in one batch begin at one instant, and each may be told in a run of its own.
    keys = tuple(key for key in leg_keys(rule, first) if past.last([key]) is None)
    held = (
        () if rule.hold_for is None else (f"still stands after {format_duration(rule.hold_for)}",)
    )
    return Firing(
        rule=rule,
        keys=(keys or leg_keys(rule, first))[:1],
        abouts=(about,),
        quiet=legs[0].subject,
        group_key=about,
        why=(*(matches(rule, legs[0]) or ()), *held),
        payload=move_payload(rule, legs),
        stage="" if legs[0].verdict == _PENDING else legs[0].verdict,
        labels=labels_of(rule, legs),
        theme=next(iter(legs[0].themes), None),
        series=(legs[0].series,) if legs[0].series else (),
        move_ids=tuple(leg.move_key for leg in legs),
        size=abs(legs[0].move),
        beginning=beginning(legs),
    )


def _is_early(
    rule: MoveRule, legs: Sequence[MoveView], told: Sequence[MoveView], now: datetime
) -> bool:
    """Return whether other legs are about to get the verdict that the rule waits for.

    Each leg has its own search of 30 min; together they are one alert. A leg that goes on and on
    does not keep the others back for more than half an hour.
    """
    if rule.verdict != _UNEXPLAINED or now - min(leg.end_at for leg in told) > TOGETHER:
        return False
    wanted = (leg for leg in legs if leg.verdict == _PENDING)
    return any(matches(rule, replace(leg, verdict=_UNEXPLAINED)) is not None for leg in wanted)


def _refusal(rule: MoveRule, leg: MoveView, *, now: datetime) -> str | None:
    if not leg.live:
        return "not seen live"
    hold_for = rule.hold_for
    if hold_for is None:
        return "ended more than 6 h ago" if now - leg.end_at > MAX_AGE else None
    if now - leg.end_at > MAX_AGE + hold_for:
        return "ended more than 6 h ago"
    words = f"for {format_duration(hold_for)}"
    if leg.crossed_at is None or leg.now is None:
        return f"{words}: {'its beginning' if leg.crossed_at is None else 'its price'} is unknown"
    if now < leg.crossed_at + hold_for:
        return f"{words}: waits until {format_instant(leg.crossed_at + hold_for)}"
    left = (leg.now - leg.price_from) * (1 if leg.move > 0 else -1)
    return None if left >= abs(leg.move) / 2 - 1e-9 else f"{words}: went back by more than half"


def _largest_first(leg: MoveView) -> tuple[float, str]:
    return -abs(leg.move), leg.move_key
