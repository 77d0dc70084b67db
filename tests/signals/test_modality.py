"""What a headline says is not what its cue word says: denials, doubts, plans, the past."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from signals.tagger import Document, Tagger, Tagging

MODELS = "chinese-model-leaderboard"
WEARABLES = "ai-wearables"
PUBLISHED = datetime(2026, 3, 2, 8, tzinfo=UTC)


def read(tagger: Tagger, text: str) -> Tagging:
    return tagger.tag(Document(text, published_at=PUBLISHED))


def kinds(tagger: Tagger, text: str) -> dict[str, str | None]:
    return {tag.theme: tag.kind for tag in read(tagger, text).themes}


@pytest.mark.parametrize(
    "text",
    [
        "DeepSeek did not launch V5 this week",
        "DeepSeek denies that V5 will launch in May",
        "Alibaba has no plans to launch Qwen 5 this year",
        "DeepSeek V5 并未如期发布",
        "DeepSeek V5 不会在本月上线",
        "阿里否认将发布千问5",
        "DeepSeek V5 发布消息不实",
        "Zhipu postpones the release of GLM-6",
        "智谱推迟发布 GLM-6",
    ],
)
def test_a_launch_that_is_denied_or_put_off_is_no_launch(tagger: Tagger, text: str) -> None:
    assert kinds(tagger, text) == {MODELS: "delay_cancel"}


@pytest.mark.parametrize(
    "text",
    [
        "DeepSeek not only releases V5 but open-sources it",
        "DeepSeek 不仅发布 V5，还开源了权重",
        "The future is here: Alibaba releases Qwen 5",
        "面向未来，阿里发布 Qwen 5",
    ],
)
def test_words_that_only_look_like_a_denial_change_nothing(tagger: Tagger, text: str) -> None:
    assert kinds(tagger, text) == {MODELS: "launch"}


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("ByteDance denies delaying its Doubao AI glasses", "positive"),
        ("字节否认推迟豆包眼镜", "positive"),
    ],
)
def test_a_denied_delay_is_good_news_of_no_special_kind(
    tagger: Tagger, text: str, side: str
) -> None:
    tagging = read(tagger, text)

    assert [tag.kind for tag in tagging.themes] == ["other"]
    assert tagging.polarity["doubao-glasses"] == side


@pytest.mark.parametrize(
    "text",
    [
        "Qwen 4 is not number one on LMArena",
        "Kimi K4 falls short of GPT-6 on reasoning benchmarks",
        "GLM-6 未能登顶大模型榜单",
    ],
)
def test_a_rank_that_is_missed_is_news_of_a_rank_and_bad(tagger: Tagger, text: str) -> None:
    tagging = read(tagger, text)

    assert [tag.kind for tag in tagging.themes] == ["rank_change"]
    assert set(tagging.polarity.values()) == {"negative"}
    assert "gpt" not in tagging.polarity


@pytest.mark.parametrize(
    "text",
    [
        "Alibaba could release Qwen 5 in April",
        "Alibaba is said to release Qwen 5 soon",
        "Moonshot AI is expected to launch Kimi K4",
        "阿里或将发布 Qwen 5",
        "据传 MiniMax M5 即将开源",
        "传DeepSeek V5下周上线",
        "曝DeepSeek V5下周来",
        "疑似 Kimi K4 现身竞技场",
        "GLM-7 下周要来了？",
        "消息称：DeepSeek V5 发布",
        "智谱 GLM-6 于 2026 年 5 月 20 日发布",
    ],
)
def test_what_is_only_said_planned_or_dated_ahead_is_a_rumor(tagger: Tagger, text: str) -> None:
    assert kinds(tagger, text) == {MODELS: "rumor"}


@pytest.mark.parametrize(
    "text",
    [
        "智谱 GLM-6 于 3 月 1 日发布",
        "Alibaba released Qwen 5 on March 1",
        "传统车企之外，月之暗面发布 Kimi K4",
    ],
)
def test_a_day_gone_by_and_longer_words_cast_no_doubt(tagger: Tagger, text: str) -> None:
    assert kinds(tagger, text) == {MODELS: "launch"}


def test_doubt_holds_in_its_own_clause_only(tagger: Tagger) -> None:
    text = "Moonshot AI releases Kimi K4 today, while Alibaba may launch Qwen 5 in May"

    tagging = read(tagger, text)

    assert [tag.kind for tag in tagging.themes] == ["launch"]
    assert [event.kind for event in tagging.events] == ["launch", "rumor"]


@pytest.mark.parametrize(
    "text",
    [
        "GLM-7 上线两周，智谱招兵买马",
        "Three weeks after the launch of Kimi K4, its fans keep talking",
        "DeepSeek V5 发布前夜，硅谷在想些什么",
    ],
)
def test_a_launch_that_only_dates_something_else_is_not_told(tagger: Tagger, text: str) -> None:
    assert kinds(tagger, text) == {}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("DeepSeek-V5 API 限时折扣延期至年底", "price_change"),
        ("MiniMax drops its red-chip structure ahead of a Shanghai IPO", "funding"),
        ("月之暗面取消 VIE 架构，准备上市", "funding"),
        ("DeepSeek 取消 V5 发布", "delay_cancel"),
    ],
)
def test_what_is_put_off_decides_the_kind(tagger: Tagger, text: str, kind: str) -> None:
    assert kinds(tagger, text) == {MODELS: kind}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("反超海外对手！月之暗面发布 Kimi K4", "launch"),
        ("Alibaba releases Qwen 5 and tops the LMArena text board", "launch"),
        ("Acme, whose team is building a smart ring, raised $9 million", "funding"),
        ("DeepSeek 融资 100 亿元，V5 发布在即", "funding"),
        ("月之暗面：即将推出的 Kimi K5 获批备案", "regulation"),
    ],
)
def test_the_main_thing_of_a_headline_gives_its_kind(tagger: Tagger, text: str, kind: str) -> None:
    assert list(kinds(tagger, text).values()) == [kind]


def test_a_release_that_takes_a_rank_is_two_events(tagger: Tagger) -> None:
    events = read(tagger, "阿里发布 Qwen 5，登顶 LMArena").events

    assert [event.kind for event in events] == ["launch", "rank_change"]


def test_a_delay_leaves_no_launch_or_rumor_of_its_own(tagger: Tagger) -> None:
    events = read(tagger, "小米 AI 眼镜或将推迟发布").events

    assert [event.kind for event in events] == ["delay_cancel"]
