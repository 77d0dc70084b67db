"""The fake upstream speaks its sources' wire shapes, hides the future, and fails on demand."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import feedparser
import httpx
import pytest

from monitor.clock import ManualClock
from monitor.errors import ConfigError
from monitor.fake_upstream import FakeUpstream, Fault, Scenario, load_scenario
from monitor.fake_upstream.builders import (
    binary_event,
    item,
    number_id,
    price,
    scenario,
    series_event,
    token_id,
)
from monitor.fake_upstream.faults import Faults
from monitor.fake_upstream.misbehaving import route_name
from monitor.fake_upstream.scenario import BoardRow, Feed, FeedItem, Leg

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
END = T0 + timedelta(days=10)

RACE = series_event("maker-race", "Which maker leads?", ["Ada", "Bo"], created_at=T0, ends=END)
ADA, BO = RACE.legs
LATER = binary_event("rain-on-mars", "Rain on Mars?", created_at=T0 + 5 * HOUR, ends=END)
DONE_LEG = binary_event("old-bet", "Old bet?", created_at=T0, ends=T0 + HOUR).legs[0]
DONE = replace(
    binary_event("old-bet", "Old bet?", created_at=T0, ends=T0 + HOUR),
    legs=(replace(DONE_LEG, closed_at=T0 + HOUR, resolved_at=T0 + 2 * HOUR, winner=1),),
)
BOARD = tuple(
    BoardRow(
        config="text",
        publish_date=day,
        visible_at=T0 + after,
        model=f"model-{rank}",
        organization=None if rank == 2 else "Maker",
        rating=Decimal(1500 - rank),
        lower=Decimal(1495 - rank),
        upper=Decimal(1505 - rank),
        votes=1000 * rank,
        rank=rank,
        category=category,
    )
    for day, after in ((date(2026, 2, 27), timedelta(0)), (date(2026, 3, 1), HOUR))
    for category in ("overall", "math")
    for rank in range(1, 121)
)


def _scenario() -> Scenario:
    """A series with a price change, a market still to come, a finished one, two feeds, a board."""
    rss = Feed(
        "wire",
        "Wire & co",
        items=(
            item("w1", "First <thing>", T0, url="https://wire.example/1?a=1&b=2", summary="Why"),
            item("w2", "第二条", T0 + HOUR),
            FeedItem("w3", "Known by its day", date(2026, 3, 1), T0 + 2 * HOUR),
        ),
    )
    atom = Feed("lab", "Lab", format="atom", items=(item("tag:lab,1", "One", T0),))
    built = scenario(
        T0,
        END,
        events=[RACE, LATER, DONE],
        prices=[
            (ADA, price(T0, "0.24", "0.26", last="0.25", volume_24h="1200.5")),
            (ADA, price(T0 + HOUR, "0.40", "0.42", last="0.41")),
            (BO, price(T0, last="0.7")),
            (DONE.legs[0], price(T0, "0.1", "0.2")),
        ],
        feeds=[rss, atom, replace(rss, name="east", utc_offset_h=8)],
    )
    return replace(built, boards={"text": BOARD, "text_style_control": ()})


@pytest.fixture(scope="module")
def _running() -> Iterator[FakeUpstream]:
    with FakeUpstream(_scenario(), ManualClock(T0).now) as upstream:
        yield upstream


@pytest.fixture
def upstream(_running: FakeUpstream) -> FakeUpstream:
    _running.faults.clear()
    _running.requests.clear()
    _running.pin(None)
    return _running


@pytest.fixture
def web(upstream: FakeUpstream) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=upstream.url, timeout=5, trust_env=False) as client:
        yield client


def _markets(web: httpx.Client, slug: str = "maker-race") -> list[dict[str, object]]:
    markets: list[dict[str, object]] = web.get(f"/gamma/events/slug/{slug}").json()["markets"]
    return markets


# Gamma


def test_gamma_markets_carry_json_inside_strings_and_volume_numbers(web: httpx.Client) -> None:
    ada = _markets(web)[0]

    assert json.loads(str(ada["outcomes"])) == ["Yes", "No"]
    assert json.loads(str(ada["clobTokenIds"])) == list(ADA.token_ids)
    assert json.loads(str(ada["outcomePrices"])) == ["0.25", "0.75"]
    assert (ada["bestBid"], ada["bestAsk"], ada["spread"]) == (0.24, 0.26, 0.02)
    assert ada["lastTradePrice"] == 0.25
    assert ada["volume24hr"] == 1200.5
    assert isinstance(ada["liquidity"], str)
    assert ada["groupItemTitle"] == "Ada"
    assert ada["negRisk"] is True


def test_a_leg_with_only_a_last_trade_has_no_bid_ask_or_made_up_middle(web: httpx.Client) -> None:
    bo = _markets(web)[1]

    assert bo["lastTradePrice"] == 0.7
    assert not {"bestBid", "bestAsk", "spread", "outcomePrices", "liquidity"} & set(bo)


def test_an_unknown_volume_is_left_out_and_never_zero(web: httpx.Client) -> None:
    bo = _markets(web)[1]

    assert not {"volume", "volumeNum", "volume24hr"} & set(bo)


def test_a_placeholder_leg_shows_the_bounds_of_nothing() -> None:
    event = replace(RACE, legs=(ADA, replace(BO, placeholder=True)))
    with (
        FakeUpstream(scenario(T0, END, events=[event]), lambda: T0) as upstream,
        httpx.Client(base_url=upstream.url, trust_env=False) as web,
    ):
        answer = web.get("/gamma/events/slug/maker-race").json()

    placeholder = answer["markets"][1]
    assert answer["negRiskAugmented"] is True
    assert placeholder["active"] is False
    assert (placeholder["bestBid"], placeholder["bestAsk"], placeholder["spread"]) == (0, 1, 1)
    assert "outcomePrices" not in placeholder


def test_a_price_is_served_only_from_its_virtual_time_on(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + HOUR - timedelta(seconds=1))
    before = _markets(web)[0]["bestBid"]
    upstream.pin(T0 + HOUR)

    assert (before, _markets(web)[0]["bestBid"]) == (0.24, 0.40)
    assert _markets(web)[0]["oneHourPriceChange"] == pytest.approx(0.16)


def test_an_event_is_unknown_before_it_is_listed(upstream: FakeUpstream, web: httpx.Client) -> None:
    early = web.get("/gamma/events/slug/rain-on-mars")
    upstream.pin(T0 + 5 * HOUR)

    assert (early.status_code, early.json()["error"]) == (404, "slug not found")
    assert web.get("/gamma/events/slug/rain-on-mars").json()["markets"][0]["question"]


def test_closed_and_resolved_are_two_states(upstream: FakeUpstream, web: httpx.Client) -> None:
    upstream.pin(T0 + HOUR)
    closed = _markets(web, "old-bet")[0]
    upstream.pin(T0 + 2 * HOUR)
    resolved = _markets(web, "old-bet")[0]

    assert (closed["closed"], closed["acceptingOrders"]) == (True, False)
    assert closed["closedTime"] == "2026-03-01 13:00:00+00"
    assert "umaResolutionStatus" not in closed
    assert resolved["umaResolutionStatus"] == "resolved"
    assert json.loads(str(resolved["outcomePrices"])) == ["0", "1"]


def test_keyset_pages_end_without_a_cursor_and_repeat_for_the_wrong_parameter(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + 6 * HOUR)
    slugs: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(5):
        page = web.get("/gamma/events/keyset", params={"limit": 1, **cursor}).json()
        slugs += [event["slug"] for event in page["events"]]
        if "next_cursor" not in page:
            break
        cursor = {"after_cursor": page["next_cursor"]}
    first = web.get("/gamma/events/keyset", params={"limit": 1}).json()
    again = web.get("/gamma/events/keyset", params={"limit": 1, "cursor": first["next_cursor"]})

    assert sorted(slugs) == ["maker-race", "old-bet", "rain-on-mars"]
    assert again.json() == first


def test_a_cursor_serves_only_the_query_it_came_from(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + 6 * HOUR)
    cursor = web.get("/gamma/events/keyset", params={"limit": 1}).json()["next_cursor"]

    other = web.get("/gamma/events/keyset", params={"after_cursor": cursor, "closed": "false"})
    broken = web.get("/gamma/events/keyset", params={"after_cursor": "???"})

    assert (other.status_code, broken.status_code) == (422, 422)


def test_keyset_refuses_offset_in_the_recorded_words(web: httpx.Client) -> None:
    answer = web.get("/gamma/events/keyset", params={"offset": 20})

    assert answer.status_code == 422
    assert answer.json() == {
        "error": "offset is not allowed on keyset endpoints",
        "type": "validation error",
    }


@pytest.mark.parametrize(
    ("filters", "slugs"),
    [
        ({"closed": "true"}, ["old-bet"]),
        ({"closed": "false"}, ["maker-race", "rain-on-mars"]),
        ({"title_search": "LEADS maker"}, ["maker-race"]),
        ({"slug": ["old-bet", "rain-on-mars"]}, ["old-bet", "rain-on-mars"]),
        ({"tag_slug": "sport"}, []),
    ],
)
def test_keyset_filters(
    upstream: FakeUpstream,
    web: httpx.Client,
    filters: dict[str, str | list[str]],
    slugs: list[str],
) -> None:
    upstream.pin(T0 + 6 * HOUR)

    page = web.get("/gamma/events/keyset", params=filters).json()

    assert sorted(event["slug"] for event in page["events"]) == slugs


def test_a_market_by_id_nests_its_event_and_a_condition_id_is_refused(web: httpx.Client) -> None:
    market = web.get(f"/gamma/markets/{ADA.id}").json()
    refused = web.get(f"/gamma/markets/{ADA.condition_id}")

    assert (market["id"], market["events"][0]["slug"]) == (ADA.id, "maker-race")
    assert "markets" not in market["events"][0]
    assert (refused.status_code, refused.json()["error"]) == (422, "id is invalid")
    assert web.get("/gamma/markets/1").status_code == 404
    assert web.get(f"/gamma/events/{RACE.id}").json()["slug"] == "maker-race"


def test_search_matches_loosely_and_counts(web: httpx.Client) -> None:
    found = web.get("/gamma/public-search", params={"q": "maker nonsense"}).json()
    nothing = web.get("/gamma/public-search", params={"q": "zebra"}).json()

    assert [event["slug"] for event in found["events"]] == ["maker-race"]
    assert found["pagination"] == {"hasMore": False, "totalResults": 1}
    assert nothing["events"] is None


# CLOB


def test_books_run_from_worst_to_best_in_strings(web: httpx.Client) -> None:
    book = web.get("/clob/book", params={"token_id": ADA.token_ids[0]}).json()

    bids = [Decimal(level["price"]) for level in book["bids"]]
    asks = [Decimal(level["price"]) for level in book["asks"]]
    assert bids == sorted(bids)
    assert asks == sorted(asks, reverse=True)
    assert (book["bids"][-1]["price"], book["asks"][-1]["price"]) == ("0.24", "0.26")
    assert (book["asset_id"], book["last_trade_price"]) == (ADA.token_ids[0], "0.25")
    assert book["timestamp"] == str(int(T0.timestamp() * 1000))
    assert len(book["hash"]) == 40


def test_the_second_outcome_is_the_mirror_image(web: httpx.Client) -> None:
    book = web.get("/clob/book", params={"token_id": ADA.token_ids[1]}).json()

    assert (book["bids"][-1]["price"], book["asks"][-1]["price"]) == ("0.74", "0.76")
    assert book["last_trade_price"] == "0.75"


def test_the_hash_changes_only_with_the_book(upstream: FakeUpstream, web: httpx.Client) -> None:
    hashes = []
    for minutes in (0, 30, 60):
        upstream.pin(T0 + timedelta(minutes=minutes))
        hashes.append(web.get("/clob/book", params={"token_id": ADA.token_ids[0]}).json()["hash"])

    assert hashes[0] == hashes[1] != hashes[2]


def test_a_one_sided_book_has_an_empty_side() -> None:
    built = scenario(T0, END, events=[RACE], prices=[(ADA, price(T0, ask="0.004"))])
    with FakeUpstream(built, lambda: T0) as upstream:
        answer = httpx.get(f"{upstream.url}/clob/book?token_id={ADA.token_ids[0]}", trust_env=False)
        gamma = httpx.get(f"{upstream.url}/gamma/events/slug/maker-race", trust_env=False).json()

    assert answer.json()["bids"] == []
    assert answer.json()["asks"][-1]["price"] == "0.004"
    assert answer.json()["last_trade_price"] == ""
    assert "bestBid" not in gamma["markets"][0]


def test_a_batch_leaves_out_what_has_no_book(upstream: FakeUpstream, web: httpx.Client) -> None:
    tokens = [ADA.token_ids[0], BO.token_ids[0], token_id("unknown")]

    books = web.post("/clob/books", json=[{"token_id": token} for token in tokens]).json()

    assert [book["asset_id"] for book in books] == [ADA.token_ids[0]]
    assert [(seen.route, seen.method) for seen in upstream.requests] == [("clob:books", "POST")]


@pytest.mark.parametrize(
    ("token", "status", "error"),
    [
        (BO.token_ids[0], 404, "No orderbook exists for the requested token id"),
        (token_id("unknown"), 404, "No orderbook exists for the requested token id"),
        ("abc", 400, "Invalid token id"),
    ],
)
def test_a_missing_book_answers_as_the_venue_does(
    web: httpx.Client, token: str, status: int, error: str
) -> None:
    answer = web.get("/clob/book", params={"token_id": token})

    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_a_bad_or_too_long_batch_is_refused(web: httpx.Client) -> None:
    bad = web.post("/clob/books", json={"token_id": "1"})
    long = web.post("/clob/books", json=[{"token_id": "1"}] * 501)

    assert (bad.status_code, bad.json()["error"]) == (400, "Invalid payload")
    assert (long.status_code, long.json()["error"]) == (400, "Payload exceeds the limit")


# Feeds


def test_rss_shows_the_items_of_the_past_newest_first(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + HOUR)

    parsed = feedparser.parse(web.get("/feed/wire").content)

    assert not parsed.bozo
    assert (parsed.version, parsed.feed.title) == ("rss20", "Wire & co")
    assert [entry.title for entry in parsed.entries] == ["第二条", "First <thing>"]
    assert parsed.entries[1].link == "https://wire.example/1?a=1&b=2"
    assert parsed.entries[1].published == "Sun, 01 Mar 2026 12:00:00 GMT"


def test_a_date_without_a_time_and_a_foreign_zone_stay_as_the_source_writes_them(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + 2 * HOUR)

    day, _, first = feedparser.parse(web.get("/feed/east").content).entries

    assert day.published == "2026-03-01"
    assert first.published == "Sun, 01 Mar 2026 20:00:00 +0800"


def test_atom_is_atom_with_a_weak_etag(web: httpx.Client) -> None:
    answer = web.get("/feed/lab")
    parsed = feedparser.parse(answer.content)

    assert parsed.version == "atom10"
    assert parsed.entries[0].id == "tag:lab,1"
    assert answer.headers["etag"].startswith('W/"')


def test_validators_give_304_until_an_item_appears(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    first = web.get("/feed/wire")
    etag = {"If-None-Match": first.headers["etag"]}
    dated = {"If-Modified-Since": first.headers["last-modified"]}

    unchanged = [web.get("/feed/wire", headers=headers) for headers in (etag, dated)]
    upstream.pin(T0 + HOUR)
    changed = [web.get("/feed/wire", headers=headers) for headers in (etag, dated)]

    assert [(answer.status_code, answer.content) for answer in unchanged] == [(304, b"")] * 2
    assert [answer.status_code for answer in changed] == [200, 200]


def test_an_edit_replaces_the_entry_of_its_guid(upstream: FakeUpstream) -> None:
    edited = upstream.scenario.with_item("lab", item("tag:lab,1", "One, corrected", T0 + HOUR))
    feed = edited.feed("lab")

    assert feed is not None
    assert [entry.title for entry in feed.visible(T0)] == ["One"]
    assert [entry.title for entry in feed.visible(T0 + HOUR)] == ["One, corrected"]


# Leaderboard rows


def _filter(web: httpx.Client, **changed: object) -> httpx.Response:
    query = {
        "dataset": "lmarena-ai/leaderboard-dataset",
        "config": "text",
        "split": "latest",
        "where": "\"category\"='overall'",
        "orderby": '"rating" DESC',
        "offset": 0,
        "length": 100,
    }
    return web.get("/datasets/filter", params={**query, **changed})  # type: ignore[dict-item]


def test_board_rows_come_in_pages_with_features_and_a_total(web: httpx.Client) -> None:
    first, second = _filter(web).json(), _filter(web, offset=100).json()

    assert (len(first["rows"]), len(second["rows"]), first["num_rows_total"]) == (100, 20, 120)
    assert first["rows"][0]["row"] == {
        "model_name": "model-1",
        "organization": "Maker",
        "license": None,
        "rating": 1499.0,
        "rating_lower": 1494.0,
        "rating_upper": 1504.0,
        "variance": None,
        "vote_count": 1000,
        "rank": 1,
        "category": "overall",
        "leaderboard_publish_date": "2026-02-27",
    }
    assert first["rows"][0]["truncated_cells"] == []
    assert first["partial"] is False
    assert first["features"][0]["name"] == "model_name"


def test_latest_is_one_publication_and_full_is_all(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + HOUR)

    latest, full = _filter(web).json(), _filter(web, split="full").json()

    dates = {entry["row"]["leaderboard_publish_date"] for entry in latest["rows"]}
    assert dates == {"2026-03-01"}
    assert full["num_rows_total"] == 240


def test_a_condition_on_the_publish_date_silently_has_no_effect(web: httpx.Client) -> None:
    where = "\"category\"='overall' AND \"leaderboard_publish_date\"='1999-01-01'"

    assert _filter(web, where=where).json()["num_rows_total"] == 120


def test_conditions_compare_and_rows_are_ordered(web: httpx.Client) -> None:
    where = '"category"=\'overall\' AND "rank"<=3'

    rows = _filter(web, where=where, orderby='"rank" DESC').json()["rows"]

    assert [entry["row"]["rank"] for entry in rows] == [3, 2, 1]


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"length": 101}, 422, "Parameter 'length' must not be greater than 100"),
        ({"config": ""}, 422, "Parameter 'config' is required"),
        ({"config": "chess"}, 404, "Not found."),
        ({"dataset": "someone/else"}, 404, "Not found."),
        ({"where": "category=overall; --"}, 422, "A query parameter is invalid"),
    ],
)
def test_bad_board_queries_are_refused(
    web: httpx.Client, changed: dict[str, object], status: int, error: str
) -> None:
    answer = _filter(web, **changed)

    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_a_config_without_rows_answers_with_an_empty_page(web: httpx.Client) -> None:
    answer = _filter(web, config="text_style_control")

    assert (answer.status_code, answer.json()["rows"]) == (200, [])


def test_a_history_is_asked_for_by_market_and_drifts_from_its_grid(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + 3 * HOUR + timedelta(seconds=30))
    window = {"startTs": int(T0.timestamp()), "endTs": int((T0 + 4 * HOUR).timestamp())}

    def history(**params: object) -> list[dict[str, float]]:
        answer = web.get("/clob/prices-history", params={**window, "fidelity": 60, **params})
        rows: list[dict[str, float]] = answer.json()["history"]
        return rows

    rows = history(market=ADA.token_ids[0])
    assert [row["p"] for row in rows] == [0.25, 0.41, 0.41, 0.41, 0.41]
    assert [row["t"] - rows[0]["t"] for row in rows[1:-1]] != [3600, 7200, 10800]
    assert rows[-1]["t"] == T0.timestamp() + 3 * 3600 + 30
    assert [row["p"] for row in history(market=ADA.token_ids[1])][:2] == [0.75, 0.59]
    assert history(token_id=ADA.token_ids[0]) == []


@pytest.mark.parametrize(
    "params",
    [{}, {"interval": "1d", "startTs": 1}, {"startTs": 1, "endTs": 15 * 86_400 + 2}],
)
def test_a_history_wants_one_window_of_at_most_15_days(
    web: httpx.Client, params: dict[str, object]
) -> None:
    answer = web.get("/clob/prices-history", params={"market": ADA.token_ids[0], **params})

    assert answer.status_code == 400


def test_the_clobs_own_market_marks_a_winner_once_it_is_paid(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + HOUR)
    closed = web.get(f"/clob/markets/{DONE.legs[0].condition_id}").json()
    upstream.pin(T0 + 2 * HOUR)
    paid = web.get(f"/clob/markets/{DONE.legs[0].condition_id}").json()

    assert (closed["closed"], [t["winner"] for t in closed["tokens"]]) == (True, [False, False])
    assert [(t["outcome"], t["winner"]) for t in paid["tokens"]] == [("Yes", False), ("No", True)]
    assert web.get("/clob/markets/0x1").status_code == 404


# Data API


def _history(web: httpx.Client, **params: object) -> httpx.Response:
    start = int(T0.timestamp())
    return web.get(
        "/data/v2/prices-history",
        params={"token_id": ADA.token_ids[0], "start": start, "end": start + 7200, **params},
    )


def test_v2_histories_are_in_buckets_and_end_before_their_end(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + 3 * HOUR)
    rows = _history(web, bucket_seconds=1800).json()["data"]

    start = int(T0.timestamp())
    assert [(row["timestamp"] - start, row["price"]) for row in rows] == [
        (0, 0.25),
        (1800, 0.25),
        (3600, 0.41),
        (5400, 0.41),
    ]
    assert {row["resolution_seconds"] for row in rows} == {1800}


def test_a_v2_history_that_reaches_to_now_ends_off_its_buckets(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + timedelta(minutes=31))
    rows = _history(web, bucket_seconds=1800).json()["data"]

    assert [row["resolution_seconds"] for row in rows] == [1800, 1800, 0]
    assert rows[-1]["timestamp"] == int(T0.timestamp()) + 31 * 60


def test_v2_keeps_fine_buckets_for_a_while_only(upstream: FakeUpstream, web: httpx.Client) -> None:
    counts = []
    for days in (1, 8, 61, 91):
        upstream.pin(T0 + timedelta(days=days))
        counts.append(
            [len(_history(web, bucket_seconds=b).json()["data"]) for b in (60, 300, 1800)]
        )

    assert counts == [[120, 24, 4], [0, 24, 4], [0, 0, 4], [0, 0, 0]]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"end": int(T0.timestamp()) + 16 * 86_400}, "'start' to 'end' must span at most 15 days"),
        ({"start": 0}, "'start' must be positive and lie before 'end'"),
        ({"bucket_seconds": 61}, "'bucket_seconds' is not served"),
        ({"token_id": "0x1"}, "'token_id' must be a decimal string"),
        ({"cursor": "???"}, "'cursor' is invalid"),
    ],
)
def test_v2_refuses_in_the_recorded_words(
    web: httpx.Client, params: dict[str, object], error: str
) -> None:
    answer = _history(web, **params)

    assert answer.status_code == 400
    assert {**answer.json(), "trace_id": ""} == {
        "code": "invalid_request", "error": error, "retryable": False, "trace_id": "",
    }  # fmt: skip


def test_a_v2_cursor_pages_only_the_query_it_came_from(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + 3 * HOUR)
    first = _history(web, bucket_seconds=1800, limit=3).json()
    cursor = first["pagination"]["next_cursor"]
    second = _history(web, bucket_seconds=1800, limit=3, cursor=cursor).json()
    other = _history(web, bucket_seconds=300, limit=3, cursor=cursor)

    assert (len(first["data"]), len(second["data"])) == (3, 1)
    assert second["pagination"]["next_cursor"] is None
    assert other.status_code == 400


def test_trades_of_both_outcomes_interleave_newest_first(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + 2 * HOUR)
    new = web.get("/data/v2/trades", params={"condition": ADA.condition_id}).json()["data"]
    old = web.get("/data/trades", params={"market": ADA.condition_id}).json()

    assert [(t["token_id"], t["price"], t["outcome"]) for t in new] == [
        (ADA.token_ids[1], 0.59, "No"),
        (ADA.token_ids[0], 0.25, "Yes"),
    ]
    assert [(t["asset"], t["conditionId"], t["transactionHash"]) for t in old] == [
        (t["token_id"], t["condition_id"], t["transaction_hash"]) for t in new
    ]
    assert web.get("/data/v2/trades", params={"condition": "0x1"}).json()["data"] == []
    assert web.get("/data/v2/trades", params={"condition": "0x1", "offset": 1}).status_code == 400
    assert web.get("/data/trades", params={"market": "0x1", "offset": 10_001}).status_code == 400


def test_payouts_are_told_once_a_result_is_final(upstream: FakeUpstream, web: httpx.Client) -> None:
    rows = []
    for hours in (0, 1, 2):
        upstream.pin(T0 + hours * HOUR)
        asked = {"condition": DONE.legs[0].condition_id}
        rows += web.get("/data/v2/resolutions", params=asked).json()["data"]

    assert [(row["status"], row["payouts"]) for row in rows] == [
        ("initialized", []),
        ("proposed", []),
        ("resolved", [0, 1_000_000]),
    ]
    assert rows[2]["resolved_at"] == "2026-03-01T14:00:00Z"


def test_markets_are_listed_by_id_open_ones_first_and_nest_their_event(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + 2 * HOUR)
    ids = [ADA.id, BO.id, DONE.legs[0].id]
    listed = web.get("/gamma/markets/keyset", params={"id": ids}).json()
    closed = web.get("/gamma/markets/keyset", params={"id": ids, "closed": "true"}).json()
    first = web.get("/gamma/markets/keyset", params={"limit": 1}).json()
    after = {"limit": 1, "after_cursor": first["next_cursor"]}
    second = web.get("/gamma/markets/keyset", params=after).json()

    assert {market["id"] for market in listed["markets"]} == {ADA.id, BO.id}
    assert "next_cursor" not in listed
    assert listed["markets"][0]["events"][0]["slug"] == "maker-race"
    assert [market["id"] for market in closed["markets"]] == [DONE.legs[0].id]
    assert first["markets"][0]["id"] != second["markets"][0]["id"]
    assert web.get("/gamma/markets/keyset", params={"offset": 1}).status_code == 422


# Faults


def test_a_status_fault_hits_its_route_as_often_as_told(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.faults.set("feed:wire", Fault("status", status=503, retry_after="30", times=2))

    hit = [web.get("/feed/wire") for _ in range(3)]

    assert [answer.status_code for answer in hit] == [503, 503, 200]
    assert hit[0].headers["retry-after"] == "30"
    assert web.get("/feed/lab").status_code == 200
    assert [seen.status for seen in upstream.requests] == [503, 503, 200, 200]


def test_a_fault_of_a_group_covers_its_routes_until_cleared(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.faults.set("gamma", Fault("invalid_payload"))

    down = [web.get(path).status_code for path in ("/gamma/events/keyset", "/gamma/markets/1")]
    upstream.faults.clear()

    assert down == [400, 400]
    assert web.get("/gamma/events/keyset").status_code == 200


def test_a_hanging_route_ends_only_by_the_clients_timeout(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.faults.set("feed:wire", Fault("hang"))

    with pytest.raises(httpx.ReadTimeout):
        web.get("/feed/wire", timeout=0.1)

    assert upstream.requests[-1].status is None


def test_stopping_does_not_wait_for_a_hanging_client() -> None:
    with FakeUpstream(_scenario(), lambda: T0) as upstream:
        upstream.faults.set("feed:wire", Fault("hang"))
        with httpx.Client(base_url=upstream.url, trust_env=False) as web:
            with pytest.raises(httpx.ReadTimeout):
                web.get("/feed/wire", timeout=0.05)
            web.get("/feed/lab")
            began = time.monotonic()
            upstream.__exit__(None, None, None)
            took = time.monotonic() - began

    assert took < 1


def test_a_reset_connection_gives_no_answer(upstream: FakeUpstream, web: httpx.Client) -> None:
    upstream.faults.set("clob:book", Fault("reset", times=1))

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        web.get("/clob/book", params={"token_id": ADA.token_ids[0]})

    assert web.get("/clob/book", params={"token_id": ADA.token_ids[0]}).status_code == 200


def test_a_truncated_body_ends_before_its_length(upstream: FakeUpstream, web: httpx.Client) -> None:
    upstream.faults.set("feed:wire", Fault("truncate"))

    with pytest.raises(httpx.RemoteProtocolError, match=r"without sending complete"):
        web.get("/feed/wire")


def test_a_slow_body_is_the_true_one_in_pieces(upstream: FakeUpstream, web: httpx.Client) -> None:
    whole = web.get("/feed/wire").content
    upstream.faults.set("feed:wire", Fault("slow", delay_s=0.001))

    with web.stream("GET", "/feed/wire") as answer:
        pieces = list(answer.iter_raw())

    assert b"".join(pieces) == whole
    assert len(pieces) > 1


def test_bodies_that_are_not_what_was_asked_for(upstream: FakeUpstream, web: httpx.Client) -> None:
    answers = {}
    for kind in ("not_json", "html", "bot_wall", "empty"):
        upstream.faults.set("gamma:event", Fault(kind))
        answers[kind] = web.get("/gamma/events/slug/maker-race")

    with pytest.raises(ValueError, match="Expecting"):
        answers["not_json"].json()
    assert answers["html"].headers["content-type"].startswith("text/html")
    assert answers["bot_wall"].status_code == 403
    assert answers["bot_wall"].headers["cf-mitigated"] == "challenge"
    assert answers["empty"].content == b""


def test_a_redirect_leads_where_it_is_told(upstream: FakeUpstream, web: httpx.Client) -> None:
    upstream.faults.set("feed:wire", Fault(f"redirect:{upstream.url}/feed/lab"))
    moved = web.get("/feed/wire")
    upstream.faults.set("feed:wire", Fault("redirect", status=308, location="/feed/lab"))

    assert (moved.status_code, moved.next_request is not None) == (302, True)
    assert web.get("/feed/wire", follow_redirects=True).headers["etag"].startswith("W/")
    assert web.get("/feed/wire").status_code == 308


def test_a_gzip_bomb_is_small_on_the_wire(upstream: FakeUpstream, web: httpx.Client) -> None:
    upstream.faults.set("feed:wire", Fault("gzip_bomb", size_bytes=3_000_000))

    answer = web.get("/feed/wire")

    assert len(answer.content) == 3_000_000
    assert int(answer.headers["content-length"]) < 20_000


def test_an_unknown_fault_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'explode' is no fault; known: status, hang"):
        Fault("explode")


def test_faults_prefer_the_exact_route() -> None:
    faults = Faults()
    faults.set("feed", Fault("html"))
    faults.set("feed:wire", Fault("empty", times=1))

    kinds = [fault.kind for _ in range(2) if (fault := faults.take("feed:wire")) is not None]

    assert kinds == ["empty", "html"]


def test_every_route_has_a_name_for_faults() -> None:
    paths = ["/gamma/events/keyset", "/gamma/events/slug/x", "/gamma/public-search", "/feed/a-b"]

    names = [route_name(path) for path in (*paths, "/datasets/filter", "/x")]

    assert names == [
        "gamma:keyset",
        "gamma:event",
        "gamma:search",
        "feed:a-b",
        "datasets:filter",
        "other",
    ]


def test_requests_are_noted_with_virtual_time_query_and_headers(
    upstream: FakeUpstream, web: httpx.Client
) -> None:
    upstream.pin(T0 + HOUR)
    answer = web.get("/gamma/events/keyset", params={"limit": 5}, headers={"User-Agent": "me/1"})

    seen = upstream.requests[-1]
    assert (seen.at, seen.path, seen.query) == (T0 + HOUR, "/gamma/events/keyset", {"limit": "5"})
    assert (seen.headers["user-agent"], seen.status) == ("me/1", 200)
    assert answer.headers["date"] == "Sun, 01 Mar 2026 13:00:00 GMT"


# Control from another process


@pytest.fixture
def patched() -> Iterator[httpx.Client]:
    """A client of an upstream of its own, since patches stay."""
    with (
        FakeUpstream(_scenario(), lambda: T0) as upstream,
        httpx.Client(base_url=upstream.url, trust_env=False) as client,
    ):
        yield client


def test_control_sets_the_time_and_gives_it_back(patched: httpx.Client) -> None:
    patched.post("/_control/now", json={"now": "2026-03-01T21:00:00+08:00"})
    pinned = patched.get("/_control/now").json()
    patched.post("/_control/now", json={"now": None})

    assert pinned == {"now": "2026-03-01T13:00:00+00:00"}
    assert patched.get("/_control/now").json() == {"now": T0.isoformat()}


def test_control_adds_a_story_and_jumps_a_price(patched: httpx.Client) -> None:
    etag = patched.get("/feed/wire").headers["etag"]

    answer = patched.post(
        "/_control/patch",
        json={
            "prices": [{"event": "maker-race", "leg": "Bo", "bid": 0.8, "ask": "0.82"}],
            "items": [{"feed": "wire", "guid": "new", "title": "Bo wins a prize"}],
            "board_rows": [
                {
                    "config": "text",
                    "publish_date": "2026-03-02",
                    "model": "bo-1",
                    "rating": 1600,
                    "rank": 1,
                }
            ],
        },
    )

    feed = patched.get("/feed/wire", headers={"If-None-Match": etag})
    book = patched.get("/clob/book", params={"token_id": BO.token_ids[0]}).json()
    assert answer.json() == {"ok": True}
    assert feedparser.parse(feed.content).entries[0].title == "Bo wins a prize"
    assert (book["bids"][-1]["price"], book["asks"][-1]["price"]) == ("0.8", "0.82")
    assert _filter(patched).json()["rows"][0]["row"]["model_name"] == "bo-1"


def _written(leg: Leg, **fields: object) -> dict[str, object]:
    return {
        "id": leg.id,
        "condition_id": leg.condition_id,
        "yes_token": leg.token_ids[0],
        "no_token": leg.token_ids[1],
        "question": leg.question,
        "rules": leg.rules,
        **fields,
    }


def test_control_lists_an_event_and_replaces_it(patched: httpx.Client) -> None:
    new = binary_event("new-bet", "New bet?", created_at=T0, ends=END)
    event = {"id": new.id, "slug": "new-bet", "title": "New bet?", "ends": END.isoformat()}
    words = [{"at": T0.isoformat(), "word": "proposed"}, {"at": T0.isoformat(), "word": "disputed"}]

    unknown = patched.get("/gamma/events/slug/new-bet")
    patched.post("/_control/patch", json={
        "events": [{**event, "legs": [_written(new.legs[0])]}],
        "prices": [{"event": "new-bet", "bid": "0.1", "ask": "0.2"}],
    })  # fmt: skip
    listed = _markets(patched, "new-bet")
    patched.post(
        "/_control/patch",
        json={"events": [{**event, "legs": [_written(new.legs[0], rules="New.", oracle=words)]}]},
    )
    replaced = _markets(patched, "new-bet")

    assert unknown.status_code == 404
    assert (listed[0]["bestBid"], listed[0]["description"]) == (0.1, new.legs[0].rules)
    assert (replaced[0]["bestBid"], replaced[0]["description"]) == (0.1, "New.")
    assert replaced[0]["umaResolutionStatus"] == "disputed"
    assert json.loads(str(replaced[0]["umaResolutionStatuses"])) == ["proposed", "disputed"]


def test_a_bad_event_is_refused_with_its_place(patched: httpx.Client) -> None:
    leg = {"id": "1", "question": "Q?", "rules": "R.", "oracle": ["disputed"]}
    answer = patched.post(
        "/_control/patch",
        json={"events": [{"id": "x", "slug": "s", "title": "T", "ends": "2026-03-02T00:00:00Z",
                          "legs": [leg]}, {"slug": "t"}]},
    )  # fmt: skip

    errors = answer.json()["errors"]
    assert answer.status_code == 400
    assert "patch.events[0]: id is 'x'; it must be digits" in errors
    assert "patch.events[0].legs[0]: yes_token is missing" in errors
    assert "patch.events[0].legs[0]: oracle: 'disputed' is not a mapping of at and word" in errors
    assert "patch.events[1]: legs must be a list of mappings, at least one" in errors
    assert patched.get("/gamma/events/slug/s").status_code == 404


def test_a_patch_with_a_mistake_changes_nothing_and_lists_all(patched: httpx.Client) -> None:
    answer = patched.post(
        "/_control/patch",
        json={
            "prices": [
                {"event": "maker-race", "leg": "Ada", "bid": "0.9", "ask": "0.95"},
                {"event": "maker-race", "leg": "Cy", "bid": "1.5"},
            ],
            "items": [{"feed": "nowhere", "guid": "g"}],
            "weather": [],
        },
    )

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        "patch: unknown key 'weather'; known: events, prices, items, board_rows",
        "patch.prices[1]: no leg 'Cy' of event 'maker-race'",
        "patch.prices[1]: bid is 1.5; a probability lies in 0..1",
        "patch.items[0]: title is missing",
        "patch.items[0]: no feed 'nowhere'; there are wire, lab, east",
    ]
    assert _markets(patched)[0]["bestBid"] == 0.24


def test_control_sets_and_clears_faults_and_lists_requests(patched: httpx.Client) -> None:
    patched.post("/_control/fault", json={"route": "feed:lab", "kind": "status", "status": 410})
    gone = patched.get("/feed/lab")
    patched.post("/_control/fault", json={"clear": "feed:lab"})
    back = patched.get("/feed/lab")
    refused = patched.post("/_control/fault", json={"route": "feed:lab", "kind": "explode"})

    assert (gone.status_code, back.status_code, refused.status_code) == (410, 200, 400)
    seen = patched.get("/_control/requests").json()
    assert [(one["route"], one["status"]) for one in seen] == [("feed:lab", 410), ("feed:lab", 200)]


@pytest.mark.process
def test_it_can_be_started_by_hand_and_prints_its_url(tmp_path: Path) -> None:
    _write(tmp_path, "scenario.yaml", GOOD_HEAD)
    command = [sys.executable, "-m", "monitor.fake_upstream", str(tmp_path), "--now", "2026-03-02"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        now = httpx.get(f"{url}/_control/now", trust_env=False).json()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0

    assert now == {"now": "2026-03-02T00:00:00+00:00"}


# Scenario files

GOOD_HEAD = """\
title: Small
start: "2026-03-01T00:00:00Z"
end: "2026-03-05T00:00:00Z"
"""
GOOD_MARKETS = f"""\
events:
  - id: "{RACE.id}"
    slug: maker-race
    title: Which maker leads?
    created_at: "2026-03-01T00:00:00Z"
    ends: "2026-03-05T00:00:00Z"
    legs:
      - id: "{ADA.id}"
        condition_id: "{ADA.condition_id}"
        yes_token: "{ADA.token_ids[0]}"
        no_token: "{ADA.token_ids[1]}"
        question: Will Ada lead?
        label: Ada
        rules: Pays Yes if Ada leads.
