"""`state:commit` with real git: what it commits, and all that it leaves alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from state.records import Request
from state.store import Store
from tests.conftest import Done, Refactory, Repo, make_repo


def request(refactory: Refactory, title: str = "T") -> None:
    refactory.ok("request:create", "--title", title)


def index_of_others(repo: Repo) -> str:
    """Every entry outside `.refactory`, with its stat data."""
    return repo.git("ls-files", "--stage", "--debug", "--", ":!.refactory")


def commit(refactory: Refactory, *args: str) -> Done:
    return refactory.ok("state:commit", *args)


def test_it_commits_the_records_alone(repo: Repo, refactory: Refactory) -> None:
    request(refactory)
    repo.write({"new.py": "1\n", "calc.py": "changed\n"})
    found = refactory.data("state:commit", "-m", "Records\n\nReviewed-by: me")
    assert found["branch"] == "main" and found["commit"] == repo.git("rev-parse", "HEAD")
    assert repo.git("log", "-1", "--format=%an %s %(trailers)") == "Tester Records Reviewed-by: me"
    names = repo.git("show", "--name-only", "--format=", "HEAD").splitlines()
    assert names == sorted(found["added"])
    assert all(name.startswith(".refactory/") for name in names)
    assert ".refactory/config.yaml" in names
    assert repo.git("status", "--porcelain") == "M calc.py\n?? new.py"


def test_nothing_to_commit_is_no_failure(repo: Repo, refactory: Refactory) -> None:
    commit(refactory)
    head = repo.git("rev-parse", "HEAD")
    assert commit(refactory).out == "nothing to commit\n"
    assert refactory.data("state:commit")["commit"] is None
    assert repo.git("rev-parse", "HEAD") == head


def test_dry_run_changes_nothing(repo: Repo, refactory: Refactory) -> None:
    commit(refactory)
    request(refactory)
    before = repo.git("rev-parse", "HEAD"), repo.git("count-objects"), repo.git("status", "--porcelain")
    shown = commit(refactory, "--dry-run").out.splitlines()
    assert [line[0] for line in shown] == ["A", "A"]
    after = repo.git("rev-parse", "HEAD"), repo.git("count-objects"), repo.git("status", "--porcelain")
    assert after == before


def test_changed_and_removed_files(repo: Repo, refactory: Refactory, store: Store) -> None:
    request(refactory)
    commit(refactory)
    made = store.get(Request, 1)
    refactory.ok("plan:create", "1", "--from", "-", input="## One\n")
    repo.write({".refactory/note.txt": "x"})
    found = refactory.data("state:commit")
    assert f".refactory/requests/{made.key}.yaml" in found["changed"]
    (repo.path / ".refactory/note.txt").unlink()
    assert commit(refactory, "--dry-run").out == "D .refactory/note.txt\n"
    commit(refactory)
    assert "note.txt" not in repo.git("ls-tree", "-r", "--name-only", "HEAD")
    assert repo.git("status", "--porcelain") == ""


def test_what_is_staged_stays_staged(repo: Repo, refactory: Refactory) -> None:
    """Staged, partly staged, removed, intended to be added: all as it was, and the next commit has just that."""
    repo.commit({"a.py": "1\n2\n", "b.py": "b\n", "gone.py": "g\n"})
    repo.write({"a.py": "staged\n2\n", "b.py": "unstaged\n", "staged.py": "s\n", "intended.py": "i\n"})
    repo.git("add", "a.py", "staged.py")
    repo.git("add", "--intent-to-add", "intended.py")
    repo.git("rm", "-q", "--cached", "gone.py")
    repo.write({"a.py": "staged\nunstaged\n"})
    request(refactory)
    before = index_of_others(repo), repo.git("diff"), repo.git("diff", "--cached", "--", ":!.refactory")
    tree = {path: path.stat().st_mtime_ns for path in repo.path.glob("*.py")}

    commit(refactory)

    after = index_of_others(repo), repo.git("diff"), repo.git("diff", "--cached")
    assert after == before
    assert tree == {path: path.stat().st_mtime_ns for path in repo.path.glob("*.py")}
    repo.git("commit", "-qm", "mine")
    mine = repo.git("show", "--name-status", "--format=", "HEAD").split()
    assert mine == ["M", "a.py", "D", "gone.py", "A", "staged.py"]
    assert repo.show("a.py") == "staged\n2"


def test_records_that_were_staged_are_committed_as_they_are_now(repo: Repo, refactory: Refactory) -> None:
    """An older version staged must not come back with the user's next commit."""
    request(refactory)
    repo.git("add", ".refactory")
    refactory.ok("plan:create", "1", "--from", "-", input="## One\n")
    commit(refactory)
    assert repo.git("status", "--porcelain") == ""
    assert "state: planned" in repo.git("grep", "-h", "state:", "HEAD", "--", ".refactory/requests")


