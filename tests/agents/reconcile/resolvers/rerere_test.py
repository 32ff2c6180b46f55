from __future__ import annotations

from pathlib import Path

from agents.reconcile.resolvers.clash import lines_of
from agents.reconcile.resolvers.rerere import Rerere
from tests.agents.reconcile.resolvers.clashes import clash

CLASH = ("a\nb\nc\n", "a\nB1\nc\n", "a\nB2\nc\n")


def test_a_learnt_resolution_is_used_for_the_same_lines_anywhere(tmp_path: Path) -> None:
    memory = Rerere(tmp_path / "plan")
    found = clash(tmp_path, *CLASH)
    assert memory(found) == found
    memory.learn(found.regions[0], (b"B1 and B2\n",))
    moved = clash(tmp_path, *(f"x\ny\n{text}z\n" for text in CLASH), path="other.c")
    done = Rerere(tmp_path / "plan")(moved)
    assert (done.content, done.by) == (b"x\ny\na\nB1 and B2\nc\nz\n", ("rerere",))
    assert Rerere(tmp_path / "other plan")(moved) == moved


def test_learns_from_a_whole_file_whatever_else_was_changed_in_it(tmp_path: Path) -> None:
    base = "1\n2\n3\n4\nb\n5\n6\n7\n8\n9\nc\n"
    found = clash(
        tmp_path,
        base,
        base.replace("b", "B1").replace("c", "C1"),
        base.replace("b", "B2").replace("c", "C2"),
    )
    memory = Rerere(tmp_path / "plan")
    made = base.replace("1\n", "one\n").replace("b", "B1\nB2").replace("c", "C12")
    memory.learn_from(found, lines_of(made.encode()))
    assert memory(found).content.decode() == made.replace("one\n", "1\n")


def test_a_damaged_file_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    memory = Rerere(tmp_path / "plan")
    found = clash(tmp_path, *CLASH)
    memory.learn(found.regions[0], (b"x\n",))
    for path in (tmp_path / "plan").iterdir():
        path.write_text("{")
    assert memory(found) == found
