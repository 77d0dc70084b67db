"""Who led: the order of items and prices by clocks that can tell, with every null listed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlmodel import select

from monitor.config import Config, parse_config
from monitor.reports import venue_pairs as module
from monitor.reports.leads import source_leads
from monitor.reports.venue_pairs import venue_pairs
from storage import Store, coverage, item_repo, market_repo, signal_repo, source_repo
from storage.item_repo import ItemKeys
from storage.models import Coverage, Market, Outcome
from storage.records import Origin, OutcomeRecord, Precision
from tests.builders import a_link, a_market, a_quote, a_signal, an_item, at, keep
from tests.monitor.reports.conftest import CONFIG, follow

HOURS = 96
END = at(600)


def priced(store: Store, *jumps: tuple[float, float], step: int = 5) -> int:
    """Follow a market at 0.40 that jumps by each (minute, size), polled every `step` minutes."""
    minutes = range(-HOURS * 60, 601, step)
    rows = []
    for minute in minutes:
        mid = 0.40 + sum(size for when, size in jumps if minute >= when)
        rows.append(a_quote(at(minute), f"{mid - 0.005:.4f}", f"{mid + 0.005:.4f}"))
    outcome = follow(store, a_market(), *rows)
    with store.begin() as session:
        coverage.add_span(
            session, coverage.outcome_subject(outcome), from_at=at(-HOURS * 60), to_at=END,
            reason=None,
        )  # fmt: skip
    return outcome


def told(store: Store, outcome: int, minute: float, **sources: float | None) -> None:
    """Store a story with t0 at `minute`, and an item of each source (None: a date alone)."""
    name = f"story{minute:g}"
    with store.begin() as session:
        for source, when in sources.items():
            day = when is None
            item = item_repo.add(
                session,
                an_item(
                    f"{name}-{source}", source=source,
                    published_at=at(minute if when is None else when),
                    precision=Precision.DAY if day else Precision.SECOND,
                ),
                ItemKeys(None, name),
                observed_at=at((minute if when is None else when) + 3),
                stored_at=at(minute + 60),
                origin=Origin.LIVE,
            )  # fmt: skip
            assert item is not None
            item.story_id = name
            session.add(item)
        signal_repo.put_signal(
            session, a_signal(name, at(minute), origin_id=name), known_from=at(minute + 3)
        )
        link = a_link(name, outcome, episode=name, n_updates=99)
        signal_repo.put_link(session, link, known_from=at(minute + 80))


def leads(store: Store, config: Config, **given: Any) -> dict[str, Any]:
    with store.read() as session:
        return source_leads(session, config, **{"now": END, **given})


def row(report: dict[str, Any], source: str) -> dict[str, Any]:
    return next(each for each in report["sources"] if each["source"] == source)


def test_a_source_is_followed_by_the_price_beyond_its_clock_error(
    store: Store, config: Config
) -> None:
    # wire is polled every 5 min and so is the price: 10 min and the stamp's 6 s are uncertain.
    told(store, priced(store, (20, 0.06)), 0, wire=0)

    found = row(leads(store, config), "wire")
    assert (found["episodes"], found["responses"], found["price_followed"]) == (1, 1, 1)
    assert found["median_minutes"] == 20.0
    assert found["hit_rate"] == 1.0
    assert found["hit_rate_low"] == pytest.approx(0.2065, abs=5e-5)  # Wilson 1 of 1
    assert found["p_value"] is None  # one event is no test


def test_within_the_clock_error_the_order_is_unknown(store: Store, config: Config) -> None:
    told(store, priced(store, (10, 0.06)), 0, wire=0)

    found = row(leads(store, config), "wire")
    assert (found["price_followed"], found["simultaneous_or_unknown"]) == (0, 1)
    assert (found["median_minutes"], found["hit_rate"]) == (10.0, 0.0)


def test_a_late_source_comes_after_the_price_and_a_slow_one_cannot_tell(
    store: Store, config: Config
) -> None:
    # slow is polled every 2 h: 40 min before the price is within its error.
    told(store, priced(store, (50, 0.06)), 0, wire=0, slow=10, paper=80)

    report = leads(store, config)
    assert row(report, "wire")["price_followed"] == 1
    assert row(report, "slow")["simultaneous_or_unknown"] == 1
    late = row(report, "paper")
    assert (late["price_led"], late["median_minutes"], late["kind"]) == (1, -30.0, None)


def test_a_date_alone_is_never_first(store: Store, config: Config) -> None:
    told(store, priced(store, (50, 0.06)), 0, wire=0, quiet=None)

    found = row(leads(store, config), "quiet")
    assert (found["simultaneous_or_unknown"], found["median_minutes"]) == (1, None)


def test_no_response_is_a_miss_and_sources_without_episodes_are_listed(
    store: Store, config: Config
) -> None:
    outcome = priced(store, (50, 0.06))
    told(store, outcome, 0, wire=0)
    told(store, outcome, 300, wire=300)

    report = leads(store, config)
    found = row(report, "wire")
    assert (found["episodes"], found["responses"], found["hit_rate"]) == (2, 1, 0.5)
    assert [each["source"] for each in report["sources"]] == ["wire", "quiet", "slow"]
    nothing = row(report, "slow")
    assert (nothing["episodes"], nothing["hit_rate"], nothing["hit_rate_low"]) == (0, None, None)
    # One move in 106 h: any hour has one with 1 in 106; two of which at least one, 2 in 106.
    assert found["base_rate"] == pytest.approx(1 / 106, abs=1e-4)
    assert found["p_value"] == pytest.approx(2 / 106, rel=0.02)
    assert found["q_value"] == found["p_value"]


def test_requests_are_the_cost(store: Store, config: Config) -> None:
    told(store, priced(store, (50, 0.06)), 0, wire=0)
    with store.begin() as session:
        for minute in range(8):
            source_repo.record_success(
                session, "wire", at=at(minute), next_due=at(minute + 5), validators={}, cursor={},
                rejects=[], requests=3,
            )  # fmt: skip

    found = row(leads(store, config), "wire")
    assert (found["polls"], found["requests"], found["requests_per_episode"]) == (8, 24, 24.0)


def test_what_could_not_be_read_is_counted(store: Store, config: Config) -> None:
    outcome = priced(store)
    told(store, outcome, 0, wire=0)
    told(store, outcome, 40, wire=40)
    told(store, outcome, 590, wire=590)

    report = leads(store, config)
    assert (report["episodes"], report["excluded"]) == (0, {"confounded": 2, "open_window": 1})
    assert leads(store, config, theme="glasses", since=at(500))["excluded"] == {"open_window": 1}


def venues(
    store: Store, delay_min: int, *, days: int = 6, poll_min: int = 2, theme: str = "glasses"
) -> datetime:
    """Follow one question on two venues; the second one's changes come first. Return the end.

    Both were polled every `poll_min` minutes without a gap.
    """
    rng, end = np.random.default_rng(4), at(days * 24 * 60 + 60)
    walk = np.clip(0.5 + np.cumsum(rng.normal(0, 0.004, days * 48)), 0.1, 0.9).round(3)
    for venue, delay in (("kalshi", delay_min), ("polymarket", 0)):
        name, token = f"{venue}-1", f"{venue}-yes"
        rows = [
            a_quote(
                at(30 * n + delay), f"{mid - 0.005:.4f}", f"{mid + 0.005:.4f}", venue=venue,
                venue_id=name, venue_outcome_id=token,
            )
            for n, mid in enumerate(walk)
        ]  # fmt: skip
        outcomes = (OutcomeRecord(token, "Yes", 0),)
        ids = keep(store, [a_market(name, venue=venue, outcomes=outcomes)], rows)
        with store.begin() as session:
            stored = session.exec(select(Market).where(Market.venue == venue)).one()
            market_repo.follow(session, [(theme, name, "own", "test")], {name: stored.id or 0})
            session.add(
                Coverage(
                    subject=coverage.outcome_subject(ids[(venue, name, token)]),
                    from_at=at(0), to_at=end, reads=(end - at(0)) // timedelta(minutes=poll_min),
                )
            )  # fmt: skip
    return end


def pairs(store: Store, config: Config, now: datetime, **given: Any) -> list[dict[str, Any]]:
    with store.read() as session:
        return venue_pairs(session, config, now=now, **given)


def test_the_venue_whose_changes_come_first_is_named(store: Store, config: Config) -> None:
    end = venues(store, 10)

    (found,) = pairs(store, config, end)
    assert found["venues"] == ["kalshi", "polymarket"]
    assert found["lag_minutes"] == -10.0
    assert found["clock_error_minutes"] == pytest.approx(4, abs=0.1)
    assert (found["p_value"], found["q_value"]) == (0.005, 0.005)
    assert found["verdict"] == "polymarket first"


def test_a_lag_within_the_pauses_of_both_is_not_told(store: Store, config: Config) -> None:
    end = venues(store, 3)

    (found,) = pairs(store, config, end)
    assert found["verdict"] == "simultaneous or unknown"


def test_few_changes_are_not_evaluated_and_still_listed(store: Store, config: Config) -> None:
    end = venues(store, 10, days=1)

    (found,) = pairs(store, config, end)
    assert found["verdict"].startswith("not evaluated: ")
    assert found["verdict"].endswith("50 are needed")
    assert (found["rho"], found["p_value"], found["q_value"]) == (None, None, None)


def test_prices_of_long_ago_are_read_when_no_start_is_asked_for(
    store: Store, config: Config
) -> None:
    end = venues(store, 10)

    (found,) = pairs(store, config, end + timedelta(days=200))
    assert found["verdict"] == "polymarket first"
    assert at(0) < found["from"] < found["to"] < end
    assert [found] == pairs(store, config, end)


def test_of_a_long_time_in_common_the_last_90_days_count_and_the_row_says_so(
    store: Store, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = venues(store, 10)
    monkeypatch.setattr(module, "LONGEST_MS", 3 * 24 * 3_600_000)

    (found,) = pairs(store, config, end)
    (asked,) = pairs(store, config, end, since=at(0))
    assert found["to"] - found["from"] == timedelta(days=3)
    assert found["changes"][0] < asked["changes"][0]
    assert asked["to"] - asked["from"] > timedelta(days=5)


def test_a_pair_in_two_themes_is_one_pair_of_both(store: Store) -> None:
    two = CONFIG.replace("themes:\n", "themes:\n  - {name: ring, entities: [zetacorp], "
                         "related_markets: [{theme: glasses}]}\n")  # fmt: skip
    config = parse_config(two, name="config.yaml", folder=Path("/srv"))
    end = venues(store, 10)
    with store.begin() as session:
        for stored in session.exec(select(Market)).all():
            entry = ("ring", stored.venue_id, "related", "test")
            market_repo.follow(session, [entry], {stored.venue_id: stored.id or 0})

    (found,) = pairs(store, config, end)
    assert found["themes"] == ["ring", "glasses"]
    assert found["q_value"] == found["p_value"]  # a family of one


def test_prices_that_never_were_there_together_are_not_compared(
    store: Store, config: Config
) -> None:
    end = venues(store, 10)
    with store.begin() as session:
        shift = 30 * 24 * 3_600_000
        outcome = session.exec(
            select(Outcome.id).join(Market).where(Market.venue == "kalshi")
        ).one()
        session.connection().exec_driver_sql(
            "UPDATE quote SET at = at + ? WHERE outcome_id = ?", (shift, outcome)
        )

    (found,) = pairs(store, config, end + timedelta(days=60))
    assert (found["from"], found["changes"]) == (None, [0, 0])
    assert found["verdict"].startswith("not evaluated: 0 and 0 changes in common")


def test_a_theme_on_one_venue_has_no_pairs(store: Store, config: Config) -> None:
    priced(store)

    assert pairs(store, config, END) == []
