from __future__ import annotations

import pytest

from signals.catalog import Alias, Catalog, CatalogError, Entity, load_catalog
from signals.text import fold
from signals.themes import Theme, plan_theme

CUES = "cues: [{kind: launch, words: [launches]}]"


def test_shipped_catalog_names_each_alias_in_a_findable_way(catalog: Catalog) -> None:
    for entity in catalog.entities.values():
        assert entity.aliases
        assert all(fold(alias.text) for alias in entity.aliases)


def test_shipped_catalog_covers_labs_and_devices_of_both_themes(catalog: Catalog) -> None:
    kinds = [entity.kind for entity in catalog.entities.values()]

    assert len(kinds) >= 60
    assert kinds.count("device") >= 20
    assert catalog.entities["quark-glasses"].owner == "alibaba"
    assert catalog.top_owner("dingtalk-a1").id == "alibaba"


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("通义千问 3", "qwen"), ("QwQ-32B", "qwen"), ("Tongyi Lab", "alibaba"),
        ("欢乐马", "wan-video"),
        ("深度求索", "deepseek"), ("月之暗面", "moonshot"), ("Kimi K3", "kimi"), ("Z.ai", "zhipu"),
        ("ChatGLM", "glm"), ("AutoGLM", "zhipu-apps"), ("文心一言 5", "ernie"),
        ("ernie-5.1", "ernie"),
        ("豆包大模型 2", "doubao"), ("dola-seed-2.0", "doubao"), ("火山引擎", "bytedance"),
        ("Seedance 2", "seedance"), ("腾讯混元", "hunyuan"), ("Tencent Hy3", "hunyuan"),
        ("腾讯元宝", "yuanbao"), ("MiniMax-M3", "minimax"), ("稀宇科技", "minimax-group"),
        ("海螺AI", "hailuo"), ("Step 3.7 Flash", "stepfun"), ("MiMo-V2.5", "mimo"),
        ("LongCat-2.0", "longcat"), ("百灵 Ling-2.6-1T", "ling"), ("盘古大模型", "pangu"),
        ("openPangu", "pangu"), ("讯飞星火", "spark"), ("可灵AI", "kling"),
        ("SenseNova", "sensenova"), ("百川智能", "baichuan"), ("零一万物", "zero-one"),
        ("Muse Spark", "muse"), ("Claude Opus 5", "claude"), ("Grok 5", "grok"),
        ("SpaceXAI", "xai"), ("Manus AI", "manus"), ("Cursor Composer 2", "cursor"),
        ("Gemini 4", "gemini"), ("GPT-6", "gpt"), ("Llama 5", "muse"), ("Amazon Nova", "nova"),
        ("夸克AI眼镜 S1", "quark-glasses"), ("千问AI眼镜", "qwen-glasses"),
        ("DingTalk A1", "dingtalk-a1"), ("小度AI眼镜", "xiaodu-glasses"),
        ("小度AI手表", "xiaodu-watch"), ("小米AI眼镜", "xiaomi-glasses"),
        ("豆包AI眼镜", "doubao-glasses"), ("Ola Friend", "ola-friend"),
        ("豆包手机", "doubao-phone"),
        ("Oakley Meta", "meta-glasses"), ("Ray-Ban Meta", "meta-glasses"),
        ("Meta AI pendant", "meta-pendant"), ("EssilorLuxottica", "essilorluxottica"),
        ("OpenAI earbuds", "openai-device"), ("io Products", "openai-device"),
        ("Android XR glasses", "google-glasses"), ("Galaxy Glasses", "samsung-glasses"),
        ("Project Aura", "xreal-glasses"), ("Apple smart glasses", "apple-glasses"),
        ("Snap Spectacles", "snap-specs"), ("Bee AI", "bee"), ("Rokid Glasses", "rokid-glasses"),
        ("RayNeo X3", "rayneo-glasses"), ("VITURE", "viture-glasses"),
        ("Even Realities G2", "even-glasses"), ("影目科技", "inmo-glasses"),
        ("讯飞AI眼镜", "iflytek-glasses"), ("理想AI眼镜", "livis"),
        ("华为智能眼镜", "huawei-glasses"),
        ("StarV", "starv-glasses"), ("李未可", "liweike-glasses"), ("闪极AI眼镜", "shanji-glasses"),
        ("Brilliant Halo", "brilliant-glasses"), ("Looktech", "looktech-glasses"),
        ("Solos AirGo", "solos-glasses"), ("Oura Ring", "oura"), ("RingConn", "ringconn"),
        ("Galaxy Ring", "galaxy-ring"), ("Plaud NotePin", "plaud"),
        ("Friend pendant", "friend-pendant"), ("Humane Ai Pin", "humane-pin"),
        ("Limitless pendant", "limitless"), ("Sandbar Stream", "sandbar"), ("AI戒指", "smart-ring"),
        ("AI吊坠", "ai-pin"), ("AI录音卡", "ai-recorder"), ("智慧眼鏡", "ai-glasses"),
        ("T-Head Semiconductor", "t-head"), ("China Unicom", "china-unicom"),
        ("阶跃星辰 與 騰訊", "tencent"),
    ],
)  # fmt: skip
def test_shipped_catalog_knows_each_name_of_the_reference(
    catalog: Catalog, text: str, entity: str
) -> None:
    assert entity in catalog.entity_ids(text)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Qwen 3.5 Plus", "3.5 Plus"),
        ("GLM-5.2", "5.2"),
        ("Kimi K3", "K3"),
        ("DeepSeek-V4ProAPI限时", "V4Pro"),
        ("DeepSeek V4-Flash", "V4-Flash"),
        ("Qwen3.6-35B-A3B", "3.6-35B-A3B"),
        ("MiniMax M2.7", "M2.7"),
        ("千问3.7", "3.7"),
        ("ERNIE 4.5 Turbo", "4.5 Turbo"),
    ],
)
def test_version_is_read_off_the_name(catalog: Catalog, text: str, version: str) -> None:
    mentions = [mention for mention in catalog.lexicon.read(text) if mention.versioned]

    assert [fold(text)[m.name_end : m.end].strip(" -") for m in mentions] == [version.lower()]


