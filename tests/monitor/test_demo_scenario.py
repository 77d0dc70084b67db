"""The demonstration's figures are the recorded ones; what is simulated says so and behaves."""

from __future__ import annotations

import csv
import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from monitor.demo.case import demo_scenario
from monitor.demo.simulated import (
    CLOSES,
    EXPECTED,
    EXPECTED_UNEXPLAINED,
    FEED,
    FIRST_QUOTE,
    HEADLINES,
    JUMPS,
    SLUG,
    simulated_event,
    simulated_prices,
    simulated_scenario,
)
from monitor.fake_upstream import Scenario
from monitor.fake_upstream.scenario import FeedItem, Leg
from signals.causes import judge
from signals.links import evaluate
from signals.moves import detect_moves
from signals.prices import Coverage, PriceSeries, coverage, price_series

CASE = "best-chinese-ai-company-end-of-july"
RIVAL = "which-company-has-best-ai-model-end-of-july-299"


@pytest.fixture(scope="module")
def demo() -> Scenario:
    return demo_scenario()


def _leg(demo: Scenario, slug: str, label: str) -> Leg:
    event = demo.event(slug, demo.end)
    assert event is not None
    return next(leg for leg in event.legs if leg.label == label)


def _last(demo: Scenario, slug: str, label: str, at: datetime) -> Decimal | None:
    price = demo.price(_leg(demo, slug, label), at)
    return None if price is None else price.last


def _item(demo: Scenario, guid: str) -> FeedItem:
    return next(item for feed in demo.feeds for item in feed.items if item.guid == guid)


def _utc(day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 7, day, hour, minute, second, tzinfo=UTC)


def test_the_public_times_of_the_case_are_exact(demo: Scenario) -> None:
    times = {
        "arena-kimi-k3-listed": _utc(16, 17, 6, 18),
        "arena-kimi-k3-frontend": _utc(16, 18, 33, 47),
        "tag:moonshot-blog.example,2026:kimi-k3": _utc(16, 18, 58, 25),
        "arena-kimi-k3-text": _utc(16, 20, 41, 40),
        "wire-en-qwen38": date(2026, 7, 19),
        "qwen38-max-preview-update": _utc(20, 11, 53),
        "tag:moonshot-blog.example,2026:kimi-k3-weights": _utc(27, 15, 14, 40),
    }

    assert {guid: _item(demo, guid).published for guid in times} == times


def test_the_arena_comes_before_the_vendor(demo: Scenario) -> None:
    arena = demo.feed("arena-news")
    assert arena is not None

    known = [item.guid for item in arena.visible(_utc(16, 18, 58, 24))]

    assert known == ["arena-kimi-k3-frontend", "arena-kimi-k3-listed"]


def test_day_figures_stand_at_noon_without_a_book(demo: Scenario) -> None:
    assert _last(demo, CASE, "Alibaba", _utc(3, 11)) is None
    assert _last(demo, CASE, "Alibaba", _utc(5, 12)) == Decimal("0.92")
    assert _last(demo, CASE, "Alibaba", _utc(19, 12)) == Decimal("0.56")
    assert _last(demo, CASE, "Moonshot", _utc(19, 12)) == Decimal("0.43")
    assert _last(demo, CASE, "Moonshot", _utc(21, 12)) == Decimal("0.09")
    assert _last(demo, RIVAL, "Google", _utc(5, 12)) == Decimal("0.112")
    price = demo.price(_leg(demo, CASE, "Baidu"), _utc(26, 12))
    assert price is not None
    assert (price.last, price.has_book) == (Decimal("0.0015"), False)


def test_the_minute_figures_are_books_that_end_after_an_hour(demo: Scenario) -> None:
    leg = _leg(demo, CASE, "Moonshot")

    book, later = demo.price(leg, _utc(25, 1, 30)), demo.price(leg, _utc(25, 2, 30))

    assert book is not None
    assert later is not None
    assert (book.bid, book.ask) == (Decimal("0.172"), Decimal("0.193"))
    assert (later.bid, later.ask, later.last) == (None, None, None)


