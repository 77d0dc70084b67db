from __future__ import annotations

import pytest

from signals.catalog import Catalog


def named(catalog: Catalog, text: str) -> dict[str, str]:
    found = catalog.lexicon.read(text)
    return {m.entity_id: text[m.start : m.end] for m in found}


def test_latin_name_beside_han_is_found_but_not_inside_a_latin_word(catalog: Catalog) -> None:
    assert "kimi" in catalog.entity_ids("月之暗面Kimi更新了模型")
    assert catalog.entity_ids("antikimi model") == ()


def test_longest_name_wins_and_swallows_others_inside(catalog: Catalog) -> None:
    ids = catalog.entity_ids("夸克AI眼镜开卖")

    assert "quark-glasses" in ids
    assert "ai-glasses" not in ids


def test_one_name_may_belong_to_several_entities(catalog: Catalog) -> None:
    assert set(catalog.entity_ids("DeepSeek")) == {"deepseek", "deepseek-ai"}


@pytest.mark.parametrize(
    ("text", "entity", "span"),
    [
        ("the Qwen 3.5 Plus model", "qwen", "Qwen 3.5 Plus"),
        ("we saw GLM-5.2 today", "glm", "GLM-5.2"),
        ("a Kimi K3 demo", "kimi", "Kimi K3"),
        ("Tencent Hy3 preview", "hunyuan", "Hy3 preview"),
        ("DeepSeekV4 arrives", "deepseek", "DeepSeekV4"),
        ("MiniMax-M2.7 weights", "minimax", "MiniMax-M2.7"),
        ("Qwen3.6-35B-A3B here", "qwen", "Qwen3.6-35B-A3B"),
        ("LongCat-Next out", "longcat", "LongCat-Next"),
    ],
)
def test_version_belongs_to_the_name(catalog: Catalog, text: str, entity: str, span: str) -> None:
    assert named(catalog, text)[entity] == span


@pytest.mark.parametrize("text", ["DeepSeek 3 days later", "DeepSeek 75% off", "DeepSeek 5月报告"])
def test_counts_of_something_are_no_versions(catalog: Catalog, text: str) -> None:
    assert named(catalog, text)["deepseek"] == "DeepSeek"


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("CERN physicists measure the quark particle again", "quark-glasses"),
        ("把文件存进夸克网盘", "quark-glasses"),
        ("Apache Spark 4 speeds up data jobs", "spark"),
        ("Meta shows Muse Spark to developers", "spark"),
        ("Startup closes a Seed round of 5 million", "doubao"),
        ("Full specs of the new phone leak", "snap-specs"),
        ("Step 3: pour the water", "stepfun"),
        ("5 个 Step 教你做菜", "stepfun"),
        ("A GLM with a log link fits the counts", "glm"),
        ("The regression GLM 2 in our paper", "glm"),
        ("MIMO antennas for 5G base stations", "mimo"),
        ("把元宝放进保险柜", "hunyuan"),
        ("Kimi Antonelli wins the race in F1", "kimi"),
        ("Their moonshot is a new kind of battery", "moonshot"),
        ("Bert and Ernie visit the street", "ernie"),
        ("minimax regret in game theory", "minimax"),
        ("applaud the orchestra", "plaud"),
        ("metadata of the file", "meta"),
        ("unreal engine demo", "xreal-glasses"),
        ("小朋友大跌眼镜", "ai-glasses"),
    ],
)
def test_false_friends_are_left_alone(catalog: Catalog, text: str, absent: str) -> None:
    assert absent not in catalog.entity_ids(text)


def test_weak_name_needs_its_company(catalog: Catalog) -> None:
    assert "quark-glasses" in catalog.entity_ids("Quark and its smart glasses")
    assert "quark-glasses" not in catalog.entity_ids("Quark opens an office")


def test_upper_case_tells_a_model_from_a_technique(catalog: Catalog) -> None:
    assert "mimo" in catalog.entity_ids("MiMo is out")
    assert "mimo" not in catalog.entity_ids("MIMO is out")


def test_muse_spark_is_not_chinese(catalog: Catalog) -> None:
    owner = catalog.owner_of("Muse Spark 1.1")

    assert owner is not None
    assert owner.country == "US"
