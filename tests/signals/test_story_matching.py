"""Two wordings: one story, or not, and why. All sentences are our own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from signals.catalog import Catalog
from signals.stories import StoryReader
from signals.story_matching import contradiction, match

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def reader(catalog: Catalog) -> StoryReader:
    return StoryReader(catalog)


def why(reader: StoryReader, one: str, other: str, gap: timedelta = HOUR) -> str | None:
    found = match(reader.read(one), reader.read(other), gap=gap)
    assert found == match(reader.read(other), reader.read(one), gap=gap)
    return found.reason if found else None


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (
            "Zeta unveils its second ring for sleepers",
            "ZETA unveils its second ring for sleepers!",
            "same title",
        ),
        (
            "Alibaba opens Qwen 3.5 Plus to every developer in Europe",
            "Alibaba now opens Qwen3.5-Plus to all developers in Europe",
            "alike titles (0.56)",
        ),
        (
            "阿里巴巴发布夸克AI眼镜，起售价1899元",
            "阿里发布夸克AI眼镜",
            "launch of quark-glasses",
        ),
        (
            "月之暗面完成20亿美元融资",
            "Kimi母公司月之暗面再获20亿美元投资",
            "the same amount 2000000000 USD",
        ),
    ],
)
def test_one_story_in_one_language(reader: StoryReader, one: str, other: str, reason: str) -> None:
    assert (why(reader, one, other) or "").startswith(reason)


@pytest.mark.parametrize(
    ("english", "chinese", "reason"),
    [
        (
            "Alibaba launches Quark AI glasses from 1,899 yuan",
            "阿里巴巴发布夸克AI眼镜，售价1899元起",
            "launch of quark-glasses in two languages",
        ),
        (
            "Moonshot AI releases Kimi K2.6 with open weights",
            "月之暗面正式发布Kimi K2.6并开源",
            "launch of kimi k2.6 in two languages",
        ),
        (
            "Moonshot AI raises $2 billion in fresh funding",
            "月之暗面完成20亿美元融资",
            "funding with the same amount 2000000000 USD in two languages",
        ),
    ],
)
def test_a_thing_its_happening_and_its_figures_bridge_languages(
    reader: StoryReader, english: str, chinese: str, reason: str
) -> None:
    assert why(reader, english, chinese) == reason
    assert why(reader, english, chinese, timedelta(hours=25)) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # A company alone is no thing, in one language or two.
        ("Alibaba launches a new cloud region in Mexico", "阿里巴巴发布年度财报"),
        ("Xiaomi launches a robot vacuum", "Xiaomi launches an electric scooter"),
        # Another member of the line, another thing of the owner, another owner.
        ("Zhipu releases GLM-5.1 today", "智谱发布GLM-5.2"),
        ("Alibaba launches Quark AI glasses", "阿里巴巴发布Qwen3.5-Plus"),
        ("Moonshot AI releases Kimi K2.6", "阿里巴巴发布Qwen3.5-Plus"),
        # Plans and rumours are not the launch; somebody's use of a model is not its release.
        ("Alibaba reportedly plans Quark AI glasses", "阿里巴巴发布夸克AI眼镜"),
        ("Kimi K2.6 is now live on OpenRouter", "月之暗面发布Kimi K2.6"),
        ("How to run Kimi K2.6 at home", "月之暗面发布Kimi K2.6"),
        # A list of news is none of them.
        ("月之暗面发布Kimi K2.6", "早报：月之暗面发布Kimi K2.6；小米手机降价；苹果开会"),
        (
            "Moonshot AI releases Kimi K2.6 with open weights",
            "Weekly roundup: Moonshot AI releases Kimi K2.6 with open weights",
        ),
        # Generic words.
        ("AI company launches new model for developers", "Another AI company launches new model"),
    ],
)
def test_two_stories(reader: StoryReader, one: str, other: str) -> None:
    assert why(reader, one, other) is None


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("Zhipu releases GLM-5.1 today", "Zhipu releases GLM-5.2 today", "glm 5.1 against 5.2"),
        (
            "阿里巴巴发布夸克AI眼镜，售价1899元",
            "阿里巴巴发布夸克AI眼镜，售价2199元",
            "price 1899 against 2199 CNY",
        ),
        (
            "Alibaba denies it will sell Quark AI glasses",
            "Alibaba to launch Quark AI glasses",
            "a denial against a claim",
        ),
        (
            "Alibaba delays Quark AI glasses",
            "Alibaba launches Quark AI glasses",
            "a delay against a launch",
        ),
        (
            "Quark AI glasses go on sale on 27 November 2025",
            "Quark AI glasses go on sale on 3 December 2025",
            "date 2025-11-27 against 2025-12-03 day",
        ),
        (
            "Qwen3.5-Plus is ranked #2 on the leaderboard",
            "Qwen3.5-Plus is ranked #5 on the leaderboard",
            "rank 2 against 5",
        ),
        (
            "Xiaomi unveils AI glasses in Shanghai tonight",
            "Xiaomi unveils AI earbuds in Shanghai tonight",
            "ai-glasses against ai-earbuds",
        ),
    ],
)
def test_facts_that_contradict_keep_wordings_apart(
    reader: StoryReader, one: str, other: str, reason: str
) -> None:
    assert contradiction(reader.read(one), reader.read(other)) == reason
    assert why(reader, one, other) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DeepSeek releases DeepSeek V4", "DeepSeek releases DeepSeek V4 Pro"),
        ("Alibaba sells glasses for 1,899 yuan", "Alibaba sells glasses for $268"),
        ("Alibaba sells glasses for 1,899 yuan", "Alibaba sells glasses"),
    ],
)
def test_what_may_both_be_true_is_no_contradiction(
    reader: StoryReader, one: str, other: str
) -> None:
    assert contradiction(reader.read(one), reader.read(other)) is None


def test_numbers_that_share_nothing_keep_alike_titles_apart(reader: StoryReader) -> None:
    assert why(reader, "Zeta opens its store number 41", "Zeta opens its store number 42") is None


def test_a_digest_printed_twice_is_one(reader: StoryReader) -> None:
    whole = "早报｜某公司新手机开售/大模型公司月之暗面完成融资/快递员工资上涨"
    cut = "某公司新手机开售/大模型公司月之暗面完成融资/快递..."

    assert (why(reader, whole, cut) or "").startswith("one digest")


def test_the_lead_adds_what_the_title_leaves_open_and_nothing_else(reader: StoryReader) -> None:
    vague = reader.read("阿里首款AI眼镜来了", "夸克AI眼镜今日开售，售价1899元。")
    told = reader.read("夸克AI眼镜售价2199元", "国补后1899元。")

    assert vague.names == {"quark-glasses"}
    assert ("price", "CNY", "1899") in vague.facts
    assert {fact for fact in told.facts if fact[0] == "price"} == {("price", "CNY", "2199")}


def test_a_trailing_outlet_is_no_word_of_the_title(reader: StoryReader) -> None:
    assert (
        reader.read("Zeta unveils its ring - Reuters").words
        == reader.read("Zeta unveils its ring").words
    )
