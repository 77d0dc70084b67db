from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlmodel import Session, col, select

from storage import Store, market_repo
from storage.market_repo import MarketChange
from storage.models import Market, MarketRevision, Outcome, ThemeMarket
from storage.records import MarketRecord, MarketStatus, Origin, OutcomeRecord, SettlementSpec
from tests.builders import TOKEN, a_market, at

OWNERS = {"Zetacorp": "zetacorp"}


def upsert(session: Session, seen: datetime, *records: MarketRecord) -> list[MarketChange]:
    return market_repo.upsert(
        session, records, observed_at=seen, origin=Origin.LIVE, owner_of=OWNERS.get
    )


def questions(session: Session) -> list[tuple[datetime, str]]:
    query = select(MarketRevision).order_by(col(MarketRevision.observed_at))
    return [(row.observed_at, row.question) for row in session.exec(query)]


def test_the_same_market_again_adds_no_revision(store: Store) -> None:
    with store.begin() as session:
        [first] = upsert(session, at(0), a_market())
        [again] = upsert(session, at(1), a_market())
        assert (first.is_new, first.before) == (True, None)
        assert (again.is_new, again.market_id) == (False, first.market_id)
        assert len(questions(session)) == 1


def test_a_change_of_text_is_a_revision_and_says_what_was_before(store: Store) -> None:
    with store.begin() as session:
        upsert(session, at(0), a_market(rules="Resolves to the leader."))
        [changed] = upsert(session, at(9), a_market(rules="Resolves to the leader, ties split."))
        assert changed.before is not None
        assert changed.before.rules == "Resolves to the leader."
        rows = session.exec(select(MarketRevision).order_by(col(MarketRevision.observed_at)))
        assert [(row.observed_at, row.rules) for row in rows] == [
            (at(0), "Resolves to the leader."),
            (at(9), "Resolves to the leader, ties split."),
        ]


def test_a_file_of_prices_names_a_market_and_does_not_change_it(store: Store) -> None:
    closed = a_market(status=MarketStatus.CLOSED, question="Who led?")
    other = OutcomeRecord("other", "No", 1)
    with store.begin() as session:
        upsert(session, at(0), closed)
        upsert(session, at(1), a_market(outcomes=(other,), is_named_only=True))
        market = session.exec(select(Market)).one()
        assert (market.status, market.question) == ("closed", "Who led?")
        assert len(session.exec(select(Outcome)).all()) == 2
        assert len(questions(session)) == 1


def test_a_listing_that_leaves_out_the_rules_does_not_delete_them(store: Store) -> None:
    with store.begin() as session:
        upsert(session, at(0), a_market(rules="Resolves to the leader.", closes_at=at(99)))
        upsert(session, at(1), a_market())
        assert len(questions(session)) == 1
        market = market_repo.known(session, "polymarket", "516960")
        assert market is not None
        assert market.closes_at == at(99)


def test_a_placeholder_that_gets_its_name_keeps_its_id(store: Store) -> None:
    with store.begin() as session:
        [placeholder] = upsert(session, at(0), a_market(question="516960", label=None))
        outcome = market_repo.outcome_ids(session, [("polymarket", "516960", TOKEN)])
        [named] = upsert(session, at(5), a_market(question="Will it?", label="Zetacorp"))
        assert named.market_id == placeholder.market_id
        assert market_repo.outcome_ids(session, outcome) == outcome
        assert questions(session) == [(at(0), "516960"), (at(5), "Will it?")]
        assert session.exec(select(Outcome.owner)).one() == "zetacorp"


def test_one_id_at_two_venues_is_two_markets(store: Store) -> None:
    with store.begin() as session:
        [one, two] = upsert(session, at(0), a_market("1"), a_market("1", venue="kalshi"))
        assert one.market_id != two.market_id
        keys = [("polymarket", "1", TOKEN), ("kalshi", "1", TOKEN), ("manifold", "1", TOKEN)]
        assert len(market_repo.outcome_ids(session, keys)) == 2
        assert market_repo.outcome_ids(session, []) == {}


def test_how_a_market_settles_is_kept_field_by_field(store: Store) -> None:
    spec = SettlementSpec(
        board="text",
        place=1,
        threshold=Decimal("1500.5"),
        check_at=at(600),
        owners=("zetacorp", "yotta"),
        confidence=0.9,
    )
    with store.begin() as session:
        upsert(session, at(0), a_market(spec=spec))
        upsert(session, at(1), a_market())
        market = session.exec(select(Market)).one()
        assert (market.board, market.place, market.threshold) == ("text", 1, "1500.5")
        assert (market.check_at, market.owners) == (at(600), ["zetacorp", "yotta"])
        assert (market.spec_confidence, market.quantity) == (0.9, None)


