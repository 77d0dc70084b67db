"""GDELT's bulk files: which batch is the newest, which were missed, and one file's bytes.

Every 15 minutes `lastupdate.txt` (English pages) and `lastupdate-translation.txt` (all others)
name three files as `bytes md5 url`; the third is the Global Knowledge Graph. Only the file's
name is believed: it is asked of the configured hosts, whatever host the line names. Files appear
minutes late (404), some never: of all listed English batches one in 3,000 is not served.
Source: blog.gdeltproject.org/gdelt-2-0-our-global-world-in-realtime/.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from monitor.errors import ParseError, PermanentSourceError, SourceError, TransientSourceError
from monitor.http_response import Response
from monitor.sources.base import Cursor, Fetcher, Page

STEP = timedelta(minutes=15)
# Later than this a missing batch is left to a backfill; a 404 is believed after LATE.
MEMORY = timedelta(hours=24)
LATE = timedelta(hours=2)
MAX_BATCHES = 8
MAX_POLL_BYTES = 32 * 1024 * 1024
MAX_POLL_TIME = timedelta(seconds=25)
_STAMP = "%Y%m%d%H%M%S"
_LINE = re.compile(
    r"(?P<size>[0-9]{1,10})\s+(?P<md5>[0-9a-fA-F]{32})\s+"
    r"\S*/(?P<stamp>[0-9]{14})(?P<translated>\.translation)?\.gkg\.csv\.zip"
)


@dataclass(frozen=True, slots=True)
class Stream:
    """One of the two series of batches."""

    name: str
    index: str
    infix: str

    def file(self, batch: datetime) -> str:
        """Return the name of a batch's file."""
        return f"{batch:{_STAMP}}{self.infix}.gkg.csv.zip"


ENGLISH = Stream("english", "lastupdate.txt", "")
TRANSLATED = Stream("translated", "lastupdate-translation.txt", ".translation")


@dataclass(frozen=True, slots=True)
class Newest:
    """What an index names: the newest batch, its size in bytes and its MD5."""

    batch: datetime
    size: int
    md5: str


@dataclass(slots=True)
class Reading:
    """What one poll read of one stream: its pages and what is to be said about it."""

    pages: list[Page] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    cursor: dict[str, object] = field(default_factory=dict)


def newest_of(text: str, stream: Stream, *, what: str, latest: datetime) -> Newest:
    """Return the graph file that an index names; ParseError when it names none up to `latest`."""
    for line in text.splitlines()[:20]:
        match = _LINE.fullmatch(line.strip())
        if match is None or (match["translated"] or "") != stream.infix:
            continue
        batch = batch_at(match["stamp"])
        if batch > latest:
            raise ParseError(f"{what}: names the batch of {batch:%Y-%m-%d %H:%M}, still to come")
        return Newest(batch, int(match["size"]), match["md5"].lower())
    raise ParseError(f"{what}: names no graph file; it begins {text[:60]!r}")


def batch_at(stamp: str) -> datetime:
    """Return the instant of YYYYMMDDHHMMSS in UTC. Raises ParseError."""
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise ParseError(f"{stamp!r:.40} is no batch of GDELT") from error


async def read_stream(
    http: Fetcher, bases: Sequence[str], stream: Stream, cursor: Cursor
) -> Reading:
    """Return the batches of `stream` that `cursor` has not: the newest, then missed ones.

    The cursor after it is in every page's context, and in the reading for when it has no page.
    Raises SourceError when no host gives the index.
    """
    began = http.now
    newest = await _index(http, bases, stream)
    reading, missed = Reading(), _missed(cursor, stream, newest, began)
    wanted = [newest.batch, *missed] if _is_new(cursor, stream, newest) else missed
    left, held = list(wanted), 0
    for batch in wanted[:MAX_BATCHES]:
        if held >= MAX_POLL_BYTES or http.now - began > MAX_POLL_TIME:
            break
        expected = newest if batch == newest.batch else None
        try:
            answer = await _file(http, bases, stream.file(batch), expected)
        except SourceError as error:
            reading.notices.append(f"{stream.name} batch {batch:%Y-%m-%d %H:%M} not read: {error}")
            if _is_gone(error) and began - batch > LATE:
                left.remove(batch)
            continue
        left.remove(batch)
        held += len(answer.body)
        context = {"stream": stream.name, "batch": f"{batch:{_STAMP}}"}
        reading.pages.append(Page("gkg", answer.url, answer.body, http.now, context))
    reading.notices += _given_up(cursor, stream, newest, began)
    reading.cursor = {
        f"{stream.name}:newest": f"{newest.batch:{_STAMP}}",
        f"{stream.name}:missed": [f"{batch:{_STAMP}}" for batch in left],
    }
    return reading


