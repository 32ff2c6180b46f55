"""Two commits merged in memory: by git, and what git leaves over by the resolvers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from agents.git.merge_tree import Merge, Side, Unmerged, merge_tree
from agents.git.path_text import shown
from agents.git.repository import Repository
from agents.reconcile.resolvers import Resolver
from agents.reconcile.resolvers.check import has_markers, lost_lines
from agents.reconcile.resolvers.clash import Clash, Kind, Region, lines_of
from agents.reconcile.resolvers.regions import parts_of
from state.records import Resolved, Task

_LARGEST = 4 * 1024 * 1024  # bytes; nobody writes as much by hand
_WHOLE = ("unset", "binary")
_LOST = 20  # lines that a record names

ChangedBy = Callable[[str], Sequence[Task]]


def _nobody(_path: str) -> Sequence[Task]:
    return ()


@dataclass(frozen=True)
class Merged:
    """`conflicts` are the files that nobody could merge; where there are some, `tree` is of no use."""

    tree: str
    conflicts: tuple[str, ...] = ()
    resolved: tuple[Resolved, ...] = ()


@dataclass(frozen=True)
class Merger:
    """`strict`: whether no tests will judge the result, so that a resolution that loses a line is refused.

    What it has merged it knows: the search for a culprit makes many combinations of the same commits.
    """

    git: Repository
    resolvers: Sequence[Resolver]
    strict: Callable[[], bool]
    _known: dict[tuple[str, str], Merged] = field(default_factory=dict, compare=False)

    def merge(self, ours: str, theirs: str, task: Task | None = None, others: ChangedBy = _nobody) -> Merged:
        """`task` is what `theirs` is the result of; `others` tells whose changes to a path are in `ours`."""
        known = self._known.get((ours, theirs))
        return known or self._known.setdefault((ours, theirs), self._merged(ours, theirs, task, others))

    def _merged(self, ours: str, theirs: str, task: Task | None, others: ChangedBy) -> Merged:
        merge = merge_tree(self.git, ours, theirs)
        if merge.clean:
            return Merged(merge.tree)
        with private_index(self.git, merge.tree) as index:
            found = clashes(self.git, index, merge, task, others)
            tried = [(one, clash and self.closed(clash)) for one, clash in found]
            closed = [(one, clash) for one, clash in tried if clash]
            if len(closed) < len(tried) or not tried:
                left = tuple(one.path for one, clash in tried if clash is None)
                return Merged(merge.tree, left or ("a file that git does not name",))
            return Merged(_written(index, closed), resolved=tuple(_record(clash) for _, clash in closed))

    def closed(self, clash: Clash) -> Clash | None:
        """By the first resolver that closes what is left of it; None if none does."""
        for resolve in self.resolvers:
            tried = resolve(clash)
            if tried.is_open:
                clash = tried
            elif not has_markers(tried) and not (lost_lines(tried) and self.strict()):
                return tried
        return None


@contextmanager
def private_index(git: Repository, tree: str) -> Iterator[Repository]:
    """The tree in an index of our own: the user's is never touched."""
    with tempfile.TemporaryDirectory(prefix="refactory-merge-") as folder:
        index = Repository(git.git_dir, index=Path(folder, "index"))
        index.run("read-tree", tree)
        yield index


def clashes(
    git: Repository, index: Repository, merge: Merge, task: Task | None = None, others: ChangedBy = _nobody
) -> Iterator[tuple[Unmerged, Clash | None]]:
    """What resolvers may try; None for what is no text, or not to be merged by lines."""
    whole = _never_by_lines(index, merge.conflicts)
    for one in merge.unmerged:
        clash = None if one.path in whole else _clash(git, one)
        yield one, clash and replace(clash, task=task, others=partial(others, one.path))


def _never_by_lines(index: Repository, paths: Sequence[str]) -> set[str]:
    """Lock files and the like, by the attributes `-merge` and `merge=binary` (gitattributes(5))."""
    asked = "\0".join(paths).encode("utf-8", "surrogateescape")
    out = index.raw("check-attr", "--cached", "-z", "--stdin", "merge", input=asked)
    fields = out.decode("utf-8", "surrogateescape").split("\0")
    return {path for path, value in zip(fields[0::3], fields[2::3], strict=False) if value in _WHOLE}


def _clash(git: Repository, one: Unmerged) -> Clash | None:
    kind = _kind(one)
    base, ours, theirs = (_content(git, side) for side in (one.base, one.ours, one.theirs))
    if kind is None or _mode(one) is None or base is None or ours is None or theirs is None:
        return None
    if kind == "edit/delete":
        region = Region(lines_of(base), lines_of(ours), lines_of(theirs))
        return Clash(one.path, kind, base, ours, theirs, (region,))
    parts = parts_of(git, base, ours, theirs)
    return Clash(one.path, kind, base, ours, theirs, parts) if parts else None


def _kind(one: Unmerged) -> Kind | None:
    """None where a side renamed it to something else, or made a folder of it."""
    if one.base is None:
        return "both add" if one.ours and one.theirs else None
    return "edit/edit" if one.ours and one.theirs else "edit/delete" if one.ours or one.theirs else None


def _content(git: Repository, side: Side | None) -> bytes | None:
    """Empty where there is no file; None for what is no text."""
    if side is None:
        return b""
    if not side.is_regular:
        return None
    data = git.raw("cat-file", "blob", side.blob)
    return None if b"\0" in data or len(data) > _LARGEST else data


def _mode(one: Unmerged) -> str | None:
    """What one side made of it; None if both made something else."""
    base, *modes = [side and side.mode for side in (one.base, one.ours, one.theirs)]
    found = {mode for mode in modes if mode}
    return (found - {base} or found).pop() if len(found - {base}) <= 1 else None


def _written(index: Repository, closed: Sequence[tuple[Unmerged, Clash]]) -> str:
    """The merged tree with these files as they were resolved; the index is a private one."""
    entries = [_entry(index, one, clash) for one, clash in closed]
    index.run("update-index", "-z", "--index-info", input=b"".join(entries))
    return index.run("write-tree")


def _entry(git: Repository, one: Unmerged, clash: Clash) -> bytes:
    path = one.path.encode("utf-8", "surrogateescape")
    if clash.kind == "edit/delete" and not clash.content:
        return b"0 %s\t%s\0" % (b"0" * len(one.sides[0].blob), path)
    blob = git.run("hash-object", "-w", "--stdin", input=clash.content)
    return f"{_mode(one)} {blob}\t".encode() + path + b"\0"


def _record(clash: Clash) -> Resolved:
    lost = [line[:200] for line in lost_lines(clash)[:_LOST]]
    return Resolved(file=shown(clash.path), by=list(dict.fromkeys(clash.by)), lost=lost)
