"""How many tokens a text has: by the model's own tokenizer where the extra `tokens` is installed, else estimated."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

_OPENAI = re.compile(r"(gpt-[4-9]|o[1-9]\b|codex|chatgpt)")
_BYTES = 4  # for each token: what code and English come to with today's vocabularies


def tokens_of(*texts: str, model: str = "") -> int:
    count = _counter(model.rpartition("/")[2])
    return sum(count(text) for text in texts) if count else -(-sum(map(_size, texts)) // _BYTES)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


@cache
def _counter(model: str) -> Callable[[str], int] | None:
    """OpenAI's models share one vocabulary, which the extra brings along; nothing is fetched at run time."""
    if not _OPENAI.match(model):
        return None
    try:
        from bpe_openai import get_encoding
    except ImportError:
        return None
    encoding = get_encoding("o200k_base")
    return lambda text: len(encoding.encode_ordinary(text))
