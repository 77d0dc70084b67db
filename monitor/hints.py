"""A venue's socket as a hint beside the polls: it says that something moved, they read what.

Nothing that a message tells is stored. Polls, health and shutdown do not depend on the socket.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlmodel import Session

from monitor.address import Resolver, resolve
from monitor.app import App
from monitor.sources.polymarket.fields import VENUE
from monitor.sources.polymarket.movement import Movement
from monitor.sources.polymarket.source import PolymarketSource
from monitor.ws_connect import connected, is_installed, tls_of
from monitor.ws_lines import LINE_PACE, LinePace, Lines
from storage import market_repo
from storage.records import MarketStatus

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HintPace:
    """Seconds. `floor_s`: between the beginnings of two polls; `settle_s`: for a burst to end."""

    floor_s: float = 5.0
    settle_s: float = 0.25
    refresh_s: float = 60.0
    line: LinePace = LINE_PACE


PACE = HintPace()


def open_hints(
    app: App, wake: Callable[[str], None], rng: random.Random, *, pace: HintPace = PACE
) -> dict[str, Hints]:
    """Return the hints of each source that wants them, by its name; `wake` polls it at once.

    Without the package that speaks to sockets there are none, and a warning says so.
    """
    wanted = [each for each in app.sources if isinstance(each, PolymarketSource) and each.hints]
    if wanted and not is_installed():
        log.warning(
            "hints need the package websockets: pip install 'signal-monitor[hints]'",
            sources=[source.name for source in wanted],
        )
        return {}
    return {source.name: Hints(app, source, wake, rng, pace=pace) for source in wanted}


class Hints:
    """What the socket of one source tells. Use `start`, then `stop`, and tell it of each poll."""

    def __init__(
        self,
        app: App,
        source: PolymarketSource,
        wake: Callable[[str], None],
        rng: random.Random,
        *,
        pace: HintPace = PACE,
        resolver: Resolver = resolve,
    ) -> None:
        self._app, self._source, self._wake, self._pace = app, source, wake, pace
        asks = app.http.build("GET", "https://localhost", headers={}, content=None)
        agent, tls = asks.headers["user-agent"], tls_of(source.ws_url)
        self._lines = Lines(
            source.name,
            lambda: connected(
                source.ws_url,
                tls=tls,
                user_agent=agent,
                allowed=app.http.allowed,
                resolver=resolver,
            ),
            self._take,
            rng,
            pace=pace.line,
        )
        self._movement = Movement()
        self._moved, self._idle, self._polled = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._began_at = float("-inf")
        self._is_well = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen, in tasks of the running loop."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(work()) for work in (self._follow, self._pass_on)]

    async def stop(self) -> None:
        """Hang up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._lines.stop()

    def poll_began(self) -> None:
        """Note that a poll begins, which reads all that moved before."""
        self._began_at = _time()
        self._idle.clear()
        self._moved.clear()

    def poll_ended(self, *, ok: bool) -> None:
        """Note how the poll went: after a failed one its pause is kept, whatever moves."""
        self._is_well = ok
        self._idle.set()
        self._polled.set()

    def _take(self, message: bytes) -> None:
        at, url = self._app.clock.now(), self._source.ws_url
        if self._movement.is_told_by(message, at=at, what=url):
            self._moved.set()

    async def _follow(self) -> None:
        """Keep the lines to what is followed and open in the store."""
        while True:
            self._polled.clear()
            try:
                tokens = await self._app.read(_open_tokens)
                self._movement.follow(tokens)
                await self._lines.follow(tokens)
            except Exception:
                log.exception("what to listen to is not known", source=self._source.name)
            if len(self._lines):
                await asyncio.sleep(self._pace.refresh_s)
            else:
                await self._polled.wait()

    async def _pass_on(self) -> None:
        """Wake the poll when something moved: once for a burst, and no sooner than is polite."""
        while True:
            await self._moved.wait()
            await asyncio.sleep(max(self._pace.settle_s, self._floor_left()))
            await self._idle.wait()
            if not self._moved.is_set() or self._floor_left() > 0:
                continue
            self._moved.clear()
            if self._is_well:
                self._began_at = _time()
                self._app.metrics.hints.labels(self._source.name).inc()
                self._wake(self._source.name)

    def _floor_left(self) -> float:
        return self._began_at + self._pace.floor_s - _time()


def _open_tokens(session: Session) -> dict[str, tuple[str, None]]:
    return {
        leg.venue_outcome_id: (leg.venue_id, None)
        for leg in market_repo.legs(session)
        if leg.venue == VENUE and leg.status == MarketStatus.OPEN.value
    }


def _time() -> float:
    return asyncio.get_running_loop().time()
