"""Rows of a CSV file in the export's columns, on this machine or on the web.

For what no other source reaches: another program writes the file, and it is read again whenever it
changes. The past belongs to `import`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from monitor.durations import Duration, Size
from monitor.errors import ParseError, TransientSourceError
from monitor.http_status import safe_url
from monitor.sources.base import Cursor, Fetcher, Page, SourceModel, interval
from monitor.sources.csv_rows import RowDefaults, read_rows
from monitor.sources.web_address import WebAddress
from storage.records import Batch

What = Literal["items", "standings", "quotes"]


class CsvSource(SourceModel):
    """A file by `path` (beside the config when relative) or by `url`.

    `raw` is for files of `export --raw`. `lang` and `tier` hold for items. A file of quotes makes
    the markets it names; of one that is known, what is stored stands.
    """

    in_worker: ClassVar[bool] = False
    kind: Literal["csv"] = "csv"
    every: Duration | Literal["auto"] = timedelta(minutes=1)
    path: Path | None = None
    url: WebAddress | None = None
    what: What = "items"
    raw: bool = False
    max_size: Size = 16 * 1024**2
    lang: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    tier: int = Field(default=2, ge=1, le=3)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("name exactly one of path, url")
        return self

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the file when its time or size changed, or the web's copy when its bytes did."""
        if self.url is not None:
            response = await http.get(self.url, conditional=True)
            if response is None:
                return []
            return [Page(self.what, response.url, response.body, http.now)]
        assert self.path is not None
        read = await asyncio.to_thread(_read, self.path, self.max_size, cursor.get("file"))
        if read is None:
            return []
        body, state = read
        return [Page(self.what, self.path.absolute().as_uri(), body, http.now, {"file": state})]

    def parse(self, page: Page) -> Batch:
        """Return the records of a file; a bad row costs that row.

        An outcome counts as watched only when the file's newest price of it is fresh. Raises
        ParseError for a header that does not fit, a body that is not UTF-8 and a body too large.
        """
        what = safe_url(page.url)
        if len(page.body) > self.max_size:
            raise ParseError(f"{what}: {len(page.body)} bytes, more than max_size {self.max_size}")
        try:
            text = page.body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ParseError(f"{what}: not UTF-8 at byte {error.start}; save it so") from error
        defaults = RowDefaults(
            source=self.name,
            lang=self.lang,
            tier=self.tier,
            fetched_at=page.fetched_at,
            fresh_since=page.fetched_at - max(2 * interval(self), timedelta(minutes=5)),
        )
        batch = read_rows(self.what, text, defaults, raw=self.raw, where=what)
        state = page.context.get("file")
        return replace(batch, cursor={} if state is None else {"file": state})


def _read(path: Path, max_size: int, known: object) -> tuple[bytes, str] | None:
    """Return the bytes and the state of a file, None when its state is `known`.

    Raises TransientSourceError when it is missing, unreadable, too large or being written.
    """
    try:
        before = _state(path)
        if before == known:
            return None
        with path.open("rb") as file:
            body = file.read(max_size + 1)
        after = _state(path)
    except FileNotFoundError as error:
        raise TransientSourceError(f"{path}: no such file; another program writes it") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise TransientSourceError(f"{path}: cannot be read: {why}") from error
    if len(body) > max_size:
        raise TransientSourceError(f"{path}: larger than max_size, {max_size} bytes")
    if before != after:
        raise TransientSourceError(f"{path}: changed while it was read; it is read again later")
    return body, after


def _state(path: Path) -> str:
    found = path.stat()
    return f"{found.st_mtime_ns}:{found.st_size}:{found.st_ino}"
