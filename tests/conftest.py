"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def forget_log_streams() -> Iterator[None]:
    """A command run in process logs to the stream of its test, which is closed after it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded upstream answers, or a skip that says how to get them."""
    folder = os.environ.get("RECORDINGS_DIR")
    if not folder:
        pytest.skip("RECORDINGS_DIR is not set; it names the folder of recorded upstream answers")
    return Path(folder)
