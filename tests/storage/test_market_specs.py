"""The spec columns of a market are written whole: what the text no longer says becomes empty."""

from __future__ import annotations

from decimal import Decimal

from sqlmodel import select

from storage import Store, market_repo, market_specs
from storage.models import Market
from storage.records import MarketRecord, Origin, SettlementSpec
from tests.builders import a_market, at

FULL = SettlementSpec(
    board="text",
    category="overall",
    style_control="off",
    quantity="score",
    place=1,
    universe="CN",
    unit="company",
    threshold=Decimal("1500.50"),
    when="at",
    check_at=at(600),
    tie_rule="yes",
    owners=("zetacorp", "country:CN"),
    confidence=0.9,
)


def upsert(store: Store, minute: float, record: MarketRecord, settle: market_specs.Settle) -> None:
    with store.begin() as session:
        market_repo.upsert(
            session,
            [record],
            observed_at=at(minute),
            origin=Origin.LIVE,
            owner_of=lambda name: None,
            settle=settle,
        )


def the_market(store: Store) -> Market:
    with store.read() as session:
        return session.exec(select(Market)).one()


def test_every_field_is_kept_and_emptied_again(store: Store) -> None:
    upsert(store, 0, a_market(), lambda record: FULL)
    kept = the_market(store)
    assert (kept.threshold, kept.owners) == ("1500.50", ["zetacorp", "country:CN"])
    assert (kept.check_at, kept.spec_confidence) == (at(600), 0.9)

    upsert(store, 1, a_market(), lambda record: SettlementSpec())
    emptied = the_market(store)
    names = ("board", "place", "threshold", "owners", "check_at", "spec_confidence", "tie_rule")
    assert [getattr(emptied, name) for name in names] == [None] * len(names)


def test_the_reader_gets_what_earlier_answers_said(store: Store) -> None:
    asked: list[MarketRecord] = []

    def settle(record: MarketRecord) -> SettlementSpec:
        asked.append(record)
        return SettlementSpec()

    told = a_market(rules="The leader wins.", closes_at=at(99), series_title="Race", label="Zeta")
    upsert(store, 0, told, settle)
    upsert(store, 1, a_market(), settle)

    silent = asked[1]
    assert (silent.rules, silent.closes_at) == ("The leader wins.", at(99))
    assert (silent.series_title, silent.label) == ("Race", "Zeta")


def test_all_stored_markets_are_settled_anew_and_only_changes_count(store: Store) -> None:
    upsert(store, 0, a_market("1", rules="Old."), lambda record: SettlementSpec())
    upsert(store, 1, a_market("1", rules="New."), lambda record: SettlementSpec())

    def settle(record: MarketRecord) -> SettlementSpec:
        return FULL if record.rules == "New." else SettlementSpec()

    with store.begin() as session:
        assert market_specs.settle_stored(session, settle) == 1
        assert market_specs.settle_stored(session, settle) == 0
    assert the_market(store).board == "text"
