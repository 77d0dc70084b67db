"""What an answer's head asks of those who poll, and what stands in a document's place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.errors import PermanentSourceError, TransientSourceError
from monitor.http_status import WALL_PAUSE, failure, fresh_for
from monitor.http_walls import wall

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
URL = "https://api.example/models"
HTML = {"content-type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(
    ("headers", "minutes"),
    [
        ({"cache-control": "public, max-age=600"}, 10),
        ({"cache-control": "MAX-AGE = 60"}, 1),
        ({"cache-control": f"max-age={'9' * 12}"}, 24 * 60),
        ({"cache-control": f"max-age={'9' * 30}"}, 24 * 60),
        ({"cache-control": "max-age=0"}, None),
        ({"cache-control": "s-maxage=600"}, None),
        ({"cache-control": "no-cache, max-age=600"}, None),
        ({"cache-control": "max-age=120", "expires": "Mon, 01 Jun 2026 13:00:00 GMT"}, 2),
        ({"expires": "Mon, 01 Jun 2026 13:00:00 GMT"}, 60),
        (
            {
                "expires": "Mon, 01 Jun 2026 13:00:00 GMT",
                "date": "Mon, 01 Jun 2026 12:55:00 GMT",
            },
            5,
        ),
        ({"expires": "Fri, 01 Jan 2100 00:00:00 GMT"}, 24 * 60),
        ({"expires": "Mon, 01 Jun 2026 11:00:00 GMT"}, None),
        ({"expires": "0"}, None),
        ({"expires": "soon, I promise you this"}, None),
        ({}, None),
    ],
)
def test_how_long_an_answer_stays_as_it_is_is_read_and_clamped(
    headers: dict[str, str], minutes: int | None
) -> None:
    found = fresh_for(headers, now=NOW)
    assert found == (None if minutes is None else timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"ratelimit": '"api";r=0;t=42'}, 42.0),
        (429, {"ratelimit": '"api";r=3;t=42'}, None),
        (429, {"ratelimit": '"api";r=0;t=42', "retry-after": "7"}, 7.0),
        (429, {"ratelimit": f'"api";r=0;t={"9" * 30}'}, 86400.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1780315260"}, 60.0),
        (429, {"x-ratelimit-remaining": "5", "x-ratelimit-reset": "1780315260"}, None),
        (503, {"retry-after": "Mon, 01 Jun 2026 12:02:00 GMT"}, 120.0),
    ],
)
def test_a_used_up_limit_says_how_long_to_wait(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    error = failure(status, headers, url=URL, now=NOW)
    assert isinstance(error, TransientSourceError)
    assert error.retry_after_s == seconds


CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_challenge_with_an_error_status_is_a_wall_that_is_left_alone_for_hours(
    status: int,
) -> None:
    error = failure(status, HTML, url=URL, now=NOW, body=CHALLENGE)
    assert isinstance(error, PermanentSourceError)
    assert error.pause_s == WALL_PAUSE.total_seconds()
    assert "a bot wall (HTTP" in str(error)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (CHALLENGE, "a bot wall"),
        (b"\xef\xbb\xbf\n<HTML><script>window._cf_chl_opt={}</script></HTML>", "a bot wall"),
        (
            b'<!doctype html><form action="https://consent.google.com/save"></form>',
            "a consent page",
        ),
        (b"<html><form><input name=p type='password'></form></html>", "a login page"),
        (b"<html><p>Nothing here</p></html>", None),
        (b'<rss><title>Just a moment</title><d>type="password"</d></rss>', None),
        (b'{"error": "captcha-delivery.com"}', None),
        (b"", None),
    ],
)
def test_a_page_for_people_is_known_by_what_it_holds(body: bytes, what: str | None) -> None:
    assert wall({}, body) == what


def test_a_sound_page_with_cloudflares_own_script_is_no_wall() -> None:
    body = b'<html><script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script></html>'
    assert wall(HTML, body) is None
