"""Which paths an agent may touch: inside the tree, outside `.git` and `.refactory`, within its scope."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

PROTECTED = re.compile(r"\.git|\.refactory|git~\d+|refact~\d+")
STEERING = (".gitattributes", ".gitmodules")  # they tell git what to do with all other files
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def refuse_reason(path: str, scope: Sequence[str] = ()) -> str | None:
    """Why this path must not be touched; None if it may be."""
    if reason := _malformed(path):
        return reason
    for part in path.split("/"):
        if PROTECTED.fullmatch(as_file_systems_see_it(part)):
            return f"{part} is not for agents"
    if (name := as_file_systems_see_it(path.rsplit("/", maxsplit=1)[-1])) in STEERING and not is_named(
        name, scope
    ):
        return f"{name} changes what git does; a scope must name it"
    return None if in_scope(path, scope) else _why_outside(path, scope)


def _why_outside(path: str, scope: Sequence[str]) -> str:
    last = next((glob for glob in reversed(scope) if in_scope(path, [glob.removeprefix("!")])), "")
    return f"must not be changed ({last[1:]})" if last else f"outside the task's scope ({', '.join(scope)})"


def without(scope: Sequence[str], protected: Sequence[str]) -> list[str]:
    """The scope, less what no task may change."""
    return [*scope, *(f"!{glob}" for glob in protected)]


def _malformed(path: str) -> str | None:
    if not path:
        return "an empty path"
    if CONTROL.search(path):
        return "a control character in the path"
    if "\\" in path:
        return "a backslash in the path"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "an absolute path"
    parts = path.split("/")
    if not {"", ".", ".."}.isdisjoint(parts):
        return "the path must be plain, from the root of the repository"
    sizes = [len(part.encode(errors="surrogatepass")) for part in parts]
    return "the path is too long" if max(sizes) > 255 or len(sizes) > 100 or sum(sizes) > 3000 else None


def as_file_systems_see_it(part: str) -> str:
    """HFS+ skips invisible characters, NTFS trailing dots, blanks and streams, and both the case."""
    seen = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", part).casefold())
    seen = "".join(c for c in seen if unicodedata.category(c) not in ("Cf", "Mn"))
    return seen.split(":")[0].rstrip(". ")


def is_named(name: str, scope: Sequence[str]) -> bool:
    return any(not glob.startswith("!") and glob.rstrip("/").split("/")[-1] == name for glob in scope)


def in_scope(path: str, scope: Sequence[str]) -> bool:
    """True if a gitignore-like glob covers the path; the last one that fits decides, an empty scope allows all."""
    allowed = all(glob.startswith("!") for glob in scope)
    for glob in scope:
        if _covers(tuple(path.split("/")), _parts(glob.removeprefix("!"))):
            allowed = not glob.startswith("!")
    return allowed


@lru_cache(maxsize=1024)
def _parts(glob: str) -> tuple[str, ...]:
    glob = glob.strip().removeprefix("./")
    parts = glob.strip("/").split("/")
    if "/" not in glob.rstrip("/"):
        parts.insert(0, "**")  # a bare name is meant at any depth
    if glob.endswith("/"):
        parts += ["*", "**"] if parts[-1] == "**" else ["**"]
    return tuple(part for n, part in enumerate(parts) if part != "**" or parts[n - 1 : n] != ["**"])


@lru_cache(maxsize=65536)
def _covers(path: tuple[str, ...], glob: tuple[str, ...]) -> bool:
    if not glob:
        return True  # what is left lies inside a folder that matched
    if glob == ("**",):
        return bool(path)
    if glob[0] == "**":
        return any(_covers(path[depth:], glob[1:]) for depth in range(len(path)))
    return bool(path) and fnmatchcase(path[0], glob[0]) and _covers(path[1:], glob[1:])
