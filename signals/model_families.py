"""Which released model a repository belongs to: quantisations and sizes are one release.

The rule, on the name after the owner, whose words are split at `-` and `_`:
1. Words that tell how the weights are stored or trained further go: FP8, NVFP4, Int4, W8A8,
   Q4_K_M, GPTQ, AWQ, GGUF, MLX, 4bit, ONNX, Paddle, Base, Instruct, Chat, SFT, 128k ...
2. Sizes go (7B, 0.6B, 8x7B, 1T, A3B, E4B), but only where the rest still holds a digit: of a
   name without a version (Ling-1T) the size is all that tells which model it is.
3. Everything else stays, so that no new model hides: versions, dates (R1-0528), and the words
   that labs sell as models of their own (Flash, Air, Max, Coder, VL, Thinking, Preview).
"""

from __future__ import annotations

import re

_STORED = re.compile(
    r"(?:nv|mx)?fp[0-9]+|bf16|bfloat16|float16|u?int[0-9]+|w[0-9]+a[0-9]+[a-z0-9]*|tp[0-9]+|[0-9]+-?bits?"
    r"|gptq|awq|gguf|ggml|i?q[0-9](?:_[a-z0-9]+)*|mlx|onnx|openvino|coreml|litert|tensorrt|trtllm"
    r"|exl[23]|marlin|quark|autoround|bnb|nf4|dynamic|quantized|hf|paddle|pt|pytorch|safetensors"
    r"|eagle[0-9]?|mtp|lora|base|instruct|chat|it|sft|dpo|rl|rlhf|[0-9]+k",
    re.IGNORECASE,
)
_SIZE = re.compile(r"[0-9]+(?:\.[0-9]+)?[bmt]|[0-9]+x[0-9.]+[bm]|[ae][0-9.]+[bm]", re.IGNORECASE)
_WORDS = re.compile(r"i?q[0-9]_[a-z0-9_]+|[^-_]+", re.IGNORECASE)


def family(repository: str) -> str:
    """Return the family of `owner/name` or of a bare name, in the lab's own spelling.

    `Qwen/Qwen3.5-32B-A3B-Instruct-FP8` is `Qwen3.5`. Words are joined with `-`; the first word
    always stays. Compare families with casefold: labs spell one name in several ways.
    """
    first, *rest = _WORDS.findall(repository.rpartition("/")[2]) or [repository]
    kept = [word for word in rest if not _STORED.fullmatch(word)]
    without_size = [word for word in kept if not _SIZE.fullmatch(word)]
    has_version = any(letter.isdigit() for word in (first, *without_size) for letter in word)
    return "-".join((first, *(without_size if has_version else kept)))
