from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.errors import ParseError, PermanentSourceError
from monitor.http_session import SourceSession
from monitor.sources.base import Page
from monitor.sources.github_releases import GithubReleasesSource
from storage.records import Batch

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
URL = "https://github.com/acme/zeta/releases.atom"
FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "github"
RELEASES, ACTIVITY = (
    (FIXTURES / f"{name}.atom.xml").read_bytes() for name in ("releases", "activity")
)
Network = Callable[
    [Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[SourceSession]
]


def a_source(**fields: object) -> GithubReleasesSource:
    return GithubReleasesSource.model_validate({"name": "gh", "repos": ["acme/zeta"], **fields})


def parse(body: bytes, shape: str = "github-releases", name: str = "acme/zeta") -> Batch:
    return a_source().parse(Page(shape, URL, body, NOW, {"name": name}))


def a_feed(*entries: str) -> bytes:
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>{"".join(entries)}</feed>'.encode()


def an_entry(tag: str = "v1", title: str = "", **more: str) -> str:
    parts = {"updated": "2026-06-01T10:00:00Z", **more}
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in parts.items())
    return (
        f"<entry><id>tag:github.com,2008:Repository/1/{tag}</id><title>{title or tag}</title>"
        f'<link rel="alternate" href="https://github.com/acme/zeta/releases/tag/{tag}"/>'
        f"{inside}</entry>"
    )


# Releases


def test_a_release_is_a_machine_seen_publication_of_its_owner() -> None:
    release = parse(RELEASES).items[0]

    assert release.title == "acme/zeta Zeta 9"
    assert release.guid == "tag:github.com,2008:Repository/4711/v9.0.0"
    assert release.url == "https://github.com/acme/zeta/releases/tag/v9.0.0"
    assert release.published_at == datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
    assert (release.publisher, release.seen_as, release.tier) == ("acme", "release", 1)
    assert release.content == "New\nOpen weights."


def test_a_release_without_notes_has_no_text() -> None:
    early = parse(RELEASES).items[1]

    assert (early.summary, early.content) == (None, None)


@pytest.mark.parametrize(
    ("tag", "title", "is_early"),
    [
        ("v9.0.0-rc1", "", True),
        ("v9.0.0", "Zeta 9 Release Candidate", False),
        ("v2.0b3", "", True),
        ("v2.0.0-alpha.1", "Next", True),
        ("nightly-2026-06-01", "", True),
        ("v1", "Zeta 9 preview", False),
        ("v1", "Alphabet soup", False),
        ("v1", "Zeta-30B-A3B", False),
        ("v1", "Developer tools", False),
    ],
)
def test_a_pre_release_is_one_only_where_its_name_says_so(
    tag: str, title: str, is_early: bool
) -> None:
    release = parse(a_feed(an_entry(tag, title))).items[0]

    assert release.title.endswith(" (pre-release)") is is_early


def test_an_edited_release_keeps_its_id() -> None:
    before = parse(a_feed(an_entry())).items[0]
    after = parse(a_feed(an_entry(title="Better words", updated="2026-06-01T11:00:00Z"))).items[0]

    assert (before.guid, before.title != after.title) == (after.guid, True)


# What organizations make public


def test_new_repositories_are_told_and_daily_work_is_counted() -> None:
    batch = parse(ACTIVITY, "github-activity", "acme")

    assert [item.title for item in batch.items] == [
        "ada-example made acme/zeta-10 public",
        "ada-example created a repository acme/zeta-vision",
    ]
    assert {item.publisher for item in batch.items} == {"acme"}
    assert {item.seen_as for item in batch.items} == {"release"}
    assert [reject.reason for reject in batch.rejects] == ["activity that publishes nothing"] * 2


# The envelope


def test_a_repository_without_releases_is_normal() -> None:
    assert parse(a_feed()) == Batch()


