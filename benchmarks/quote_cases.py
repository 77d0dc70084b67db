"""The quote path against the plainest code on the bare driver, with the same file and pragmas."""

from __future__ import annotations

import csv
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measure import Figure, paired, speed
from benchmarks.quote_data import MARKETS, a_filled_store, an_empty_store, quotes
from storage import Store, frames, open_readonly
from storage.export import write_csv
from storage.quotes import COLUMNS, Row, insert_rows
from storage.tables import QUOTE_COLUMNS, Selection

WRITTEN = 300_000
READ = 100_000
ROUNDS = 5


def figures(folder: Path) -> list[Figure]:
    """Return the lines of all storage cases; `folder` takes a few hundred megabytes."""
    small, large = folder / "small.db", folder / "large.db"
    a_filled_store(small, WRITTEN).close()
    a_filled_store(large, READ * MARKETS).close()
    return [*writer(folder), range_read(large), export(small, folder), memory(small, large)]


def writer(folder: Path) -> list[Figure]:
    """Measure one transaction of quotes, commit and open included, and what they fill."""
    rows = list(quotes(WRITTEN))
    names = (folder / f"write-{n}.db" for n in count())
    sizes: list[float] = []

    def ours(path: Path, store: Store) -> Callable[[], None]:
        def write() -> None:
            with store.begin() as session:
                insert_rows(session, rows)

        return write

    def prepared() -> tuple[Path, Store]:
        path = next(names)
        return path, an_empty_store(path)

    # Each turn writes a fresh file, made before the clock starts.
    stores = [prepared() for _ in range(2 * ROUNDS)]
    empty = stores[0][0].stat().st_size
    mine = iter([ours(path, store) for path, store in stores[:ROUNDS]])
    bare = iter([_bare_writer(path, rows) for path, _ in stores[ROUNDS:]])
    pair = paired(lambda: next(mine)(), lambda: next(bare)(), rounds=ROUNDS)
    for path, store in stores[:ROUNDS]:
        store.close()
        sizes.append((path.stat().st_size - empty) / WRITTEN)
    for path, store in stores:
        store.close()
        path.unlink()
    size = max(sizes)
    return [
        speed("write 300k quotes / executemany", pair, WRITTEN, at_least=0.8),
        Figure("bytes a quote on disk", f"{size:.1f} B", "-", "-", "<= 45 B", size <= 45),
    ]


def range_read(path: Path) -> Figure:
    """Measure one market's 100k quotes of 1M into a frame, against fetchall, zip, np.array.

    The reference knows the columns' meaning too: it reads numbers only and spreads the names.
    """
    store = open_readonly(f"sqlite:///{path}")
    market = "516963"
    expected, found = _bare_frame(path, market), frames.quotes(store, market=market)
    pd.testing.assert_frame_equal(expected, found, check_dtype=False)
    pair = paired(
        lambda: frames.quotes(store, market=market), lambda: _bare_frame(path, market), rounds=7
    )
    return speed("read 100k of 1M quotes / fetchall+zip+np.array", pair, READ, at_least=1.5)


def export(path: Path, folder: Path) -> Figure:
    """Measure the quotes CSV against a bare cursor and csv.writer.

    The reference writes the same 14 columns of the same rows in the same order by one join, with
    the stored integers as they are: instants in ms, prices in millionths, mid and spread as
    sums, the basis as its number; no guard, no hash, no decimal text.
    """
    store = open_readonly(f"sqlite:///{path}")
    target = folder / "quotes.csv"

    def ours() -> None:
        with store.read() as session, target.open("wb") as stream:
            write_csv(session, "quotes", Selection(), stream)

    pair = paired(ours, lambda: _bare_export(path, target), rounds=3)
    return speed("export 300k quotes / cursor + csv.writer", pair, WRITTEN, at_least=0.9)


def memory(small: Path, large: Path) -> Figure:
    """Measure how much the export's peak grows from 300k to 1M rows, each in its own process."""
    peaks = [
        int(
            subprocess.run(  # the child reads a path of this program's own making
                [sys.executable, "-m", "benchmarks.export_peak", str(path)],
                check=True,
                capture_output=True,
            ).stdout
        )
        for path in (small, large)
    ]
    growth = (peaks[1] - peaks[0]) / 1024
    return Figure(
        "export peak memory, 1M rows / 300k rows",
        f"{peaks[1] / 1024:.1f} MB",
        f"{peaks[0] / 1024:.1f} MB",
        f"{growth:+.1f} MB",
        "<= +5 MB",
        growth <= 5,
    )


def _bare_writer(path: Path, rows: Sequence[Row]) -> Callable[[], None]:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    statement = f"INSERT INTO quote ({','.join(COLUMNS)}) VALUES ({','.join('?' * len(COLUMNS))})"

    def write() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, rows)
        connection.execute("COMMIT")
        connection.close()

    return write


def _bare_frame(path: Path, market: str) -> pd.DataFrame:
    connection = sqlite3.connect(path)
    venue, venue_id, question, outcome_id, token, name = connection.execute(
        "SELECT m.venue, m.venue_id, m.question, o.id, o.venue_outcome_id, o.name "
        "FROM market m JOIN outcome o ON o.market_id = m.id WHERE m.venue_id = ?",
        (market,),
    ).fetchone()
    rows = connection.execute(
        "SELECT at, bid, ask, last, value, volume_24h, observed_lag, basis FROM quote "
        "WHERE outcome_id = ? ORDER BY at",
        (outcome_id,),
    ).fetchall()
    connection.close()
    columns = list(zip(*rows, strict=True))
    at, lag, basis = (np.array(columns[n], dtype="i8") for n in (0, 6, 7))
    bid, ask, last, value, volume = (np.array(column, dtype="f8") for column in columns[1:6])
    words = np.array(["book", "amm", "venue_history", "trade"], dtype=object)
    return pd.DataFrame(
        {
            "at": pd.to_datetime(at, unit="ms", utc=True),
            "venue": venue,
            "market_id": venue_id,
            "outcome_id": token,
            "outcome": name,
            "bid": bid / 1e6,
            "ask": ask / 1e6,
            "last": last / 1e6,
            "mid": np.where(basis == 0, (bid + ask) / 2e6, value / 1e6),
            "spread": (ask - bid) / 1e6,
            "volume_24h": volume / 100,
            "observed_at": pd.to_datetime(at + lag, unit="ms", utc=True),
            "price_basis": words[basis],
            "question": question,
        }
    )


def _bare_export(path: Path, target: Path) -> None:
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT q.at, m.venue, m.venue_id, o.venue_outcome_id, o.name, q.bid, q.ask, q.last, "
        "q.bid + q.ask, q.ask - q.bid, q.volume_24h, q.at + q.observed_lag, q.basis, m.question "
        "FROM market m CROSS JOIN outcome o ON o.market_id = m.id "
        "CROSS JOIN quote q ON q.outcome_id = o.id ORDER BY m.venue, m.venue_id, q.outcome_id, q.at"
    )
    with target.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(QUOTE_COLUMNS)
        writer.writerows(rows)
    connection.close()
