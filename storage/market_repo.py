"""Markets and outcomes: upserts that keep every wording, and look-ups by the venue's ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, SQLModel, col, select

from storage.market_specs import Settle, add_spec, put_spec, with_known_texts
from storage.models import Market, MarketRevision, Outcome, ThemeMarket
from storage.records import MarketRecord, MarketStatus, Origin

OutcomeKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class MarketChange:
    """One market as just stored: `is_new`, and what its last revision said before."""

    market_id: int
    record: MarketRecord
    is_new: bool
    before: MarketRevision | None


def upsert(
    session: Session,
    records: Iterable[MarketRecord],
    *,
    observed_at: datetime,
    origin: Origin,
    owner_of: Callable[[str], str | None],
    settle: Settle | None = None,
) -> list[MarketChange]:
    """Return what changed. `owner_of` names the entity that a leg's label or outcome tags to.

    `settle` reads how a market settles from its texts; without it the spec is kept.
    """
    given = list({(record.venue, record.venue_id): record for record in records}.values())
    known = _Known(session, given)
    return [
        _upsert_one(session, known, record, observed_at, origin, owner_of, settle)
        for record in given
    ]


class _Known:
    """The stored rows of a batch's markets, read in three queries however many there are."""

    def __init__(self, session: Session, records: list[MarketRecord]) -> None:
        venue_ids = {record.venue_id for record in records}
        query = select(Market).where(col(Market.venue_id).in_(venue_ids))
        self.markets = {(m.venue, m.venue_id): m for m in session.exec(query)}
        ids = [market.id for market in self.markets.values()]
        self.outcomes: dict[int, dict[str, Outcome]] = {}
        for outcome in session.exec(select(Outcome).where(col(Outcome.market_id).in_(ids))):
            self.outcomes.setdefault(outcome.market_id, {})[outcome.venue_outcome_id] = outcome
        revisions = select(MarketRevision).where(col(MarketRevision.market_id).in_(ids))
        ordered = revisions.order_by(col(MarketRevision.observed_at))
        self.latest = {revision.market_id: revision for revision in session.exec(ordered)}


def _upsert_one(
    session: Session,
    known: _Known,
    record: MarketRecord,
    observed_at: datetime,
    origin: Origin,
    owner_of: Callable[[str], str | None],
    settle: Settle | None,
) -> MarketChange:
    market = known.markets.get((record.venue, record.venue_id))
    is_new = market is None
    if market is None:
        market = Market(
            venue=record.venue,
            venue_id=record.venue_id,
            question=record.question,
            status=record.status.value,
            first_seen_at=observed_at,
            origin=origin.value,
        )
    is_told = is_new or not record.is_named_only
    if is_told:
        _copy(record, market)
    session.add(market)
    if market.id is None:
        session.flush()
    assert market.id is not None
    _add_outcomes(session, market.id, known.outcomes.get(market.id, {}), record, owner_of)
    before = known.latest.get(market.id)
    if is_told:
        if settle is not None:
            put_spec(market, settle(with_known_texts(record, market, before)))
        _revise(session, market.id, before, record, observed_at)
    return MarketChange(market.id, record, is_new, before)


def _copy(record: MarketRecord, market: Market) -> None:
    for name in ("question", "series", "series_title", "label", "slug", "url"):
        _set(market, name, getattr(record, name) or getattr(market, name))
    _set(market, "status", record.status.value)
    for name in ("closes_at", "oracle"):
        _set(market, name, getattr(record, name) or getattr(market, name))
    for name in ("resolved_at", "resolution"):
        # A resolution may be undone: then the market is open again and has no result.
        kept = getattr(market, name) if record.status is MarketStatus.RESOLVED else None
        _set(market, name, getattr(record, name) or kept)
    add_spec(market, record.spec)


def _set(row: SQLModel, name: str, value: object) -> None:
    # Assigning an equal value would still make SQLAlchemy look at the row at flush.
    if getattr(row, name) != value:
        setattr(row, name, value)


def _add_outcomes(
    session: Session,
    market_id: int,
    known: dict[str, Outcome],
    record: MarketRecord,
    owner_of: Callable[[str], str | None],
) -> None:
    for given in record.outcomes:
        outcome = known.get(given.venue_outcome_id)
        if outcome is None:
            outcome = Outcome(
                market_id=market_id,
                venue_outcome_id=given.venue_outcome_id,
                name=given.name,
                idx=given.index,
            )
            session.add(outcome)
        _set(outcome, "name", given.name)
        _set(outcome, "idx", given.index)
        if given.index == 0 or _is_multi_answer(record):
            _set(
                outcome, "owner", owner_of(record.label or given.name) or owner_of(record.question)
            )
    session.flush()


def _revise(
    session: Session,
    market_id: int,
    before: MarketRevision | None,
    record: MarketRecord,
    observed_at: datetime,
) -> None:
    is_resolved = record.status is MarketStatus.RESOLVED
    revision = MarketRevision(
        market_id=market_id,
        observed_at=observed_at,
        question=record.question,
        rules=record.rules or (before.rules if before else None),
        closes_at=record.closes_at or (before.closes_at if before else None),
        status=record.status.value,
        resolution=record.resolution or (before.resolution if before and is_resolved else None),
        oracle=record.oracle or (before.oracle if before else None),
    )
    text = ("question", "rules", "closes_at", "status", "resolution", "oracle")
    if before and all(getattr(before, name) == getattr(revision, name) for name in text):
        return
    session.merge(revision)
    session.flush()


