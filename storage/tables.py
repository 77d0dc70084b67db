"""The contract of every exported table: its columns, its order, and its rows as Python values.

Frames, CSV, JSON and Parquet are all made from here, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlmodel import Session, col, select

from storage import distance_repo, market_versions, versions
from storage.columns import from_micro
from storage.instants import from_ms
from storage.link_rows import LINK_COLUMNS, SHAPE_COLUMNS, link_rows, points
from storage.models import (
    Alert,
    Candle,
    Coverage,
    Delivery,
    Item,
    Link,
    Market,
    Move,
    Outcome,
    Signal,
    Standing,
    ThemeMarket,
)

Row: TypeAlias = tuple[Any, ...]
# Channel, state, attempts and sent_at of an alert that is kept and goes to no channel.
_NOWHERE: Row = ("", "suppressed", 0, None)
KINDS = (
    "launch", "preorder", "release", "rank_change", "price_change", "funding", "partnership",
    "regulation", "delay_cancel", "rumor", "market_listed", "rule_change", "dispute",
    "market_resolved", "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows: instants `since <= at < until`, one theme, one market (id, slug or series)."""

    since: datetime | None = None
    until: datetime | None = None
    theme: str | None = None
    market: str | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Columns in their fixed order and the rows of a selection, sorted."""

    columns: tuple[str, ...]
    rows: Callable[[Session, Selection], Iterator[Row]]


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.replace("\n", "").replace(" ", "").split(","))


def selected_outcomes(session: Session, selection: Selection) -> list[tuple[Market, Outcome]]:
    """Return the outcomes a selection names, by venue, market and outcome id."""
    query = (
        select(Market, Outcome)
        .join(Outcome, col(Outcome.market_id) == Market.id)
        .order_by(col(Market.venue), col(Market.venue_id), col(Outcome.venue_outcome_id))
    )
    if selection.theme is not None:
        followed = select(ThemeMarket.market_id).where(ThemeMarket.theme == selection.theme)
        query = query.where(col(Market.id).in_(followed))
    if selection.market is not None:
        name = selection.market
        query = query.where(
            (col(Market.venue_id) == name)
            | (col(Market.slug) == name)
            | (col(Market.series) == name)
        )
    found = list(session.exec(query))
    if selection.as_of is None:
        return found
    return market_versions.outcomes_as_known(session, found, selection.as_of)


def _markets(session: Session, selection: Selection) -> Iterator[Row]:
    themes: dict[int, list[str]] = {}
    for row in session.exec(select(ThemeMarket).order_by(col(ThemeMarket.theme))):
        themes.setdefault(row.market_id, []).append(row.theme)
    for m, o in selected_outcomes(session, selection):
        assert m.id is not None
        yield (
            *(m.venue, m.venue_id, m.series, m.question, m.slug, m.url, m.status),
            *(m.closes_at, m.resolved_at, m.resolution, o.venue_outcome_id, o.name, o.owner),
            *(m.board, m.category, m.style_control, m.quantity, m.place, m.universe, m.when),
            *(m.check_at, m.tie_rule, m.spec_confidence, themes.get(m.id, [])),
        )


def _outcomes(session: Session, selection: Selection) -> Iterator[Row]:
    for m, o in selected_outcomes(session, selection):
        yield (m.venue, m.venue_id, o.venue_outcome_id, o.name, o.idx, o.owner, m.label)


def _candles(session: Session, selection: Selection) -> Iterator[Row]:
    for m, o in selected_outcomes(session, selection):
        query = select(Candle).where(Candle.outcome_id == o.id).order_by(col(Candle.at))
        for c in session.exec(query):
            at = from_ms(c.at)
            if _within(at, selection):
                prices = (from_micro(v) for v in (c.open, c.high, c.low, c.close, c.volume))
                ids = (m.venue, m.venue_id, o.venue_outcome_id, o.name)
                yield (at, c.step_s, *ids, *prices, c.backfilled)


def _items(session: Session, selection: Selection) -> Iterator[Row]:
    query = select(Item).order_by(col(Item.observed_at), col(Item.source), col(Item.guid))
    for i in session.exec(query):
        if _within(i.observed_at, selection):
            yield (
                *(i.source, i.guid, i.url, i.title, i.summary, i.lang, i.published_at),
                *(i.observed_at, i.story_id, i.attributed_to, i.content),
            )


def _signals(session: Session, selection: Selection) -> Iterator[Row]:
    for s in current(session, Signal, selection, order=(Signal.at, Signal.signal_id)):
        if selection.theme in (None, s.theme) and _within(s.at, selection):
            yield (
                *(s.signal_id, s.at, s.observed_at, s.theme, s.kind, s.score, s.novelty),
                *(s.publishers, s.title, s.url, s.source, s.lang, s.entities, s.facts),
                *(s.polarity, s.background, s.reason),
            )


def _standings(session: Session, selection: Selection) -> Iterator[Row]:
    query = select(Standing).order_by(
        col(Standing.publish_date),
        col(Standing.board),
        col(Standing.category),
        col(Standing.style_control),
        col(Standing.rank),
        col(Standing.model),
        col(Standing.observed_at),
        col(Standing.source),
    )
    for s in session.exec(query):
        if _within(s.observed_at, selection):
            yield (
                *(s.publish_date, s.board, s.category, s.style_control, s.rank, s.model),
                *(s.organization, s.score, s.ci_low, s.ci_high, s.votes, s.observed_at, s.source),
            )


def _links(session: Session, selection: Selection) -> Iterator[Row]:
    return (row[: len(LINK_COLUMNS)] for row in _links_in_full(session, selection))


def _links_in_full(session: Session, selection: Selection) -> Iterator[Row]:
    signals = {
        s.signal_id: s
        for s in current(session, Signal, selection)
        if selection.theme in (None, s.theme) and _within(s.at, selection)
    }
    named = {o.id: (m, o) for m, o in selected_outcomes(session, selection)}
    return link_rows(current(session, Link, selection), signals, named)


def _distance(session: Session, selection: Selection) -> Iterator[Row]:
    named = {o.id: (m, o) for m, o in selected_outcomes(session, selection)}
    series = distance_repo.series(session, as_of=selection.as_of)
    found = (d for outcome in named for d in series.get(outcome or 0, []))
    return distance_repo.distance_rows((d for d in found if _within(d.at, selection)), named)


def _moves(session: Session, selection: Selection) -> Iterator[Row]:
    for v, m, o in selected_moves(session, selection):
        yield (
            *(v.start_at, v.end_at, m.venue, m.series, m.venue_id, o.venue_outcome_id),
            *(o.name, m.question, v.price_from, v.price_to, points(v.move), v.z, v.verdict),
            *([_explained(found) for found in v.explained_by or ()], v.known_from),
        )


def _explained(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a candidate as it is shown: by a date alone no minutes are known."""
    is_by_date = found.get("days_before") is not None
    return {**found, **({"minutes_before": None, "clock_error_min": None} if is_by_date else {})}


