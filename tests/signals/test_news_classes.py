"""Classes of news that a headline can tell, each with its near misses, in both languages."""

from __future__ import annotations

import pytest

from signals.tagger import Document, Tagger

MODELS = "chinese-model-leaderboard"
WEARABLES = "ai-wearables"


def kinds(tagger: Tagger, text: str) -> dict[str, str | None]:
    return {tag.theme: tag.kind for tag in tagger.tag(Document(text)).themes}


CLASSES = {
    "several models at once": [
        ("智谱两款 GLM-7 模型齐发", "launch"),
        ("DeepSeek、Kimi 和 GLM 三款新模型齐发", "launch"),
        ("Zhipu returns with GLM-7 and GLM-7 Air", "launch"),
    ],
    "open to be tried": [
        ("还在排队？GLM-7 新模型已可体验", "launch"),
        ("美团 LongCat-3 开放内测", "launch"),
        ("GLM-6 is available", "launch"),
    ],
    "one-character verbs between maker and name": [
        ("智谱推GLM-6", "launch"),
        ("曝DeepSeek V5下周来", "rumor"),
        ("传Kimi K4本月底亮相", "rumor"),
    ],
    "a name and a motto": [
        ("Kimi K4 - 面向长任务的开源编程模型", "launch"),
        ("GLM-6：更快、更省、更懂代码", "launch"),
        ("GLM-6: Thinking Longer for Less", "launch"),
    ],
    "prices and promotions": [
        ("小米 MiMo-V3 API 限时 3 折", "price_change"),
        ("GLM-7ProAPI限时6折", "price_change"),
        ("智谱 API 改用峰谷定价", "price_change"),
        ("Zhipu permanently reduces the price of GLM-7", "price_change"),
        ("MiniMax will lower its M4 API prices by 40%", "price_change"),
        ("Kimi K4 API: permanent price reduction", "price_change"),
    ],
    "ranks and comparisons": [
        ("GLM-6 排第四，仅次于三款美国模型", "rank_change"),
        ("In an independent test GLM-7 lags behind two US rivals", "rank_change"),
        ("Moonshot AI says that Kimi K5 can match the best US models", "rank_change"),
        ("Qwen 5 is the first open model to pass that benchmark", "rank_change"),
        ("On Artificial Analysis Kimi K5 is leading among open models", "rank_change"),
        ("月之暗面 Kimi K5 在 Design Arena 登顶", "rank_change"),
        ("MiniMax M4 拿下开源第一", "rank_change"),
    ],
    "nameless models": [
        ("Users suspect that a mystery AI model is Kimi K5", "rumor"),
        ("神秘大模型上线，网友猜测是 DeepSeek V5", "rumor"),
    ],
    "company structure and listing": [
        ("Zhipu weighs giving up its red-chip structure", "funding"),
        ("百川智能调整红筹架构，筹划冲刺港股", "funding"),
        ("面壁智能首次引入外部投资", "funding"),
        ("百川智能开始融资？", "funding"),
        ("月之暗面获腾讯投资", "funding"),
    ],
    "reorganisation": [
        ("小米 MiMo 模型团队并入研究院", "other"),
        ("ByteDance forms a task force for its Doubao Seed models", "other"),
    ],
    "regulation of people": [
        ("有关部门限制智谱研究员出境", "regulation"),
        ("Travel curbs now cover MiniMax engineers", "regulation"),
    ],
    "withdrawal": [
        ("GLM-5-Air/Flash 将于9月下线", "delay_cancel"),
        ("文心 4.5 系列 API 停止服务", "delay_cancel"),
    ],
    "a company's unnamed large model": [
        ("华为发布新一代多模态大模型", "launch"),
        ("Tencent unveils a new foundation model", "launch"),
    ],
}


@pytest.mark.parametrize(("text", "kind"), [pair for pairs in CLASSES.values() for pair in pairs])
def test_news_of_each_class_is_tagged_with_its_kind(tagger: Tagger, text: str, kind: str) -> None:
    assert kinds(tagger, text) == {MODELS: kind}


