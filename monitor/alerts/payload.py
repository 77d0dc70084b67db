"""What is kept of a decision: JSON values from which any channel's message is made later.

Texts from outside are kept on one line and bounded. Each payload holds `alerts`, the labels,
annotations, start and link of every entry of an Alertmanager v4 body.
Source: Alertmanager webhook data, https://prometheus.io/docs/alerting/latest/configuration/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.alerts.plain_text import one_line
from monitor.alerts.rules import MoveRule, Rule
from monitor.alerts.views import MarketPrice, MoveView, SignalView, SourceView, StandingView
from storage.instants import format_instant

MAX_TEXT = 300
MAX_URL = 2000
Payload = dict[str, Any]


def signal_payload(rule: Rule, view: SignalView, themes: Sequence[str]) -> Payload:
    """Return the payload of a story's alert; `themes` are all its themes that the rule matched."""
    names = view.entity_names or view.entities or (view.theme,)
    published_on = (view.published_at or view.observed_at).date().isoformat()
    parts = [*names, _words(view.kind), *view.facts, published_on]
    title = " · ".join(one_line(part, 80) for part in parts)
    return {
        "title": title,
        "headline": one_line(view.title, MAX_TEXT),
        "themes": list(themes),
        "score": view.score,
        "source": view.source,
        "tier": view.tier,
        "publishers": view.publishers,
        "published_at": None if view.published_at is None else format_instant(view.published_at),
        "precision": view.precision,
        "seen_at": format_instant(view.observed_at),
        "tags": [one_line(reason, MAX_TEXT) for reason in view.reasons],
        "url": safe_url(view.url),
        "prices": _prices(view.prices),
        "series": list(view.series),
        "alerts": [
            _entry(
                {"alertname": rule.name, "severity": rule.severity, "theme": view.theme,
                 "kind": view.kind, "source": view.source, "entity": next(iter(view.entities), "")},
                {"summary": title, "headline": one_line(view.title, MAX_TEXT)},
                view.published_at or view.observed_at,
                view.url,
            )
        ],
    }  # fmt: skip


def move_payload(rule: Rule, legs: Sequence[MoveView]) -> Payload:
    """Return the payload of the moves of one series, the largest leg first."""
    first = legs[0]
    title = f"{_series_name(first)}: " + ", ".join(_leg_text(leg) for leg in legs)
    if isinstance(rule, MoveRule) and rule.verdict is not None:
        title += f" · {_words(rule.verdict)}"
    return {
        "title": title,
        "headline": one_line(first.series_title or first.question, MAX_TEXT),
        "themes": list(dict.fromkeys(theme for leg in legs for theme in leg.themes)),
        "verdict": first.verdict,
        "candidates": [
            {
                "title": one_line(candidate.title, MAX_TEXT),
                "minutes_before": candidate.minutes_before,
                "clock_error_min": candidate.clock_error_min,
                "url": safe_url(candidate.url),
            }
            for candidate in first.explained_by[:3]
        ],
        "start_at": format_instant(min(leg.start_at for leg in legs)),
        "end_at": format_instant(max(leg.end_at for leg in legs)),
        "legs": [_leg(leg) for leg in legs],
        "rules_text": None if first.rules_text is None else one_line(first.rules_text, MAX_TEXT),
        "series": [first.series] if first.series else [],
        "alerts": [_leg_entry(rule, leg, title) for leg in legs],
    }


def standing_payload(rule: Rule, rows: Sequence[StandingView], themes: Sequence[str]) -> Payload:
    """Return the payload of one change on one board, with every row that shows it."""
    first = rows[0]
    models = ", ".join(_standing_text(row) for row in rows)
    board = first.board if first.style_control != "on" else f"{first.board}, style control on"
    parts = (board, _words(first.change), models, first.publish_date.isoformat())
    title = " · ".join(one_line(part, MAX_TEXT) for part in parts)
    return {
        "title": title,
        "headline": one_line(first.title, MAX_TEXT),
        "themes": list(themes),
        "publish_date": first.publish_date.isoformat(),
        "seen_at": format_instant(first.observed_at),
        "gaps": [{"model": one_line(row.model, 80), "gap": row.gap} for row in rows],
        "url": safe_url(first.url),
        "prices": _prices(first.prices),
        "series": list(first.series),
        "alerts": [
            _entry(
                {"alertname": rule.name, "severity": rule.severity, "theme": row.theme,
                 "kind": row.change, "board": row.board, "model": one_line(row.model, 80)},
                {"summary": title, "rank": str(row.rank), "score": f"{row.score:g}"},
                row.observed_at,
                row.url,
            )
            for row in rows
        ],
    }  # fmt: skip


