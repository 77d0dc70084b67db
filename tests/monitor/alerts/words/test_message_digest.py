from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.alerts.words.forms import Form
from monitor.alerts.words.message import MAX_SHOWN, REPEAT_NOTE, render

Build = Callable[..., Any]


def test_several_alerts_are_one_message_the_severest_and_newest_first(
    a_signal: Build, a_move: Build, stored: Build, now: datetime
) -> None:
    payloads = [
        stored(a_signal(), rule="news", at=now - timedelta(minutes=30)),
        stored(a_signal(title="newer"), rule="news", at=now - timedelta(minutes=10)),
        stored(a_move(), rule="jump", severity="critical", at=now - timedelta(minutes=20)),
    ]
    message = render(payloads, now=now, bundle="storm", key="k", may_repeat=True)
    assert message.lines == (
        "Storm: 3 alerts in one message · 1 critical, 2 info · 2 rules · "
        "from 2025-11-27 11:30 to 11:50 UTC",
        "• 11:40 [critical] best-company-end-of-july: Alibaba −9.0 pp (0.92 → 0.83)",
        "  Which company is best at the end of July? https://venue.example/m/1",
        "• 11:50 [info] Alibaba · Quark AI glasses · launch · CNY 1,899 · 2025-11-27",
        "  newer https://news.example/quark",
        "• 11:30 [info] Alibaba · Quark AI glasses · launch · CNY 1,899 · 2025-11-27",
        "  夸克AI眼镜发布 https://news.example/quark",
        REPEAT_NOTE,
    )
    assert message.phone[1] == "best-company-end-of-july: Alibaba −9.0 pp (0.92 → 0.83)"
    assert (message.severity, message.rule, message.kind) == ("critical", "several", "several")
    assert (message.group_key, message.at) == ("storm", now - timedelta(minutes=10))


@pytest.mark.parametrize(("held", "says"), [
    ("group", "2 alerts together · 2 info · rule news · 2025-11-27 12:00 UTC"),
    ("digest", "Digest of 2 alerts · 2 info · rule news · 2025-11-27 12:00 UTC"),
    ("quiet", "2 alerts held over quiet hours · 2 info · rule news · 2025-11-27 12:00 UTC"),
    (None, "2 alerts · 2 info · rule news · 2025-11-27 12:00 UTC"),
])  # fmt: skip
def test_the_first_line_says_why_they_came_together(
    a_signal: Build, stored: Build, now: datetime, held: str | None, says: str
) -> None:
    assert render([stored(a_signal(), rule="news")] * 2, now=now, bundle=held).first_line == says


def test_alerts_of_several_days_say_their_days(
    a_signal: Build, stored: Build, now: datetime
) -> None:
    payloads = [stored(a_signal(), at=now), stored(a_signal(), at=now + timedelta(hours=13))]
    message = render(payloads, now=now + timedelta(hours=14))
    assert message.first_line.endswith("from 2025-11-27 12:00 to 2025-11-28 01:00 UTC")
    assert message.lines[1].startswith("• 11-28 01:00 [info]")


def test_one_alert_of_a_bundle_is_told_in_full(
    a_signal: Build, stored: Build, now: datetime
) -> None:
    payload = stored(a_signal())
    assert render([payload], now=now, bundle="storm") == render(payload, now=now, bundle="storm")
    assert "Theme: ai-wearables" in render([payload], now=now).text


def test_alertmanager_gets_every_alert_each_with_its_own_words(
    a_signal: Build, a_move: Build, stored: Build, now: datetime
) -> None:
    legs = [a_move(), a_move(outcome_id=2, label="Moonshot")]
    payloads = [stored(a_signal(title=f"story {n}")) for n in range(120)] + [stored(*legs)]
    message = render(payloads, now=now)
    assert len(message.alerts) == 122
    descriptions = [entry["annotations"]["description"] for entry in message.alerts]
    assert sum("story 7\n" in description for description in descriptions) == 1
    assert descriptions[-2].startswith("best-company-end-of-july: Alibaba")
    assert descriptions[-1] == "Moonshot −9.0 pp (0.92 → 0.83)"
    assert "description" not in payloads[0]["alerts"][0]["annotations"]


@pytest.mark.parametrize(("bundle", "key", "labels"), [
    ("group:jump:theme=x", "group:jump:theme=x", {"theme": "x"}),
    ("group:jump:theme=x,y;entity=;venue=polymarket", "group:jump:theme=x,y;entity=;"
     "venue=polymarket", {"theme": "x,y", "venue": "polymarket"}),
    ("group:jump:series=a;b=c;state=listed", "group:jump:series=a;b=c;state=listed",
     {"series": "a;b=c", "state": "listed"}),
    ("digest:jump", "digest:jump", {}),
    ("quiet:nights", "quiet:nights", {}),
    ("storm", "storm", {}),
    (None, "several:k1", {}),
])  # fmt: skip
def test_every_message_of_one_group_has_the_same_group_key_and_its_labels(
    a_signal: Build, stored: Build, now: datetime, bundle: str | None, key: str,
    labels: dict[str, str],
) -> None:  # fmt: skip
    payloads = [stored(a_signal(), group_key=f"story:{n}") for n in range(3)]
    message = render(payloads, now=now, key="k1", bundle=bundle)
    assert (message.group_key, message.group_labels) == (key, labels)
    if bundle:
        assert render(payloads[1:], now=now, key="k2", bundle=bundle).group_key == key


@pytest.mark.parametrize(("bundle", "key"), [
    ("group:jump:theme=x", "group:jump:theme=x"),  # the first of its group, and alone as yet
    ("digest:jump", "digest:jump"),
    ("group:jump:story:1", "story:1"),  # a group of one thing alone: its follow-ups say the same
    ("quiet:nights", "story:1"),
    ("storm", "story:1"),
    (None, "story:1"),
])  # fmt: skip
def test_an_alert_alone_has_the_key_of_its_group_else_of_its_story(
    a_signal: Build, stored: Build, now: datetime, bundle: str | None, key: str
) -> None:
    payload = stored(a_signal(), group_key="story:1")
    assert render(payload, now=now, key="k1", bundle=bundle).group_key == key
    assert render([payload, payload], now=now, key="k2", bundle=bundle).group_key == key


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    count=st.integers(2, 90), limit=st.none() | st.integers(200, 9000), form=st.sampled_from(Form)
)
def test_what_is_left_out_is_counted_exactly(
    a_signal: Build, stored: Build, now: datetime, count: int, limit: int | None, form: Form
) -> None:
    payloads = [stored(a_signal(title=f"headline-{n}.")) for n in range(count)]
    message = render(payloads, now=now, bundle="digest")
    said = message.written(form, limit)
    assert limit is None or len(said) <= limit
    shown = len(re.findall(r"headline-\d+\.", said))
    left = re.search(r"and (\d+) more", said)
    if left is None and shown == 0:  # too narrow for more than the first line
        assert limit is not None
        assert limit < 2000
        return
    assert shown <= MAX_SHOWN
    assert shown + (int(left[1]) if left else 0) == count
    assert f"{count} alerts" in said
