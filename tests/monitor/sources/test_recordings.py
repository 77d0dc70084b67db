"""Every recorded answer of the three sources goes through its parser, and the outcome is shown."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from monitor.sources.arena import ArenaSource
from monitor.sources.polymarket import PolymarketSource
from monitor.sources.rss import RssSource
from storage.records import MarketStatus, Precision
from tests.recorded import Recorded, not_covered, parse_recording, show

pytestmark = pytest.mark.recordings

SOURCES = {
    "polymarket": PolymarketSource(name="polymarket"),
    "rss": RssSource(name="feed", url="https://feed.example/rss"),
    "lmarena": ArenaSource(name="arena"),
}
POLYMARKET_SHAPES = {
    "gamma-events": "events",
    "gamma-markets": "markets",
    "gamma-public-search": "search",
    "clob-book": "books",
    "clob-books": "books",
    "clob-prices-history": "prices-history",
    "data-v2-prices-history": "prices-history",
    "data-trades": "trades",
    "data-v2-trades": "trades",
    "clob-markets": "clob-market",
    "ws-market": "ws",
}
ERROR_SHAPES = {
    "data-v2-history-range.400.json": "prices-history",
    "gamma-keyset-offset.422.json": "events",
    "gamma-tag-slug-not-found.404.json": "events",
}
NOT_COVERED = {
    "last_trade_price.json": "a frame that tells no best price; trades come from the Data API",
    "new_market.json": "a frame that tells no price; Gamma tells of new markets",
    "price_change.json": "an old frame of one level, without the best price",
    "resolved.json": "a frame that tells no price; Gamma, CLOB and Data API tell results",
    "tick_size_change.json": "a frame that tells no price",
    "fed-decision-in-june-825.short.json": "short keys: ids, ticks and fees, and no result",
}
EXPLAINED = (
    "no publish date",
    "holds no standings",
    "repeated model",
    "repeated trade",
)


def plan(folder: Path, file: Path) -> tuple[str, dict[str, object]] | str:
    """Return shape and context for a file, or why it is not parsed."""
    family, kind = folder.name, file.parent.name
    if family == "rss":
        return "feed", {}
    if family == "lmarena":
        return _arena_plan(file)
    if file.name in NOT_COVERED:
        return NOT_COVERED[file.name]
    if kind == "errors":
        return ERROR_SHAPES[file.name], {"venue_id": "1", "token_id": "1"}
    context: dict[str, object] = {"venue_id": "recorded"}
    if kind.startswith("clob-book"):
        payload = json.loads(file.read_bytes())
        books = payload if isinstance(payload, list) else [payload]
        context["tokens"] = {book["asset_id"]: ["recorded", None] for book in books}
    if kind in ("clob-markets", "ws-market"):
        context |= _known_to_polymarket(json.loads(file.read_bytes()))
    if kind == "data-v2-prices-history":
        context["token_id"] = "recorded"
    return POLYMARKET_SHAPES[kind], context


def _known_to_polymarket(payload: dict[str, Any]) -> dict[str, object]:
    """Return the context in which an answer of the CLOB or a frame was asked for."""
    rows = payload.get("data", payload.get("price_changes", [payload]))
    return {
        "markets": {
            row["condition_id"]: [f"gamma of {row['condition_id']}", row["question"], []]
            for row in rows
            if "condition_id" in row
        },
        "tokens": {row["asset_id"]: ["recorded", None] for row in rows if "asset_id" in row},
    }


def _arena_plan(file: Path) -> tuple[str, dict[str, object]]:
    kind, day = file.parent.name, file.name[:10]
    if kind == "arena-daily":
        if file.name.endswith(".agent.json"):
            return "arena-agent", {}
        return ("arena-daily" if file.name.endswith(".text.json") else "arena-index"), {}
    if kind == "arena-catalog":
        style = "on" if "style-control" in file.name else "off"
        return "arena-catalog", {"publish_date": day, "style": style}
    if kind == "arena-models":
        return "arena-models", {}
    if kind == "fboulnois":
        return "fboulnois", {"publish_date": day}
    return "nakasyou", {}


def run(folder: Path, file: Path) -> Recorded:
    planned = plan(folder, file)
    if isinstance(planned, str):
        return not_covered(file, root=folder.parent, why=planned)
    shape, context = planned
    return parse_recording(SOURCES[folder.name], file, shape, context, root=folder.parent)


@pytest.fixture(scope="module")
def outcomes(recordings: Path) -> dict[str, Recorded]:
    found = {}
    for family in SOURCES:
        folder = recordings / family
        for file in sorted(folder.rglob("*.*")):
            if file.is_file() and file.suffix != ".md":
                outcome = run(folder, file)
                found[outcome.name] = outcome
    return found


def test_every_recording_is_parsed_or_named_with_a_reason(
    outcomes: dict[str, Recorded], capsys: pytest.CaptureFixture[str]
) -> None:
    show(outcomes.values(), capsys)

    silent = [o.name for o in outcomes.values() if not (o.rows or o.rejects or o.note)]
    families = Counter(name.partition("/")[0] for name in outcomes)
    assert families == {"polymarket": 47, "rss": 15, "lmarena": 165}
    assert silent == []


def test_no_reject_is_unexplained(outcomes: dict[str, Recorded]) -> None:
    unexplained = {
        (o.name, reason)
        for o in outcomes.values()
        for reason in o.rejects
        if not reason.startswith(EXPLAINED)
    }

    assert unexplained == set()


def test_only_recorded_errors_are_refused_as_a_whole(outcomes: dict[str, Recorded]) -> None:
    refused = {o.name for o in outcomes.values() if o.note.startswith("refused")}

    assert refused == {f"polymarket/errors/{name}" for name in ERROR_SHAPES}


KNOWN_ROWS = {
    "polymarket/gamma-events/who-will-trump-nominate-as-fed-chair.json": (39, 25),
    "polymarket/gamma-events/fed-rate-cut-by-629.mixed-live-and-resolved.json": (8, 3),
    "polymarket/gamma-events/which-company-has-best-ai-model-end-of-june.json": (19, 10),
    "polymarket/gamma-markets/list-page-100.2026-02.json": (100, 100),
    "polymarket/gamma-public-search/meta.json": (28, 20),
    "polymarket/clob-books/fed-decision-in-june-825.json": (0, 10),
    "polymarket/clob-prices-history/us-recession-in-2025.daily.json": (0, 325),
    "polymarket/clob-prices-history/nvda-170.json": (0, 99),
    "polymarket/clob-markets/list-page.2024.json": (100, 0),
    "polymarket/ws-market/price_change_v2.json": (0, 1),
}


@pytest.mark.parametrize(("name", "rows"), KNOWN_ROWS.items())
def test_known_polymarket_files_give_their_rows(
    outcomes: dict[str, Recorded], name: str, rows: tuple[int, int]
) -> None:
    batch = outcomes[name].batch

    assert (len(batch.markets), len(batch.quotes)) == rows


def test_recorded_books_are_two_sided_or_one_sided_and_never_crossed(
    outcomes: dict[str, Recorded],
) -> None:
    quotes = outcomes["polymarket/clob-books/fed-decision-in-june-825.json"].batch.quotes
    empty_side = outcomes["polymarket/clob-book/fed-chair-one-sided.json"].batch.quotes[0]

    assert all(q.bid is not None and q.ask is not None and q.bid < q.ask for q in quotes)
    assert all(q.ask - q.bid < Decimal("0.05") for q in quotes if q.ask and q.bid)
    assert (empty_side.bid, empty_side.ask is not None) == (None, True)


def test_recorded_closed_markets_are_resolved_only_where_the_oracle_spoke(
    outcomes: dict[str, Recorded],
) -> None:
    def status(name: str) -> MarketStatus:
        return outcomes[f"polymarket/gamma-markets/{name}.json"].batch.markets[0].status

    assert status("closed_binary_accepting_false") is MarketStatus.RESOLVED
    assert status("closed_binary_accepting_true") is MarketStatus.CLOSED
    assert status("closed_nonbinary_legacy") is MarketStatus.CLOSED
    assert status("closed_zero_zero_legacy") is MarketStatus.CLOSED


def test_the_clobs_own_markets_resolve_by_their_winners_and_not_by_prices(
    outcomes: dict[str, Recorded],
) -> None:
    page = outcomes["polymarket/clob-markets/list-page.2024.json"].batch.markets
    told, silent = (
        outcomes[f"polymarket/clob-markets/closed_binary_accepting_{word}.json"].batch.markets[0]
        for word in ("false", "true")
    )

    # 39 of the closed ones stand at 1 and 0 without a winner: not resolved.
    statuses = Counter(market.status.value for market in page)
    assert statuses == {"closed": 74, "resolved": 24, "open": 2}
    assert Counter(m.resolution for m in page)["No"] == 18
    assert told.resolution == "No"  # as Gamma says
    assert silent.resolution == "Yes"  # where Gamma says nothing


def test_recorded_frames_tell_the_best_of_a_book(outcomes: dict[str, Recorded]) -> None:
    best = {
        name: [
            (str(q.bid), str(q.ask))
            for q in outcomes[f"polymarket/ws-market/{name}.json"].batch.quotes
        ]
        for name in ("best_bid_ask", "price_change_v2", "book")
    }

    assert best == {
        "best_bid_ask": [("0.73", "0.77")],
        "price_change_v2": [("0.6", "0.7")],
        "book": [("0.511", "0.514")],
    }


def test_a_recorded_dispute_is_the_oracles_word(outcomes: dict[str, Recorded]) -> None:
    words = Counter(
        market.oracle
        for name, outcome in outcomes.items()
        if name.startswith("polymarket/gamma-")
        for market in outcome.batch.markets
    )

    assert words["disputed"] == 1
    assert set(words) == {None, "disputed", "resolved"}


def test_recorded_feeds_are_clean_text_with_honest_precision(outcomes: dict[str, Recorded]) -> None:
    items = [item for o in outcomes.values() for item in o.batch.items]
    generated = outcomes["rss/olshansk-feed_mistral.xml"].batch.items

    assert len(items) == 1752
    assert all(item.published_at is not None and item.url for item in items)
    assert not any("<p" in (item.content or "") or "</" in item.title for item in items)
    assert {item.precision for item in generated} == {Precision.DAY}


def test_two_versions_of_one_feed_keep_their_identities(outcomes: dict[str, Recorded]) -> None:
    older, newer = (
        outcomes[f"rss/olshansk-feed_anthropic_news{suffix}.xml"].batch.items
        for suffix in (".2026-08-22.12", "")
    )

    assert {item.guid for item in older} == {item.guid for item in newer}


def test_recorded_boards_rank_every_row_of_a_whole_list(outcomes: dict[str, Recorded]) -> None:
    daily = outcomes["lmarena/arena-daily/2026-07-21.text.json"].batch.standings
    off = outcomes["lmarena/arena-catalog/2025-12-11.leaderboard-text.json"].batch.standings

    overall = [s for s in off if s.category == "overall"]
    assert sorted(s.rank for s in daily) == list(range(1, 379))
    assert {(s.page_rows, s.style_control) for s in daily} == {(378, "on")}
    assert (len(overall), min(overall, key=lambda s: s.rank).rank) == (282, 1)
    assert all(s.ci_low <= s.score <= s.ci_high for s in (*daily, *off) if s.ci_low and s.ci_high)
