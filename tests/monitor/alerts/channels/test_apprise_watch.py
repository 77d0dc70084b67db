"""The verdict over a message that apprise calls not sent, from what was seen on the way."""

from __future__ import annotations

from typing import Any

import pytest
from requests import exceptions

from monitor.alerts.channels.apprise_guard import Guard
from monitor.alerts.channels.apprise_watch import Watch

MOVED = "the service moved (HTTP 302)"
NO_ANSWER = "the service gave no answer"
UNREACHED = "the service cannot be reached"
MAIL_REFUSED = "the mail server refused with SMTP"
MAIL_SILENT = "the mail server gave no answer"


def verdict(watch: Watch) -> tuple[str, bool, bool]:
    found: dict[str, Any] = watch.refusal()
    return found["error"], found["recoverable"], found["maybe_sent"]


def seen(*statuses: int, method: str = "POST") -> Watch:
    watch = Watch(Guard(()))
    for status in statuses:
        watch.note_status(method, status, None)
    return watch


@pytest.mark.parametrize(("statuses", "expected"), [
    # Two targets of one address: whoever took it would get a repeat.
    ((200, 404), ("the service refused with HTTP 404", False, True)),
    ((404, 200), ("the service refused with HTTP 404", False, True)),
    ((404, 500), ("the service answered HTTP 500", True, False)),
    ((500, 404), ("the service answered HTTP 500", True, False)),
    # A 2xx whose body says no.
    ((200,), ("the service answered, but did not confirm the message", True, True)),
    # A redirect that was followed is no failure of its own.
    ((302, 503), ("the service answered HTTP 503", True, False)),
    ((302,), (f"{MOVED}; change the address, or add redirect=yes", False, False)),
    ((), ("the service did not confirm", True, True)),
])  # fmt: skip
def test_given_up_is_only_what_is_refused_for_good(
    statuses: tuple[int, ...], expected: tuple[str, bool, bool]
) -> None:
    assert verdict(seen(*statuses)) == expected


def test_what_was_only_looked_up_was_not_taken() -> None:
    watch = seen(200, method="GET")
    watch.note_status("POST", 500, None)

    assert verdict(watch) == ("the service answered HTTP 500", True, False)


@pytest.mark.parametrize(("error", "expected"), [
    (exceptions.ReadTimeout(), (f"{NO_ANSWER} (ReadTimeout)", True, True)),
    (exceptions.ConnectTimeout(), (f"{UNREACHED} (ConnectTimeout)", True, False)),
    (exceptions.SSLError(), (f"{UNREACHED} (SSLError)", True, False)),
    (exceptions.ConnectionError("reset"), (f"{NO_ANSWER} (ConnectionError)", True, True)),
    (exceptions.InvalidURL("http://T0K3N"), ("the service's address is not valid", False, False)),
])  # fmt: skip
def test_a_request_without_an_answer_is_judged_by_how_far_it_came(
    error: Exception, expected: tuple[str, bool, bool]
) -> None:
    watch = Watch(Guard(()))
    watch.note_http_error(error)

    assert verdict(watch) == expected


def test_the_pause_asked_for_travels_with_its_answer() -> None:
    watch = Watch(Guard(()))
    watch.note_status("POST", 429, "30")

    assert watch.refusal()["retry_after"] == "30"


@pytest.mark.parametrize(("codes", "lost", "expected"), [
    # EHLO refused, HELO taken, recipient refused.
    ((220, 502, 250, 250, 550, 250, 221), False, (f"{MAIL_REFUSED} 550", False, False)),
    ((220, 250, 250, 250, 354, 554), False, (f"{MAIL_REFUSED} 554", False, False)),
    ((220, 250, 421), True, (MAIL_SILENT, True, False)),
    ((220, 250, 250, 250, 354), True, (MAIL_SILENT, True, True)),
])  # fmt: skip
def test_mail_may_have_left_once_its_text_was_asked_for(
    codes: tuple[int, ...], lost: bool, expected: tuple[str, bool, bool]
) -> None:
    watch = Watch(Guard(()))
    for code in codes:
        watch.note_mail_code(code)
    if lost:
        watch.note_mail_lost()

    assert verdict(watch) == expected
