"""Links that lead out of the repository, attributes and submodules are found; plain ones are not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agents.git.repository import Repository
from agents.rules import Change
from agents.rules.added_lines import delta
from agents.rules.steering import RULES
from state.config import Reviewer
from state.records import Task
from tests.conftest import Repo


def found(repo: Repo, scope: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Rule and severity of what the rules say of all that is not committed yet."""
    old = repo.git("rev-parse", "HEAD")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "change")
    git, new = Repository(repo.path / ".git"), repo.git("rev-parse", "HEAD")
    task = Task(key="1-aaaaaaaa", plan="1-aaaaaaaa", title="T", scope=list(scope))
    change = Change(git, task, None, old, new, delta(git, old, new), Reviewer())
    return [(finding.rule, finding.severity) for rule in RULES for finding in rule(change)]


@pytest.mark.parametrize(
    "target",
    [
        "/etc/passwd",
        "../../x",
        "../tests/../../x",
        "../.git/hooks",
        "../.GIT/config",
        "dir/../x",
        "../sub/./../x",
    ],
)
def test_a_link_that_leads_out_is_an_error(repo: Repo, target: str) -> None:
    (repo.path / "sub").mkdir()
    (repo.path / "sub" / "link").symlink_to(target)
    assert found(repo) == [("outside-link", "error")]


@pytest.mark.parametrize(
    "target", ["../calc.py", "../tests", "new.py", "./new.py", "../tests/test_calc.py", "..a/b"]
)
def test_a_link_to_a_file_of_the_repository_is_fine(repo: Repo, target: str) -> None:
    (repo.path / "sub").mkdir()
    (repo.path / "sub" / "link").symlink_to(target)
    assert found(repo) == []


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("*.py filter=evil", "error"),
        ("*.py text merge=evil eol=lf", "error"),
        ("*.py\tdiff=evil", "error"),
        ("[attr]x filter=evil", "error"),
        ("*.png filter=lfs diff=lfs merge=lfs -text", "error"),
        ("*.py merge=union", "warning"),
        ("*.py -diff", "warning"),
        ("* text=auto", "warning"),
    ],
)
def test_attributes(repo: Repo, line: str, severity: str) -> None:
    repo.write({"sub/.gitattributes": f"# comment\n\n{line}\n"})
    assert found(repo) == [("git-attributes", severity)]
    repo.write({"sub/.GitAttributes": f"{line} # again\n"})
    assert found(repo, scope=[".gitattributes"]) == [("git-attributes", "warning")]


def test_submodules(repo: Repo) -> None:
    commit = repo.git("rev-parse", "HEAD")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},lib")
    (repo.path / "lib").mkdir()
    repo.git("config", "submodule.lib.ignore", "all")
    repo.write({".gitmodules": '[submodule "lib"]\n\tupdate = !run me\n'})
    seen = found(repo)
    assert set(seen) == {("submodule", "warning"), ("submodule", "error")}
    assert len(seen) == 3


def test_what_is_taken_away_is_no_finding(repo: Repo) -> None:
    repo.commit({".gitattributes": "* filter=x\n", ".gitmodules": "[submodule]\n"})
    (repo.path / "link").symlink_to("/etc")
    found(repo)
    for name in (".gitattributes", ".gitmodules", "link"):
        (repo.path / name).unlink()
    assert found(repo) == []
