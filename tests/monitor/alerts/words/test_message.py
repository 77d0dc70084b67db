from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.alerts.views import Candidate, LinkView, MarketPrice, MarketView, MoveView, SignalView
from monitor.alerts.words.message import REPEAT_NOTE, render
from storage.columns import dump_json

BuildSignal = Callable[..., SignalView]
BuildMove = Callable[..., MoveView]
Stored = Callable[..., dict[str, Any]]
VENUE = "https://venue.example/m"


def test_a_story_says_facts_first_then_the_headline_then_its_evidence(
    a_signal: BuildSignal, stored: Stored, now: datetime
) -> None:
    view = a_signal(
        prices=(MarketPrice("Alibaba", 0.30, 0.25, VENUE, 0.37, "First on the text board"),),
        publisher_names=("Daily", "Tech"),
        novelty=0.9,
        similar="3 of 14 earlier launches came before a move within 1 h (n 14)",
    )
    assert render(stored(view), now=now).lines == (
        "Alibaba · Quark AI glasses · launch · CNY 1,899 · 2025-11-27",
        "夸克AI眼镜发布",
        "When: published 2025-11-27 11:55:00 UTC, seen 11:57:00 UTC",
        "By: 2 independent publishers: Daily, Tech · source example-feed (tier 1)",
        f"Alibaba: 0.30 before → 0.25 now (−5.0 pp), 24 h −12.0 pp {VENUE}",
        "Settles by: First on the text board",
        "Similar signals: 3 of 14 earlier launches came before a move within 1 h (n 14)",
        "Article: https://news.example/quark",
        "Theme: ai-wearables · score 0.80 · novelty 0.90",
        "Tagged: strong alias Quark AI glasses",
        "Rule signal (info): it matched",
    )


def test_a_phone_shows_facts_in_english_and_the_headline_as_it_was_published(
    a_signal: BuildSignal, stored: Stored, now: datetime
) -> None:
    assert render(stored(a_signal()), now=now).phone == (
        "Alibaba · Quark AI glasses · launch · CNY 1,899 · 2025-11-27",
        "夸克AI眼镜发布",
    )


@pytest.mark.parametrize(("later", "says"), [
    (timedelta(0), "published 2025-11-27 11:55:00 UTC, seen"),
    (timedelta(minutes=54), "published 2025-11-27 11:55:00 UTC, seen"),
    (timedelta(minutes=55), "published 1 hour ago (2025-11-27 11:55:00 UTC), seen"),
    (timedelta(hours=47), "published 47 hours ago (2025-11-27 11:55:00 UTC), seen"),
    (timedelta(days=3), "published 3 days ago (2025-11-27 11:55:00 UTC), seen"),
])  # fmt: skip
def test_a_late_message_says_how_old_the_news_is(
    a_signal: BuildSignal, stored: Stored, now: datetime, later: timedelta, says: str
) -> None:
    assert says in render(stored(a_signal()), now=now + later).text


@pytest.mark.parametrize(("days", "says"), [
    (0, "published on 2025-11-27, seen"),
    (1, "published on 2025-11-27, seen"),  # a day without a zone may still be going on
    (3, "published 3 days ago (2025-11-27), seen"),
])  # fmt: skip
def test_a_day_is_never_shown_as_an_instant(
    a_signal: BuildSignal, stored: Stored, now: datetime, days: int, says: str
) -> None:
    view = a_signal(published_at=now.replace(hour=0), precision="day")
    text = render(stored(view), now=now + timedelta(days=days)).text
    assert says in text
    assert "00:00:00" not in text


def test_an_unknown_price_or_clock_is_said_to_be_unknown(
    a_signal: BuildSignal, stored: Stored, now: datetime
) -> None:
    prices = (MarketPrice("Alibaba", None, 0.25), MarketPrice("Moonshot", 0.1, None))
    message = render(stored(a_signal(published_at=None, facts=(), prices=prices)), now=now)
    assert message.first_line.endswith("launch · seen 2025-11-27")
    assert "publication time unknown" in message.text
    assert "Alibaba: no price before → 0.25 now, no price 24 h ago" in message.lines
    assert "Moonshot: 0.10 before → no price now" in message.lines


@pytest.mark.parametrize(("publishers", "says"), [
    (1, "By: 1 independent publisher ·"), (2, "By: 2 independent publishers ·"),
    (0, "By: 0 independent publishers ·"),
])  # fmt: skip
def test_publishers_are_counted_in_plain_english(
    a_signal: BuildSignal, stored: Stored, now: datetime, publishers: int, says: str
) -> None:
    assert says in render(stored(a_signal(publishers=publishers)), now=now).text


