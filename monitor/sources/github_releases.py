"""Releases, tags and new repositories on GitHub, from its public Atom feeds.

GitHub dates an entry by its last edit and says nowhere in a feed whether it is a pre-release: only
a name such as v2.0-rc1 tells. Source: github.com/<org>/<repo>/releases.atom and its siblings.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from monitor.durations import Duration
from monitor.errors import PermanentSourceError
from monitor.sources.base import (
    FEED_SPACING_S,
    MAX_EXCERPT,
    Cursor,
    Fetcher,
    Page,
    SourceModel,
    parse_each,
)
from monitor.sources.rss import RssSource
from monitor.sources.web_address import BaseAddress
from storage.records import Batch, ItemRecord, Reject

RELEASES, ACTIVITY, REFUSED = "github-releases", "github-activity", "github-refused"
SEEN_AS = "release"
MAX_FEEDS = 40
_OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})"
_PRERELEASE = re.compile(
    r"(?<![a-z])(?:alpha|beta|rc|nightly|canary|dev|pre-?release|snapshot)(?![a-z])"
    r"|(?<=[0-9])(?:a|b)[0-9]{1,3}(?![0-9a-z.])",
    re.IGNORECASE,
)
_EVENT = re.compile(r"tag:github\.com,[0-9]{4}:([A-Za-z]+Event)/")
# What says of itself that one repository is not there; anything else concerns us as a whole.
_GONE = frozenset({404, 410, 451})

Repository = Annotated[str, Field(pattern=rf"^{_OWNER}/\.?[A-Za-z0-9_-][A-Za-z0-9._-]{{0,98}}$")]
Organization = Annotated[str, Field(pattern=rf"^{_OWNER}$")]


class GithubReleasesSource(SourceModel):
    """The releases of `repos`, and what `organizations` make public.

    With `tags` a repository's tags are read instead, which include its releases: for those that
    publish no release.
    """

    spacing_s: ClassVar[float] = FEED_SPACING_S
    in_worker: ClassVar[bool] = True
    kind: Literal["github_releases"] = "github_releases"
    every: Duration | Literal["auto"] = timedelta(minutes=10)
    url: BaseAddress = "https://github.com"
    repos: tuple[Repository, ...] = ()
    organizations: tuple[Organization, ...] = ()
    tags: bool = False
    tier: int = Field(default=1, ge=1, le=3)

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        names = [name.lower() for name in (*self.repos, *self.organizations)]
        if not names:
            raise ValueError("name a repository in repos, as in acme/model, or an organization")
        if len(names) > MAX_FEEDS:
            raise ValueError(f"one source reads {MAX_FEEDS} feeds at most; make it two")
        if len(set(names)) != len(names):
            raise ValueError("a repository or organization is named twice")
        return self

    async def fetch(self, http: Fetcher, cursor: Cursor) -> list[Page]:
        """Return the feeds that changed; one that is not there costs itself, not the others.

        Raises the last refusal when none is there.
        """
        del cursor
        what = "tags" if self.tags else "releases"
        feeds = {f"{self.url}/{repo}/{what}.atom": (RELEASES, repo) for repo in self.repos}
        feeds |= {f"{self.url}/{org}.atom": (ACTIVITY, org) for org in self.organizations}
        pages: list[Page] = []
        refusals: list[PermanentSourceError] = []
        for address, (shape, name) in feeds.items():
            try:
                response = await http.get(address, conditional=True)
            except PermanentSourceError as error:
                if error.status not in _GONE:
                    raise
                refusals.append(error)
                pages.append(Page(REFUSED, address, str(error).encode(), http.now, {"name": name}))
                continue
            if response is not None:
                pages.append(Page(shape, response.url, response.body, http.now, {"name": name}))
        if len(refusals) == len(feeds):
            raise refusals[-1]
        return pages

    def parse(self, page: Page) -> Batch:
        """Return the releases a page shows. Raises ParseError when it is no feed."""
        name = str(page.context.get("name", ""))
        if page.shape == REFUSED:
            said = page.body.decode("utf-8", "replace")
            return Batch(rejects=(Reject(f"{name} cannot be read", said[:MAX_EXCERPT]),))
        feed = RssSource(name=self.name, url=self.url, tier=self.tier)
        batch = feed.parse(replace(page, shape="feed", context={}))
        read = _activity if page.shape == ACTIVITY else _release
        items, rejects = parse_each(batch.items, lambda item: read(item, name))
        return replace(batch, items=tuple(items), rejects=(*batch.rejects, *rejects))


def _release(item: ItemRecord, repository: str) -> ItemRecord:
    """Return a release under its repository's name."""
    tag = item.guid.rpartition("/")[2]
    is_early = _PRERELEASE.search(item.title) or _PRERELEASE.search(tag)
    note = " (pre-release)" if is_early else ""
    return _machine_seen(item, f"{repository} {item.title}{note}", repository.partition("/")[0])


def _activity(item: ItemRecord, organization: str) -> ItemRecord:
    """Return what an organization made public; ValueError for its daily work."""
    event = _EVENT.match(item.guid)
    kind = event[1] if event else ""
    is_new = kind == "CreateEvent" and " a repository " in f"{item.title} "
    if not is_new and kind not in ("PublicEvent", "ReleaseEvent"):
        raise ValueError("activity that publishes nothing")
    return _machine_seen(item, item.title, organization)


def _machine_seen(item: ItemRecord, title: str, organization: str) -> ItemRecord:
    if not item.guid.startswith("tag:github.com"):
        raise ValueError("an entry without an id of GitHub")
    notes = item.content or item.summary
    is_empty = notes is not None and notes.strip(" .").lower() == "no content"
    return replace(
        item,
        title=title,
        summary=None if is_empty else item.summary,
        content=None if is_empty else item.content,
        publisher=organization or item.publisher,
        seen_as=SEEN_AS,
    )
