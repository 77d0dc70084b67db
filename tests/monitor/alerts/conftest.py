"""Builders of what rules look at, and of the messages channels get."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from monitor.alerts.rules import AnyRule, Rule
from monitor.alerts.views import (
    LinkView,
    MarketView,
    MoveView,
    SignalView,
    SourceView,
    StandingView,
)
from monitor.alerts.words import payload
from monitor.alerts.words.message import Message
from storage.instants import format_instant

KINDS: dict[type, str] = {
    SignalView: "signal", MoveView: "move", LinkView: "link", StandingView: "standing",
    MarketView: "market", SourceView: "source",
}  # fmt: skip
BUILDERS: dict[str, Callable[[Rule, Any], dict[str, Any]]] = {
    "signal": lambda rule, views: payload.signal_payload(rule, views[0], [views[0].theme]),
    "move": payload.move_payload,
    "link": payload.link_payload,
    "standing": lambda rule, views: payload.standing_payload(rule, views, [views[0].theme]),
    "market": payload.market_payload,
    "source": lambda rule, views: payload.source_payload(rule, views[0]),
}
NOW = datetime(2025, 11, 27, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def a_signal() -> Callable[..., SignalView]:
    def build(**changes: Any) -> SignalView:
        story = changes.get("story_id", "s1")
        values = {
            "signal_id": f"sig-{story}",
            "story_id": story,
            "theme": "ai-wearables",
            "kind": "launch",
            "title": "夸克AI眼镜发布",
            "source": "example-feed",
            "tier": 1,
            "score": 0.8,
            "publishers": 2,
            "published_at": NOW - timedelta(minutes=5),
            "observed_at": NOW - timedelta(minutes=3),
            "alertable": True,
            "url": "https://news.example/quark",
            "entities": ("alibaba", "quark-glasses"),
            "entity_names": ("Alibaba", "Quark AI glasses"),
            "facts": ("CNY 1,899",),
            "reasons": ("strong alias Quark AI glasses",),
            "series": ("best-company-end-of-july",),
        }
        return SignalView(**{**values, **changes})

    return build


@pytest.fixture
def a_move() -> Callable[..., MoveView]:
    def build(**changes: Any) -> MoveView:
        outcome = changes.get("outcome_id", 1)
        values = {
            "move_key": f"{outcome}@12:00",
            "outcome_id": outcome,
            "venue": "polymarket",
            "series": "best-company-end-of-july",
            "series_title": "Which company is best at the end of July?",
            "label": "Alibaba",
            "question": "Will Alibaba be best?",
            "start_at": NOW - timedelta(minutes=20),
            "end_at": NOW - timedelta(minutes=5),
            "price_from": 0.92,
            "price_to": 0.83,
            "move": -0.09,
            "verdict": "pending",
            "persisted": True,
            "live": True,
            "themes": ("chinese-model-leaderboard",),
            "market_url": "https://venue.example/m/1",
        }
        return MoveView(**{**values, **changes})

    return build


@pytest.fixture
def a_standing() -> Callable[..., StandingView]:
    def build(**changes: Any) -> StandingView:
        values = {
            "signal_id": "st-1",
            "theme": "chinese-model-leaderboard",
            "board": "text",
            "style_control": "on",
            "publish_date": NOW.date(),
            "change": "new_leader",
            "model": "model-a",
            "organization": "Lab A",
            "rank": 1,
            "score": 1500.0,
            "gap": 3.0,
            "title": "text: model-a leads",
            "observed_at": NOW,
            "alertable": True,
            "series": ("best-company-end-of-july",),
        }
        return StandingView(**{**values, **changes})

    return build


@pytest.fixture
def a_link() -> Callable[..., LinkView]:
    def build(**changes: Any) -> LinkView:
        story = changes.get("story_id", "s1")
        values = {
            "signal_id": f"sig-{story}",
            "story_id": story,
            "theme": "ai-wearables",
            "kind": "launch",
            "title": "夸克AI眼镜发布",
            "source": "example-feed",
            "tier": 1,
            "score": 0.8,
            "at": NOW - timedelta(minutes=65),
            "observed_at": NOW - timedelta(minutes=63),
            "alertable": True,
            "venue": "polymarket",
            "series": "best-company-end-of-july",
            "market_id": "m1",
            "outcome_id": 1,
            "label": "Alibaba",
            "question": "Will Alibaba be best?",
            "relation": "own",
            "window_s": 3600,
            "verdict": "moved_up",
            "final": True,
            "thin": False,
            "known_from": NOW,
            "entities": ("alibaba", "quark-glasses"),
            "entity_names": ("Alibaba", "Quark AI glasses"),
            "price_before": 0.30,
            "price_after": 0.36,
            "move": 0.06,
            "abnormal_move": 0.06,
        }
        return LinkView(**{**values, **changes})

    return build


@pytest.fixture
def a_market() -> Callable[..., MarketView]:
    def build(**changes: Any) -> MarketView:
        values = {
            "venue": "polymarket",
            "market_id": "m1",
            "series": "best-company-end-of-july",
            "question": "Will Alibaba be best?",
            "state": "listed",
            "state_id": "2025-11-27T11:58:00.000Z",
            "said": "New market",
            "observed_at": NOW - timedelta(minutes=2),
            "alertable": True,
            "themes": ("chinese-model-leaderboard",),
            "series_title": "Which company is best at the end of July?",
        }
        return MarketView(**{**values, **changes})

    return build


@pytest.fixture
def a_source() -> Callable[..., SourceView]:
    def build(**changes: Any) -> SourceView:
        values = {
            "source": "wire",
            "kind": "rss",
            "state": "down",
            "since": NOW - timedelta(minutes=20),
            "said": "HTTP 503",
            "observed_at": NOW,
        }
        return SourceView(**{**values, **changes})

    return build


@pytest.fixture
def a_message() -> Callable[..., Message]:
    def build(**changes: Any) -> Message:
        entry = {
            "labels": {"alertname": "jump", "severity": "info", "outcome": "Alibaba"},
            "annotations": {"summary": "series-x: Alibaba −9.0 pp"},
            "startsAt": "2025-11-27T11:40:00.000Z",
            "generatorURL": "https://venue.example/m/1",
        }
        values = {
            "rule": "jump",
            "kind": "move",
            "severity": "info",
            "title": "series-x: Alibaba −9.0 pp",
            "first_line": "series-x: Alibaba −9.0 pp",
            "lines": ("series-x: Alibaba −9.0 pp", "No public cause found"),
            "at": NOW,
            "said_at": NOW,
            "group_key": "move:series-x",
            "key": "k1",
            "alerts": (entry,),
        }
        return Message(**{**values, **changes})

    return build


@pytest.fixture
def stored() -> Callable[..., dict[str, Any]]:
    """What is kept of one alert over views of one kind, as a draft keeps it."""
    adapter: TypeAdapter[Rule] = TypeAdapter(AnyRule)

    def build(*views: Any, rule: str = "", at: datetime = NOW, **changes: Any) -> dict[str, Any]:
        kind = next(name for shape, name in KINDS.items() if isinstance(views[0], shape))
        severity = changes.pop("severity", "info")
        settings = {"name": rule or kind, "on": kind, "channels": ["console"], "severity": severity}
        made = BUILDERS[kind](adapter.validate_python(settings), views)
        return {
            **made,
            "kind": kind,
            "rule": rule or kind,
            "severity": severity,
            "at": format_instant(at),
            "group_key": f"{kind}:{made['title']}",
            "why": ["it matched"],
            **changes,
        }

    return build
