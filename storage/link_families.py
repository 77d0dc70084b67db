"""Which links are tests of one family, and how many of its findings may be false.

q is worked out when links are read, over what is read, so that it never goes stale. The verdict
does not use it. (`signals.multiple` has the same rule; the two packages do not know each other,
and a test holds them equal.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

PRIMARY_WINDOW_S = 3600


def q_values(links: Iterable[Any]) -> dict[int | None, float]:
    """Return the Benjamini-Hochberg q of each test among `links`, by the link's row id.

    Tests are focal, evaluated links of the primary window that have a p; those of own markets are
    one family and those of related markets another. Rows that are no test have no q.
    """
    families: dict[str, list[Any]] = defaultdict(list)
    for link in links:
        if _is_test(link):
            families[link.relation].append(link)
    found: dict[int | None, float] = {}
    for tests in families.values():
        adjusted = _adjusted([link.p_value or 0.0 for link in tests])
        found.update(zip((link.id for link in tests), adjusted, strict=True))
    return found


def _is_test(link: Any) -> bool:
    is_evaluated = not link.verdict.startswith("not_evaluated")
    is_primary = link.focal and link.window_s == PRIMARY_WINDOW_S
    return bool(is_primary and is_evaluated and link.p_value is not None)


def _adjusted(p_values: Sequence[float]) -> list[float]:
    """Return q of each p: the least of p·m/rank over its own rank and all larger p's."""
    count, least = len(p_values), 1.0
    adjusted = [1.0] * count
    largest_first = sorted(range(count), key=lambda place: p_values[place], reverse=True)
    for rank, place in zip(range(count, 0, -1), largest_first, strict=True):
        least = min(least, p_values[place] * count / rank)
        adjusted[place] = least
    return adjusted
