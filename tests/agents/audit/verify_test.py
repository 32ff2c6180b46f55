"""Acceptance 23: any audit line changed, dropped, reordered, the tail cut: verification fails, always."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.audit.mirror import checkpoint
from agents.audit.verify import Verification, accept, verify
from state import journal
from state.audit import Line, sealed
from state.records import Request
from state.store import Store
from tests.conftest import Repo, make_repo

Lines = list[bytes]


def requests(store: Store, *titles: str) -> None:
    for title in titles:
        with store.transaction("request:create") as changes:
            changes.new(Request, title=title)


def the_log(store: Store) -> Path:
    (path,) = (store.location.records / "audit").iterdir()
    return path


def commit(repo: Repo, message: str = "state") -> str:
    repo.git("add", "-f", ".refactory")
    repo.git("commit", "-qm", message)
    return repo.git("rev-parse", "HEAD")


def diverged(repo: Repo, store: Store) -> None:
    """Line a on both branches, b on `other`, c on `main`, which is checked out."""
    requests(store, "a")
    commit(repo)
    repo.git("switch", "-q", "-c", "other")
    requests(store, "b")
    commit(repo)
    repo.git("switch", "-q", "main")
    requests(store, "c")
    commit(repo)


def found(store: Store) -> list[str]:
    return [finding.message for finding in verify(store).findings]


def whole(store: Store) -> Verification:
    answer = verify(store)
    assert answer.findings == []
    return answer


def rechained(lines: Lines) -> Lines:
    """As a forger would: every hash computed anew from the first line on."""
    out, previous = [], ""
    for text in lines:
        line = msgspec.structs.replace(msgspec.json.decode(text, type=Line), previous=previous)
        text, previous = sealed(line)
        out.append(text)
    return out


def other_actor(text: bytes) -> bytes:
    return text.replace(b'"actor":"', b'"actor":"not-', 1)


TAMPERINGS: dict[str, Callable[[Lines], Lines]] = {
    "a word": lambda lines: [*lines[:2], other_actor(lines[2]), *lines[3:]],
    "a word of the last line": lambda lines: [*lines[:-1], other_actor(lines[-1])],
    "a space": lambda lines: [lines[0].replace(b":", b": ", 1), *lines[1:]],
    "a line end": lambda lines: [lines[0].replace(b"\n", b"\r\n"), *lines[1:]],
    "the first line dropped": lambda lines: lines[1:],
    "a line dropped": lambda lines: [*lines[:2], *lines[3:]],
    "the last line dropped": lambda lines: lines[:-1],
    "the tail cut": lambda lines: lines[:2],
    "cut in a line": lambda lines: [*lines[:-1], lines[-1][:20]],
    "the last line end cut": lambda lines: [*lines[:-1], lines[-1][:-1]],
    "emptied": lambda _: [],
    "swapped": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "reversed": lambda lines: lines[::-1],
    "twice": lambda lines: [*lines[:2], lines[1], *lines[2:]],
    "the last line twice": lambda lines: [*lines, lines[-1]],
    "an empty line": lambda lines: [*lines[:-1], b"\n", lines[-1]],
    "conflict markers": lambda lines: [b"<<<<<<< ours\n", *lines],
    "a forged word": lambda lines: rechained([*lines[:2], other_actor(lines[2]), *lines[3:]]),
    "a forged line": lambda lines: rechained([*lines[:2], other_actor(lines[1]), *lines[2:]]),
    "a forged order": lambda lines: rechained([lines[1], lines[0], *lines[2:]]),
    "forged without a line": lambda lines: rechained(lines[1:]),
    "all forged": lambda lines: rechained([other_actor(line) for line in lines]),
}


def forget(store: Store) -> None:
    """The clone's memory is gone, as in a fresh clone."""
    for path in store.location.private.glob("audit-*"):
        path.unlink()


def prepared(folder: Path, known: str) -> Store:
    """A store whose log's end is known in one place only."""
    repo = make_repo(folder)
    (folder / ".refactory").mkdir()
    store = Store.open(folder)
    requests(store, *"abcdefgh")
    if known == "mirrored":
        checkpoint(store)
        for name in ("main.json", "noted"):
            (store.location.private / f"audit-{name}").unlink()
    elif known == "committed":
        commit(repo)
        forget(store)
    return store


@pytest.fixture(scope="module", params=["remembered", "mirrored", "committed"])
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return prepared(tmp_path_factory.mktemp("known") / "repo", request.param)