@pytest.mark.parametrize("text", ["DeepSeek 500亿", "Kimi 2026年", "Qwen 30 million users"])
def test_counts_and_years_are_no_versions(catalog: Catalog, text: str) -> None:
    assert not any(mention.versioned for mention in catalog.lexicon.read(text))


def test_a_slip_in_an_alias_is_named() -> None:
    text = "entities: [{id: a, kind: lab, aliases: [{text: A, need: [b]}]}]"

    with pytest.raises(CatalogError, match="a: aliases: A: unknown field need"):
        load_catalog(text, CUES)


def test_every_problem_is_named_with_entity_and_field_in_one_error() -> None:
    text = """
entities:
  - {id: a, kind: planet, owner: nobody, aliases: [A]}
  - {id: a, kind: lab, family: none, aliases: []}
  - {id: b, kind: lab, country: China, colour: red, aliases: [{text: "", strength: huge}]}
  - {id: c, kind: lab, aliases: [{text: C, needs: ["@nowhere"]}]}
"""

    with pytest.raises(CatalogError) as caught:
        load_catalog(text, CUES)

    message = str(caught.value)
    for part in (
        "a: id: used twice",
        "a: kind: 'planet'",
        "a: owner: no entity 'nobody'",
        "a: family: no entity 'none'",
        "a: aliases: empty",
        "b: country: 'China'",
        "b: unknown field colour",
        "b: aliases: an empty text",
        "strength is none of",
        "c: aliases: C: no word set '@nowhere'",
    ):
        assert part in message


def test_bad_cues_and_broken_yaml_are_catalog_errors() -> None:
    with pytest.raises(CatalogError, match="unknown kind 'explosion'"):
        load_catalog("entities: []", "cues: [{kind: explosion, words: [bang]}]")
    with pytest.raises(CatalogError, match="catalog: not YAML"):
        load_catalog("entities: [", CUES)


def test_users_entity_joins_the_shipped_ones_and_changes_the_version() -> None:
    base = load_catalog("entities: [{id: a, kind: lab, aliases: [Alpha Lab]}]", CUES)
    zeta = Entity("zetacorp", "company", country="US", aliases=(Alias("Zetacorp"),))

    more = load_catalog("entities: [{id: a, kind: lab, aliases: [Alpha Lab]}]", CUES, [zeta])

    assert more.entity_ids("Zetacorp meets Alpha Lab") == ("zetacorp", "a")
    assert more.version != base.version


def test_users_entity_may_not_take_a_shipped_id() -> None:
    with pytest.raises(CatalogError, match="a: id: used twice"):
        load_catalog(
            "entities: [{id: a, kind: lab, aliases: [A1]}]",
            CUES,
            [Entity("a", "lab", aliases=(Alias("B1"),))],
        )


@pytest.mark.parametrize(
    ("label", "owner"),
    [
        ("Moonshot", "moonshot"),
        ("Z.ai", "zhipu"),
        ("Alibaba", "alibaba"),
        ("SpaceXAI", "xai"),
        ("Ant Group", "ant"),
        ("智谱", "zhipu"),
        ("Will Kimi K3 top the board?", "moonshot"),
        ("Other", None),
        ("", None),
    ],
)
def test_owner_of_labels(catalog: Catalog, label: str, owner: str | None) -> None:
    found = catalog.owner_of(label)

    assert (found.id if found else None) == owner


@pytest.mark.parametrize(
    ("model", "organization", "country"),
    [
        ("kimi-k3", "Moonshot", "CN"),
        ("kimi-k3-max", None, "CN"),
        ("qwen3.7-max-preview", None, "CN"),
        ("dola-seed-2.0-preview", None, "CN"),
        ("glm-5.2 (max)", None, "CN"),
        ("ernie-5.1", None, "CN"),
        ("yi-lightning", None, "CN"),
        ("Hy3", None, "CN"),
        ("muse-spark", "Meta", "US"),
        ("gemini-3-pro", None, "US"),
        ("mistral-large-3", None, "FR"),
        ("flying-octopus", None, None),
    ],
)
def test_country_of_leaderboard_rows(
    catalog: Catalog, model: str, organization: str | None, country: str | None
) -> None:
    assert catalog.country_of_model(model, organization) == country


def test_theme_over_a_family_id_watches_all_members(catalog: Catalog) -> None:
    plan = plan_theme(Theme("t", ("ai-glasses",)), catalog)

    assert {"ai-glasses", "rokid-glasses", "quark-glasses"} <= set(plan.subjects)
    assert "oura" not in plan.subjects


def test_theme_that_surveys_a_market_watches_newcomers_but_a_short_list_does_not(
    catalog: Catalog,
) -> None:
    survey = plan_theme(Theme("t", ("qwen", "deepseek", "kimi", "glm")), catalog)
    short = plan_theme(Theme("t", ("qwen", "deepseek", "kimi")), catalog)

    assert "longcat" in survey.subjects
    assert set(short.subjects) == {"qwen", "deepseek", "kimi"}
