"""Text set apart in Markdown."""

from __future__ import annotations

import re


def fenced(title: str, text: str) -> str:
    """In a fence that no fence in the text can end."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    end = "" if text.endswith("\n") or not text else "\n"
    return f"### {title}\n{fence}\n{text}{end}{fence}"
