"""A network of canned answers that sources talk to through the real client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina
from hypothesis import strategies as st

from monitor.clock import ManualClock
from monitor.http_client import HttpClient
from monitor.http_session import SourceSession

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
Answer = Callable[[httpx.Request], httpx.Response]
Network = Callable[[Answer], AbstractAsyncContextManager[SourceSession]]


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def network() -> Network:
    """Return a function that opens a session whose every request goes to `answer`."""

    @asynccontextmanager
    async def opened(answer: Answer) -> AsyncIterator[SourceSession]:
        client = HttpClient(
            ManualClock(NOW),
            contact="desk@example.org",
            deadline=timedelta(seconds=5),
            max_bytes=1 << 20,
            transport=httpx.MockTransport(answer),
        )
        async with client:
            yield client.session("source", validators={}, spacing_s=0.0)

    return opened


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["NaN", "1e999", '["a"]', "[", "0.5", 10**400]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@pytest.fixture(scope="session")
def mutate() -> Callable[[Any, st.DataObject], bytes]:
    """Return a function that puts odd values at up to three places of a JSON document."""

    def mutated(payload: Any, data: st.DataObject) -> bytes:
        for _ in range(data.draw(st.integers(1, 3))):
            *way, last = data.draw(st.sampled_from(_spots(payload)))
            holder = payload
            for key in way:
                holder = holder[key]
            if isinstance(holder, dict) and data.draw(st.booleans()):
                holder.pop(last, None)
            else:
                holder[last] = data.draw(ODD)
        return json.dumps(payload).encode()

    return mutated


def _spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            found += _spots(inner, (*path, key))
    return found or [("empty",)]


@pytest.fixture
def fixtures() -> Path:
    return Path(__file__).parent.parent.parent / "fixtures"
