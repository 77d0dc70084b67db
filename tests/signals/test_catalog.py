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
