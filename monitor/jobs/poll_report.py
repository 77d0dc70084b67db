"""What one poll did, for its caller, the metrics and the log."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from monitor.clock import Clock
from monitor.metrics import Metrics

log = structlog.get_logger()


@dataclass(slots=True)
class PollReport:
    """What one poll did. `error` None means it worked.

    `next_due` is when to come again after a restart, `pause` how long to wait until then.
    """

    source: str
    next_due: datetime
    error: str | None = None
    rows: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    changed_outcomes: list[int] = field(default_factory=list)
    requests: int = 0
    pause: timedelta = timedelta(0)

    @property
    def brought_news(self) -> bool:
        """Return whether anything is left for `process` to look at."""
        return bool(self.rows["items"] or self.rows["standings"] or self.changed_outcomes)


def observe(report: PollReport, seconds: float, *, metrics: Metrics, clock: Clock) -> None:
    """Count and log a poll that took `seconds`."""
    name = report.source
    metrics.polls.labels(name, "failed" if report.error else "ok").inc()
    metrics.poll_seconds.labels(name).observe(seconds)
    metrics.requests.labels(name).inc(report.requests)
    for kind, count in report.rows.items():
        metrics.rows.labels(name, kind).inc(count)
    metrics.rejects.labels(name).inc(report.rejects.total())
    if report.error:
        log.warning(
            "poll failed", source=name, error=report.error, next_due=report.next_due.isoformat()
        )
        return
    metrics.last_ok.labels(name).set(clock.now().timestamp())
    log.info(
        "polled",
        source=name,
        duration_s=round(seconds, 3),
        requests=report.requests,
        rejects=report.rejects.total(),
        **report.rows,
    )
