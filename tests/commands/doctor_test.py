from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from state import leases
from state.journal import Changes, begin
from state.record_files import encode
from state.records import Request, Task
from state.store import Store
from tests.agents.finished import planned, task_titled
from tests.conftest import Refactory, Repo


@pytest.fixture
def broken(store: Store, refactory: Refactory) -> Refactory:
    """A task in progress that nobody holds, and a file that is no record."""
    planned(store, "One")
    with store.transaction("test") as changes:
        changes.put(replace(changes.get(Task, 1), state="in_progress", attempts=1))
    (store.location.records / "tasks/notes.txt").write_text("x")
    return refactory


def test_healthy(refactory: Refactory) -> None:
    assert refactory.ok("doctor").out == "healthy\n"
    data = refactory.data("doctor")
    assert data.pop("sandbox").startswith(("bwrap works", "none: bubblewrap does not work here: "))
    assert data == {"problems": [], "fixed": [], "backup": [], "failed": []}


def test_all_problems_are_listed(broken: Refactory) -> None:
    done = broken.run("doctor", "--json")
    assert (done.code, done.json["status"]) == (1, "error")
    stray, state = done.data["problems"]
    assert (stray["check"], stray["fix"], bool(stray["hint"])) == ("stray-file", "", True)
    assert (state["check"], state["fix"]) == ("state", "assign it again")
    assert "task 1 is in progress, but nobody holds it (--fix: assign it again)" in broken.run("doctor").out


def test_fix_mends_what_it_can_keeps_what_it_changes_and_says_so(store: Store, broken: Refactory) -> None:
    done = broken.run("doctor", "--fix", "--json")
    assert done.code == 1
    assert [problem["check"] for problem in done.data["fixed"]] == ["state"]
    assert [problem["check"] for problem in done.data["problems"]] == ["stray-file"]
    assert task_titled(store, "One").state == "assigned"
    (kept,) = done.data["backup"]
    assert "state: in_progress" in Path(kept).read_text()
    (store.location.records / "tasks/notes.txt").unlink()
    assert broken.ok("doctor", "--fix").out == "healthy\n"


def test_dry_run_changes_nothing(store: Store, broken: Refactory) -> None:
    done = broken.run("doctor", "--fix", "--dry-run")
    assert done.code == 1
    assert "would be done: assign it again" in done.out
    assert task_titled(store, "One").state == "in_progress"
    assert not (store.location.private / "backup").exists()


def test_a_change_that_was_interrupted_is_told_before_it_is_finished(
    repo: Repo, store: Store, refactory: Refactory
) -> None:
    """Every other command finishes it first of all."""
    planned(store, "One")
    key = store.keys(Task)[0]
    text = store.path(Task, key).read_text()
    store.path(Task, key).unlink()
    begin(store.journal, store.location.records, Changes({f"tasks/{key}.yaml": text}, {}))
    found = refactory.run("doctor")
    assert (found.code, found.out.count("\n")) == (1, 1)
    assert found.out.startswith("journal: ")
    assert not store.path(Task, key).exists()
    assert "fixed: " in refactory.ok("doctor", "--fix").out
    assert store.path(Task, key).read_text() == text


def test_it_works_on_this_machine_only(refactory: Refactory) -> None:
    done = Refactory(refactory.folder, {"REF_API_URL": "http://127.0.0.1:1"}).run("doctor")
    assert done.code == 2
    assert "doctor works on the repository it is run in" in done.err


def test_a_file_that_hinders_one_check_hides_nothing_else(store: Store, broken: Refactory) -> None:
    """A link to itself as a record, a file where the folder of leases belongs."""
    (store.location.records / "requests/9-abcdefgh.yaml").symlink_to("9-abcdefgh.yaml")
    (store.location.private / "leases").write_text("x")
    done = broken.run("doctor", "--json")
    assert done.code == 1
    found = {problem["check"]: problem["message"] for problem in done.data["problems"]}
    assert {"readable", "stray-file", "unchecked"} <= found.keys()
    assert "9-abcdefgh.yaml: can't read: Too many levels of symbolic links" in found["readable"]
    assert "leases" in found["unchecked"]


def test_fix_says_what_it_did_and_that_it_is_to_be_committed(store: Store, refactory: Refactory) -> None:
    for key in ("7-aaaaaaaa", "7-bbbbbbbb"):
        record = Request(key=key, title=key, created=f"2026-01-0{1 + (key[2] == 'b')}T00:00:00Z")
        store.path(Request, key).parent.mkdir(exist_ok=True)
        store.path(Request, key).write_bytes(encode(record))
    out = refactory.ok("doctor", "--fix").out
    assert (
        "fixed: requests: 7-aaaaaaaa and 7-bbbbbbbb share a number (done: make 8-bbbbbbbb of the younger"
        in out
    )
    assert "`refactory state:commit`" in out


def test_only_the_schemas_that_are_replaced_are_kept(store: Store, refactory: Refactory) -> None:
    folder = store.location.records / "schemas"
    (folder / "task.json").unlink()
    (folder / "plan.json").write_text("{}")
    found = refactory.data("doctor", "--fix")
    assert [Path(kept).name for kept in found["backup"]] == ["plan.json"]


def test_what_could_not_be_mended_is_said_to_be_tried(store: Store, refactory: Refactory) -> None:
    """Records that share a number can't be renumbered while an agent works under one of the keys."""
    planned(store, "One")
    key = store.keys(Task)[0]
    text = store.path(Task, key).read_text()
    twin = f"{key.partition('-')[0]}-zzzzzzzz"
    store.path(Task, twin).write_text(text.replace(key, twin))
    leases.write(store.location.private, leases.offer(store.location.private, key, "coder-1", None, 60))
    done = refactory.run("doctor", "--fix")
    assert done.code == 1
    assert "can't be mended now: " in done.out
    assert "(tried: make " in done.out
    assert "would be done" not in done.out


def test_an_agent_that_is_not_here_is_named(repo: Repo, refactory: Refactory) -> None:
    mine = "presets: {mine: {program: no-such-program, arguments: [], install: 'pipx install mine'}}\n"
    config = repo.path / ".refactory" / "config.yaml"
    config.write_text(f"coder: {{backend: command, preset: mine}}\n{mine}sandbox: none\n")
    done = refactory.run("doctor")
    assert done.code == 1
    assert "coder: mine: there is no program no-such-program here (pipx install mine)" in done.out
    assert "sandbox: none, as `sandbox: none` is configured; " in done.err


def test_a_model_that_could_not_be_asked_is_named(repo: Repo, refactory: Refactory) -> None:
    config = repo.path / ".refactory" / "config.yaml"
    config.write_text("model: {baseUrl: 'localhost:8080'}\n")
    assert "config: the model's base URL is no http or https address" in refactory.run("doctor").out
    config.write_text("budgets: {money: 3}\n")
    assert "config: budgets.money is set, but model.price is not" in refactory.run("doctor").out
