"""The heads of the audit logs at a ref of this clone: a commit for each checkpoint, so that a push keeps them safe.

A log's lines can be cut, and what the clone remembers with them; this ref is one more place, and the only one
that leaves the machine: `git push origin 'refs/refactory/audit/*'` is refused where it would take a head back.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from agents.git.lock import git_locked, lock_of
from agents.git.repository import GitError, Repository
from state.audit_chain import Anchor
from state.audit_memory import Head, all_memories, clone_id, known_clone
from state.errors import RefactoryError
from state.private_files import write_private
from state.store import Store

PREFIX = "refs/refactory/audit/"
_BLOB = "heads"
_FILE = "audit-noted"
_PATIENCE = 2.0  # seconds: whoever holds the lock for longer, the next checkpoint will do


class Noted(msgspec.Struct, frozen=True):
    """The last checkpoint, kept beside the ref: that the ref was set back shows, and nothing new needs no git."""

    clone: str
    commit: str
    heads: dict[str, Head]


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
    with store.lock("audit", _PATIENCE):
        clone = clone_id(private)
        written = _longest(*(memory.heads for memory in all_memories(private).values()))
    with git_locked(lock_of(private), "git update-ref", git.git_dir):
        before = _noted(private) or Noted(clone, "", {})
        if before.clone != clone or not before.commit:
            before = _at_ref(git, clone)
        heads = _longest(before.heads, written, seen)
        if heads != before.heads:
            commit = _committed(git, before, heads)
            text = msgspec.json.encode(Noted(clone, commit, heads)).decode()
            write_private(private / _FILE, text)
    _forget(store, heads)


def _committed(git: Repository, before: Noted, heads: Mapping[str, Head]) -> str:
    try:
        return _commit(git, before, heads)
    except GitError:  # the ref is not as it was left: go on from what it is
        now = _at_ref(git, before.clone)
        return _commit(git, now, _longest(now.heads, heads))


def _at_ref(git: Repository, clone: str) -> Noted:
    commit = git.resolve(ref_of(clone)) or ""
    return Noted(clone, commit, heads_at(git, commit) if commit else {})


def _longest(*all_heads: Mapping[str, Head]) -> dict[str, Head]:
    found: dict[str, Head] = {}
    for heads in all_heads:
        for name, head in heads.items():
            if name not in found or found[name].count < head.count:
                found[name] = head
    return found


def _commit(git: Repository, before: Noted, heads: Mapping[str, Head]) -> str:
    """On top of `before`, in one run of git, which refuses if the ref holds anything else by now."""
    lines = [f"{name} {head.count} {head.hash}\n" for name, head in sorted(heads.items())]
    text, message = "".join(lines), "Heads of the audit logs\n"
    told = (
        f"commit {ref_of(before.clone)}\nmark :1\ncommitter Refactory <refactory@localhost> {int(time.time())} +0000\n"
        f"data {len(message)}\n{message}"
        + (f"from {before.commit}\n" if before.commit else "")
        + f"M 100644 inline {_BLOB}\ndata {len(text)}\n{text}\nget-mark :1\n"
    )
    return git.run("fast-import", "--quiet", "--date-format=raw", input=told.encode())


def _forget(store: Store, mirrored: Mapping[str, Head]) -> None:
    """What is mirrored need not be remembered, except where the next line goes."""
    private = store.location.private
    with store.lock("audit", _PATIENCE):
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
    """The heads in this clone's memory, and at its last checkpoint. Call under the lock."""
    noted = _noted(private)
    all_heads = [memory.heads for memory in all_memories(private).values()] + ([noted.heads] if noted else [])
    heads = [item for heads in all_heads for item in heads.items()]
    return [Anchor(name, head, "what this clone remembers") for name, head in heads]


def mirrored(private: Path, git: Repository) -> list[Anchor]:
    """The heads at this clone's ref, and at those of other clones."""
    own = ref_of(known_clone(private) or "")
    refs = git.run("for-each-ref", "--format=%(refname)", PREFIX).splitlines()
    noted = [(ref, *item) for ref in refs for item in heads_at(git, ref).items()]
    return [Anchor(name, head, ref, own=ref == own) for ref, name, head in noted]


def set_back(private: Path, git: Repository) -> tuple[str, str] | None:
    """This clone's ref and its commit at the last checkpoint, if it is gone or does not hold that any more."""
    noted = _noted(private)
    if noted is None:
        return None
    now = git.resolve(ref_of(noted.clone))
    held = now is not None and (now == noted.commit or git.is_ancestor(noted.commit, now))
    return None if held else (ref_of(noted.clone), noted.commit)


def _noted(private: Path) -> Noted | None:
    try:
        return msgspec.json.decode((private / _FILE).read_bytes(), type=Noted)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
