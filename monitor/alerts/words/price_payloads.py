"""Payloads of what markets did: moves, responses to a signal, and states of markets."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.alerts.rules import MoveRule, Rule
from monitor.alerts.views import LinkView, MarketView, MoveView
from monitor.alerts.words.payload_parts import (
    MAX_LABEL,
    MAX_TEXT,
    Payload,
    counted,
    entry,
    listing,
    optional_instant,
    optional_text,
    safe_url,
    series_name,
    signed_pp,
    summaries,
    words,
)
from monitor.alerts.words.plain_text import clean
from storage.instants import format_instant

_MOVED = ("moved_up", "moved_down")
_STATES = {"dispute": "disputed"}


def move_payload(rule: Rule, legs: Sequence[MoveView]) -> Payload:
    """Return the payload of the moves of one series, the largest leg first."""
    first = legs[0]
    name = series_name(first.series, first.series_title, first.question)
    changes = [_change(leg.label, leg.move, leg.price_from, leg.price_to) for leg in legs]
    title = f"{name}: {listing(changes, 'more')}"
    if isinstance(rule, MoveRule) and rule.verdict is not None:
        title += f" · {words(rule.verdict)}"
    return {
        "title": title,
        "headline": clean(first.series_title or first.question, MAX_TEXT),
        "themes": list(dict.fromkeys(theme for leg in legs for theme in leg.themes)),
        "verdict": first.verdict,
        "candidates": [
            {
                "title": clean(candidate.title, MAX_TEXT),
                "minutes_before": candidate.minutes_before,
                "clock_error_min": candidate.clock_error_min,
                "url": safe_url(candidate.url),
            }
            for candidate in first.explained_by[:3]
        ],
        "start_at": format_instant(min(leg.start_at for leg in legs)),
        "end_at": format_instant(max(leg.end_at for leg in legs)),
        "legs": [_move_leg(leg) for leg in legs],
        "rules_text": optional_text(first.rules_text),
        "series": [first.series] if first.series else [],
        "alerts": [
            _move_entry(rule, leg, said)
            for leg, said in zip(legs, summaries(title, changes), strict=True)
        ],
    }


def link_payload(rule: Rule, views: Sequence[LinkView]) -> Payload:
    """Return the payload of what the legs of one series did after one story, largest first."""
    legs = sorted(views, key=lambda view: (-abs(view.move or 0.0), view.outcome_id))
    first = legs[0]
    names = first.entity_names or first.entities or (first.theme,)
    changes = [_change(leg.label, leg.move, leg.price_before, leg.price_after) for leg in legs]
    told = f"{listing(changes)} within {_window(first.window_s)}"
    then = f"then {told}" if first.verdict in _MOVED else f"{told} · {words(first.verdict)}"
    title = " · ".join([*(clean(name, 80) for name in names), words(first.kind), then])
    return {
        "title": title,
        "headline": clean(first.title, MAX_TEXT),
        "themes": list(dict.fromkeys(leg.theme for leg in legs)),
        "score": first.score,
        "source": first.source,
        "tier": first.tier,
        "published_at": format_instant(first.at),
        "precision": first.precision,
        "seen_at": format_instant(first.observed_at),
        "window": _window(first.window_s),
        "legs": [_link_leg(leg) for leg in legs],
        "url": safe_url(first.url),
        "series": [first.series] if first.series else [],
        "alerts": [
            _link_entry(rule, leg, said)
            for leg, said in zip(legs, summaries(title, changes), strict=True)
        ],
    }


def market_payload(rule: Rule, views: Sequence[MarketView]) -> Payload:
    """Return the payload of one state that markets of one series came into."""
    first = views[0]
    name = series_name(first.series, first.series_title, first.question)
    state = _STATES.get(first.state, words(first.state))
    parts = [name, state, _which(views)]
    if first.state == "closing" and first.closes_at is not None:
        parts.append(f"closes {first.closes_at:%Y-%m-%d %H:%M} UTC")
    title = " · ".join(part for part in parts if part)
    return {
        "title": title,
        "headline": clean(first.series_title or _questions(views), MAX_TEXT),
        "themes": list(dict.fromkeys(theme for view in views for theme in view.themes)),
        "state": first.state,
        "venue": first.venue,
        "seen_at": format_instant(min(view.observed_at for view in views)),
        "markets": [_market(view) for view in views],
        "series": [first.series] if first.series else [],
        "alerts": [
            _market_entry(rule, view, said)
            for view, said in zip(views, summaries(title, map(_own_line, views)), strict=True)
        ],
    }


def _change(label: str, move: float | None, before: float | None, after: float | None) -> str:
    name = clean(label, MAX_LABEL)
    if before is None or after is None:
        return f"{name} {signed_pp(move)}"
    return f"{name} {signed_pp(move)} ({before:.2f} → {after:.2f})"


def _window(seconds: int) -> str:
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"


def _which(views: Sequence[MarketView]) -> str:
    if len(views) == 1:
        # The series' name already says it where the market stands alone.
        return clean(views[0].label or (views[0].question if views[0].series else ""), 120)
    names = [clean(view.label or view.question, MAX_LABEL) for view in views]
    return f"{counted(len(views), 'market')}: {listing(names)}"


def _own_line(view: MarketView) -> str:
    parts = (clean(view.label or view.question, MAX_LABEL), clean(view.said, MAX_TEXT))
    return " · ".join(part for part in parts if part)


def _questions(views: Sequence[MarketView]) -> str:
    return listing([view.question for view in views], shown=1)


def _move_leg(leg: MoveView) -> Payload:
    return {
        "label": clean(leg.label, MAX_LABEL),
        "question": clean(leg.question, MAX_TEXT),
        "from": leg.price_from,
        "to": leg.price_to,
        "now": leg.now,
        "day_ago": leg.day_ago,
        "move": leg.move,
        "z": leg.z,
        "url": safe_url(leg.market_url),
    }


def _link_leg(leg: LinkView) -> Payload:
    return {
        "label": clean(leg.label, MAX_LABEL),
        "question": clean(leg.question, MAX_TEXT),
        "before": leg.price_before,
        "after": leg.price_after,
        "move": leg.move,
        "abnormal_move": leg.abnormal_move,
        "z": leg.z,
        "p_value": leg.p_value,
        "n_placebo": leg.n_placebo,
        "thin": leg.thin,
        "verdict": leg.verdict,
        "relation": leg.relation,
        "settles": optional_text(leg.settles),
        "url": safe_url(leg.market_url),
    }


def _market(view: MarketView) -> Payload:
    return {
        "label": clean(view.label or view.question, MAX_LABEL),
        "question": clean(view.question, MAX_TEXT),
        "said": clean(view.said, MAX_TEXT),
        "price": view.price,
        "closes_at": optional_instant(view.closes_at),
        "settles": optional_text(view.settles),
        "url": safe_url(view.url),
    }


def _move_entry(rule: Rule, leg: MoveView, summary: str) -> Payload:
    labels = {
        "alertname": rule.name, "severity": rule.severity, "venue": leg.venue,
        "series": leg.series or "", "outcome": clean(leg.label, MAX_LABEL),
    }  # fmt: skip
    annotations = {
        "summary": summary, "move": signed_pp(leg.move), "verdict": leg.verdict,
        "price_from": f"{leg.price_from:.4f}", "price_to": f"{leg.price_to:.4f}",
    }  # fmt: skip
    return entry(labels, annotations, leg.start_at, leg.market_url)


def _link_entry(rule: Rule, leg: LinkView, summary: str) -> Payload:
    labels = {
        "alertname": rule.name, "severity": rule.severity, "theme": leg.theme, "kind": leg.kind,
        "venue": leg.venue, "series": leg.series or "", "market": leg.market_id,
        "outcome": clean(leg.label, MAX_LABEL), "verdict": leg.verdict,
    }  # fmt: skip
    annotations = {
        "summary": summary, "headline": clean(leg.title, MAX_TEXT), "move": signed_pp(leg.move),
    }  # fmt: skip
    return entry(labels, annotations, leg.at, leg.market_url)


def _market_entry(rule: Rule, view: MarketView, summary: str) -> Payload:
    labels = {
        "alertname": rule.name, "severity": rule.severity, "venue": view.venue,
        "series": view.series or "", "market": view.market_id, "state": view.state,
        "theme": next(iter(view.themes), ""),
    }  # fmt: skip
    annotations = {
        "summary": summary, "question": clean(view.question, MAX_TEXT),
        "said": clean(view.said, MAX_TEXT),
    }  # fmt: skip
    return entry(labels, annotations, view.observed_at, view.url)
