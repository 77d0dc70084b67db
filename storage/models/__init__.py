"""The tables. Instants are int64 milliseconds since 1970 in the file, aware UTC in Python."""

from storage.models.alerts import Alert, Attempt, Delivery, Silence
from storage.models.distances import Distance
from storage.models.markets import (
    Candle,
    Coverage,
    Market,
    MarketRevision,
    Outcome,
    Quote,
    ThemeMarket,
    Trade,
)
from storage.models.signals import (
    Item,
    ItemRevision,
    Link,
    Move,
    Signal,
    Standing,
    Story,
    Tag,
)
from storage.models.sources import BackfillChunk, Meta, SourceState

__all__ = [
    "Alert",
    "Attempt",
    "BackfillChunk",
    "Candle",
    "Coverage",
    "Delivery",
    "Distance",
    "Item",
    "ItemRevision",
    "Link",
    "Market",
    "MarketRevision",
    "Meta",
    "Move",
    "Outcome",
    "Quote",
    "Signal",
    "Silence",
    "SourceState",
    "Standing",
    "Story",
    "Tag",
    "ThemeMarket",
    "Trade",
]
