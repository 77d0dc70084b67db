"""GDELT from the scenario's feed `gdelt`: 15-minute batches of zipped tables, and the DOC search.

An item's url is the page; one whose `lang` is not en stands in the translated batches. `summary`
is the list of organisations, `Name;Name`. A batch exists from its own instant on.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from monitor.fake_upstream.scenario import FeedItem
from monitor.fake_upstream.world import World

FEED = "gdelt"
_STEP = timedelta(minutes=15)
_STAMP = "%Y%m%d%H%M%S"
_FILE = re.compile(r"([0-9]{14})(\.translation)?\.gkg\.csv\.zip")
_SPAN = re.compile(r"([0-9]{1,4})(min|h|d)")
_MINUTES = {"min": 1, "h": 60, "d": 1440}
_LANGUAGES = {"en": "English", "zh": "Chinese"}
_ISO = {"zh": "zho", "de": "deu", "fr": "fra", "ja": "jpn"}
_HOST = "http://data.gdeltproject.org/gdeltv2"


def gdelt_routes(world: World) -> list[Route]:
    """Return the routes below `/gdelt`."""

    async def lastupdate(request: Request) -> Response:
        infix = ".translation" if "translation" in request.url.path else ""
        return PlainTextResponse(_index(world, infix))

    async def table(request: Request) -> Response:
        match = _FILE.fullmatch(request.path_params["name"])
        if match is None:
            return PlainTextResponse("NoSuchKey", status_code=404)
        batch = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
        if batch > world.now() or batch < world.scenario.start - _STEP:
            return PlainTextResponse("NoSuchKey", status_code=404)
        return Response(_zip(world, batch, match[2] or ""), media_type="application/zip")

    async def doc(request: Request) -> Response:
        return _doc(world, request)

    return [
        Route("/gdelt/lastupdate.txt", lastupdate),
        Route("/gdelt/lastupdate-translation.txt", lastupdate),
        Route("/gdelt/api/v2/doc/doc", doc),
        Route("/gdelt/{name}", table),
    ]


def _index(world: World, infix: str) -> str:
    batch = _batch_of(world.now())
    body = _zip(world, batch, infix)
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    upper = f"{_HOST}/{batch:{_STAMP}}{infix}"
    other = "0" * 32
    return (
        f"100 {other} {upper}.export.CSV.zip\n"
        f"100 {other} {upper}.mentions.CSV.zip\n"
        f"{len(body)} {digest} {upper}.gkg.csv.zip\n"
    )


def _zip(world: World, batch: datetime, infix: str) -> bytes:
    """Return a batch's file, byte for byte the same at every call."""
    feed = world.scenario.feed(FEED)
    known = feed.visible(batch) if feed is not None else []
    items = [item for item in known if item.visible_at > batch - _STEP]
    rows = [_row(item, batch) for item in items if bool(infix) == (_lang(item) != "en")]
    packed = io.BytesIO()
    info = zipfile.ZipInfo(f"{batch:{_STAMP}}{infix}.gkg.csv", date_time=(2026, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(info, "".join(f"{row}\n" for row in rows), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _row(item: FeedItem, batch: datetime) -> str:
    cells = [""] * 27
    cells[0] = f"{batch:{_STAMP}}-{item.guid}"
    cells[1] = f"{batch:{_STAMP}}"
    cells[2] = "1"
    cells[3] = urlsplit(item.url or "").hostname or ""
    cells[4] = item.url or ""
    names = [name for name in (item.summary or "").split(";") if name]
    cells[13] = ";".join(name.lower() for name in names)
    cells[14] = ";".join(f"{name},{100 + n}" for n, name in enumerate(names))
    lang = _lang(item)
    cells[25] = "" if lang == "en" else f"srclc:{_ISO.get(lang, lang)};eng:GT 1.0"
    cells[26] = f"<PAGE_LINKS></PAGE_LINKS><PAGE_TITLE>{escape(item.title)}</PAGE_TITLE>"
    return "\t".join(cells)


def _doc(world: World, request: Request) -> Response:
    asked = request.query_params
    query = asked.get("query", "")
    if re.search(r"\b[A-Za-z]{1,2}\b", query.replace(" OR ", " ")):
        return PlainTextResponse("The specified phrase is too short.", media_type="text/html")
    now = world.now()
    span = _SPAN.fullmatch(asked.get("timespan", "1h"))
    since = now - timedelta(minutes=int(span[1]) * _MINUTES[span[2]]) if span else now - _STEP
    until = now
    if "startdatetime" in asked:
        since, until = (_instant(asked[key]) for key in ("startdatetime", "enddatetime"))
    feed = world.scenario.feed(FEED)
    items = feed.visible(min(now, until)) if feed is not None else []
    words = [word.strip(' "()') for word in query.split(" OR ")]
    found = [
        item
        for item in items
        if since <= item.visible_at <= until
        and any(word.lower() in f"{item.title} {item.summary}".lower() for word in words)
    ][: int(asked.get("maxrecords", "75"))]
    return JSONResponse({"articles": [_article(item) for item in found]} if found else {})


def _article(item: FeedItem) -> dict[str, object]:
    seen = _batch_of(item.visible_at)
    return {
        "url": item.url,
        "url_mobile": "",
        "title": re.sub(r"\s*([,.:;!?])(?=\s|$)", r" \1", item.title),
        "seendate": f"{seen:%Y%m%dT%H%M%SZ}",
        "socialimage": "",
        "domain": urlsplit(item.url or "").hostname,
        "language": _LANGUAGES.get(_lang(item), "English"),
        "sourcecountry": "United States",
    }


def _batch_of(at: datetime) -> datetime:
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


def _instant(stamp: str) -> datetime:
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)


def _lang(item: FeedItem) -> str:
    return item.lang or "en"