def test_a_new_answer_is_added_beside_the_known_ones(store: Store) -> None:
    yes, no = OutcomeRecord("a", "Yes", 0), OutcomeRecord("b", "No", 1)
    with store.begin() as session:
        upsert(session, at(0), a_market(outcomes=(yes,)))
        upsert(session, at(1), a_market(outcomes=(yes, no)))
        assert market_repo.outcome_count(session, "polymarket", "516960") == 2


def test_following_twice_is_following_once(store: Store) -> None:
    with store.begin() as session:
        [change] = upsert(session, at(0), a_market())
        ids = {"516960": change.market_id}
        for relation in ("own", "related"):
            entry = ("glasses", "516960", relation, "search: glasses")
            market_repo.follow(session, [entry, ("glasses", "unknown", "own", "id")], ids)
        rows = session.exec(select(ThemeMarket)).all()
        assert [(row.theme, row.relation) for row in rows] == [("glasses", "own")]


def test_legs_are_the_first_outcomes_of_followed_markets(store: Store) -> None:
    pair = (OutcomeRecord("a", "Yes", 0), OutcomeRecord("b", "No", 1))
    with store.begin() as session:
        found = upsert(
            session,
            at(0),
            a_market("1", outcomes=pair, series="march"),
            a_market("2", status=MarketStatus.CLOSED),
            a_market("3"),
        )
        ids = {change.record.venue_id: change.market_id for change in found}
        entries = [("glasses", "1", "own", "id"), ("boards", "1", "related", "theme")]
        market_repo.follow(session, [*entries, ("glasses", "2", "own", "id")], ids)
        legs = {leg.venue_id: leg for leg in market_repo.legs(session)}
        assert set(legs) == {"1", "2"}
        assert (legs["1"].venue_outcome_id, legs["1"].series) == ("a", "march")
        assert legs["1"].themes == (("boards", "related"), ("glasses", "own"))
        assert (legs["2"].series, legs["2"].status) == ("2", "closed")
        assert [leg.venue_id for leg in market_repo.legs(session, themes=["boards"])] == ["1"]


ANSWERS = (
    OutcomeRecord("ans-1", "Zetacorp", 0),
    OutcomeRecord("ans-2", "Omegacorp", 1),
    OutcomeRecord("ans-3", "No", 2),
)


def test_every_answer_of_a_multi_answer_question_is_a_leg_named_by_the_answer(
    store: Store,
) -> None:
    question = a_market(
        "c1", venue="manifold", series="c1", series_title="Who wins?", outcomes=ANSWERS
    )
    with store.begin() as session:
        [change] = upsert(session, at(0), question)
        market_repo.follow(session, [("glasses", "c1", "own", "id")], {"c1": change.market_id})
        legs = market_repo.legs(session)
        assert [(leg.venue_outcome_id, leg.label) for leg in legs] == [
            ("ans-1", "Zetacorp"),
            ("ans-2", "Omegacorp"),
            ("ans-3", "No"),
        ]
        assert [leg.owner for leg in legs] == ["zetacorp", None, None]
        assert {(leg.venue_id, leg.series) for leg in legs} == {("c1", "c1")}


def test_a_market_called_like_its_event_has_one_leg_all_the_same(store: Store) -> None:
    pair = (OutcomeRecord("KX-1:yes", "Yes", 0), OutcomeRecord("KX-1:no", "No", 1))
    two_sided = (OutcomeRecord("YES", "Yes", 0), OutcomeRecord("NO", "No", 1))
    with store.begin() as session:
        found = upsert(
            session,
            at(0),
            a_market("KX-1", venue="kalshi", series="KX-1", label="Zetacorp", outcomes=pair),
            a_market("c2", venue="manifold", outcomes=two_sided),
        )
        ids = {change.record.venue_id: change.market_id for change in found}
        market_repo.follow(session, [("glasses", name, "own", "id") for name in ids], ids)
        legs = {leg.venue_outcome_id: leg.label for leg in market_repo.legs(session)}
        assert legs == {"KX-1:yes": "Zetacorp", "YES": None}


def test_a_resolution_that_is_undone_opens_the_market_again_as_a_revision(store: Store) -> None:
    resolved = {"status": MarketStatus.RESOLVED, "resolution": "Yes", "resolved_at": at(5)}
    with store.begin() as session:
        upsert(session, at(0), a_market())
        upsert(session, at(6), a_market(**resolved))
        upsert(session, at(9), a_market())
        market = market_repo.known(session, "polymarket", "516960")
        assert market is not None
        assert (market.status, market.resolution, market.resolved_at) == ("open", None, None)
        rows = session.exec(select(MarketRevision).order_by(col(MarketRevision.observed_at)))
        assert [(row.status, row.resolution) for row in rows] == [
            ("open", None),
            ("resolved", "Yes"),
            ("open", None),
        ]
