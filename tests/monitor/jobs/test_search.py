"""Searching the venues: what fits, how it is told, and that one failing venue is only one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from monitor.clock import ManualClock
from monitor.config import Config, parse_config
from monitor.errors import TransientSourceError
from monitor.jobs.search import config_line, fits, found_markets, search_markets, searchable
from monitor.sources.base import Fetcher, MarketRef, Page, SourceModel
from storage.records import (
    Batch,
    MarketRecord,
    MarketStatus,
    OutcomeRecord,
    PriceBasis,
    QuoteRecord,
    Reject,
)

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
YES_NO = (OutcomeRecord("YES", "Yes", 0), OutcomeRecord("NO", "No", 1))


def a_config(text: str = "") -> Config:
    return parse_config(text, name="config.yaml", folder=Path())


def a_market(venue_id: str = "m1", **given: Any) -> MarketRecord:
    values = {"venue": "manifold", "question": "Will Acme lead?", "outcomes": YES_NO, **given}
    return MarketRecord(venue_id=venue_id, **values)


def a_quote(venue_id: str = "m1", outcome: str = "YES", **given: Any) -> QuoteRecord:
    values = {"venue": "manifold", "basis": PriceBasis.AMM, "at": NOW, "observed_at": NOW, **given}
    return QuoteRecord(venue_id=venue_id, venue_outcome_id=outcome, **values)


class Oracle(SourceModel):
    """A venue that finds `batch`, or fails."""

    kind: str = "oracle"
    found: ClassVar[Batch] = Batch(
        markets=(a_market(),), quotes=(a_quote(value=Decimal("0.3")),), rejects=(Reject("a", "b"),)
    )

    async def search(self, http: Fetcher, text: str, *, limit: int) -> list[Page]:
        if self.name == "down":
            raise TransientSourceError("HTTP 503")
        if self.name == "broken":
            raise ZeroDivisionError("oops")
        page = Page("markets", "https://oracle.example/", b"", http.now)
        return [page, Page("notice", "https://oracle.example/", b"", http.now)]

    def parse(self, page: Page) -> Batch:
        return self.found if page.shape == "markets" else Batch(rejects=(Reject("cut short", ""),))


def test_venues_that_the_config_leaves_out_are_asked_at_their_own_address() -> None:
    sources = searchable(a_config())

    assert {"polymarket", "manifold"} <= {source.name for source in sources}


def test_a_venue_of_the_config_is_asked_as_configured_and_not_when_switched_off() -> None:
    config = a_config(
        """
sources:
  - {name: mana, kind: manifold, api_url: "http://127.0.0.1:9/v0"}
  - {name: poly, kind: polymarket, enabled: false}
  - {name: wire, kind: rss, url: "http://127.0.0.1:9/feed"}
"""
    )

    names = [source.name for source in searchable(config)]

    assert names[0] == "mana"
    assert not {"manifold", "poly", "polymarket", "wire"} & set(names)


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("acme", True),
        ("ACME lead", True),
        ("lead acme board", True),
        ("acme zeta", False),
        ("cme", False),
        ("glass", True),
        ("智能眼镜", True),
        ("眼镜", True),
        ("c++", False),
    ],
)
def test_every_word_must_begin_a_word_of_the_question_or_its_series(
    text: str, is_found: bool
) -> None:
    market = a_market(series_title="The example BOARD", label="Glasses 智能眼镜")

    assert fits(market, text) is is_found


def test_the_legs_of_a_series_are_one_find_the_dearest_first() -> None:
    legs = [
        a_market(name, venue="polymarket", series="race", series_title="Who leads?", label=name)
        for name in ("acme", "zeta", "nix")
    ]
    quotes = (
        a_quote("acme", basis=PriceBasis.BOOK, bid=Decimal("0.2"), ask=Decimal("0.24")),
        a_quote("zeta", basis=PriceBasis.TRADE, last=Decimal("0.7"), volume_24h=Decimal(5)),
    )

    (found,) = found_markets([Batch(markets=tuple(legs), quotes=quotes)], "leads")

    assert (found.title, found.line) == ("Who leads?", "- {venue: polymarket, event: race}")
    assert [(leg.name, leg.price, leg.spread) for leg in found.legs] == [
        ("zeta", Decimal("0.7"), None),
        ("acme", Decimal("0.22"), Decimal("0.04")),
        ("nix", None, None),
    ]
    assert found.volume_24h == 5


def test_the_answers_of_one_question_are_its_legs() -> None:
    answers = (OutcomeRecord("a1", "Acme", 0), OutcomeRecord("a2", "Zeta", 1))
    market = a_market("c1", series="c1", series_title="Who leads?", outcomes=answers)
    quotes = (a_quote("c1", "a1", value=Decimal("0.4")), a_quote("c1", "a2", value=Decimal("0.6")))

    (found,) = found_markets([Batch(markets=(market,), quotes=quotes)], "who")

    assert [(leg.name, leg.outcome_id) for leg in found.legs] == [("Zeta", "a2"), ("Acme", "a1")]
    assert found.line == "- {venue: manifold, id: c1}"
    assert found.volume_24h is None


def test_a_two_sided_question_shows_its_first_outcome_only() -> None:
    (found,) = found_markets(
        [Batch(markets=(a_market(),), quotes=(a_quote(value=Decimal("0.3")),))], ""
    )

    assert [leg.name for leg in found.legs] == ["Yes"]


def test_a_market_that_is_not_open_is_not_found() -> None:
    closed = [a_market(status=status) for status in (MarketStatus.CLOSED, MarketStatus.RESOLVED)]

    assert found_markets([Batch(markets=tuple(closed))], "acme") == []


@pytest.mark.parametrize(
    "name", ["516960", "1e5", "no", "2026-06-01", "a: b", "KX-1", "which-one", '"', "0x1F"]
)
def test_the_line_is_yaml_that_the_config_reads_back(name: str) -> None:
    (entry,) = yaml.safe_load(config_line(a_market(name)))

    assert MarketRef(**entry).id == name


async def test_one_failing_venue_costs_only_itself() -> None:
    sources = [Oracle(name=name) for name in ("down", "well", "broken")]

    report = await search_markets(a_config(), sources, "acme", ManualClock(NOW), limit=5)

    assert [market.title for market in report.markets] == ["Will Acme lead?"]
    assert report.failed == {
        "down": "HTTP 503",
        "broken": "the source broke with ZeroDivisionError: oops",
    }
    assert (report.asked, report.notes) == (3, {"well": ["cut short"]})


async def test_the_limit_holds_for_each_venue() -> None:
    class Many(Oracle):
        found: ClassVar[Batch] = Batch(markets=tuple(a_market(f"m{n}") for n in range(7)))

    sources = [Many(name="one"), Many(name="two")]

    report = await search_markets(a_config(), sources, "acme", ManualClock(NOW), limit=3)

    assert len(report.markets) == 6