@pytest.mark.parametrize("body", [b"", b"Not Found", b"<html><body>x</body></html>", b"{}"])
def test_what_is_no_feed_is_an_error(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(body)


def test_a_cut_feed_gives_its_whole_releases_and_says_so() -> None:
    batch = parse(RELEASES[: RELEASES.index(b"v9.0.0-rc1")])

    assert (len(batch.items), len(batch.rejects)) == (1, 1)


def test_an_entry_with_a_foreign_id_costs_itself() -> None:
    stray = an_entry().replace("tag:github.com,2008:Repository/1/v1", "https://x.example/1")

    batch = parse(a_feed(stray, an_entry("v2")))

    assert [item.title for item in batch.items] == ["acme/zeta v2"]
    assert [reject.reason for reject in batch.rejects] == ["an entry without an id of GitHub"]


def test_a_release_twice_is_one() -> None:
    batch = parse(a_feed(an_entry(), an_entry()))

    assert (len(batch.items), len(batch.rejects)) == (1, 1)


def test_parsing_twice_gives_the_same() -> None:
    assert parse(RELEASES) == parse(RELEASES)


def test_unknown_fields_change_nothing() -> None:
    assert parse(RELEASES.replace(b"</entry>", b"<new><x/></new></entry>")) == parse(RELEASES)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_feed_gives_releases_or_a_parse_error(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(RELEASES) - 1))
    width = data.draw(st.integers(0, 40))
    damaged = RELEASES[:at] + data.draw(st.binary(max_size=12)) + RELEASES[at + width :]

    try:
        batch = parse(damaged)
    except ParseError:
        return
    assert all(item.guid and item.title for item in batch.items)


# Asking


def github(missing: set[str], *, status: int = 404) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path in missing:
            return httpx.Response(status, text="Not Found")
        if request.headers.get("if-none-match") == 'W/"1"':
            return httpx.Response(304)
        return httpx.Response(200, content=RELEASES, headers={"etag": 'W/"1"'})

    return answer


async def test_every_repository_is_a_page_of_its_own(network: Network) -> None:
    source = a_source(repos=["acme/zeta", "acme/eta.js", "acme/.github"], organizations=["acme"])
    async with network(github(set())) as http:
        pages = await source.fetch(http, {})
        again = await source.fetch(http, {})

    assert [page.url for page in pages] == [
        "https://github.com/acme/zeta/releases.atom",
        "https://github.com/acme/eta.js/releases.atom",
        "https://github.com/acme/.github/releases.atom",
        "https://github.com/acme.atom",
    ]
    assert source.parse(pages[1]).items[0].title == "acme/eta.js Zeta 9"
    assert again == []


async def test_tags_are_read_instead_when_wanted(network: Network) -> None:
    async with network(github(set())) as http:
        pages = await a_source(tags=True).fetch(http, {})

    assert [page.url for page in pages] == ["https://github.com/acme/zeta/tags.atom"]


async def test_a_repository_that_is_gone_costs_itself(network: Network) -> None:
    source = a_source(repos=["acme/gone", "acme/zeta"])
    async with network(github({"/acme/gone/releases.atom"})) as http:
        batches = [source.parse(page) for page in await source.fetch(http, {})]

    assert [len(batch.items) for batch in batches] == [0, 2]
    assert batches[0].rejects[0].reason == "acme/gone cannot be read"
    assert "HTTP 404" in batches[0].rejects[0].excerpt


async def test_a_source_whose_repositories_are_all_gone_fails(network: Network) -> None:
    async with network(github({"/acme/zeta/releases.atom"})) as http:
        with pytest.raises(PermanentSourceError, match="404"):
            await a_source().fetch(http, {})


async def test_a_wall_before_all_of_github_is_not_blamed_on_a_repository(network: Network) -> None:
    source = a_source(repos=["acme/a", "acme/zeta"])
    async with network(github({"/acme/a/releases.atom"}, status=403)) as http:
        with pytest.raises(PermanentSourceError, match="403"):
            await source.fetch(http, {})


@pytest.mark.parametrize(
    "fields",
    [
        {"repos": []},
        {"repos": ["zeta"]},
        {"repos": ["acme/zeta/x"]},
        {"repos": ["acme/.."]},
        {"organizations": ["-x"]},
        {"repos": ["acme/zeta", "Acme/Zeta"]},
        {"repos": [f"acme/r{n}" for n in range(41)]},
    ],
)
def test_settings_that_cannot_work_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        a_source(**fields)
