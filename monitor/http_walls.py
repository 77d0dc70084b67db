"""Pages that stand where a document should: bot walls, logins, consent forms."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LOOKED_AT = 128 * 1024
_HTML = (b"<!doctype html", b"<html", b"<head")
# Only what a challenge itself carries: Cloudflare writes its scripts into sound pages too.
_CHALLENGES = (
    b"<title>just a moment",
    b"_cf_chl_opt",
    b"cf-browser-verification",
    b"<title>attention required! | cloudflare",
    b"checking your browser before",
    b"<title>ddos-guard",
    b"captcha-delivery.com",
    b"px-captcha",
    b"_incapsula_resource",
    b"acw_sc__v2",
    b"ttgcaptcha",
    b"g-recaptcha",
    b"h-captcha",
    b"are you a robot",
    b"verify you are human",
)
_CONSENT = (b"https://consent.google.", b"https://consent.youtube.", b"before you continue to")
_PASSWORD = re.compile(rb"<input\b[^>]{0,300}\btype\s*=\s*[\"']?password", re.IGNORECASE)

BOT_WALL = "a bot wall"
CONSENT_PAGE = "a consent page"
LOGIN_PAGE = "a login page"


def is_html(headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether an answer is a page for people; `headers` have lower-case names."""
    kind = headers.get("content-type", "").lower()
    head = body[:400].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return "text/html" in kind or head.startswith(_HTML)


def wall(headers: Mapping[str, str], body: bytes) -> str | None:
    """Return what a page is that came in place of a document; None when it is none we know.

    Says nothing of a page that was wanted: a sound one may hold a login form as well.
    """
    if not is_html(headers, body):
        return None
    text = body[:_LOOKED_AT].lower()
    if any(mark in text for mark in _CHALLENGES):
        return BOT_WALL
    if any(mark in text for mark in _CONSENT):
        return CONSENT_PAGE
    return LOGIN_PAGE if _PASSWORD.search(text) else None
