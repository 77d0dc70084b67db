"""Alerts: rules over signals, moves and standings; an outbox; channels that deliver."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitor.alerts.apprise_channel import AppriseChannel
from monitor.alerts.console import ConsoleChannel
from monitor.alerts.feed import FeedChannel
from monitor.alerts.webhook import WebhookChannel

AnyChannel = Annotated[
    ConsoleChannel | WebhookChannel | AppriseChannel | FeedChannel, Field(discriminator="kind")
]

__all__ = ["AnyChannel", "AppriseChannel", "ConsoleChannel", "FeedChannel", "WebhookChannel"]
