"""What a poll could not read and what it is to remember, carried to `parse` by its pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from monitor.sources.base import MAX_EXCERPT, Page
from storage.records import Batch, Reject


def with_notices(pages: Sequence[Page], notices: Sequence[str]) -> list[Page]:
    """Return `pages`, the first of them saying `notices` too.

    They travel with a page that must parse: a page of their own would make a poll pass in which
    every answer was broken.
    """
    if not pages or not notices:
        return list(pages)
    first = replace(pages[0], context={**pages[0].context, "notices": list(notices)})
    return [first, *pages[1:]]


def noticed(page: Page) -> tuple[Reject, ...]:
    """Return a Reject for each notice that a page carries."""
    notices = page.context.get("notices")
    if not isinstance(notices, list | tuple):
        return ()
    return tuple(Reject(str(n)[:MAX_EXCERPT], page.url[:MAX_EXCERPT]) for n in notices)


def notice_batch(page: Page) -> Batch:
    """Return the Reject of something asked for and not read; none for an empty notice."""
    reason = page.body.decode("utf-8", "replace")
    return Batch(rejects=(Reject(reason[:MAX_EXCERPT], page.url[:MAX_EXCERPT]),) if reason else ())


def remembering(
    pages: Sequence[Page], cursor: Mapping[str, object], *, url: str, at: datetime
) -> list[Page]:
    """Return `pages`, the last one carrying `cursor`; an empty notice does where there is none."""
    *others, last = pages or [Page("notice", url, b"", at)]
    return [*others, replace(last, context={**last.context, "cursor": dict(cursor)})]
