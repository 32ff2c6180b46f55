"""The heads of the audit logs at a ref of this clone: a commit for each checkpoint, so that a push keeps them safe.

A log's lines can be cut, and what the clone remembers with them; this ref is one more place, and the only one
that leaves the machine: `git push origin 'refs/refactory/audit/*'` is refused where it would take a head back.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from agents.git import Repository
from state.audit_chain import Anchor
from state.audit_memory import Head, all_memories, clone_id, known_clone
from state.errors import RefactoryError
from state.lock import locked
from state.private_files import write_private
from state.store import Store

PREFIX = "refs/refactory/audit/"
_BLOB = "heads"
_NONE = "0" * 40


def ref_of(clone: str) -> str:
    return f"{PREFIX}{clone}"


def checkpoint(store: Store, seen: Mapping[str, Head] | None = None) -> None:
    """Note the heads that this clone wrote, and those it has verified. Never the reason why work fails."""
    try:
        _checkpoint(store, seen or {})
    except (RefactoryError, OSError) as error:
        print(f"refactory: the audit logs' heads were not noted: {error}", file=sys.stderr)


def _checkpoint(store: Store, seen: Mapping[str, Head]) -> None:
    private, git = store.location.private, Repository(store.location.git_dir)
    with store.lock("audit"):
        clone = clone_id(private)
        written = {
            name: head for memory in all_memories(private).values() for name, head in memory.heads.items()
        }
    with locked(private / "git-lock", "git update-ref"):
        old = git.resolve(ref_of(clone))
        before = heads_at(git, old) if old else {}
        heads = _longest(before, written, seen)
        if heads != before:
            commit = _commit(git, heads, old)
            git.update_ref(ref_of(clone), commit, old or _NONE)
            write_private(_noted(private), f"{clone} {commit}\n")
    _forget(store, heads)


def _longest(*all_heads: Mapping[str, Head]) -> dict[str, Head]:
    found: dict[str, Head] = {}
    for heads in all_heads:
        for name, head in heads.items():
            if name not in found or found[name].count < head.count:
                found[name] = head
    return found


def _commit(git: Repository, heads: Mapping[str, Head], old: str | None) -> str:
    text = "".join(f"{name} {head.count} {head.hash}\n" for name, head in sorted(heads.items()))
    blob = git.run("hash-object", "-w", "--stdin", input=text.encode())
    tree = git.run("mktree", input=f"100644 blob {blob}\t{_BLOB}\n".encode())
    return git.commit_tree(tree, [old] if old else [], "Heads of the audit logs\n")


def _forget(store: Store, mirrored: Mapping[str, Head]) -> None:
    """What is mirrored need not be remembered, except where the next line goes."""
    private = store.location.private
    with store.lock("audit"):
        for path, memory in all_memories(private).items():
            kept = {
                name: head
                for name, head in memory.heads.items()
                if name == memory.log or mirrored.get(name) != head
            }
            if kept != memory.heads:
                smaller = msgspec.structs.replace(memory, heads=kept)
                write_private(path, msgspec.json.encode(smaller).decode())


def heads_at(git: Repository, commit: str) -> dict[str, Head]:
    found = {}
    for line in (git.blob(commit, _BLOB) or b"").decode("utf-8", "replace").splitlines():
        name, count, digest = (*line.split(" "), "", "")[:3]
        if count.isdigit():
            found[name] = Head(int(count), digest)
    return found


def remembered(private: Path) -> list[Anchor]:
    """The heads in this clone's memory. Call under the lock."""
    memories = all_memories(private).values()
    heads = [item for memory in memories for item in memory.heads.items()]
    return [Anchor(name, head, "what this clone remembers") for name, head in heads]


def mirrored(private: Path, git: Repository) -> list[Anchor]:
    """The heads at this clone's ref, and at those of other clones."""
    own = ref_of(known_clone(private) or "")
    refs = git.run("for-each-ref", "--format=%(refname)", PREFIX).splitlines()
    noted = [(ref, *item) for ref in refs for item in heads_at(git, ref).items()]
    return [Anchor(name, head, ref, own=ref == own) for ref, name, head in noted]


def set_back(private: Path, git: Repository) -> tuple[str, str] | None:
    """This clone's ref and its commit at the last checkpoint, if it is gone or does not hold that any more."""
    try:
        clone, commit = _noted(private).read_text(encoding="utf-8").split()
    except (FileNotFoundError, ValueError):
        return None
    now = git.resolve(ref_of(clone))
    held = now is not None and (now == commit or git.is_ancestor(commit, now))
    return None if held else (ref_of(clone), commit)


def _noted(private: Path) -> Path:
    return private / "audit-mirror"
