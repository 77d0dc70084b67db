from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.catalog import Alias, Catalog, Entity
from signals.mentions import Lexicon
from signals.tagger import Document, Tagger, Tagging
from signals.themes import Theme

MODELS = "chinese-model-leaderboard"
WEARABLES = "ai-wearables"
PUBLISHED = datetime(2026, 3, 2, 8, tzinfo=UTC)


def kinds(tagging: Tagging) -> dict[str, str | None]:
    return {tag.theme: tag.kind for tag in tagging.themes}


def title(tagger: Tagger, text: str) -> dict[str, str | None]:
    return kinds(tagger.tag(Document(text)))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Alibaba releases Qwen 4 Max with open weights", "launch"),
        ("月之暗面发布 Kimi K4 模型", "launch"),
        ("智谱开源新一代模型 GLM-6", "launch"),
        ("DeepSeek V5 is reportedly set to launch in May", "rumor"),
        ("消息称 DeepSeek V5 即将发布", "rumor"),
        ("GLM-6 登顶大模型榜单", "rank_change"),
        ("ERNIE 6 tops the Chatbot Arena leaderboard", "rank_change"),
        ("MiniMax 宣布 M4 模型 API 降价", "price_change"),
        ("阶跃星辰完成新一轮融资", "funding"),
        ("US lawmakers move to ban DeepSeek", "regulation"),
        ("DeepSeek V5 推迟到下季度", "delay_cancel"),
        ("美团 LongCat-3 模型上线", "launch"),
        ("GLM-6: Thinking Longer for Less", "launch"),
    ],
)
def test_news_of_a_chinese_model_is_tagged_with_its_kind(
    tagger: Tagger, text: str, kind: str
) -> None:
    assert title(tagger, text) == {MODELS: kind}


@pytest.mark.parametrize(
    "text",
    [
        "OpenAI releases GPT-6",
        "用 DeepSeek V4 搭建知识库的完整教程",
        "How to prompt Qwen 4 for better answers",
        "某某汽车座舱正式搭载豆包大模型",
        "MiniMax 发布 Music 4 音乐模型",
        "阿里发布视频生成模型 Wan 3.0",
        "港股收盘：智谱涨超 5%",
        "千问 App 上线外卖点餐",
        "Coding tool Foo releases a plugin that supports DeepSeek V4",
        "DeepSeek 网页端宕机两小时",
        "[推广] DeepSeek V4 中转低价上线",
        "Meta upgrades Muse Spark to a second version",
        "Robotics startup closes Seed round",
        "某视频应用登顶 App Store",
        "DeepSeek 招聘产品经理",
        "DeepSeek V5 什么时候发布？",
    ],
)
def test_what_is_not_about_the_race_of_models_is_not_tagged(tagger: Tagger, text: str) -> None:
    assert MODELS not in title(tagger, text)


def test_new_leader_of_the_text_board_matters_whoever_it_is(tagger: Tagger) -> None:
    assert title(tagger, "Gemini 4 takes first place on LMArena") == {MODELS: "rank_change"}
    assert title(tagger, "Gemini 4 takes first place on the video arena") == {}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Alibaba unveils second-generation Quark AI glasses", "launch"),
        ("小度 AI 眼镜正式开售，售价 2299 元", "launch"),
        ("千问AI眼镜开启预售", "preorder"),
        ("Xiaomi is reportedly working on new AI glasses", "rumor"),
        ("豆包眼镜项目被推迟到明年", "delay_cancel"),
        ("OpenAI's first device is delayed to 2027", "delay_cancel"),
        ("小米 AI 眼镜推送固件升级", "other"),
        ("Alibaba launches smart glasses in Japan", "launch"),
        ("钉钉A1 录音卡新品亮相", "launch"),
    ],
)
def test_news_of_an_ai_wearable_is_tagged_with_its_kind(
    tagger: Tagger, text: str, kind: str
) -> None:
    assert title(tagger, text) == {WEARABLES: kind}


@pytest.mark.parametrize(
    "text",
    [
        "Ray-Ban Meta review: a month with smart glasses",
        "Best Prime Day deals on smart glasses",
        "买前必看：AI眼镜长测",
        "Smart glasses maker sued over privacy",
        "Physicists find a new quark particle",
        "夸克网盘发布新会员",
        "新款无线耳机开售，支持降噪",
        "Full specs of the phone are released",
    ],
)
def test_reviews_deals_courts_and_other_things_are_no_wearable_news(
    tagger: Tagger, text: str
) -> None:
    assert WEARABLES not in title(tagger, text)


def test_each_point_of_the_score_has_a_named_reason_with_its_span(tagger: Tagger) -> None:
    text = "Alibaba releases Qwen 4"

    (tag,) = tagger.tag(Document(text, tier=1)).themes

    # 0.40 strong name, 0.05 version, 0.05 maker, 0.25 cue, 0.05 tier
    assert tag.score == pytest.approx(0.80)
    assert "title names qwen (strong) 'Qwen 4' [17:23] +0.40" in tag.reasons
    assert "launch cue 'release' [8:15] in the same clause +0.25" in tag.reasons
    assert sum(float(reason.rsplit(" ", 1)[1]) for reason in tag.reasons) == pytest.approx(0.8)


