from __future__ import annotations

from typing import Any

from state.records import Pull, Task
from state.store import Store
from tests.conftest import Refactory, Repo, new_file

PROTECT = "protect:\n- tests/**\n- pytest.ini\n"


def configure(repo: Repo, text: str) -> None:
    with (repo.path / ".refactory" / "config.yaml").open("a") as file:
        file.write(text)


def test_a_patch_of_a_protected_file_is_refused_and_the_next_may_be_right(
    repo: Repo, refactory: Refactory, store: Store, scripted: Any
) -> None:
    configure(repo, PROTECT)
    scripted(one=[new_file("tests/easy.py", "x = 1\n"), new_file("one.py", "x = 1\n")])
    refactory.ok("run", "--title", "One", "--until", "code")
    first, second = store.all(Pull)
    assert "must not be changed (tests/**)" in first.failure
    assert (first.commit, second.failure) == (None, "")
    assert repo.git("diff", "--name-only", "main", second.commit or "") == "one.py"


def test_a_program_that_changes_a_protected_file_gets_nowhere(
    repo: Repo, refactory: Refactory, store: Store
) -> None:
    configure(repo, PROTECT + "coder:\n  backend: command\n  command: echo pass >tests/test_calc.py\n")
    done = refactory.run("run", "--title", "One", "--until", "code")
    assert done.code == 1
    (task,) = store.all(Task)
    assert task.state == "failed"
    assert "the configuration protects (tests/**, pytest.ini): tests/test_calc.py" in task.feedback


def test_a_coder_is_told_what_it_must_not_change(repo: Repo, refactory: Refactory, store: Store) -> None:
    configure(repo, PROTECT + "coder:\n  backend: command\n  command: cat >told.txt\n")
    refactory.ok("run", "--title", "One", "--until", "code")
    (pull,) = store.all(Pull)
    told = repo.show("told.txt", pull.commit or "")
    assert "Never change files that match: tests/**, pytest.ini" in told
    assert "Change only files" not in told
