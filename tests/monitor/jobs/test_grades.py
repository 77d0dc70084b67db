"""Which price an alert is graded on, which way, and what comes of it; over a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from monitor.jobs.grade_targets import Told
from monitor.jobs.grades import Grades, grade_due, grades, stored
from storage import alert_repo, coverage, signal_repo
from storage.alert_repo import AlertDraft
from storage.instants import to_ms
from storage.models import Alert
from storage.quotes import as_row, insert_rows
from storage.records import PriceBasis, QuoteRecord
from tests.builders import NOON, a_link, a_move, a_signal, at
from tests.desk import CONFIG, OTHERS, Desk, joined, open_desk, prices

DAY_MIN = 24 * 60
SINCE = at(-60)


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Desk]:
    """Yield a desk that follows two races; Zetacorp leads by 10 pp from minute 120 on."""
    async with open_desk(tmp_path, CONFIG) as desk:
        race = prices(NOON, {"Zetacorp": "0.40", "Omegacorp": "0.30"})
        other = prices(NOON, {"Sigmacorp": "0.90"}, key=OTHERS, series="other-race")
        await desk.poll(joined(race, other))
        steps = {"Zetacorp": {0: "0.40", 120: "0.50"}, "Omegacorp": {0: "0.30", 130: "0.22"}}
        with desk.session() as session:
            for label, found in steps.items():
                watch(session, desk.outcome(label.lower()), label, found)
        yield desk


def watch(session: Any, outcome_id: int, label: str, steps: dict[int, str]) -> None:
    """Write a price's steps by minute, read without a pause for two days."""
    key = ("polymarket", label.lower(), f"{label.lower()}-yes")
    half = Decimal("0.005")
    rows = [
        QuoteRecord(*key, at=at(minute), observed_at=at(minute), basis=PriceBasis.BOOK,
                    bid=Decimal(mid) - half, ask=Decimal(mid) + half)
        for minute, mid in steps.items()
    ]  # fmt: skip
    insert_rows(session, [as_row(row, {key: outcome_id}) for row in rows])
    coverage.add_span(
        session,
        coverage.outcome_subject(outcome_id),
        from_at=at(-60),
        to_at=at(2 * DAY_MIN),
        reason=coverage.WHOLE_PAST,
    )


def told(minute: float = 60, **given: Any) -> Told:
    values = {"rule": "news", "kind": "signal", "at": at(minute), "title": "Zetacorp · launch"}
    return Told(**{**values, "signal_ids": ("sig-1",), "series": ("zeta-race",), **given})


def graded(desk: Desk, *alerts: Told, until: float = 2 * DAY_MIN, **given: Any) -> Grades:
    with desk.session() as session:
        return grades(session, desk.app.topics, alerts, since=SINCE, now=at(until), **given)


def say(desk: Desk, **given: Any) -> None:
    with desk.session() as session:
        signal_repo.put_signal(session, a_signal(**given), known_from=at(1))


async def test_a_signal_is_graded_on_the_leg_it_names(market: Desk) -> None:
    say(market, entities=["zetacorp"])

    found = graded(market, told())

    (alert,) = found.alerts
    assert alert.target is not None
    assert (alert.target.leg.label, alert.target.direction) == ("Zetacorp", None)
    assert alert.graded.outcome.change == pytest.approx(0.10)
    assert (found.overall.n, found.overall.hits, found.overall.either) == (1, 1, 1)


@pytest.mark.parametrize(("said", "direction", "hits"), [
    ({"zetacorp": "positive"}, 1, 1),
    ({"zetacorp": "negative"}, -1, 0),
    ({"omegacorp": "positive"}, None, 1),  # of another: nothing is said of this leg
])  # fmt: skip
async def test_what_the_news_says_of_the_legs_owner_is_its_direction(
    market: Desk, said: dict[str, str], direction: int | None, hits: int
) -> None:
    say(market, polarity=said)

    found = graded(market, told())

    assert found.alerts[0].graded.direction == direction
    assert found.overall.hits == hits


async def test_the_own_market_counts_whatever_room_a_related_one_has(market: Desk) -> None:
    # The theme `wearables` follows Sigmacorp's race as its own and the other as related.
    say(market, theme="wearables", entities=["sigmacorp"])

    (alert,) = graded(market, told()).alerts

    assert alert.target is not None
    assert alert.target.leg.label == "Sigmacorp"


