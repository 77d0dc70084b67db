"""Manifold's market, probability and bet objects as an event of the scenario gives them.

An event of one leg without a label is a BINARY question, any other a MULTIPLE_CHOICE whose answers
are its legs. Every change of a price is one bet; of changes in the same instant the first leg's is
the bet and the others' are the zero-share redemptions that keep the sum at one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from monitor.fake_upstream.scenario import Event, Leg, Price, Scenario

SHARES = 100
_CREATOR = "fake"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNPRICED = Decimal("0.5")


def market_json(
    scenario: Scenario,
    event: Event,
    now: datetime,
    *,
    full: bool = False,
    lite_answers: bool = False,
) -> dict[str, object]:
    """Return the market object at `now`: lite, lite with answers, or full."""
    is_binary = _is_binary(event)
    prices = [price for leg in event.legs if (price := scenario.price(leg, now)) is not None]
    body: dict[str, object] = {
        "id": event.id,
        "creatorId": "u0",
        "creatorUsername": _CREATOR,
        "creatorName": "Fake",
        "createdTime": _ms(event.created_at),
        "closeTime": _ms(_closes_at(event, now)),
        "question": event.title,
        "slug": event.slug,
        "url": f"https://manifold.markets/{_CREATOR}/{event.slug}",
        "outcomeType": "BINARY" if is_binary else "MULTIPLE_CHOICE",
        "mechanism": "cpmm-1" if is_binary else "cpmm-multi-1",
        "volume": float(sum(price.volume or 0 for price in prices)),
        "volume24Hours": float(sum(price.volume_24h or 0 for price in prices)),
        "isResolved": _is_resolved(event, now),
        **_result(scenario, event, now),
        "uniqueBettorCount": len(prices),
        "token": "MANA",
    }
    if is_binary:
        body |= {"probability": _probability(scenario, event.legs[0], now), "p": 0.5}
    elif full:
        body["answers"] = [_answer(scenario, leg, now) for leg in event.legs]
        body["shouldAnswersSumToOne"] = event.neg_risk
    elif lite_answers:
        body["answers"] = [
            {"id": leg.id, "text": leg.label, "prob": _probability(scenario, leg, now)}
            for leg in event.legs
        ]
    if full:
        body["description"] = {"type": "doc", "content": []}
        body["textDescription"] = event.legs[0].rules
        body["groupSlugs"] = [tag.lower().replace(" ", "-") for tag in event.tags]
    return body


def probs_json(scenario: Scenario, event: Event, now: datetime) -> dict[str, object]:
    """Return `prob`, or `answerProbs` by answer id."""
    if _is_binary(event):
        return {"prob": _probability(scenario, event.legs[0], now)}
    return {"answerProbs": {leg.id: _probability(scenario, leg, now) for leg in event.legs}}


def bets_json(scenario: Scenario, event: Event, now: datetime) -> list[dict[str, object]]:
    """Return the bets that made the event's prices up to `now`, oldest first."""
    rows: list[dict[str, object]] = []
    for leg in event.legs:
        past = [row for row in scenario.prices.get(leg.token_ids[0], ()) if row.at <= now]
        rows += [_bet(event, leg, before, after) for before, after in pairwise(past)]
    rows.sort(key=lambda row: int(str(row["createdTime"])))
    if event.neg_risk:
        _make_redemptions(rows)
    return rows


def _bet(event: Event, leg: Leg, before: Price, after: Price) -> dict[str, object]:
    low, high = _value(before), _value(after)
    is_yes, middle = high >= low, (low + high) / 2
    made = _ms(after.at)
    body: dict[str, object] = {
        "id": f"{leg.id}-{made}",
        "userId": "u1",
        "contractId": event.id,
        "createdTime": made,
        "amount": float(SHARES * (middle if is_yes else 1 - middle)),
        "shares": float(SHARES),
        "outcome": "YES" if is_yes else "NO",
        "probBefore": float(low),
        "probAfter": float(high),
        "isRedemption": False,
        "isFilled": True,
    }
    if not _is_binary(event):
        body["answerId"] = leg.id
    return body


def _make_redemptions(rows: list[dict[str, object]]) -> None:
    for first, second in pairwise(rows):
        if first["createdTime"] == second["createdTime"]:
            second |= {"amount": 0.0, "shares": 0.0, "isRedemption": True}


def _answer(scenario: Scenario, leg: Leg, now: datetime) -> dict[str, object]:
    body: dict[str, object] = {
        "id": leg.id,
        "text": leg.label,
        "probability": _probability(scenario, leg, now),
        "pool": {"YES": 100.0, "NO": 100.0},
    }
    if leg.resolved(now):
        body["resolution"] = "YES" if leg.winner == 0 else "NO"
    return body


def _result(scenario: Scenario, event: Event, now: datetime) -> dict[str, object]:
    if not _is_resolved(event, now):
        return {}
    winners = [leg for leg in event.legs if leg.winner == 0]
    made = max(leg.resolved_at for leg in event.legs if leg.resolved_at is not None)
    if _is_binary(event):
        said: dict[str, object] = {
            "resolution": "YES" if winners else "NO",
            "resolutionProbability": _probability(scenario, event.legs[0], now),
        }
    else:
        said = {"resolution": winners[0].id if len(winners) == 1 else "MKT"}
    return {**said, "resolutionTime": _ms(made)}


def _closes_at(event: Event, now: datetime) -> datetime:
    resolved = [leg.resolved_at for leg in event.legs if leg.resolved_at and leg.resolved(now)]
    return min([event.ends, *resolved]) if _is_resolved(event, now) else event.ends


def _is_resolved(event: Event, now: datetime) -> bool:
    return all(leg.resolved(now) for leg in event.legs)


def _is_binary(event: Event) -> bool:
    return len(event.legs) == 1 and not event.legs[0].label


def _probability(scenario: Scenario, leg: Leg, now: datetime) -> float:
    price = scenario.price(leg, now)
    return float(_UNPRICED if price is None else _value(price))


def _value(price: Price) -> Decimal:
    for value in (price.mid, price.last, price.bid, price.ask):
        if value is not None:
            return value
    return _UNPRICED


def _ms(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)
