"""Figures for Prometheus: base units, one prefix, no market ids as labels."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


@dataclass(frozen=True)
class Metrics:
    """The daemon's own registry; nothing global, so that two daemons in one test do not meet."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    polls: Counter = field(init=False)
    poll_seconds: Histogram = field(init=False)
    requests: Counter = field(init=False)
    rows: Counter = field(init=False)
    rejects: Counter = field(init=False)
    last_ok: Gauge = field(init=False)
    sent: Counter = field(init=False)
    outbox: Gauge = field(init=False)
    clock_steps: Counter = field(init=False)
    restarts: Counter = field(init=False)
    hints: Counter = field(init=False)
    pings: Counter = field(init=False)

    def __post_init__(self) -> None:
        registry, prefix = self.registry, "signal_monitor_"
        made = {
            "polls": Counter(
                f"{prefix}polls", "Polls by result", ["source", "outcome"], registry=registry
            ),
            "poll_seconds": Histogram(
                f"{prefix}poll_duration_seconds", "One poll", ["source"], registry=registry
            ),
            "requests": Counter(
                f"{prefix}http_requests", "Requests sent", ["source"], registry=registry
            ),
            "rows": Counter(f"{prefix}rows", "Rows stored", ["source", "kind"], registry=registry),
            "rejects": Counter(
                f"{prefix}source_rows_dropped", "Records refused", ["source"], registry=registry
            ),
            "last_ok": Gauge(
                f"{prefix}source_last_success_timestamp_seconds",
                "Last successful poll",
                ["source"],
                registry=registry,
            ),
            "sent": Counter(
                f"{prefix}notifications", "Attempts", ["channel", "result"], registry=registry
            ),
            "outbox": Gauge(f"{prefix}outbox_pending", "Deliveries not done", registry=registry),
            "clock_steps": Counter(
                f"{prefix}clock_steps", "Times the wall clock jumped", registry=registry
            ),
            "restarts": Counter(
                f"{prefix}job_restarts",
                "Jobs started again after a cut or a failure",
                ["job"],
                registry=registry,
            ),
            "hints": Counter(
                f"{prefix}hints", "Polls that a socket asked for", ["source"], registry=registry
            ),
            "pings": Counter(
                f"{prefix}dead_man_pings", "Pings by result", ["result"], registry=registry
            ),
        }
        for name, metric in made.items():
            object.__setattr__(self, name, metric)

    def text(self) -> bytes:
        """Return the exposition format."""
        return generate_latest(self.registry)