def selected_moves(
    session: Session, selection: Selection
) -> Iterator[tuple[Move, Market, Outcome]]:
    """Yield moves by start, each with its market and outcome."""
    named = {o.id: (m, o) for m, o in selected_outcomes(session, selection)}
    for move in current(session, Move, selection, order=(Move.start_at, Move.outcome_id)):
        if move.outcome_id in named and _within(move.start_at, selection):
            yield (move, *named[move.outcome_id])


def _alerts(session: Session, selection: Selection) -> Iterator[Row]:
    query = (
        select(Alert, Delivery)
        .outerjoin(Delivery, col(Delivery.alert_id) == Alert.id)
        .order_by(col(Alert.at), col(Alert.id), col(Delivery.channel))
    )
    for a, d in session.exec(query):
        if selection.theme in (None, a.theme) and _within(a.at, selection):
            where = (d.channel, d.state, d.attempts, d.sent_at) if d else _NOWHERE
            yield (
                *(a.id, a.at, a.rule, a.kind, a.severity, a.theme, a.series, a.title, a.reason),
                *(a.signal_ids, a.move_ids, *where, a.grade),
            )


def _coverage(session: Session, selection: Selection) -> Iterator[Row]:
    query = select(Coverage).order_by(col(Coverage.subject), col(Coverage.from_at))
    for c in session.exec(query):
        if _within(c.from_at, selection):
            yield (c.subject, c.from_at, c.to_at, c.reads, c.gap_reason)


