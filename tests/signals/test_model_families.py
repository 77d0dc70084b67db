"""Variants of one release fold into one family; a new model never hides behind an old name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.model_families import family

STORED = ["FP8", "NVFP4", "GGUF", "AWQ", "GPTQ-Int4", "bf16", "MLX-4bit", "Base", "Instruct"]
NAMES = {
    "Qwen/Qwen3.5-32B-A3B-Instruct-FP8": "Qwen3.5",
    "Qwen/Qwen3.5-397B-A17B": "Qwen3.5",
    "Qwen/Qwen3-0.6B-MLX-4bit": "Qwen3",
    "Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4": "Qwen2.5",
    "Qwen/Qwen2.5-Coder-7B-Instruct": "Qwen2.5-Coder",
    "Qwen/Qwen3-VL-235B-A22B-Thinking-FP8": "Qwen3-VL-Thinking",
    "Qwen/Qwen3-235B-A22B-Instruct-2507": "Qwen3-2507",
    "Qwen/Qwen2.5-1M-14B": "Qwen2.5",
    "deepseek-ai/DeepSeek-V4-Flash-0731": "DeepSeek-V4-Flash-0731",
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B": "DeepSeek-R1-Distill-Qwen",
    "moonshotai/Kimi-K3": "Kimi-K3",
    "moonshotai/Kimi-K2-Instruct-0905": "Kimi-K2-0905",
    "moonshotai/Kimi-Linear-48B-A3B-Base": "Kimi-Linear-48B-A3B",
    "zai-org/GLM-5.2-FP8": "GLM-5.2",
    "zai-org/GLM-4.5-Air-Base": "GLM-4.5-Air",
    "zai-org/GLM-4-9B-0414": "GLM-4-0414",
    "baidu/ERNIE-4.5-VL-28B-A3B-Base-Paddle": "ERNIE-4.5-VL",
    "baidu/ERNIE-4.5-300B-A47B-W4A8C8-TP4-Paddle": "ERNIE-4.5",
    "ByteDance-Seed/Seed-OSS-36B-Instruct": "Seed-OSS-36B",
    "tencent/Hunyuan-A13B-Instruct-GPTQ-Int4": "Hunyuan-A13B",
    "MiniMaxAI/MiniMax-M1-80k": "MiniMax-M1",
    "MiniMaxAI/MiniMax-Text-01-hf": "MiniMax-Text-01",
    "stepfun-ai/Step-3.7-Flash-FP8": "Step-3.7-Flash",
    "XiaomiMiMo/MiMo-7B-RL-0530": "MiMo-0530",
    "meituan-longcat/LongCat-Flash-Chat": "LongCat-Flash",
    "inclusionAI/Ling-1T": "Ling-1T",
    "inclusionAI/Ling-2.6-1T-FP8": "Ling-2.6",
    "google/gemma-4-E4B-it": "gemma-4",
    "mistralai/Mixtral-8x7B-v0.1": "Mixtral-v0.1",
    "someone/Zeta_2_7B_Q4_K_M": "Zeta-2",
    "Kimi-K3-Q4_K_M": "Kimi-K3",
}
DIFFERENT = [
    ("Qwen/Qwen3.5-9B", "Qwen/Qwen3.6-9B"),
    ("deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1-0528"),
    ("moonshotai/Kimi-K2", "moonshotai/Kimi-K2-Thinking"),
    ("zai-org/GLM-4.5", "zai-org/GLM-4.5-Air"),
    ("tencent/Hy3-preview", "tencent/Hy3"),
    ("inclusionAI/Ling-1T", "inclusionAI/Ling-16B"),
    ("inclusionAI/Ling-1T", "inclusionAI/Ring-1T"),
]


@pytest.mark.parametrize(("repository", "expected"), NAMES.items())
def test_a_repository_belongs_to_its_family(repository: str, expected: str) -> None:
    assert family(repository) == expected


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("name", ["Kimi-K3", "GLM-5.2", "Qwen3.5-32B-A3B", "Ling-1T"])
def test_how_the_weights_are_stored_is_no_release(name: str, stored: str) -> None:
    assert family(f"lab/{name}-{stored}") == family(f"lab/{name}")


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_a_new_model_never_hides_behind_an_old_name(one: str, other: str) -> None:
    assert family(one).casefold() != family(other).casefold()


@given(st.text(min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_name_has_a_family_that_is_its_own_family(name: str) -> None:
    folded = family(name)

    assert folded
    assert family(folded) == folded
