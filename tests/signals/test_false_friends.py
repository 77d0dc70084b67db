"""Words that look like a name, an event or a board, and are none: reference of names, part 7."""

from __future__ import annotations

import pytest

from signals.tagger import Document, Tagger


def themes(tagger: Tagger, text: str) -> list[str]:
    return [tag.theme for tag in tagger.tag(Document(text)).themes]


def entities(tagger: Tagger, text: str) -> set[str]:
    return {mention.entity for mention in tagger.tag(Document(text)).entities}


@pytest.mark.parametrize(
    ("text", "not_meant"),
    [
        ("Physicists announce a new quark particle", "quark-glasses"),
        ("QuarkXPress releases a new version", "quark-glasses"),
        ("夸克网盘上线新会员", "quark-glasses"),
        ("Meta launches Muse Spark 2", "spark"),
        ("NVIDIA unveils a new DGX Spark workstation", "spark"),
        ("Gemini Spark rolls out worldwide", "spark"),
        ("星火计划发布：某地扶持小微企业", "spark"),
        ("Farming startup raises a $5 million Seed round", "doubao"),
        ("种子轮融资完成，某公司发布新品", "doubao"),
        ("食堂推出红豆包新品", "doubao"),
        ("Take the next Step: 5 Steps to release your app", "stepfun"),
        ("某芯片的阶跃响应测试结果发布", "stepfun"),
        ("R 4.5 released with faster GLM fitting", "glm"),
        ("Regression with GLM 2 routines is released", "glm"),
        ("Wi-Fi 8 routers with 4x4 MIMO antennas launched", "mimo"),
        ("古代金元宝拍卖首次亮相", "yuanbao"),
        ("太极混元功新书发布", "hunyuan"),
        ("Ernie and Bert return to Sesame Street", "ernie"),
        ("文心雕龙研究新作发布", "ernie"),
        ("Kimi Räikkönen returns to the Grand Prix paddock", "kimi"),
        ("A moonshot project at a car maker launches", "moonshot"),
        ("Minimax regret: a new algorithm is released", "minimax"),
        ("A meme of a longcat goes viral", "longcat"),
        ("Ling releases her second album", "ling"),
        ("Ring launches a new doorbell", "ling"),
        ("百灵鸟保护区发布年度报告", "ling"),
        ("盘古开天的神话展览上线", "pangu"),
        ("海纳百川主题展亮相", "baichuan"),
        ("Baby names with Yi rise", "zero-one"),
        ("The full specs of a phone are released", "snap-specs"),
        ("Bee keepers launch a new honey", "bee"),
        ("Android I/O sessions announced", "openai-device"),
        ("Ray-Ban launches a summer sale", "meta-glasses"),
        ("Metadata tools released", "meta"),
        ("The Unreal engine gets an update", "xreal-glasses"),
        ("Thunderbird mail client released", "rayneo-glasses"),
        ("雷鸟电视新品发布", "rayneo-glasses"),
        ("Halo 7 launches on a console", "brilliant-glasses"),
        ("Even the best phones launch late", "even-glasses"),
        ("全新 L9 Livis 车型上市", "livis"),
        ("The crowd applauds the launch", "plaud"),
        ("A friend of mine releases an app", "friend-pendant"),
        ("The humane society launches a campaign", "humane-pin"),
        ("Limitless CNC tools released", "limitless"),
        ("小度量衡展亮相", "xiaodu-glasses"),
        ("A1 motorway opens", "dingtalk-a1"),
    ],
)
def test_a_namesake_is_not_the_entity(tagger: Tagger, text: str, not_meant: str) -> None:
    assert not_meant not in entities(tagger, text)
    assert themes(tagger, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "某短视频应用登顶 App Store 免费榜",
        "DeepSeek 登顶 App Store 下载榜",
        "某公司成为大模型第一股",
        "国家队登顶世界榜首",
        "第一时间回应：DeepSeek 有话要说",
        "港股大模型概念股走强，智谱涨超 9%",
        "智谱市值登顶，股价大涨",
        "阿里 Wan 3 登顶 Video Arena",
        "豆包世界杯预测拿下第一",
        "The new sports arena opens; Qwen bar next door launches",
        "大跌眼镜！某公司推出新品",
        "小米粥新品上市",
        "百度网盘发布新版本",
    ],
)
def test_other_boards_firsts_and_markets_are_no_news(tagger: Tagger, text: str) -> None:
    assert themes(tagger, text) == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Alibaba unveils Quark AI glasses", "quark-glasses"),
        ("讯飞星火大模型发布新版", "spark"),
        ("字节跳动发布 Seed 2.5 模型", "doubao"),
        ("阶跃星辰发布 Step 4 模型", "stepfun"),
        ("Zhipu releases GLM-6", "glm"),
        ("小米发布 MiMo-V3 模型", "mimo"),
        ("腾讯混元发布 Hy4 模型", "hunyuan"),
        ("月之暗面Kimi发布新模型 Kimi K4", "kimi"),
        ("百度发布文心 6.0 模型", "ernie"),
        ("Snap unveils its Specs AR glasses", "snap-specs"),
        ("雷鸟创新发布新款 AI 眼镜", "rayneo-glasses"),
    ],
)
def test_the_name_itself_is_found_beside_its_company(tagger: Tagger, text: str, meant: str) -> None:
    assert meant in entities(tagger, text)
    assert len(themes(tagger, text)) == 1
