"""The Arena's roster: which models can be met in a battle, often weeks before they are released.

A registry keyed by uuid, kept by a public tracker. One name serves several uuids, and an
anonymous model stands there under a code name. The first reading is the baseline; a name that was
never there before becomes an item, a rumor by its nature.
Source: the repository Namra7-x/lmarena-tracker, snapshots of August 2026.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

from monitor.errors import ParseError
from monitor.http_response import load_json
from monitor.sources.base import MAX_EXCERPT, Page, parse_each
from storage.records import Batch, ItemRecord, Precision, Reject

MAX_NAMES = 5_000
SITE = "https://arena.ai/leaderboard"
Entry = tuple[str, str | None, bool]


def roster_batch(page: Page, *, source: str) -> Batch:
    """Return an item for each name that is not in `page.context["known"]`.

    `known` None means that nothing was read before: then nothing is new. The cursor keeps every
    name ever seen, so that one that leaves and comes back is no news.
    """
    payload = load_json(page.body, what=page.url)
    if not isinstance(payload, dict) or not payload:
        raise ParseError(f"{page.url}: expected a registry of models")
    entries, rejects = parse_each(payload.values(), _entry)
    if not entries:
        raise ParseError(f"{page.url}: no entry of the registry names a model")
    known = page.context.get("known")
    before = {str(name) for name in known} if isinstance(known, list) else None
    names = sorted({name for name, _, _ in entries} | (before or set()))
    items = [] if before is None else _items(entries, before, page, source)
    kept = names[-MAX_NAMES:]
    if len(kept) < len(names):
        rejects.append(Reject(f"more than {MAX_NAMES} names", page.url[:MAX_EXCERPT]))
    return Batch(items=tuple(items), rejects=tuple(rejects), cursor={"roster": kept})


def _entry(value: object) -> Entry:
    """Return name, organization and whether it is met in text battles."""
    if not isinstance(value, dict):
        raise ValueError("an entry that is not an object")  # noqa: TRY004 - bad data
    entry = cast("Mapping[str, object]", value)
    name = entry.get("publicName") or entry.get("displayName")
    if not isinstance(name, str) or not name.strip():
        raise ValueError("an entry without a name")
    organization = entry.get("organization")
    capabilities = entry.get("capabilities")
    output = capabilities.get("outputCapabilities") if isinstance(capabilities, dict) else None
    writes = isinstance(output, dict) and output.get("text") is True
    owner = organization.strip() or None if isinstance(organization, str) else None
    return name.strip()[:200], owner, writes


def _items(
    entries: Collection[Entry], before: set[str], page: Page, source: str
) -> list[ItemRecord]:
    fresh: dict[str, Entry] = {}
    for entry in entries:
        if entry[0] not in before:
            fresh.setdefault(entry[0], entry)
    return [
        ItemRecord(
            source=source,
            guid=f"roster/{name}",
            title=f"{name} appears on the Arena's roster of models" + _of(owner),
            url=SITE,
            summary="Met in text battles." if writes else "Not met in text battles.",
            lang="en",
            precision=Precision.UNKNOWN,
            publisher="Arena roster",
            tier=1,
            seen_as="rumor",
        )
        for name, owner, writes in fresh.values()
    ]


def _of(owner: str | None) -> str:
    return f" (listed for {owner})" if owner else " (no company named)"
