from __future__ import annotations

import subprocess
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


def request(store: Store, title: str = "x") -> None:
    with store.transaction("t") as changes:
        changes.new(Request, title=title)


def logs(store: Store) -> list[Path]:
    return sorted((store.location.records / "audit").iterdir())


def test_a_new_month_goes_on_with_the_chain(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for month in ("2031-01", "2031-02", "2031-02", "2031-01"):
        monkeypatch.setattr("state.audit.now", lambda month=month: f"{month}-01T00:00:00Z")
        request(store)
    found = {
        path.name: [msgspec.json.decode(text, type=Line) for text in path.open("rb")] for path in logs(store)
    }
    assert sorted((name[9:16], len(lines)) for name, lines in found.items()) == [
        ("2031-01", 1), ("2031-01", 1), ("2031-02", 2),
    ], "a clock that is set back begins a new writer"  # fmt: skip
    (february,) = (name for name in found if "2031-02" in name)
    january = found[february.replace("2031-02", "2031-01")]
    assert found[february][0].previous == january[0].hash


def test_worktrees_of_one_clone_have_their_own_logs(begun: Repo, tmp_path: Path) -> None:
    begun.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    here, there = Store.open(begun.path), Store.open(tmp_path / "linked")
    for store in (here, there, here, there):
        request(store)
    assert [len(logs(store)) for store in (here, there)] == [1, 2], "one goes on, the other began its own"


def test_a_copy_of_a_clone_begins_its_own_log(begun: Repo, tmp_path: Path) -> None:
    subprocess.run(["cp", "-a", str(begun.path), str(tmp_path / "copy")], check=True)
    copy = Repo(tmp_path / "copy")
    work(begun, "here")
    work(copy, "there")
    copy.git("pull", "-q", "--no-rebase", "--no-edit", str(begun.path), "main")
    check_nothing_lost(copy, {"base", "here", "there"})


def test_a_moved_clone_goes_on_with_its_log(begun: Repo, tmp_path: Path) -> None:
    begun.path.rename(tmp_path / "moved")
    store = Store.open(tmp_path / "moved")
    request(store)
    assert len(logs(store)) == 1


def test_lines_name_the_request_that_caused_them(refactory: Refactory, store: Store) -> None:
    refactory.ok("request:create", "--title", "a")
    refactory.ok("request:create", "--title", "b")
    Refactory(refactory.folder, {"REFACTORY_REQUEST_ID": "ci-7"}).ok("request:create", "--title", "c")
    Refactory(refactory.folder, {"REFACTORY_REQUEST_ID": "no\nid"}).ok("request:create", "--title", "d")
    (lines,) = chains(store)
    ids = [line.request for line in lines]
    assert ids[2] == "ci-7"
    assert len(set(ids)) == 4
    assert all(len(each) == 16 for each in (ids[0], ids[1], ids[3]))