"""


def _write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_folder_becomes_a_scenario(tmp_path: Path) -> None:
    _write(tmp_path, "scenario.yaml", GOOD_HEAD)
    _write(tmp_path, "markets.yaml", GOOD_MARKETS)
    _write(
        tmp_path,
        "prices.csv",
        "# remark\nat,event,leg,bid,ask,last\n"
        "2026-03-02T00:00:00Z,maker-race,Ada,0.2,0.3,\n2026-03-01T00:00:00Z,maker-race,Ada,,,0.5\n",
    )
    _write(
        tmp_path,
        "feeds/wire.yaml",
        "feed: wire\ntitle: Wire\nformat: rss\nlang: en\nlink: https://wire.example/\n"
        "items:\n  - {guid: a, at: '2026-03-02T01:00:00+01:00', title: Hello}\n",
    )
    _write(
        tmp_path,
        "boards/text.csv",
        "config,publish_date,visible_at,model,rating,rank\n"
        "text,2026-03-01,2026-03-02T00:00:00Z,m-1,1400.5,1\n",
    )

    loaded = load_scenario(tmp_path)

    leg = loaded.events[0].legs[0]
    assert [row.last or row.bid for row in loaded.prices[leg.token_ids[0]]] == [
        Decimal("0.5"),
        Decimal("0.2"),
    ]
    assert loaded.feeds[0].items[0].published == datetime(2026, 3, 2, tzinfo=UTC)
    assert loaded.boards["text"][0].rating == Decimal("1400.5")
    assert loaded.instants() == [
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 2, tzinfo=UTC),
    ]


def test_every_mistake_is_reported_with_its_file_and_row(tmp_path: Path) -> None:
    _write(
        tmp_path, "scenario.yaml", GOOD_HEAD.replace("2026-03-05", "2026-02-05") + "colour: red\n"
    )
    _write(tmp_path, "markets.yaml", GOOD_MARKETS.replace("0x", "1x"))
    _write(
        tmp_path,
        "prices.csv",
        "at,event,leg,bid,ask,last\n"
        "2026-03-01T00:00:00,maker-race,Ada,0.2,0.1,\n"
        "2026-03-01T00:00:00Z,maker-race,Cy,,,2\n"
        "2026-03-01T00:00:00Z,maker-race,Ada\n"
        "2026-03-02T00:00:00Z,maker-race,Ada,,,0.5\n"
        "2026-03-02T00:00:00Z,maker-race,Ada,,,0.5\n",
    )
    _write(
        tmp_path,
        "feeds/wire.yaml",
        "feed: wire\ntitle: Wire\nformat: opml\nlang: en\nlink: https://wire.example/\n"
        "items:\n  - {guid: a, at: '2026-03-02', title: Hello}\n  - just text\n",
    )
    _write(
        tmp_path,
        "boards/text.csv",
        "config,publish_date,visible_at,model,rating,rank\n"
        "math,soon,2026-03-02T00:00:00Z,m-1,high,1\n",
    )

    with pytest.raises(ConfigError) as caught:
        load_scenario(tmp_path)

    instant = "write an instant with a zone, '2026-07-16T17:06:18Z'"
    assert str(caught.value).splitlines() == [
        "markets.yaml:8: condition_id is '1x" + ADA.condition_id[2:] + "'; it must be 0x and 64 "
        "lower-case hex digits",
        f"prices.csv:2: at is '2026-03-01T00:00:00'; {instant}",
        "prices.csv:2: bid 0.2 is not below ask 0.1",
        "prices.csv:3: no leg 'Cy' of event 'maker-race'",
        "prices.csv:3: last is 2; a probability lies in 0..1",
        "prices.csv:4: 3 cells under a header of 6",
        "prices.csv:6: price maker-race-ada at 2026-03-02T00:00:00+00:00 occurs twice, first at "
        "prices.csv:5",
        "feeds/wire.yaml:7: visible_at is missing; a date alone does not say when the item "
        "appeared",
        "feeds/wire.yaml: 'just text' is not a mapping of fields",
        "feeds/wire.yaml:1: format is 'opml'; it must be rss, atom, rdf or json",
        "boards/text.csv:2: publish_date is 'soon'; write a date, 2026-07-16",
        "boards/text.csv:2: rating is 'high'; it must be a number",
        "boards/text.csv:2: config is 'math' in the file of 'text'",
        "scenario.yaml:1: end 2026-02-05 00:00:00+00:00 is not after start "
        "2026-03-01 00:00:00+00:00",
        "scenario.yaml:1: unknown field 'colour'; known here: dataset, end, licence, notes, start, "
        "title",
    ]


def test_a_folder_without_a_scenario_and_broken_yaml_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"scenario\.yaml:1: this file is missing"):
        load_scenario(tmp_path)
    _write(tmp_path, "scenario.yaml", 'title: "open\nstart: x')
    with pytest.raises(ConfigError, match=r"scenario\.yaml:\d: not YAML"):
        load_scenario(tmp_path)


def test_made_up_ids_have_the_shape_of_real_ones() -> None:
    assert len(token_id("a")) == 77
    assert token_id("a").isdecimal()
    assert number_id("a") != number_id("b")
