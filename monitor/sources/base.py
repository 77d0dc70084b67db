"""What every source is: frozen settings, an async `fetch`, a pure `parse`.

`fetch` talks to the network and returns pages; `parse` turns one page into a Batch without
I/O and without a clock, so that pages can be recorded, replayed and parsed again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal, Protocol, Self, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from monitor.durations import Duration
from monitor.http_response import Response
from monitor.sources.spec_override import SpecOverride
from storage.records import Batch, Reject

Cursor = Mapping[str, object]
MAX_EXCERPT = 200
DEFAULT_EVERY = timedelta(minutes=5)
FEED_SPACING_S = 1.0
EVENTS_FOLLOWED = 30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = TypeVar("Row")
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Page:
    """One answer on its way to `parse`. `shape` names the endpoint's wire shape."""

    shape: str
    url: str
    body: bytes
    fetched_at: datetime
    context: Mapping[str, object] = field(default_factory=dict)


class Fetcher(Protocol):
    """The network as one poll of one source sees it: bounded, polite, conditional."""

    @property
    def now(self) -> datetime:
        """Return the instant pages are stamped with, aware UTC."""
        ...

    async def get(
        self, url: str, *, params: Mapping[str, object] | None = None, conditional: bool = False
    ) -> Response | None:
        """Return the answer; None when `conditional` and the upstream says nothing changed.

        Raises TransientSourceError or PermanentSourceError; never returns a 4xx or 5xx.
        """
        ...

    async def post_json(self, url: str, payload: object) -> Response:
        """Return the answer of a read-only POST; retried like a GET."""
        ...


class MarketRef(BaseModel):
    """Which markets a theme follows at one venue, by one of event, event_pattern, search, tag, id.

    `title_match` narrows a search, a pattern or a tag by a regular expression on the title;
    `max_events` caps how many events each of these three may bring in. `spec` says how the markets
    settle, field by field, and wins over what is read from their rules.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    venue: Literal["polymarket", "kalshi", "manifold"]
    event: str | None = Field(default=None, min_length=1)
    event_pattern: str | None = Field(default=None, min_length=1)
    search: str | None = Field(default=None, min_length=1)
    tag: str | None = Field(default=None, min_length=1)
    id: str | None = Field(default=None, min_length=1)
    title_match: str | None = Field(default=None, min_length=1)
    max_events: int = Field(default=EVENTS_FOLLOWED, ge=1, le=200)
    spec: SpecOverride | None = None

    @field_validator("title_match")
    @classmethod
    def _an_expression(cls, title_match: str | None) -> str | None:
        try:
            re.compile(title_match or "")
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"is no regular expression: {error}") from error
        # Such a repeat inside a repeat takes time that doubles with each character.
        if re.search(r"(?<!\\)\((?:[^()\\]|\\.)*[+*}](?:[^()\\]|\\.)*\)[+*{]", title_match or ""):
            raise ValueError("repeats a group that repeats inside; write it without one of them")
        return title_match

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        named = [self.event, self.event_pattern, self.search, self.id, self.tag]
        if sum(name is not None for name in named) != 1:
            raise ValueError("name exactly one of event, event_pattern, search, id, tag")
        if self.venue == "kalshi" and self.tag is not None:
            raise ValueError("Kalshi lists no events by tag; use search or event_pattern")
        if self.event is not None or self.id is not None:
            if self.title_match is not None:
                raise ValueError("title_match narrows search or event_pattern or tag only")
            if self.max_events != EVENTS_FOLLOWED:
                raise ValueError("max_events caps search or event_pattern or tag only")
        return self

    @property
    def key(self) -> str:
        """Return a stable name of this reference, such as `event:best-ai-model`."""
        for field_name in ("event", "event_pattern", "search", "tag", "id"):
            value = getattr(self, field_name)
            if value is not None:
                match = f" ~ {self.title_match}" if self.title_match else ""
                return f"{self.venue}/{field_name}:{value}{match}"
        raise ValueError("a market reference names one of event, event_pattern, search, tag, id")


class SourceModel(BaseModel):
    """The settings all sources share. Each source file adds `kind`, its URLs and its own.

    `spacing_s` is the least time between two requests of one poll to one host. A source whose
    `in_worker` is set reads text of strangers, so its pages are parsed in a process that can be
    killed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    spacing_s: ClassVar[float] = 0.0
    in_worker: ClassVar[bool] = False

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    every: Duration | Literal["auto"] = DEFAULT_EVERY
    enabled: bool = True
    _follow: tuple[MarketRef, ...] = PrivateAttr(default=())

    @field_validator("every")
    @classmethod
    def _at_least_a_second(cls, every: timedelta | str) -> timedelta | str:
        if isinstance(every, timedelta) and every < timedelta(seconds=1):
            raise ValueError("every must be at least 1s")
        return every

    @property
    def follow(self) -> tuple[MarketRef, ...]:
        """Return the references a venue's source reads; the themes of the config name them."""
        return self._follow

    def following(self, refs: Iterable[MarketRef]) -> Self:
        """Return the source set to follow those of `refs` that are of its venue; feeds follow none.

        A venue's kind is its name.
        """
        venue = getattr(self, "kind", None)
        followed = self.model_copy()
        followed._follow = tuple(dict.fromkeys(ref for ref in refs if ref.venue == venue))
        return followed


