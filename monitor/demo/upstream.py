"""The demonstration's upstream in a process of its own, at an instant that the parent sets."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Protocol

from monitor.demo.case import demo_scenario
from monitor.errors import MonitorError
from monitor.fake_upstream import FakeUpstream
from storage.instants import from_ms, to_ms

START_TIMEOUT_S = 30


class _Instant(Protocol):
    value: int


class Upstream:
    """Where it listens, and the hand that turns its time."""

    def __init__(self, url: str, instant: _Instant) -> None:
        self.url = url
        self._instant = instant

    def set(self, now: datetime) -> None:
        """Show only what was public at `now`."""
        self._instant.value = to_ms(now)


@contextmanager
def demo_upstream(now: datetime) -> Iterator[Upstream]:
    """Yield the running upstream; a second core serves while the first one asks."""
    context = multiprocessing.get_context("spawn")
    instant = context.Value("q", to_ms(now), lock=False)
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(instant, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(START_TIMEOUT_S):
            raise MonitorError("the demonstration's upstream did not start; is loopback usable?")
        yield Upstream(ours.recv(), instant)
    finally:
        ours.close()
        process.join(5)
        if process.is_alive():
            process.kill()


def _serve(instant: _Instant, parent: Connection) -> None:
    with FakeUpstream(demo_scenario(), lambda: from_ms(instant.value)) as upstream:
        parent.send(upstream.url)
        try:
            parent.recv()
        except (EOFError, KeyboardInterrupt):
            return
