"""What a forge remembers: its pull requests, issues, comments, labels and checks, over a real bare repository."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

TOKEN = "tok-5ecret-0123456789"
OWNER, NAME = "acme", "shop"


@dataclass
class Pull:
    number: int
    head: str
    base: str
    title: str
    body: str
    draft: bool
    state: str = "open"  # open, closed, merged
    labels: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    reviewed: list[str] = field(default_factory=list)
    merged_sha: str = ""


@dataclass
class Comment:
    id: int
    body: str


@dataclass
class Issue:
    number: int
    title: str
    body: str | None
    comments: list[Comment] = field(default_factory=list)


@dataclass(frozen=True)
class Check:
    """`state`: pending, passed or failed. `old`: set as a status, where a forge has two kinds."""

    name: str
    state: str
    old: bool = False


@dataclass
class State:
    """`protected`: why merging is refused. `checks`: what each look sees; the last of them stays."""

    repository: Path
    pulls: list[Pull] = field(default_factory=list)
    issues: dict[int, Issue] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=lambda: {"ann": 11, "bob": 12})
    labels: dict[str, int] = field(default_factory=dict)
    checks: list[list[Check]] = field(default_factory=lambda: [[]])
    protected: str = ""
    last: int = 0

    def next(self) -> int:
        self.last += 1
        return self.last

    def sha(self, branch: str) -> str:
        done = self._git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
        return done.stdout.strip()

    def open_pull(self, head: str, base: str, title: str, body: str, draft: bool) -> Pull | str:
        """The new one, or why not."""
        if any((p.head, p.base, p.state) == (head, base, "open") for p in self.pulls):
            return f"A pull request already exists for {OWNER}:{head}."
        if not self.sha(head):
            return f"head: there is no branch {head}"
        self.pulls.append(Pull(self.next(), head, base, title, body, draft))
        return self.pulls[-1]

    def pull(self, number: int) -> Pull | None:
        return next((pull for pull in self.pulls if pull.number == number), None)

    def merge(self, pull: Pull, sha: str) -> str:
        """Empty, or why not."""
        if self.protected:
            return self.protected
        if pull.state != "open":
            return "Pull Request is not mergeable"
        self._git("update-ref", f"refs/heads/{pull.base}", sha)
        pull.state, pull.merged_sha = "merged", sha
        return ""

    def look(self) -> list[Check]:
        """The checks now; the next look may see others."""
        return self.checks.pop(0) if len(self.checks) > 1 else self.checks[0]

    def issue_or_pull(self, number: int) -> Issue | Pull | None:
        return self.issues.get(number) or self.pull(number)

    def _git(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *args], cwd=self.repository, capture_output=True, text=True, check=False
        )
