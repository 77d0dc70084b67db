"""Which messages of the market socket tell that something moved. Pure; prices are compared only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from monitor.sources.polymarket.ws import told
from storage.records import QuoteRecord

LEAST_MOVE = Decimal("0.01")
_Top = tuple[Decimal | None, Decimal | None]


class Movement:
    """The books of followed tokens, as far as the socket has told them.

    A book is compared with its mark, where it was first seen or last found to have moved to, so
    that many small steps are a move too.
    """

    def __init__(self) -> None:
        self._tokens: Mapping[str, object] = {}
        self._latest: dict[str, _Top] = {}
        self._marks: dict[str, _Top] = {}
        self._over: set[str] = set()

    def follow(self, tokens: Mapping[str, object]) -> None:
        """Take `tokens` as those that matter, each with `(market id, None)`; forget the others."""
        self._tokens = tokens
        self._over &= tokens.keys()
        for known in (self._latest, self._marks):
            for token in known.keys() - tokens.keys():
                del known[token]

    def is_told_by(self, message: bytes, *, at: datetime, what: str) -> bool:
        """Return whether a message tells a move, a trade outside the book or a new result.

        Raises ParseError for a message that cannot be read.
        """
        heard = told(message, self._tokens, at=at, what=what)
        found = [self._has_moved(quote) for quote in heard.quotes]
        found += [self._is_outside(token, price) for token, price in heard.trades]
        found += [token not in self._over for token in heard.resolved]
        self._over.update(heard.resolved)
        return any(found)

    def _has_moved(self, quote: QuoteRecord) -> bool:
        token, top = quote.venue_outcome_id, (quote.bid, quote.ask)
        self._latest[token] = top
        if _distance(self._marks.setdefault(token, top), top) < LEAST_MOVE:
            return False
        self._marks[token] = top
        return True

    def _is_outside(self, token: str, price: Decimal) -> bool:
        bid, ask = self._latest.get(token, (None, None))
        return (bid is not None and price < bid) or (ask is not None and price > ask)


def _distance(before: _Top, now: _Top) -> Decimal:
    """Return how far the mid went; where a side is empty, how far the other one did."""
    went = [b - a for a, b in zip(before, now, strict=True) if a is not None and b is not None]
    return abs(sum(went, Decimal(0)) / len(went)) if went else Decimal(0)