async def test_a_leg_that_the_news_names_comes_before_one_with_more_room(tmp_path: Path) -> None:
    text = CONFIG.replace(
        "event: zeta-race}", "event: zeta-race}, {venue: polymarket, event: b}", 1
    )
    async with open_desk(tmp_path, text) as desk:
        race = prices(NOON, {"Zetacorp": "0.95", "Omegacorp": "0.02"})
        key = "polymarket/event:b"
        other = prices(NOON, {"Anybody": "0.50", "Nobody": "0.40"}, key=key, series="b")
        await desk.poll(joined(race, other))
        say(desk, entities=["zetacorp"])

        (alert,) = graded(desk, told()).alerts

    assert alert.target is not None
    assert alert.target.leg.label == "Zetacorp"


async def test_a_move_is_graded_on_its_largest_leg_in_its_own_direction(market: Desk) -> None:
    omega = market.outcome("omegacorp")
    with market.session() as session:
        move = a_move(omega, at(20), move=-0.06, price_from=0.36, price_to=0.30, state="persisted")
        signal_repo.put_move(session, move, known_from=at(40))

    key = f"{omega}/{to_ms(at(20))}"
    alert = told(kind="move", rule="jump", signal_ids=(), move_ids=(key, "1/2"))
    found = graded(market, alert)

    (one,) = found.alerts
    assert one.target is not None
    assert (one.target.leg.label, one.target.direction) == ("Omegacorp", -1)
    assert one.graded.outcome.hit is True
    # Its own move crossed at minute 23: it was told 37 min after.
    assert one.graded.lead_ms == -37 * 60_000
    assert (found.overall.before, found.overall.after) == (0, 1)


async def test_a_link_is_graded_on_its_outcome_in_the_direction_measured(market: Desk) -> None:
    say(market)
    with market.session() as session:
        link = a_link(outcome_id=market.outcome("zetacorp"), move=-0.04, verdict="moved_down")
        signal_repo.put_link(session, link, known_from=at(50))

    (alert,) = graded(market, told(kind="link")).alerts

    assert alert.target is not None
    assert (alert.target.leg.label, alert.target.direction) == ("Zetacorp", -1)
    assert alert.graded.outcome.hit is False


async def test_what_became_known_later_is_not_what_was_told(market: Desk) -> None:
    say(market, polarity={"zetacorp": "positive"})
    with market.session() as session:
        later = a_signal(polarity={"zetacorp": "negative"})
        signal_repo.put_signal(session, later, known_from=at(90))

    found = graded(market, told(60), told(91))

    assert [each.graded.direction for each in found.alerts] == [1, -1]


async def test_market_news_is_graded_on_its_likeliest_leg_either_way(market: Desk) -> None:
    labels = {"market": ("omegacorp", "zetacorp")}

    (alert,) = graded(market, told(kind="market", signal_ids=(), labels=labels)).alerts

    assert alert.target is not None
    assert (alert.target.leg.label, alert.target.direction) == ("Zetacorp", None)


async def test_what_is_not_graded_is_counted_by_its_reason(market: Desk) -> None:
    say(market)

    found = graded(
        market,
        told(60),
        told(61, rule="other"),
        told(DAY_MIN, suppressed="cooldown"),
        told(DAY_MIN, kind="source", signal_ids=(), rule="sick"),
        told(2 * DAY_MIN - 359),
    )

    assert found.overall.n == 1
    assert found.overall.excluded == {
        "no_market": 1, "not_told": 1, "pending": 1, "same_episode": 1,
    }  # fmt: skip
    # Beside its own rule's alerts, each counts.
    assert {name: each.n for name, each in found.by_rule.items()} == {
        "news": 1, "other": 1, "sick": 0,
    }  # fmt: skip
    assert found.by_rule["sick"].precision is None


async def test_one_that_cannot_be_graded_stands_for_no_episode(market: Desk) -> None:
    say(market)
    gap = 2 * DAY_MIN  # nobody read for 250 min from here on
    with market.session() as session:
        coverage.add_span(
            session,
            coverage.outcome_subject(market.outcome("zetacorp")),
            from_at=at(gap + 250),
            to_at=at(gap + 2000),
            reason=coverage.WHOLE_PAST,
        )

    found = graded(market, told(gap + 10), told(gap + 100), told(gap + 200), until=gap + 2000)

    # 240 min without a price to enter at are too long; 150 are not.
    assert [each.graded.word for each in found.alerts] == ["stale", "miss", "same_episode"]


async def test_the_base_rate_asks_the_same_of_random_times(market: Desk) -> None:
    say(market, polarity={"zetacorp": "positive"})

    found = graded(market, told())

    # Starts from -60 to 2520; those in [-240, 120) hit: 180 of 2580 min, 7 %.
    assert found.overall.base == pytest.approx(180 / 2580, abs=0.03)
    assert found.overall.base_windows == 1 + 2580 // 360
    assert graded(market, told()).overall == found.overall


