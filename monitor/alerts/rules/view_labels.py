"""The labels of one view, which matchers, groups and inhibitions look at.

A change of a board stands under `kind`, as do the kinds of signals and sources. What is unknown
has no label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monitor.alerts.rules.matchers import Labels
from monitor.alerts.rules.models import RuleModel
from monitor.alerts.views import (
    LinkView,
    MarketView,
    MoveView,
    SignalView,
    SourceView,
    StandingView,
    View,
)

FIXED_LABELS = ("rule", "on", "severity")
LABELS_OF: Mapping[str, tuple[str, ...]] = {
    "signal": (*FIXED_LABELS, "theme", "kind", "entity", "source", "venue", "series", "market"),
    "move": (*FIXED_LABELS, "theme", "venue", "series", "market", "verdict", "direction"),
    "link": (
        *FIXED_LABELS, "theme", "kind", "entity", "source", "venue", "series", "market", "verdict",
        "direction",
    ),
    "standing": (*FIXED_LABELS, "theme", "kind", "board", "series"),
    "market": (*FIXED_LABELS, "theme", "entity", "venue", "series", "market", "state"),
    "source": (*FIXED_LABELS, "kind", "source", "state"),
    "schedule": FIXED_LABELS,
}  # fmt: skip


def view_labels(rule: RuleModel, view: View) -> Labels:
    """Return the labels that an alert of `rule` on `view` alone has: those of LABELS_OF, if known.

    An alert on several views has the values of all.
    """
    common = {"rule": rule.name, "on": _kind_of(view), "severity": rule.severity}
    found = {**{label: (value,) for label, value in common.items()}, **_own(view)}
    known = {label: tuple(dict.fromkeys(filter(None, values))) for label, values in found.items()}
    return {label: values for label, values in known.items() if values}


def direction_of(move: float | None) -> str | None:
    """Return up or down; None when there was no change or none is known."""
    return None if not move else "up" if move > 0 else "down"


def _kind_of(view: View) -> str:
    kinds = {
        SignalView: "signal",
        MoveView: "move",
        LinkView: "link",
        StandingView: "standing",
        MarketView: "market",
        SourceView: "source",
    }
    return kinds[type(view)]


def _own(view: View) -> dict[str, Iterable[str | None]]:
    if isinstance(view, SignalView):
        return {
            "theme": [view.theme],
            "kind": [view.kind],
            "entity": view.entities,
            "source": [view.source],
            "venue": view.venues,
            "series": view.series,
            "market": view.markets,
        }
    if isinstance(view, StandingView):
        return {
            "theme": [view.theme],
            "kind": [view.change],
            "board": [view.board],
            "series": view.series,
        }
    if isinstance(view, SourceView):
        return {"kind": [view.kind], "source": [view.source], "state": [view.state]}
    return _of_one_market(view)


def _of_one_market(view: MoveView | LinkView | MarketView) -> dict[str, Iterable[str | None]]:
    place: dict[str, Iterable[str | None]] = {
        "venue": [view.venue],
        "series": [view.series],
        "market": [view.market_id],
    }
    if isinstance(view, MarketView):
        return {**place, "theme": view.themes, "entity": view.entities, "state": [view.state]}
    judged = {**place, "verdict": [view.verdict], "direction": [direction_of(view.move)]}
    if isinstance(view, MoveView):
        return {**judged, "theme": view.themes}
    return {
        **judged,
        "theme": [view.theme],
        "kind": [view.kind],
        "entity": view.entities,
        "source": [view.source],
    }
