"""One poll of one source on the network: retries, redirects, validators, spacing, counting."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import httpx
import stamina

from monitor.errors import PermanentSourceError, TransientSourceError
from monitor.http_body import read_body
from monitor.http_hops import next_hop, place, with_params
from monitor.http_response import Response
from monitor.http_status import conditions, failure, fresh_for, safe_url, validators_of
from monitor.http_walls import wall

if TYPE_CHECKING:
    from monitor.http_client import HttpClient

ATTEMPTS = 3
MAX_HOPS = 5
LONGEST_WAIT_S = 5.0
_MAX_VALIDATORS = 512
_MAX_ERROR_BODY = 16 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})


class SourceSession:
    """What a source's `fetch` is handed.

    `validators` holds, by URL, what to store once the rows are stored: `etag`,
    `last_modified`, `body` (a hash). `requests` counts every request that left, retries and
    hops too. `redirected_to` names, by URL, the new home when every hop said it is permanent;
    `moved` holds those learned earlier, which are asked in the URL's place until they refuse.
    `walls` names, by URL, the page that may stand where a document should. `fresh_for` is the
    longest time for which an answer said it stays as it is.
    """

    def __init__(
        self,
        client: HttpClient,
        source: str,
        *,
        validators: Mapping[str, Mapping[str, str]],
        spacing_s: float,
        moved: Mapping[str, str],
        attempts: int = ATTEMPTS,
    ) -> None:
        self.source = source
        self.validators: dict[str, dict[str, str]] = {
            url: dict(known) for url, known in validators.items()
        }
        self.requests = 0
        self.redirected_to: dict[str, str] = {}
        self.moved = dict(moved)
        self.walls: dict[str, str] = {}
        self.fresh_for: timedelta | None = None
        self._client = client
        self._attempts = attempts
        self._spacing_s = spacing_s
        self._free_at: dict[str, float] = {}

    @property
    def now(self) -> datetime:
        """Return the instant pages are stamped with, aware UTC."""
        return self._client.clock.now()

    async def get(
        self, url: str, *, params: Mapping[str, object] | None = None, conditional: bool = False
    ) -> Response | None:
        """Return the answer; None when `conditional` and the upstream says nothing changed.

        A parameter that is a list repeats its key. The answer's `url` is where it came from, or
        for a conditional read what was asked: the key of its validators. Raises
        TransientSourceError or PermanentSourceError.
        """
        full = with_params(url, params)
        known = self.validators.get(full, {}) if conditional else {}
        answer = await self._get(full, conditions(known))
        fresh = fresh_for(answer.headers, now=self.now)
        self.fresh_for = max(filter(None, (self.fresh_for, fresh)), default=None)
        if not conditional:
            return answer
        return self._if_changed(full, known, answer)

    async def post_json(self, url: str, payload: object) -> Response:
        """Return the answer of a read-only POST; retried like a GET."""
        content = json.dumps(payload, separators=(",", ":")).encode()
        headers = {"content-type": "application/json", "accept": "application/json"}
        return await self._exchange("POST", url, headers=headers, content=content)

    async def _get(self, url: str, headers: Mapping[str, str]) -> Response:
        """Return the answer of the learned home of `url`, or of `url` once that refuses."""
        learned = self.moved.get(url)
        if learned is not None:
            try:
                home = next_hop(url, url, learned, allowed=self._client.allowed)
                answer = await self._exchange("GET", home, headers=headers, content=None)
            except PermanentSourceError:
                del self.moved[url]
                headers = {}
            else:
                if home in self.redirected_to:
                    self.redirected_to[url] = self.redirected_to.pop(home)
                return answer
        return await self._exchange("GET", url, headers=headers, content=None)

    async def _exchange(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None
    ) -> Response:
        await self._wait_turn(url)
        seconds = self._client.deadline.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                return await self._tried(method, url, headers, content)
        except TimeoutError as error:
            raise TransientSourceError(
                f"{safe_url(url)}: not finished within {seconds:g} s"
            ) from error

    async def _tried(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> Response:
        """Return the answer of the first attempt, or of a retry when its failure may pass."""
        try:
            return await self._follow(method, url, headers, content)
        except TransientSourceError as error:
            first = error
        # Setting up the retries costs as much as hashing the body, so only a failure pays it.
        async for attempt in stamina.retry_context(
            on=_worth_retrying,
            attempts=self._attempts,
            timeout=None,
            wait_initial=0.3,
            wait_max=2.0,
            wait_jitter=0.5,
        ):
            with attempt:
                if attempt.num == 1:
                    raise first
                await self._wait_turn(url)
                return await self._follow(method, url, headers, content)
        raise AssertionError("a retry loop ends by returning or raising")

    async def _follow(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> Response:
        """Return the first answer that is no redirect, walking at most MAX_HOPS by hand."""
        here, permanent, seen = url, True, {url}
        for _ in range(MAX_HOPS + 1):
            status, answer, target = await self._once(method, here, headers, content)
            if target is None:
                if permanent and here != url:
                    self.redirected_to[url] = here
                return answer
            if method != "GET" and status not in (307, 308):
                raise PermanentSourceError(
                    f"{safe_url(here)}: redirected a POST with HTTP {status}", status=status
                )
            permanent = permanent and status in _PERMANENT
            here = next_hop(url, here, target, allowed=self._client.allowed)
            if here in seen:
                raise PermanentSourceError(f"{safe_url(url)}: redirects in a circle")
            seen.add(here)
        raise PermanentSourceError(f"{safe_url(url)}: redirects more than {MAX_HOPS} times")

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> tuple[int, Response, str | None]:
        """Return status, answer and the target of a redirect."""
        request = self._client.build(method, url, headers=headers, content=content)
        self.requests += 1
        try:
            head = await self._client.open(request)
            try:
                return await self._read(head, url, asked=bool(headers) and content is None)
            finally:
                await head.aclose()
        except httpx.HTTPError as error:
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise TransientSourceError(f"{safe_url(url)}: {said}") from error

    async def _read(
        self, head: httpx.Response, url: str, *, asked: bool
    ) -> tuple[int, Response, str | None]:
        status = head.status_code
        headers = {name.lower(): value for name, value in head.headers.items()}
        if status in _REDIRECTS and headers.get("location"):
            return status, Response(url, status, headers, b""), headers["location"]
        if status == 304:
            if not asked:
                raise TransientSourceError(f"{safe_url(url)}: HTTP 304 though nothing was asked")
            return status, Response(url, status, headers, b""), None
        if status not in (200, 201, 202, 203, 204):
            said = await self._error_body(head, url)
            if 200 <= status < 300:
                raise TransientSourceError(f"{safe_url(url)}: HTTP {status} is not a whole answer")
            raise failure(status, headers, url=url, now=self.now, body=said)
        body = await self._body(head, url, self._client.max_bytes)
        if stands_for := wall(headers, body):
            self.walls[url] = stands_for
        return status, Response(url, status, headers, body), None

    async def _body(self, head: httpx.Response, url: str, max_bytes: int) -> bytes:
        # `stream` and not aiter_raw: the latter refuses answers that a test has filled already.
        codings = head.headers.get_list("content-encoding", split_commas=True)
        return await read_body(
            cast("AsyncIterable[bytes]", head.stream),
            codings=codings,
            max_bytes=max_bytes,
            what=safe_url(url),
        )

    async def _error_body(self, head: httpx.Response, url: str) -> bytes:
        try:
            return await self._body(head, url, _MAX_ERROR_BODY)
        except (httpx.HTTPError, TransientSourceError, PermanentSourceError):
            return b""

    def _if_changed(self, url: str, known: Mapping[str, str], answer: Response) -> Response | None:
        if answer.status in (304, 204):
            self._keep(url, {**known, **validators_of(answer.headers)})
            return None
        digest = hashlib.blake2b(answer.body, digest_size=16).hexdigest()
        self._keep(url, {**validators_of(answer.headers), "body": digest})
        return None if known.get("body") == digest else replace(answer, url=url)

    def _keep(self, url: str, validators: dict[str, str]) -> None:
        self.validators.pop(url, None)
        self.validators[url] = validators
        while len(self.validators) > _MAX_VALIDATORS:
            del self.validators[next(iter(self.validators))]

    async def _wait_turn(self, url: str) -> None:
        """Keep `spacing_s` between two requests to one host, also when asked concurrently."""
        if self._spacing_s <= 0:
            return
        host, now = place(url), self._client.clock.monotonic()
        turn = max(now, self._free_at.get(host, now))
        self._free_at[host] = turn + self._spacing_s
        if turn > now:
            await self._client.sleep(turn - now)


def _worth_retrying(error: Exception) -> bool | float:
    """Return whether to try again, or the seconds the upstream asked us to wait first."""
    if not isinstance(error, TransientSourceError):
        return False
    if error.retry_after_s is None:
        return True
    return error.retry_after_s if error.retry_after_s <= LONGEST_WAIT_S else False
