from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.model.fence import fenced
from agents.model.tokens import tokens_of
from agents.prompts.context import Relevant, contents, editable, listing, relevant, room_of


def tree(root: Path, **files: str | bytes) -> list[str]:
    """Files by name; `__` is a slash, a single `_` a dot."""
    paths = [name.replace("__", "/").replace("_", ".") for name in files]
    for path, content in zip(paths, files.values(), strict=True):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode() if isinstance(content, str) else content)
    return paths


def test_a_list_with_room_is_whole() -> None:
    assert listing(["a.py", "b/c.py"], [], 100) == "a.py\nb/c.py"


def test_of_too_many_files_the_nearest_are_listed() -> None:
    paths = (
        [f"src/api/f{n}.py" for n in range(5)]
        + [f"src/ui/f{n}.py" for n in range(50)]
        + ["README.md", "a/b/c.py"]
    )
    shown = listing(paths, ["src/api/f0.py"], 200).split("\n")
    assert shown[:5] == paths[:5]
    assert "src/ui/f0.py" in shown and "README.md" in shown
    assert "a/b/c.py" not in shown
    assert shown[-1] == f"(57 files in all; only the {len(shown) - 1} nearest to the task are listed)"


def test_records_and_unspeakable_names_are_left_out() -> None:
    assert editable([".refactory/config.yaml", "a\nb", "\udcff.py", "ü b.py"]) == ["ü b.py"]


def test_scope_comes_first_then_what_the_text_names_and_the_smaller_of_equals(tmp_path: Path) -> None:
    paths = tree(
        tmp_path, src__big_py="x" * 50, src__small_py="x", lib__util_py="", other_py="", README_md=""
    )
    found = relevant(paths, ["src/"], "Make it use lib/util.py, of course.", tmp_path)
    assert found == Relevant(["src/small.py", "src/big.py", "lib/util.py"], ["README.md"])


def test_without_a_scope_words_of_the_text_decide(tmp_path: Path) -> None:
    paths = tree(tmp_path, web__metrics_py="", web__login_py="", docs__README_md="", README_md="")
    found = relevant(paths, [], "Count logins as metrics", tmp_path)
    assert found == Relevant([], ["web/metrics.py", "README.md"])
    assert relevant(paths, [], "see login.py.", tmp_path).core == ["web/login.py"]


def test_what_is_not_shown_is_named(tmp_path: Path) -> None:
    paths = tree(tmp_path, a_py="print()\r\n", bin=b"\0", huge_py="x" * 600_000, full_py="y" * 5000)
    (tmp_path / "link").symlink_to("/etc/passwd")
    text = contents(Relevant([*paths, "link", "gone.py"], []), tmp_path, 1000)
    assert text.startswith("### a.py\n```\nprint()\n```\n\nNot shown: ")
    for said in ("bin (binary)", "huge.py (too large)", "full.py (no room)", "link (no regular file)",
                 "gone.py (no regular file)"):  # fmt: skip
        assert said in text
    assert "root:" not in text


def test_a_long_file_is_cut_at_a_line_and_said_so(tmp_path: Path) -> None:
    tree(tmp_path, long_py="".join(f"line {n}\n" for n in range(1000)))
    text = contents(Relevant(["long.py"], []), tmp_path, 4000)
    assert len(text) <= 4000
    title, _, *lines, end = text.split("\n")
    assert lines == [f"line {n}" for n in range(len(lines))] and end == "```"
    assert title == f"### long.py (CUT: only the first {len(lines)} of 1000 lines are shown)"


def test_files_that_only_may_help_get_a_small_part_of_the_room(tmp_path: Path) -> None:
    tree(tmp_path, core_py="core\n", help_py="help\n" * 200)
    assert "help" not in contents(Relevant(["core.py"], ["help.py"]), tmp_path, 5000)
    assert "### help.py" in contents(Relevant([], ["help.py"]), tmp_path, 5000)


@pytest.mark.parametrize("text", ["plain", "```\ncode\n```", "a\n`````\n"])
def test_a_fence_is_longer_than_any_in_the_text(text: str) -> None:
    _, fence, *middle, end = fenced("t", text).split("\n")
    assert set(fence) == {"`"} and fence == end and not any(line.startswith(fence) for line in middle)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=400), max_size=6), st.integers(0, 3000))
def test_the_room_is_never_exceeded(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], room: int
) -> None:
    root = tmp_path_factory.mktemp("tree")
    paths = [f"f{n}" for n in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        (root / path).write_text(text, encoding="utf-8", newline="")
    shown = contents(Relevant(paths, []), root, room).partition("Not shown: ")[0]
    assert len(shown) <= room + 2 * len(paths)


def test_an_estimate_of_tokens_is_never_too_low_for_its_room() -> None:
    assert room_of(tokens_of("x" * 13)) >= 13
    assert room_of(-1) == 0