def test_the_case_resolves_as_it_did_but_after_the_demonstration_ends(demo: Scenario) -> None:
    alibaba, moonshot = _leg(demo, CASE, "Alibaba"), _leg(demo, CASE, "Moonshot")

    assert (alibaba.winner, moonshot.winner) == (0, 1)
    assert not alibaba.closed(demo.end)
    assert alibaba.resolved(_utc(31, 16))


def test_kimi_enters_the_board_at_nine(demo: Scenario) -> None:
    rows = demo.boards["text_style_control"]
    kimi = [row for row in rows if row.model == "kimi-k3"]

    assert [(row.publish_date.day, row.rank, row.rating, row.votes) for row in kimi] == [
        (16, 9, Decimal(1486), 3024),
        (21, 10, Decimal(1486), 3619),
    ]
    assert (kimi[0].lower, kimi[0].upper) == (Decimal(1475), Decimal(1497))
    assert kimi[0].visible_at == _utc(17, 10, 38, 34)


def test_each_publication_has_sixty_rows_in_order(demo: Scenario) -> None:
    rows = demo.boards["text_style_control"]

    by_date = {
        row.publish_date: [r for r in rows if r.publish_date == row.publish_date] for row in rows
    }

    assert [day.day for day in by_date] == [13, 16, 21]
    for published in by_date.values():
        assert len(published) == 60
        assert all(upper.rating >= lower.rating for upper, lower in pairwise(published))


def test_the_board_without_style_control_is_empty_and_the_notes_say_so(demo: Scenario) -> None:
    assert demo.boards["text"] == ()
    assert "style control off no figures" in demo.notes


def test_one_story_is_told_twice_by_title_and_once_more_by_address(demo: Scenario) -> None:
    vendor = _item(demo, "tag:moonshot-blog.example,2026:kimi-k3")
    weights = _item(demo, "tag:moonshot-blog.example,2026:kimi-k3-weights")

    assert _item(demo, "wire-en-kimi-k3").title == vendor.title
    assert str(_item(demo, "wire-en-kimi-k3-weights").url).partition("?")[0] == weights.url


def test_rules_name_board_style_check_and_tie(demo: Scenario) -> None:
    for slug in (CASE, RIVAL):
        event = demo.event(slug, demo.end)
        assert event is not None
        for leg in event.legs:
            for words in ("Text Arena", "style control off", "July 31, 2026, 12:00 PM ET", "tie"):
                assert words in leg.rules


def test_every_address_is_invented(demo: Scenario) -> None:
    urls = [item.url or "" for feed in demo.feeds for item in feed.items]

    assert all(url.split("/")[2].endswith(".example") for url in urls)


def test_what_is_simulated_says_so_wherever_it_is_seen() -> None:
    event = simulated_event()
    scenario = simulated_scenario()

    assert event.legs[0].question.startswith("SIMULATED: ")
    assert event.title.startswith("SIMULATED: ")
    assert event.legs[0].rules.startswith("SIMULATED ")
    assert event.slug.startswith("simulated-")
    feed = scenario.feeds[0]
    assert feed.title.startswith("[SIMULATED]")
    assert all(item.title.startswith("[SIMULATED] ") for item in feed.items)


def test_no_real_item_is_simulated_and_the_simulated_market_closes_before_the_case(
    demo: Scenario,
) -> None:
    about_kimi = [
        item
        for feed in demo.feeds
        if feed.name != FEED
        for item in feed.items
        if "K3" in item.title
    ]

    assert min(item.visible_at for item in about_kimi) > CLOSES
    assert not any("SIMULATED" in item.title for item in about_kimi)
    event = demo.event(SLUG, CLOSES)
    assert event is not None
    assert event.closed(CLOSES)


def test_equal_seeds_give_equal_scenarios() -> None:
    assert simulated_scenario() == simulated_scenario()
    assert simulated_prices(1) != simulated_prices(2)


def test_the_book_is_dense_tight_and_lively() -> None:
    prices = simulated_prices()

    assert {later.at - earlier.at for earlier, later in pairwise(prices)} == {timedelta(minutes=10)}
    assert all(p.bid and p.ask and p.ask - p.bid == Decimal("0.01") for p in prices)
    first_72h = [price.mid for price in prices if price.at < FIRST_QUOTE + timedelta(hours=72)]
    assert all(
        mid is not None and abs(mid - Decimal("0.24")) <= Decimal("0.002") for mid in first_72h
    )
    assert sum(a != b for a, b in pairwise(first_72h)) >= 30


