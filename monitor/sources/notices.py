"""What a poll could not read, carried to `parse` so that it is counted as refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitor.sources.base import MAX_EXCERPT, Page
from storage.records import Reject


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
