"""Studies over stored links: which episodes count, on which leg, and what was known when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from monitor.reports.episodes import Episodes, episodes
from monitor.reports.study import theme_study
from storage import Store, coverage, market_repo, signal_repo
from storage.models import Market, ThemeMarket
from storage.records import (
    MarketRecord,
    MarketStatus,
    Origin,
    OutcomeRecord,
    QuoteRecord,
)
from tests.builders import a_link, a_market, a_quote, a_signal, at
from tests.monitor.reports.conftest import follow

START = at(-4 * 24 * 60)
END = at(600)
STEP_MIN = 10


def leg(name: str, **given: Any) -> MarketRecord:
    return a_market(name, label=name, outcomes=(OutcomeRecord(f"{name}-yes", "Yes", 0),), **given)


def book(name: str, instant: datetime, mid: float, **given: Any) -> QuoteRecord:
    return a_quote(
        instant, f"{mid - 0.005:.4f}", f"{mid + 0.005:.4f}", venue_id=name,
        venue_outcome_id=f"{name}-yes", **given,
    )  # fmt: skip


def priced(store: Store, name: str, *jumps: tuple[float, float], until: datetime = END) -> int:
    """Follow a market whose mid is 0.40 and moves by each (minute, size); return its outcome."""
    rows = []
    for n in range(int((until - START) / timedelta(minutes=STEP_MIN)) + 1):
        now = START + n * timedelta(minutes=STEP_MIN)
        mid = 0.40 + sum(size for minute, size in jumps if now >= at(minute))
        rows.append(book(name, now, mid + (0.0005 if n % 2 else -0.0005)))
    outcome = follow(store, leg(name), *rows)
    with store.begin() as session:
        subject = coverage.outcome_subject(outcome)
        coverage.add_span(session, subject, from_at=START, to_at=until, reason=None)
    return outcome


def told(
    store: Store,
    name: str,
    minute: float,
    *outcomes: int,
    known: float | None = None,
    episode: str | None = None,
    theme: str = "glasses",
    link: dict[str, Any] | None = None,
    **given: Any,
) -> None:
    """Store a signal at `minute` and its focal links, known from `known` on (2 h later)."""
    values = {"origin_id": f"story-{name}", "theme": theme, "title": f"News {name}", **given}
    later = at(minute + 120 if known is None else known)
    with store.begin() as session:
        signal_repo.put_signal(
            session, a_signal(name, at(minute), **values), known_from=at(minute + 1)
        )
        for outcome in outcomes:
            signal_repo.put_link(
                session,
                a_link(name, outcome, episode=episode or name, n_updates=99, **(link or {})),
                known_from=later,
            )


def studied(store: Store, **given: Any) -> dict[str, Any]:
    with store.read() as session:
        return theme_study(session, "glasses", **{"now": END, **given})


def family(store: Store, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = studied(store, **given)["studies"][0]
    return found


def found_episodes(store: Store, **given: Any) -> Episodes:
    with store.read() as session:
        return episodes(session, "glasses", **{"now": END, **given})


def test_one_launch_and_its_price(store: Store) -> None:
    told(store, "a", 0, priced(store, "m1", (10, 0.06)))

    found = family(store)
    (one,) = found["observations"]
    assert (found["relation"], found["episodes"], found["days"]) == ("own", 1, 1)
    assert one["move_pp"] == pytest.approx(6.0, abs=0.11)
    assert (one["title"], one["signal_ids"], one["market_id"]) == ("News a", ["a"], "m1")
    assert one["larger_than"] == one["n_placebo"] > 20
    assert found["tests"] == dict.fromkeys(("sign_flip", "sign_flip_by_day", "t", "bmp", "placebo"))
    assert f"larger than {one['n_placebo']} of {one['n_placebo']}" in found["sentences"][0]
    assert [row["n"] for row in found["curve"]] == [1] * 97


def test_signals_without_an_episode_are_counted_by_reason(store: Store) -> None:
    outcome = priced(store, "m1")
    told(store, "a", 0, outcome)
    told(store, "b", 200)
    told(store, "old", 300, background=True)
    told(store, "venue", 400, origin_kind="market")

    report = studied(store)
    assert report["signals"] == 4
    assert {reason: row["signals"] for reason, row in report["left_out"].items()} == {
        "background": 1, "no_market": 1, "venue_news": 1,
    }  # fmt: skip


def test_one_story_on_two_markets_is_one_episode_on_the_first_readable_leg(store: Store) -> None:
    silent = follow(store, leg("m0"))
    moving, other = priced(store, "m1", (10, 0.06)), priced(store, "m2")
    told(store, "a", 0, silent, moving, other)

    (episode,) = found_episodes(store).found
    assert (episode.leg.venue_id, episode.legs) == ("m1", 3)
    assert family(store)["episodes"] == 1


def test_signals_of_one_episode_are_measured_from_the_first(store: Store) -> None:
    outcome = priced(store, "m1", (10, 0.06))
    told(store, "a", 0, outcome, episode="a")
    told(store, "b", 30, outcome, episode="a")

    (one,) = family(store)["observations"]
    assert (one["at"], one["signal_ids"]) == (at(0), ["a", "b"])


def test_episodes_too_near_to_tell_apart_are_both_left_out(store: Store) -> None:
    outcome = priced(store, "m1", (10, 0.06))
    told(store, "a", 0, outcome)
    told(store, "b", 40, outcome, entities=["another"])

    found = family(store)
    assert found["episodes"] == 0
    assert found["excluded"]["confounded"]["episodes"] == 2
    assert [row["why"] for row in found["not_evaluated"]] == [
        "Not evaluated: another signal too near."
    ] * 2


def test_a_signal_of_another_theme_on_the_same_outcome_confounds(store: Store) -> None:
    outcome = priced(store, "m1")
    told(store, "a", 0, outcome)
    told(store, "b", 40, outcome, theme="models")

    assert family(store)["excluded"]["confounded"]["episodes"] == 1


def test_a_story_tested_under_another_theme_counts_here_too(store: Store) -> None:
    outcome = priced(store, "m1", (10, 0.06))
    told(store, "twin", 0, outcome, theme="models", origin_id="story-1")
    told(store, "mine", 0, origin_id="story-1")

    found = family(store)
    assert found["episodes"] == 1
    assert found["observations"][0]["signal_ids"] == ["twin"]


def test_a_kind_or_a_start_narrows(store: Store) -> None:
    outcome = priced(store, "m1")
    told(store, "a", 0, outcome, kind="rumor")
    told(store, "b", 240, outcome)

    for given, title in (({"kind": "launch"}, "News b"), ({"kind": "rumor"}, "News a"),
                         ({"since": at(100)}, "News b")):  # fmt: skip
        rows = family(store, **given)["observations"]  # type: ignore[arg-type]
        assert [row["title"] for row in rows] == [title]


def test_a_date_without_a_time_is_left_out_and_does_not_set_the_time(store: Store) -> None:
    outcome = priced(store, "m1", (10, 0.06))
    told(store, "day", -12, outcome, precision="day", origin_id="story-1")
    assert list(family(store)["excluded"]) == ["imprecise_time"]

    told(store, "timed", 0, outcome, origin_id="story-1")
    (one,) = family(store)["observations"]
    assert (one["at"], one["signal_ids"]) == (at(0), ["day", "timed"])


def test_as_known_then_uses_only_rows_known_then(store: Store) -> None:
    outcome = priced(store, "m1", (10, 0.06), (300, -0.06))
    told(store, "a", 0, outcome)
    then = studied(store, as_of=at(150))
    told(store, "later", 240, outcome)

    assert studied(store, as_of=at(150), now=at(9000)) == then
    assert then["studies"][0]["episodes"] == 1
    assert studied(store, as_of=at(100))["studies"][0]["episodes"] == 0  # not linked yet
    assert studied(store, as_of=at(-10))["signals"] == 0
    curve = {row["minutes"]: row["n"] for row in then["studies"][0]["curve"]}
    assert (curve[150], curve[155]) == (1, 0)


def test_a_resolution_counts_from_when_the_venue_told_it(store: Store) -> None:
    told(store, "a", 0, priced(store, "m1", (10, 0.06)))
    with store.begin() as session:
        market_repo.upsert(
            session,
            [leg("m1", status=MarketStatus.RESOLVED, resolved_at=at(30), resolution="Yes")],
            observed_at=at(200),
            origin=Origin.LIVE,
            owner_of=lambda name: None,
        )

    assert studied(store, as_of=at(199))["studies"][0]["episodes"] == 1
    assert list(family(store, as_of=at(200))["excluded"]) == ["resolved"]


def test_related_markets_are_a_study_of_their_own(store: Store) -> None:
    own, related = priced(store, "m1", (10, 0.06)), priced(store, "m2", (10, -0.06))
    with store.begin() as session:
        row = session.exec(select(ThemeMarket).join(Market).where(Market.venue_id == "m2")).one()
        row.relation = "related"
        session.add(row)
    told(store, "a", 0, own, related)

    first, second = studied(store)["studies"]
    assert (first["relation"], second["relation"]) == ("own", "related")
    assert first["mean_pp"] == pytest.approx(6.0, abs=0.11)
    assert second["mean_pp"] == pytest.approx(-6.0, abs=0.11)


def test_six_episodes_have_every_test(store: Store) -> None:
    minutes = [-2880 + 360 * n for n in range(6)]
    sizes = (0.02, 0.03, 0.02, 0.04, 0.03, 0.02)
    outcome = priced(store, "m1", *((m + 10, s) for m, s in zip(minutes, sizes, strict=True)))
    for n, minute in enumerate(minutes):
        told(store, f"s{n}", minute, outcome)

    found = family(store)
    assert found["episodes"] == 6
    assert found["tests"]["sign_flip"] == {"p": 0.03125, "smallest_p": 0.03125, "exact": True}
    assert found["tests"]["sign_flip_by_day"] is not None  # four a day
    assert found["tests"]["t"]["df"] == 5
    assert found["tests"]["placebo"]["days"] >= 2
    assert found["mean_pp"] == pytest.approx(16 / 6, abs=0.11)
    assert found["detectable_pp"] == pytest.approx(1.42 * found["sd_pp"], abs=0.01)
    assert found["interval"]["method"] == "t"
    assert found["range_pp"] == [pytest.approx(2.0, abs=0.11), pytest.approx(4.0, abs=0.11)]


def test_another_window_is_described(store: Store) -> None:
    outcome = priced(store, "m1", (90, 0.06))
    told(store, "a", 0, outcome)
    told(store, "b", -900, outcome)

    found = family(store, window=timedelta(hours=2))
    assert found["tests"]["sign_flip"] is None
    assert found["mean_pp"] == pytest.approx(3.0, abs=0.11)
    assert "only the hour is tested" in found["sentences"][1]


def test_an_empty_theme_says_so(store: Store) -> None:
    found = family(store)

    assert (found["episodes"], found["mean_pp"], found["interval"]) == (0, None, None)
    assert found["sentences"] == ["Not evaluated: no signal had a market to be measured on."]
