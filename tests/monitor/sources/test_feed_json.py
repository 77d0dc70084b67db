from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ParseError
from monitor.sources.base import Page
from monitor.sources.rss import RssSource
from storage.records import Batch

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
FIXTURE = Path(__file__).parent.parent.parent / "fixtures" / "rss" / "example.feed.json"
VERSION = "https://jsonfeed.org/version/1"


def parse(body: bytes | str | dict[str, object], **fields: object) -> Batch:
    text = json.dumps(body) if isinstance(body, dict) else body
    raw = text.encode() if isinstance(text, str) else text
    source = RssSource.model_validate({"name": "wire", "url": "https://json.example/f", **fields})
    return source.parse(Page("feed", "https://json.example/f", raw, NOW))


def a_feed(*items: object, **more: object) -> dict[str, object]:
    return {"version": VERSION, "title": "t", "items": list(items), **more}


def test_json_feed_gives_plain_items() -> None:
    batch = parse(FIXTURE.read_bytes(), tier=1)

    first, second = batch.items
    assert first.title == "Acme & Zeta unveil a List<String> ring"
    assert (first.guid, first.url) == ("https://json.example/1", "https://json.example/1")
    assert (first.summary, first.content) == (
        "A short summary.",
        "First paragraph.\nSecond & last.",
    )
    assert first.published_at == datetime(2026, 6, 1, 8, 30, 5, tzinfo=UTC)
    assert (first.lang, first.tier, first.publisher) == ("en", 1, None)
    assert (second.guid, second.url) == ("42", "https://json.example/relative/2")
    assert second.title == "示例戒指今日发布 <b> is not bold"
    assert (second.lang, second.published_at) == ("zh", datetime(2026, 6, 1, 9, tzinfo=UTC))


def test_one_bad_item_costs_one() -> None:
    batch = parse(FIXTURE.read_bytes())

    assert [reject.reason for reject in batch.rejects] == ["title is no text"]


def test_it_is_told_by_its_version_and_not_by_what_http_calls_it() -> None:
    assert parse(a_feed({"id": "1", "title": "T"}, version=f"{VERSION}.1")).items[0].title == "T"


@pytest.mark.parametrize(
    "body",
    [
        {"items": []},
        {"version": "1.0", "items": []},
        {"version": 1, "items": []},
        {"version": VERSION, "items": {}},
        {"version": VERSION, "items": "none"},
    ],
)
def test_other_json_is_no_feed(body: dict[str, object]) -> None:
    with pytest.raises(ParseError, match=r"JSON"):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        '{"version": "https://jsonfeed.org/version/1", "items": [{"id": "1"',
        "{" * 100_000,
        '{"a":' * 100_000,
        '{"version": ' + "9" * 5_000 + "}",
    ],
)
def test_broken_json_is_a_parse_error(body: str) -> None:
    with pytest.raises(ParseError):
        parse(body)


def test_an_empty_feed_and_a_null_list_have_no_items() -> None:
    assert parse(a_feed()) == Batch()
    assert parse({"version": VERSION, "items": None}) == Batch()
    assert parse({"version": VERSION}) == Batch()


def test_missing_and_null_fields_are_missing() -> None:
    item = parse(a_feed({"title": "T", "id": None, "url": None, "content_html": None})).items[0]

    assert (item.url, item.content, item.published_at) == (None, None, None)
    assert item.guid.startswith("hash:")


def test_a_repeated_id_is_told_by_its_link() -> None:
    items = [{"id": "1", "title": "T", "url": f"https://a.example/{n}"} for n in (1, 2, 1)]

    batch = parse(a_feed(*items))

    assert [item.guid for item in batch.items] == [
        "1|https://a.example/1",
        "1|https://a.example/2",
    ]
    assert [reject.reason for reject in batch.rejects] == ["repeated item"]


def test_the_order_is_the_documents_and_a_second_parse_gives_the_same() -> None:
    dates = ["2026-05-03T00:00:01Z", "2026-05-01T00:00:01Z", "2026-05-02T00:00:01Z"]
    body = a_feed(*({"id": d, "title": d, "date_published": d} for d in dates))

    assert [item.guid for item in parse(body).items] == dates
    assert parse(body) == parse(body)


def test_more_items_than_the_cap_keep_the_newest() -> None:
    items = [{"id": str(n), "title": "T", "date_published": str(1_770_000_000 + n)}
             for n in range(2003)]  # fmt: skip

    batch = parse(a_feed(*items))

    assert (len(batch.items), batch.items[0].guid) == (2000, "3")
    assert batch.rejects[0].reason == "3 items beyond the 2000 newest"


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_odd_values_raise_nothing_but_parse_errors(
    mutate: Callable[[Any, st.DataObject], bytes], data: st.DataObject
) -> None:
    body = mutate(json.loads(FIXTURE.read_bytes()), data)

    try:
        batch = parse(body)
    except ParseError:
        return

    assert len(batch.items) <= 3
