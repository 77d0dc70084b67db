"""A text that names a market says so: by address, by slug, by the question itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.models import Signal
from storage.records import Batch
from tests.builders import NOON
from tests.desk import Desk, a_story, prices

QUESTION = "Will Zetacorp launch glasses by June 30?"


async def named(desk: Desk, text: str) -> list[str]:
    """Return the markets that the signal of an item with `text` names."""
    page = prices(NOON, {"Zetacorp": "0.40", "Omegacorp": "0.30"})
    markets = tuple(
        replace(market, question=QUESTION if market.label == "Zetacorp" else market.question)
        for market in page.markets
    )
    await desk.poll(replace(page, markets=markets))
    desk.process()
    await desk.poll(Batch(items=(a_story(content=text),)))
    desk.process()
    (signal,) = desk.current(Signal, theme="glasses", origin_kind="story")
    return [fact["value"] for fact in signal.facts if fact["kind"] == "names_market"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"Traders ask: {QUESTION} The odds rose.", "polymarket/zetacorp"),
        ("See https://polymarket.com/event/zeta-race for the odds.", "polymarket/zeta-race"),
    ],
)
async def test_a_stored_market_that_a_text_names_is_a_fact(
    desk: Desk, text: str, value: str
) -> None:
    assert await named(desk, text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "Will Zetacorp launch a phone by June 30?",
        "See https://polymarket.com/event/another-race for the odds.",
        "See https://kalshi.com/event/zeta-race for the odds.",
    ],
)
async def test_a_market_that_is_not_stored_is_not_named(desk: Desk, text: str) -> None:
    assert await named(desk, text) == []


async def test_the_signal_says_which_market_and_how_it_was_named(desk: Desk) -> None:
    await named(desk, f"Traders ask: {QUESTION}")

    (signal,) = desk.current(Signal, theme="glasses", origin_kind="story")
    assert "names the market polymarket/zetacorp (question)" in signal.reason
