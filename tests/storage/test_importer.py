from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, SQLModel, select

from storage import (
    ImportRowError,
    Store,
    coverage,
    importer,
    item_repo,
    market_repo,
    open_store,
    standing_repo,
)
from storage.export import write_csv
from storage.importer import Imported, Tagging
from storage.item_repo import ItemKeys
from storage.models import Item, ItemRevision, Market, Outcome, Quote, Standing
from storage.records import ItemRecord, MarketStatus, Origin, OutcomeRecord, PriceBasis
from storage.tables import Selection
from tests.builders import a_market, a_quote, a_standing, an_item, at, keep

HEADER = "at,venue,market_id,outcome_id,bid,ask\n"
ROW = "2026-03-02T12:00:00.000Z,polymarket,516960,7,0.40,0.42\n"
HOSTILE = ('=1+1,"x"\r\nnext', "'quoted", "\t-1", "－5", "one\rtwo", "null \x00 here")


def owner_of(name: str) -> str | None:
    return {"Zetacorp": "zetacorp"}.get(name)


def item_keys(item: ItemRecord) -> ItemKeys:
    return ItemKeys(item.url, item.title.casefold())


TAGGING = Tagging(owner_of=owner_of, item_keys=item_keys)


@pytest.fixture
def other(tmp_path: Path, blank: bytes) -> Iterator[Store]:
    """Return a second, empty store."""
    path = tmp_path / "other.db"
    path.write_bytes(blank)
    opened = open_store(f"sqlite:///{path}")
    yield opened
    opened.close()


def exported(store: Store, what: str, *, raw: bool = False) -> str:
    stream = io.BytesIO()
    with store.read() as session:
        write_csv(session, what, Selection(), stream, raw=raw)
    return stream.getvalue().decode()


def imported(store: Store, what: str, text: str, *, raw: bool = False) -> Imported:
    with store.begin() as session:
        stream = io.StringIO(text, newline="")
        return importer.read_csv(session, what, stream, TAGGING, now=at(600), raw=raw)


def count(store: Store, model: type[SQLModel]) -> int:
    with store.read() as session:
        return len(session.exec(select(model)).all())


def a_full_market(store: Store) -> int:
    """Keep three markets whose quotes show every basis, missing sides and hostile texts."""
    pair = (OutcomeRecord("9" * 76 + "2", "Yes", 0), OutcomeRecord("9" * 76 + "1", "No", 1))
    markets = [
        a_market("516960", question=HOSTILE[0]),
        a_market("2", outcomes=pair, question=HOSTILE[1]),
        a_market("=KX-1", venue="kalshi", outcomes=(OutcomeRecord("-x", HOSTILE[2], 0),)),
    ]
    quotes = [
        a_quote(at(0), "0.40", "0.42", last=Decimal("0.41"), volume_24h=Decimal("10.05")),
        a_quote(at(1), None, "0.42", observed_at=at(1.5)),
        a_quote(at(2), "0.40", None, last=Decimal(0)),
        a_quote(at(3), None, None, last=Decimal("0.41")),
        a_quote(at(4), "0.000001", "1", observed_at=at(3)),
        *(
            a_quote(
                at(n), None, None, basis=basis, value=Decimal("0.333333"),
                venue_id="2", venue_outcome_id=pair[n % 2].venue_outcome_id,
            )
            for n, basis in enumerate(
                (PriceBasis.AMM, PriceBasis.VENUE_HISTORY, PriceBasis.TRADE, PriceBasis.AMM)
            )
        ),
        a_quote(at(0), "0.5", "0.5", venue="kalshi", venue_id="=KX-1", venue_outcome_id="-x"),
    ]  # fmt: skip
    keep(store, markets, quotes)
    return len(quotes)


@pytest.mark.parametrize("raw", [False, True])
def test_quotes_with_ids_of_77_digits_come_back_byte_for_byte_and_twice_is_once(
    store: Store, other: Store, raw: bool
) -> None:
    rows = a_full_market(store)
    first = exported(store, "quotes", raw=raw)
    for target, added in ((other, rows), (other, 0), (store, 0)):
        found = imported(target, "quotes", first, raw=raw)
        assert (found.read, found.added, found.differing) == (rows, added, 0)
        assert exported(target, "quotes", raw=raw) == first


def test_prices_that_differ_from_the_kept_ones_are_counted_and_the_kept_ones_stay(
    store: Store,
) -> None:
    more = ROW.replace("12:00", "12:10")
    imported(store, "quotes", HEADER + ROW + more)
    before = exported(store, "quotes")
    other_bid, one_side = ROW.replace("0.40", "0.39"), more.replace("0.40", "")
    found = imported(store, "quotes", HEADER + other_bid + one_side)

    # A cell left empty says nothing else.
    assert (found.read, found.added, found.differing) == (2, 0, 1)
    assert exported(store, "quotes") == before


