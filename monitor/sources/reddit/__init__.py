"""New posts of subreddits, or of a search, from Reddit's public feeds."""

from monitor.sources.reddit.source import RedditSource

__all__ = ["RedditSource"]