async def _index(http: Fetcher, bases: Sequence[str], stream: Stream) -> Newest:
    first: SourceError | None = None
    for base in bases:
        url = f"{base}/{stream.index}"
        try:
            answer = await http.get(url)
            assert answer is not None
            text = answer.body.decode("utf-8", "replace")
            return newest_of(text, stream, what=url, latest=http.now + MEMORY)
        except ParseError as error:
            first = first or TransientSourceError(str(error))
        except SourceError as error:
            first = first or error
    raise first or TransientSourceError("no host of GDELT's bulk files is configured")


async def _file(
    http: Fetcher, bases: Sequence[str], name: str, expected: Newest | None
) -> Response:
    """Return a batch's file from the first host that has it whole."""
    first: SourceError | None = None
    for base in bases:
        try:
            answer = await http.get(f"{base}/{name}")
            assert answer is not None
            _verify(answer, expected)
        except SourceError as error:
            first = first or error
        else:
            return answer
    raise first or TransientSourceError("no host of GDELT's bulk files is configured")


def _verify(answer: Response, expected: Newest | None) -> None:
    if expected is None:
        return
    if len(answer.body) != expected.size:
        raise TransientSourceError(
            f"{answer.url}: {len(answer.body)} bytes where the index says {expected.size}"
        )
    if hashlib.md5(answer.body, usedforsecurity=False).hexdigest() != expected.md5:
        raise TransientSourceError(f"{answer.url}: its MD5 is not the index's")


def _is_new(cursor: Cursor, stream: Stream, newest: Newest) -> bool:
    known = _known(cursor, stream)
    return known is None or newest.batch > known


def _known(cursor: Cursor, stream: Stream) -> datetime | None:
    stamp = cursor.get(f"{stream.name}:newest")
    return batch_at(stamp) if isinstance(stamp, str) else None


def _missed(cursor: Cursor, stream: Stream, newest: Newest, now: datetime) -> list[datetime]:
    """Return the batches of the last day that were never read, newest first."""
    return [batch for batch in _owed(cursor, stream, newest) if now - batch <= MEMORY]


def _owed(cursor: Cursor, stream: Stream, newest: Newest) -> list[datetime]:
    stamps = cursor.get(f"{stream.name}:missed")
    owed = {batch_at(str(stamp)) for stamp in stamps} if isinstance(stamps, list) else set()
    known = _known(cursor, stream)
    if known is not None:
        # A longer pause than a week is not counted batch by batch.
        first = max(known + STEP, newest.batch - 7 * MEMORY)
        owed |= {first + n * STEP for n in range((newest.batch - first) // STEP)}
    return sorted(owed, reverse=True)


def _given_up(cursor: Cursor, stream: Stream, newest: Newest, now: datetime) -> list[str]:
    old = [batch for batch in _owed(cursor, stream, newest) if now - batch > MEMORY]
    if not old:
        return []
    span = f"{old[-1]:%Y-%m-%d %H:%M} to {old[0]:%Y-%m-%d %H:%M}"
    return [f"{len(old)} {stream.name} batches older than a day are left to backfill: {span}"]


def _is_gone(error: SourceError) -> bool:
    return isinstance(error, PermanentSourceError) and error.status == 404
