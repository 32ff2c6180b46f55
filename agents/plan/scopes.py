"""Whether two scopes can mean the same file, judged by their globs: the files may not exist yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

LONGEST = 300
_WILD = re.compile(r"[*?\[]")
_EXTENSION = re.compile(r".\.\w+$")
_CLASS = re.compile(r"\[[^\]]*\]")


def overlaps(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """The globs of `one` and `other` that can match the same path, as `a` or `a ~ b`; none for an empty scope."""
    pairs = [(a, b) for a in _positive(one) for b in _positive(other) if _overlap(a, b)]
    return [a if a == b else f"{a} ~ {b}" for a, b in pairs]


def _positive(scope: Sequence[str]) -> list[str]:
    """Exclusions (!glob) are left out: what overlaps without them may overlap. With nothing else they mean all."""
    return [glob for glob in scope if not glob.startswith("!")] or (["**"] if scope else [])


@lru_cache(maxsize=65536)
def _overlap(a: str, b: str) -> bool:
    fixed_a, fixed_b = _fixed(a), _fixed(b)
    if not (fixed_a.startswith(fixed_b) or fixed_b.startswith(fixed_a)):
        return False
    if max(len(a), len(b)) > LONGEST:
        return True
    return _meet(_parts(a), _parts(b), "**", _parts_meet)


@lru_cache(maxsize=4096)
def _fixed(glob: str) -> str:
    """What every path matched by the glob begins with."""
    parts = _parts(glob)
    wild = next((n for n, part in enumerate(parts) if _WILD.search(part)), len(parts))
    return "/".join([*parts[:wild], *(_WILD.split(part)[0] for part in parts[wild : wild + 1])]).rstrip("/")


@lru_cache(maxsize=4096)
def _parts(glob: str) -> tuple[str, ...]:
    """What has no extension may be a folder, and means what is in it.

    A bare name is taken at the root: it would fit at any depth, but that is seldom meant.
    """
    parts = [_CLASS.sub("?", part) for part in glob.strip().split("/") if part not in ("", ".")]
    if len(parts) == 1 and _WILD.search(parts[0]):
        parts.insert(0, "**")
    is_file = parts and not glob.endswith("/") and _EXTENSION.search(parts[-1])
    return tuple(parts) if is_file else (*parts, "**")


def _parts_meet(a: str, b: str) -> bool:
    return a == b or _meet(a, b, "*", lambda x, y: x == y or "?" in (x, y))


def _meet(a: Sequence[str], b: Sequence[str], star: str, same: Callable[[str, str], bool]) -> bool:
    """Whether some sequence matches both patterns, where `star` stands for any number of elements."""
    waiting, seen = [(0, 0)], {(0, 0)}
    while waiting:
        i, j = waiting.pop()
        if (i, j) == (len(a), len(b)):
            return True
        left, right = a[i : i + 1], b[j : j + 1]
        steps = []
        if star in (*left, *right):
            steps = [(i + 1, j)] * bool(left) + [(i, j + 1)] * bool(right)
        elif left and right and same(a[i], b[j]):
            steps = [(i + 1, j + 1)]
        new = [step for step in steps if step not in seen]
        seen.update(new)
        waiting += new
    return False
