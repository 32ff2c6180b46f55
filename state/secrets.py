"""What looks like a secret: refused in a change, and cut out of what we keep."""

from __future__ import annotations

import re

_BEGIN, _END = (rf"-----{edge} [A-Z ]*PRIVATE KEY-----" for edge in ("BEGIN", "END"))

KEYS = {
    # To its end, or to where the next one begins: of many without an end, each would look for one in all that follows.
    "a private key": re.compile(rf"{_BEGIN}(?:(?:(?!{_BEGIN}).)*?(?:{_END}|(?={_BEGIN})))?", re.DOTALL),
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "an API key": re.compile(r"\b(sk-[\w-]{20,}|gh[opsu]_\w{30,}|github_pat_\w{22,}|glpat-[\w-]{20,})"),
}
# Much else looks like a password, so it is not cut out.
_ALL = KEYS | {
    "a password": re.compile(
        r"""(?i)\b(password|passwd|secret|api_?key|token)\b["']?\s*[:=]\s*["'][^"'\s{}<>$]{8,}["']"""
    )
}
# As a service quotes a key that it refuses: its middle is stars, or most of it is left out.
QUOTED_KEY = re.compile(r"\bsk-[\w*-]{4,}")


def kind(text: str) -> str | None:
    """What secret the text seems to hold."""
    return next((what for what, pattern in _ALL.items() if pattern.search(text)), None)


def redacted(text: str, key: str = "") -> str:
    """Without the key in use, and without anything that looks like one."""
    text = text.replace(key, "***") if len(key) >= 8 else text
    for pattern in KEYS.values():
        text = pattern.sub("***", text)
    return text.encode("utf-8", "replace").decode()
