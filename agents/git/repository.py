"""Git, run so that nothing planted in a repository or a worktree makes it run something else."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from git.cmd import Git

from agents.git.environment import LOCAL, identity, safe
from state.errors import RefactoryError, UsageError

# A branch name that needs no git to see that git takes it.
_PLAIN_NAME = re.compile(r"[a-zA-Z0-9]+([/_-][a-zA-Z0-9]+)*")


class GitError(RefactoryError):
    code = "git"

    def __init__(self, args: Sequence[str], status: int, stderr: str) -> None:
        said = stderr.strip().splitlines()
        last = said[-1] if said else f"exit {status}"
        reason = next((line for line in said if line.endswith(".lock': File exists.")), last)
        super().__init__(
            f"git {args[0]}: {reason}", "\n".join([line for line in said if line != reason][-5:])
        )
        self.status = status
        self.stderr = stderr


# A remote that stalls would hold an agent for ever; a large clone may well take minutes.
NETWORK_SECONDS = 1800.0


@dataclass(frozen=True)
class Repository:
    """One git folder, always named to git, never discovered. `top`: where a remote's relative path starts.

    `login` is environment that lets git log in at a remote; it is a secret.
    """

    git_dir: Path
    work_tree: Path | None = None
    index: Path | None = None
    top: Path | None = None
    login: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def run(self, *args: str, input: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
        """Standard output as text, without the last line end. Raises GitError."""
        return self.raw(*args, input=input, env=env).decode("utf-8", "surrogateescape").rstrip("\n")

    def raw(self, *args: str, input: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        status, out, err = self.attempt(*args, input=input, env=env)
        if status:
            raise GitError(args, status, err)
        return out

    def attempt(
        self,
        *args: str,
        input: bytes | None = None,
        env: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> tuple[int, bytes, str]:
        """Exit status, standard output, standard error. After `seconds` git is ended."""
        if any("\0" in arg for arg in args):
            raise UsageError(f"git {args[0]}: a name with a NUL character can't exist")
        for name in LOCAL:
            os.environ.pop(name, None)
        with _file_of(input) if input is not None else nullcontext() as stdin:
            process = Git(str(self.work_tree or self.top or self.git_dir)).execute(
                ["git", *args],
                istream=stdin,
                as_process=True,
                env={**self.environment, **(env or {})},
                # In milliseconds it is over; a kill of us all would leave its lock to the user's next git, too.
                start_new_session=args[0] == "update-ref",
            )
            return _finished(process, seconds)

    @property
    def environment(self) -> dict[str, str]:
        env = {"GIT_DIR": str(self.git_dir), "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", **safe()}
        if self.work_tree:
            env["GIT_WORK_TREE"] = str(self.work_tree)
        if self.index:
            env["GIT_INDEX_FILE"] = str(self.index)
        return env | identity(self.git_dir) | dict(self.login)

    def resolve(self, revision: str) -> str | None:
        """The commit a branch, tag or id names, or None."""
        name = f"{revision}^{{commit}}"
        status, out, _ = self.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        return None if status else out.decode().strip()

    def check_branch(self, branch: str) -> None:
        """Raises UsageError for what can't be a branch's name: `main~1`, `a..b`, an option."""
        if not _PLAIN_NAME.fullmatch(branch) and self.attempt("check-ref-format", f"refs/heads/{branch}")[0]:
            raise UsageError(f"{branch!r} is no branch name")

    def tree(self, commit: str) -> str:
        """Its tree's id. `commit` must be a whole id, as the answer is remembered."""
        return _tree(self, commit)

    def commit_tree(self, tree: str, parents: Sequence[str], message: str, date: str | None = None) -> str:
        """A commit id. With a `date` (any that git takes) the same input always gives the same id."""
        flags = [part for parent in parents for part in ("-p", parent)]
        env = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else None
        return self.run("commit-tree", *flags, tree, input=message.encode(errors="surrogateescape"), env=env)

    def update_ref(self, ref: str, new: str, old: str | None = None) -> None:
        """Set `ref`; with `old` only if it still is that (all zeros: if it does not exist)."""
        self.run("update-ref", "-m", "refactory", ref, new, *([old] if old else []))

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        return self.attempt("merge-base", "--is-ancestor", ancestor, commit)[0] == 0

    def missing(self, commits: Iterable[str]) -> set[str]:
        """Those that are not here; one git for all of them."""
        asked = sorted(set(commits))
        if not asked:
            return set()
        listed = "".join(f"{commit}^{{commit}}\n" for commit in asked).encode()
        answers = self.run("cat-file", "--batch-check=%(objectname)", input=listed).splitlines()
        return {commit for commit, answer in zip(asked, answers, strict=True) if answer != commit}

    def changed_paths(self, old: str, new: str) -> list[str]:
        out = self.raw(
            "diff-tree", "-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=none", old, new
        )
        return out.decode("utf-8", "surrogateescape").rstrip("\0").split("\0") if out else []

    def files(self, commit: str) -> list[str]:
        out = self.raw("ls-tree", "-r", "-z", "--name-only", commit)
        return out.decode("utf-8", "surrogateescape").rstrip("\0").split("\0") if out else []

    def blob(self, commit: str, path: str) -> bytes | None:
        """A file's content in a commit; None where there is no such regular file."""
        status, out, _ = self.attempt("cat-file", "blob", f"{commit}:{path}")
        return None if status else out


@contextmanager
def running(git: Repository, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    """A git that answers what is written to it, until the block ends."""
    process = subprocess.Popen(
        ["git", *args],
        cwd=git.work_tree or git.top or git.git_dir,
        env={**{name: value for name, value in os.environ.items() if name not in LOCAL}, **git.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        yield process


_PIPE = 4096  # bytes that a pipe holds at least (PIPE_BUF of pipe(7), on Linux and macOS it is 16 times that)


def last_line(said: str) -> str:
    """What git gave as the reason."""
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("hint:")]
    return lines[-1] if lines else "no reason given"


def _finished(process: Git.AutoInterrupt, seconds: float | None) -> tuple[int, bytes, str]:
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        # Its pipes are left unread: a transport that git has started may hold them for longer.
        assert process.proc
        process.proc.terminate()
        return process.proc.wait(), b"", f"no end after {seconds:g} seconds"
    return process.returncode, out, err.decode("utf-8", "replace")


def _file_of(data: bytes) -> BinaryIO:
    """What is to be read. Not more in a pipe than fits into it: its writer would have to wait for its reader."""
    if len(data) <= _PIPE:
        reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as end:
            end.write(data)
        return os.fdopen(reader, "rb")
    large = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
    large.write(data)
    large.seek(0)
    return large


@lru_cache(maxsize=256)
def _tree(git: Repository, commit: str) -> str:
    return git.run("rev-parse", "--verify", f"{commit}^{{tree}}")
