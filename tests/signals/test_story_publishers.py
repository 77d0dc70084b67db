from __future__ import annotations

import pytest

from signals.story_publishers import (
    attributed_to,
    publisher_family,
    publisher_house,
    speaker,
    voices,
)


def test_one_outlet_under_many_names_is_one_publisher() -> None:
    assert publisher_family("www.theverge.com") == publisher_family("The Verge")
    assert publisher_family("36氪") == publisher_family("36kr.com") == publisher_family("36Kr")
    assert publisher_family("https://news.example.co.uk/x") == publisher_family("example.co.uk")


def test_sites_of_one_house_are_one_voice() -> None:
    assert publisher_house("KrASIA") == publisher_house("36氪")
    assert publisher_house("marketwatch.com") == publisher_house("华尔街日报")
    assert publisher_house("Reuters") != publisher_house("Bloomberg")


def test_attributed_copies_add_no_voice() -> None:
    said = [
        speaker("The Wire", None, "wire", None),
        speaker("The Post", None, "post", "The Wire"),
        speaker(None, "https://www.theverge.com/a", "feed", None),
        speaker("The Verge", None, "other-feed", None),
    ]

    assert voices(said) == 2


@pytest.mark.parametrize(
    ("publishers", "count"),
    [
        (["Reuters", "msn.com", "Yahoo Finance"], 1),
        (["msn.com", "Yahoo News"], 1),
        (["Reuters", "Bloomberg", "MSN"], 2),
        ([], 0),
    ],
)
def test_portals_add_no_voice_beside_a_newsroom(publishers: list[str], count: int) -> None:
    assert voices(speaker(name, None, "feed", None) for name in publishers) == count


@pytest.mark.parametrize(
    ("text", "outlet"),
    [
        ("According to 36Kr, the ring is near.", "36Kr"),
        ("A piece originally published by 36Kr. This is more.", "36Kr"),
        ("This story first appeared on Reuters.", "Reuters"),
        ("Translated from 36Kr by our desk.", "36Kr"),
        ("Translated from Chinese by our desk.", None),
        ("据36氪报道，新戒指将于下月发布", "36Kr"),
        ("新戒指发布 本文来自：36氪", "36Kr"),
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
