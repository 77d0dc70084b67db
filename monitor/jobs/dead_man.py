"""The ping that says all loops live, and the silence that says they do not."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from monitor.alerts.channels.dead_man import DeadMan
from monitor.app import App
from monitor.errors import DeliveryError

log = structlog.get_logger()


async def ping_while_well(app: App, switch: DeadMan, late: Sequence[str]) -> float:
    """Return the seconds until the next ping; one was sent now unless a loop is `late`."""
    if late:
        log.warning("dead man's switch not pinged", late=list(late))
        app.metrics.pings.labels("withheld").inc()
        return switch.every.total_seconds()
    try:
        await switch.ping(app.http)
        app.metrics.pings.labels("sent").inc()
    except DeliveryError as error:
        log.warning("dead man's switch not reached", error=str(error))
        app.metrics.pings.labels("failed").inc()
    return switch.every.total_seconds()