def test_of_two_rows_of_one_instant_in_a_file_the_first_counts_and_the_other_is_told(
    store: Store,
) -> None:
    found = imported(store, "quotes", HEADER + ROW + ROW.replace("0.42", "0.43") + ROW)
    assert (found.read, found.added, found.differing) == (3, 1, 1)


def test_markets_that_a_file_names_are_made_once(store: Store, other: Store) -> None:
    a_full_market(store)
    text = exported(store, "quotes")
    imported(other, "quotes", text)
    imported(other, "quotes", text)
    with other.read() as session:
        markets = session.exec(select(Market).order_by("venue_id")).all()
        assert [market.venue_id for market in markets] == ["2", "516960", "=KX-1"]
        assert {market.origin for market in markets} == {"import"}
        index = dict(session.exec(select(Outcome.name, Outcome.idx).order_by("idx")).all())
        assert (index["Yes"], index["No"]) == (0, 1)


def test_optional_columns_may_be_absent(store: Store) -> None:
    text = "venue,at,outcome_id,market_id,mid\nmine,2026-03-01,a,m,0.25\n"
    found = imported(store, "quotes", text)
    assert (found.read, found.added, found.markets) == (1, 1, {("mine", "m")})
    with store.read() as session:
        rows = session.exec(select(Quote).order_by("at")).all()
        assert [(row.value, row.basis, row.observed_lag) for row in rows] == [
            (250_000, PriceBasis.VENUE_HISTORY, 0),
        ]
        assert session.exec(select(Market.question)).one() == "m"


def test_an_import_does_not_rename_or_reopen_a_known_market(store: Store) -> None:
    keep(store, [a_market(status=MarketStatus.RESOLVED)])
    imported(store, "quotes", HEADER + ROW)
    with store.read() as session:
        market = session.exec(select(Market)).one()
        assert (market.status, market.question) == (
            "resolved",
            "Will Zetacorp lead the board in March?",
        )
        assert market_repo.outcome_count(session, "polymarket", "516960") == 2


