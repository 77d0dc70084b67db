"""Connections to Polymarket's market socket for any number of tokens, kept up for ever.

The venue wants the text `PING` every 10 s, answers `PONG`, numbers nothing, and sends the whole
book of each token on every subscription. Source: docs.polymarket.com, market channel.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field

import structlog

from monitor.errors import (
    MonitorError,
    ParseError,
    PermanentSourceError,
    SourceError,
    TransientSourceError,
)
from monitor.ws_connect import CLOSE_S, Talk

log = structlog.get_logger()

# The first books of a connection come in one message, which must stay below our cap.
TOKENS_PER_LINE = 100


@dataclass(frozen=True, slots=True)
class LinePace:
    """Seconds. A refusal waits longer than a connection that ends; what a host asks for counts."""

    ping_s: float = 10.0
    silence_s: float = 30.0
    first_wait_s: float = 0.25
    longest_wait_s: float = 30.0
    refused_wait_s: float = 600.0


LINE_PACE = LinePace()
Connect = Callable[[], AbstractAsyncContextManager[Talk]]


@dataclass(slots=True, eq=False)
class _Line:
    """One connection and the tokens it is for; `talk` while it is open."""

    tokens: set[str]
    talk: Talk | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class Lines:
    """The connections of one source; every message goes to `hear`, which may raise ParseError."""

    def __init__(
        self,
        name: str,
        connect: Connect,
        hear: Callable[[bytes], None],
        rng: random.Random,
        *,
        pace: LinePace = LINE_PACE,
    ) -> None:
        self._name, self._connect, self._hear = name, connect, hear
        self._rng, self._pace = rng, pace
        self._lines: list[_Line] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._lines)

    async def follow(self, tokens: Collection[str]) -> None:
        """Listen to `tokens`: new ones join open lines, a line that loses one connects anew."""
        wanted = set(tokens)
        for line in [line for line in self._lines if line.tokens - wanted]:
            line.tokens &= wanted
            self._hang_up(line)
            if line.tokens:
                self._open(line)
        self._lines = [line for line in self._lines if line.tokens]
        fresh = sorted(wanted.difference(*(line.tokens for line in self._lines)))
        for line in self._lines:
            room = TOKENS_PER_LINE - len(line.tokens)
            added, fresh = fresh[:room], fresh[room:]
            line.tokens.update(added)
            if added and line.talk is not None:
                with suppress(SourceError):  # a line that has ended asks for all when it is back
                    await line.talk.send(_request(added, operation="subscribe"))
        for start in range(0, len(fresh), TOKENS_PER_LINE):
            self._lines.append(line := _Line(set(fresh[start : start + TOKENS_PER_LINE])))
            self._open(line)

    async def stop(self) -> None:
        """Hang up; what does not close in time is left to the end of the process."""
        for line in self._lines:
            self._hang_up(line)
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=2 * CLOSE_S)

    def _open(self, line: _Line) -> None:
        line.task = asyncio.get_running_loop().create_task(self._keep(line))
        self._tasks.add(line.task)
        line.task.add_done_callback(self._tasks.discard)

    def _hang_up(self, line: _Line) -> None:
        line.talk = None
        if line.task is not None:
            line.task.cancel()

    async def _keep(self, line: _Line) -> None:
        """Connect again and again; a failure is told when it is another one than before."""
        failures, told = 0, ""
        while True:
            began = _time()
            try:
                await self._listen(line)
            except MonitorError as error:
                problem: Exception = error
            except Exception as error:
                log.exception("socket broke", source=self._name)
                problem = error
            if _time() - began > self._pace.silence_s:
                failures, told = 0, ""
            failures += 1
            if str(problem) != told:
                told = str(problem)
                log.warning("socket down, polling goes on", source=self._name, error=told)
            await asyncio.sleep(self._wait_s(failures, problem))

    def _wait_s(self, failures: int, problem: Exception) -> float:
        ceiling = min(self._pace.first_wait_s * 2 ** min(failures, 16), self._pace.longest_wait_s)
        wait_s = self._rng.uniform(ceiling / 2, ceiling)
        if isinstance(problem, PermanentSourceError):
            return max(wait_s, self._pace.refused_wait_s, problem.pause_s or 0.0)
        asked_s = problem.retry_after_s if isinstance(problem, TransientSourceError) else None
        return max(wait_s, asked_s or 0.0)

    async def _listen(self, line: _Line) -> None:
        """Hear one connection out; raises when it ends, and every connection ends."""
        async with self._connect() as talk:
            line.talk = talk
            try:
                await talk.send(_request(line.tokens, type="market"))
                log.info("listening", source=self._name, tokens=len(line.tokens))
                await self._hear_out(talk)
            finally:
                # A line that connects anew may have its next connection already.
                line.talk = None if line.talk is talk else line.talk

    async def _hear_out(self, talk: Talk) -> None:
        heard_at = _time()
        ping_at = heard_at + self._pace.ping_s
        is_told = False
        while True:
            try:
                async with asyncio.timeout_at(ping_at):
                    message = await talk.recv()
                heard_at = _time()
                self._hear(message)
            except TimeoutError:
                if _time() - heard_at >= self._pace.silence_s:
                    raise TransientSourceError(f"silent for {self._pace.silence_s:g} s") from None
                await talk.send("PING")
                ping_at = _time() + self._pace.ping_s
            except ParseError as error:
                if not is_told:
                    log.warning("a message cannot be read", source=self._name, error=str(error))
                is_told = True


def _request(tokens: Iterable[str], **what: str) -> str:
    return json.dumps({"assets_ids": sorted(tokens), **what, "custom_feature_enabled": True})


def _time() -> float:
    return asyncio.get_running_loop().time()
