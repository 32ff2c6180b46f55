"""A healthy repository, broken in each way: found, mended where there is one right answer, and healthy then."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from agents.diagnosis import checkup
from agents.diagnosis.backup import Backup
from agents.diagnosis.checkup import diagnose, mend
from agents.diagnosis.finding import Problem
from agents.git.refs import attempt_ref, task_branch
from agents.processes.tree import MARK
from agents.tasks.dispatch import claim
from agents.worktrees.workspace import Workspace, local
from state import leases
from state.journal import Changes, begin
from state.records import Orchestration, Plan, Pull, Record, Request, Task
from state.store import Store
from state.tokens import local_token
from tests.agents.finished import complete, planned, task_titled
from tests.agents.tasks.dispatch_test import expire
from tests.conftest import Refactory, Repo, make_repo

NOWHERE = "0123456789" * 4
DAY = 86_400


@dataclass
class Clinic:
    repo: Repo

    def __post_init__(self) -> None:
        self.store = Store(Store.open(self.repo.path).location)

    @property
    def git_dir(self) -> Path:
        return self.repo.path / ".git"

    @property
    def private(self) -> Path:
        return self.git_dir / "refactory"

    @property
    def workspace(self) -> Workspace:
        return local(self.store)

    def task(self, title: str) -> Task:
        return task_titled(self.store, title)

    def put(self, *records: Record) -> None:
        with self.store.transaction("test") as changes:
            for record in records:
                changes.put(record)

    def old(self, path: Path, text: str = "x") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (time.time() - DAY,) * 2)
        return path


_MADE: list[Path] = []


def make(folder: Path) -> Path:
    """One task merged, one completed, one to be done."""
    repo = make_repo(folder)
    repo.commit({"calc.py": "x = 1\n"}, "base")
    program = Refactory(folder)
    program.ok("init")
    with (folder / ".refactory/config.yaml").open("a") as config:
        config.write("test:\n  command: 'true'\n")
    store = Store.open(folder)
    planned(store, "Done")
    complete(store, repo, "Done", {"done.txt": "x\n"})
    for command in ("reconcile", "review", "launch"):
        program.ok(command, "1")
    planned(store, "One", "Two")
    complete(store, repo, "One", {"one.txt": "x\n"})
    repo.git("add", ".refactory")
    repo.git("commit", "-qm", "records")
    return folder


@pytest.fixture
def clinic(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Clinic:
    monkeypatch.setattr(checkup, "_PAUSE", 0.0)
    if not _MADE:
        _MADE.append(make(tmp_path_factory.mktemp("healthy") / "repo"))
    shutil.copytree(_MADE[0], tmp_path / "repo", symlinks=True)
    return Clinic(Repo(tmp_path / "repo"))


def test_a_healthy_repository(clinic: Clinic) -> None:
    assert diagnose(clinic.store) == []


def half_a_transaction(clinic: Clinic) -> None:
    path = clinic.store.path(Request, clinic.store.keys(Request)[0])
    text = path.read_text()
    path.unlink()
    begin(clinic.store.journal, path.parent, Changes({path.name: text}, {}))


def not_yaml(clinic: Clinic) -> None:
    clinic.store.path(Task, clinic.task("Two").key).write_text("<<<<<<< ours\n")


def newer(clinic: Clinic) -> None:
    path = clinic.store.path(Task, clinic.task("Two").key)
    path.write_text(path.read_text().replace("version: 1", "version: 99"))


def wrong_config(clinic: Clinic) -> None:
    (clinic.store.location.records / "config.yaml").write_text("no: such: key\n")


def stray_file(clinic: Clinic) -> None:
    (clinic.store.location.records / "tasks/notes.txt").write_text("x")


def half_written(clinic: Clinic) -> None:
    clinic.old(clinic.store.location.records / "tasks/.1-aaaaaaaa.yaml.tmp")
    clinic.old(clinic.private / "leases/.1-aaaaaaaa.json.7.tmp")


def old_schemas(clinic: Clinic) -> None:
    clinic.old(clinic.store.location.records / "schemas/task.json", "{}")


def missing_schema(clinic: Clinic) -> None:
    (clinic.store.location.records / "schemas/task.json").unlink()


def same_number(clinic: Clinic) -> None:
    request = clinic.store.all(Request)[0]
    clinic.put(replace(request, key="1-zzzzzzzz", created="2099-01-01T00:00:00Z", state="open"))


def dangling(clinic: Clinic) -> None:
    clinic.put(replace(clinic.task("Two"), depends_on=["77-aaaaaaaa"]))


def task_of_another_plan(clinic: Clinic) -> None:
    other = clinic.task("Done").plan
    clinic.put(replace(clinic.task("Two"), plan=other))


def unlisted_pull(clinic: Clinic) -> None:
    clinic.put(replace(clinic.task("One"), pulls=[]))


def foreign_pull(clinic: Clinic) -> None:
    one = clinic.task("One")
    clinic.put(replace(clinic.task("Two"), pulls=one.pulls))


def circle(clinic: Clinic) -> None:
    one, two = clinic.task("One"), clinic.task("Two")
    clinic.put(replace(one, depends_on=[two.key]), replace(two, depends_on=[one.key]))


def circle_of_both_orders(clinic: Clinic) -> None:
    one, two = clinic.task("One"), clinic.task("Two")
    clinic.put(replace(one, depends_on=[two.key]), replace(two, depends_on=[], after=[one.key]))


def after_nobody(clinic: Clinic) -> None:
    clinic.put(replace(clinic.task("One"), after=["9-zzzzzzzz"]))


def completed_without_commit(clinic: Clinic) -> None:
    clinic.put(replace(clinic.task("One"), commit=None))


def assigned_by_nobody(clinic: Clinic) -> None:
    clinic.put(replace(clinic.task("Two"), orchestration=None))


def in_progress_by_nobody(clinic: Clinic) -> None:
    clinic.put(replace(clinic.task("Two"), state="in_progress", attempts=1))


def done_too_early(clinic: Clinic) -> None:
    clinic.put(replace(clinic.store.get(Plan, 2), state="done"))


def no_plan(clinic: Clinic) -> None:
    with clinic.store.transaction("test") as changes:
        changes.new(Request, title="x", state="planned")


def no_base(clinic: Clinic) -> None:
    clinic.put(replace(clinic.store.get(Orchestration, 2), base=NOWHERE))


def no_target(clinic: Clinic) -> None:
    clinic.put(replace(clinic.store.get(Orchestration, 2), target_branch="gone"))


def no_commit(clinic: Clinic) -> None:
    one = clinic.task("One")
    clinic.put(replace(one, commit=NOWHERE))


def no_commit_of_an_attempt(clinic: Clinic) -> None:
    two = clinic.task("Two")
    with clinic.store.transaction("test") as changes:
        pull = changes.new(Pull, task=two.key, agent="coder-1", attempt=1, commit=NOWHERE)
        changes.put(replace(two, pulls=[pull.key]))


def no_branch(clinic: Clinic) -> None:
    clinic.repo.git("branch", "-D", clinic.task("One").branch or "")


def branch_elsewhere(clinic: Clinic) -> None:
    clinic.repo.git("branch", "-f", clinic.task("One").branch or "", "main")


def branch_checked_out_elsewhere(clinic: Clinic) -> None:
    branch_elsewhere(clinic)
    clinic.repo.git("checkout", "-q", clinic.task("One").branch or "")


def landed_and_lost(clinic: Clinic) -> None:
    first = clinic.repo.git("rev-list", "--max-parents=0", "main")
    clinic.repo.git("update-ref", "refs/heads/main", first)


def edited_audit_log(clinic: Clinic) -> None:
    log = sorted((clinic.store.location.records / "audit").glob("*.jsonl"))[0]
    log.write_text(log.read_text().replace("coder-1", "coder-2").replace('"pid":', '"pid":1'))


def dead_lease(clinic: Clinic) -> None:
    given = claim(clinic.store, "coder-1", "coder", 2**22 + 1)
    assert given


def expired_lease(clinic: Clinic) -> None:
    given = claim(clinic.store, "coder-1", "coder", None)
    assert given
    expire(clinic.store, given.task.key)


def damaged_lease(clinic: Clinic) -> None:
    clinic.old(clinic.private / "leases" / f"{clinic.task('Two').key}.json", "{")


def open_token(clinic: Clinic) -> None:
    local_token(clinic.private)
    (clinic.private / "token").chmod(0o644)


def set_aside(clinic: Clinic) -> None:
    (clinic.private / "journal.1700000000").mkdir()


def left_worktree(clinic: Clinic) -> None:
    with clinic.workspace.pool.checkout(clinic.repo.git("rev-parse", "main")):
        pass


def killed_fetch(clinic: Clinic) -> None:
    clinic.repo.git("update-ref", f"refs/refactory/arriving/{int(time.time()) - DAY}-0123abcd", "main")


def killed_late_agent(clinic: Clinic) -> None:
    done = clinic.task("Done")
    clinic.workspace.offer(task_branch(done.key), clinic.repo.git("rev-parse", "main"))


def killed_update_of_a_ref(clinic: Clinic) -> None:
    killed_late_agent(clinic)
    (clinic.private / "git-lock.work").write_bytes(bytes(clinic.git_dir) + b"\0")
    (clinic.git_dir / "packed-refs.lock").touch()


def lock_on_our_ref(clinic: Clinic) -> None:
    clinic.old(clinic.git_dir / "refs/heads" / f"{clinic.task('One').branch}.lock", "")


@pytest.mark.parametrize(
    ("wound", "check"),
    [
        (half_a_transaction, "journal"),
        (done_too_early, "state"),
        (half_written, "half-written"),
        (old_schemas, "schemas"),
        (missing_schema, "schemas"),
        (same_number, "number"),
        (unlisted_pull, "pull"),
        (in_progress_by_nobody, "state"),
        (no_branch, "branch"),
        (branch_elsewhere, "branch"),
        (dead_lease, "lease"),
        (expired_lease, "lease"),
        (damaged_lease, "lease"),
        (open_token, "mode"),
        (left_worktree, "worktree"),
        (killed_fetch, "ref"),
        (killed_late_agent, "ref"),
        (killed_update_of_a_ref, "ref"),
        (lock_on_our_ref, "git-lock"),
    ],
)
def test_what_has_one_right_answer_is_mended(
    clinic: Clinic, wound: Callable[[Clinic], None], check: str
) -> None:
    wound(clinic)
    found = [one.problem for one in diagnose(clinic.store)]
    assert {problem.check for problem in found} == {check}
    assert all(problem.fix for problem in found)
    fixed, left = mend(clinic.store, Backup(clinic.store.location))
    assert (fixed, left) == (found, [])
    assert mend(clinic.store, Backup(clinic.store.location)) == ([], []), "a second time finds nothing"


@pytest.mark.parametrize(
    ("wound", "check"),
    [
        (not_yaml, "readable"),
        (newer, "readable"),
        (wrong_config, "config"),
        (stray_file, "stray-file"),
        (dangling, "reference"),
        (task_of_another_plan, "plan"),
        (foreign_pull, "pull"),
        (circle, "cycle"),
        (circle_of_both_orders, "cycle"),
        (after_nobody, "reference"),
        (completed_without_commit, "state"),
        (assigned_by_nobody, "state"),
        (no_plan, "state"),
        (no_base, "base"),
        (no_target, "base"),
        (no_commit, "commit"),
        (no_commit_of_an_attempt, "commit"),
        (branch_checked_out_elsewhere, "branch"),
        (landed_and_lost, "landing"),
        (edited_audit_log, "audit"),
        (set_aside, "journal"),
    ],
)
def test_what_a_person_has_to_decide_is_left_alone(
    clinic: Clinic, wound: Callable[[Clinic], None], check: str
) -> None:
    wound(clinic)
    before = files(clinic)
    found = [one.problem for one in diagnose(clinic.store)]
    assert {problem.check for problem in found} == {check}
    assert all(problem.hint and not problem.fix for problem in found)
    assert mend(clinic.store, Backup(clinic.store.location)) == ([], found)
    assert files(clinic) == before


def files(clinic: Clinic) -> dict[str, bytes]:
    records = clinic.store.location.records
    return {str(path): path.read_bytes() for path in records.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "name",
    [
        "index.lock",
        "HEAD.lock",
        "config.lock",
        "packed-refs.lock",
        "refs/heads/main.lock",
        "worktrees/theirs/index.lock",
    ],
)
def test_locks_of_the_users_git_are_named_and_never_removed(clinic: Clinic, name: str) -> None:
    path = clinic.old(clinic.git_dir / name, "")
    (problem,) = mend(clinic.store, Backup(clinic.store.location))[1]
    assert problem.check == "git-lock"
    assert str(path) in problem.message
    assert path.exists()
    os.utime(path)
    assert diagnose(clinic.store) == [], "a git that is at work has one, too"


@pytest.fixture
def stranded(clinic: Clinic) -> Iterator[Callable[[dict[str, str]], subprocess.Popen[bytes]]]:
    """Starts a process in a worktree that no agent has."""
    started = []

    def start(env: dict[str, str]) -> subprocess.Popen[bytes]:
        left_worktree(clinic)
        program = [sys.executable, "-c", "print(flush=True); input()"]
        folder = clinic.workspace.pool.folder / "1"
        process = subprocess.Popen(
            program, cwd=folder, env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout
        process.stdout.readline()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_process_that_an_agent_left_is_ended(
    clinic: Clinic, stranded: Callable[[dict[str, str]], subprocess.Popen[bytes]]
) -> None:
    process = stranded({MARK: "1"})
    fixed, left = mend(clinic.store, Backup(clinic.store.location))
    assert ({problem.check for problem in fixed}, left) == ({"process", "worktree"}, [])
    assert process.wait(timeout=30)


def test_a_persons_process_is_only_named(
    clinic: Clinic, stranded: Callable[[dict[str, str]], subprocess.Popen[bytes]]
) -> None:
    process = stranded({})
    problems: list[Problem] = [one.problem for one in diagnose(clinic.store)]
    assert [problem.check for problem in problems] == ["process", "worktree"]
    assert str(process.pid) in problems[0].message
    assert problems[0].fix == ""


def test_what_is_changed_is_kept(clinic: Clinic) -> None:
    in_progress_by_nobody(clinic)
    killed_fetch(clinic)
    path = clinic.store.path(Task, clinic.task("Two").key)
    before, head = path.read_bytes(), clinic.repo.git("rev-parse", "main")
    backup = Backup(clinic.store.location)
    mend(clinic.store, backup)
    assert path.read_bytes() != before
    assert (backup.folder / path.relative_to(clinic.repo.path)).read_bytes() == before
    (ref,) = (kept for kept in backup.kept if kept.startswith("refs/"))
    assert clinic.repo.git("rev-parse", ref) == head


def test_a_task_given_back_is_claimed_again_as_the_same_attempt(clinic: Clinic) -> None:
    dead_lease(clinic)
    mend(clinic.store, Backup(clinic.store.location))
    given = claim(clinic.store, "coder-1", "coder", None)
    assert given
    assert given.task.attempts == 1


def test_a_live_agents_things_are_left_alone(clinic: Clinic) -> None:
    given = claim(clinic.store, "coder-1", "coder", os.getpid())
    assert given
    clinic.workspace.offer(task_branch(given.task.key), clinic.repo.git("rev-parse", "main"))
    assert diagnose(clinic.store) == []
    assert leases.find(clinic.private, given.task.key)


def test_an_accepted_result_whose_branch_was_not_moved_is_settled(clinic: Clinic) -> None:
    """Its agent was killed between the report and the branch."""
    one = clinic.task("One")
    assert one.branch
    assert one.commit
    no_branch(clinic)
    clinic.workspace.offer(one.branch, one.commit)
    mend(clinic.store, Backup(clinic.store.location))
    assert clinic.repo.git("rev-parse", one.branch) == one.commit
    refs = clinic.repo.git("for-each-ref", "--format=%(refname)").split()
    assert attempt_ref(one.branch, one.commit) not in refs


def test_what_agents_share_by_a_remote_need_not_be_here(clinic: Clinic) -> None:
    no_commit(clinic)
    no_base(clinic)
    assert {one.problem.check for one in diagnose(clinic.store)} == {"commit", "base"}
    clinic.put(replace(clinic.store.get(Orchestration, 2), remote="https://example.com/x.git"))
    assert diagnose(clinic.store) == []


def test_two_backups_in_one_second_are_two(clinic: Clinic) -> None:
    assert Backup(clinic.store.location).folder != Backup(clinic.store.location).folder


def test_who_wants_no_schemas_has_none(clinic: Clinic) -> None:
    shutil.rmtree(clinic.store.location.records / "schemas")
    assert diagnose(clinic.store) == []
