"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded upstream answers, or a skip that says how to get them."""
    folder = os.environ.get("RECORDINGS_DIR")
    if not folder:
        pytest.skip("RECORDINGS_DIR is not set; it names the folder of recorded upstream answers")
    return Path(folder)
