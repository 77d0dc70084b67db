"""What a successful poll teaches about its source: new addresses, its usual look, its pace."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from monitor.app import App
from monitor.http_hops import place
from monitor.http_session import SourceSession
from monitor.http_status import safe_url
from monitor.sources import fingerprint
from monitor.sources.base import Page, Source
from monitor.sources.pace import Hints, addresses, from_plain, hints_of, to_plain
from storage.instants import format_instant
from storage.models import SourceState
from storage.records import Batch
from storage.source_repo import Learned

MAX_MOVED = 64

Parsed = Sequence[tuple[Page, Batch]]


def learn(
    app: App, source: Source, state: SourceState, http: SourceSession, parsed: Parsed
) -> tuple[Learned, Hints | None]:
    """Return what to remember after a poll whose pages were parsed, and the publisher's hints."""
    known = state.fingerprint or {}
    hints = hints_of([batch for _, batch in parsed], http.fresh_for, from_plain(known.get("pace")))
    shapes, drift = known.get("shapes") or {}, state.drift
    if parsed:
        seen = fingerprint.looks((page.shape, batch) for page, batch in parsed)
        found = fingerprint.findings(shapes, seen)
        shapes = fingerprint.updated(shapes, seen, found)
        drift = fingerprint.drift_after(drift, found, at=format_instant(app.clock.now()))
    looks = {"shapes": shapes, "pace": to_plain(hints)}
    _log_drift(source, state, drift)
    moved = {**http.moved, **_new_homes(app, source, http, parsed)}
    return (
        Learned(
            moved=dict(list(moved.items())[-MAX_MOVED:]),
            fingerprint={key: value for key, value in looks.items() if value},
            drift=drift,
        ),
        hints,
    )


def twin(app: App, source: Source, home: str) -> str | None:
    """Return the other source of the config that asks `home` already."""
    others = (other for other in app.sources if other.name != source.name)
    return next((other.name for other in others if home in addresses(other)), None)


def _new_homes(app: App, source: Source, http: SourceSession, parsed: Parsed) -> dict[str, str]:
    """Return permanent redirects whose target gave a page that parses, by the address asked."""
    read = {page.url for page, _ in parsed}
    homes = {url: home for url, home in http.redirected_to.items() if read & {url, home}}
    for url, home in homes.items():
        log = structlog.get_logger().bind(source=source.name, new=safe_url(home))
        if place(url) != place(home):
            log.warning("address moved to another host for good", old=safe_url(url))
        else:
            log.info("address moved for good", old=safe_url(url))
        if (other := twin(app, source, home)) is not None:
            log.warning("two sources now ask the same address; remove one", other=other)
    return homes


def _log_drift(source: Source, state: SourceState, drift: object) -> None:
    log = structlog.get_logger().bind(source=source.name)
    words = fingerprint.drift_words(drift if isinstance(drift, dict) else None)
    if words and words != fingerprint.drift_words(state.drift):
        log.warning("the pages have changed", drift=words)
    elif state.drift and not words:
        log.info("the pages look as usual again")
