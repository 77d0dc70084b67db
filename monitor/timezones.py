"""Zone names that are checked when the config is read, not when the first alert is due."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator


def checked_zone(name: str) -> str:
    """Return `name`; raises ValueError when the zone database does not know it."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no zone name, as in UTC or Asia/Shanghai") from error
    return name


Zone = Annotated[str, AfterValidator(checked_zone)]
