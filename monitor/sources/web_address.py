"""The base addresses of sources, checked when the config is read."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def checked_address(url: str) -> str:
    """Return `url`; raises ValueError when it is no http or https address with a host."""
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"not a web address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write a web address that begins with https:// or http://")
    return url.strip()


def checked_base(url: str) -> str:
    """Return `url` without its trailing slash, fit for paths to be put behind it."""
    return checked_address(url).rstrip("/")


WebAddress = Annotated[str, AfterValidator(checked_address)]
BaseAddress = Annotated[str, AfterValidator(checked_base)]
