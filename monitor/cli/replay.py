"""`link --fresh`: links judged anew, with a bar while it takes long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from monitor.cli.context import Options, reading

if TYPE_CHECKING:
    from monitor.jobs.links import Progress


def fresh_links(options: Options, *, since: datetime | None, now: datetime) -> list[dict[str, Any]]:
    """Return the links since `since` as they would be judged at `now`, by column."""
    from monitor.jobs.link_replay import replayed_links
    from storage.tables import LINKS_IN_FULL

    config, topics = options.load_topics()
    with reading(config) as session, _bar(options) as progress:
        rows = replayed_links(session, topics, since=since, now=now, progress=progress)
    return [dict(zip(LINKS_IN_FULL.columns, row, strict=True)) for row in rows]


@contextmanager
def _bar(options: Options) -> Iterator[Progress]:
    """Yield a function that moves a bar on stderr; on no terminal it says nothing."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    console = Console(stderr=True, no_color=options.plain)
    with Bars(console=console, disable=options.quiet or not console.is_terminal) as bars:
        task = bars.add_task("signal × outcome", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
