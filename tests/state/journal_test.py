from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from state.errors import RefactoryError
from state.files import Unwritable
from state.journal import Append, Changes, begin, commit, pending, recover
from state.journal_mark import is_open
from state.records import Request
from state.store import Store
from tests.conftest import PROGRAM
from tests.state.faults import count_lines, new_store, step

CHANGES = Changes({"a/x": "one", "a/gone": None}, {"log": Append(0, "line\n")}, {"memory": "m"})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a" / "gone").write_text("old")
    return root


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "private" / "journal"


def look(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


DONE = {"a/x": "one", "log": "line\n"}


def beside(journal: Path) -> dict[str, str]:
    """What lies there but for the journal itself, which has nothing left to do."""
    assert not is_open(journal)
    return {name: text for name, text in look(journal.parent).items() if name != journal.name}


def test_all_is_done_and_nothing_is_left(root: Path, journal: Path) -> None:
    commit(journal, root, CHANGES)
    assert look(root) == DONE
    assert beside(journal) == {"memory": "m"}


def test_recovery_does_what_is_still_to_be_done(
    root: Path, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(journal, root, CHANGES, "plan:create")
    assert look(root) == {"a/gone": "old"}
    assert recover(journal)
    assert look(root) == DONE
    assert beside(journal) == {"memory": "m"}
    assert not recover(journal)
    said = "refactory: recovered: `plan:create` was interrupted; its change is complete now\n"
    assert capsys.readouterr().err == said


def test_a_journal_that_comes_back_does_nothing_again(root: Path, journal: Path) -> None:
    """As a power cut may bring it back, since to remove it is not waited for."""
    changes = Changes({"a/x": "one"}, {})
    begin(journal, root, changes)
    kept = journal.read_bytes()
    recover(journal)
    (root / "a" / "x").write_text("checked out")
    commit(journal, root, Changes({"b": "two"}, {}))
    journal.write_bytes(kept)
    recover(journal)
    assert look(root) == {"a/gone": "old", "a/x": "checked out", "b": "two"}


def test_a_log_grows_from_its_offset(root: Path, journal: Path) -> None:
    (root / "log").write_text("one\ntorn")
    commit(journal, root, Changes({}, {"log": Append(4, "two\n")}))
    assert (root / "log").read_text() == "one\ntwo\n"


def test_folders_that_went_meanwhile_are_made_again(root: Path, journal: Path) -> None:
    begin(journal, root, CHANGES)
    shutil.rmtree(root / "a")
    assert recover(journal)
    assert look(root) == DONE


def test_the_folder_of_a_log_that_went_meanwhile_is_made_again(root: Path, journal: Path) -> None:
    (root / "audit").mkdir()
    (root / "audit" / "log").write_text("one\n")
    begin(journal, root, Changes({}, {"audit/log": Append(4, "two\n")}))
    shutil.rmtree(root / "audit")
    assert recover(journal)
    assert look(root / "audit") == {"log": "two\n"}
    assert not recover(journal)


def test_what_was_staged_before_the_commit_point_is_swept_away(root: Path, journal: Path) -> None:
    staged = journal.with_name("staged")
    staged.mkdir(parents=True)
    (staged / "left.0").write_text("of a killed command")
    assert not recover(journal)
    commit(journal, root, CHANGES)
    assert list(staged.iterdir()) == []


def test_a_journal_that_can_not_be_read_is_put_aside(root: Path, journal: Path) -> None:
    begin(journal, root, CHANGES)
    journal.write_text("{")
    with pytest.raises(RefactoryError, match="can't be read") as caught:
        recover(journal)
    assert "journal." in caught.value.hint
    assert not recover(journal)
    assert "one" in look(journal.parent).values(), "what was to be written is kept"


def test_another_file_system_is_reached_by_a_copy(
    root: Path, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A linked worktree may lie on one."""
    real = os.rename

    def rename(source: str, target: str) -> None:
        if str(root) in str(target) and "staged" in str(source):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    commit(journal, root, CHANGES)
    assert look(root) == DONE
    assert beside(journal) == {"memory": "m"}


def test_more_files_than_descriptors(tmp_path: Path) -> None:
    script = f"""
        import resource, sys
        from pathlib import Path
        from state.journal import Changes, commit
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        root = Path({str(tmp_path)!r})
        commit(root / "private" / "journal", root, Changes({{f"r/{{n}}": str(n) for n in range(300)}}, {{}}))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    subprocess.run(command, cwd=PROGRAM.parent, check=True)
    assert {path.read_text() for path in (tmp_path / "r").iterdir()} == {str(n) for n in range(300)}


def test_a_log_that_is_full_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads a log reads all of it."""
    monkeypatch.setattr("state.audit._FULL", 5000)
    store = new_store(tmp_path)
    for _ in range(10):
        step(store)
    sizes = [path.stat().st_size for path in (store.location.records / "audit").iterdir()]
    assert len(sizes) > 2
    assert max(sizes) < 5000 + 3000
    assert count_lines(store) == 4 + 10 * 5


def test_a_kept_file_goes_with_the_records(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction("t") as changes:
        changes.keep("leases/x", "lease")
        raise RuntimeError
    assert not (store.location.private / "leases/x").exists()
    with store.transaction("t") as changes:
        changes.keep("leases/x", "lease")
    assert (store.location.private / "leases/x").read_text() == "lease"
    assert (store.location.private / "leases/x").stat().st_mode & 0o777 == 0o600


def test_what_follows_a_transaction_and_fails_does_not_deny_it(store: Store) -> None:
    def fail() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "lease")

    with pytest.raises(Unwritable) as caught, store.transaction("t") as changes:
        changes.new(Request, title="x")
        changes.after(fail)
    assert "recorded" in caught.value.hint
    assert len(store.all(Request)) == 1


@pytest.fixture
def interrupted(tmp_path: Path) -> Store:
    """One step was taken; a second one was killed right behind its commit point."""
    (tmp_path / "repo").mkdir()
    store = new_store(tmp_path / "repo")
    step(store)
    second = a_bit_of_everything(store)
    begin(store.journal, store.location.records, second, "step")
    return Store(store.location)


def a_bit_of_everything(store: Store) -> Changes:
    """The first request with another title, the second one removed, a new one."""
    first, other, *_ = store.keys(Request)
    text = store.path(Request, first).read_text()
    changed = text.replace("title: '1'", "title: changed").replace('title: "1"', "title: changed")
    assert changed != text
    return Changes(
        {
            f"requests/{first}.yaml": changed,
            f"requests/{other}.yaml": None,
            "requests/9-aaaaaaaa.yaml": changed.replace(first, "9-aaaaaaaa"),
        },
        {},
    )


def titles(store: Store) -> dict[str, str]:
    return {request.key.partition("-")[0]: request.title for request in store.all(Request)}


AFTER = {"1": "changed", "3": "1", "4": "1", "5": "1", "9": "changed"}


def test_who_can_not_finish_it_sees_it_finished(
    interrupted: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lock is held by another process just now; nothing of the change was carried out yet."""
    lock = interrupted.location.private / "lock"
    lock.unlink()
    lock.mkdir()  # nobody can take it
    store = Store.open(interrupted.location.root)
    assert "can't be finished now" in capsys.readouterr().err
    assert titles(store) == AFTER
    assert store.get(Request, 9).title == store.get(Request, 1).title == "changed"
    assert store.find(Request, interrupted.keys(Request)[1]) is None
    assert store.select(Request, state="open", limit=1)[1] == 5
    assert store.count(Request, "state") == {"open": 5}
    with pytest.raises(RefactoryError):
        step(store)
    lock.rmdir()
    with store.transaction("t") as changes:
        changes.new(Request, title="new")
    assert titles(store) == titles(Store.open(store.location.root)) == {**AFTER, "10": "new"}
    assert pending(store.journal) == {}


@pytest.fixture
def logged(root: Path, journal: Path) -> Changes:
    """Killed right behind the commit point: the log has room for the line, which is not there."""
    commit(journal, root, Changes({}, {"log": Append(0, "one\n")}))
    changes = Changes({}, {"log": Append(4, "two\n")})
    begin(journal, root, changes)
    assert (root / "log").read_text() == "one\n\n\n\n\n"
    return changes


@pytest.mark.parametrize(
    ("meanwhile", "then"),
    [
        ("one\n\n\n\n\n", "one\ntwo\n"),
        ("one\ntw\n\n", "one\ntwo\n"),
        ("one\n", "one\ntwo\n"),
        ("one\ntwo\nthree\n", "one\ntwo\nthree\n"),
        ("one\nother\n", "one\nother\ntwo\n"),
        ("", "two\n"),
    ],
)
def test_a_line_that_was_to_be_added_is_there_once(
    root: Path, journal: Path, logged: Changes, meanwhile: str, then: str
) -> None:
    """Git may have put another version of the log there meanwhile: nothing of it is written over."""
    (root / "log").write_text(meanwhile)
    assert recover(journal)
    assert (root / "log").read_text() == then


def test_a_log_with_two_names_is_written_anew(root: Path, journal: Path) -> None:
    """The other name may be a backup's."""
    (root / "log").write_text("one\n")
    os.link(root / "log", root / "backup")
    commit(journal, root, Changes({}, {"log": Append(4, "two\n")}))
    assert (root / "log").read_text() == "one\ntwo\n"
    assert (root / "backup").read_text() == "one\n"


def test_half_a_journal_was_no_commit(root: Path, journal: Path) -> None:
    begin(journal, root, CHANGES)
    journal.write_bytes(journal.read_bytes()[:-9])
    assert is_open(journal)
    assert not recover(journal)
    assert not is_open(journal)
    assert look(root) == {"a/gone": "old"}


def test_a_failure_gives_reserved_room_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.transaction("t") as changes:
        changes.new(Request, title="x")
    (log,) = (store.location.records / "audit").iterdir()
    before = log.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("state.journal.write_new", fail)
    with pytest.raises(Unwritable), store.transaction("t") as changes:
        changes.new(Request, title="y")
    assert log.read_bytes() == before
