"""docs/merging.md, tried with real git: the driver, and every other way that history is combined."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from agents.state_in_git.merge_setup import install
from state.errors import InvalidFile
from state.location import locate
from state.record_files import encode
from state.records import Plan, Request, Task
from state.renumber import renumber
from tests.clones import Clone, origin
from tests.conftest import Refactory


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A repository with the attributes and no driver, and a plan of three tasks."""
    made = origin(tmp_path / "clone", driver=True)
    made.git("config", "--unset", "merge.refactory.driver")
    made.planned("first")
    made.save()
    return made


def task(clone: Clone, number: int = 1) -> Task:
    return clone.store.get(Task, number)


def branch_and_main(clone: Clone, side: dict[str, object], main: dict[str, object]) -> None:
    """Two branches that change task 1."""
    clone.git("checkout", "-qb", "side")
    clone.edit(task(clone), **side)
    clone.save()
    clone.git("checkout", "-q", "main")
    clone.edit(task(clone), **main)
    clone.save()


CHANGES: tuple[dict[str, object], dict[str, object]] = (
    {"state": "completed", "commit": "a" * 40, "scope": ["a"]},
    {"title": "New", "detail": "Text\n", "scope": ["b"], "state": "failed"},
)


def test_with_the_driver_one_record_merges_by_field(clone: Clone) -> None:
    install(locate(clone.path))
    branch_and_main(clone, *CHANGES)
    assert clone.merges("side"), clone.git("status")
    found = task(clone)
    assert (found.title, found.detail, found.scope) == ("New", "Text\n", ["a", "b"])
    assert (found.state, found.commit) == ("completed", "a" * 40)


def test_without_it_git_merges_by_line(clone: Clone) -> None:
    branch_and_main(clone, *CHANGES)
    assert not clone.merges("side")
    assert "<<<<<<<" in clone.store.path(Task, clone.store.keys(Task)[0]).read_text()


def test_a_true_conflict_is_one_field(clone: Clone) -> None:
    install(locate(clone.path))
    branch_and_main(clone, {"commit": "a" * 40, "scope": ["a"]}, {"commit": "b" * 40, "scope": ["b"]})
    path = clone.store.path(Task, task(clone).key)
    assert not clone.merges("side")
    assert clone.git("diff", "--name-only", "--diff-filter=U") == str(path.relative_to(clone.path))
    text = path.read_text()
    assert f"<<<<<<< ours\ncommit: {'b' * 40}\n=======\ncommit: {'a' * 40}\n>>>>>>> theirs\n" in text
    assert text.count("<<<<<<<") == 1
    with pytest.raises(InvalidFile, match="unresolved merge conflict"):
        task(clone)
    ours = [line for line in text.splitlines() if line[:7] not in ("<<<<<<<", "=======", ">>>>>>>")]
    path.write_text("\n".join(line for line in ours if "a" * 40 not in line) + "\n")
    clone.save("resolved")
    assert (task(clone).commit, task(clone).scope) == ("b" * 40, ["a", "b"])


@pytest.mark.parametrize("break_it", ["not-there", "false", "sh -c 'exit 1'"])
def test_a_driver_that_can_t_run_leaves_it_to_git(clone: Clone, break_it: str) -> None:
    """Not our version as if it were the merged one."""
    install(locate(clone.path))
    _, _, rest = clone.git("config", "merge.refactory.driver").partition(" state:merge ")
    clone.git("config", "merge.refactory.driver", f"{break_it} state:merge {rest}")
    branch_and_main(clone, {"title": "Theirs"}, {"title": "Ours"})
    assert not clone.merges("side")
    text = clone.store.path(Task, clone.store.keys(Task)[0]).read_text()
    assert "<<<<<<< ours\ntitle: Ours\n=======\ntitle: Theirs\n>>>>>>> theirs\n" in text


def test_what_merges_by_line_is_merged_where_the_driver_can_t_run(clone: Clone) -> None:
    install(locate(clone.path))
    _, _, rest = clone.git("config", "merge.refactory.driver").partition(" state:merge ")
    clone.git("config", "merge.refactory.driver", f"not-there state:merge {rest}")
    branch_and_main(clone, {"plan": "1-zzzzzzzz"}, {"feedback": "F"})
    assert clone.merges("side")
    assert (task(clone).plan, task(clone).feedback) == ("1-zzzzzzzz", "F")


