from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from state.errors import Conflict, InvalidFile, NotFound, RefactoryError, UsageError
from state.journal import Append, Changes, begin, commit, recover
from state.journal_mark import is_open
from state.records import Request, Task
from state.store import Store
from tests.conftest import Refactory
from tests.state.crash_test import Fault
from tests.state.faults import Say, child, said


def create(store: Store, title: str) -> Request:
    with store.transaction("request:create") as changes:
        return changes.new(Request, title=title)


def test_what_is_put_is_there_for_others_at_once(store: Store) -> None:
    other = Store.open(store.location.root)
    made = create(store, "x")
    assert other.get(Request, 1) == made
    assert other.get(Request, made.key) == made


def test_nothing_is_written_when_the_transaction_fails(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction("t") as changes:
        changes.new(Request, title="x")
        raise RuntimeError
    assert store.all(Request) == []


@pytest.mark.slow
def test_eight_processes_create_25_requests_each(refactory: Refactory, store: Store) -> None:
    """200 records, 200 numbers, no error."""
    script = 'for n in $(seq 25); do "$@" --title "$n" --format ids || exit 1; done'
    program = refactory.start("--version").args
    assert isinstance(program, list)
    command = ["bash", "-c", script, "bash", *program[:2], "request:create"]
    started = [
        subprocess.Popen(
            command, cwd=refactory.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    results = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0] * 8, results
    said = "".join(err for _, err in results).splitlines()
    assert [line for line in said if "waiting for lock" not in line] == [], (
        "but on a busy machine some wait long"
    )
    given = sorted(int(line) for out, _ in results for line in out.split())
    assert given == list(range(1, 201))
    assert len(store.all(Request)) == 200


def test_threads_of_one_process_lose_nothing(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: create(store, str(n)), range(100)))
    assert sorted(store.keys(Request)) == sorted(request.key for request in made)
    assert len({request.key.partition("-")[0] for request in made}) == 100


def test_a_shared_number_is_refused_and_the_key_works(store: Store) -> None:
    made = create(store, "x")
    twin = store.path(Request, "1-aaaaaaaa")
    twin.write_text(store.path(Request, made.key).read_text().replace(made.key, "1-aaaaaaaa"))
    with pytest.raises(Conflict, match=f"1-aaaaaaaa.*{made.key}|{made.key}.*1-aaaaaaaa"):
        store.get(Request, 1)
    assert store.get(Request, made.key) == made


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text + "colour: red\n", r":\d+:1: colour: unknown key"),
        (lambda text: text.replace("title: x", "title: [x]"), r":5:1: title: expected text, found a list"),
        (lambda text: text + "title: y\n", r":6:1: .*second time"),
        (lambda text: "", r"empty"),
        (
            lambda text: text.replace("title: x", "state: nonsense\ntitle: x"),
            r":5:1: state: expected one of open, .*, found 'nonsense'",
        ),
        (lambda text: "<<<<<<< ours\n" + text, r":1:1: .*conflict"),
    ],
)
def test_a_file_that_is_no_record_is_named_with_its_line(store: Store, change: object, reason: str) -> None:
    made = create(store, "x")
    path = store.path(Request, made.key)
    assert callable(change)
    path.write_text(change(path.read_text()))
    with pytest.raises(InvalidFile, match=rf"\.refactory/requests/{made.key}\.yaml.*{reason}"):
        store.get(Request, 1)


def test_unknown_and_impossible_references(store: Store) -> None:
    with pytest.raises(NotFound):
        store.get(Task, 1)
    for bad in ("0", "-1", "x", "1-short", "../../etc/passwd", "", "1" * 40):
        with pytest.raises(UsageError):
            store.get(Task, bad)


def test_a_killed_transaction_is_finished_by_the_next_reader(store: Store) -> None:
    """The journal is there and no file is changed yet: as after a kill right behind the commit point."""
    changes = Changes({"requests/1-aaaaaaaa.yaml": "key: 1-aaaaaaaa\nversion: 1\ntitle: x\n"}, {})
    begin(store.journal, store.location.records, changes)
    assert Store.open(store.location.root).get(Request, 1).title == "x"
    assert not is_open(store.journal)


def linked_worktree(store: Store, path: Path) -> Store:
    for command in (
        ["add", "-f", ".refactory"],
        ["commit", "-qm", "s"],
        ["worktree", "add", "-q", str(path)],
    ):
        subprocess.run(["git", *command], cwd=store.location.root, check=True)
    return Store.open(path)


