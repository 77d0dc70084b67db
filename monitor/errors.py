"""Every error the project raises on purpose.

MonitorError
├── ConfigError              the user's file or flags; exit 2
├── SourceError              an upstream could not be read
│   ├── TransientSourceError     worth another try, `retry_after_s` when the upstream named one
│   └── PermanentSourceError     asking again changes nothing until someone acts
├── ParseError               a whole document was not what its source promised
└── DeliveryError            a channel did not take an alert; `recoverable`, `maybe_sent`
"""


class MonitorError(Exception):
    """Base of all errors with a message meant for the user."""


class ConfigError(MonitorError):
    """Bad configuration or usage. One line per problem in the message."""


class SourceError(MonitorError):
    """An upstream could not be read."""


class TransientSourceError(SourceError):
    """An upstream failed in a way that may pass: timeouts, 5xx, 429, broken bodies."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PermanentSourceError(SourceError):
    """An upstream answered that asking again is useless: 401, 403, 404, 410, a bot wall.

    `pause_s`: how long to leave it alone at least.
    """

    def __init__(
        self, message: str, *, status: int | None = None, pause_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.pause_s = pause_s


class ParseError(MonitorError):
    """A document as a whole was not what its source promises; nothing of it was stored."""


class DeliveryError(MonitorError):
    """A channel did not confirm an alert.

    `recoverable`: try again later. `maybe_sent`: the request left, the answer did not come,
    so a repeat may be a duplicate. `retry_after_s`: the receiver named a pause.
    """

    def __init__(
        self,
        message: str,
        *,
        recoverable: bool,
        maybe_sent: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.recoverable = recoverable
        self.maybe_sent = maybe_sent
        self.retry_after_s = retry_after_s
