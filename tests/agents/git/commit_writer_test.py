from __future__ import annotations

from agents.git.commit_writer import commit_writer
from agents.git.repository import Repository
from tests.conftest import Repo


def test_the_same_commits_as_gits_own(repo: Repo) -> None:
    repo.git("config", "user.name", "Änne <x> O'Neill")
    git = Repository(repo.path / ".git")
    base = repo.git("rev-parse", "HEAD")
    head = repo.commit({"x": "x\n"})
    tree = git.tree(head)
    with commit_writer(git) as writer:
        for message in ("one\n", "Merge: ü\n\nRefactory-Task: 1\n"):
            made = writer.write(tree, (head, base), message, "1700000000")
            assert made == git.commit_tree(tree, (head, base), message, date="@1700000000 +0000")
            assert git.run("cat-file", "-t", made) == "commit"
            head = made
    repo.git("fsck", "--strict")
