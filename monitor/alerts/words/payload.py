"""What is kept of a decision: JSON values from which any channel's message is made later.

Texts from outside are kept on one line, bounded and without hidden characters. Each payload
holds `alerts`, the labels, annotations, start and link of every entry of an Alertmanager v4 body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from monitor.alerts.rules import Rule
from monitor.alerts.views import SignalView, SourceView, StandingView
from monitor.alerts.words.payload_parts import (
    MAX_TEXT,
    Payload,
    entry,
    optional_instant,
    optional_text,
    price_rows,
    safe_url,
    signed_pp,
    summaries,
    words,
)
from monitor.alerts.words.plain_text import clean
from monitor.alerts.words.price_payloads import link_payload, market_payload, move_payload

__all__ = [
    "Payload",
    "link_payload",
    "market_payload",
    "move_payload",
    "safe_url",
    "signal_payload",
    "signed_pp",
    "source_payload",
    "standing_payload",
]

_DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?\b")


def signal_payload(rule: Rule, view: SignalView, themes: Sequence[str]) -> Payload:
    """Return the payload of a story's alert; `themes` are all its themes that the rule matched."""
    names = view.entity_names or view.entities or (view.theme,)
    parts = [*names, words(view.kind), *_dated(view)]
    title = " · ".join(clean(part, 80) for part in parts)
    headline = clean(view.title, MAX_TEXT)
    labels = {
        "alertname": rule.name, "severity": rule.severity, "theme": view.theme,
        "kind": view.kind, "source": view.source, "entity": next(iter(view.entities), ""),
    }  # fmt: skip
    summary = {"summary": title, "headline": headline}
    return {
        "title": title,
        "headline": headline,
        "lang": view.lang,
        "themes": list(themes),
        "score": view.score,
        "novelty": view.novelty,
        "source": view.source,
        "tier": view.tier,
        "publishers": view.publishers,
        "publisher_names": [clean(name, 80) for name in view.publisher_names[:20]],
        "published_at": optional_instant(view.published_at),
        "precision": view.precision,
        "seen_at": optional_instant(view.observed_at),
        "tags": [clean(reason, MAX_TEXT) for reason in view.reasons],
        "url": safe_url(view.url),
        "prices": price_rows(view.prices),
        "similar": optional_text(view.similar),
        "series": list(view.series),
        "alerts": [entry(labels, summary, view.published_at or view.observed_at, view.url)],
    }


def standing_payload(rule: Rule, rows: Sequence[StandingView], themes: Sequence[str]) -> Payload:
    """Return the payload of one change on one board, with every row that shows it."""
    first = rows[0]
    ranks = [_standing_text(row) for row in rows]
    board = first.board if first.style_control != "on" else f"{first.board}, style control on"
    parts = (board, words(first.change), ", ".join(ranks), first.publish_date.isoformat())
    title = " · ".join(clean(part, MAX_TEXT) for part in parts)
    return {
        "title": title,
        "headline": clean(first.title, MAX_TEXT),
        "themes": list(themes),
        "publish_date": first.publish_date.isoformat(),
        "seen_at": optional_instant(first.observed_at),
        "gaps": [{"model": clean(row.model, 80), "gap": row.gap} for row in rows],
        "url": safe_url(first.url),
        "prices": price_rows(first.prices),
        "series": list(first.series),
        "alerts": [
            _standing_entry(rule, row, said)
            for row, said in zip(rows, summaries(title, ranks), strict=True)
        ],
    }


def source_payload(rule: Rule, view: SourceView) -> Payload:
    """Return the payload of one state of one source."""
    state = {"drift": "has drifted", "recovered": "has recovered"}.get(
        view.state, f"is {view.state}"
    )
    title = clean(f"source {view.source} {state}: {view.said}", MAX_TEXT)
    labels = {
        "alertname": rule.name, "severity": rule.severity, "source": view.source,
        "kind": view.kind, "state": view.state,
    }  # fmt: skip
    return {
        "title": title,
        "source": view.source,
        "source_kind": view.kind,
        "state": view.state,
        "since": optional_instant(view.since),
        "series": [],
        "alerts": [entry(labels, {"summary": title}, view.since or view.observed_at, None)],
    }


def _dated(view: SignalView) -> Iterator[str]:
    """Yield the facts, then the one date that stands unlabelled: when it was published."""
    published_on = None if view.published_at is None else view.published_at.date().isoformat()
    for fact in view.facts:
        if not _DATE.match(fact):
            yield fact
        elif fact != published_on:
            yield f"mentions {fact}"
    yield published_on or f"seen {view.observed_at.date().isoformat()}"


def _standing_text(row: StandingView) -> str:
    maker = f" ({clean(row.organization, 60)})" if row.organization else ""
    return f"{clean(row.model, 80)}{maker} rank {row.rank}, score {row.score:g}"


def _standing_entry(rule: Rule, row: StandingView, summary: str) -> Payload:
    labels = {
        "alertname": rule.name, "severity": rule.severity, "theme": row.theme,
        "kind": row.change, "board": row.board, "model": clean(row.model, 80),
    }  # fmt: skip
    annotations = {"summary": summary, "rank": str(row.rank), "score": f"{row.score:g}"}
    return entry(labels, annotations, row.observed_at, row.url)