def test_entity_without_an_event_stays_below_with_its_reason(tagger: Tagger) -> None:
    tagging = tagger.tag(Document("DeepSeek and the meaning of life"))

    (tag,) = tagging.below
    assert tagging.themes == ()
    assert (tag.kind, tag.score) == (None, 0.4)


def test_block_is_shown_in_the_reasons(tagger: Tagger) -> None:
    (tag,) = tagger.tag(Document("阶跃星辰发布新的语音模型")).below

    assert any("block 'another modality' '语音'" in reason for reason in tag.reasons)


def test_digest_is_read_clause_by_clause(tagger: Tagger) -> None:
    digest = "早报：甲公司发布新手机；DeepSeek 完成首轮融资；乙公司推出新款AI眼镜"

    assert title(tagger, digest) == {MODELS: "funding", WEARABLES: "launch"}


def test_digest_does_not_pair_a_name_with_another_stories_event(tagger: Tagger) -> None:
    assert title(tagger, "DeepSeek 与哲学；甲公司发布新手机") == {}


def test_users_theme_matches_its_entity_only(catalog: Catalog) -> None:
    tagger = Tagger(catalog, [Theme("kimi-only", ("kimi",))])

    assert title(tagger, "月之暗面发布 Kimi K4 模型") == {"kimi-only": "launch"}
    assert title(tagger, "智谱开源新一代模型 GLM-6") == {}


def test_theme_kinds_cues_and_blocks_narrow_it(catalog: Catalog) -> None:
    narrow = Theme(
        "narrow", ("kimi",), kinds=("launch",), cues=("coding", "编程"), blocks=("beta",)
    )
    tagger = Tagger(catalog, [narrow])

    assert title(tagger, "Moonshot AI launches Kimi K4 for coding") == {"narrow": "launch"}
    assert title(tagger, "Moonshot AI launches Kimi K4") == {}
    assert title(tagger, "Moonshot AI launches Kimi K4 beta for coding") == {}
    assert title(tagger, "Moonshot AI cuts prices of Kimi K4 for coding") == {}


def test_company_from_the_users_config_is_tagged_by_any_event(catalog: Catalog) -> None:
    zeta = Entity("zetacorp", "company", country="US", aliases=(Alias("Zetacorp"),))
    entities = dict(catalog.entities) | {"zetacorp": zeta}
    texts = [Theme("mine", ("zetacorp",), kinds=("launch", "funding"))]
    tagger = Tagger(extended(catalog, entities), texts)

    assert title(tagger, "Zetacorp unveils a robot") == {"mine": "launch"}
    assert title(tagger, "Zetacorp raises $20 million in Series A") == {"mine": "funding"}


def extended(catalog: Catalog, entities: dict[str, Entity]) -> Catalog:
    lexicon = Lexicon(tuple(entities.values()), catalog.cues)
    return replace(catalog, entities=entities, lexicon=lexicon)


def test_headline_takes_its_date_from_the_body_and_old_news_is_background(
    tagger: Tagger,
) -> None:
    doc = Document(
        "Alibaba enters wearables with new Quark glasses",
        content=(
            "Alibaba officially launched its Quark AI glasses on 1 March 2026.\n"
            "On 5 January 2026, Baidu launched its Xiaodu glasses in Beijing."
        ),
        published_at=PUBLISHED,
    )

    first, second = tagger.tag(doc).events

    assert (first.kind, first.at, first.precision) == (
        "launch",
        datetime(2026, 3, 1, tzinfo=UTC),
        "day",
    )
    assert "quark-glasses" in first.entities
    assert not first.background
    assert second.entities == ("xiaodu-glasses",)
    assert second.background


def test_item_whose_headline_is_old_is_background(tagger: Tagger) -> None:
    doc = Document("On 3 January 2026 Alibaba launched Qwen 4", published_at=PUBLISHED)

    assert tagger.tag(doc).background


def test_two_kinds_in_one_sentence_are_two_events(tagger: Tagger) -> None:
    doc = Document(
        "Qwen AI glasses debut in Barcelona, preorders begin today", published_at=PUBLISHED
    )

    events = tagger.tag(doc).events

    assert {event.kind for event in events} == {"launch", "preorder"}
    preorder = next(event for event in events if event.kind == "preorder")
    assert preorder.at == datetime(2026, 3, 2, tzinfo=UTC)


