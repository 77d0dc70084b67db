"""GDELT: pages from all over the world that hold one of the terms, every 15 minutes."""

from monitor.sources.gdelt.source import GdeltSource

__all__ = ["GdeltSource"]
