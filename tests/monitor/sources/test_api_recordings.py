"""The recorded answers of Hacker News and Hugging Face parse, and what they give is shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from monitor.sources.base import Source
from monitor.sources.hackernews import HackerNewsSource
from monitor.sources.huggingface import HuggingFaceSource
from signals.model_families import family
from storage.records import Precision
from tests.recorded import parse_recording, show

pytestmark = pytest.mark.recordings

HN = HackerNewsSource(name="hackernews", queries=("ai",))
HF = HuggingFaceSource(name="huggingface")
NOTHING_KNOWN = {"missed": {}, "uids": [], "at": ""}
PLANS: Mapping[str, tuple[Source, str, Mapping[str, object]]] = {
    "hn-algolia/hn.json": (HN, "hits", {}),
    "huggingface/hf_models.json": (HF, "models", {"known": NOTHING_KNOWN}),
    "huggingface/hf_daily_papers.json": (HF, "papers", {}),
}
# The page is one of 34, as its own nbPages says.
EXPLAINED = {"older stories of the search were not read"}


@pytest.fixture
def files(recordings: Path) -> list[Path]:
    folders = [recordings / "hn-algolia", recordings / "huggingface"]
    return sorted(f for folder in folders for f in folder.rglob("*.json"))


def test_every_recorded_answer_parses_and_no_reject_is_unexplained(
    files: list[Path], recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for file in files:
        name = str(file.relative_to(recordings))
        source, shape, context = PLANS[name]
        parsed, root = file, recordings
        if shape == "models":
            # A poll bundles the answers of one author in an array.
            parsed, root = tmp_path / name, tmp_path
            parsed.parent.mkdir(parents=True)
            parsed.write_bytes(b"[" + file.read_bytes() + b"]")
        found.append(parse_recording(source, parsed, shape, context, root=root))
    show(found, capsys)

    assert {each.name for each in found} == set(PLANS)
    assert not [each.name for each in found if each.note]
    assert not [reason for each in found for reason in each.rejects if reason not in EXPLAINED]
    rows = {each.name: each.rows["items"] for each in found}
    assert rows["hn-algolia/hn.json"] == 30
    assert rows["huggingface/hf_daily_papers.json"] == 30
    stories = next(each.batch.items for each in found if each.name.startswith("hn"))
    assert {item.precision for item in stories} == {Precision.SECOND}
    models = next(each.batch.items for each in found if each.name.endswith("models.json"))
    assert len(models) == rows["huggingface/hf_models.json"] == 14
    assert "moonshotai/Kimi-K3" in {item.guid for item in models}


def test_recorded_variants_fold_into_the_model_they_are_of(recordings: Path) -> None:
    folded = {
        "deepseek-ai/DeepSeek-V4-Flash-0731": "DeepSeek-V4-Flash-0731",
        "unsloth/DeepSeek-V4-Flash-0731-GGUF": "DeepSeek-V4-Flash-0731",
        "unsloth/Kimi-K3-GGUF": "Kimi-K3",
    }
    text = (recordings / "huggingface/hf_models.json").read_text(encoding="utf-8")

    assert all(name in text for name in folded)
    assert {name: family(name) for name in folded} == folded