def interval(source: object) -> timedelta:
    """Return how often a source wants to be polled; `auto` begins at the default."""
    wanted = getattr(source, "every", DEFAULT_EVERY)
    return wanted if isinstance(wanted, timedelta) else DEFAULT_EVERY


class Source(Protocol):
    """The contract `monitor.jobs` polls; third parties implement it too."""

    @property
    def name(self) -> str:
        """Return the unique name from the config."""
        ...

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the pages that changed; empty when nothing did."""
        ...

    def parse(self, page: Page) -> Batch:
        """Return what the page says. Pure. Raises ParseError when the envelope is wrong."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """One leg whose past is wanted: its market, first outcome and series by the venue's ids."""

    venue_id: str
    venue_outcome_id: str
    series: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch [since, until) of the past that is asked for, stored and marked done as one.

    `key` names it for ever, so a chunk that is done is never asked again; stretches therefore
    lie on a fixed grid and not on the moment of asking. `context` is the source's own.
    `is_complete`: the answer tells every change, so that where it says nothing, nothing was.
    """

    key: str
    since: datetime
    until: datetime
    target: Target | None = None
    context: Mapping[str, object] = field(default_factory=dict)
    is_complete: bool = False


@runtime_checkable
class Backfilling(Protocol):
    """A source whose past can be read too. Its pages go through `parse` like any others."""

    async def chunks(
        self, http: Fetcher, targets: Sequence[Target], *, since: datetime, until: datetime
    ) -> list[Chunk]:
        """Return what to ask for to know [since, until), newest first.

        Only what the upstream still keeps. `targets` are the followed legs of the source's venue;
        feeds pass over them.
        """
        ...

    async def fetch_chunk(self, http: Fetcher, chunk: Chunk) -> list[Page]:
        """Return the pages of one chunk, complete or not at all. Raises like `fetch`."""
        ...


@runtime_checkable
class Searching(Protocol):
    """A venue that can be asked for markets by words."""

    async def search(self, http: Fetcher, text: str, *, limit: int) -> list[Page]:
        """Return pages whose `parse` gives about `limit` open markets that match `text`, priced.

        The title filter is ours: venues match loosely. Raises like `fetch`.
        """
        ...


def grid(since: datetime, until: datetime, step: timedelta) -> list[tuple[datetime, datetime]]:
    """Return the stretches of `step`, from 1970 on, that touch [since, until); newest first."""
    first = (since - _EPOCH) // step
    last = -((_EPOCH - until) // step)
    return [(_EPOCH + n * step, _EPOCH + (n + 1) * step) for n in reversed(range(first, last))]


def parse_each(
    rows: Iterable[Row], parse_one: Callable[[Row], Record]
) -> tuple[list[Record], list[Reject]]:
    """Return the records of `rows`, one bad row costing one row and a Reject with its reason."""
    records: list[Record] = []
    rejects: list[Reject] = []
    for row in rows:
        try:
            records.append(parse_one(row))
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            reason = f"{type(error).__name__}: {error}" if not str(error) else str(error)
            rejects.append(Reject(reason[:MAX_EXCERPT], repr(row)[:MAX_EXCERPT]))
    return records, rejects
