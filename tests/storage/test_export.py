from __future__ import annotations

import csv
import hashlib
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import IO

import pandas as pd
import pytest

from storage import StorageError, Store, coverage, item_repo, signal_repo
from storage.export import (
    Exported,
    columns_of,
    text_rows,
    write_csv,
    write_file,
    write_json,
    write_manifest,
)
from storage.item_repo import ItemKeys
from storage.records import Origin, OutcomeRecord, PriceBasis
from storage.tables import EXPORTS, Selection
from tests.builders import NOON, TOKEN, a_market, a_quote, a_signal, an_item, at, keep

HOSTILE = '=HYPERLINK("https://evil.example"),\r\nsecond line'


def exported(store: Store, what: str, *, raw: bool = False, **narrow: object) -> bytes:
    stream = io.BytesIO()
    with store.read() as session:
        write_csv(session, what, Selection(**narrow), stream, raw=raw)  # type: ignore[arg-type]
    return stream.getvalue()


def records(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def test_a_quote_is_written_exactly_as_the_contract_says(store: Store) -> None:
    book = a_quote(
        at(0), "0.40", "0.425", last=Decimal("0.41"), volume_24h=Decimal("1234.5"),
        observed_at=at(0.5),
    )  # fmt: skip
    keep(store, [a_market()], [book])
    assert exported(store, "quotes").decode() == (
        "at,venue,market_id,outcome_id,outcome,bid,ask,last,mid,spread,volume_24h,observed_at,"
        "price_basis,question\n"
        f"2026-03-02T12:00:00.000Z,polymarket,516960,{TOKEN},Yes,0.4,0.425,0.41,0.4125,0.025,"
        "1234.5,2026-03-02T12:00:30.000Z,book,Will Zetacorp lead the board in March?\n"
    )


def test_missing_is_empty_and_zero_is_zero(store: Store) -> None:
    one_sided = a_quote(at(0), bid=None, ask="0.01")
    free = a_quote(at(1), bid="0", ask="0", volume_24h=Decimal(0))
    amm = a_quote(at(2), None, None, basis=PriceBasis.AMM, value=Decimal("0.3"))
    keep(store, [a_market()], [one_sided, free, amm])
    names = ("bid", "ask", "mid", "spread", "volume_24h", "price_basis")
    assert [tuple(row[n] for n in names) for row in records(exported(store, "quotes"))] == [
        ("", "0.01", "", "", "", "book"),
        ("0", "0", "0", "0", "0", "book"),
        ("", "", "0.3", "", "", "amm"),
    ]


def test_rows_are_sorted_and_narrowed(store: Store) -> None:
    markets = [a_market(v, outcomes=(OutcomeRecord(v, "Yes", 0),)) for v in ("b", "a")]
    quotes = [
        a_quote(at(minute), venue_id=v, venue_outcome_id=v) for v in "ba" for minute in (1, 0)
    ]
    keep(store, markets, quotes)
    every = records(exported(store, "quotes"))
    assert [(row["market_id"], row["at"][14:16]) for row in every] == [
        ("a", "00"), ("a", "01"), ("b", "00"), ("b", "01"),
    ]  # fmt: skip
    some = records(exported(store, "quotes", market="b", since=at(0), until=at(1)))
    assert [(row["market_id"], row["at"][14:16]) for row in some] == [("b", "00")]
    assert records(exported(store, "quotes", theme="nobody")) == []


def test_cells_from_outside_are_guarded_unless_raw(store: Store) -> None:
    outcome = OutcomeRecord("=1+1", "@yes", 0)
    market = a_market("-m", question=HOSTILE, outcomes=(outcome,))
    keep(store, [market], [a_quote(venue_id="-m", venue_outcome_id="=1+1")])
    names = ("market_id", "outcome_id", "outcome", "question")
    [guarded] = records(exported(store, "quotes"))
    [raw] = records(exported(store, "quotes", raw=True))
    assert [guarded[name] for name in names] == ["'-m", "'=1+1", "'@yes", "'" + HOSTILE]
    assert [raw[name] for name in names] == ["-m", "=1+1", "@yes", HOSTILE]


def test_pandas_reads_long_ids_as_text(store: Store) -> None:
    keep(store, [a_market("0516960")], [a_quote(venue_id="0516960")])
    frame = pd.read_csv(io.BytesIO(exported(store, "quotes")), dtype=str)
    assert frame["outcome_id"].tolist() == [TOKEN]
    assert frame["market_id"].tolist() == ["0516960"]


@pytest.mark.parametrize("what", EXPORTS)
def test_an_empty_store_gives_every_export_its_header(store: Store, what: str) -> None:
    assert exported(store, what).decode() == ",".join(columns_of(what)) + "\n"


def test_an_unknown_export_is_refused_with_the_choice(store: Store) -> None:
    with pytest.raises(StorageError, match="'prices' cannot be exported; choose one of quotes"):
        exported(store, "prices")


def test_lists_are_json_and_texts_with_ends_of_line_stay_one_record(store: Store) -> None:
    with store.begin() as session:
        signal_repo.put_signal(
            session,
            a_signal(title="one\rtwo", entities=["zetacorp", "雅"], facts=[{"unit": "CNY"}]),
            known_from=at(1),
        )
    [row] = records(exported(store, "signals"))
    assert row["title"] == "one\rtwo"
    assert json.loads(row["entities"]) == ["zetacorp", "雅"]
    assert json.loads(row["facts"]) == [{"unit": "CNY"}]
    assert (row["background"], row["score"], row["novelty"]) == ("false", "0.8", "")


def test_progress_is_told_in_rows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.export.CHUNK_ROWS", 2)
    keep(store, [a_market()], [a_quote(at(minute)) for minute in range(5)])
    told: list[int] = []
    with store.read() as session:
        write_csv(session, "quotes", Selection(), io.BytesIO(), progress=told.append)
    assert told == [2, 4, 5]


def test_json_lines_hold_the_csvs_columns_with_null_for_missing(store: Store) -> None:
    keep(store, [a_market()], [a_quote(bid=None)])
    stream = io.BytesIO()
    with store.read() as session:
        found = write_json(session, "quotes", Selection(), stream, freq=at(5) - at(0))
    row = json.loads(stream.getvalue())
    assert tuple(row) == columns_of("quotes")
    assert (row["bid"], row["outcome_id"]) == (None, TOKEN)
    assert found.rows == 1
    assert found.sha256 == hashlib.sha256(stream.getvalue()).hexdigest()


def test_json_cells_and_csv_cells_come_from_one_place(store: Store) -> None:
    keep(store, [a_market()], [a_quote(), a_quote(at(1), bid=None)])
    with store.read() as session:
        cells = text_rows(session, "quotes", Selection(), freq=at(5) - at(0), raw=True)
        assert [list(row) for row in cells] == [
            list(row.values()) for row in records(exported(store, "quotes", raw=True))
        ]


def test_the_manifest_says_rows_hash_query_and_coverage(store: Store, tmp_path: Path) -> None:
    ids = keep(store, [a_market()], [a_quote(at(minute)) for minute in range(3)])
    with store.begin() as session:
        subject = coverage.outcome_subject(next(iter(ids.values())))
        coverage.extend(session, [subject], at=at(0), max_gap=at(3) - at(0))
        coverage.extend(session, [subject], at=at(2), max_gap=at(3) - at(0))
    path, selection = tmp_path / "quotes.csv", Selection(since=at(1), market="516960")

    def write(stream: IO[bytes]) -> Exported:
        with store.read() as session:
            return write_csv(session, "quotes", selection, stream)

    found = write_file(path, write)
    write_manifest(path, "quotes", selection, found)
    assert json.loads((tmp_path / "quotes.csv.manifest.json").read_text()) == {
        "schema_version": 1,
        "what": "quotes",
        "rows": 2,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "query": {"since": "2026-03-02T12:01:00.000Z", "market": "516960"},
        "coverage": {
            "from": "2026-03-02T12:00:00.000Z",
            "to": "2026-03-02T12:02:00.000Z",
            "spans": 1,
        },
    }


def test_nothing_watched_is_null_in_the_manifest(store: Store, tmp_path: Path) -> None:
    with store.read() as session:
        found = write_csv(session, "quotes", Selection(), io.BytesIO())
    write_manifest(tmp_path / "q.csv", "quotes", Selection(), found)
    manifest = json.loads((tmp_path / "q.csv.manifest.json").read_text())
    assert (manifest["rows"], manifest["coverage"]) == (0, None)


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    path.write_text("old")

    def fail(stream: IO[bytes]) -> Exported:
        stream.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(path, fail)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("quotes.csv", "old")]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"quotes.csv: cannot be written: No such file"):
        write_file(tmp_path / "none" / "quotes.csv", lambda stream: Exported(0, ""))


def test_items_are_exported_as_first_worded(store: Store) -> None:
    keys = ItemKeys(None, "k")
    with store.begin() as session:
        for minute, title in ((0, "First"), (5, "Second")):
            item_repo.add(
                session,
                an_item(title=title),
                keys,
                observed_at=at(minute),
                stored_at=at(minute),
                origin=Origin.LIVE,
            )
    [row] = records(exported(store, "items"))
    assert (row["title"], row["observed_at"]) == ("First", "2026-03-02T12:00:00.000Z")
    assert row["published_at"] == f"{NOON:%Y-%m-%dT%H:%M:%S}.000Z"
