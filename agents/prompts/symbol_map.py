"""A map of the repository for a prompt: what its files define, those nearest to the task first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from agents.edits.changes import EditRefused, Reader
from agents.prompts.symbols import imports, known, symbols

_MOST_FILES = 300  # a few milliseconds each
_LARGEST = 256 * 1024
_SUFFIXES = ("", ".py", "/__init__.py", ".js", ".ts", ".tsx", ".jsx", ".mjs", "/index.js", "/index.ts")


def symbol_map(paths: Iterable[str], read: Reader, room: int) -> str:
    """As many files as there is room for, in the order given: a path, and below it the lines that define something."""
    parts = []
    for path, source in _sources(paths, read):
        lines = [f"{'    ' * (found.depth + 1)}{found.head}" for found in symbols(path, source)]
        part = "\n".join([f"{path}:", *lines])
        room -= len(part) + 1
        if room < 0:
            break
        if lines:
            parts.append(part)
    return "\n".join(parts)


def imported(paths: Sequence[str], everything: Sequence[str], read: Reader) -> list[str]:
    """The files of the repository that these ones import, without these ones themselves."""
    there = dict.fromkeys(everything)
    found = dict[str, None]()
    for path, source in _sources(paths, read):
        for module in imports(path, source):
            found.update(dict.fromkeys(_resolved(path, module, there)))
    return [path for path in found if path not in paths]


def _resolved(path: str, module: str, there: dict[str, None]) -> Iterator[str]:
    """A script's module is a path from its folder; a Python one may start at any folder of sources."""
    if path.endswith(".py"):
        wanted, anywhere = _python_path(path, module)
    else:
        wanted, anywhere = _script_path(path, module), False
    for name in (f"{wanted}{suffix}" for suffix in _SUFFIXES if wanted):
        if name in there:
            yield name
        elif anywhere:
            yield from [other for other in there if other.endswith(f"/{name}")][:1]


def _python_path(path: str, module: str) -> tuple[str, bool]:
    name = module.lstrip(".")
    ups = len(module) - len(name)
    if not ups:
        return name.replace(".", "/"), True
    folder = PurePosixPath(path)
    for _ in range(ups):
        folder = folder.parent
    return str(folder / name.replace(".", "/")).removeprefix("./"), False


def _script_path(path: str, module: str) -> str:
    if not module.startswith("."):
        return ""
    parts: list[str] = list(PurePosixPath(path).parent.parts)
    for part in module.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _sources(paths: Iterable[str], read: Reader) -> Iterator[tuple[str, bytes]]:
    for path in [path for path in paths if known(path)][:_MOST_FILES]:
        try:
            data = read(path)
        except (EditRefused, OSError):
            continue
        if data and len(data) <= _LARGEST:
            yield path, data
