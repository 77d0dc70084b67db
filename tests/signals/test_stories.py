from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from signals.stories import (
    Candidate,
    StoryKey,
    assign,
    attributed_to,
    canonical_url,
    independent_publishers,
    publisher_family,
    same_story,
    story_id,
    title_key,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def item(guid: str = "1", title: str = "Zeta unveils its second ring", **more: object) -> StoryKey:
    fields = {"source": "a", "at": NOON, **more}
    return StoryKey(guid=guid, title=title, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://Example.COM:443/a/b/?utm_source=x&id=7#top", "https://example.com/a/b?id=7"),
        ("http://example.com:80/", "http://example.com"),
        ("https://example.com/p/1?f=rss", "https://example.com/p/1"),
        ("https://example.com/p?oc=5&ref=home&spm=a.b", "https://example.com/p"),
        ("https://example.com:8443/p", "https://example.com:8443/p"),
        (" https://example.com/Path?q=%E4%B8%AD ", "https://example.com/Path?q=%E4%B8%AD"),
        ("tag:example.com,2026:1", "tag:example.com,2026:1"),
        ("https://[broken", "https://[broken"),
    ],
)
def test_canonical_url(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical
    assert canonical_url(canonical) == canonical


def test_title_key_drops_exactly_the_publishers_suffix() -> None:
    assert title_key("Rings - a guide - Wide-World Post", "Wide-World Post") == "rings a guide"
    assert title_key("Rings - a guide", "Other") == "rings a guide"


def test_title_key_ignores_punctuation_and_width_but_keeps_versions_apart() -> None:
    assert title_key("ＡＢＣ：Model 5.1 发布！") == title_key("ABC: model 5.1 发布")
    assert title_key("Model 5.1 is out") != title_key("Model 51 is out")


def test_same_address_is_one_story() -> None:
    one = item(url="https://example.com/x?utm_campaign=a")
    other = item("2", "Another headline", url="https://EXAMPLE.com/x/")

    assert same_story(one, other) == "same address"


def test_same_title_is_one_story_only_when_it_tells_something() -> None:
    assert same_story(item(), item("2", "ZETA unveils its second ring!")) == "same title"
    assert same_story(item(title="News"), item("2", "News")) is None
    assert same_story(item(title="泽塔推出新戒指"), item("2", "泽塔推出新戒指")) == "same title"


def test_disjoint_entities_never_merge() -> None:
    one = item(entities=frozenset({"qwen"}), url="https://example.com/x")
    other = item("2", entities=frozenset({"kimi"}), url="https://example.com/x")

    assert same_story(one, other) is None


def test_stories_end_after_72_hours() -> None:
    later = NOON + timedelta(hours=72, seconds=1)

    assert same_story(item(), item("2", at=later)) is None


def test_assign_joins_the_oldest_match_or_begins_a_story() -> None:
    first = Candidate("old", item("1", at=NOON - timedelta(hours=2)))
    second = Candidate("new", item("2", at=NOON - timedelta(hours=1)))

    assert assign(item("3"), [second, first]) == ("old", "same title as a 1")
    assert assign(item("3"), []) == (story_id("a", "3"), "first of its story")


def test_story_ids_differ_by_source_and_guid() -> None:
    assert len({story_id("a", "1"), story_id("b", "1"), story_id("a", "2")}) == 3


def test_one_outlet_under_many_names_is_one_publisher() -> None:
    assert publisher_family("www.theverge.com") == publisher_family("The Verge")
    assert publisher_family("36氪") == publisher_family("36kr.com") == publisher_family("36Kr")
    assert publisher_family("https://news.example.co.uk/x") == publisher_family("example.co.uk")


def test_attributed_copies_add_no_voice() -> None:
    voices = [
        item("1", publisher="36Kr"),
        item("2", publisher="KrASIA", attributed_to="36Kr"),
        item("3", url="https://www.theverge.com/a"),
        item("4", publisher="The Verge"),
    ]

    assert independent_publishers(voices) == 2


@pytest.mark.parametrize(
    ("text", "outlet"),
    [
        ("According to 36Kr, the ring is near.", "36Kr"),
        ("A piece originally published by 36Kr. This is more.", "36Kr"),
        ("据36氪报道，新戒指将于下月发布", "36Kr"),
        ("Bloomberg reported the plan first.", "Bloomberg"),
        ("新戒指曝光（来源：路透社）", "Reuters"),
        ("According to the company, all is well.", None),
        ("It costs less, according to company disclosures.", None),
        ("据知情人士消息，新戒指延期", None),
        ("No source at all.", None),
    ],
)
def test_attribution(text: str, outlet: str | None) -> None:
    assert attributed_to(text) == outlet


def test_companies_speak_for_themselves() -> None:
    text = "According to Zetacorp, the ring ships in May."

    assert attributed_to(text) == "Zetacorp"
    assert attributed_to(text, {"zetacorp"}) is None
