from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from storage import Store, alert_repo, coverage, frames, item_repo, signal_repo, standing_repo
from storage.alert_repo import AlertDraft
from storage.item_repo import ItemKeys
from storage.market_repo import known
from storage.models import Candle, Distance
from storage.records import Origin, PriceBasis
from storage.tables import PANEL_COLUMNS, QUOTE_COLUMNS, TABLES
from tests.builders import (
    NOON,
    TOKEN,
    a_link,
    a_market,
    a_move,
    a_quote,
    a_signal,
    a_standing,
    an_item,
    at,
    keep,
)

FRAMES: dict[str, Callable[..., pd.DataFrame]] = {
    "quotes": frames.quotes,
    "markets": frames.markets,
    "items": frames.items,
    "signals": frames.signals,
    "standings": frames.standings,
    "links": frames.links,
    "moves": frames.moves,
    "distance": frames.distance,
    "alerts": frames.alerts,
    "coverage": frames.coverage,
    "candles": frames.candles,
    "panel": frames.panel,
}
ALERT = AlertDraft(
    dedup_key="k", escalation=0, rule="jump", kind="move", severity="info", at=NOON,
    title="t", group_key="g", reason=("moved",), payload={}, channels=("console",),
)  # fmt: skip


def one_row_of_each(store: Store) -> None:
    ids = keep(store, [a_market(closes_at=at(999))], [a_quote(bid=None), a_quote(at(1))])
    outcome_id = next(iter(ids.values()))
    with store.begin() as session:
        item_repo.add(
            session,
            an_item(published_at=None),
            ItemKeys(None, "k"),
            observed_at=at(0),
            stored_at=at(0),
            origin=Origin.LIVE,
        )
        signal_repo.put_signal(session, a_signal(), known_from=at(1))
        signal_repo.put_link(session, a_link(outcome_id=outcome_id, move=0.06), known_from=at(1))
        signal_repo.put_move(session, a_move(outcome_id), known_from=at(1))
        session.add(Distance(outcome_id=outcome_id, at=at(1), gap=-3.0, known_from=at(1)))
        standing_repo.add(session, [a_standing()], observed_at=at(0), origin=Origin.LIVE)
        alert_repo.add_alert(session, ALERT)
        coverage.extend(session, ["outcome:1"], at=at(0), max_gap=at(1) - at(0))
        start = int(NOON.timestamp() * 1000)
        session.add(Candle(outcome_id=outcome_id, at=start, step_s=60, open=1, backfilled=True))
        assert known(session, "polymarket", "516960") is not None


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_has_the_same_columns_and_types_for_many_rows_or_none(
    store: Store, name: str
) -> None:
    empty = FRAMES[name](store)
    one_row_of_each(store)
    full = FRAMES[name](store)
    columns = {"quotes": QUOTE_COLUMNS, "panel": PANEL_COLUMNS}.get(name)
    assert tuple(empty.columns) == (columns or TABLES[name].columns)
    assert len(empty) == 0
    assert len(full) > 0
    pd.testing.assert_series_equal(full.dtypes, empty.dtypes)


@pytest.mark.parametrize("name", FRAMES)
def test_every_instant_of_a_frame_is_aware_utc(store: Store, name: str) -> None:
    one_row_of_each(store)
    frame = FRAMES[name](store)
    names = [str(column) for column in frame]
    dates = [name for name in names if str(frame[name].dtype).startswith("datetime")]
    naming_instants = {n for n in names if n in ("at", "known_from") or n.endswith("_at")}
    assert set(dates) == naming_instants
    assert {str(frame[column].dtype) for column in dates} <= {"datetime64[ms, UTC]"}


def test_quotes_hold_nan_for_missing_and_derive_mid_and_spread(store: Store) -> None:
    amm = a_quote(at(2), None, None, basis=PriceBasis.AMM, value=Decimal("0.3"))
    keep(store, [a_market()], [a_quote(bid=None), a_quote(at(1), observed_at=at(1.5)), amm])
    frame = frames.quotes(store)
    np.testing.assert_array_equal(frame["bid"], [np.nan, 0.40, np.nan])
    np.testing.assert_allclose(frame["mid"], [np.nan, 0.41, 0.3])
    np.testing.assert_allclose(frame["spread"], [np.nan, 0.02, np.nan])
    assert frame["volume_24h"].isna().all()
    assert frame["at"].tolist() == [at(0), at(1), at(2)]
    assert frame["observed_at"].tolist()[1] == at(1.5)
    assert frame["price_basis"].tolist() == ["book", "book", "amm"]
    assert frame["outcome_id"].tolist() == [TOKEN] * 3


def test_quotes_of_several_markets_are_one_frame_in_order(store: Store) -> None:
    markets = [a_market("2"), a_market("1")]
    keep(store, markets, [a_quote(at(m), venue_id=v) for v in "21" for m in (1, 0)])
    frame = frames.quotes(store)
    assert frame["market_id"].tolist() == ["1", "1", "2", "2"]
    assert frame["at"].tolist() == [at(0), at(1)] * 2
    assert frame.index.tolist() == [0, 1, 2, 3]
    assert len(frames.quotes(store, market="2", since=at(1))) == 1


def test_moves_are_in_points_and_missing_figures_nan(store: Store) -> None:
    one_row_of_each(store)
    link = frames.links(store).iloc[0]
    assert link["move_pp"] == pytest.approx(6.0)
    assert np.isnan(link["p_value"])
    assert bool(link["focal"]) is True
    assert frames.moves(store)["move_pp"].tolist() == [pytest.approx(6.0)]


def test_lists_stay_lists_and_missing_texts_are_null(store: Store) -> None:
    one_row_of_each(store)
    signal = frames.signals(store).iloc[0]
    assert signal["entities"] == ["zetacorp"]
    assert pd.isna(signal["url"])
    assert frames.items(store)["published_at"].isna().all()


def test_a_frame_as_of_an_instant_shows_what_was_known(store: Store) -> None:
    with store.begin() as session:
        signal_repo.put_signal(session, a_signal(score=0.6), known_from=at(1))
        signal_repo.put_signal(session, a_signal(score=0.9), known_from=at(5))
    assert frames.signals(store, as_of=at(2))["score"].tolist() == [0.6]
    assert frames.signals(store)["score"].tolist() == [0.9]