def outcome_ids(session: Session, keys: Iterable[OutcomeKey]) -> dict[OutcomeKey, int]:
    """Return the integer id of each (venue, venue_id, venue_outcome_id) that is known."""
    wanted = set(keys)
    if not wanted:
        return {}
    query = (
        select(Market.venue, Market.venue_id, Outcome.venue_outcome_id, Outcome.id)
        .join(Outcome, col(Outcome.market_id) == Market.id)
        .where(col(Market.venue_id).in_({venue_id for _, venue_id, _ in wanted}))
    )
    found = {(venue, venue_id, token): oid for venue, venue_id, token, oid in session.exec(query)}
    return {key: oid for key, oid in found.items() if key in wanted and oid is not None}


def known(session: Session, venue: str, venue_id: str) -> Market | None:
    """Return one market by the venue's id; None when it was never stored."""
    return session.exec(
        select(Market).where(Market.venue == venue, Market.venue_id == venue_id)
    ).first()


def outcome_count(session: Session, venue: str, venue_id: str) -> int:
    """Return how many outcomes of one market are known."""
    query = (
        select(func.count())
        .select_from(Outcome)
        .join(Market, col(Outcome.market_id) == Market.id)
        .where(Market.venue == venue, Market.venue_id == venue_id)
    )
    return session.exec(query).one()


def follow(
    session: Session, entries: Iterable[tuple[str, str, str, str]], market_ids: Mapping[str, int]
) -> None:
    """Note that themes follow markets: entries of (theme, venue_id, relation, matched)."""
    known = {
        (row.theme, row.market_id)
        for row in session.exec(
            select(ThemeMarket).where(col(ThemeMarket.market_id).in_(market_ids.values()))
        )
    }
    for theme, venue_id, relation, matched in entries:
        market_id = market_ids.get(venue_id)
        if market_id is not None and (theme, market_id) not in known:
            known.add((theme, market_id))
            session.add(
                ThemeMarket(theme=theme, market_id=market_id, relation=relation, matched=matched)
            )
    session.flush()


@dataclass(frozen=True, slots=True)
class Leg:
    """One outcome whose price is followed, with all that linking and telling needs.

    The first outcome of a market, which the others mirror; of a multi-answer question each one.
    """

    outcome_id: int
    market_id: int
    venue: str
    venue_id: str
    venue_outcome_id: str
    series: str
    series_title: str | None
    label: str | None
    question: str
    url: str | None
    outcome: str
    owner: str | None
    status: str
    closes_at: datetime | None
    resolved_at: datetime | None
    themes: tuple[tuple[str, str], ...]


def legs(session: Session, *, themes: Sequence[str] | None = None) -> list[Leg]:
    """Return the legs of every followed market, by series; `themes` narrows.

    A leg is the first outcome of a market, and every answer of a multi-answer question. A market
    without a series is a series of its own, named by its venue id.
    """
    relations: dict[int, list[tuple[str, str]]] = {}
    for row in session.exec(select(ThemeMarket)):
        if themes is None or row.theme in themes:
            relations.setdefault(row.market_id, []).append((row.theme, row.relation))
    query = (
        select(Market, Outcome)
        .join(Outcome, col(Outcome.market_id) == Market.id)
        .where((Outcome.idx == 0) | (Market.series == Market.venue_id))
        .order_by(col(Market.series), col(Market.id), col(Outcome.idx))
    )
    return [
        _leg(market, outcome, tuple(sorted(relations[market.id])))
        for market, outcome in session.exec(query)
        if market.id in relations and is_leg(market, outcome)
    ]


def is_leg(market: Market, outcome: Outcome) -> bool:
    """Return whether moves and links look at `outcome`: each answer, else the first outcome."""
    return outcome.idx == 0 or _is_multi_answer(market)


def label_of(market: Market, outcome: Outcome) -> str | None:
    """Return what a leg is called inside its series: an answer's name, else the market's label."""
    return outcome.name if _is_multi_answer(market) else market.label


def _is_multi_answer(market: Market | MarketRecord) -> bool:
    # At Manifold a question with several answers is its own series. Elsewhere a series and its
    # only market may be called alike, and their second outcome mirrors the first.
    return market.venue == "manifold" and market.series == market.venue_id


def _leg(market: Market, outcome: Outcome, themes: tuple[tuple[str, str], ...]) -> Leg:
    assert outcome.id is not None
    assert market.id is not None
    return Leg(
        outcome_id=outcome.id,
        market_id=market.id,
        venue=market.venue,
        venue_id=market.venue_id,
        venue_outcome_id=outcome.venue_outcome_id,
        series=market.series or market.venue_id,
        series_title=market.series_title,
        label=label_of(market, outcome),
        question=market.question,
        url=market.url,
        outcome=outcome.name,
        owner=outcome.owner,
        status=market.status,
        closes_at=market.closes_at,
        resolved_at=market.resolved_at,
        themes=themes,
    )
