"""Polymarket: events from Gamma, prices from the CLOB's books, the past from the Data API."""

from monitor.sources.polymarket.source import PolymarketSource

__all__ = ["PolymarketSource"]
