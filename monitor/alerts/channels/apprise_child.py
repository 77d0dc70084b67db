"""The process that hands one message to apprise and ends.

Started by `apprise_channel` beside it and imported nowhere else. The order comes on stdin, as
JSON, because it holds the service's token; what is said back is made of our own words and
numbers, never of the address.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import apprise

from monitor.alerts.channels.apprise_guard import Guard
from monitor.alerts.channels.apprise_watch import Watch, watching

_HTML, _MARKDOWN, _TEXT = "html", "markdown", "text"


def main() -> None:
    """Carry out the order on stdin; two lines on stdout say that it began and how it ended."""
    answers = _own_stdout()
    order = json.load(sys.stdin)
    if hasattr(signal, "alarm"):
        # Should the parent be gone: the kernel ends us.
        signal.alarm(int(order["deadline_s"]) + 2)
    # Apprise's log quotes addresses.
    logging.disable(logging.CRITICAL)
    guard = Guard(order["allowed"])
    guard.install()
    service = _service(order["url"])
    if isinstance(service, str):
        _say(answers, {"taken": False, "error": service, "recoverable": False})
        return
    _say(answers, {"began": True})
    with watching(Watch(guard)) as watch:
        _say(answers, hand_over(service, order, watch))


def hand_over(service: apprise.Apprise, order: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """Return how the service took the message: `taken`, or error, recoverable, maybe_sent and
    retry_after (the header's text).
    """
    title, body, form = _wording(service[0], order)
    try:
        taken = service.notify(
            body=body,
            title=title,
            notify_type=order["notify_type"],
            body_format=form,
            attach=None,
            interpret_escapes=False,
        )
    except Exception as error:  # noqa: BLE001 - one of a hundred plugins broke
        name = type(error).__name__
        return {
            "taken": False, "error": f"apprise broke with {name}", "recoverable": True,
            "maybe_sent": True, "retry_after": None,
        }  # fmt: skip
    return {"taken": True} if taken else watch.refusal()


def _service(url: str) -> apprise.Apprise | str:
    """Return the one service that `url` names, or why there is none."""
    asset = apprise.AppriseAsset(
        app_id="Signal Monitor",
        async_mode=False,
        interpret_emojis=False,
        # A POST that is redirected becomes a GET, and its answer would pass for a delivery.
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
        service_timeout=0,
    )
    service = apprise.Apprise(asset=asset)
    if not service.add(url):
        return _not_understood(url)
    if len(service) != 1:
        return f"the channel's URL names {len(service)} services; make a channel for each"
    return service


def _not_understood(url: str) -> str:
    from apprise.manager_plugins import NotificationManager

    scheme = url.partition("://")[0].lower()
    known: Any = NotificationManager()  # type: ignore[no-untyped-call]
    if scheme.isalnum() and scheme in known and not known[scheme].enabled:
        return f"apprise needs a library for {scheme}:// that is not installed here"
    return "apprise does not understand the channel's URL"


def _wording(service: Any, order: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return title, body and format for a service."""
    form = order["format"]
    if form == "auto":
        form = _form_for([form.value for form in service._formats()])
    # A title of its own would be read as markup: by those that put it before the text, and by
    # those that take Markdown.
    if service.title_maxlen <= 0 or form == _MARKDOWN:
        return "", order["whole"][form], form
    return order["title"], order["text"] if form == _TEXT else order["whole"][form], form


def _form_for(formats: Sequence[str]) -> str:
    """Return what a service gets that declares `formats`, its favourite first.

    HTML in mail, Markdown in chats, else text: where all three pass nobody reads them, and
    Markdown beside text is a dialect without escapes (Slack), which would show our backslashes.
    """
    if formats[0] == _HTML and _MARKDOWN not in formats:
        return _HTML
    if _MARKDOWN not in formats or len(formats) > 2 or tuple(formats) == (_MARKDOWN, _TEXT):
        return _TEXT
    return _MARKDOWN


def _own_stdout() -> TextIO:
    """Return stdout for our answers alone; what a plugin prints goes nowhere."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    return answers


def _say(answers: TextIO, what: Mapping[str, Any]) -> None:
    answers.write(json.dumps(what) + "\n")
    answers.flush()
