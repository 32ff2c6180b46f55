from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from state.audit import Line, digest
from state.records import Plan, Request
from state.store import Store
from tests.conftest import Refactory, Repo


def work(repo: Repo, title: str) -> None:
    """A request and its plan, committed."""
    program = Refactory(repo.path)
    made = program.data("request:create", "--title", title)
    program.ok("plan:create", made["key"], "--from", "-", input=f"## {title} one\n\n## {title} two\n")
    repo.git("add", "-f", ".refactory")
    repo.git("commit", "-qm", title)


def chains(store: Store) -> list[list[Line]]:
    """The lines of each log, each checked against the one before it."""
    found = []
    for path in (store.location.records / "audit").glob("*.jsonl"):
        lines = [msgspec.json.decode(line, type=Line) for line in path.read_bytes().splitlines()]
        assert [line.previous for line in lines] == ["", *(line.hash for line in lines[:-1])], path
        assert [line.hash for line in lines] == [digest(line) for line in lines], path
        found.append(lines)
    return found


def check_nothing_lost(repo: Repo, titles: set[str]) -> None:
    store = Store.open(repo.path)
    assert {request.title for request in store.all(Request)} == titles
    assert len(store.all(Plan)) == len(titles)
    created = [line for lines in chains(store) for line in lines if line.frm is None]
    assert len([line for line in created if line.record.startswith("requests/")]) == len(titles)


@pytest.fixture
def begun(repo: Repo, refactory: Refactory) -> Repo:
    work(repo, "base")
    return repo


def test_two_branches_of_one_clone_merge(begun: Repo) -> None:
    """Back and forth, so that either branch goes on where the other one was last written."""
    begun.git("branch", "other")
    for branch, title in [("main", "a"), ("other", "b"), ("main", "c"), ("other", "d"), ("main", "e")]:
        begun.git("switch", "-q", branch)
        work(begun, title)
    begun.git("merge", "-q", "other", "-m", "both")
    check_nothing_lost(begun, {"base", "a", "b", "c", "d", "e"})


def test_two_clones_merge(begun: Repo, tmp_path: Path) -> None:
    begun.git("clone", "-q", str(begun.path), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    for name in ("user.name", "user.email"):
        clone.git("config", name, "tester")
    work(begun, "here")
    work(clone, "there")
    clone.git("pull", "-q", "--no-rebase", "--no-edit")
    check_nothing_lost(clone, {"base", "here", "there"})


def test_one_branch_keeps_one_log(store: Store) -> None:
    for title in ("a", "b", "c"):
        with store.transaction("t") as changes:
            changes.new(Request, title=title)
    assert [len(lines) for lines in chains(store)] == [3]


def test_a_log_that_was_put_back_is_not_gone_on_with(store: Store) -> None:
    """`git checkout` of an older log: what was written after it may be committed elsewhere."""
    with store.transaction("t") as changes:
        changes.new(Request, title="a")
    (log,) = (store.location.records / "audit").iterdir()
    before = log.read_bytes()
    with store.transaction("t") as changes:
        changes.new(Request, title="b")
    log.write_bytes(before)
    with store.transaction("t") as changes:
        changes.new(Request, title="c")
    assert log.read_bytes() == before
    assert sorted(len(lines) for lines in chains(store)) == [1, 1]