def test_the_next_commit_reverts_nothing(repo: Repo, refactory: Refactory) -> None:
    commit(refactory)
    request(refactory)
    repo.commit({"a.py": "1\n"})
    commit(refactory)
    repo.commit({"b.py": "1\n"})
    assert repo.git("show", "--name-only", "--format=", "HEAD") == "b.py"
    assert repo.git("ls-tree", "-r", "--name-only", "HEAD", "--", ".refactory/requests")


def test_no_hook_runs(repo: Repo, refactory: Refactory, tmp_path: Path) -> None:
    hooks = repo.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    names = ("pre-commit", "commit-msg", "prepare-commit-msg", "post-commit", "reference-transaction",
             "post-index-change", "post-rewrite", "fsmonitor")  # fmt: skip
    for name in names:
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/{name}.ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    repo.git("config", "core.fsmonitor", str(hooks / "fsmonitor"))
    commit(refactory)
    assert list(tmp_path.glob("*.ran")) == []


def test_no_filter_changes_a_record(repo: Repo, refactory: Refactory, tmp_path: Path) -> None:
    repo.git("config", "filter.bad.clean", f"touch {tmp_path}/ran; tr a-z A-Z")
    repo.commit({".gitattributes": "* filter=bad\n", ".refactory/.gitattributes": "* -text filter=bad\n"})
    (tmp_path / "ran").unlink()
    repo.git("config", "core.autocrlf", "true")
    request(refactory)
    commit(refactory)
    name = repo.git("ls-tree", "-r", "--name-only", "HEAD", "--", ".refactory/requests")
    assert repo.show(name) + "\n" == (repo.path / name).read_text()
    assert not (tmp_path / "ran").exists()


def test_on_a_branch_without_a_commit(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "fresh")
    refactory = Refactory(repo.path)
    refactory.ok("init")
    repo.write({"mine.py": "1\n"})
    repo.git("add", "mine.py")
    commit(refactory)
    assert repo.git("rev-list", "--count", "main") == "1"
    assert set(repo.git("ls-tree", "-d", "--name-only", "HEAD").split()) == {".refactory"}
    assert repo.git("status", "--porcelain") == "A  mine.py"


def test_on_a_detached_head(repo: Repo, refactory: Refactory) -> None:
    main = repo.git("rev-parse", "main")
    repo.git("checkout", "-q", "--detach")
    assert "on a detached HEAD" in commit(refactory).out
    assert repo.git("rev-parse", "main") == main
    assert repo.git("rev-parse", "HEAD~") == main


def test_in_a_linked_worktree_its_own_branch_moves(repo: Repo, refactory: Refactory) -> None:
    commit(refactory)
    main = repo.git("rev-parse", "main")
    repo.git("worktree", "add", "-qb", "side", "../side")
    side = Refactory(repo.path.parent / "side")
    side.ok("request:create", "--title", "T")
    assert side.data("state:commit")["branch"] == "side"
    assert repo.git("rev-parse", "main", "side~").split() == [main, main]
    assert Repo(side.folder).git("status", "--porcelain") == ""
    assert repo.git("status", "--porcelain") == ""


def test_from_a_folder_inside(repo: Repo, refactory: Refactory) -> None:
    assert Refactory(repo.path / "tests").data("state:commit")["added"]
    assert repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("command", "what"), [("merge", "merge"), ("cherry-pick", "cherry-pick"), ("rebase", "rebase")]
)
def test_not_in_the_middle_of_a_merge(repo: Repo, refactory: Refactory, command: str, what: str) -> None:
    repo.git("checkout", "-qb", "side")
    repo.commit({"calc.py": "side\n"})
    repo.git("checkout", "-q", "main")
    repo.commit({"calc.py": "main\n"})
    repo.git(command, "side", check=False)
    head = repo.git("rev-parse", "HEAD")
    done = refactory.run("state:commit")
    assert (done.code, f"a {what} is in progress" in done.err) == (4, True), done.err
    assert repo.git("rev-parse", "HEAD") == head


