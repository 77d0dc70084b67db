from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.sources.feeds.pace import feed_pace
from storage.records import Pace


def a_feed(channel: str, item: str = "<title>T</title>") -> str:
    return f"<rss><channel>{channel}<item>{item}</item></channel></rss>"


WAITS = {
    "<ttl>60</ttl>": timedelta(hours=1),
    "<ttl><![CDATA[ 30 ]]></ttl>": timedelta(minutes=30),
    "<sy:updatePeriod>hourly</sy:updatePeriod>": timedelta(hours=1),
    "<sy:updatePeriod> daily </sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>": (
        timedelta(hours=6)
    ),
    "<syn:updatePeriod>weekly</syn:updatePeriod>": timedelta(days=7),
    "<ttl>5</ttl><sy:updatePeriod>hourly</sy:updatePeriod>": timedelta(hours=1),
}


@pytest.mark.parametrize(("channel", "wait"), WAITS.items())
def test_a_feed_says_how_long_to_wait(channel: str, wait: timedelta) -> None:
    assert feed_pace(a_feed(channel)) == Pace(wait=wait)


@pytest.mark.parametrize(
    "channel",
    [
        "",
        "<ttl>0</ttl>",
        "<ttl>-5</ttl>",
        "<ttl>soon</ttl>",
        "<ttl>1.5</ttl>",
        "<ttl></ttl>",
        "<ttl>10081</ttl>",
        "<ttl>99999999999</ttl>",
        "<ttl>٦٠</ttl>",
        "<sy:updatePeriod>monthly</sy:updatePeriod>",
        "<sy:updatePeriod>often</sy:updatePeriod>",
        "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>",
        "<skipHours><hour>25</hour><hour>noon</hour></skipHours>",
        "<skipDays><day>Caturday</day></skipDays>",
        f"<skipHours>{''.join(f'<hour>{n}</hour>' for n in range(24))}</skipHours>",
        "<skipDays>" + "".join(f"<day>{d}day</day>" for d in
                               ("Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur", "Sun"))
        + "</skipDays>",
    ],
)  # fmt: skip
def test_what_makes_no_sense_asks_for_nothing(channel: str) -> None:
    assert feed_pace(a_feed(channel)) is None


def test_hours_and_days_to_skip_are_read() -> None:
    channel = (
        "<skipHours><hour>0</hour><hour> 23 </hour><hour>24</hour><hour>7</hour></skipHours>"
        "<skipDays><day>Monday</day><day>sunday</day></skipDays>"
    )

    assert feed_pace(a_feed(channel)) == Pace(
        skip_hours=frozenset({0, 7, 23}), skip_days=frozenset({0, 6})
    )


def test_what_an_item_says_is_not_the_feeds() -> None:
    assert feed_pace(a_feed("", item="<ttl>60</ttl>")) is None


def test_a_channel_may_speak_after_its_items() -> None:
    text = "<rss><channel><item><title>T</title></item><ttl>60</ttl></channel></rss>"

    assert feed_pace(text) == Pace(wait=timedelta(hours=1))