def test_a_move_says_its_legs_in_one_message_and_that_no_cause_was_found(
    a_move: BuildMove, stored: Stored, now: datetime
) -> None:
    view = a_move(
        verdict="no_public_cause_found", z=-7.25, now=0.84, day_ago=0.94, rules_text="First on\nit"
    )
    other = a_move(
        outcome_id=2, label="Moonshot", price_from=0.1, price_to=0.4, move=0.3, market_url=None
    )
    assert render(stored(view, other, rule="jump"), now=now).lines == (
        "best-company-end-of-july: Alibaba −9.0 pp (0.92 → 0.83), Moonshot +30.0 pp (0.10 → 0.40)",
        "Which company is best at the end of July?",
        "No public cause found",
        "When: from 2025-11-27 11:40:00 UTC to 2025-11-27 11:55:00 UTC",
        "Alibaba: 0.92 → 0.83 (−9.0 pp), now 0.84, 24 h −10.0 pp, z −7.2 https://venue.example/m/1",
        "Moonshot: 0.10 → 0.40 (+30.0 pp)",
        "Settles by: First on it",
        "Rule jump (info): it matched",
    )


@pytest.mark.parametrize(("minutes", "error", "says"), [
    (4, 1.0, "Moved after: News (4 min before)"),
    (-4, 1.0, "Moved 4 min before: News"),
    (0.5, 1.0, "Moved about when this came out: News"),
])  # fmt: skip
def test_a_candidate_is_placed_in_time_and_never_called_a_cause(
    a_move: BuildMove, stored: Stored, now: datetime, minutes: float, error: float, says: str
) -> None:
    view = a_move(verdict="candidates", explained_by=(Candidate("News", minutes, error),))
    text = render(stored(view), now=now).text
    assert says in text
    assert "caused" not in text


def test_a_response_says_its_prices_its_test_and_what_it_does_not_show(
    a_link: Callable[..., LinkView], stored: Stored, now: datetime
) -> None:
    view = a_link(
        z=5.0, p_value=0.012, n_placebo=1412, settles="First on the text board", market_url=VENUE
    )
    assert render(stored(view), now=now).lines == (
        "Alibaba · Quark AI glasses · launch · then Alibaba +6.0 pp (0.30 → 0.36) within 1 h",
        "夸克AI眼镜发布",
        "When: published 1 hour ago (2025-11-27 10:55:00 UTC), seen 10:57:00 UTC",
        "Alibaba: 0.30 before → 0.36 after 1 h (+6.0 pp), moved up, +6.0 pp beyond its drift, "
        f"z +5.0, p 0.012 (n 1,412) {VENUE}",
        "Reading: one came before the other; this alone shows no cause",
        "Settles by: First on the text board",
        "Theme: ai-wearables · score 0.80",
        "Source: example-feed (tier 1)",
        "Rule link (info): it matched",
    )


def test_a_response_without_a_test_says_so(
    a_link: Callable[..., LinkView], stored: Stored, now: datetime
) -> None:
    view = a_link(verdict="no_detectable_move", thin=True, relation="related", move=None,
                  price_after=None, abnormal_move=None)  # fmt: skip
    message = render(stored(view), now=now)
    assert message.first_line.endswith("launch · Alibaba no price within 1 h · no detectable move")
    assert (
        "Alibaba: 0.30 before → no price after 1 h (no price), no detectable move, no p: too few "
        "comparable hours, thin: few price changes to judge by, a related market"
    ) in message.lines
    assert "Reading" not in message.text


def test_markets_that_close_say_when_and_what_settles_them(
    a_market: Callable[..., MarketView], stored: Stored, now: datetime
) -> None:
    views = [
        a_market(market_id=label, label=label, state="closing", said="closes in 23 h", price=0.42,
                 closes_at=now + timedelta(hours=23), settles="First on it", url=VENUE)
        for label in ("Alibaba", "Moonshot")
    ]  # fmt: skip
    assert render(stored(*views), now=now).lines == (
        "best-company-end-of-july · closing · 2 markets: Alibaba, Moonshot · "
        "closes 2025-11-28 11:00 UTC",
        "Which company is best at the end of July?",
        "When: seen 2025-11-27 11:58:00 UTC at polymarket",
        f"Alibaba: now 0.42, closes 2025-11-28 11:00 UTC {VENUE}",
        f"Moonshot: now 0.42, closes 2025-11-28 11:00 UTC {VENUE}",
        "Settles by: First on it",
        "Theme: chinese-model-leaderboard",
        "Rule market (info): it matched",
    )