def test_effects_are_four_hours_apart_and_have_their_history() -> None:
    effects = sorted([*(headline.at for headline in HEADLINES), JUMPS[-1].at])

    assert effects[0] - FIRST_QUOTE >= timedelta(hours=76)
    assert all(later - earlier >= timedelta(hours=4) for earlier, later in pairwise(effects))


def test_the_demonstration_is_small_enough_to_replay_in_a_minute(demo: Scenario) -> None:
    instants = demo.instants()

    assert 650 <= len(simulated_prices()) <= 800
    assert len(instants) <= 850
    assert instants == sorted(set(instants))


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _simulated_series(seed: int) -> tuple[PriceSeries, Coverage]:
    prices = simulated_prices(seed)
    at = [_ms(price.at) for price in prices]
    sides = [[float(side or 0) for side in column] for column in zip(*_books(seed), strict=True)]
    series = price_series(at, sides[0], sides[1], [math.nan] * len(at), "book")
    return series, coverage(at, at, gap_ms=600_000)


def _books(seed: int) -> list[tuple[Decimal | None, Decimal | None]]:
    return [(price.bid, price.ask) for price in simulated_prices(seed)]


@pytest.mark.parametrize("seed", [20260711, 1, 2])
def test_each_simulated_headline_gets_its_expected_verdict(seed: int) -> None:
    series, reads = _simulated_series(seed)
    verdicts = []
    for headline in HEADLINES:
        others = [_ms(other.at) for other in HEADLINES if other is not headline]
        result = evaluate(
            series,
            reads,
            t0=_ms(headline.at),
            now=_ms(CLOSES),
            precise=True,
            focal_t0s_of_other_episodes=others,
        )
        verdicts.append((headline.guid, result.verdict))
        assert not result.thin

    assert tuple(verdicts) == EXPECTED


def test_the_silent_jump_is_a_move_without_a_public_cause() -> None:
    series, reads = _simulated_series(20260711)

    moves = detect_moves(series, reads, after=0, now=_ms(CLOSES))

    assert len(moves) == len(JUMPS)
    at, expected = EXPECTED_UNEXPLAINED
    assert moves[-1].crossed_at == _ms(at)
    assert judge(moves[-1], [], _ms(CLOSES)).verdict == expected


@pytest.mark.recordings
def test_prices_and_board_equal_the_recordings(demo: Scenario, recordings: Path) -> None:
    quotes = recordings / "history" / "kimi-k3-2026-07" / "quotes.csv"
    with quotes.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["event_slug"] in (CASE, RIVAL)]
    compared = 0
    for row in rows:
        if row["as_of_precision"] not in ("day", "day-inferred"):
            continue
        at = datetime.fromisoformat(f"{row['as_of']}T12:00:00+00:00")
        label = "Z.ai" if row["outcome"] == "Zai" else row["outcome"]
        assert _last(demo, row["event_slug"], label, at) == Decimal(row["p"])
        compared += 1
    assert compared == 29


@pytest.mark.recordings
@pytest.mark.parametrize(("day", "published"), [(16, 13), (17, 16), (21, 21)])
def test_board_rows_equal_the_recorded_page(
    demo: Scenario, recordings: Path, day: int, published: int
) -> None:
    page = recordings / "lmarena" / "arena-daily" / f"2026-07-{day}.text.json"
    models = json.loads(page.read_text(encoding="utf-8"))["models"][:60]
    ours = [r for r in demo.boards["text_style_control"] if r.publish_date.day == published]

    assert [(r.model, int(r.rating), r.votes, r.rank) for r in ours] == [
        (m["model"], m["score"], m["votes"], m["rank"]) for m in models
    ]


@pytest.mark.recordings
def test_no_recorded_headline_is_copied(demo: Scenario, recordings: Path) -> None:
    issues = sorted((recordings / "history" / "kimi-k3-2026-07" / "ainews").glob("*.md"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in issues).casefold()

    ours = [item.title.casefold() for feed in demo.feeds for item in feed.items]

    assert not [title for title in ours if title in text]
