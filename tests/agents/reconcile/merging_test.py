"""Two commits merged in memory: what git leaves over is resolved, or named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from agents.git.repository import Repository
from agents.reconcile.merging import Merged, Merger
from agents.reconcile.resolvers.chain import chain
from state.config import Reconcile
from tests.conftest import Repo

Files = Mapping[str, str | bytes | None]
CODE = "a\nb\nc\nd\n"


def side(repo: Repo, files: Files) -> str:
    """A commit on main with these files; None removes one."""
    repo.git("checkout", "-q", "--detach", "main")
    for name in (name for name, content in files.items() if content is None):
        repo.git("rm", "-q", "--", name)
    repo.write({name: content for name, content in files.items() if content is not None})
    repo.git("add", "--all")
    repo.git("commit", "-q", "--allow-empty", "-m", "side")
    commit = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "-q", "main")
    return commit


def merged(repo: Repo, ours: Files, theirs: Files, config: Reconcile | None = None) -> Merged:
    git = Repository(repo.path / ".git")
    resolvers = chain(config or Reconcile(), repo.path / ".git" / "refactory", "plan")
    return Merger(git, resolvers, strict=lambda: True).merge(side(repo, ours), side(repo, theirs))


def by(done: Merged) -> dict[str, list[str]]:
    return {one.file: one.by for one in done.resolved}


def test_each_file_by_the_resolver_that_can(repo: Repo) -> None:
    repo.commit({"x.c": CODE, "CHANGELOG.md": "# C\n", "clean.c": CODE})
    before = repo.git("status", "--porcelain"), (repo.path / ".git" / "index").read_bytes()
    done = merged(
        repo,
        {"x.c": "a\nB\nc\nd\n", "CHANGELOG.md": "# C\n- one\n", "clean.c": "A\nb\nc\nd\n"},
        {"x.c": "a\nb\nC\nd\n", "CHANGELOG.md": "# C\n- two\n", "clean.c": "a\nb\nc\nD\n"},
    )
    assert by(done) == {"CHANGELOG.md": ["union"], "x.c": ["zero-context"]}
    assert repo.show("x.c", done.tree) == "a\nB\nC\nd"
    assert repo.show("CHANGELOG.md", done.tree) == "# C\n- one\n- two"
    assert repo.show("clean.c", done.tree) == "A\nb\nc\nD"
    after = repo.git("status", "--porcelain"), (repo.path / ".git" / "index").read_bytes()
    assert after[0] == before[0], "nothing of it is seen in the user's working tree"


@pytest.mark.parametrize(
    ("ours", "theirs", "files"),
    [
        ({"x.c": "a\nB\nc\nd\n"}, {"x.c": "a\nbb\nc\nd\n"}, {"x.c"}),
        ({"x.c": None}, {"x.c": "a\nB\nc\nd\n"}, {"x.c"}),
        ({"x.c": "a\nB\nc\nd\n"}, {"x.c": None}, {"x.c"}),
        ({"y.c": "one\n"}, {"y.c": "two\n"}, {"y.c"}),
        ({"b.bin": b"\0one"}, {"b.bin": b"\0two"}, {"b.bin"}),
        ({"x.c": None, "y.c": CODE}, {"x.c": None, "z.c": CODE}, {"x.c", "y.c", "z.c"}),
        ({"x.c": None, "x.c/y": "y\n"}, {"x.c": "a\nB\nc\nd\n"}, {"x.c"}),
        ({"pnpm-lock.yaml": "a\nB\nc\nd\n"}, {"pnpm-lock.yaml": "a\nb\nC\nd\n"}, {"pnpm-lock.yaml"}),
    ],
    ids=[
        "edit/edit", "delete/edit", "edit/delete", "both add", "binary", "rename/rename", "file/folder",
        "a file that is not to be merged by lines",
    ],
)  # fmt: skip
def test_what_nobody_can_merge_is_named(repo: Repo, ours: Files, theirs: Files, files: set[str]) -> None:
    repo.commit({"x.c": CODE, "pnpm-lock.yaml": CODE, ".gitattributes": "pnpm-lock.yaml -merge\n"})
    done = merged(repo, ours, theirs)
    assert {name.partition("~")[0] for name in done.conflicts} == files


def test_a_rename_beside_an_edit_is_one_file(repo: Repo) -> None:
    long = "".join(f"line {number}\n" for number in range(20))
    repo.commit({"x.c": long})
    done = merged(
        repo,
        {"x.c": None, "y.c": long.replace("line 5\n", "five\n")},
        {"x.c": long.replace("line 6\n", "six\n")},
    )
    assert by(done) == {"y.c": ["zero-context"]}
    assert repo.show("y.c", done.tree).splitlines()[5:7] == ["five", "six"]
    assert repo.git("ls-tree", done.tree, "x.c") == ""


def test_a_mode_that_one_side_changed_is_kept(repo: Repo) -> None:
    repo.commit({"run": CODE})
    executable = side(repo, {"run": "a\nB\nc\nd\n"})
    repo.git("checkout", "-q", executable)
    (repo.path / "run").chmod(0o755)
    repo.git("commit", "-qam", "executable")
    ours = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "-q", "main")
    git = Repository(repo.path / ".git")
    merger = Merger(git, chain(Reconcile(), repo.path / ".git" / "refactory", "plan"), strict=lambda: True)
    done = merger.merge(ours, side(repo, {"run": "a\nb\nC\nd\n"}))
    assert repo.git("ls-tree", done.tree, "run").split()[0] == "100755"


def test_one_file_left_over_leaves_the_whole_task_out(repo: Repo) -> None:
    repo.commit({"x.c": CODE, "y.c": CODE})
    done = merged(
        repo,
        {"x.c": "a\nB\nc\nd\n", "y.c": "a\nB\nc\nd\n"},
        {"x.c": "a\nb\nC\nd\n", "y.c": "a\nbb\nc\nd\n"},
    )
    assert (done.conflicts, done.resolved) == (("y.c",), ())


def test_the_order_is_the_configured_one_and_none_is_none(repo: Repo) -> None:
    repo.commit({"CHANGES": "a\nb\n"})
    ours, theirs = {"CHANGES": "a\none\nb\n"}, {"CHANGES": "a\ntwo\nb\n"}
    for names in (("union",), ("zero-context",), ("zero-context", "union"), ("union", "zero-context")):
        done = merged(repo, ours, theirs, Reconcile(resolvers=names))
        assert by(done) == {"CHANGES": [names[0]]}
    assert merged(repo, ours, theirs, Reconcile(resolvers=("rework",))).conflicts == ("CHANGES",)


def test_a_resolution_that_loses_a_line_is_refused_where_no_test_would_judge_it(
    repo: Repo, tmp_path: Path
) -> None:
    repo.commit({"x.c": CODE})
    command = "sh -c 'printf \"a\\nB\\nc\\nd\\n\" > %A'"
    config = Reconcile(resolvers=("semantic",), semantic=command)
    ours, theirs = {"x.c": "a\nB\nc\nd\n"}, {"x.c": "a\nb\nC\nd\n"}
    assert merged(repo, ours, theirs, config).conflicts == ("x.c",)
    resolvers = chain(config, tmp_path, "plan")
    merger = Merger(Repository(repo.path / ".git"), resolvers, strict=lambda: False)
    (resolved,) = merger.merge(side(repo, ours), side(repo, theirs)).resolved
    assert (resolved.by, resolved.lost) == (["semantic"], ["C"])
