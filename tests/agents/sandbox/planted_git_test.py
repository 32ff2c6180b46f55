"""Acceptance 2 and 15: what an agent plants for git to run is never run outside; its `.git` is not believed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.git.diff import changes
from agents.git.repository import Repository
from agents.rules.added_lines import delta
from agents.sandbox import for_agents
from agents.worktrees.workspace import Workspace
from agents.worktrees.worktree import Worktree
from state.config import Sandbox as Settings
from state.errors import WorkFailed
from tests.agents.sandbox.rooms import Room
from tests.conftest import Repo, make_repo

SETTINGS = {
    "core.hooksPath": "$PWD/.planted", "core.fsmonitor": "$RUN", "core.sshCommand": "$RUN", "core.editor": "$RUN",
    "core.pager": "$RUN", "core.alternateRefsCommand": "$RUN", "gpg.program": "$RUN", "credential.helper": "!$RUN",
    "filter.x.clean": "$RUN", "filter.x.smudge": "$RUN", "filter.x.process": "$RUN", "diff.x.command": "$RUN",
    "diff.x.textconv": "$RUN", "merge.x.driver": "$RUN", "remote.origin.uploadpack": "$RUN",
    "remote.origin.receivepack": "$RUN",
}  # fmt: skip
ATTRIBUTES = "printf '* filter=x diff=x merge=x\\n' >.gitattributes; echo changed >calc.py; "
HOOKS = "for h in post-checkout pre-commit reference-transaction post-index-change fsmonitor-watchman; do "
HOOKS += "printf '#!/bin/sh\\n$RUN\\n' >$d/$h; chmod +x $d/$h; done; "
PLANTED = {
    **{key: f'git config {key} "{value}"; {ATTRIBUTES}' for key, value in SETTINGS.items()},
    "hooks": "d=$(git rev-parse --git-common-dir)/hooks; mkdir -p $d; " + HOOKS,
    "info/attributes": "echo '* filter=x' >$(git rev-parse --git-common-dir)/info/attributes; " + ATTRIBUTES,
    "worktree's config": 'printf "[core]\\nfsmonitor=$RUN\\n" >$(git rev-parse --git-dir)/config.worktree',
    "an include": "git config include.path $PWD/more; printf '[core]\\nfsmonitor=x\\n' >more",
    "a nested repository": 'mkdir sub; cd sub; git init -q; git config core.fsmonitor "$RUN"; echo x >y; '
    "d=.git/hooks; mkdir -p $d; " + HOOKS,
    "a bare repository": 'git init -q --bare sub; cd sub; git config core.fsmonitor "$RUN"; d=hooks; '
    + HOOKS,
    "a submodule": 'printf \'[submodule "s"]\\npath=s\\nurl=./s\\nupdate=!%s\\n\' "$RUN" >.gitmodules; mkdir s',
    "a .git of its own": "git init -q --separate-git-dir=x .; rm -f .git; git init -q; "
    'git config core.fsmonitor "$RUN"',
    "objects elsewhere": "echo $PWD >$(git rev-parse --git-common-dir)/objects/info/alternates",
}


@pytest.fixture
def workspace(repo: Repo, tmp_path: Path) -> Workspace:
    make_repo(tmp_path / "remote")
    repo.git("remote", "add", "origin", str(tmp_path / "remote"))
    repo.commit({"other.py": "x = 1\n"}, "more")
    git_dir = repo.path / ".git"
    return Workspace(
        Repository(git_dir, top=repo.path), git_dir / "refactory", tmp_path, str(tmp_path / "remote")
    )


def operations(workspace: Workspace, worktree: Worktree, head: str) -> Iterator[str]:
    """Nine of ours, as a task meets them; each yields its name before it is done."""
    git = workspace.repository
    yield "snapshot"
    tree = worktree.snapshot().tree
    yield "commit-tree"
    commit = git.commit_tree(tree, (head,), "work")
    yield "diff"
    changes(git, head, commit)
    yield "added lines"
    delta(git, head, commit)
    yield "update-ref"
    workspace.set_branch("refactory/tasks/1", commit, "1")
    yield "merge-tree"
    git.run("merge-tree", "--write-tree", head, commit)
    yield "push"
    workspace.push(commit, f"refs/heads/{commit}-x")
    yield "fetch"
    workspace.fetch(f"{commit}-x")
    yield "checkout"
    with workspace.pool.checkout(commit) as again:
        again.snapshot()


def test_nothing_that_is_planted_is_run_outside(room: Room, repo: Repo, workspace: Workspace) -> None:
    ran = repo.path.parent / "ran"
    head = repo.git("rev-parse", "main")
    config = (repo.path / ".git" / "config").read_bytes()
    refused = []
    for name, script in PLANTED.items():
        with workspace.pool.checkout(head) as worktree:
            room.worktree = worktree
            room(f"RUN='touch {ran}'; {script}", sandbox=for_agents(worktree, room.settings))
            try:
                done = list(operations(workspace, worktree, head))
                assert len(done) == 9
            except WorkFailed:
                refused.append(name)
        assert not ran.exists(), name
    assert len(PLANTED) >= 18
    assert refused == [], "the .git file can't be replaced behind walls"
    assert (repo.path / ".git" / "config").read_bytes() == config
    assert repo.git("rev-parse", "main") == head


def test_the_attack_works_where_nothing_holds_it(free_room: Room, repo: Repo) -> None:
    """So that the check above can fail: plain git, no walls."""
    free_room.settings = Settings(mode="none")
    ran = repo.path.parent / "ran"
    free_room(f"RUN='touch {ran}'; {PLANTED['core.fsmonitor']}")
    repo.git("status")
    assert ran.exists()


REDIRECT = {
    "removed": "rm -f .git; git add -A; git commit -qm x",
    "another folder": "rm -f .git; git init -q; git add -A; git commit -qm x",
    "a link": "mv .git .g; ln -s .g .git",
    "main's own": "echo gitdir: {main} >.git; git checkout -qf main; git commit -qam x",
}


@pytest.mark.parametrize("how", REDIRECT)
def test_a_redirected_git_is_refused_with_the_reason(free_room: Room, repo: Repo, how: str) -> None:
    free_room.settings = Settings(mode="none")
    head = repo.git("rev-parse", "main")
    free_room("echo work >new.py; " + REDIRECT[how].format(main=repo.path / ".git"))
    with pytest.raises(WorkFailed, match=r"\.git was removed or redirected"):
        free_room.worktree.snapshot()
    if how != "main's own":  # without walls, whoever may write to .git can commit to main
        assert repo.git("rev-parse", "main") == head


@pytest.mark.parametrize("how", REDIRECT)
def test_behind_walls_it_can_not_be_redirected(room: Room, repo: Repo, how: str) -> None:
    head = repo.git("rev-parse", "main")
    room("echo work >new.py; " + REDIRECT[how].format(main=repo.path / ".git"))
    assert [change.path for change in room.worktree.snapshot().changed] == ["new.py"]
    assert repo.git("rev-parse", "main") == head
