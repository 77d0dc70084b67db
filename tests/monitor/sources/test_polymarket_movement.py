"""Which messages of the socket mean that a poll is worth having now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.errors import ParseError
from monitor.sources.polymarket.movement import Movement
from monitor.sources.polymarket.source import PolymarketSource
from monitor.sources.polymarket.ws import Told, told
from tests.builders import NOON
from tests.venue_socket import best, book, resolved, trade


class Listener:
    """A movement that has been told which tokens matter."""

    def __init__(self, *tokens: str) -> None:
        self.movement = Movement()
        self.follow(*tokens)

    def follow(self, *tokens: str) -> None:
        self.movement.follow(dict.fromkeys(tokens, ("101", None)))

    def hears(self, message: object) -> bool:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return self.movement.is_told_by(body, at=NOON, what="wss://ws.example")


def change(*parts: tuple[str, str, str]) -> dict[str, object]:
    return {
        "event_type": "price_change",
        "market": "0xa1",
        "timestamp": "1780315200000",
        "price_changes": [
            {"asset_id": token, "price": bid, "size": "1", "side": "BUY"}
            | {"best_bid": bid, "best_ask": ask}
            for token, bid, ask in parts
        ],
    }


@pytest.mark.parametrize(
    ("now", "moved"),
    [
        (("0.40", "0.42"), False),
        (("0.41", "0.4299"), False),  # 0.99 pp
        (("0.41", "0.43"), True),  # 1 pp
        (("0.39", "0.41"), True),
        (("0.40", "0.44"), True),
    ],
)
def test_a_mid_that_went_a_point_is_a_move(now: tuple[str, str], moved: bool) -> None:
    listener = Listener("1")

    assert not listener.hears(book("1", "0.40", "0.42"))
    assert listener.hears(best("1", *now)) is moved


def test_many_small_steps_are_one_move() -> None:
    listener = Listener("1")

    heard = [listener.hears(best("1", f"0.{400 + 4 * n}", f"0.{420 + 4 * n}")) for n in range(7)]

    assert heard == [False, False, False, True, False, False, True]


def test_a_side_that_empties_leaves_the_other_to_compare() -> None:
    listener = Listener("1")

    assert not listener.hears(best("1", "0.40", "0.42"))
    assert not listener.hears(best("1", "0.405", ""))
    assert not listener.hears(best("1", "0", "1"))
    assert listener.hears(best("1", "0.97", "1"))


def test_each_token_of_an_array_is_compared_with_its_own_book() -> None:
    listener = Listener("1", "2")

    assert not listener.hears([book("1", "0.40", "0.42"), book("2", "0.10", "0.12")])
    assert not listener.hears(change(("1", "0.40", "0.42"), ("2", "0.11", "0.12")))
    assert listener.hears([best("1", "0.40", "0.42"), best("2", "0.15", "0.17")])
    assert not listener.hears(change(("2", "0.15", "0.17")))


def test_a_trade_outside_the_last_book_is_a_move() -> None:
    listener = Listener("1")

    assert not listener.hears(trade("1", "0.90"))
    assert not listener.hears(book("1", "0.40", "0.42"))
    heard = [listener.hears(trade("1", price)) for price in ("0.40", "0.42", "0.43", "0.39", "")]

    assert heard == [False, False, True, True, False]


def test_a_result_of_ours_is_told_once_and_one_of_strangers_never() -> None:
    listener = Listener("1", "2")

    assert not listener.hears(resolved("8", "9"))
    assert listener.hears(resolved("9", "1"))
    assert not listener.hears(resolved("9", "1"))
    assert listener.hears({**resolved("2"), "assets_ids": None})


def test_strangers_markets_and_unknown_events_move_nothing() -> None:
    listener = Listener("1")
    listener.hears(book("1", "0.40", "0.42"))
    others: list[object] = [
        {"event_type": "new_market", "assets_ids": ["1"], "clob_token_ids": ["1"]},
        {"event_type": "tick_size_change", "asset_id": "1", "new_tick_size": "0.001"},
        {"event_type": "of_tomorrow", "asset_id": "1", "best_bid": "0.9"},
        {"event_type": None},
        {"event_type": ["book"], "asset_id": "1"},
        best("2", "0.90", "0.92"),
        trade("2", "0.90"),
        {},
        None,
        7,
    ]

    assert not listener.hears(others)
    assert not listener.hears([])


def test_a_message_tells_of_asked_tokens_only() -> None:
    frames = [trade("1", "0.5"), trade("2", "0.5"), resolved("2", "1"), best("2", "0.1", "0.2")]

    found = told(json.dumps(frames).encode(), {"1": ("101", None)}, at=NOON, what="x")

    assert found == Told(trades=(("1", Decimal("0.5")),), resolved=("1",))


@pytest.mark.parametrize("text", [b"PONG", b"NO NEW ASSETS", b"INVALID OPERATION", b"", b"7"])
def test_plain_words_are_answered_before_any_json(text: bytes) -> None:
    assert not Listener("1").hears(text)


def test_broken_json_is_a_parse_error_that_names_the_address() -> None:
    with pytest.raises(ParseError, match=r"wss://ws\.example: not JSON"):
        Listener("1").hears(b'{"event_type": ')


def test_one_bad_frame_costs_one_frame() -> None:
    listener = Listener("1")
    listener.hears(book("1", "0.40", "0.42"))

    bad = [best("1", "0.9", "0.2"), trade("1", "NaN"), trade("1", "7"), "x"]

    assert not listener.hears(bad)
    assert listener.hears([*bad, best("1", "0.50", "0.52")])


def test_a_token_that_is_not_followed_any_more_is_forgotten() -> None:
    listener = Listener("1", "2")
    listener.hears([book("1", "0.40", "0.42"), resolved("1")])

    listener.follow("2")
    listener.follow("1", "2")

    assert not listener.hears([book("1", "0.80", "0.82"), trade("1", "0.81")])
    assert listener.hears(resolved("1"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["1", "0.5", "book", "price_change", "last_trade_price", "market_resolved"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([
            "event_type", "asset_id", "assets_ids", "bids", "asks", "price", "size", "best_bid",
            "best_ask", "price_changes", "timestamp", "winning_asset_id",
        ]), inner, max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_no_message_breaks_the_listener(payload: object) -> None:
    listener = Listener("1")
    with suppress(ParseError):
        listener.hears(payload)

    heard = [listener.hears(best("1", bid, "0.99")) for bid in ("0.10", "0.90")]

    assert heard[1]


@pytest.mark.parametrize("url", ["https://a.example/ws", "ws://", "wss://a.example:x", "a.example"])
def test_the_sockets_address_begins_with_ws(url: str) -> None:
    with pytest.raises(ValidationError, match="ws_url"):
        PolymarketSource(name="p", ws_url=url)


def test_hints_are_off_unless_asked_for() -> None:
    source = PolymarketSource(name="p")

    assert not source.hints
    assert source.ws_url == "wss://ws-subscriptions-clob.polymarket.com/ws/market"


# Recorded messages


def tokens_of(payload: Any) -> Iterable[str]:
    for frame in [payload, *payload.get("price_changes", [])]:
        yield from filter(None, [frame.get("asset_id"), *frame.get("assets_ids", [])])


def shifted(token: str, by: str) -> Mapping[str, object]:
    return best(token, by, str(float(by) + 0.02))


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "moves"),
    [
        ("best_bid_ask", True),
        ("book", True),
        ("last_trade_price", True),
        ("new_market", False),
        ("price_change", False),  # of 2024: one level, and no best price
        ("price_change_v2", True),
        ("resolved", True),
        ("tick_size_change", False),
    ],
)
def test_recorded_messages_move_what_they_tell_of(recordings: Path, name: str, moves: bool) -> None:
    payload = json.loads((recordings / f"polymarket/ws-market/{name}.json").read_bytes())
    ours, strangers = Listener(*tokens_of(payload)), Listener("1")
    for token in tokens_of(payload):
        ours.hears(shifted(token, "0.05"))

    assert ours.hears(payload) is moves
    assert not ours.hears(payload) or name == "last_trade_price"
    assert not strangers.hears([payload])