async def test_recall_is_over_the_moves_of_the_markets_a_rule_listens_to(market: Desk) -> None:
    say(market)
    zeta, omega = market.outcome("zetacorp"), market.outcome("omegacorp")
    sigma = market.outcome("sigmacorp")
    with market.session() as session:
        for outcome, minute, state in (
            (zeta, 117, "persisted"),
            (omega, 120, "persisted"),  # crossed 3 min after its sibling: one episode
            (zeta, 900, "persisted"),
            (omega, 1000, "reverted"),  # came back at once
            (sigma, 117, "persisted"),
        ):
            move = a_move(outcome, at(minute), state=state)
            signal_repo.put_move(session, move, known_from=at(minute + 20))

    found = graded(market, told(60), themes={"news": ("glasses",)})

    assert (found.overall.recall.told, found.overall.recall.moves) == (1, 3)
    # Theme `models` follows neither race; `glasses` follows Zetacorp's only.
    assert found.by_rule["news"].recall.moves == 2
    assert graded(market, told(60), themes={"news": ("models",)}).by_rule["news"].recall.moves == 0


async def test_progress_is_told_from_nothing_to_all(market: Desk) -> None:
    say(market)
    seen: list[tuple[int, int]] = []

    graded(market, told(60), told(70), progress=lambda done, of: seen.append((done, of)))

    assert seen == [(0, 2), (1, 2), (2, 2)]


def a_draft(minute: float, **given: Any) -> AlertDraft:
    values: dict[str, Any] = {
        "dedup_key": f"k{minute}", "escalation": 0, "rule": "news", "kind": "signal",
        "severity": "info", "at": at(minute), "title": "Zetacorp · launch",
        "group_key": "story:1", "reason": ("theme glasses",), "channels": ("console",),
        "payload": {"series": ["zeta-race"], "subject": "s"}, "theme": "glasses",
        "signal_ids": ("sig-1",),
    }  # fmt: skip
    return AlertDraft(**{**values, **given})


async def test_a_stored_alert_gets_its_grade_once_the_horizon_passed(market: Desk) -> None:
    say(market)
    with market.session() as session:
        for draft in (
            a_draft(60),
            a_draft(400),
            a_draft(61, suppressed="cooldown"),
            a_draft(62, kind="source", signal_ids=()),
            a_draft(63, signal_ids=("gone",)),
        ):
            alert_repo.add_alert(session, draft)

    def look(minute: float) -> tuple[int, list[str | None]]:
        with market.session() as session:
            changed = grade_due(session, market.app.topics, now=at(minute))
        return changed, [alert.grade for alert in market.rows(Alert)]

    assert look(60 + 359) == (0, [None] * 5)
    assert look(60 + 365) == (3, ["hit", None, "hit", None, "no_market"])
    assert look(60 + 365) == (0, ["hit", None, "hit", None, "no_market"])
    assert look(DAY_MIN) == (1, ["hit", "miss", "hit", None, "no_market"])


async def test_a_stale_grade_is_looked_at_again_for_a_week(market: Desk) -> None:
    say(market)
    late = 2 * DAY_MIN + 60
    with market.session() as session:
        alert_repo.add_alert(session, a_draft(late))

    def look(minute: float) -> str | None:
        with market.session() as session:
            grade_due(session, market.app.topics, now=at(minute))
        return market.rows(Alert)[0].grade

    assert look(late + 400) == "stale"
    with market.session() as session:
        coverage.add_span(
            session,
            coverage.outcome_subject(market.outcome("zetacorp")),
            from_at=at(2 * DAY_MIN + 30),
            to_at=at(3 * DAY_MIN),
            reason=coverage.WHOLE_PAST,
        )
    assert look(late + 8 * DAY_MIN) == "stale"
    assert look(late + 6 * DAY_MIN) == "miss"


async def test_stored_alerts_are_read_as_they_were_told(market: Desk) -> None:
    with market.session() as session:
        alert_repo.add_alert(session, a_draft(60))
        alert_repo.add_alert(session, a_draft(90, suppressed="cooldown"))

    with market.session() as session:
        first, second = stored(session, since=at(60))
        none = stored(session, since=at(91))

    assert (first.rule, first.series, first.signal_ids) == ("news", ("zeta-race",), ("sig-1",))
    assert (first.suppressed, second.suppressed) == (None, "cooldown")
    assert none == []
    assert second.at - first.at == timedelta(minutes=30)