def test_rules_that_differ_are_told_for_each_leg(
    a_signal: BuildSignal, stored: Stored, now: datetime
) -> None:
    prices = (
        MarketPrice("A", 0.1, 0.1, settles="first"), MarketPrice("B", 0.1, 0.1, settles="second"),
        MarketPrice("C", 0.1, 0.1, settles="first"),
    )  # fmt: skip
    lines = render(stored(a_signal(prices=prices)), now=now).lines
    assert [line for line in lines if line.startswith("Settles")] == [
        "Settles A, C: first", "Settles B: second",
    ]  # fmt: skip


def test_a_board_says_what_changed_and_when_it_was_published(
    a_standing: Callable[..., Any], stored: Stored, now: datetime
) -> None:
    lines = render(stored(a_standing()), now=now).lines
    assert lines[0] == (
        "text, style control on · new leader · model-a (Lab A) rank 1, score 1500 · 2025-11-27"
    )
    assert "When: published 2025-11-27, seen 2025-11-27 12:00:00 UTC" in lines
    assert "model-a: gap +3" in lines


def test_a_source_says_since_when(
    a_source: Callable[..., Any], stored: Stored, now: datetime
) -> None:
    assert render(stored(a_source()), now=now).lines[:2] == (
        "source wire is down: HTTP 503",
        "A source of kind rss. Last read 2025-11-27 11:40:00 UTC, 20 min ago",
    )


def test_a_brief_says_its_lines(
    a_source: Callable[..., Any], stored: Stored, now: datetime
) -> None:
    lines = ["one", "", "two"]
    brief = {**stored(a_source()), "kind": "schedule", "title": "Brief", "lines": lines}
    assert render(brief, now=now).lines[:3] == ("Brief", "one", "two")


def test_a_follow_up_names_what_it_follows(
    a_move: BuildMove, stored: Stored, now: datetime
) -> None:
    payload = stored(a_move(), follows="Alibaba · launch (told 12 min earlier)")
    assert "Follows: Alibaba · launch (told 12 min earlier)" in render(payload, now=now).lines


def test_a_repeat_says_that_it_may_be_one_in_every_form(
    a_signal: BuildSignal, stored: Stored, now: datetime
) -> None:
    payload = stored(a_signal())
    message = render(payload, now=now, may_repeat=True)
    assert message.lines[-1] == REPEAT_NOTE
    for said in (message.within(400), message.markdown(400), message.html()):
        assert REPEAT_NOTE in said
    assert REPEAT_NOTE not in render(payload, now=now).text


def test_an_alert_that_waited_alone_says_why_it_is_late(
    a_signal: BuildSignal, stored: Stored, now: datetime
) -> None:
    message = render(stored(a_signal()), now=now + timedelta(hours=8), bundle="quiet")
    assert message.lines[-1] == "Held over quiet hours; decided 2025-11-27 12:00 UTC"


def test_a_payload_of_an_earlier_version_is_still_told(
    a_signal: BuildSignal, stored: Stored, now: datetime
) -> None:
    payload = stored(a_signal(prices=(MarketPrice("Alibaba", 0.30, 0.25, VENUE),)))
    for name in ("novelty", "publisher_names", "similar", "lang"):
        del payload[name]
    for row in payload["prices"]:
        del row["day_ago"], row["settles"]
    lines = render(payload, now=now).lines
    assert f"Alibaba: 0.30 before → 0.25 now (−5.0 pp) {VENUE}" in lines


def test_what_is_stored_can_be_rendered_after_a_round_trip(
    a_signal: BuildSignal, a_move: BuildMove, stored: Stored, now: datetime
) -> None:
    for view in (a_signal(), a_move()):
        payload = stored(view)
        restored = json.loads(dump_json(payload))
        assert render(restored, now=now) == render(payload, now=now)


def test_nothing_to_tell_or_a_foreign_payload_is_refused(now: datetime) -> None:
    with pytest.raises(ValueError, match="at least one alert"):
        render([], now=now)
    with pytest.raises(KeyError):
        render({"title": "x"}, now=now)