def current(session: Session, model: Any, selection: Selection, order: Sequence[Any] = ()) -> Any:
    """Return versioned rows as known now, or at the selection's `as_of`."""
    if selection.as_of is not None:
        known = versions.known_at(model, selection.as_of)
    else:
        known = col(model.known_to).is_(None)
    return list(session.exec(select(model).where(known).order_by(*order)))


def _within(at: datetime, selection: Selection) -> bool:
    return (selection.since is None or at >= selection.since) and (
        selection.until is None or at < selection.until
    )


QUOTE_COLUMNS = _columns(
    "at,venue,market_id,outcome_id,outcome,bid,ask,last,mid,spread,volume_24h,observed_at,"
    "price_basis,question"
)
PANEL_COLUMNS = _columns(
    "at,venue,market_id,outcome_id,outcome,question,relation,mid,quote_age_s,move_pp,spread,"
    "volume_24h,signals,signals_public," + ",".join(f"signals_{kind}" for kind in KINDS) + ","
    "signal_score,distance,covered"
)
TABLES = {
    "candles": Table(
        _columns(
            "at,step_s,venue,market_id,outcome_id,outcome,open,high,low,close,volume,backfilled"
        ),
        _candles,
    ),
    "markets": Table(
        _columns(
            "venue,market_id,series,question,slug,url,status,closes_at,resolved_at,resolution,"
            "outcome_id,outcome,owner,board,category,style_control,quantity,place,universe,when,"
            "check_at,tie_rule,spec_confidence,themes"
        ),
        _markets,
    ),
    "outcomes": Table(_columns("venue,market_id,outcome_id,outcome,index,owner,label"), _outcomes),
    "items": Table(
        _columns(
            "source,guid,url,title,summary,lang,published_at,observed_at,story,attributed_to,"
            "content"
        ),
        _items,
    ),
    "signals": Table(
        _columns(
            "signal_id,at,observed_at,theme,kind,score,novelty,publishers,title,url,source,lang,"
            "entities,facts,polarity,background,reason"
        ),
        _signals,
    ),
    "standings": Table(
        _columns(
            "publish_date,board,category,style_control,rank,model,organization,score,ci_low,"
            "ci_high,votes,observed_at,source"
        ),
        _standings,
    ),
    "distance": Table(distance_repo.DISTANCE_COLUMNS, _distance),
    "links": Table(LINK_COLUMNS, _links),
    "moves": Table(
        _columns(
            "start_at,end_at,venue,series,market_id,outcome_id,outcome,question,price_from,"
            "price_to,move_pp,z,verdict,explained_by,known_from"
        ),
        _moves,
    ),
    "alerts": Table(
        _columns(
            "alert_id,at,rule,kind,severity,theme,series,title,reason,signal_ids,move_ids,channel,"
            "state,attempts,sent_at,grade"
        ),
        _alerts,
    ),
    "coverage": Table(_columns("subject,from_at,to_at,reads,gap_reason"), _coverage),
}
# For looking at, not a contract.
LINKS_IN_FULL = Table(LINK_COLUMNS + SHAPE_COLUMNS, _links_in_full)
EXPORTS = ("quotes", *TABLES, "panel")
