"""Hacker News: new stories that hold the words of a query, from Algolia's index."""

from monitor.sources.hackernews.source import HackerNewsSource

__all__ = ["HackerNewsSource"]