def test_a_broken_record_is_not_committed(repo: Repo, refactory: Refactory, store: Store) -> None:
    request(refactory)
    path = store.path(Request, store.get(Request, 1).key)
    path.write_text(f"<<<<<<< ours\n{path.read_text()}")
    done = refactory.run("state:commit")
    assert done.code == 2
    assert f"{path.relative_to(repo.path)}:1" in done.err and "conflict" in done.err


def test_an_interrupted_transaction_is_finished_first(repo: Repo, refactory: Refactory, store: Store) -> None:
    """So that no half of it is committed."""
    from state.journal import Changes, begin

    text = "key: 1-aaaaaaaa\nversion: 1\ntitle: x\n"
    begin(store.journal, store.location.records, Changes({"requests/1-aaaaaaaa.yaml": text}, {}))
    assert ".refactory/requests/1-aaaaaaaa.yaml" in refactory.data("state:commit")["added"]


def test_it_waits_for_a_transaction(refactory: Refactory, store: Store) -> None:
    """Records that one transaction writes are in one commit."""
    with store.transaction("t") as changes:
        process = refactory.start("state:commit", "--json")
        while b"state:commit" not in Path(f"/proc/{process.pid}/cmdline").read_bytes():
            time.sleep(0.01)
        for title in ("one", "two"):
            changes.new(Request, title=title)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.count(".refactory/requests/") == 2


def test_what_git_ignores_is_not_committed(repo: Repo, refactory: Refactory) -> None:
    repo.commit({".gitignore": ".refactory/\n"})
    done = commit(refactory)
    assert done.out.startswith("nothing to commit (") and "ignored by git" in done.out


def test_a_sparse_checkout_removes_nothing(repo: Repo, refactory: Refactory) -> None:
    request(refactory)
    commit(refactory)
    repo.git("update-index", "--refresh")
    repo.git("sparse-checkout", "set", "--no-cone", "/*", "!/.refactory/requests/")
    assert not (repo.path / ".refactory/requests").exists()
    assert commit(refactory).out == "nothing to commit\n"


def test_while_another_git_holds_the_index_nothing_is_committed(repo: Repo, refactory: Refactory) -> None:
    head = repo.git("rev-parse", "HEAD")
    (repo.path / ".git" / "index.lock").touch()
    done = refactory.run("state:commit")
    assert done.code == 5 and "index.lock" in done.err
    assert repo.git("rev-parse", "HEAD") == head


def test_commits_at_once_lose_nothing(repo: Repo, refactory: Refactory) -> None:
    commit(refactory)
    for title in "ab":
        request(refactory, title)
    started = [refactory.start("state:commit", "--json") for _ in range(4)]
    ended = [(process.communicate(timeout=60), process.returncode) for process in started]
    assert [code for _, code in ended] == [0] * 4, ended
    assert repo.git("status", "--porcelain", "--", ".refactory") == ""
    assert repo.git("fsck", "--strict") == ""


def test_the_branch_moves_meanwhile(repo: Repo, refactory: Refactory) -> None:
    """Somebody commits beside us again and again: both histories are kept."""
    commit(refactory)
    request(refactory)
    process = refactory.start("state:commit")
    made = 0
    while process.poll() is None:
        new = repo.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", f"mine {made}")
        old = repo.git("rev-parse", f"{new}~")
        done = subprocess.run(["git", "update-ref", "HEAD", new, old], cwd=repo.path, check=False)
        made += done.returncode == 0
    process.communicate()
    commit(refactory)
    assert repo.git("status", "--porcelain") == ""
    assert repo.git("log", "--format=%s").count("mine") == made > 0
    assert repo.git("ls-tree", "--name-only", "HEAD", ".refactory/requests/")


def test_an_empty_message_is_refused(refactory: Refactory) -> None:
    assert refactory.run("state:commit", "-m", " ").code == 2
    assert refactory.run("state:commit", "-m", "-", input="").code == 2


