"""The Arena leaderboards: who stands where, with and without style control."""

from monitor.sources.arena.source import ArenaSource

__all__ = ["ArenaSource"]