@pytest.mark.parametrize("tamper", TAMPERINGS.values(), ids=TAMPERINGS)
def test_tampering_is_found(known: Store, tamper: Callable[[Lines], Lines]) -> None:
    """Acceptance 23, by each of the three places that know how the log ended."""
    log, data = the_log(known), the_log(known).read_bytes()
    log.write_bytes(b"".join(tamper(data.splitlines(keepends=True))))
    messages = found(known)
    log.write_bytes(data)
    assert messages != []
    whole(known)


def test_a_log_that_is_gone_is_missed(known: Store) -> None:
    log, data = the_log(known), the_log(known).read_bytes()
    log.unlink()
    messages = found(known)
    log.write_bytes(data)
    assert messages != []


@pytest.fixture(scope="module")
def bytes_and_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path, bytes]:
    store = prepared(tmp_path_factory.mktemp("tampered") / "repo", "remembered")
    return store, the_log(store), the_log(store).read_bytes()


@st.composite
def tampered(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Some way to change some bytes; what changes nothing is no tampering."""
    seed = draw(st.integers(0, 2**32))
    way = draw(st.sampled_from(["byte", "bit", "drop", "swap", "cut", "repeat", "insert", "move", "forge"]))

    def change(data: bytes) -> bytes:
        rng = random.Random(seed)
        lines = data.splitlines(keepends=True)
        one, other = rng.sample(range(len(lines)), 2)
        at = rng.randrange(len(data))
        if way in ("byte", "bit"):
            mask = 1 << rng.randrange(8) if way == "bit" else rng.randrange(1, 256)
            return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
        if way == "cut":
            return data[:at]
        if way == "insert":
            return data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[at:]
        if way == "drop":
            del lines[one]
        elif way == "swap":
            lines[one], lines[other] = lines[other], lines[one]
        elif way == "repeat":
            lines.insert(one, lines[other])
        elif way == "move":
            lines.insert(other, lines.pop(one))
        else:
            return b"".join(rechained([*lines[:one], other_actor(lines[one]), *lines[one + 1 :]]))
        return b"".join(lines)

    return change


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(change=tampered())
def test_any_tampering_is_found(
    bytes_and_store: tuple[Store, Path, bytes], change: Callable[[bytes], bytes]
) -> None:
    """Acceptance 23."""
    store, log, data = bytes_and_store
    log.write_bytes(change(data))
    assert change(data) == data or found(store) != []
    log.write_bytes(data)
    whole(store)


def test_a_branch_switch_is_no_tampering(repo: Repo, store: Store) -> None:
    requests(store, "a")
    commit(repo)
    repo.git("branch", "other")
    requests(store, "b", "c")
    commit(repo)
    checkpoint(store)
    repo.git("switch", "-q", "other")
    notes = [note.message for note in whole(store).notes]
    assert [note for note in notes if "main (" in note and "has 2 more lines" in note] == notes != []
    requests(store, "d")
    assert whole(store).files == 2
    commit(repo)
    repo.git("merge", "-q", "main", "-m", "both")
    answer = whole(store)
    assert (answer.files, answer.lines, answer.notes) == (2, 4, [])


def test_a_stash_keeps_lines(repo: Repo, store: Store) -> None:
    requests(store, "a")
    commit(repo)
    requests(store, "b")
    repo.git("stash", "-u")
    (note,) = whole(store).notes
    assert "stash" in note.message
    repo.git("stash", "drop")
    assert found(store) != []


def test_a_reset_that_drops_lines_is_found(repo: Repo, store: Store) -> None:
    requests(store, "a")
    commit(repo)
    requests(store, "b")
    dropped = commit(repo)
    repo.git("reset", "-q", "--hard", "HEAD~1")
    assert "1, without that one" in found(store)[0]
    repo.git("branch", "kept", dropped)
    assert "has 1 more line" in whole(store).notes[0].message


def test_a_revert_that_drops_lines_is_found_and_says_where_they_are(repo: Repo, store: Store) -> None:
    requests(store, "a")
    commit(repo)
    requests(store, "b")
    reverted = commit(repo)
    repo.git("revert", "--no-edit", "HEAD")
    (finding,) = verify(store).findings
    assert (finding.line, finding.message) == (2, "1 committed line gone or changed from here on")
    assert reverted[:12] in finding.hint


def test_a_merge_that_takes_one_side_is_found(repo: Repo, store: Store) -> None:
    diverged(repo, store)
    forget(store)
    repo.git("merge", "-q", "-s", "ours", "other", "-m", "lost")
    assert found(store) != []


def test_a_fork_is_told_from_an_edit(repo: Repo, store: Store) -> None:
    """Two went on with one log, and git kept the lines of both, one after the other."""
    requests(store, "a", "b")
    log = the_log(store)
    lines = log.read_bytes().splitlines(keepends=True)
    line = msgspec.structs.replace(msgspec.json.decode(lines[1], type=Line), actor="other")
    log.write_bytes(b"".join([*lines, sealed(line)[0]]))
    assert found(store) == ["goes on from line 1: a fork, or lines were added in between or moved"]


def test_a_squash_merge_keeps_all(repo: Repo, store: Store) -> None:
    commit(repo)
    repo.git("switch", "-q", "-c", "other")
    for title in "abc":
        requests(store, title)
        commit(repo)
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "--squash", "other")
    commit(repo)
    assert whole(store).lines == 3


def test_a_rebase_keeps_all(repo: Repo, store: Store) -> None:
    diverged(repo, store)
    repo.git("switch", "-q", "other")
    repo.git("rebase", "-q", "main")
    answer = whole(store)
    assert (answer.lines, answer.notes) == (3, [])


def test_lines_in_another_worktree_are_not_lost(repo: Repo, store: Store, tmp_path: Path) -> None:
    requests(store, "a")
    commit(repo)
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    linked = Store.open(tmp_path / "linked")
    requests(linked, "b")
    checkpoint(linked)
    (note,) = whole(store).notes
    assert f"the worktree {tmp_path / 'linked'} has 1 more line" in note.message
    assert whole(linked).notes == []


def test_a_fresh_clone_verifies_what_was_committed(repo: Repo, store: Store, tmp_path: Path) -> None:
    requests(store, "a", "b")
    commit(repo)
    clone = Repo(tmp_path / "clone")
    repo.git("clone", "-q", str(repo.path), str(clone.path))
    there = Store.open(clone.path)
    assert whole(there).lines == 2
    log = the_log(there)
    log.write_bytes(b"".join(rechained(log.read_bytes().splitlines(keepends=True)[1:])))
    assert found(there) != []


def test_heads_that_were_pushed_show_what_another_clone_lost(
    repo: Repo, store: Store, tmp_path: Path
) -> None:
    """An outside copy finds what was cut together with the history, the memory and the ref."""
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "outside"], check=True)
    requests(store, "a", "b")
    first = commit(repo)
    checkpoint(store)
    repo.git("push", "-q", str(tmp_path / "outside"), "refs/refactory/audit/*")
    requests(store, "c")
    commit(repo)
    checkpoint(store)
    repo.git("push", "-q", str(tmp_path / "outside"), "refs/refactory/audit/*")
    repo.git("reset", "-q", "--hard", first)
    forget(store)
    ref = repo.git("for-each-ref", "--format=%(refname)", "refs/refactory/audit")
    repo.git("update-ref", ref, repo.git("rev-parse", f"{ref}~1"))
    assert whole(store).notes == [], "nothing in this clone knows of it"
    pushed = subprocess.run(
        ["git", "push", "-q", tmp_path / "outside", ref], check=False, cwd=repo.path, stderr=subprocess.PIPE
    )
    assert b"rejected" in pushed.stderr
    repo.git("fetch", "-q", str(tmp_path / "outside"), "refs/refactory/audit/*:refs/refactory/audit/*")
    assert "not merged yet, or lost" in whole(store).notes[0].message


def test_the_mirror_can_not_be_set_back(repo: Repo, store: Store) -> None:
    requests(store, "a")
    checkpoint(store)
    ref = repo.git("for-each-ref", "--format=%(refname)", "refs/refactory/audit")
    first = repo.git("rev-parse", ref)
    requests(store, "b")
    checkpoint(store)
    latest = repo.git("rev-parse", ref)
    repo.git("update-ref", ref, first)
    (finding,) = verify(store).findings
    assert latest in finding.hint
    repo.git("update-ref", "-d", ref)
    assert found(store) != []
    repo.git("update-ref", ref, latest)
    whole(store)


def test_a_checkpoint_goes_on_from_whatever_the_ref_is(repo: Repo, store: Store) -> None:
    """Killed before it was noted what the ref is, or the ref's commit is no longer there."""
    requests(store, "a")
    checkpoint(store)
    noted = store.location.private / "audit-noted"
    before = noted.read_bytes()
    requests(store, "b")
    checkpoint(store)
    noted.write_bytes(before)
    requests(store, "c")
    checkpoint(store)
    ref = repo.git("for-each-ref", "--format=%(refname)", "refs/refactory/audit")
    assert repo.git("rev-list", "--count", ref) == "3"
    repo.git("update-ref", "-d", ref)
    repo.git("gc", "-q", "--prune=now")
    requests(store, "d")
    checkpoint(store)
    whole(store)
    assert f"jsonl 4 {the_head(store)}" in repo.git("show", f"{ref}:heads")


def the_head(store: Store) -> str:
    return msgspec.json.decode(the_log(store).read_bytes().splitlines()[-1], type=Line).hash


def test_a_checkpoint_that_finds_nothing_new_makes_no_commit(repo: Repo, store: Store) -> None:
    requests(store, "a")
    checkpoint(store)
    ref = repo.git("for-each-ref", "--format=%(objectname)", "refs/refactory/audit")
    checkpoint(store)
    assert repo.git("for-each-ref", "--format=%(objectname)", "refs/refactory/audit") == ref


def test_a_crash_is_no_tampering(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Log and memory are one transaction: killed before its commit point it leaves neither, after it both."""
    requests(store, "a")
    with monkeypatch.context() as patched:
        patched.setattr("state.transaction.commit", lambda *_, **__: None)
        requests(store, "never")
    assert whole(store).lines == 1
    with monkeypatch.context() as patched:
        patched.setattr("state.transaction.commit", lambda *args, **_: journal.begin(*args[:3]))
        requests(store, "finished by who comes next")
    assert whole(store).lines == 2


def test_a_damaged_version_that_was_mended_is_no_loss(repo: Repo, store: Store) -> None:
    requests(store, "a", "b")
    commit(repo)
    log, data = the_log(store), the_log(store).read_bytes()
    log.write_bytes(data + b"<<<<<<<\n")
    commit(repo)
    assert found(store) != []
    log.write_bytes(data)
    commit(repo)
    whole(store)


def test_a_month_that_is_gone_is_missed(repo: Repo, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for month in ("2031-01", "2031-02", "2031-03"):
        monkeypatch.setattr("state.audit.now", lambda month=month: f"{month}-01T00:00:00Z")
        requests(store, "x")
    forget(store)
    whole(store)
    logs = sorted((store.location.records / "audit").iterdir())
    data = logs[1].read_bytes()
    logs[1].unlink()
    assert "the end was cut off" in found(store)[0]
    logs[1].write_bytes(data)
    logs[0].unlink()
    assert "the writer's file before it is missing" in found(store)[0]


def test_the_first_changed_line_of_a_committed_log_is_named(repo: Repo, store: Store) -> None:
    requests(store, "a", "b", "c")
    commit(repo)
    lines = the_log(store).read_bytes().splitlines(keepends=True)
    the_log(store).write_bytes(b"".join([lines[0], other_actor(lines[1]), lines[2]]))
    gone = [finding for finding in verify(store).findings if "gone or changed" in finding.message]
    assert [(finding.line, finding.message.split()[0]) for finding in gone] == [(2, "2")]


def test_a_commit_that_only_the_reflog_has_is_named(repo: Repo, store: Store) -> None:
    repo.git("checkout", "-q", "--detach")
    requests(store, "a")
    lost = commit(repo)
    repo.git("checkout", "-q", "main")
    (finding,) = verify(store).findings
    assert f"git branch rescue {lost[:12]}" in finding.hint
    repo.git("branch", "rescue", lost)
    whole(store)


def test_a_loss_that_is_accepted_is_a_note_and_says_why(repo: Repo, store: Store) -> None:
    requests(store, "a")
    commit(repo)
    requests(store, "b")
    repo.git("checkout", "-q", "--", ".refactory")
    repo.git("clean", "-qfd", ".refactory")
    answer = verify(store)
    assert answer.findings
    accept(store, answer.findings, "taken back by hand")
    assert "taken back by hand" in whole(store).notes[0].hint
    the_newest = max((store.location.records / "audit").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    the_newest.unlink()
    assert found(store), "without the line that accepts it, it is a finding again"