NEAR_MISSES = {
    "cars and phones with a model inside": [
        "豆包大模型首发某合资轿车，座舱焕新",
        "千问大模型上车，比亚迪新车定档",
        "BYD cars launch with DeepSeek V5 inside",
        "某手机首发支持 Qwen 5",
    ],
    "others who host or resell it": [
        "某某云首发上线 GLM-7 模型，推理再加速",
        "某算力平台推出 GLM-7 限时免费体验站",
        "Codeshop 编辑器限时免费开放 Kimi K5",
        "GodotX v2.1 发布：MiniMax-M4、网页搜索",
    ],
    "money from the lab, not for it": [
        "某机器人零件公司获智谱、月之暗面投资",
        "DeepSeek 的共同投资人谈往事",
        "一批智谱概念股获融资客买入",
    ],
    "things of other makers in the other clause": [
        "有人说 Kimi 挺好，Grok 被放弃了",
        "Grok 5 发布，顺手夸了 Kimi K4",
    ],
    "contests, guesses and app charts": [
        "某高校与腾讯混元团队拿下推理挑战赛冠军",
        "世界杯竞猜：豆包第一，文心垫底",
        "AI产品榜：豆包登顶增速榜",
    ],
    "questions": [
        "DeepSeek V5 会来吗？",
        "GLM-6：到底怎么用？",
        "When will DeepSeek release V5?",
    ],
    "other modalities": [
        "百度推出端侧翻译大模型",
        "图像编辑排行：豆包位居第一",
        "DeepSeek's robot model is released",
        "MiniMax releases a music model",
    ],
    "hiring and courts": [
        "DeepSeek 发布招聘启事，大举招人",
        "某片厂起诉 MiniMax 侵犯版权，后者新版上线",
        "Moonshot AI announces hiring spree",
    ],
    "figures that are no prices": [
        "Zhipu slashes its workforce",
        "Moonshot AI doubles its office space",
    ],
}


@pytest.mark.parametrize("text", [text for texts in NEAR_MISSES.values() for text in texts])
def test_near_misses_of_the_classes_are_not_tagged(tagger: Tagger, text: str) -> None:
    assert MODELS not in kinds(tagger, text)


@pytest.mark.parametrize(
    ("text", "theme", "kind"),
    [
        ("小度 AI 眼鏡正式開售，售價 2299 元", WEARABLES, "launch"),
        ("華為推出 AI 智慧眼鏡", WEARABLES, "launch"),
        ("字節跳動叫停豆包AI眼鏡", WEARABLES, "delay_cancel"),
        ("阿里發布通義千問 Qwen 5，並開源權重", MODELS, "launch"),
        ("騰訊混元 Hy4 模型上線", MODELS, "launch"),
        ("字節跳動豆包大模型 2.5 發布", MODELS, "launch"),
        ("智譜發佈 GLM-6 模型", MODELS, "launch"),
        ("階躍星辰完成新一輪融資", MODELS, "funding"),
        ("月之暗面 Kimi K4 登頂大模型榜單", MODELS, "rank_change"),
        ("傳 DeepSeek V5 即將發布", MODELS, "rumor"),
    ],
)
def test_traditional_characters_are_read_like_simplified(
    tagger: Tagger, text: str, theme: str, kind: str
) -> None:
    assert kinds(tagger, text) == {theme: kind}


def test_spans_point_into_the_traditional_text(tagger: Tagger) -> None:
    text = "騰訊發布混元 4 模型，售價1,899元"

    tagging = tagger.tag(Document(text))

    names = {mention.entity: mention.text for mention in tagging.entities}
    assert names["tencent"] == "騰訊"
    assert all(text[m.start : m.end] == m.text for m in tagging.entities)
    assert [fact.text for fact in tagging.facts if fact.kind == "price"] == ["1,899元"]
