"""The shipped catalog and the two shipped themes, as signal tests use them."""

from __future__ import annotations

from pathlib import Path

import pytest

import signals
from signals.catalog import Catalog, load_catalog
from signals.tagger import Tagger
from signals.themes import Theme

MODELS = Theme(
    "chinese-model-leaderboard",
    ("qwen", "deepseek", "kimi", "glm", "ernie", "doubao", "hunyuan", "minimax", "stepfun", "mimo"),
)
WEARABLES = Theme(
    "ai-wearables",
    (
        "quark-glasses",
        "qwen-glasses",
        "xiaodu-glasses",
        "xiaomi-glasses",
        "meta-glasses",
        "openai-device",
        "dingtalk-a1",
    ),
)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    folder = Path(signals.__path__[0])
    names = ("catalog.yaml", "cues.yaml")
    return load_catalog(*((folder / name).read_text(encoding="utf-8") for name in names))


@pytest.fixture(scope="session")
def tagger(catalog: Catalog) -> Tagger:
    return Tagger(catalog, (MODELS, WEARABLES))
