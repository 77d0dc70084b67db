"""What really happened while apprise sent something; apprise itself says only yes or no.

Nearly all of its services speak through requests, mail through smtplib. Both are watched where
they hear an answer, so that a refusal for good, a pause asked for and an answer that never came
are told apart.
"""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from requests import exceptions

from monitor.alerts.channels.apprise_guard import Guard

_PASSING = frozenset({408, 425, 429})
_GATEWAY = frozenset({502, 504})
_UNSENDABLE = (
    exceptions.InvalidURL,
    exceptions.MissingSchema,
    exceptions.InvalidSchema,
    exceptions.InvalidHeader,
)
_SEND_IT = 354  # the mail server waits for the text


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that went wrong. `maybe_sent`: it may have arrived all the same."""

    what: str
    recoverable: bool
    maybe_sent: bool = False
    retry_after: str | None = None


@dataclass
class Watch:
    """What was seen of one message's way out. `taken`: somebody said yes to something sent."""

    guard: Guard
    failures: list[Failure] = field(default_factory=list)
    taken: bool = False
    mail_is_leaving: bool = False
    connections: int = 0
    lost_connections: int = 0

    def refusal(self) -> dict[str, Any]:
        """Return the verdict over a message that apprise calls not sent.

        Given up is only what all of its failures refuse for good; one that may pass is waited for.
        """
        passing = [failure for failure in self.failures if failure.recoverable]
        last = next(iter(reversed(passing or self.failures)), None) or self._unseen()
        return {
            "taken": False,
            "error": last.what,
            "recoverable": last.recoverable,
            "maybe_sent": self.taken or any(failure.maybe_sent for failure in self.failures)
            or last.maybe_sent,
            "retry_after": last.retry_after,
        }  # fmt: skip

    def note_status(self, method: str | None, status: int, retry_after: str | None) -> None:
        """Note an HTTP answer."""
        if self.failures and self.failures[-1].what.startswith("the service moved"):
            self.failures.pop()  # the redirect was followed
        if 200 <= status < 300:
            self.taken = self.taken or method not in ("GET", "HEAD")
        elif status in _PASSING or status >= 500:
            said = Failure(
                f"the service answered HTTP {status}", True, status in _GATEWAY, retry_after
            )
            self.failures.append(said)
        elif 300 <= status < 400:
            what = f"the service moved (HTTP {status}); change the address, or add redirect=yes"
            self.failures.append(Failure(what, False))
        else:
            self.failures.append(Failure(f"the service refused with HTTP {status}", False))

    def note_http_error(self, error: Exception) -> None:
        """Note a request without an answer."""
        if isinstance(error, _UNSENDABLE):
            self.failures.append(Failure("the service's address is not valid", False))
            return
        reason = type(getattr(error.args[0] if error.args else None, "reason", None)).__name__
        unconnected = isinstance(error, exceptions.ConnectTimeout | exceptions.SSLError)
        if unconnected or reason in ("NewConnectionError", "NameResolutionError", "SSLError"):
            cause = type(error).__name__ if reason == "NoneType" else reason
            self.failures.append(Failure(f"the service cannot be reached ({cause})", True))
            return
        what = f"the service gave no answer ({type(error).__name__})"
        self.failures.append(Failure(what, True, maybe_sent=True))

    def note_mail_code(self, code: int) -> None:
        """Note an answer of a mail server."""
        if code >= 400:
            words = "answered" if code < 500 else "refused with"
            self.failures.append(Failure(f"the mail server {words} SMTP {code}", code < 500))
        elif self.mail_is_leaving:
            self.taken = True
        self.mail_is_leaving = code == _SEND_IT

    def note_mail_lost(self) -> None:
        """Note that a mail server hung up or kept silent."""
        what = "the mail server gave no answer"
        self.failures.append(Failure(what, True, maybe_sent=self.mail_is_leaving))

    def note_refused(self, before: int) -> bool:
        """Return whether the guard refused something since it had refused `before` times."""
        for what in self.guard.refused[before:]:
            self.failures.append(Failure(what, False))
        return len(self.guard.refused) > before

    def _unseen(self) -> Failure:
        if self.guard.refused:
            return Failure(self.guard.refused[-1], False)
        if self.taken:
            what = "the service answered, but did not confirm the message"
            return Failure(what, True, maybe_sent=True)
        if self.connections and self.connections == self.lost_connections:
            return Failure("the service cannot be reached", True)
        return Failure("the service did not confirm", True, maybe_sent=True)


@contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Show `watch` everything that requests, smtplib and socket do meanwhile."""
    adapter = requests.adapters.HTTPAdapter
    places: list[tuple[Any, str, Callable[[Any, Watch], Any]]] = [
        (adapter, "send", _http), (smtplib.SMTP, "getreply", _mail),
        (socket, "create_connection", _connection),
    ]  # fmt: skip
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    for owner, name, wrap in places:
        setattr(owner, name, wrap(getattr(owner, name), watch))
    try:
        yield watch
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def _http(original: Any, watch: Watch) -> Any:
    def send(adapter: Any, request: Any, *args: Any, **options: Any) -> Any:
        before = len(watch.guard.refused)
        try:
            answer = original(adapter, request, *args, **options)
        except Exception as error:
            if not watch.note_refused(before):
                watch.note_http_error(error)
            raise
        watch.note_status(request.method, answer.status_code, answer.headers.get("Retry-After"))
        return answer

    return send


def _mail(original: Any, watch: Watch) -> Any:
    def getreply(connection: Any) -> Any:
        try:
            code, text = original(connection)
        except (OSError, smtplib.SMTPException):
            watch.note_mail_lost()
            raise
        watch.note_mail_code(code)
        return code, text

    return getreply


def _connection(original: Any, watch: Watch) -> Any:
    def create_connection(*args: Any, **options: Any) -> Any:
        before = len(watch.guard.refused)
        watch.connections += 1
        try:
            return original(*args, **options)
        except OSError:
            watch.lost_connections += 1
            watch.note_refused(before)
            raise

    return create_connection