def test_a_killed_transaction_is_finished_in_its_own_worktree(store: Store, tmp_path: Path) -> None:
    """All worktrees share the journal: the next reader may stand in another one."""
    linked = linked_worktree(store, tmp_path / "linked")
    changes = Changes({"requests/1-aaaaaaaa.yaml": "key: 1-aaaaaaaa\nversion: 1\ntitle: x\n"}, {})
    begin(linked.journal, linked.location.records, changes)
    assert Store.open(store.location.root).all(Request) == []
    assert linked.get(Request, 1).title == "x"


def test_the_journal_of_a_worktree_that_is_gone_is_kept(store: Store, tmp_path: Path) -> None:
    linked = linked_worktree(store, tmp_path / "linked")
    begin(linked.journal, linked.location.records, Changes({"requests/1-aaaaaaaa.yaml": "what was"}, {}))
    shutil.rmtree(linked.location.root)
    with pytest.raises(RefactoryError, match=r"linked/\.refactory: is gone"):
        Store.open(store.location.root)
    assert "what was" in next(store.location.private.glob("journal.*/staged/*.0")).read_text()
    assert Store.open(store.location.root).all(Request) == []


def test_recovery_twice_changes_nothing(tmp_path: Path) -> None:
    root, journal = tmp_path / "root", tmp_path / "private" / "journal"
    changes = Changes({"a/x": "one", "a/gone": None}, {"log": Append(0, "line\n")})
    commit(journal, root, changes)
    begin(journal, root, changes)
    assert recover(journal)
    assert not recover(journal)
    assert ((root / "a/x").read_text(), (root / "log").read_text()) == ("one", "line\n")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_an_error_with_its_path(store: Store) -> None:
    store.location.private.chmod(0o500)
    with pytest.raises(RefactoryError, match=r"refactory"):
        create(store, "x")


def test_a_linked_worktree_shares_the_lock(store: Store, tmp_path: Path) -> None:
    made = create(store, "x")
    other = linked_worktree(store, tmp_path / "linked")
    assert other.get(Request, 1) == made
    assert other.location.private == store.location.private.resolve()


def test_a_number_is_given_once_in_a_clone(store: Store, tmp_path: Path) -> None:
    """Not again after its record is gone, and not on another branch, whose merge would bring two of it."""
    create(store, "x")
    gone = create(store, "y")
    store.path(Request, gone.key).unlink()
    assert create(store, "z").key.startswith("3-")
    linked = linked_worktree(store, tmp_path / "linked")
    assert create(linked, "there").key.startswith("4-")
    assert create(store, "here").key.startswith("5-")


def test_numbers_are_found_by_memory_as_by_listing(store: Store) -> None:
    """So many that the names are remembered; a file added, renamed or removed by hand is seen at once."""
    first = store.path(Request, create(store, "x").key)
    text = first.read_text()
    for number in range(2, 1200):
        key = f"{number}-aaaaaaaa"
        first.with_name(f"{key}.yaml").write_text(text.replace(first.stem, key))
    assert create(store, "y").key.startswith("1200-")
    assert (store.location.own_private / "names" / "requests").exists()
    assert create(store, "z").key.startswith("1201-")
    assert store.get(Request, 1201).title == "z"
    (first.with_name("7-aaaaaaaa.yaml")).unlink()
    with pytest.raises(NotFound):
        store.get(Request, 7)
    twin = first.with_name("8-bbbbbbbb.yaml")
    twin.write_text(text.replace(first.stem, "8-bbbbbbbb"))
    with pytest.raises(Conflict, match=r"8-aaaaaaaa .*, 8-bbbbbbbb"):
        store.get(Request, 8)
    twin.rename(first.with_name("5000-bbbbbbbb.yaml"))
    assert create(store, "last").key.startswith("5001-")


def test_the_number_of_a_killed_creation_is_not_given_again(store: Store) -> None:
    """Killed behind the commit point, finished by the next command, then deleted by hand."""

    def create(say: Say) -> None:
        with Fault("rename", 1, "before"), store.transaction("t") as changes:
            changes.new(Request, title="killed")

    with child(create) as (_, reading):
        said(reading)
    (killed,) = Store.open(store.location.root).all(Request)
    store.path(Request, killed.key).unlink()
    with store.transaction("t") as changes:
        assert changes.new(Request, title="next").key.startswith("2-")
