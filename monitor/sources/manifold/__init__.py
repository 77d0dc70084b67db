"""Manifold: play-money questions, their probabilities and their past."""

from monitor.sources.manifold.source import ManifoldSource

__all__ = ["ManifoldSource"]
