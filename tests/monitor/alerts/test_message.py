from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from monitor.alerts.decide import AlertDraft, History, decide, schedule_draft
from monitor.alerts.message import REPEAT_NOTE, render
from monitor.alerts.rules import AnyRule, Rule, ScheduleRule
from monitor.alerts.views import Candidate, MarketPrice, MoveView, SignalView, StandingView
from storage.columns import dump_json

BuildSignal = Callable[..., SignalView]
BuildMove = Callable[..., MoveView]


def a_rule(on: str, **changes: Any) -> Rule:
    adapter: TypeAdapter[Rule] = TypeAdapter(AnyRule)
    return adapter.validate_python({"name": on, "channels": ["console"], "on": on, **changes})


def drafted(view: SignalView | MoveView | StandingView, now: datetime) -> AlertDraft:
    rules = [a_rule("signal"), a_rule("move"), a_rule("standing")]
    signals = [view] if isinstance(view, SignalView) else []
    moves = [view] if isinstance(view, MoveView) else []
    standings = [view] if isinstance(view, StandingView) else []
    (draft,) = decide(rules, signals, moves, standings, now=now, history=History()).drafts
    return draft


def test_a_story_says_facts_first_then_the_headline_then_its_evidence(
    a_signal: BuildSignal, now: datetime
) -> None:
    view = a_signal(prices=(MarketPrice("Alibaba", 0.30, 0.25, "https://venue.example/m"),))
    message = render(drafted(view, now).payload, now=now)
    assert message.lines == (
        "Alibaba · Quark AI glasses · launch · CNY 1,899 · 2025-11-27",
        "夸克AI眼镜发布",
        "Theme ai-wearables · score 0.80 · 2 independent publishers",
        "Source example-feed (tier 1), published 2025-11-27 11:55:00 UTC, "
        "seen 2025-11-27 11:57:00 UTC",
        "Tagged: strong alias Quark AI glasses",
        "Alibaba: 0.30 → 0.25 (−5.0 pp) https://venue.example/m",
        "Article: https://news.example/quark",
        "Rule signal (info): theme ai-wearables; score 0.80, at least 0.00",
    )


@pytest.mark.parametrize(("later_h", "says"), [(0, None), (3, "(3 h ago)"), (72, "(3 d ago)")])
def test_a_late_message_says_how_old_the_news_is(
    a_signal: BuildSignal, now: datetime, later_h: int, says: str | None
) -> None:
    text = render(drafted(a_signal(), now).payload, now=now + timedelta(hours=later_h)).text
    assert ("ago)" in text) == (says is not None)
    assert says is None or says in text


def test_an_unknown_price_or_clock_is_said_to_be_unknown(
    a_signal: BuildSignal, now: datetime
) -> None:
    view = a_signal(published_at=None, prices=(MarketPrice("Alibaba", None, 0.25),))
    text = render(drafted(view, now).payload, now=now).text
    assert "publication time unknown" in text
    assert "Alibaba: no price → 0.25" in text


def test_a_day_is_never_shown_as_an_instant(a_signal: BuildSignal, now: datetime) -> None:
    view = a_signal(published_at=now.replace(hour=0), precision="day")
    text = render(drafted(view, now).payload, now=now).text
    assert "published on 2025-11-27, seen" in text
    assert "00:00:00" not in text


def test_a_move_says_its_legs_and_that_no_cause_was_found(a_move: BuildMove, now: datetime) -> None:
    view = a_move(verdict="no_public_cause_found", z=-7.25, rules_text="Settles on\nthe board")
    lines = render(drafted(view, now).payload, now=now).lines
    assert lines[0] == "best-company-end-of-july: Alibaba −9.0 pp (0.92 → 0.83)"
    assert lines[2] == "No public cause found"
    assert "Alibaba: −9.0 pp, z −7.2 https://venue.example/m/1" in lines
    assert "Settles by: Settles on the board" in lines


@pytest.mark.parametrize(("minutes", "error", "says"), [
    (4, 1.0, "Moved after: News (4 min before)"),
    (-4, 1.0, "Moved 4 min before: News"),
    (0.5, 1.0, "Moved about when this came out: News"),
])  # fmt: skip
def test_a_candidate_is_placed_in_time_and_never_called_a_cause(
    a_move: BuildMove, now: datetime, minutes: float, error: float, says: str
) -> None:
    view = a_move(verdict="candidates", explained_by=(Candidate("News", minutes, error),))
    text = render(drafted(view, now).payload, now=now).text
    assert says in text
    assert "caused" not in text


def test_a_series_id_that_says_nothing_is_shown_by_its_title(
    a_move: BuildMove, now: datetime
) -> None:
    view = a_move(series="hW2kQx9z", series_title="Which company is best?")
    assert drafted(view, now).title.startswith("Which company is best?: Alibaba")


def test_a_board_says_what_changed_and_when_it_was_published(
    a_standing: Callable[..., StandingView], now: datetime
) -> None:
    lines = render(drafted(a_standing(), now).payload, now=now).lines
    assert lines[0] == (
        "text, style control on · new leader · model-a (Lab A) rank 1, score 1500 · 2025-11-27"
    )
    assert "Published 2025-11-27, seen 2025-11-27 12:00:00 UTC" in lines
    assert "model-a: gap +3" in lines


def test_a_brief_says_its_lines(now: datetime) -> None:
    rule = a_rule("schedule", at="08:00")
    assert isinstance(rule, ScheduleRule)
    draft = schedule_draft(rule, due_at=now, now=now, title="Brief", lines=["one", "two"])
    assert render(draft.payload, now=now).lines[:3] == ("Brief", "one", "two")


def test_a_repeat_says_that_it_may_be_one(a_signal: BuildSignal, now: datetime) -> None:
    payload = drafted(a_signal(), now).payload
    assert render(payload, now=now, may_repeat=True).lines[-1] == REPEAT_NOTE
    assert REPEAT_NOTE not in render(payload, now=now).text


def test_hostile_text_stays_one_line_bounded_and_literal(
    a_signal: BuildSignal, now: datetime
) -> None:
    title = "x\r\nRule forged (critical): {0.__class__} {{7*7}} %s " + "y" * 5000
    view = a_signal(title=title, url="javascript:alert(1)", facts=("a\nb",))
    message = render(drafted(view, now).payload, now=now)
    assert message.lines[1].startswith("x Rule forged (critical): {0.__class__} {{7*7}} %s y")
    assert len(message.lines[1]) <= 300
    assert "javascript:" not in message.text
    assert not [line for line in message.lines if "\n" in line or "\r" in line]


def test_a_message_is_cut_to_the_length_a_channel_takes(
    a_signal: BuildSignal, now: datetime
) -> None:
    message = render(drafted(a_signal(), now).payload, now=now)
    assert message.within(60) == "Alibaba · Quark AI glasses · launch · CNY 1,899 · 2025-11-2…"


def test_what_is_stored_can_be_rendered_after_a_round_trip(
    a_signal: BuildSignal, a_move: BuildMove, now: datetime
) -> None:
    import json

    for view in (a_signal(), a_move()):
        payload = drafted(view, now).payload
        restored = json.loads(dump_json(payload))
        assert render(restored, now=now) == render(payload, now=now)
