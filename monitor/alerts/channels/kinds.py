"""The channels a config may name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitor.alerts.channels.apprise_channel import AppriseChannel
from monitor.alerts.channels.console import ConsoleChannel
from monitor.alerts.channels.feed import FeedChannel
from monitor.alerts.channels.webhook import WebhookChannel

AnyChannel = Annotated[
    ConsoleChannel | WebhookChannel | AppriseChannel | FeedChannel, Field(discriminator="kind")
]

__all__ = ["AnyChannel", "AppriseChannel", "ConsoleChannel", "FeedChannel", "WebhookChannel"]
