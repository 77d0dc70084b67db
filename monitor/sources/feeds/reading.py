"""A feed's body as entries: told by its root, read fast where it is well formed, else tolerantly.

RSS 0.9x and 2.0, RDF, Atom and JSON Feed. What HTTP calls the body is not asked: feeds come as
text/html and worse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monitor.errors import ParseError
from monitor.sources.base import MAX_EXCERPT
from monitor.sources.feeds.document import (
    DATE_TAG,
    MAX_ITEMS,
    decoded,
    feed_document,
    from_root,
)
from monitor.sources.feeds.entry import FeedEntry, FeedReading
from monitor.sources.feeds.fast import fast_feed
from monitor.sources.feeds.json import json_feed
from monitor.sources.feeds.pace import feed_pace
from storage.records import Reject

_BLANKS = "\ufeff \t\r\n"


def read_feed(
    body: bytes, *, charset: str | None, what: str, newest_first: Callable[[str | None], float]
) -> FeedReading:
    """Return what the feed says. `charset` is HTTP's, `what` names it in messages.

    `newest_first` gives the sort key of a raw date; only the MAX_ITEMS newest entries are kept.
    Raises ParseError when the body is no feed.
    """
    if not body.strip(b"\0 \t\r\n"):
        raise ParseError(f"{what}: an empty body, not a feed")
    text = decoded(body, charset).lstrip(_BLANKS)
    if text.startswith("{"):
        return _capped(json_feed(text, what), newest_first, what)
    text = from_root(text, what)
    fast = fast_feed(text)
    if fast is not None:
        entries, lang = fast
        return _capped(FeedReading(entries, lang, feed_pace(text)), newest_first, what)
    return _tolerantly(body, charset, what, newest_first)


def _tolerantly(
    body: bytes, charset: str | None, what: str, newest_first: Callable[[str | None], float]
) -> FeedReading:
    """Return the feed after its common flaws were mended, read by whoever can."""
    document = feed_document(
        body,
        charset=charset,
        what=what,
        newest_first=lambda markup: newest_first(_markup_date(markup)),
    )
    text = from_root(document.xml.decode(), what)
    fast = fast_feed(text)
    if fast is None:
        # Only here: the library costs 100 ms and 10 MB, and most feeds never need it.
        from monitor.sources.feeds.tolerant import tolerant_feed

        fast = tolerant_feed(document.xml, what)
    rejects = [_beyond(document.dropped, what)] if document.dropped else []
    flaws = {
        "the document is cut off; what follows the last whole item is missing": document.cut_off,
        "the document is malformed; items may be missing or misread": document.is_malformed,
    }
    rejects += [Reject(flaw, what[:MAX_EXCERPT]) for flaw, is_so in flaws.items() if is_so]
    return FeedReading(*fast, feed_pace(text), tuple(rejects))


def _markup_date(markup: str) -> str | None:
    match = DATE_TAG.search(markup)
    return match[1] if match else None


def _capped(
    reading: FeedReading, newest_first: Callable[[str | None], float], what: str
) -> FeedReading:
    """Return `reading` with its MAX_ITEMS newest entries, in their order."""
    surplus = len(reading.entries) - MAX_ITEMS
    if surplus <= 0:
        return reading
    entries: Sequence[FeedEntry] = reading.entries
    ranked = sorted(range(len(entries)), key=lambda n: newest_first(entries[n].date))
    kept = [entries[n] for n in sorted(ranked[:MAX_ITEMS])]
    rejects = (_beyond(surplus, what), *reading.rejects)
    return FeedReading(kept, reading.lang, reading.pace, rejects)


def _beyond(count: int, what: str) -> Reject:
    return Reject(f"{count} items beyond the {MAX_ITEMS} newest", what[:MAX_EXCERPT])
