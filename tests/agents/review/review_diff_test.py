from __future__ import annotations

from agents.git.repository import Repository
from agents.review.review_diff import FileDiff, combined, cut_to_fit
from state.records import Landed, Outcome
from tests.conftest import Repo


def test_each_file_has_its_diff_and_its_tasks(repo: Repo) -> None:
    repo.git("config", "diff.noprefix", "true")
    onto = repo.git("rev-parse", "HEAD")
    one = repo.commit({"a b.py": "x = 1\n", "ü.py": "diff --git a/x b/x\n", "calc.py": "pass\n"})
    (repo.path / "calc.py").unlink()
    (repo.path / "calc.py").symlink_to("ü.py")
    repo.git("add", "calc.py")
    two = repo.commit({"bin": b"\0\1", "ü.py": "y = 1\n"})
    landed = [Landed(task="1-a", commit=one), Landed(task="2-b", commit=two)]
    outcome = Outcome(state="complete", branch="b", onto=onto, commit=two, landed=landed)
    found = {part.path: part for part in combined(Repository(repo.path / ".git"), outcome)}
    assert sorted(found) == ["a b.py", "bin", "calc.py", "ü.py"]
    assert found["a b.py"].tasks == ("1-a",) and "+x = 1" in found["a b.py"].text
    assert found["ü.py"].tasks == ("1-a", "2-b")
    assert "deleted file mode" in found["calc.py"].text and "new file mode 120000" in found["calc.py"].text
    assert "Binary files" in found["bin"].text


def test_small_diffs_stay_whole_and_large_ones_share_the_rest() -> None:
    small = FileDiff("small", "line\n" * 4)
    large = [FileDiff(name, "".join(f"{name} {n}\n" for n in range(1000))) for name in ("one", "two")]
    shown = cut_to_fit([large[0], small, large[1]], 2020)
    assert shown[1] == small
    for part in (shown[0], shown[2]):
        assert part.cut and 900 < len(part.text) < 1100
        kept, note = part.text.rsplit("\n", 1)
        missing = 1000 - len(kept.splitlines())
        assert note == f"[CUT: {missing} more lines of {part.path} are not shown]"


def test_with_room_for_all_nothing_is_cut() -> None:
    part = FileDiff("a", "x\n")
    assert cut_to_fit([part], 2) == [part]
