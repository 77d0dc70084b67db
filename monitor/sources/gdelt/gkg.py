"""One batch of GDELT's Global Knowledge Graph: a zip with a table of pages, filtered by words.

27 columns between tabs, no header. Text is UTF-8 with Latin-1 strays. The headline stands in the
last column as `<PAGE_TITLE>`. DATE is the batch in which GDELT saw the page: an upper bound of
when it was public, right to 15 minutes; when it was published nobody says.
Source: GDELT-Global_Knowledge_Graph_Codebook-V2.1 (2015); row of 2026-08-16.
"""

from __future__ import annotations

import hashlib
import html
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from monitor.errors import ParseError
from monitor.sources.base import parse_each
from monitor.sources.feeds.dates import FUTURE_SLACK
from monitor.sources.feeds.text import plain_title
from signals.text import fold
from storage.records import Batch, ItemRecord, Precision, Reject

COLUMNS = 27
MAX_UNZIPPED = 192 * 1024 * 1024
MAX_ROW = 1024 * 1024
MAX_GUID = 500
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError,
    ValueError, OSError,
)  # fmt: skip
_DATE, _DOMAIN, _URL, _ORGANIZATIONS, _TRANSLATION, _EXTRAS = 1, 3, 4, 14, 25, 26
_PAGE_TITLE = re.compile(r"<PAGE_TITLE>(.*?)</PAGE_TITLE>", re.DOTALL)
_LANGUAGE = re.compile(r"srclc:([a-z]{2,3})")
_OFFSET = re.compile(r",[0-9]+(?=;|$)")
_TWO_LETTERS = {
    "zho": "zh", "jpn": "ja", "kor": "ko", "deu": "de", "fra": "fr", "spa": "es", "ita": "it",
    "por": "pt", "rus": "ru", "ara": "ar", "nld": "nl", "tur": "tr", "vie": "vi", "ind": "id",
    "hin": "hi", "pol": "pl", "ukr": "uk", "swe": "sv", "tha": "th", "eng": "en",
}  # fmt: skip


def gkg_batch(
    body: bytes, words: re.Pattern[str], *, source: str, fetched_at: datetime, what: str
) -> Batch:
    """Return the pages of a zipped batch in whose title, organisations or address `words` occur.

    Raises ParseError when the zip is not one honest file of at most MAX_UNZIPPED bytes.
    """
    rejects: list[Reject] = []
    rows = _matching(_rows(body, rejects, what), words)
    records, refused = parse_each(rows, lambda row: _item(row, source, fetched_at))
    unique: dict[str, ItemRecord] = {}
    for record in records:
        if unique.setdefault(record.guid, record) is not record:
            refused.append(Reject("repeated page", record.guid[:200]))
    return Batch(items=tuple(unique.values()), rejects=(*rejects, *refused))


def page_identity(url: str) -> str:
    """Return what a page is known by: its address without a fragment, a hash when it is long."""
    plain = url.partition("#")[0]
    if len(plain) <= MAX_GUID:
        return plain
    return f"hash:{hashlib.blake2b(plain.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def is_web(url: str) -> bool:
    """Return whether `url` is an http or https address without a login."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_plain = parts.scheme in ("http", "https") and "@" not in parts.netloc
    return is_plain and bool(parts.hostname) and len(url) <= 2_000


def _rows(body: bytes, rejects: list[Reject], what: str) -> Iterator[list[str]]:
    for line in _lines(body, rejects, what):
        cells = _decoded(line).split("\t")
        if len(cells) == COLUMNS:
            yield cells
        elif line:
            rejects.append(Reject(f"a row that has not {COLUMNS} columns", repr(line[:120])))


def _lines(body: bytes, rejects: list[Reject], what: str) -> Iterator[bytes]:
    """Yield the lines of the one file in a zip without trusting what its head says of sizes."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive, archive.open(_only(archive)) as file:
            held = 0
            while line := file.readline(MAX_ROW):
                held += len(line)
                if held > MAX_UNZIPPED:
                    raise ParseError(f"{what}: unpacks to more than {MAX_UNZIPPED} bytes")
                if line.endswith(b"\n") or len(line) < MAX_ROW:
                    yield line.rstrip(b"\r\n")
                    continue
                rejects.append(Reject("a row longer than 1 MiB", repr(line[:120])))
                while line and not line.endswith(b"\n") and held <= MAX_UNZIPPED:
                    line = file.readline(MAX_ROW)
                    held += len(line)
    except _ZIP_ERRORS as error:
        raise ParseError(f"{what}: the zip cannot be read ({error})") from error


def _only(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    if len(members) != 1:
        raise zipfile.BadZipFile(f"{len(members)} files where one is expected")
    if members[0].file_size > MAX_UNZIPPED:
        raise zipfile.BadZipFile(f"it would unpack to {members[0].file_size} bytes")
    return members[0]


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def _matching(rows: Iterator[list[str]], words: re.Pattern[str]) -> Iterator[Sequence[str]]:
    for cells in rows:
        organizations = _OFFSET.sub("", cells[_ORGANIZATIONS])
        texts = (_title(cells), organizations, unquote(cells[_URL]))
        if any(words.search(_folded(text)) for text in texts):
            yield cells


def _folded(text: str) -> str:
    # Folding with care takes most of a batch's time, and plain ASCII needs none.
    return text.lower() if text.isascii() else fold(text)


def _title(cells: Sequence[str]) -> str:
    match = _PAGE_TITLE.search(cells[_EXTRAS])
    return plain_title(html.unescape(match[1])) if match else ""


def _item(cells: Sequence[str], source: str, fetched_at: datetime) -> ItemRecord:
    title, url = _title(cells), cells[_URL].strip()
    if not title:
        raise ValueError("a page without a title")
    if not is_web(url):
        raise ValueError("a page without a web address")
    seen = datetime.strptime(cells[_DATE], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    if seen > fetched_at + FUTURE_SLACK:
        raise ValueError("a page of a batch to come")
    language = _LANGUAGE.search(cells[_TRANSLATION])
    return ItemRecord(
        source=source,
        guid=page_identity(url),
        title=title,
        url=url,
        lang=_TWO_LETTERS.get(language[1], language[1]) if language else "en",
        published_at=seen,
        precision=Precision.MINUTE,
        publisher=cells[_DOMAIN].strip().lower()[:200] or None,
        tier=3,
    )