def test_page_chrome_makes_no_tags(tagger: Tagger) -> None:
    doc = Document(
        "A quiet day in town",
        content="Nothing happened. Also Read: Baidu launches Xiaodu AI glasses for $99\nThe end.",
    )

    tagging = tagger.tag(doc)

    assert (tagging.themes, tagging.below, tagging.entities, tagging.facts) == ((), (), (), ())


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("ByteDance cancels Doubao AI glasses", "negative"),
        ("豆包眼镜计划被取消", "negative"),
        ("ByteDance denies cancelling Doubao AI glasses", "positive"),
        ("字节跳动否认推迟豆包眼镜", "positive"),
        ("ByteDance denies report on Doubao AI glasses", "negative"),
        ("豆包AI眼镜获批上市", "positive"),
    ],
)
def test_polarity_is_what_the_clause_states(tagger: Tagger, text: str, side: str) -> None:
    assert tagger.tag(Document(text)).polarity["doubao-glasses"] == side


def test_no_polarity_unless_stated(tagger: Tagger) -> None:
    assert tagger.tag(Document("ByteDance launches Doubao AI glasses")).polarity == {}


def test_price_of_a_chinese_maker_in_yen_sign_is_yuan(tagger: Tagger) -> None:
    (fact,) = tagger.tag(Document("Quark AI glasses start at ¥1,899")).facts

    assert (fact.kind, fact.value, fact.unit) == ("price", Decimal(1899), "CNY")


def test_version_is_a_fact_of_its_entity(tagger: Tagger) -> None:
    (fact,) = tagger.tag(Document("Meet Qwen 4.5 Plus")).facts

    assert (fact.kind, fact.value, fact.unit, fact.text) == (
        "version",
        "4.5 Plus",
        "qwen",
        "Qwen 4.5 Plus",
    )


def test_attributed_copy_names_its_origin(tagger: Tagger) -> None:
    doc = Document("Qwen glasses launch", content="According to 36Kr, they ship soon.")

    assert tagger.tag(doc).attributed_to == "36Kr"


def test_company_is_no_origin(tagger: Tagger) -> None:
    doc = Document("Qwen glasses launch", content="According to Alibaba, they ship soon.")

    assert tagger.tag(doc).attributed_to is None


SCRAPS = st.lists(
    st.sampled_from(
        (
            "Qwen", "千问", "AI眼镜", "发布", "launch", " ", "3.5", "ＧＬＭ", "-5", "é", "e\u0301",
            "；", "/", "？", "\u200b", "\ud800", "¥1,899", "27 November", "Also Read:", "\n", "[",
            "ﬀ",
        )
    ),
    max_size=14,
).map("".join)  # fmt: skip


@given(SCRAPS, SCRAPS)
@settings(max_examples=120, deadline=None)
def test_any_text_is_tagged_and_every_span_is_original(
    tagger: Tagger, head: str, body: str
) -> None:
    tagging = tagger.tag(Document(head, summary=body, content=body, published_at=PUBLISHED))

    fields = {"title": head, "summary": body, "content": body}
    for found in (*tagging.entities, *tagging.facts):
        assert fields[found.field][found.start : found.end] == found.text
        assert found.text
    assert all(0 <= tag.score <= 1 for tag in (*tagging.themes, *tagging.below))


@given(st.text(max_size=60))
@settings(max_examples=120, deadline=None)
def test_no_text_raises(tagger: Tagger, text: str) -> None:
    tagger.tag(Document(text, content=text))


@given(SCRAPS)
@settings(max_examples=80, deadline=None)
def test_tags_do_not_depend_on_the_unicode_form(tagger: Tagger, text: str) -> None:
    composed = tagger.tag(Document(unicodedata.normalize("NFC", text)))
    decomposed = tagger.tag(Document(unicodedata.normalize("NFD", text)))

    assert kinds(composed) == kinds(decomposed)
    assert [m.entity for m in composed.entities] == [m.entity for m in decomposed.entities]


def test_a_delayed_launch_is_a_delay_and_no_launch(tagger: Tagger) -> None:
    doc = Document("DeepSeek delays the launch of DeepSeek V5", published_at=PUBLISHED)

    assert [event.kind for event in tagger.tag(doc).events] == ["delay_cancel"]


HEADLINES = (
    "Alibaba releases Qwen 5 with open weights",
    "小度 AI 眼镜正式开售，售价 2299 元",
    "消息称 DeepSeek V5 即将发布",
    "早报：甲公司发布新手机；DeepSeek 完成首轮融资；乙公司推出新款AI眼镜",
)


@given(st.sampled_from(HEADLINES), st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=80, deadline=None)
def test_invisible_junk_changes_nothing(tagger: Tagger, text: str, places: list[int]) -> None:
    dirty = text
    for place in places:
        at = min(place, len(dirty))
        dirty = f"{dirty[:at]}\u200b{dirty[at:]}"

    clean, found = tagger.tag(Document(text)), tagger.tag(Document(f" \ufeff{dirty} "))

    assert kinds(found) == kinds(clean)
    assert [m.entity for m in found.entities] == [m.entity for m in clean.entities]


@given(st.permutations(HEADLINES))
@settings(max_examples=20, deadline=None)
def test_a_tag_does_not_depend_on_what_was_tagged_before(tagger: Tagger, order: list[str]) -> None:
    found = {text: tagger.tag(Document(text)) for text in order}

    assert found == {text: tagger.tag(Document(text)) for text in HEADLINES}
