"""Kalshi: events with their markets, order books, candles and trades of trade-api v2."""

from monitor.sources.kalshi.source import KalshiSource

__all__ = ["KalshiSource"]
