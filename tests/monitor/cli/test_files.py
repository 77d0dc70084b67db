"""`export` and `import`: whole or not at all, and back again."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from storage import open_store
from storage.tables import EXPORTS
from tests.builders import TOKEN
from tests.monitor.cli.conftest import Cli

HEADER = "at,venue,market_id,outcome_id,bid,ask\n"
ROW = "2026-03-02T12:00:00.000Z,polymarket,99,7,0.40,0.42\n"


def records(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def rows(folder: Path, table: str) -> int:
    with sqlite3.connect(folder / "signal-monitor.db") as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    return found


@pytest.mark.parametrize("what", EXPORTS)
def test_every_table_is_exported_to_stdout_with_its_header(
    filled: Path, cli: Cli, what: str
) -> None:
    ran = cli("export", what)
    assert (ran.code, ran.err) == (0, "")
    assert "," in ran.out.splitlines()[0]
    assert sorted(path.name for path in filled.iterdir() if path.suffix in {".csv", ".json"}) == []


@pytest.mark.usefixtures("filled")
def test_ids_of_77_digits_are_text_in_every_format(filled: Path, cli: Cli) -> None:
    assert {row["outcome_id"] for row in records(cli("export", "quotes").out)} == {TOKEN}
    line = cli("export", "quotes", "--format", "json", "--out", "-").out.splitlines()[0]
    assert json.loads(line)["outcome_id"] == TOKEN
    ran = cli("export", "quotes", "--format", "parquet", "--out", "q.parquet")
    assert (ran.code, ran.err) == (0, "signal-monitor: q.parquet: 2 rows\n")
    frame = pd.read_parquet(filled / "q.parquet")
    assert list(frame["outcome_id"]) == [TOKEN, TOKEN]
    assert str(frame["at"].dtype).endswith("UTC]")


def test_a_file_has_a_manifest_beside_it_and_stdout_stays_empty(filled: Path, cli: Cli) -> None:
    ran = cli("export", "quotes", "--out", "q.csv", "--since", "2026-03-02T12:00Z")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "signal-monitor: q.csv: 1 row\n"
    manifest = json.loads((filled / "q.csv.manifest.json").read_text())
    assert manifest["rows"] == 1
    assert manifest["query"] == {"since": "2026-03-02T12:00:00.000Z"}


@pytest.mark.usefixtures("filled")
def test_a_range_a_theme_and_a_market_narrow_an_export(cli: Cli) -> None:
    def count(*narrow: str) -> int:
        return len(records(cli("export", "quotes", *narrow).out))

    assert count() == 2
    assert count("--until", "2026-03-02T12:00Z") == 1
    assert count("--market", "zeta") == count("--market", "516960") == 2
    assert count("--theme", "glasses") == 2
    assert count("--theme", "models") == 0


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("arguments", "code", "word"), [
    (("nope",), 2, "'nope' cannot be exported; choose one of quotes, candles, markets"),
    (("quote",), 2, "'quote' cannot be exported (did you mean quotes?)"),
    (("quotes", "--format", "xml"), 2, "--format is one of csv, json, parquet, not 'xml'"),
    (("quotes", "--format", "parquet"), 2, "parquet needs a file; name one with --out FILE"),
    (("quotes", "--since", "garbage"), 2, "--since: 'garbage' is neither an instant"),
    (("quotes", "--until", "2026-02-30"), 2, "--until: '2026-02-30' is neither an instant"),
    (("quotes", "--since", "1d", "--until", "2d"), 2, "the range ends before it begins"),
    (("links", "--market", "zta"), 2, "unknown market 'zta' (did you mean zeta?); --market takes"),
    (("quotes", "--theme", "glases"), 2, "unknown theme 'glases' (did you mean glasses?)"),
    (("panel", "--freq", "often"), 2, "--freq: 'often' is not a duration"),
    (("panel", "--freq", "0s"), 2, "--freq must be longer than 0"),
    (("quotes", "--out", "none/q.csv"), 1, "none/q.csv: cannot be written: No such file"),
    (("quotes", "--out", "config.yaml/q.csv"), 1, "config.yaml/q.csv: cannot be written"),
    (("quotes", "--out", "."), 1, "cannot be written"),
])  # fmt: skip
def test_a_bad_export_says_what_and_leaves_no_file(
    filled: Path, cli: Cli, arguments: tuple[str, ...], code: int, word: str
) -> None:
    ran = cli("export", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert word in ran.err
    assert ran.err.count("\n") == 1
    left = {path.name for path in filled.iterdir()}
    # Reading a database in WAL mode makes the two files beside it.
    database = {f"signal-monitor.db{end}" for end in ("", "-wal", "-shm")}
    assert left - database == {"config.yaml"}


@pytest.mark.parametrize("what", ["quotes", "items", "standings"])
@pytest.mark.parametrize("raw", [(), ("--raw",)])
def test_an_export_is_imported_elsewhere_and_again_changes_nothing(
    filled: Path, cli: Cli, what: str, raw: tuple[str, ...]
) -> None:
    text = cli("export", what, *raw).out
    (filled / "signal-monitor.db").unlink()
    count = len(records(text))
    first = cli("import", what, "-", *raw, stdin=text.encode())
    rows_read = "1 row read" if count == 1 else f"{count} rows read"
    assert (first.code, first.out) == (0, f"stdin: {rows_read}, {count} new\n")
    (filled / "again.csv").write_bytes(text.encode())
    second = cli("import", what, "again.csv", *raw, "--json")
    assert second.json == {"read": count, "added": 0, "differing": 0}
    columns = ("at", "outcome_id", "bid", "ask", "title", "url", "summary", "model", "score")
    again = records(cli("export", what, *raw).out)
    for before, after in zip(records(text), again, strict=True):
        assert [before.get(name) for name in columns] == [after.get(name) for name in columns]


def test_raw_reads_cells_as_they_stand_where_the_default_takes_guards_off(
    folder: Path, cli: Cli
) -> None:
    text = "source,guid,title\nwire,1,'=1+1\n"
    for raw, title in (((), "=1+1"), (("--raw",), "'=1+1")):
        (folder / "signal-monitor.db").unlink(missing_ok=True)
        assert cli("import", "items", "-", *raw, stdin=text.encode()).code == 0
        assert records(cli("export", "items", "--raw").out)[0]["title"] == title


def test_imported_news_is_tagged_and_never_told(folder: Path, cli: Cli) -> None:
    text = (
        "source,guid,title,published_at\n"
        "wire,1,Zetacorp launches its new glasses,2026-03-02T12:00:00.000Z\n"
    )
    assert cli("import", "items", "-", stdin=text.encode()).code == 0
    (signal,) = cli("signals", "list", "--since", "2026-03-01", "--json").json
    assert (signal["theme"], signal["kind"]) == ("glasses", "launch")
    assert rows(folder, "alert") == 0


@pytest.mark.parametrize(("text", "word"), [
    (b"", "line 1: the header lacks at, venue, market_id, outcome_id"),
    (b"at,venue\n", "line 1: the header lacks market_id, outcome_id"),
    (HEADER.encode() + b"yesterday,polymarket,99,7,0.4,0.42\n", "line 2, column at: 'yesterday'"),
    ((HEADER + ROW).encode() + b"2026-03-02,polymarket,99,7,1.4,\n", "line 3, column bid: '1.4'"),
    (HEADER.encode() + b"2026-03-02,polymarket,99\n", "line 2: 3 cells where the header has 6"),
    ((HEADER + ROW).encode() + b"caf\xe9,x,y,z,,\n", "not CSV in UTF-8"),
    (HEADER.encode() + b'"2026', "not CSV in UTF-8"),
])  # fmt: skip
def test_a_bad_row_says_line_and_column_and_nothing_of_the_file_is_kept(
    folder: Path, cli: Cli, text: bytes, word: str
) -> None:
    open_store(f"sqlite:///{folder}/signal-monitor.db").close()
    (folder / "bad.csv").write_bytes(text)
    for arguments, stdin in ((("bad.csv",), b""), (("-",), text)):
        ran = cli("import", "quotes", *arguments, stdin=stdin)
        assert (ran.code, ran.out) == (1, "")
        assert word in ran.err
        assert ran.err.endswith("; nothing was imported\n")
    assert rows(folder, "quote") == rows(folder, "market") == 0


def test_an_import_says_what_it_did_not_take_over(folder: Path, cli: Cli) -> None:
    followed = ROW.replace("99", "516960")
    (folder / "a.csv").write_text(HEADER + followed)
    (folder / "b.csv").write_text(HEADER + followed.replace("0.42", "0.43"))

    assert cli("import", "quotes", "a.csv").err == ""
    ran = cli("import", "quotes", "b.csv")
    assert ran.out == (
        "b.csv: 1 row read, 0 new; 1 with another price than the stored one of that instant, "
        "which stays\n"
    )


@pytest.mark.parametrize(("venue", "hint"), [
    ("polymarket", "name them in a theme's markets"),
    ("foo", "a theme can follow markets of polymarket, kalshi, manifold"),
])  # fmt: skip
@pytest.mark.usefixtures("folder")
def test_prices_that_no_theme_follows_are_kept_and_said_to_stay_without_links(
    cli: Cli, venue: str, hint: str
) -> None:
    text = HEADER + ROW.replace("polymarket", venue)
    ran = cli("import", "quotes", "-", stdin=text.encode())

    assert (ran.code, ran.out) == (0, "stdin: 1 row read, 1 new\n")
    said = f"signal-monitor: no theme follows {venue}/99: kept, but never linked; {hint}\n"
    assert ran.err == said
    assert len(records(cli("export", "quotes").out)) == 1


@pytest.mark.parametrize(("arguments", "code", "word"), [
    (("quotes", "none.csv"), 1, "none.csv: cannot be read: No such file or directory"),
    (("quotes", "."), 1, "cannot be read: Is a directory"),
    (("quotes", "/dev/zero"), 1, "/dev/zero: cannot be read: it is a device, not a file"),
    (("moves", "x.csv"), 2, "'moves' cannot be imported; choose one of quotes, items, standings"),
    (("quotes",), 2, "Missing argument"),
])  # fmt: skip
def test_a_file_that_is_none_makes_no_database(
    folder: Path, cli: Cli, arguments: tuple[str, ...], code: int, word: str
) -> None:
    ran = cli("import", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert word in ran.err
    assert sorted(path.name for path in folder.iterdir()) == ["config.yaml"]