def source_payload(rule: Rule, view: SourceView) -> Payload:
    """Return the payload of one state of one source."""
    state = {"drift": "has drifted", "recovered": "has recovered"}.get(
        view.state, f"is {view.state}"
    )
    title = one_line(f"source {view.source} {state}: {view.said}", MAX_TEXT)
    return {
        "title": title,
        "source": view.source,
        "source_kind": view.kind,
        "state": view.state,
        "since": None if view.since is None else format_instant(view.since),
        "series": [],
        "alerts": [
            _entry(
                {"alertname": rule.name, "severity": rule.severity, "source": view.source,
                 "kind": view.kind, "state": view.state},
                {"summary": title},
                view.since or view.observed_at,
                None,
            )
        ],
    }  # fmt: skip


def safe_url(url: str | None) -> str | None:
    """Return `url` when it is a plain http or https link of bounded length, else None."""
    if url is None or len(url) > MAX_URL or not url.isprintable() or " " in url:
        return None
    return url if url.lower().startswith(("http://", "https://")) else None


def signed_pp(change: float) -> str:
    """Return a change of probability in points, such as `−9.0 pp`."""
    return f"{change * 100:+.1f} pp".replace("-", "−")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _series_name(leg: MoveView) -> str:
    # Slugs and tickers read well; a Manifold contract id says nothing, its title does.
    if leg.series and "-" in leg.series:
        return one_line(leg.series, 120)
    return one_line(leg.series_title or leg.question, 120)


def _leg_text(leg: MoveView) -> str:
    arrow = f"({leg.price_from:.2f} → {leg.price_to:.2f})"
    return f"{one_line(leg.label, 60)} {signed_pp(leg.move)} {arrow}"


def _leg(leg: MoveView) -> Payload:
    return {
        "label": one_line(leg.label, 60),
        "question": one_line(leg.question, MAX_TEXT),
        "from": leg.price_from,
        "to": leg.price_to,
        "move": leg.move,
        "z": leg.z,
        "url": safe_url(leg.market_url),
    }


def _leg_entry(rule: Rule, leg: MoveView, title: str) -> Payload:
    labels = {
        "alertname": rule.name,
        "severity": rule.severity,
        "venue": leg.venue,
        "series": leg.series or "",
        "outcome": one_line(leg.label, 60),
    }
    annotations = {
        "summary": title,
        "move": signed_pp(leg.move),
        "verdict": leg.verdict,
        "price_from": f"{leg.price_from:.4f}",
        "price_to": f"{leg.price_to:.4f}",
    }
    return _entry(labels, annotations, leg.start_at, leg.market_url)


def _standing_text(row: StandingView) -> str:
    maker = f" ({one_line(row.organization, 60)})" if row.organization else ""
    return f"{one_line(row.model, 80)}{maker} rank {row.rank}, score {row.score:g}"


def _prices(prices: Iterable[MarketPrice]) -> list[Payload]:
    return [
        {
            "label": one_line(price.label, 60),
            "before": price.before,
            "now": price.now,
            "url": safe_url(price.url),
        }
        for price in prices
    ]


def _entry(
    labels: Mapping[str, str], annotations: Mapping[str, str], at: datetime, url: str | None
) -> Payload:
    return {
        # An empty label is no label, to Prometheus and its kin.
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": dict(annotations),
        "startsAt": format_instant(at),
        "generatorURL": safe_url(url) or "",
    }
