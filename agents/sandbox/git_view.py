"""What a command may see of the git folder: history and the state of its worktree, all read-only.

Not there: hooks, logs, what Refactory and others keep in it. The configuration may hold a token (in a remote's URL, or
as the header that CI systems put there), so what is shown is a copy without all that could be one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from agents.git.repository import Repository
from state.private_files import write_private

_PARTS = ("HEAD", "objects", "refs", "reftable", "packed-refs", "shallow", "info")
_HARMLESS = re.compile(
    r"""core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf
    |eol|safecrlf|quotepath|longpaths|protecthfs|protectntfs|sparsecheckout|sparsecheckoutcone)
    |extensions\.\w+|user\.(name|email)|branch\..*\.(remote|merge)|remote\..*\.(url|fetch)""",
    re.VERBOSE | re.DOTALL,
)
_PASSWORD = re.compile(r"^(\w[\w+.-]*://)[^/@]*@")


def common_of(git_dir: Path) -> Path:
    """The folder that all worktrees share."""
    return git_dir.parent.parent if git_dir.parent.name == "worktrees" else git_dir


def git_binds(git_dir: Path) -> Iterator[tuple[Path, Path]]:
    """From where to where, all to be read only."""
    common = common_of(git_dir)
    for name in _PARTS:
        if (common / name).exists():
            yield common / name, common / name
    for objects in _alternates(common / "objects"):
        yield objects, objects
    yield _configuration(common), common / "config"
    if git_dir != common:
        yield git_dir, git_dir


def _alternates(objects: Path) -> Iterator[Path]:
    """Where a clone with shared objects has them (gitrepository-layout(5))."""
    file = objects / "info" / "alternates"
    for line in (
        file.read_text(encoding="utf-8", errors="surrogateescape").splitlines() if file.exists() else []
    ):
        path = objects / line
        if path.is_dir():
            yield path


def _configuration(common: Path) -> Path:
    """A file with the harmless part, made anew when git's own has changed."""
    copy = common / "refactory" / "sandbox.gitconfig"
    text = _shown(common, (common / "config").stat().st_mtime_ns)
    if not copy.exists() or copy.read_text(encoding="utf-8") != text:
        write_private(copy, text)
    return copy


@lru_cache(maxsize=8)
def _shown(common: Path, _changed: int) -> str:
    listed = Repository(common).run(
        "config", "--file", str(common / "config"), "--no-includes", "--list", "-z"
    )
    pairs = [item.partition("\n") for item in listed.split("\0") if item]
    return "".join(_entry(key, value) for key, _, value in pairs if _HARMLESS.fullmatch(key))


def _entry(key: str, value: str) -> str:
    section, _, rest = key.partition(".")
    middle, _, name = rest.rpartition(".")
    head = f'[{section} "{_escaped(middle)}"]' if middle else f"[{section}]"
    harmless = _PASSWORD.sub(r"\1", value)
    return f'{head}\n\t{name} = "{_escaped(harmless)}"\n'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
