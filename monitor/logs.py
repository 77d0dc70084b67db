"""Logs on stderr, one event a line: words on a terminal, JSON elsewhere."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import stamina.instrumentation
import structlog


def set_up(*, level: int, colors: bool, stream: TextIO | None = None) -> None:
    """Configure structlog and the libraries' loggers for this process."""
    target = stream or sys.stderr
    renderer: structlog.typing.Processor
    if target.isatty():
        renderer = structlog.dev.ConsoleRenderer(colors=colors)
    else:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=target, force=True)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # A poll says itself how it went; each retry on the way would say it three times.
    stamina.instrumentation.set_on_retry_hooks([])
