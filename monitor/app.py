"""With what the daemon works: store, network, sources, tagger, rules and channels, opened once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlmodel import Session

from monitor.alerts.channels.base import Channel, Surroundings
from monitor.alerts.channels.dead_man import DeadMan
from monitor.alerts.rules import Rule
from monitor.clock import Clock
from monitor.config import Config
from monitor.http_client import HttpClient
from monitor.metrics import Metrics
from monitor.sources.base import Page, Source
from monitor.topics import Topics, open_topics
from monitor.worker import ParseWorker
from storage import Store
from storage.records import Batch

T = TypeVar("T")


@dataclass
class App:
    """The opened daemon. `write` and `read` run a function in the one thread that has the store."""

    config: Config
    clock: Clock
    store: Store
    http: HttpClient
    topics: Topics
    sources: tuple[Source, ...]
    rules: tuple[Rule, ...]
    channels: Mapping[str, Channel]
    dead_man: DeadMan | None = None
    metrics: Metrics = field(default_factory=Metrics)
    worker: ParseWorker = field(default_factory=ParseWorker)
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="store")
    )

    async def write(self, work: Callable[[Session], T]) -> T:
        """Return `work(session)`, committed; nothing of it is kept when it raises."""

        def run() -> T:
            with self.store.begin() as session:
                return work(session)

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    async def read(self, work: Callable[[Session], T]) -> T:
        """Return `work(session)` on one snapshot."""

        def run() -> T:
            with self.store.read() as session:
                return work(session)

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    async def parse(self, source: Source, page: Page) -> Batch:
        """Return what a page says; strangers' text is read in a process that can be killed."""
        if getattr(source, "in_worker", False):
            return await self.worker.parse(source, page)
        return await asyncio.to_thread(source.parse, page)

    async def in_store_thread(self, work: Callable[[], T]) -> T:
        """Return `work()`, run where the store's transactions run."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Stop the parser, wait for the store's last transaction and close it."""
        self.worker.close()
        self._thread.shutdown(wait=True)
        self.store.close()


@asynccontextmanager
async def open_app(
    config: Config,
    store: Store,
    clock: Clock,
    *,
    around: Surroundings,
    **http_options: Any,
) -> AsyncIterator[App]:
    """Yield the daemon over `store`; closes it and every connection at the end.

    Raises ConfigError when a channel's secret is not there.
    """
    topics = open_topics(config)
    channels: dict[str, Channel] = {
        channel.name: channel.resolve(around) for channel in config.alerts.channels
    }
    switch = config.alerts.dead_man
    async with HttpClient(
        clock,
        contact=config.http.contact,
        deadline=config.http.deadline,
        max_bytes=config.http.max_bytes,
        allow_private_hosts=frozenset(config.http.allow_private_hosts),
        **http_options,
    ) as http:
        app = App(
            config=config,
            clock=clock,
            store=store,
            http=http,
            topics=topics,
            sources=tuple(
                source.following(topics.references()) for source in config.sources if source.enabled
            ),
            rules=config.alerts.rules,
            channels=channels,
            dead_man=switch.resolve(around) if switch else None,
        )
        try:
            yield app
        finally:
            app.close()
