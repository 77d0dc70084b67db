"""Feeds of every format: from a document of strangers to items."""
