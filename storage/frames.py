"""The store as tidy pandas frames: UTC-aware instants, snake_case columns, NaN for missing.

>>> from storage import frames, open_readonly
>>> links = frames.links(open_readonly("sqlite:///data/signal-monitor.db"))  # doctest: +SKIP

Every frame has the columns of its CSV, in that order, and the same dtypes for many rows or none:
instants, float64 numbers, texts as `str`; lists, mappings and dates are objects.
`since`, `until` (half-open, on the table's own instant), `theme` and `market` narrow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sqlmodel import Session

from storage import panel as panel_rows
from storage import quotes as quote_rows
from storage.engine import Store
from storage.records import PriceBasis
from storage.tables import KINDS, PANEL_COLUMNS, QUOTE_COLUMNS, TABLES, Selection, selected_outcomes

_INSTANTS = frozenset(
    {
        "at", "observed_at", "published_at", "closes_at", "resolved_at", "check_at", "start_at",
        "end_at", "known_from", "sent_at", "from_at", "to_at",
    }
)  # fmt: skip
_NUMBERS = frozenset(
    {
        "bid", "ask", "last", "mid", "spread", "volume_24h", "open", "high", "low", "close",
        "volume", "score", "novelty", "publishers", "rank", "ci_low", "ci_high", "votes",
        "window_s", "price_before", "price_after", "pre_move_pp", "move_pp", "abnormal_move_pp",
        "z", "p_value", "q_value", "n_placebo", "placebo_days", "n_updates", "quote_age_s",
        "price_from", "price_to", "attempts", "place", "spec_confidence", "reads", "signal_score",
        "distance", "gap", "days_left",
    }
)  # fmt: skip
_FLAGS = frozenset({"background", "focal", "thin", "covered", "backfilled"})
_COUNTS = frozenset(
    {"signals", "signals_public", "alert_id", "index", "step_s", *(f"signals_{k}" for k in KINDS)}
)
_OBJECTS = frozenset(
    {
        "themes", "entities", "facts", "polarity", "reason", "explained_by", "confounded_by",
        "signal_ids", "move_ids", "publish_date", "interval_overlap",
    }
)  # fmt: skip


def quotes(store: Store, **narrow: Any) -> pd.DataFrame:
    """Return polled and imported quotes, by venue, market, outcome and instant.

    Columns of the quotes CSV; `mid` and `spread` are derived here and NaN when a side is missing.
    """
    return _read(store, "quotes", narrow)


def candles(store: Store, **narrow: Any) -> pd.DataFrame:
    """Return candles by venue, market, outcome and instant."""
    return _read(store, "candles", narrow)


def panel(store: Store, *, freq: str = "5min", **narrow: Any) -> pd.DataFrame:
    """Return prices and signals side by side in buckets (at - freq, at]; see the CSV's columns."""
    return _read(store, "panel", narrow, freq=freq)


def markets(store: Store, **narrow: Any) -> pd.DataFrame:
    """Return one row for each outcome, with its market and how it settles."""
    return _read(store, "markets", narrow)


def items(store: Store, **narrow: Any) -> pd.DataFrame:
    """Return fetched documents by the instant they were first observed."""
    return _read(store, "items", narrow)


def signals(store: Store, **narrow: Any) -> pd.DataFrame:
    """Return signals by instant; `as_of` gives those known then."""
    return _read(store, "signals", narrow)


def standings(store: Store, **narrow: Any) -> pd.DataFrame:
    """Return leaderboard rows by publish date, board and rank, all versions."""
    return _read(store, "standings", narrow)


def distance(store: Store, **narrow: Any) -> pd.DataFrame:
    """Return how far each leaderboard leg was from flipping, by market, outcome and instant."""
    return _read(store, "distance", narrow)


def links(store: Store, **narrow: Any) -> pd.DataFrame:
    """Return what prices did after signals; moves in percentage points."""
    return _read(store, "links", narrow)


def moves(store: Store, **narrow: Any) -> pd.DataFrame:
    """Return price moves by start with their verdicts."""
    return _read(store, "moves", narrow)


def alerts(store: Store, **narrow: Any) -> pd.DataFrame:
    """Return one row for each delivery of each alert."""
    return _read(store, "alerts", narrow)


def coverage(store: Store, **narrow: Any) -> pd.DataFrame:
    """Return the spans in which each series was really watched."""
    return _read(store, "coverage", narrow)


def of(session: Session, what: str, selection: Selection, *, freq: pd.Timedelta) -> pd.DataFrame:
    """Return the frame of any export on one snapshot; see the functions above."""
    if what == "quotes":
        return _quotes(session, selection)
    if what == "panel":
        rows = list(panel_rows.rows(session, selection, freq=freq))
        return _typed(pd.DataFrame(rows, columns=list(PANEL_COLUMNS)))
    rows = list(TABLES[what].rows(session, selection))
    return _typed(pd.DataFrame(rows, columns=list(TABLES[what].columns)))


def _read(store: Store, what: str, narrow: dict[str, Any], *, freq: str = "5min") -> pd.DataFrame:
    with store.read() as session:
        return of(session, what, Selection(**narrow), freq=pd.Timedelta(freq))


def _quotes(session: Session, selection: Selection) -> pd.DataFrame:
    parts = []
    for market, outcome in selected_outcomes(session, selection):
        assert outcome.id is not None
        found = quote_rows.read(session, outcome.id, since=selection.since, until=selection.until)
        parts.append(_quote_part(market, outcome, found))
    parts = [part for part in parts if len(part)]
    if not parts:
        return _typed(pd.DataFrame({name: [] for name in QUOTE_COLUMNS}))
    return pd.concat(parts, ignore_index=True)


def _quote_part(market: Any, outcome: Any, found: quote_rows.QuoteArrays) -> pd.DataFrame:
    words = np.array([basis.word for basis in PriceBasis], dtype=object)
    return _typed(
        pd.DataFrame(
            {
                "at": pd.to_datetime(found.at, unit="ms", utc=True),
                "venue": market.venue,
                "market_id": market.venue_id,
                "outcome_id": outcome.venue_outcome_id,
                "outcome": outcome.name,
                "bid": found.bid,
                "ask": found.ask,
                "last": found.last,
                "mid": found.mid,
                "spread": found.spread,
                "volume_24h": found.volume_24h,
                "observed_at": pd.to_datetime(found.at + found.observed_lag, unit="ms", utc=True),
                "price_basis": words[found.basis],
                "question": market.question,
            }
        )
    )


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({name: _column(name, frame[name]) for name in frame.columns})


def _column(name: str, values: pd.Series) -> pd.Series:
    if name in _INSTANTS:
        return pd.to_datetime(values, utc=True).astype("datetime64[ms, UTC]")
    if name in _NUMBERS:
        return pd.to_numeric(values, errors="coerce").astype("float64")
    if name in _FLAGS:
        return values.astype("bool")
    if name in _COUNTS:
        return values.astype("int64")
    return values.astype("object" if name in _OBJECTS else "str")