def test_the_message_from_standard_input(repo: Repo, refactory: Refactory) -> None:
    refactory.ok("state:commit", "-m", "-", input="Grüße\n\nbody\n")
    assert repo.git("log", "-1", "--format=%B") == "Grüße\n\nbody"


def test_nothing_of_ours_is_left_behind(repo: Repo, refactory: Refactory) -> None:
    commit(refactory)
    left = [path.name for path in (repo.path / ".git" / "refactory").iterdir()]
    assert "commit" not in left
    assert not [name for name in os.listdir(repo.path / ".git") if name.endswith(".lock")]


@pytest.mark.slow
def test_killed_at_any_moment_the_next_one_works(repo: Repo, refactory: Refactory) -> None:
    """With all that it had started. Nothing is to be done by hand, and the user's next commit reverts nothing."""
    commit(refactory)
    random = Random(1)
    began = time.monotonic()
    refactory.ok("state:commit", "--dry-run")
    usual = time.monotonic() - began
    for number in range(30):
        request(refactory, str(number))
        process = refactory.start("state:commit", start_new_session=True)
        time.sleep(random.uniform(0.2, 1.5) * usual)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if number % 2:
            repo.commit({"mine.py": f"{number}\n"})
        commit(refactory)
        assert repo.git("status", "--porcelain") == ""
        kept = repo.git("ls-tree", "--name-only", "HEAD", ".refactory/requests/").split()
        assert len(kept) == number + 1


def test_a_lock_of_its_own_that_a_kill_left_is_known(repo: Repo, refactory: Refactory) -> None:
    commit(refactory)
    request(refactory)
    aside = repo.path / ".git" / "refactory" / "commit" / "user-index"
    aside.parent.mkdir()
    aside.write_bytes(b"not whole")
    os.link(aside, repo.path / ".git" / "index.lock")
    commit(refactory)
    assert repo.git("status", "--porcelain") == ""


def test_the_index_keeps_what_it_knows(repo: Repo, refactory: Refactory) -> None:
    """Flags, stat data, a file changed in the very moment that git looked at it."""
    repo.commit({"flagged.py": "1\n", "racy.py": "1\n"})
    repo.git("update-index", "--assume-unchanged", "flagged.py")
    repo.write({"racy.py": "2\n"})
    before = index_of_others(repo)
    commit(refactory)
    assert index_of_others(repo) == before
    assert repo.git("ls-files", "-v", "flagged.py") == "h flagged.py"
    assert repo.git("status", "--porcelain") == "M racy.py"


def test_a_split_index(repo: Repo, refactory: Refactory) -> None:
    repo.git("config", "core.splitIndex", "true")
    repo.git("update-index", "--split-index")
    repo.write({"calc.py": "staged\n"})
    repo.git("add", "calc.py")
    commit(refactory)
    request(refactory)
    commit(refactory)
    assert repo.git("status", "--porcelain") == "M  calc.py"


def test_a_file_that_is_too_large_for_any_of_ours_is_named(repo: Repo, refactory: Refactory) -> None:
    request(refactory)
    with (repo.path / ".refactory/dump.bin").open("wb") as file:
        file.truncate(64 * 2**30)
    done = refactory.run("state:commit")
    assert done.code == 2
    assert ".refactory/dump.bin: has more than" in done.err


def test_a_ref_that_is_being_moved_is_moved_though_we_are_killed(
    repo: Repo, refactory: Refactory, tmp_path: Path
) -> None:
    """Killed in the middle, git would leave a lock on HEAD, and the user's next commit would fail."""
    real, reached = shutil.which("git"), tmp_path / "reached"
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(
        f'#!/bin/sh\ncase " $* " in *" update-ref "*" HEAD "*) touch {reached}; sleep 1;; esac\nexec {real} "$@"\n'
    )
    slow.chmod(0o755)
    request(refactory)
    before = repo.git("rev-parse", "HEAD")
    slowed = Refactory(refactory.folder, {"PATH": f"{slow.parent}:{os.environ['PATH']}"})
    process = slowed.start("state:commit", start_new_session=True)
    wait_for(reached.exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for(lambda: repo.git("rev-parse", "HEAD") != before)
    repo.commit({"mine.py": "1\n"})
    assert commit(refactory).out == "nothing to commit\n"


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)