@pytest.mark.parametrize("bad", [b"\xff\xfe\0", b"title: [\n", b"", b"colour: red\n" * 9, b"- " * 100_000])
def test_an_unreadable_side_is_left_to_the_user(clone: Clone, bad: bytes) -> None:
    """With git's markers, or as git leaves a binary file; never a traceback."""
    install(locate(clone.path))
    path = clone.store.path(Task, task(clone).key)
    clone.git("checkout", "-qb", "side")
    path.write_bytes(bad)
    clone.save()
    clone.git("checkout", "-q", "main")
    clone.edit(task(clone), title="Ours")
    clone.save()
    done = subprocess.run(
        ["git", "merge", "side"], cwd=clone.path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr and "unexpected" not in done.stderr
    assert "merged by lines" in done.stderr
    assert clone.git("diff", "--name-only", "--diff-filter=U") == str(path.relative_to(clone.path))


def test_the_driver_works_in_a_rebase(clone: Clone) -> None:
    install(locate(clone.path))
    branch_and_main(clone, *CHANGES)
    clone.git("checkout", "-q", "side")
    clone.git("rebase", "-q", "main")
    assert (task(clone).title, task(clone).state, task(clone).scope) == ("New", "completed", ["a", "b"])


def test_two_writers_of_one_log_are_both_kept(clone: Clone) -> None:
    """With nothing configured: git has the union of lines built in."""
    log = ".refactory/audit/00000000-2026-01.jsonl"
    clone.commit({log: "1\n"})
    clone.git("checkout", "-qb", "side")
    clone.commit({log: "1\n2 side\n"})
    clone.git("checkout", "-q", "main")
    clone.commit({log: "1\n2 main\n"})
    assert clone.merges("side")
    assert (clone.path / log).read_text() == "1\n2 main\n2 side\n"


def test_a_clone_that_worked_on_while_the_other_renumbered(clone: Clone, tmp_path: Path) -> None:
    """Its edit follows the record to the new number, by git's rename detection; its new references follow, too."""
    other = clone.clone("other")
    mine, theirs = clone.request("mine"), other.request("theirs")
    clone.edit(mine, created="2020-01-01T00:00:00Z")
    clone.save()
    other.save()
    clone.git("pull", "-q", "--no-rebase", "--no-edit", str(other.path), "main")
    renumber(clone.store)
    clone.save()
    other.edit(theirs, description="edited")
    with other.store.transaction("plan:create") as changes:
        made = changes.new(Plan, request=theirs.key)
    other.save()
    clone.git("pull", "-q", "--no-rebase", "--no-edit", str(other.path), "main")
    assert clone.store.get(Request, 3).description == "edited"
    assert clone.dangling() == [(made.key, theirs.key)]
    renumber(clone.store)
    assert clone.dangling() == []
    assert clone.store.get(Plan, made.key).request == clone.store.get(Request, 3).key


def test_rebase(clone: Clone) -> None:
    clone.git("checkout", "-qb", "side")
    for title in ("one", "two"):
        clone.planned(title)
        clone.save(title)
    clone.git("checkout", "-q", "main")
    clone.planned("main")
    clone.save()
    clone.git("checkout", "-q", "side")
    clone.git("rebase", "-q", "main")
    assert sorted(request.title for request in clone.store.all(Request)) == ["first", "main", "one", "two"]
    assert clone.dangling() == []
    renumber(clone.store)
    assert clone.shared_numbers() == []


def test_cherry_pick(clone: Clone) -> None:
    """Of one commit of many: its records come, the others do not."""
    clone.git("checkout", "-qb", "side")
    clone.planned("one")
    clone.save()
    clone.planned("two")
    picked = clone.save()
    clone.git("checkout", "-q", "main")
    clone.git("cherry-pick", picked)
    assert sorted(request.title for request in clone.store.all(Request)) == ["first", "two"]
    assert clone.dangling() == []
    assert clone.merges("side")
    assert sorted(request.title for request in clone.store.all(Request)) == ["first", "one", "two"]


def test_cherry_pick_of_the_end_of_a_log(clone: Clone) -> None:
    """Another clone's log, whose beginning is not here: git asks, and all there is to do is to add it."""
    other = clone.clone("other")
    other.planned("one")
    other.save()
    other.planned("two")
    other.save()
    clone.git("fetch", "-q", str(other.path), "main")
    clone.git("cherry-pick", "FETCH_HEAD", check=False)
    (unmerged,) = clone.git("diff", "--name-only", "--diff-filter=U").splitlines()
    assert unmerged.startswith(".refactory/audit/")
    clone.git("add", ".refactory/audit")
    clone.git("-c", "core.editor=true", "cherry-pick", "--continue")
    assert sorted(request.title for request in clone.store.all(Request)) == ["first", "two"]
    assert clone.merges("FETCH_HEAD")
    assert sorted(request.title for request in clone.store.all(Request)) == ["first", "one", "two"]


@pytest.mark.parametrize("driver", [True, False])
def test_squash_merge(clone: Clone, driver: bool) -> None:
    """The branch ends there. Who goes on with it and merges again needs the driver for what both have."""
    if driver:
        install(locate(clone.path))
    clone.git("checkout", "-qb", "side")
    clone.planned("side")
    clone.save()
    clone.git("checkout", "-q", "main")
    clone.planned("main")
    clone.save()
    clone.git("merge", "-q", "--squash", "side")
    clone.git("commit", "-qm", "squashed")
    assert clone.dangling() == []
    clone.git("checkout", "-q", "side")
    made = next(request for request in clone.store.all(Request) if request.title == "side")
    clone.edit(made, description="later")
    clone.save()
    clone.git("checkout", "-q", "main")
    assert clone.merges("side") == driver
    if driver:
        assert clone.store.get(Request, made.key).description == "later"


def test_revert_and_revert_of_the_revert(clone: Clone) -> None:
    """The number that a revert sets free may be given again, by another clone; then the older keeps it."""
    clone.request("reverted")
    commit = clone.save()
    clone.git("revert", "--no-edit", commit)
    assert [request.title for request in clone.store.all(Request)] == ["first"]
    other = clone.clone("other")
    again = other.request("in its place")
    assert again.key.startswith("2-")
    other.edit(again, created="2999-01-01T00:00:00Z")
    other.save()
    clone.git("revert", "--no-edit", "HEAD")
    clone.git("pull", "-q", "--no-rebase", "--no-edit", str(other.path), "main")
    renumber(clone.store)
    assert [(request.key[:1], request.title) for request in clone.store.all(Request)] == [
        ("1", "first"), ("2", "reverted"), ("3", "in its place"),
    ]  # fmt: skip


def test_a_shallow_clone(clone: Clone) -> None:
    """Works like any other; to merge it needs the commit where the two parted."""
    shallow = clone.clone("shallow", "--depth=1")
    shallow.request("shallow")
    shallow.save()
    shallow.git("push", "-q", "origin", "HEAD:side")
    clone.request("main")
    clone.save()
    clone.request("more")
    clone.save()
    assert clone.merges("side")
    shallow.git("fetch", "-q", "--depth=1", "origin", "main")
    assert not shallow.merges("FETCH_HEAD"), "unrelated histories, as far as it knows"
    shallow.git("fetch", "-q", "--unshallow", "origin", "main")
    assert shallow.merges("FETCH_HEAD")
    renumber(shallow.store)
    renumber(clone.store)
    assert shallow.files() == clone.files()


def test_switching_the_branch_with_uncommitted_records(clone: Clone) -> None:
    """To a branch with the same records they come along. To one with others git refuses: commit them first."""
    clone.git("branch", "same")
    clone.git("checkout", "-qb", "side")
    clone.edit(task(clone), title="Side")
    clone.save()
    clone.git("checkout", "-q", "main")
    made = clone.request("uncommitted")
    clone.git("checkout", "-q", "same")
    assert clone.store.get(Request, made.key) == made
    clone.edit(task(clone), title="Uncommitted")
    with pytest.raises(AssertionError, match="would be overwritten"):
        clone.git("checkout", "-q", "side")
    assert task(clone).title == "Uncommitted"
    clone.save()
    clone.git("checkout", "-q", "side")
    assert task(clone).title == "Side"
    assert clone.store.find(Request, made.key) is None
    new = clone.request("on side")
    assert new.key.startswith("3-"), "this clone gives no number twice"


def test_the_old_number_is_refused_until_it_is_fixed(clone: Clone) -> None:
    """With both keys named; the keys work."""
    other = clone.clone("other")
    mine, theirs = clone.request("mine"), other.request("theirs")
    clone.save()
    other.save()
    clone.git("pull", "-q", "--no-rebase", "--no-edit", str(other.path), "main")
    with pytest.raises(Exception, match="2 records") as refused:
        clone.store.get(Request, 2)
    assert mine.key in str(refused.value) and theirs.key in str(refused.value)
    assert clone.store.get(Request, theirs.key) == theirs


def test_one_record_renumbered_by_two_clones(clone: Clone) -> None:
    """Each knew other records. Git reports it as a rename in two ways; the driver has chosen the lower number."""
    install(locate(clone.path))
    for number, key in enumerate(("2-aaaaaaaa", "2-bbbbbbbb")):
        made = Request(
            key=key, created=f"202{number}-01-01T00:00:00Z", title="same number", description="x\n" * 9
        )
        path = clone.store.path(Request, key)
        path.write_bytes(encode(made))
    clone.save()
    clone.git("checkout", "-qb", "side")
    clone.write({".refactory/requests/8-cccccccc.yaml": encode(Request(key="8-cccccccc", title="t"))})
    renumber(clone.store)
    clone.save()
    clone.git("checkout", "-q", "main")
    renumber(clone.store)
    clone.save()
    assert not clone.merges("side")
    assert {"3-bbbbbbbb", "9-bbbbbbbb"} <= set(clone.store.keys(Request))
    clone.git("rm", "-q", "-f", ".refactory/requests/9-bbbbbbbb.yaml")
    clone.save("kept the lower one")
    assert clone.store.get(Request, 3).key == "3-bbbbbbbb"
    assert clone.dangling() == []


def test_doctor_settles_the_numbers(tmp_path: Path) -> None:
    """As users do it: two clones, a merge, the number refused with both keys named, `doctor --fix`."""
    hub = origin(tmp_path / "hub")
    other = hub.clone("other")
    for clone in (hub, other):
        Refactory(clone.path).ok("request:create", "--title", f"of {clone.path.name}")
        Refactory(clone.path).ok("state:commit")
    hub.git("pull", "-q", "--no-rebase", "--no-edit", str(other.path), "main")
    program = Refactory(hub.path)
    refused = program.run("request:show", "1")
    keys = hub.store.keys(Request)
    assert refused.code == 4 and all(key in refused.err for key in keys)
    assert {program.data("request:show", key)["title"] for key in keys} == {"of hub", "of other"}
    assert program.run("doctor").code == 1
    program.ok("doctor", "--fix")
    assert {program.data("request:show", number)["title"] for number in ("1", "2")} == {"of hub", "of other"}
    assert program.ok("doctor").out == "healthy\n"


def test_init_sets_the_driver_up_in_a_new_clone(tmp_path: Path) -> None:
    """Also one whose path has blanks and per cent signs; what the user wrote about attributes stays."""
    hub = origin(tmp_path / "hub")
    hub.commit({".refactory/.gitattributes": "*/*.yaml merge=refactory\n# mine\n"})
    hub.planned("first")
    hub.save()
    clone = hub.clone("a %A clone's")
    Refactory(clone.path).ok("init")
    Refactory(clone.path).ok("init")
    assert clone.git("config", "--get-all", "merge.refactory.driver").count("state:merge %O %A %B %P") == 1
    assert (clone.path / ".refactory/.gitattributes").read_text().endswith("# mine\n")
    branch_and_main(clone, *CHANGES)
    assert clone.merges("side")
    assert task(clone).title == "New"


def test_the_driver_by_hand_as_the_docs_say(clone: Clone, tmp_path: Path) -> None:
    """Exit code 1 for a conflict, which is named on standard output."""
    sides = [tmp_path / name for name in ("base", "ours", "theirs")]
    base = task(clone)
    for path, commit in zip(sides, (None, "a" * 40, "b" * 40), strict=True):
        path.write_bytes(encode(replace(base, commit=commit)))
    arguments = [*map(str, sides), f".refactory/tasks/{base.key}.yaml"]
    done = Refactory(clone.path).run("state:merge", *arguments)
    assert (done.code, done.out) == (1, f"conflict in .refactory/tasks/{base.key}.yaml: commit\n")
    assert sides[1].read_text().count("<<<<<<<") == 1
    done = Refactory(clone.path).run("state:merge", *arguments, "--json")
    assert done.code == 1, "markers are in it now, so it is no record"
    assert done.data["byLines"].endswith("unresolved merge conflict")