def test_the_files_span_counts_as_watched_and_splits_at_long_gaps(store: Store) -> None:
    instants = ("12:00", "13:00", "14:00:00.001", "16:00")
    rows = "".join(f"2026-03-02T{i}Z,v,m,o,0.4,0.42\n" for i in instants)
    for _ in range(2):
        imported(store, "quotes", HEADER + rows)
    with store.read() as session:
        outcome_id = session.exec(select(Outcome.id)).one()
        assert outcome_id is not None
        spans = coverage.spans(session, coverage.outcome_subject(outcome_id))
    assert [(span.from_at, span.to_at) for span in spans] == [
        (at(0), at(60)),
        (at(120) + timedelta(milliseconds=1),) * 2,
        (at(240), at(240)),
    ]
    assert [span.gap_reason for span in spans] == [
        "gap in the imported file",
        "gap in the imported file",
        "end of the imported file",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the header lacks at, venue, market_id, outcome_id"),
        ("at,venue,market_id,outcome_id,prize\n", "line 1: .* unknown columns prize"),
        ("at,venue,market_id,outcome_id,at\n", "line 1: the header repeats at"),
        (HEADER + ROW + "2026-03-02,polymarket\n", "line 3: 2 cells where the header has 6"),
        (HEADER + ROW.replace("0.40", "0,40"), "line 2: 7 cells where"),
        (HEADER + ROW + ROW.replace("0.42", "42"), "line 3, column ask: '42' .*0..1"),
        (HEADER + ROW.replace("0.40", "abc"), "line 2, column bid: 'abc' .*not a number"),
        (HEADER + ROW.replace("0.40", "NaN"), "line 2, column bid: 'NaN' .*not a finite number"),
        (HEADER + ROW.replace("0.40", "1e999999"), "line 2, column bid: '1e999999'"),
        (HEADER + ROW.replace("2026-03-02T", "yesterday"), "line 2, column at: 'yesterday"),
        (HEADER + ROW.replace("2026-03-02T12:00:00.000Z", "0001-01-01T00:00+14:00"), "column at"),
        (HEADER + ROW.replace("2026-03-02T12:00:00.000Z", ""), "line 2: column at may not be"),
        (HEADER + ROW + ROW.replace("0.40", "0.50"), "line 3: crossed book: bid 0.50 above ask 0"),
        (
            HEADER + ROW + "2026-03-02,v,m,o,,\n",
            "line 3: no price; the row needs bid, ask, last or",
        ),
        (
            "at,venue,market_id,outcome_id,mid,price_basis\n2026-03-02,v,m,o,0.4,book\n",
            "line 2: no price; the row needs bid, ask or last",
        ),
        (HEADER + ROW.replace("2026", "2036"), "line 2, column at: '2036.*lies in the future"),
        (
            HEADER.replace("bid", "observed_at") + ROW.replace("0.40", "2026-03-03"),
            "line 2, column observed_at: .*lies in the future; it is 2026-03-02T22:00",
        ),
        (HEADER + ROW + '2026-03-02,"poly\nmarket,1,2', "line 3: not CSV in UTF-8"),
        (HEADER + ROW + 'x,"a\nb",c\n', "line 3: 3 cells where"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_keeps_nothing(
    store: Store, text: str, message: str
) -> None:
    with pytest.raises(ImportRowError, match=message):
        imported(store, "quotes", text)
    assert (count(store, Quote), count(store, Market)) == (0, 0)


def test_a_bad_row_far_down_undoes_the_batches_before_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "BATCH_ROWS", 2)
    rows = [ROW.replace("12:00", f"12:{minute:02}") for minute in range(9)]
    with pytest.raises(ImportRowError, match="line 11"):
        imported(store, "quotes", HEADER + "".join(rows) + "broken\n")
    assert (count(store, Quote), count(store, Market)) == (0, 0)


def test_bytes_that_are_not_utf_8_are_refused(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(HEADER.encode() + ROW.replace("polymarket", "caf\xe9").encode("latin-1"))
    with (
        path.open(encoding="utf-8", newline="") as stream,
        pytest.raises(ImportRowError, match="not CSV in UTF-8"),
        store.begin() as session,
    ):
        importer.read_csv(session, "quotes", stream, TAGGING, now=at(0))
    assert count(store, Market) == 0


def test_what_spreadsheets_add_is_forgiven(store: Store) -> None:
    text = "\ufeff" + (HEADER + ROW).replace("\n", "\r\n") + "\r\n"
    assert imported(store, "quotes", text).added == 1


def test_an_unknown_kind_of_import_is_refused_with_the_choice(store: Store) -> None:
    with pytest.raises(ImportRowError, match="'moves' cannot be imported; choose one of quotes"):
        imported(store, "moves", "")


def an_item_in(session: Session, minute: float, **given: Any) -> None:
    record = an_item(**given)
    item_repo.add(
        session,
        record,
        item_keys(record),
        observed_at=at(minute),
        stored_at=at(minute),
        origin=Origin.LIVE,
    )


def test_items_come_back_byte_for_byte_and_twice_is_once(store: Store, other: Store) -> None:
    with store.begin() as session:
        for n, title in enumerate(HOSTILE):
            an_item_in(session, n, guid=f"=g{n}", title=title, content="x" * 200_000, lang="zh")
        an_item_in(session, 9, guid="plain", published_at=None, summary="+5 per cent")
        an_item_in(session, 99, guid="plain", title="Reworded")
    text = exported(store, "items")
    assert imported(other, "items", text) == Imported(7, 7)
    assert exported(other, "items") == text
    for target in (other, store):
        revisions = count(target, ItemRevision)
        assert imported(target, "items", text) == Imported(7, 0)
        assert (count(target, Item), count(target, ItemRevision)) == (7, revisions)
        assert exported(target, "items") == text


def test_an_imported_date_without_a_time_stays_a_date(store: Store) -> None:
    text = "source,guid,title,published_at\nw,1,t,2026-03-02\nw,2,t,2026-03-02T00:00Z\nw,3,t,\n"
    imported(store, "items", text)
    with store.read() as session:
        found = session.exec(select(Item.precision, Item.origin).order_by("guid")).all()
    assert found == [("day", "import"), ("second", "import"), ("unknown", "import")]


def test_what_happens_later_than_now_cannot_have_been_published(store: Store) -> None:
    # A clock may be a quarter of an hour fast; now is 22:00.
    text = "source,guid,title,published_at\nw,1,t,2026-03-02T22:14Z\n"
    assert imported(store, "items", text).added == 1
    with pytest.raises(ImportRowError, match=r"line 2, column published_at: .*in the future"):
        imported(store, "items", text.replace("22:14", "22:16"))


def test_standings_of_every_version_come_back_and_twice_is_once(store: Store, other: Store) -> None:
    with store.begin() as session:
        first = [
            a_standing("zeta-1", 1, page_rows=200, organization="Zetacorp", votes=12_345),
            a_standing("=yotta", 2, ci_low=Decimal("-3.5"), ci_high=Decimal("4")),
        ]
        again = [a_standing("zeta-1", 1, score=Decimal("1459.90"), page_rows=200)]
        for minute, rows in ((0, first), (60, again)):
            standing_repo.add(session, rows, observed_at=at(minute), origin=Origin.LIVE)
    text = exported(store, "standings")
    assert imported(other, "standings", text) == Imported(3, 3)
    assert exported(other, "standings") == text
    for target in (other, store):
        assert imported(target, "standings", text) == Imported(3, 0)
        assert count(target, Standing) == 3


@pytest.mark.parametrize(
    ("cell", "message"),
    [("1st", "column rank: '1st'"), ("-1", "column rank"), ("9" * 30, "column rank")],
)
def test_a_rank_that_is_no_count_is_refused(store: Store, cell: str, message: str) -> None:
    header = "publish_date,board,category,style_control,rank,model,score\n"
    with pytest.raises(ImportRowError, match=message):
        imported(store, "standings", f"{header}2026-03-01,text,overall,off,{cell},zeta-1,1460\n")
    assert count(store, Standing) == 0
