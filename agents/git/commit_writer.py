"""Commits written by one git that keeps running: with many to make, its start would cost more than its work."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agents.git.repository import GitError, Repository
from agents.git.repository import running as running_git


@dataclass(frozen=True)
class CommitWriter:
    """`git hash-object -w --stdin-paths` writes what is in a file and answers with its id."""

    process: subprocess.Popen[bytes]
    path: Path
    author: str
    committer: str

    def write(self, tree: str, parents: Sequence[str], message: str, seconds: str) -> str:
        """The id that `git commit-tree` would give with the same date, in UTC."""
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {self.author} {seconds} +0000", f"committer {self.committer} {seconds} +0000"]
        self.path.write_bytes("\n".join([*lines, "", message]).encode(errors="surrogateescape"))
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{self.path}\n".encode())
        self.process.stdin.flush()
        commit = self.process.stdout.readline().decode().strip()
        if not commit:
            raise GitError(("hash-object",), self.process.wait(), "the commit could not be written")
        return commit


@contextmanager
def commit_writer(git: Repository) -> Iterator[CommitWriter]:
    with tempfile.TemporaryDirectory(prefix="refactory-commit-") as folder:
        options = ("-t", "commit", "-w", "--no-filters", "--stdin-paths")
        with running_git(git, "hash-object", *options) as process:
            yield CommitWriter(process, Path(folder, "commit"), _who(git, "AUTHOR"), _who(git, "COMMITTER"))


@cache
def _who(git: Repository, role: str) -> str:
    """Name and address, without the time that git adds."""
    return git.run("var", f"GIT_{role}_IDENT").rsplit(" ", 2)[0]
